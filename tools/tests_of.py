#!/usr/bin/env python3
"""Names the tests of a source file.

    tests_of.py src/checkpoint/zip.cpp      the nearest tests, and the command that runs them
    tests_of.py                             checks that every file of src/ has some

The rule: a file is tested by tests/.../NAME_test.cpp. Where there is none, it is tested by the files in tests/ that include
its header; and where there is none of these either, by those of the files of src/ that include its header, and so on, or in
the end by the whole folder of that name in tests/. A file without a header of its own belongs to the first header that it
includes.
"""

import functools
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
SUITE = re.compile(r"^(?:TYPED_)?TEST(?:_[FP])?\((\w+),", re.MULTILINE)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


@functools.cache
def includes(path):
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


@functools.cache
def sources(folder):
    return sorted((root / folder).rglob("*.[ch]pp"))


@functools.cache
def tests(folder=""):
    return [path for path in sources(f"tests/{folder}") if path.name.endswith("_test.cpp")]


def own_header(path):
    header = path.with_suffix(".hpp")
    if header.exists():
        return header.relative_to(root / "src").as_posix()
    return next(iter(includes(path)), None)


def tests_of(path):
    same = [test for test in tests() if test.name == f"{path.stem}_test.cpp"]
    headers, seen = {own_header(path)} - {None}, set()
    while headers and not same:
        same = [test for test in tests() if headers & set(includes(test))]
        seen |= headers
        headers = {own_header(user) for user in sources("src") if headers & set(includes(user))} - seen - {None}
    return same or tests(path.relative_to(root / "src").parts[0])


if __name__ == "__main__":
    if len(sys.argv) == 1:
        files = [path for path in sources("src") if path.suffix == ".cpp"]
        untested = [path for path in files if not tests_of(path)]
        print("\n".join(f"{path.relative_to(root)}: no test is near it" for path in untested)
              or f"tests_of: {len(files)} files have tests")
        sys.exit(1 if untested else 0)
    for name in sys.argv[1:]:
        found = tests_of(pathlib.Path(name).resolve())
        suites = {suite for test in found for suite in SUITE.findall(test.read_text(encoding="utf-8"))}
        print("\n".join(str(test.relative_to(root)) for test in found))
        print(f"  ctest --preset release -R '(^|/)({'|'.join(sorted(suites))})[.]'")
