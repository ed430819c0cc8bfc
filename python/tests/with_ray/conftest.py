"""A small Ray of this machine. What is here needs Ray, which `./test --with-peers` installs."""

import faulthandler

import pytest

try:
    import ray
    import ray.data
except ImportError:
    collect_ignore_glob = ["test_*.py"]

# Ray waits for ever for what cannot be scheduled.
LIMIT = 300


@pytest.fixture(scope="session")
def cluster():
    """Its address."""
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    try:
        ray.init(
            address="local",
            num_cpus=2,
            object_store_memory=200_000_000,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="warning",
            _node_ip_address="127.0.0.1",
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray.get_runtime_context().gcs_address
    finally:
        ray.shutdown()
        faulthandler.cancel_dump_traceback_later()
