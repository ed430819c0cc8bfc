#!/usr/bin/env python3
"""Runs `sapiens` and PyTorch on exported files and an image, and fails where they differ by more than rounding.
Features and depth are compared as the network gives them; normals, classes and scores of keypoints after what
`sapiens` does to them."""
import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import torch
import torch.nn.functional as F

from augment import normalize
from data import People
from decode import cut_out, keypoints_of
from evaluate import channels_first, enlarge
from weights import load_model

TOLERANCE = 1e-4


def write_png(path, image):
    height, width, _ = image.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], 1)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


class Engine:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, command, checkpoint, image, *options):
        """The folder of the results."""
        output = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        arguments = [command, checkpoint, image, "--output", output, "--precision", "fp32", *options]
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        return output

    def usable(self, checkpoint, use):
        found = subprocess.run([self.program, "inspect", checkpoint, "--json"], capture_output=True, text=True)
        uses = {entry["use"]: entry for entry in json.loads(found.stdout)["uses"]}
        return uses[use]["verdict"] in ("exact", "equivalent")


def compare_features(engine, checkpoint, model, batch):
    inputs = normalize(F.interpolate(channels_first(batch), model.config.size))
    np.save(engine.folder / "input.npy", inputs[0].numpy())
    expected = model.backbone(inputs)[0].numpy()

    def difference(path):
        output = engine.run("features", path, engine.folder / "input.npy", "--out-type", "raw")
        return np.abs(np.load(output / "input.npy") - expected).max()

    clean = checkpoint.with_name(checkpoint.stem + "_clean.pth")
    return {"features": difference(checkpoint), "features of the clean file": difference(clean)}


def compare_depth(engine, checkpoint, model, batch):
    found = np.load(engine.run("depth", checkpoint, engine.folder / "image.png") / "image.npy")
    return {"depth": np.abs(found - model(normalize(channels_first(batch)))[0, 0].numpy()).max()}


def compare_normal(engine, checkpoint, model, batch):
    found = np.load(engine.run("normal", checkpoint, engine.folder / "image.png") / "image.npy")
    output = enlarge(model(normalize(channels_first(batch))), found.shape[:2])[0].movedim(0, 2)
    length = output.norm(dim=2, keepdim=True)
    # Rounding of the output turns a short vector far.
    difference = (torch.from_numpy(found) - output / (length + 1e-5)).abs() * length.clamp(max=1)
    return {"normals": difference.max().item()}


def compare_seg(engine, checkpoint, model, batch):
    """How far the class found lies below the best one; 0 where both agree."""
    found = np.load(engine.run("seg", checkpoint, engine.folder / "image.png") / "image_seg.npy")
    logits = enlarge(model(normalize(channels_first(batch))), found.shape)[0]
    chosen = logits.gather(0, torch.from_numpy(found)[None])[0]
    return {"logit of the class found": (logits.amax(0) - chosen).max().item()}


def compare_pose(engine, checkpoint, model, batch):
    """Scores only: a map that is barely trained has no peak that rounding could not move."""
    box = batch["boxes"][:1]
    option = ",".join(f"{value:.9g}" for value in box[0].tolist())
    output = engine.run("pose", checkpoint, engine.folder / "image.png", "--box", option)
    person = json.loads((output / "image.json").read_text())["instance_info"][0]
    expected = keypoints_of(model, normalize(cut_out(batch["images"], box, model.config.size)), box)[0]
    moved = np.linalg.norm(np.array(person["keypoints"]) - expected[:, :2], axis=1)
    print(f"  keypoints differ by {np.median(moved):.2g} pixels (median), {moved.max():.2g} at most")
    return {"scores": np.abs(np.array(person["keypoint_scores"]) - expected[:, 2]).max()}


COMPARE = {
    "pretrain": compare_features,
    "pose": compare_pose,
    "seg": compare_seg,
    "depth": compare_depth,
    "normal": compare_normal,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE", help="exported files, not the clean one")
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--sapiens", default="build/release/bin/sapiens", metavar="PROGRAM")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    failed = False
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        engine = Engine(arguments.sapiens, pathlib.Path(folder))
        for checkpoint in arguments.files:
            model = load_model(checkpoint)
            task = model.config.task
            batch = People([arguments.data], task).batch([0])
            write_png(engine.folder / "image.png", batch["images"][0].numpy())
            usable = engine.usable(checkpoint, "reconstruct" if task == "pretrain" else task)
            failed |= not usable
            print(f"{checkpoint.name}: {'usable' if usable else 'NOT USABLE'}")
            for what, difference in COMPARE[task](engine, checkpoint, model, batch).items():
                failed |= not difference <= TOLERANCE
                print(f"  {what} differ by {difference:.2g} at most")
    sys.exit(failed)


if __name__ == "__main__":
    main()
