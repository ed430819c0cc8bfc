#!/usr/bin/env python3
"""The same encoder, weights and input in PyTorch and in sapiens, in turn, in one run.

    bench/peers/run.sh [CHECKPOINT] [--threads N] [--rounds N]      sets up PyTorch, then calls this

Prints seconds per picture (median of the rounds), the ratio round by round, and how far the outputs are apart.
The PyTorch side is plain fp32 torch.nn.functional code written from the model's description; attention is
scaled_dot_product_attention, its fastest on a CPU.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F

HEADS = {1024: 16, 1280: 16, 1536: 24, 1920: 32}  # of the published widths


def forward(weights, heads, image):
    """[1, 3, H, W] -> tokens [1, T, C], as in the original's encoder."""
    width = weights["ln1.weight"].numel()
    depth = 1 + max(int(key.split(".")[1]) for key in weights if key.startswith("layers."))
    x = F.conv2d(image, weights["patch_embed.projection.weight"], weights["patch_embed.projection.bias"], stride=16)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([weights["cls_token"], x], 1) + weights["pos_embed"]
    norm = lambda x, name: F.layer_norm(x, (width,), weights[name + ".weight"], weights[name + ".bias"], 1e-6)
    linear = lambda x, name: F.linear(x, weights[name + ".weight"], weights[name + ".bias"])
    for i in range(depth):
        layer = f"layers.{i}."
        qkv = linear(norm(x, layer + "ln1"), layer + "attn.qkv")
        q, k, v = qkv.view(1, x.shape[1], 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        x = x + linear(attended, layer + "attn.proj")
        hidden = F.gelu(linear(norm(x, layer + "ln2"), layer + "ffn.layers.0.0"))
        x = x + linear(hidden, layer + "ffn.layers.1")
    return norm(x, "ln1")


def run_sapiens(program, checkpoint, threads):
    command = [program, "bench", checkpoint, "--threads", str(threads), "--repeat", "1", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def largest_difference(program, checkpoint, threads, image, expected):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        np.save(path / "input.npy", image[0].numpy())
        command = [program, "features", checkpoint, str(path / "input.npy"), "--output", str(path / "out"),
                   "--out-type", "raw", "--threads", str(threads)]
        subprocess.run(command, check=True, capture_output=True)
        ours = np.load(path / "out" / "input.npy")
    return float(np.abs(ours - expected[0].numpy()).max()), float(expected.std())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a clean .pth of a pretrained encoder (sapiens synth makes one)")
    parser.add_argument("--program", default="build/release/bin/sapiens")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    weights = torch.load(arguments.checkpoint, weights_only=True, mmap=True)
    heads = HEADS[weights["ln1.weight"].numel()]
    image = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        expected = forward(weights, heads, image)  # warm-up, and the numbers to compare with
        worst, deviation = largest_difference(arguments.program, arguments.checkpoint, arguments.threads, image, expected)
        torch_seconds, our_seconds = [], []
        for number in range(arguments.rounds):
            start = time.perf_counter()
            forward(weights, heads, image)
            torch_seconds.append(time.perf_counter() - start)
            our_seconds.append(run_sapiens(arguments.program, arguments.checkpoint, arguments.threads)["seconds"]["median"])
            print(f"round {number + 1}: PyTorch {torch_seconds[-1]:.2f} s, sapiens {our_seconds[-1]:.2f} s", flush=True)

    ratios = [theirs / ours for theirs, ours in zip(torch_seconds, our_seconds)]
    print(f"PyTorch {torch.__version__} fp32, {arguments.threads} threads: {statistics.median(torch_seconds):.2f} s per picture")
    print(f"sapiens fp32, {arguments.threads} threads:            {statistics.median(our_seconds):.2f} s per picture")
    print(f"sapiens is {statistics.median(ratios):.2f} times as fast (rounds: {', '.join(f'{r:.2f}' for r in ratios)})")
    print(f"largest difference of the outputs: {worst:.2g} at a deviation of {deviation:.2g}")


if __name__ == "__main__":
    main()
