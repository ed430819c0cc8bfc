#!/usr/bin/env python3
"""Measures the exported files with `sapiens eval` and `sapiens reconstruct` on people that training and evaluation have
not seen, in every precision, and writes the model card beside them. Needs `sapiens` and `mannequin`; the facts about
training come from the runs."""
import argparse
import csv
import json
import os
import pathlib
import subprocess
import tempfile

import torch

STAGES = ("pretrain", "pose", "seg-small", "seg", "normal", "depth")
PRECISIONS = ("fp32", "bf16", "int8")
SEED = 2000001
CARD = """# Tiny Sapiens: weights for trying and testing

**For synthetic figures only.** These networks were not trained on photographs. They exist so that every command of
`sapiens` can be tried, and its accuracy tested, without a download. For real images use the published
weights.

    sapiens run samples/mannequin --boxes samples/mannequin/annotations.json --output out --viz --mask auto \\
      --pose models/tiny/sapiens_tiny_pose.safetensors --seg models/tiny/sapiens_tiny_seg.safetensors

## Architecture

That of Sapiens, under the published key names: width 192, 8 blocks, 6 heads, patches of 16; a decoder of 64 channels
and 2 blocks. Images of 256 x 192 (rows, columns); pretraining saw 256 x 256.

## Data

Images of [`mannequin`](../../docs/mannequin.md), 192 x 256, with exact keypoints, parts, depth and normals: whole
people seen from the front (`--view front`); pretraining took people from all sides (`--view any`). Training took seed
1, decisions while training seed 1000001, the figures below seed {seed}, the tests 3000001, the demo 4000001.

## Training

[`tools/train/run.sh`](../../tools/train/README.md), from random numbers, on CPUs: first as a masked autoencoder, then
each task from that encoder, but depth from the encoder of normals.

| stage | images seen | epochs | steps | minutes | seed |
|---|---|---|---|---|---|
{training}

## Accuracy on {count} people that were not in training

As `sapiens eval` and `sapiens reconstruct` measure it, in each precision ([what the measures mean](../../docs/eval.md)).

| file | measure | {precisions} | any view | goal |
|---|---|{dashes}---|---|
{accuracy}

The goals are for people seen from the front, as is all but the column "any view": that is fp32 on as many people of
`mannequin --view any`, from all sides, cut off or behind things, for which the models are not made.

Boxes are the true ones, and hidden keypoints count for AP but not for PCK. Depth is relative: `delta1` and `RMSE` (in
metres) are after the scale and shift that fit best, and a person who is far away is flat, so that `delta1` says little
without `unexplained`, the share of the depths' variance that the model does not find. The error of reconstruction is
of the hidden three quarters, relative to their patch's mean and deviation, over that of predicting the mean.

IoU of each class: {classes}.

The loss still fell when training ended. From one draw of 200 people to the next mIoU moves by 0.01, normals by half a
degree.

## Files

| file | bytes | content |
|---|---|---|
{files}

The two `.pth` files are the ones of upstream issue 75: the keys of the cleaned one lack `backbone.`, so the original
code loads none of them and continues with random numbers. `sapiens inspect` reports this for both.

## Limits

- Synthetic figures of one generator: its bodies, clothes, poses, light and backgrounds, one person per image.
- 16 x 12 patches; details below a patch are guessed. Lips, teeth and tongue are never predicted: the images label none.
- Nothing about identity, age, gender, origin or health was in the data, and none of it can be read from the outputs.

## Licence

That of this repository.
"""
# What is shown of an evaluation, and what it should be.
MEASURES = {
    "pose": {"PCK@0.1": "at least 0.90", "AP": "", "AR": ""},
    "seg": {"mIoU": "at least 0.70", "pixel_accuracy": ""},
    "depth": {"delta1": "at least 0.90", "unexplained": "", "RMSE": ""},
    "normal": {"mean_angle": "at most 15", "median_angle": ""},
}
RECONSTRUCTION_GOAL = "at most 0.60"
CONTENTS = {
    "sapiens_tiny_pretrain.pth": "pretrained encoder with decoder, as training writes it",
    "sapiens_tiny_pretrain_clean.pth": "pretrained encoder alone, flat, as cleaning leaves it",
}


def row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def run_json(*command):
    done = subprocess.run([*map(str, command), "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


class Measuring:
    """The program on people drawn for it."""

    def __init__(self, binaries, models, count, view, folder):
        self.sapiens, self.models, self.folder = binaries / "sapiens", models, folder / view
        self.people = self.folder / "people"
        command = [binaries / "mannequin", "--output", self.people, "--count", str(count), "--seed", str(SEED)]
        subprocess.run([*command, "--view", view], check=True)

    def evaluate(self, task, precision):
        model = self.models / f"sapiens_tiny_{task}.safetensors"
        return run_json(self.sapiens, "eval", model, "--data", self.people, "--precision", precision)

    def reconstruction(self, precision):
        """Error of hidden patches over that of their means."""
        model, output = self.models / "sapiens_tiny_pretrain.pth", self.folder / precision
        done = run_json(self.sapiens, "reconstruct", model, self.people, "--output", output, "--precision", precision)
        return done["totals"]["masked_error"] / done["totals"]["mean_error"]


def accuracy(front, anywhere):
    """Rows of the table of accuracy, and the IoU of every class."""
    errors = [f"{front.reconstruction(precision):.4f}" for precision in PRECISIONS]
    errors.append(f"{anywhere.reconstruction('fp32'):.4f}")
    rows = [row("`sapiens_tiny_pretrain.pth`", "error of reconstruction", *errors, RECONSTRUCTION_GOAL)]
    classes = ""
    for task, measures in MEASURES.items():
        reports = [front.evaluate(task, precision) for precision in PRECISIONS] + [anywhere.evaluate(task, "fp32")]
        for measure, goal in measures.items():
            values = [f"{report['metrics'][measure]:.4f}" for report in reports]
            rows.append(row(f"`sapiens_tiny_{task}.safetensors`", measure, *values, goal))
        if task == "seg":
            found = sorted((c for c in reports[0]["classes"] if c["value"] is not None), key=lambda c: -c["value"])
            classes = ", ".join(f"{c['name']} {c['value']:.2f}" for c in found)
    return rows, classes


def training_row(run):
    meta = torch.load(run / "model.pth", weights_only=True)["meta"]
    with open(run / "log.csv", newline="") as file:
        minutes = list(csv.DictReader(file))[-1]["minutes"]
    images, epochs, steps, seed = (meta[f"training.{name}"] for name in ("images", "epochs", "steps", "seed"))
    return row(run.name, images, epochs, steps, f"{float(minutes):.0f}", seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=pathlib.Path, metavar="RUNS", help="folder with the runs pretrain, pose, seg, ...")
    parser.add_argument("--models", type=pathlib.Path, required=True, metavar="DIR", help="the exported files")
    parser.add_argument("--binaries", type=pathlib.Path, default="build/release/bin", metavar="DIR")
    parser.add_argument("--count", type=int, default=1000, help="people to measure with")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        views = ("front", "any")
        rows, classes = accuracy(
            *(Measuring(arguments.binaries, arguments.models, arguments.count, v, pathlib.Path(folder)) for v in views)
        )
    files = sorted(path for path in arguments.models.iterdir() if path.suffix in (".pth", ".safetensors"))
    card = CARD.format(
        seed=SEED,
        training="\n".join(training_row(arguments.runs / stage) for stage in STAGES),
        count=arguments.count,
        precisions=" | ".join(PRECISIONS),
        dashes="---|" * len(PRECISIONS),
        accuracy="\n".join(rows),
        classes=classes,
        files="\n".join(row(f"`{p.name}`", p.stat().st_size, CONTENTS.get(p.name, "encoder and head")) for p in files),
    )
    partial = arguments.models / "README.md.partial"
    partial.write_text(card)
    os.replace(partial, arguments.models / "README.md")


if __name__ == "__main__":
    main()
