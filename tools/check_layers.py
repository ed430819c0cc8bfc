#!/usr/bin/env python3
"""Checks every #include of src/, apps/ and examples/ against the table in ARCHITECTURE.md."""

import re
import sys
from pathlib import Path

SOURCE_SUFFIXES = {".hpp", ".cpp", ".h", ".c"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
INTRINSICS = re.compile(r"^(?:\w*mmintrin|immintrin|x86intrin|arm_neon|arm_sve)\.h$")
# The checksum of zip is no kernel, which a level could replace.
OTHER_FILES_WITH_INTRINSICS = {("core", "crc32.cpp")}
ITEM = re.compile(r"(\w+)(?:\s*\(([^)]*)\))?\s*(?:,|$)")
ROW = re.compile(r"^\|\s*([\w, ]+?)\s*\|\s*(\d+)\s*\|([^|]*)\|")


class Rule:
    """What one row allows: folder -> (headers, including files); None stands for "any"."""

    def __init__(self, layer, cell):
        self.layer = layer
        self.everything = cell.strip() == "everything"
        self.allowed = {}
        for folder, note in ITEM.findall(cell):
            names = re.findall(r"`([^`]+)`", note)
            from_files = note.lstrip().startswith("from")
            self.allowed[folder] = (
                None if from_files or not names else set(names),
                set(names) if from_files else None,
            )


def read_table(text):
    """The rows of "## Who may include whom", by folder name."""
    section = text.split("## Who may include whom", 1)
    if len(section) != 2:
        raise ValueError('ARCHITECTURE.md has no section "Who may include whom"')
    rules = {}
    for line in section[1].split("\n## ", 1)[0].splitlines():
        row = ROW.match(line)
        if row:
            for folder in row[1].split(","):
                rules[folder.strip()] = Rule(int(row[2]), row[3])
    if not rules:
        raise ValueError("the table of layers in ARCHITECTURE.md has no rows")
    return rules


def refusal(rules, folder, file, header):
    """Why `file` of `folder` may not include `header`, or None when it may."""
    if header.startswith("sapiens/"):
        return None
    if ".." in Path(header).parts:
        return "spell the path from the source root, not with `..`"
    target = header.split("/")[0]
    if "/" not in header or target == folder or target not in rules:
        return None
    rule = rules[folder]
    if rule.everything:
        return None if rules[target].layer < rule.layer else f"{target} lies above {folder}"
    if target not in rule.allowed:
        return f"the row of {folder} does not list {target}"
    headers, files = rule.allowed[target]
    if headers is not None and header.split("/", 1)[1] not in headers:
        return f"{folder} may include only {', '.join(sorted(headers))} of {target}"
    if files is not None and file.stem not in files:
        return f"only {', '.join(sorted(files))} of {folder} may include {target}"
    return None


def check_file(rules, folder, file):
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        if INTRINSICS.match(match[2]):
            allowed = folder == "kernels" or (folder, file.name) in OTHER_FILES_WITH_INTRINSICS
            reason = None if allowed else "intrinsics live in src/kernels and core/crc32.cpp only"
        else:
            reason = refusal(rules, folder, file, match[2])
        if reason:
            yield f"{file}:{number}: {match[2]}: {reason}"


def check_tree(root):
    """All violations below `root`, and the number of files looked at."""
    rules = read_table((root / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    folders = [(path.name, path) for path in sorted((root / "src").iterdir()) if path.is_dir()]
    folders += [(name, root / name) for name in ("apps", "examples")]
    problems, count = [], 0
    for name, path in folders:
        files = sorted(f for f in path.rglob("*") if f.suffix in SOURCE_SUFFIXES)
        count += len(files)
        if files and name not in rules:
            problems.append(f"{path}: this folder has no row in ARCHITECTURE.md")
            continue
        for file in files:
            problems += check_file(rules, name, file)
    return problems, count


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems, count = check_tree(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"check_layers: {count} files, {len(problems)} includes against the table")
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
