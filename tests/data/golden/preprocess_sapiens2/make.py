#!/usr/bin/env python3
"""What Pillow's BILINEAR makes of random images: writes resizes.json beside this file.

    python3 make.py        needs Pillow and NumPy

Images are the upper bytes of std::mt19937's numbers, which the test makes again from the seed.
"""
import json
import pathlib
import zlib

import numpy as np
import PIL
from PIL import Image

# (height, width) before and after: one axis or both of equal length, and single pixels.
FIXED = [
    ((40, 30), (40, 75)),
    ((40, 30), (16, 30)),
    ((40, 30), (40, 30)),
    ((1, 1), (1, 1)),
    ((1, 1), (33, 47)),
    ((57, 61), (1, 1)),
    ((1, 50), (20, 1)),
    ((64, 48), (128, 96)),
    ((128, 96), (64, 48)),
    ((3, 200), (90, 5)),
]


def random_image(height, width, seed):
    numbers = np.random.RandomState(seed).randint(0, 2**32, size=height * width * 3, dtype=np.uint32)
    return Image.fromarray((numbers >> 24).astype(np.uint8).reshape(height, width, 3))


def main():
    sizes = np.random.default_rng(17)
    pairs = FIXED + [tuple(tuple(map(int, sizes.integers(1, 160, 2))) for _ in range(2)) for _ in range(50 - len(FIXED))]
    cases = []
    for seed, (before, after) in enumerate(pairs, start=1):
        resized = random_image(*before, seed).resize((after[1], after[0]), Image.Resampling.BILINEAR)
        crc = zlib.crc32(np.asarray(resized)[:, :, ::-1].tobytes())  # blue first, as in the other golden data
        cases.append({"seed": seed, "before": before, "after": after, "crc32": f"{crc:08x}"})
    lines = ",\n  ".join(json.dumps(case) for case in cases)
    text = f'{{"made_with": "Pillow {PIL.__version__}",\n "cases": [\n  {lines}]}}\n'
    pathlib.Path(__file__).with_name("resizes.json").write_text(text)


if __name__ == "__main__":
    main()
