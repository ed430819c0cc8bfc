#!/usr/bin/env bash
# Compares sapiens with ONNX Runtime, OpenVINO and PyTorch on this machine: sets them up from PyPI in a virtual
# environment (pinned versions, about 6 GB of disk, most of it in PyTorch's wheels), makes a random 0.3B checkpoint
# unless one is given, and runs all in turn.
#
#   bench/peers/run.sh [CHECKPOINT] [OPTION...]        options: bench/peers/run.sh --help
#
# Needs Python 3.11 or newer with venv, 3 GB of disk for exported models and, for all rows at once, 20 GiB of memory.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=build/peers/venv
if ! cmp --silent bench/peers/requirements.txt "$venv/requirements.txt"; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --requirement bench/peers/requirements.txt
  "$venv/bin/pip" uninstall --quiet --yes openvino-telemetry  # OpenVINO would tell its makers of each import
  cp bench/peers/requirements.txt "$venv/"
fi

checkpoint=build/peers/sapiens_0.3b_random.pth
if [ $# -gt 0 ] && [ -f "$1" ]; then
  checkpoint=$1
  shift
elif [ ! -f "$checkpoint" ]; then
  build/release/bin/sapiens synth "$checkpoint" --arch 0.3b
fi
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" bench/peers/compare.py "$checkpoint" "$@"
