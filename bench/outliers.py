#!/usr/bin/env python3
"""What precisions lose on an encoder with outliers, made on purpose.

    bench/outliers.py MODEL.safetensors [--image PHOTO.jpg] [--size 512x512] [--precision int8]

Trained vision transformers have a few channels whose numbers are 30 to 100 times those of the others,
which random weights lack. --where says which channels of each block become like that:

    norm      behind the norms; the weights that take them are divided by as much
    value     of v; likewise
    hidden    of the MLP, likewise (behind gelu, so that the network changes a little)
    residual  of the tokens, by a bias of the patch embedding: the norms see them, no weight does

Prints how far the features in --precision are from those of the same weights in fp32: cosines of all
tokens, their mean and the worst, and the cosine of all numbers once the mean token of fp32 is
subtracted, so that channels that are the same in all tokens hide nothing. MODEL is an encoder of either family, such as `sapiens synth --layout
clean` writes. Needs NumPy, and the program of the release build.
"""

import argparse
import json
import os
import pathlib
import re
import struct
import subprocess
import tempfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Model:
    """The tensors of a safetensors file of F32, which are changed in memory."""

    def __init__(self, path: pathlib.Path) -> None:
        data = path.read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        self._head, self._bytes = data[: 8 + size], bytearray(data[8 + size :])
        self.tensors = {}
        for name, entry in json.loads(data[8 : 8 + size]).items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                if entry["dtype"] != "F32":
                    raise SystemExit(f"{path}: {name} is {entry['dtype']}; only F32 is supported")
                values = numpy.frombuffer(memoryview(self._bytes)[begin:end], "<f4")
                self.tensors[name] = values.reshape(entry["shape"])

    def named(self, pattern: str) -> numpy.ndarray:
        (name,) = self._names(pattern)
        return self.tensors[name]

    def size(self, pattern: str) -> int:
        return self.named(pattern).size

    def scale_rows(self, pattern: str, rows, factors) -> None:
        """Of a vector: its elements."""
        for name in self._names(pattern):
            self.tensors[name].T[..., rows] *= factors

    def divide_columns(self, pattern: str, columns, factors) -> None:
        for name in self._names(pattern):
            self.tensors[name][:, columns] /= factors

    def _names(self, pattern: str) -> list:
        return [name for name in self.tensors if re.search(pattern, name)]

    def save(self, path: pathlib.Path) -> None:
        path.write_bytes(self._head + self._bytes)


BLOCK = re.compile(r"^(?:layers|blocks)\.\d+\.")
WHERE = ("none", "norm", "value", "hidden", "residual")


def add_outliers(model: Model, where: str, channels: int) -> None:
    random = numpy.random.default_rng(3)

    def choose(count: int) -> tuple:
        factors = numpy.exp(random.uniform(numpy.log(30), numpy.log(100), channels))
        return random.choice(count, channels, replace=False), factors.astype("f4")

    if where == "residual":
        at, factors = choose(model.size("^patch_embed.projection.bias"))
        weight = model.named("^patch_embed.projection.weight")
        model.named("^patch_embed.projection.bias")[at] += factors * numpy.linalg.norm(
            weight.reshape(len(weight), -1)[at], axis=1
        )
    for block in sorted({found[0] for found in map(BLOCK.match, model.tensors) if found}):
        block = "^" + re.escape(block)
        width = model.size(block + r"ln1\.weight")
        if where == "norm":
            for norm, layers in ("ln1", r"attn\.(qkv|wq|wk|wv)"), (
                "ln2",
                r"ffn\.(layers\.0\.0|w12)",
            ):
                at, factors = choose(width)
                model.scale_rows(rf"{block}{norm}\.(weight|bias)", at, factors)
                model.divide_columns(rf"{block}{layers}\.weight", at, factors)
        if where == "value":
            last = model.size(block + r"attn\.(qkv|wv)\.bias")
            if last % width == 0:  # heads that share no keys: channels of v are inputs of proj
                at, factors = choose(width)
                model.scale_rows(
                    rf"{block}attn\.(qkv|wv)\.(weight|bias)", last - width + at, factors
                )
                model.divide_columns(rf"{block}attn\.proj\.weight", at, factors)
        if where == "hidden":
            hidden = model.named(block + r"ffn\.(layers\.1|w3)\.weight").shape[1]
            rows = model.size(block + r"ffn\.(layers\.0\.0|w12)\.bias")
            at, factors = choose(hidden)
            model.scale_rows(
                rf"{block}ffn\.(layers\.0\.0|w12)\.(weight|bias)", rows - hidden + at, factors
            )
            model.divide_columns(rf"{block}ffn\.(layers\.1|w3)\.weight", at, factors)


def features(options, model: pathlib.Path, precision: str, folder: pathlib.Path) -> numpy.ndarray:
    command = [options.program, "features", model, options.image, "--output", folder]
    command += ["--precision", precision, "--out-type", "featmap", "--size", options.size]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (found,) = folder.glob("*.npy")
    values = numpy.load(found).astype("f8")
    return values.reshape(values.shape[0], -1).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--image", type=pathlib.Path, default=ROOT / "samples/person.jpg")
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--where", choices=WHERE, nargs="*", default=WHERE)
    parser.add_argument("--precision", nargs="*", default=["int8"])
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--program", default=os.fspath(ROOT / "build/release/bin/sapiens"))
    options = parser.parse_args()
    print("| outliers | precision | rel. L2 | mean cosine | worst token's cosine | centred |")
    print("|---|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as scratch:
        for where in options.where:
            folder = pathlib.Path(scratch) / where
            folder.mkdir()
            model = Model(options.model)
            add_outliers(model, where, options.channels)
            changed = folder / "model.safetensors"
            model.save(changed)
            exact = features(options, changed, "fp32", folder / "fp32")
            for precision in options.precision:
                found = features(options, changed, precision, folder / precision)
                norms = numpy.linalg.norm(found, axis=1) * numpy.linalg.norm(exact, axis=1)
                cosines = (found * exact).sum(axis=1) / norms
                error = numpy.linalg.norm(found - exact) / numpy.linalg.norm(exact)
                row = f"{where} | {precision} | {error:.2g} | {cosines.mean():.6f}"
                x, y = found - exact.mean(axis=0), exact - exact.mean(axis=0)
                centred = (x * y).sum() / numpy.linalg.norm(x) / numpy.linalg.norm(y)
                print(f"| {row} | {cosines.min():.6f} | {centred:.6f} |", flush=True)
            changed.unlink()


if __name__ == "__main__":
    main()
