#!/usr/bin/env python3
"""Fails unless every program and shared library in a folder is built as cmake/SapiensHarden.cmake asks.

    check_hardening.py READELF FOLDER PLACE...

Checked of each: position-independent, relocations read-only before the first instruction of ours, no memory that can be
both written and executed, a stack protector, and no place to look for libraries that is relative or inside of a PLACE,
which is the folder of sources or of the build. Checked calls of the C library, and checked containers, must be in at
least one file: not every file has a call that can be checked.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

# Calls that abort where the size of the buffer is exceeded: __memcpy_chk, but not __stack_chk_fail.
CHECKED_CALL = re.compile(r"__\w+_chk$")
CHECKED_CONTAINERS = re.compile(r"_ZSt2[01]__(glibcxx_assert_fail|replacement_assert)")


def read(readelf, option, path):
    command = [readelf, "--wide", option, str(path)]
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout


def elf_files(folder):
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def symbols(readelf, path):
    names = (
        line.split()[7]
        for line in read(readelf, "--dyn-syms", path).splitlines()
        if len(line.split()) > 7
    )
    return {name.split("@")[0] for name in names}


def search_path_faults(dynamic, places):
    for entries in re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic):
        for entry in entries.split(":"):
            if entry.startswith(("$ORIGIN", "${ORIGIN}")):
                continue
            inside = any(
                os.path.commonpath([place, entry]) == place
                for place in places
                if os.path.isabs(entry)
            )
            if inside or not os.path.isabs(entry):
                yield f"looks for libraries in '{entry}'"


def faults_of(readelf, path, names, places):
    header, segments, dynamic = (
        read(readelf, f"--{part}", path) for part in ("file-header", "segments", "dynamic")
    )
    if not re.search(r"Type:\s+DYN", header):
        yield "is not position-independent"
    if "GNU_RELRO" not in segments:
        yield "has no read-only relocations"
    if not re.search(r"BIND_NOW|\bNOW\b", dynamic):
        yield "binds functions late, so that their addresses stay writable"
    # The columns of a segment end in its permissions, apart from each other, and its alignment.
    permissions = re.findall(
        r"^\s+(LOAD|GNU_STACK)\s.*\s([R ][W ][E ])\s+0x\w+$", segments, re.MULTILINE
    )
    if not any(kind == "GNU_STACK" for kind, _ in permissions):
        yield "does not say that its stack holds no code"
    yield from (
        f"{kind} can be written and executed"
        for kind, allowed in permissions
        if "W" in allowed and "E" in allowed
    )
    if "(TEXTREL)" in dynamic:
        yield "has relocations in its code"
    if "__stack_chk_fail" not in names:
        yield "has no stack protector"
    yield from search_path_faults(dynamic, places)


def main():
    readelf, folder, *places = sys.argv[1:]
    places = [os.path.abspath(place) for place in places]
    files = {path: symbols(readelf, path) for path in elf_files(folder)}
    if not files:
        sys.exit(f"{folder} has no programs or libraries")
    faults = [
        f"{path} {fault}"
        for path, names in files.items()
        for fault in faults_of(readelf, path, names, places)
    ]
    for what, pattern in (
        ("call of the C library", CHECKED_CALL),
        ("access to a container", CHECKED_CONTAINERS),
    ):
        if not any(pattern.match(name) for names in files.values() for name in names):
            faults.append(f"no file in {folder} has a checked {what}")
    if faults:
        sys.exit("\n".join(faults))
    print(f"check_hardening: {len(files)} files")


if __name__ == "__main__":
    main()
