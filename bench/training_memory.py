#!/usr/bin/env python3
"""Counts what training needs on each device, of any size of model, without a device and without its memory.

    bench/training_memory.py [--arch 2b] [--task seg] [--processes 1 2 4 8 16] [--images N]

Parameters, gradients and AdamW's two moments are float32, and with `sharding = "fsdp"` spread over the processes, whose
number they are divided by. Parameters and gradients of one block (two, as the next is fetched early) and of what is no
block are whole. What the backward pass needs is counted on tensors without memory, in bf16 as training runs, with
`activation_checkpointing`: the input of every block, all of one block, all of the head. The loss, and what libraries
keep for themselves, are not in it.
"""

import argparse

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from sapiens.train import make_config
from sapiens.train._model import encoder_of, head_of, start

GIB = 2**30
FLOAT = 4


class Kept(torch.autograd.graph.saved_tensors_hooks):
    """Bytes that autograd keeps, each storage once; parameters are counted elsewhere."""

    def __init__(self, module):
        super().__init__(self.pack, lambda tensor: tensor)
        self.known = {p.untyped_storage()._cdata for p in module.parameters()}
        self.bytes = 0

    def __enter__(self):
        super().__enter__()
        return self

    def pack(self, tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in self.known:
            self.known.add(storage._cdata)
            self.bytes += storage.nbytes()
        return tensor


def count(arch, task, images, size):
    """Parameters of the model, of a block and of what is no block, and bytes that the backward pass of images needs."""
    outputs = {"pretrain": 0, "pose": 17, "seg": 28, "depth": 1, "normal": 3}[task]
    values = {"task": task, "data": "-", "output": "-", "steps": 1, "arch": arch, "size": size}
    with FakeTensorMode(), torch.autocast("cpu", torch.bfloat16):
        model = start(make_config(values), (), outputs).module
        encoder, head = encoder_of(model), head_of(model)
        block = encoder.blocks_in_order()[0]
        x = torch.zeros(images, 3, *encoder.size, requires_grad=True)
        tokens, _, grid = encoder.embed(x)
        with Kept(block) as of_block:
            block(tokens)
        with Kept(head) as of_head:
            if task != "pretrain":
                head(encoder._shaped(encoder.ln1(tokens), "featmap", grid))
        inputs = encoder.depth * tokens.numel() * FLOAT
        whole, one = (sum(p.numel() for p in part.parameters()) for part in (model, block))
    sizes = whole, one, whole - encoder.depth * one
    return sizes, {"inputs of blocks": inputs, "a block": of_block.bytes, "the head": of_head.bytes}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--arch", default="2b")
    parser.add_argument("--task", choices=("pose", "seg", "depth", "normal"), default="seg")
    parser.add_argument("--processes", type=int, nargs="+", default=(1, 2, 4, 8, 16))
    parser.add_argument("--images", type=int, default=1, help="of a forward pass of one process")
    parser.add_argument("--size", type=int, nargs=2, default=(1024, 768), metavar=("HEIGHT", "WIDTH"))
    arguments = parser.parse_args()
    (parameters, block, rest), kept = count(arguments.arch, arguments.task, arguments.images, arguments.size)
    whole = (2 * block + rest) * 2 * FLOAT
    print(f"{arguments.arch} {arguments.task}: {parameters:,} parameters, {block:,} in a block")
    print(f"parameters, gradients and moments: {4 * FLOAT} bytes each, {4 * FLOAT * parameters / GIB:.1f} GiB in all")
    print(f"two blocks, and what is no block, with their gradients, whole: {whole / GIB:.2f} GiB")
    for name, size in kept.items():
        print(f"{name}, for {arguments.images} image(s): {size / GIB:.2f} GiB")
    for processes in arguments.processes:
        shard = 4 * FLOAT * parameters / processes
        total = shard + (whole if processes > 1 else 0) + sum(kept.values())
        print(f"{processes:3} processes: {shard / GIB:6.2f} GiB spread, {total / GIB:6.2f} GiB in all on each")


if __name__ == "__main__":
    main()
