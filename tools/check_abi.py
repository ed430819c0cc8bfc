#!/usr/bin/env python3
"""Fails unless the C library shows exactly the functions that abi.txt lists and sapiens.h declares, and has no variable
of ours that threads would share, except the one that a handler of signals needs.

    check_abi.py NM LIBRARY ABI_LIST HEADER

A function that is there once may be linked by somebody: names are added to the list, not removed or renamed,
without a new SOVERSION.
"""

import re
import subprocess
import sys
from pathlib import Path

VARIABLE = re.compile(r"(guard variable for )?sapiens::")
CONSTANT = re.compile(r"::k[A-Z]\w*$")  # some tables of constants hold addresses, which the loader writes
HANDLER = "sapiens::(anonymous namespace)::file_guard"  # see src/core/file_guard.cpp
DECLARATION = re.compile(r"^SAPIENS_API\b[^;(]*?(\w+)\(", re.MULTILINE)


def shown_symbols(nm, library):
    command = [nm, "-D", "--defined-only", "--format=posix", library]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in output.splitlines()}


def shared_variables(nm, library):
    command = [nm, "--demangle", "--format=sysv", library]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in filter(lambda line: "|" in line, output.splitlines()):
        name, *_, section = (field.strip() for field in line.split("|"))
        shared = section in (".data", ".bss", ".tdata", ".tbss") and VARIABLE.match(name)
        if shared and name != HANDLER and not CONSTANT.search(name):
            yield name


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
    faults += [f"{library}: {name} can change, and would be shared" for name in shared_variables(nm, library)]
    if faults:
        sys.exit("\n".join(faults))
    print(f"check_abi: {len(listed)} functions, no further variables")


if __name__ == "__main__":
    main()
