#!/usr/bin/env python3
"""Turns a JSON description of keypoints or of segmentation classes into a table in C++.

    tools/make_label_tables.py keypoints kCocoKeypoints keypoints_17.json > src/tasks/keypoints_17.cpp
    tools/make_label_tables.py classes goliath.json other.json > src/tasks/seg_classes.cpp

Keypoints: {"dataset", "keypoints": [{"name", "rgb", "mirror", "body_part", "oks_sigma",
"train_weight"}], "skeleton": [{"a", "b", "rgb"}]}. Classes: {"dataset", "classes": [{"name", "rgb",
"mirror"}]}, or several of them under "sets".
"""

import json
import sys

FIND_CLASSES = """\
const SegClassSet* find_seg_classes(Index count) noexcept {
  for (const SegClassSet& set : kSegClassSets) {
    if (std::ssize(set.classes) == count) return &set;
  }
  return nullptr;
}"""


def rgb(entry):
    return "{%d, %d, %d}" % tuple(entry["rgb"])


def table(kind, name, rows):
    """Behind clang-format's back, which would pack several rows into a line."""
    lines = [f"constexpr {kind} {name}[] = {{"]
    lines += [f"    {{{row}}}," for row in rows]
    return ["// clang-format off", *lines, "};", "// clang-format on"]


def keypoint_row(point):
    part = f"BodyPart::{point['body_part'].capitalize()}"
    return (
        f'"{point["name"]}", {rgb(point)}, {point["mirror"]}, {part}, '
        f"{float(point['oks_sigma'])}f, {float(point['train_weight'])}f"
    )


def keypoint_file(constant, data):
    points = [keypoint_row(point) for point in data["keypoints"]]
    links = [f"{link['a']}, {link['b']}, {rgb(link)}" for link in data["skeleton"]]
    return [
        "// Made by tools/make_label_tables.py.",
        '#include "tasks/keypoint_sets.hpp"',
        "",
        "namespace sapiens {",
        "namespace {",
        "",
        *table("KeypointInfo", f"kKeypoints{len(points)}", points),
        "",
        *table("SkeletonLink", f"kSkeleton{len(points)}", links),
        "",
        "}  // namespace",
        "",
        f"const KeypointSet {constant} = {{",
        f'    .dataset = "{data["dataset"]}", .keypoints = kKeypoints{len(points)}, .skeleton = kSkeleton{len(points)}}};',
        "",
        "}  // namespace sapiens",
    ]


def class_file(sets):
    lines = [
        "// Made by tools/make_label_tables.py.",
        "#include <iterator>",
        "",
        '#include "sapiens/labels.hpp"',
        "",
        "namespace sapiens {",
        "namespace {",
        "",
    ]
    for one in sets:
        rows = [f'"{c["name"]}", {rgb(c)}, {c["mirror"]}' for c in one["classes"]]
        lines += [*table("SegClass", f"k{len(rows)}Classes", rows), ""]
    names = [f'    {{"{one["dataset"]}", k{len(one["classes"])}Classes}},' for one in sets]
    lines += ["constexpr SegClassSet kSegClassSets[] = {", *names, "};", "", "}  // namespace", ""]
    return [*lines, *FIND_CLASSES.splitlines(), "", "}  // namespace sapiens"]


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "keypoints":
        lines = keypoint_file(sys.argv[2], load(sys.argv[3]))
    elif len(sys.argv) > 2 and sys.argv[1] == "classes":
        sets = [one for path in sys.argv[2:] for data in [load(path)] for one in data.get("sets", [data])]
        lines = class_file(sets)
    else:
        sys.exit(__doc__)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
