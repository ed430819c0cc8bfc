#!/usr/bin/env python3
"""Writes the finished runs below a folder as the files that are bundled: heads and encoder as safetensors, and the
pretrained network twice as .pth, with the decoder under "state_dict" and, cleaned, as a flat dictionary of the encoder.
All in 16 bits, each checked against the limit."""
import argparse
import collections
import pathlib

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
    return paths


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
    for run in runs:
        for path in export(run, arguments.output, DTYPES[arguments.dtype]):
            print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
