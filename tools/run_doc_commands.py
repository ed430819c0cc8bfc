#!/usr/bin/env python3
"""Runs what a page of docs/ tells a reader to run.

    run_doc_commands.py PAGE BIN_FOLDER [PYTHON_FOLDER]

Blocks behind a line `<!-- run -->` run in their order, in an empty folder with links to models, samples and test data.
The programs are those of BIN_FOLDER.

    ```sh       commands that must succeed
    ```console  "$ command", and the lines that it must say, in this order; "..." stands for anything
    ```python   a program for the package in PYTHON_FOLDER, left out where none is given; it must not print False,
                since a page shows by True that two interfaces agree
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^<!-- run -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINKED = ("models", "samples", "tests")


class Runner:
    def __init__(self, scratch, bin_folder, python_folder):
        self.scratch = scratch
        self.python_folder = python_folder
        self.environment = dict(os.environ, PATH=f"{pathlib.Path(bin_folder).resolve()}:{os.environ['PATH']}")
        if python_folder:
            self.environment["PYTHONPATH"] = str(pathlib.Path(python_folder).resolve())
            self.environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def run(self, command):
        done = subprocess.run(command, cwd=self.scratch, env=self.environment, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def shell(self, text):
        return self.run(["bash", "-euo", "pipefail", "-c", text])

    # Each gives what is wrong with a block, or nothing.

    def sh(self, text):
        code, said = self.shell(text)
        return f"{said}(exit code {code})" if code else None

    def python(self, text):
        if not self.python_folder:
            return None
        code, said = self.run([sys.executable, "-c", text])
        return f"{said}(exit code {code})" if code or "False" in said else None

    def console(self, text):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, promised = part.partition("\n")
            said = self.shell(command)[1]
            rest = said
            for line in promised.splitlines():
                found = re.search(re.escape(line.strip()).replace(r"\.\.\.", ".*"), rest)
                if not found:
                    return f"$ {command}\n{said}(where is {line.strip()!r}?)"
                rest = rest[found.end():]
        return None


def main(page, bin_folder, python_folder=None):
    root = pathlib.Path(__file__).resolve().parent.parent
    blocks = BLOCK.findall(pathlib.Path(page).read_text(encoding="utf-8"))
    if not blocks:
        sys.exit(f"{page}: no block is marked with <!-- run -->")
    with tempfile.TemporaryDirectory() as scratch:
        for folder in LINKED:
            (pathlib.Path(scratch) / folder).symlink_to(root / folder)
        runner = Runner(scratch, bin_folder, python_folder)
        for language, text in blocks:
            wrong = getattr(runner, language)(text)
            if wrong:
                sys.exit(f"{page}: this is no longer true:\n\n{text}\n{wrong}")
    print(f"{page}: {len(blocks)} blocks are true")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
