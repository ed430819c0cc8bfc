#!/usr/bin/env python3
"""Runs a folder of tests, or a page of the documentation, where packages of PyPI are.

    with_peers.py VENV FOLDER
    with_peers.py VENV PAGE BIN_FOLDER PYTHON_FOLDER

VENV is what `./test --with-peers` makes. Without it this ends with 77 and says so in a line.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77


def main():
    venv, subject, *folders = sys.argv[1:]
    python = Path(venv) / "bin" / "python"
    if not python.exists():
        print(f"skipped: there is no {venv}; ./test --with-peers installs it")
        return SKIPPED
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", subject]
    if folders:
        command = [python, ROOT / "tools" / "run_doc_commands.py", subject, *folders]
    # Threads that wait for each other by spinning are slow as soon as something else runs.
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory(prefix="peers") as scratch:
        # Ray reports to its makers otherwise, and writes a token into the home folder and logs into /tmp.
        environment.update(RAY_USAGE_STATS_ENABLED="0", RAY_TMPDIR=scratch)
        environment.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
        return subprocess.run(list(map(str, command)), env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
