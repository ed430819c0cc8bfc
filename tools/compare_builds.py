#!/usr/bin/env python3
"""Runs every computing command of two builds on samples/ and compares what they write, byte by byte.

    tools/compare_builds.py build/release/bin/sapiens ../before/build/release/bin/sapiens

For changes that must not change a result. Records of runs hold times and names of options, so
documents of the program itself (sapiens-*.json) are left out, and said; every other file counts.
"""
import filecmp
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TINY = os.path.join(ROOT, "models/tiny/sapiens_tiny_")
PEOPLE = os.path.join(ROOT, "samples/mannequin")
BOXES = ["--boxes", os.path.join(PEOPLE, "annotations.json")]


def commands(out):
    """Names and arguments; every precision, since each has kernels of its own."""
    clean = TINY + "pretrain_clean.pth"
    for precision in ("fp32", "bf16", "int8"):
        at = os.path.join(out, precision)
        given = ["--precision", precision, "--threads", "2", "--output"]
        for kind in ("featmap", "raw", "cls_token", "avg_featmap"):
            more = ["--viz"] if kind == "featmap" else []
            yield ["features", clean, PEOPLE, "--out-type", kind, *more, *given, f"{at}/{kind}"]
        yield ["features", clean, PEOPLE, "--layers", "1,5", *given, f"{at}/layers"]
        yield ["pose", TINY + "pose.safetensors", PEOPLE, *BOXES, "--viz", *given, f"{at}/pose"]
        for task in ("seg", "depth", "normal"):
            yield [task, TINY + task + ".safetensors", PEOPLE, "--viz", *given, f"{at}/{task}"]
        yield ["reconstruct", TINY + "pretrain.pth", PEOPLE, *given, f"{at}/reconstruct"]
    yield ["convert", clean, f"{out}/fixed.pth", "--layout", "mmengine"]
    yield ["convert", clean, f"{out}/small.safetensors", "--dtype", "bf16"]
    yield ["sheet", PEOPLE, f"{out}/fp32/seg", f"{out}/fp32/depth", "--output", f"{out}/sheet.png"]


def run_all(program, out):
    os.makedirs(out)
    for arguments in commands(out):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            sys.exit(f"{program} {' '.join(arguments)}\n{done.stderr}exit code {done.returncode}")


def files(folder):
    found = set()
    for top, _, names in os.walk(folder):
        found |= {os.path.relpath(os.path.join(top, name), folder) for name in names}
    return found


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        first, second = (os.path.join(scratch, name) for name in ("first", "second"))
        run_all(os.path.abspath(sys.argv[1]), first)
        run_all(os.path.abspath(sys.argv[2]), second)
        records = {name for name in files(first) | files(second)
                   if os.path.basename(name).startswith("sapiens-")}
        names = sorted((files(first) | files(second)) - records)
        differing = [name for name in names
                     if not (os.path.exists(os.path.join(first, name))
                             and os.path.exists(os.path.join(second, name))
                             and filecmp.cmp(os.path.join(first, name),
                                             os.path.join(second, name), shallow=False))]
    print(f"{len(names)} files compared, {len(records)} records left out, {len(differing)} differ")
    for name in differing[:20]:
        print("differs:", name)
    return 1 if differing or not names else 0


if __name__ == "__main__":
    sys.exit(main())
