#!/usr/bin/env python3
"""Runs tests of the package with a release of NumPy of its own, which is installed once from PyPI.

    with_numpy.py FOLDER VERSION TEST...

FOLDER keeps what was installed. Ends with 77, and says why in a line, where that cannot be had.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SKIPPED = 77


def pip_commands():
    """Pip of this Python, or any other's: --python-version makes it choose for this one."""
    yield [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            yield [found]


def install(folder, version):
    """Why it is not there, or nothing."""
    if (folder / f"numpy-{version}.dist-info").exists():
        return ""
    shutil.rmtree(folder, ignore_errors=True)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    options = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--retries", "1"]
    options += ["--timeout", "20", "--only-binary=:all:", "--python-version", python]
    options += ["--implementation", "cp", "--target", str(folder), f"numpy=={version}"]
    reason = "there is no pip"
    for pip in pip_commands():
        ran = subprocess.run([*pip, *options], capture_output=True, text=True)
        if ran.returncode == 0:
            return ""
        reason = (ran.stderr.strip().splitlines() or [f"pip ended with {ran.returncode}"])[-1]
    shutil.rmtree(folder, ignore_errors=True)
    return reason


def main():
    folder, version, *tests = sys.argv[1:]
    folder = Path(folder) / f"numpy-{version}"
    if reason := install(folder, version):
        print(f"skipped: NumPy {version} cannot be installed from PyPI: {reason}")
        return SKIPPED
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    found = subprocess.run(
        [sys.executable, "-c", "import numpy; print(numpy.__version__)"],
        env=environment,
        capture_output=True,
        text=True,
    )
    if found.stdout.strip() != version:
        print(f"NumPy {version} was installed, but what runs is {found.stdout}{found.stderr}")
        return 1
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
