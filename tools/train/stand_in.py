#!/usr/bin/env python3
"""Writes stick figures in the arrays of `mannequin --layout arrays`, to try the training tools without it: capsules on
noise, nothing like a person."""
import argparse
import pathlib

import numpy as np

from data import CLASSES

HEIGHT, WIDTH = 256, 192
# From keypoint to keypoint (or 17 neck, 18 pelvis): class, radius, depth before the body's plane.
PARTS = [
    (17, 18, "Upper_Clothing", 0.10, 0.0),
    (5, 7, "Left_Upper_Arm", 0.04, 0.1), (7, 9, "Left_Lower_Arm", 0.035, 0.2),
    (6, 8, "Right_Upper_Arm", 0.04, 0.1), (8, 10, "Right_Lower_Arm", 0.035, 0.2),
    (11, 13, "Left_Upper_Leg", 0.055, 0.05), (13, 15, "Left_Lower_Leg", 0.045, 0.05),
    (12, 14, "Right_Upper_Leg", 0.055, 0.05), (14, 16, "Right_Lower_Leg", 0.045, 0.05),
    (3, 4, "Hair", 0.075, 0.0), (0, 0, "Face_Neck", 0.06, 0.1),
]  # fmt: skip
COLORS = np.random.default_rng(0).integers(40, 256, (len(CLASSES), 3))


def skeleton(random):
    """19 points for a figure of height 1 around its pelvis; x to the image's right, y down."""

    def swing(start, length, spread):
        angle = random.normal(0, spread)
        return start + length * np.array([np.sin(angle), np.cos(angle)])

    points = np.zeros((19, 2))
    points[17] = (0, -0.32)
    points[0] = (random.normal(0, 0.01), -0.43)
    for k, (x, y) in enumerate([(0.02, -0.45), (-0.02, -0.45), (0.04, -0.44), (-0.04, -0.44)], 1):
        points[k] = (x, y)
    for side, sign in ((0, 1), (1, -1)):  # the figure faces us: its left is the image's right
        points[5 + side] = (0.12 * sign, -0.3)
        points[11 + side] = (0.07 * sign, 0)
        points[7 + side] = swing(points[5 + side], 0.17, 0.8)
        points[9 + side] = swing(points[7 + side], 0.16, 0.8)
        points[13 + side] = swing(points[11 + side], 0.24, 0.3)
        points[15 + side] = swing(points[13 + side], 0.23, 0.2)
    return points


def draw(random):
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    coarse = random.integers(0, 256, (HEIGHT // 16, WIDTH // 16, 3))
    image = np.repeat(np.repeat(coarse, 16, 0), 16, 1) * 0.5 + random.normal(0, 4, (HEIGHT, WIDTH, 3))
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    depth = np.full((HEIGHT, WIDTH), np.inf, np.float32)
    normals = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    scale = random.uniform(150, 210)
    points = skeleton(random) * scale + (WIDTH / 2 + random.normal(0, 8), HEIGHT / 2 + random.normal(0, 8))
    for start, end, name, radius, nearer in PARTS:
        a, b, radius = points[start], points[end], radius * scale
        along = ((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / max(np.sum((b - a) ** 2), 1e-6)
        along = np.clip(along, 0, 1)
        dx, dy = x - a[0] - along * (b - a)[0], y - a[1] - along * (b - a)[1]
        height = np.sqrt(np.maximum(radius**2 - dx**2 - dy**2, 0))
        z = 3 - nearer - height / scale
        seen = (height > 0) & (z < depth)
        shade = height[seen, None] / radius
        depth[seen], labels[seen] = z[seen], CLASSES.index(name)
        normals[seen] = np.stack([dx, dy, -height], -1)[seen] / radius
        image[seen] = COLORS[CLASSES.index(name)] * (0.4 + 0.6 * shade) + random.normal(0, 4, shade.shape)
    rows, columns = np.nonzero(labels)
    box = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    visible = np.full((17, 1), 2.0)
    inside = (points[:17] >= 0).all(1) & (points[:17] < (WIDTH, HEIGHT)).all(1)
    visible[~inside] = 0
    return {
        "images": np.clip(image, 0, 255).astype(np.uint8),
        "labels": labels,
        "depth": np.where(labels > 0, depth, 0).astype(np.float16),
        "normals": np.round(normals * 127).astype(np.int8),
        "keypoints": np.concatenate([points[:17], visible], 1).astype(np.float32),
        "boxes": np.array(box, np.float32),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--first", type=int, default=0, help="number of the first figure; each depends on its own only")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    people = [draw(np.random.default_rng(arguments.first + i)) for i in range(arguments.count)]
    for name in people[0]:
        np.save(arguments.output / f"{name}.npy", np.stack([person[name] for person in people]))


if __name__ == "__main__":
    main()
