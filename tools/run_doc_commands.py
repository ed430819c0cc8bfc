#!/usr/bin/env python3
"""Runs what a page of docs/ tells a reader to run.

    run_doc_commands.py PAGE BIN_FOLDER [PYTHON_FOLDER]

Blocks behind a line `<!-- run -->` run in their order, in an empty folder with links to the models and samples of the
repository: ```sh with the programs of BIN_FOLDER, ```python with the package in PYTHON_FOLDER, where that is given.
The first block that fails is shown with what it said; one of Python also fails where it prints False, since a page shows
by True that two doors agree.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^<!-- run -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def command(language, text):
    if language == "sh":
        return ["bash", "-euo", "pipefail", "-c", text]
    if language == "python":
        return [sys.executable, "-c", text]
    sys.exit(f"nobody knows how to run a block of {language}")


def main(page, bin_folder, python_folder=None):
    root = pathlib.Path(__file__).resolve().parent.parent
    blocks = BLOCK.findall(pathlib.Path(page).read_text(encoding="utf-8"))
    if not blocks:
        sys.exit(f"{page}: no block is marked with <!-- run -->")
    environment = dict(os.environ, PATH=f"{pathlib.Path(bin_folder).resolve()}:{os.environ['PATH']}")
    if python_folder:
        environment["PYTHONPATH"] = str(pathlib.Path(python_folder).resolve())
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    ran = 0
    with tempfile.TemporaryDirectory() as scratch:
        for folder in ("models", "samples"):
            (pathlib.Path(scratch) / folder).symlink_to(root / folder)
        for language, text in blocks:
            if language == "python" and not python_folder:
                continue
            done = subprocess.run(command(language, text), cwd=scratch, env=environment, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0 or (language == "python" and "False" in done.stdout):
                sys.exit(f"{page}: this no longer works:\n\n{text}\n{done.stdout}(exit code {done.returncode})")
            ran += 1
    print(f"{page}: {ran} of {len(blocks)} blocks ran")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
