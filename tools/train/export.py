#!/usr/bin/env python3
"""Writes the finished runs below a folder as the files that are bundled: heads and encoder as safetensors, and the
pretrained network twice as .pth, with the decoder under "state_dict" and, cleaned, as a flat dictionary of the encoder.
All in 16 bits, each checked against the limit, with a model card to be completed by hand."""
import argparse
import collections
import json
import pathlib
import sys

import safetensors.torch
import torch

from model import TASKS
from weights import config_of, read_state, recorded_values, save_atomically

LIMIT = 8_000_000  # bytes per file
DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16}


def to_16_bits(state, dtype):
    state = {key: value.to(dtype).contiguous() for key, value in state.items()}
    broken = [key for key, value in state.items() if not value.isfinite().all()]
    if broken:
        raise SystemExit(f"not finite in {dtype}: {', '.join(broken)}")
    return state


def write_safetensors(path, state, recorded):
    # save_file would make a file for the owner's eyes only.
    save_atomically(path, lambda partial: partial.write_bytes(safetensors.torch.save(state, metadata=recorded)))


def write_full(path, state, recorded):
    """As training writes it."""
    content = {"meta": recorded, "state_dict": collections.OrderedDict(state)}
    save_atomically(path, lambda partial: torch.save(content, partial))


def write_clean(path, state, recorded):
    """As the original's cleaning tool leaves it: the encoder without prefix. What the weights cannot tell goes into an
    attribute of the dictionary, where `sapiens` looks for it and no other loader trips over it."""
    prefix = "backbone."
    flat = collections.OrderedDict((k.removeprefix(prefix), v) for k, v in state.items() if k.startswith(prefix))
    flat.sapiens_meta = recorded
    save_atomically(path, lambda partial: torch.save(flat, partial))


def export(run, output, dtype):
    """The paths written for one run."""
    state, meta = read_state(run / "model.pt")
    recorded = recorded_values(config_of(state, meta))
    state = to_16_bits(state, dtype)
    task = recorded["sapiens.task"]
    if task != "pretrain":
        paths = [output / f"sapiens_tiny_{task}.safetensors"]
        write_safetensors(paths[0], state, recorded)
    else:
        paths = [output / "sapiens_tiny_pretrain.pth", output / "sapiens_tiny_pretrain_clean.pth"]
        write_full(paths[0], state, recorded)
        write_clean(paths[1], state, recorded)
    for path in paths:
        if path.stat().st_size > LIMIT:
            raise SystemExit(f"{path}: {path.stat().st_size} bytes are more than {LIMIT}; make the network narrower")
    return paths, meta


CARD = """# Tiny Sapiens: weights for trying and testing

**For synthetic figures only.** These networks have never seen a photograph, let alone a person. They exist so that
every command of `sapiens` can be tried and its accuracy tested without a download. For real pictures use the published
weights.

## Data

Pictures of `mannequin`, 256 x 192, rendered with exact key points, parts, depth and normals. Training and held-out
pictures have different seeds.

## Training

`tools/train/run.sh`, from random numbers: {architecture}. First as a masked autoencoder, then each task from that
encoder.

| stage | pictures seen | different pictures | steps | minutes | seed |
|---|---|---|---|---|---|
{training}

## Accuracy on {held_out} held-out pictures

Measured by `tools/train/evaluate.py` on the weights before rounding to 16 bits.

| task | measure | value |
|---|---|---|
{accuracy}

## Files

| file | bytes | content |
|---|---|---|
{files}

## Limits

- Synthetic figures of one generator: its bodies, clothes, poses, light and backgrounds, one person per picture.
- 256 x 192 pixels, 16 x 12 patches; details below a patch are guessed.
- Classes that the generator never draws (lips, teeth, tongue) are never predicted.
- Nothing about identity, age, gender, origin or health was in the data, and none of it can be read from the outputs.

## Licence

That of this repository.
"""
# What of an evaluation goes into the card, and how it is called there.
MEASURES = {
    "error_over_patch_mean": "error of hidden patches over that of their mean",
    "normalized_error_over_patch_mean": "the same, of pixels relative to their patch's deviation",
    "pck@0.1": "PCK@0.1",
    "miou": "mIoU",
    "delta1": "delta1 after scale and shift",
    "rmse_over_extent": "RMSE over the person's extent in depth",
    "mean_angle": "mean angle in degrees",
}
CONTENTS = {
    "sapiens_tiny_pretrain.pth": "pretrained encoder with decoder, as training writes it",
    "sapiens_tiny_pretrain_clean.pth": "pretrained encoder alone, flat, as cleaning leaves it",
}


def row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def make_card(runs, metas, paths):
    training, accuracy, held_out = [], [], set()
    for run, meta in zip(runs, metas):
        facts = [meta[f"training.{name}"] for name in ("pictures", "data_pictures", "steps", "minutes", "seed")]
        training.append(row(meta["sapiens.task"], *facts))
        measured = run / "metrics.json"
        if not measured.exists():
            print(f"{measured} is missing; the card lacks its figures", file=sys.stderr)
            continue
        metrics = json.loads(measured.read_text())
        held_out.add(metrics["pictures"])
        accuracy += [row(metrics["task"], MEASURES[name], metrics[name]) for name in MEASURES if name in metrics]
    config = config_of(*read_state(runs[0] / "model.pt"))
    architecture = f"width {config.width}, {config.depth} blocks, {config.heads} heads, patches of 16"
    files = [row(f"`{p.name}`", p.stat().st_size, CONTENTS.get(p.name, "encoder and head")) for p in paths]
    return CARD.format(
        architecture=architecture,
        training="\n".join(training),
        accuracy="\n".join(accuracy),
        held_out=" or ".join(map(str, sorted(held_out))),
        files="\n".join(files),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=pathlib.Path, metavar="RUNS", help="folder with the runs pretrain, pose, seg, ...")
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="DIR")
    parser.add_argument("--dtype", choices=DTYPES, default="f16")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    runs = [arguments.runs / task for task in TASKS if (arguments.runs / task / "model.pt").exists()]
    if not runs:
        raise SystemExit(f"no finished run in {arguments.runs}")
    written, metas = [], []
    for run in runs:
        paths, meta = export(run, arguments.output, DTYPES[arguments.dtype])
        written += paths
        metas.append(meta)
    card = make_card(runs, metas, written)
    save_atomically(arguments.output / "README.md", lambda partial: partial.write_text(card))
    for path in written:
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
