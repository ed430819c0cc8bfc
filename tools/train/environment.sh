# shellcheck shell=bash
# Sourced by the scripts beside it, from the root of the repository: sets $python to an interpreter with PyTorch, in a
# virtual environment with pinned versions from PyPI (about 6 GB of disk, most of it for GPUs that need not be there).
venv=build/train/venv
if ! cmp --silent tools/train/requirements.txt "$venv/requirements.txt"; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --requirement tools/train/requirements.txt
  cp tools/train/requirements.txt "$venv/"
fi
export python=$venv/bin/python
export PYTHONDONTWRITEBYTECODE=1
# Threads that wait for each other by spinning are slow as soon as something else runs.
export OMP_WAIT_POLICY=PASSIVE
