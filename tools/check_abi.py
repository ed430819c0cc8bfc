#!/usr/bin/env python3
"""Fails unless the C library shows exactly the functions that abi.txt lists and sapiens.h declares.

    check_abi.py NM LIBRARY ABI_LIST HEADER

A function that is there once may be linked by somebody: names are added to the list, not removed or renamed,
without a new SOVERSION.
"""

import re
import subprocess
import sys
from pathlib import Path

DECLARATION = re.compile(r"^SAPIENS_API\b[^;(]*?(\w+)\(", re.MULTILINE)


def shown_symbols(nm, library):
    command = [nm, "-D", "--defined-only", "--format=posix", library]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in output.splitlines()}


def main():
    nm, library, abi_list, header = sys.argv[1:]
    listed = Path(abi_list).read_text(encoding="utf-8").split()
    if listed != sorted(set(listed)):
        sys.exit(f"{abi_list}: names are to be sorted, each once")
    places = {
        library: shown_symbols(nm, library),
        header: set(DECLARATION.findall(Path(header).read_text(encoding="utf-8"))),
    }
    faults = []
    for place, names in places.items():
        faults += [f"{place}: {name} is not in {abi_list}" for name in sorted(names - set(listed))]
        faults += [f"{place}: {name} is missing" for name in sorted(set(listed) - names)]
    if faults:
        sys.exit("\n".join(faults))
    print(f"check_abi: {len(listed)} functions")


if __name__ == "__main__":
    main()
