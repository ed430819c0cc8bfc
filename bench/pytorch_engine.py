#!/usr/bin/env python3
"""Times an encoder in PyTorch and in the engine, both as modules of `sapiens.torch`, in turn.

    bench/pytorch_engine.py CHECKPOINT [--size HEIGHT WIDTH] [--threads N] [--rounds N]
"""

import argparse
import gc
import statistics
import time

import torch

import sapiens.torch


def rows(path, size, threads):
    """(name, module, input) of each way to compute; one at a time is in memory."""
    x = torch.randn(1, 3, *size)
    yield "engine, fp32", sapiens.torch.load(path, engine=True, precision="fp32", threads=threads), x
    yield "PyTorch, fp32", sapiens.torch.load(path, "features", dtype=torch.float32), x
    yield "engine, bf16", sapiens.torch.load(path, engine=True, precision="bf16", threads=threads), x
    bf16 = sapiens.torch.load(path, "features", dtype=torch.bfloat16)
    yield "PyTorch, bf16", bf16, x.bfloat16()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--size", type=int, nargs=2, default=(1024, 1024), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name, module, x in rows(arguments.checkpoint, arguments.size, arguments.threads):
        with torch.inference_mode():
            module(x)  # once for what happens once
            seconds = []
            for _ in range(arguments.rounds):
                start = time.perf_counter()
                module(x)
                seconds.append(time.perf_counter() - start)
        print(f"{name:<14} {statistics.median(seconds):8.3f} s, {min(seconds):.3f} to {max(seconds):.3f}", flush=True)
        del module
        gc.collect()


if __name__ == "__main__":
    main()
