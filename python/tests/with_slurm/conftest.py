"""What is here needs Slurm, which `tools/setup.sh --slurm` installs."""

from contextlib import closing

import pytest

import cluster as slurm


@pytest.fixture(scope="session")
def cluster():
    missing = slurm.missing()
    if missing:
        pytest.skip(missing)
    with closing(slurm.Cluster()) as running:
        yield running
