#!/usr/bin/env python3
"""Writes hostile files and an index of what must become of each.

    make_malice.py --base tiny.safetensors --output FOLDER [--family pickles] [--only NAME]

The base is a complete small model, which `sapiens synth tiny.safetensors --arch tiny` writes. If a
payload is executed, it creates the file that the environment variable SAPIENS_MALICE_MARKER names,
and does nothing else. Only the standard library is used, and no pickle is loaded.
"""

import argparse
import fnmatch
import json
import os

import annotation_bombs
import archive_bytes
import archive_tricks
import bombs
import image_bombs
import other_formats
import pickle_calls
import pickle_tricks
import places
import safetensors_tricks
import wrong_values
from cases import Case
from containers import Base, exported, safetensors


def controls(base):
    """The model without any attack: what refuses these, refuses everything."""
    yield Case("zip", base.checkpoint(), "harmless", payload=False)
    yield Case("legacy", base.old_checkpoint(), "harmless", payload=False)
    clean = safetensors(base.header, base.data)
    yield Case("export", exported(base), "harmless", payload=False, suffix=".pt2")
    yield Case("safetensors", clean, "harmless", suffix=".safetensors", payload=False)


FAMILIES = {
    "controls": [controls],
    "calls": [pickle_calls.cases],
    "pickles": [pickle_tricks.cases],
    "values": [wrong_values.cases, other_formats.other_formats],
    "exports": [other_formats.exports],
    "archives": [archive_tricks.cases, archive_bytes.cases],
    "safetensors": [safetensors_tricks.cases],
    "bombs": [bombs.cases],
    "images": [image_bombs.cases],
    "annotations": [annotation_bombs.cases],
    "places": [places.cases],
}


def write(base, family, folder, only="*"):
    """The index of the family's files: a list of dictionaries."""
    index = []
    os.makedirs(folder, exist_ok=True)
    for make in FAMILIES[family]:
        for case in make(base):
            if not fnmatch.fnmatch(case.name, only):
                continue
            path = os.path.join(folder, case.name + case.suffix)
            case.write(path)
            index.append(
                {k: v for k, v in vars(case).items() if k != "content"}
                | {"path": path, "family": family}
            )
    if len({case["name"] for case in index}) != len(index):
        raise SystemExit(f"two files of {family} have the same name")
    return index


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--base", required=True, help="a complete model, .safetensors")
    parser.add_argument("--output", required=True, help="folder for the files and index.json")
    parser.add_argument("--family", choices=FAMILIES, action="append", help="by default all")
    parser.add_argument("--only", default="*", help="pattern of the names of files")
    arguments = parser.parse_args()
    base = Base(arguments.base)
    index = []
    for family in arguments.family or FAMILIES:
        index += write(base, family, arguments.output, arguments.only)
    with open(os.path.join(arguments.output, "index.json"), "w", encoding="utf-8") as file:
        json.dump(index, file, indent=1)
    print(f"{len(index)} files in {arguments.output}")


if __name__ == "__main__":
    main()
