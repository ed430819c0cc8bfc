#!/usr/bin/env python3
"""Every test that SECURITY.md names exists, so that no promise there is without its test.

promises_test.py SECURITY.md tests/
"""

import fnmatch
import os
import re
import sys


def tests_of(folder):
    """`Suite.Name` of every GoogleTest below `folder`."""
    found = set()
    for at, _, files in os.walk(folder):
        for file in files:
            if not file.endswith(".cpp"):
                continue
            with open(os.path.join(at, file), encoding="utf-8") as stream:
                text = stream.read()
            found |= {
                ".".join(m) for m in re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", text, re.M)
            }
    return found


def families_of(folder):
    """`security.family` of every CTest of this folder."""
    with open(os.path.join(folder, "security", "CMakeLists.txt"), encoding="utf-8") as stream:
        families = re.search(r"^foreach\(family (.*)\)", stream.read(), re.M).group(1)
    return {f"security.{family}" for family in families.split()}


def main():
    page, folder = sys.argv[1:]
    with open(page, encoding="utf-8") as stream:
        named = re.findall(r"`((?:security|[A-Z]\w*\*?)\.(?:\w+|\*))`", stream.read())
    known = tests_of(folder) | families_of(folder)
    missing = [n for n in named if n != "security.*" and not fnmatch.filter(known, n)]
    for name in missing:
        print(f"{page} names {name}, and there is no such test")
    unnamed = sorted(families_of(folder) - set(named) - {"security.controls"})
    for name in unnamed:
        print(f"{page} does not name {name}")
    if len(named) < 20:
        print(f"{page} names {len(named)} tests; the pattern of this test may be wrong")
    print(f"{len(named)} tests are named")
    return 1 if missing or unnamed or len(named) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
