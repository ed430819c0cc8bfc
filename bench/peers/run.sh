#!/usr/bin/env bash
# Compares sapiens with PyTorch on this machine: sets up a virtual environment (pinned versions, about 6 GB of disk for
# PyTorch's wheels), makes a random 0.3B checkpoint unless one is given, and runs both in turn.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=build/peers/venv
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement bench/peers/requirements.txt
fi

checkpoint=build/peers/sapiens_0.3b_random.pth
if [ $# -gt 0 ] && [ -f "$1" ]; then
  checkpoint=$1
  shift
elif [ ! -f "$checkpoint" ]; then
  build/release/bin/sapiens synth "$checkpoint" --arch 0.3b
fi
exec "$venv/bin/python" bench/peers/compare.py "$checkpoint" "$@"
