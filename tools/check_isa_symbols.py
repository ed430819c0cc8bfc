#!/usr/bin/env python3
"""Fails if an object of one instruction-set level defines a symbol besides its install function.

Code compiled with -mavx512* may emit a copy of any inline function that it includes. The linker
keeps one copy for the whole program, perhaps that one, and an older CPU dies far from any kernel.

    check_isa_symbols.py NM OBJECT...

Each OBJECT belongs to the level that its folder is named after: .../avx2/install.cpp.o.
"""

import re
import subprocess
import sys

# Defined and visible to the linker: global or weak of any kind ("u" is a unique global).
VISIBLE = set("ABCDGRSTVWu")
# Sanitizers and coverage bring their own; type information (_ZTI, _ZTS) is data without instructions.
HARMLESS = re.compile(r"^_*(asan|ubsan|tsan|msan|llvm|gcov|odr_asan)[_.]|^__odr_asan|^_ZT[IS]")


def visible_symbols(nm, path):
    output = subprocess.run([nm, "--format=posix", path], check=True, capture_output=True, text=True)
    for line in output.stdout.splitlines():
        name, kind = line.split()[:2]
        if kind in VISIBLE and not HARMLESS.match(name):
            yield name


def main():
    nm, *objects = sys.argv[1:]
    if not objects:
        sys.exit("no objects to check")
    faults = []
    for path in objects:
        level = path.replace("\\", "/").split("/")[-2]
        install = f"install_{level}"
        names = list(visible_symbols(nm, path))
        faults += [f"{path}: {name}" for name in names if install not in name]
        if not any(install in name for name in names):
            faults.append(f"{path}: no {install}")
    if faults:
        sys.exit("symbols that other files could pick up:\n  " + "\n  ".join(faults))


if __name__ == "__main__":
    main()
