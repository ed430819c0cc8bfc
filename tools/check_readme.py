#!/usr/bin/env python3
"""Checks that README.md quotes examples/features.cpp as it is."""
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
example = (root / "examples/features.cpp").read_text().rstrip("\n")
if "```cpp\n" + example + "\n```" not in (root / "README.md").read_text():
    sys.exit("README.md: the quoted example differs from examples/features.cpp")
lines = len(example.splitlines())
if lines >= 40:
    sys.exit(f"examples/features.cpp has {lines} lines; it is meant to stay below 40")
