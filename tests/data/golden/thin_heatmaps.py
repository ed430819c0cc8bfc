#!/usr/bin/env python3
"""Keeps every eighth key point of a case's heatmaps.npy [B, K, H, W], as heatmaps_thin.npy beside it: the whole is too much to commit.

    python3 thin_heatmaps.py FROM/pose_133/heatmaps.npy pose_133
"""
import ast
import pathlib
import struct
import sys

STEP = 8


def main(source, case):
    data = pathlib.Path(source).read_bytes()
    (header_size,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10 : 10 + header_size].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"]
    batch, points, height, width = header["shape"]
    size = 4 * height * width
    body = data[10 + header_size :]
    kept = [body[(b * points + k) * size :][:size] for b in range(batch) for k in range(0, points, STEP)]
    header["shape"] = (batch, len(kept) // batch, height, width)
    text = str(header).encode().ljust(117) + b"\n"
    out = pathlib.Path(__file__).parent / case / "heatmaps_thin.npy"
    out.write_bytes(data[:8] + struct.pack("<H", len(text)) + text + b"".join(kept))


if __name__ == "__main__":
    main(*sys.argv[1:])
