#!/usr/bin/env python3
"""Runs the tests of `sapiens.torch`, or a page of the documentation, where PyTorch is.

    run.py VENV [PAGE BIN_FOLDER PYTHON_FOLDER]

VENV is what `./test --with-peers` makes. Without it this ends with 77 and says so in a line.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77


def main():
    venv, *page = sys.argv[1:]
    python = Path(venv) / "bin" / "python"
    if not python.exists():
        print(f"skipped: there is no PyTorch in {venv}; ./test --with-peers installs it")
        return SKIPPED
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE]
    if page:
        command = [python, HERE.parents[2] / "tools" / "run_doc_commands.py", *page]
    # Threads that wait for each other by spinning are slow as soon as something else runs.
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(list(map(str, command)), env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
