#!/usr/bin/env python3
"""The same encoder, weights and input in other engines and in sapiens, in turn, in one run.

    bench/peers/run.sh [CHECKPOINT] [--rounds N] [--only torch-bf16,sapiens-bf16]     sets up the peers, then calls this

Every round runs every row once, so that a drifting clock meets all of them alike; a first round warms up and is not
counted. Prints a Markdown table; writes it, with every figure of every round, to build/peers/results.json.
"""
import argparse
import datetime
import hashlib
import json
import multiprocessing
import os
import pathlib
import shlex
import statistics
import sys
import time

import numpy as np

import machine
from peers import CONVERTED, PEERS, Job, Unsupported
from rows import RowError, Sapiens, open_row

BASES = ["ort-fp32", "sapiens-fp32"]  # what ratios refer to, the first that was run
ROWS = [*(name for name in PEERS if name not in CONVERTED), "sapiens-fp32", "sapiens-bf16", "sapiens-int8"]
CONVERTED_ROWS = [*CONVERTED, "sapiens-fp32", "sapiens-bf16"]
PAUSE = 0.3  # seconds before each run: the threads of the one before go on spinning for a while


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a clean .pth or .safetensors of an encoder (sapiens synth makes one); "
                                           "for Sapiens2, PyTorch runs timm's model")
    parser.add_argument("--program", default="build/release/bin/sapiens")
    parser.add_argument("--size", type=parse_size, default=(1024, 1024), metavar="HxW", help="multiples of 16")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=parse_rows, default=ROWS, metavar="ROW,...",
                        help=f"of {', '.join([*PEERS, *ROWS[-3:]])}; sapiens-fp32@avx2 is that row capped at a kernel level")
    parser.add_argument("--converted", dest="only", action="store_const", const=CONVERTED_ROWS,
                        help="what `sapiens convert` writes, in the runtimes of ONNX, beside this program")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("build/peers/results.json"))
    return parser.parse_args()


def parse_size(text):
    height, width = map(int, text.split("x"))
    if height % 16 or width % 16:
        raise argparse.ArgumentTypeError("not multiples of 16")
    return height, width


def parse_rows(text):
    names = text.split(",")
    for name in names:
        if name not in PEERS and not Sapiens.pattern.fullmatch(name):
            raise argparse.ArgumentTypeError(f"no row {name!r}")
    return names


def make_job(arguments):
    """A folder per state of the file and size, with what is costly to make."""
    checkpoint = pathlib.Path(arguments.checkpoint).resolve()
    state = checkpoint.stat()
    key = hashlib.sha256(f"{state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:8]
    folder = pathlib.Path("build/peers") / "{}-{}-{}x{}".format(checkpoint.stem, key, *arguments.size)
    folder.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(1).standard_normal((3, *arguments.size), dtype=np.float32)
    np.save(folder / "input.npy", image)
    return Job(str(checkpoint), arguments.size, arguments.threads, folder, arguments.program)


def compute_truth(job):
    """Runs in a process of its own. Leaves the tokens in truth.npy, and the ranges that static quantisation wants."""
    import torch
    from model import attend_by_head, forward, is_sapiens2, read_encoder, read_sapiens2

    ranges = {}

    def observe(name, x):
        ranges[name] = [x.min().item(), x.max().item()]

    torch.set_num_threads(job.threads)
    with torch.inference_mode():
        image = torch.from_numpy(job.image()).double()
        if is_sapiens2(job.checkpoint):
            tokens = read_sapiens2(job.checkpoint, torch.float64).forward_features(image)[0]
        else:
            tokens = forward(read_encoder(job.checkpoint, job.size), image, attend_by_head, observe)[0]
    (job.folder / "ranges.json").write_text(json.dumps(ranges))
    np.save(job.folder / "truth.part.npy", tokens.numpy())
    os.replace(job.folder / "truth.part.npy", job.folder / "truth.npy")


def read_truth(job):
    path = job.folder / "truth.npy"
    if not path.exists():
        say("computing the truth in fp64 (kept for the next time)")
        process = multiprocessing.get_context("spawn").Process(target=compute_truth, args=(job,))
        process.start()
        process.join()
    return np.load(path)


def closeness(tokens, truth):
    tokens = tokens.astype(np.float64)
    cosines = (tokens * truth).sum(1) / (np.linalg.norm(tokens, axis=1) * np.linalg.norm(truth, axis=1))
    return {
        "relative_l2": np.linalg.norm(tokens - truth) / np.linalg.norm(truth),
        "mean_cosine": cosines.mean(),
        "worst_cosine": cosines.min(),
        "largest_difference": np.abs(tokens - truth).max(),
    }


def open_rows(names, job, program, left_out):
    """Sets up, warms up and compares; what cannot run goes to left_out."""
    truth = read_truth(job)
    rows, close = {}, {}
    for name in names:
        say(f"{name}: setting up")
        try:
            row = open_row(name, job, program)
            row.run()
            close[name] = closeness(row.tokens(), truth)
            rows[name] = row
        except Unsupported as reason:
            left_out[name] = f"not on this machine: {reason}"
        except RowError as reason:
            left_out[name] = f"failed: {reason}"
        if name in left_out:
            say(f"{name}: {left_out[name]}")
    return rows, close


def time_rounds(rows, count):
    seconds = {name: [] for name in rows}
    for number in range(count):
        for name, row in rows.items():
            time.sleep(PAUSE)
            seconds[name].append(row.run())
        say(f"round {number + 1}: " + ", ".join(f"{name} {times[-1]:.2f}" for name, times in seconds.items()))
    return seconds


def ratio(slower, faster):
    return statistics.median(a / b for a, b in zip(slower, faster))


def summarize(rows, seconds, close):
    return {
        name: {
            "seconds": {"median": statistics.median(times), "min": min(times), "max": max(times), "rounds": times},
            "times_as_fast_as": {other: ratio(theirs, times) for other, theirs in seconds.items() if other != name},
            "setup_seconds": rows[name].setup_seconds,
            "peak_rss": rows[name].peak_rss,
            "file_bytes": rows[name].file_bytes,
            "closeness": close[name],
        }
        for name, times in seconds.items()
    }


def print_table(result):
    base = next((name for name in BASES if name in result["rows"]), None)
    print(f"| | s per image | min - max | x {base} | peak RSS, MiB | set-up, s | file, MiB | rel. L2 | mean cosine "
          "| worst cosine |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, row in result["rows"].items():
        speed, close = row["seconds"], row["closeness"]
        times = 1.0 if name == base else row["times_as_fast_as"].get(base)
        size = row["file_bytes"]
        print(f"| {name} | {speed['median']:.3g} | {speed['min']:.3g} - {speed['max']:.3g} "
              f"| {f'{times:.2f}' if times else '-'} | {row['peak_rss'] / 2**20:.0f} | {row['setup_seconds']:.2f} "
              f"| {f'{size / 2**20:.0f}' if size else '-'} "
              f"| {close['relative_l2']:.1e} | {close['mean_cosine']:.6f} | {close['worst_cosine']:.6f} |")


def print_ratios(result):
    """How many times as fast as each peer this project is."""
    ours = [name for name in result["rows"] if name not in PEERS]
    theirs = [name for name in result["rows"] if name in PEERS]
    if not ours or not theirs:
        return
    print("\n| times as fast as | " + " | ".join(ours) + " |")
    print("|---" * (1 + len(ours)) + "|")
    for peer in theirs:
        cells = [f"{result['rows'][name]['times_as_fast_as'][peer]:.2f}" for name in ours]
        print(f"| {peer} | " + " | ".join(cells) + " |")


def print_circumstances(result):
    found, size = result["machine"], result["size"]
    print(f"\n{size[0]}x{size[1]}, {result['tokens']} tokens, {result['threads']} threads, medians of {result['rounds']} "
          f"rounds; ratios are medians of each round's. {found['cpu']}, {found['cores']} cores "
          f"({', '.join(found['features'])}), {found['memory_bytes'] / 2**30:.0f} GiB, load {found['load_at_start']:.1f} "
          f"at the start; {result['date']}.")
    print(", ".join(f"{name} {version}" for name, version in result["versions"].items()) + ".")
    print(f"`{result['command']}`")
    print("Closeness is to float64. With random weights, as `sapiens synth` makes them, it says what the arithmetic "
          "does, and nothing about trained weights; for int8 above all, which suffers from outliers.")
    for name, reason in result["left_out"].items():
        print(f"{name}: {reason}")


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    arguments = parse_arguments()
    job = make_job(arguments)
    result = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(["bench/peers/run.sh", *sys.argv[1:]]),
        "machine": machine.describe_machine(),
        "versions": machine.versions(arguments.program),
        "checkpoint": os.path.basename(arguments.checkpoint),
        "size": arguments.size,
        "threads": arguments.threads,
        "rounds": arguments.rounds,
        "left_out": {},
    }
    rows, close = open_rows(arguments.only, job, arguments.program, result["left_out"])
    result["tokens"] = len(read_truth(job))
    result["rows"] = summarize(rows, time_rounds(rows, arguments.rounds), close)
    for row in rows.values():
        row.close()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print_table(result)
    print_ratios(result)
    print_circumstances(result)
    return any(reason.startswith("failed") for reason in result["left_out"].values())


if __name__ == "__main__":
    sys.exit(main())
