# shellcheck shell=bash
# Sourced by the scripts beside it, from the root of the repository: sets $python to an interpreter that has PyTorch and
# all else that `sapiens.train` needs, and lets it find the package as it was built.
python3 tools/peers/install.py build/peers-venv
export python=build/peers-venv/bin/python
export PYTHONPATH=build/release/python PYTHONDONTWRITEBYTECODE=1
# Threads that wait for each other by spinning are slow as soon as something else runs.
export OMP_WAIT_POLICY=PASSIVE
