#!/usr/bin/env python3
"""Sets documents of `sapiens bench --output` beside the machine's ceilings or beside each other.

  bench/report.py RUN.json --ceilings CEILINGS.json    share of the ceilings, operator by operator
  bench/report.py BEFORE.json AFTER.json               what became slower or faster

CEILINGS.json is what build/bench/bin/ceilings prints, measured with the same number of threads.
"""

import argparse
import json
import sys

ENCODER_LINEARS = {"qkv", "proj", "fc1", "fc2"}
HEAD_LINEARS = {"deconv", "conv", "final"}


class ReportError(Exception):
    """Documents that are none, or that do not fit together."""


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: {error}") from error


def read_runs(path):
    """The runs of one document, best level first."""
    document = read_json(path)
    try:
        runs = document.get("runs", [document])
        for run in runs:
            describe(run), work_of(run), rows_of(run)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReportError(f"{path} is no document of `sapiens bench`: {error!r}") from error
    if not runs:
        raise ReportError(f"{path} has no run")
    return runs


def describe(run):
    return f"{run['precision']} on {run['threads']} threads ({run['isa']})"


def work_of(run):
    """What must be equal for a ratio of times to mean anything."""
    keys = ("size", "batch", "task", "image")
    model = {"family": "sapiens", **run["model"]}  # versions before Sapiens2 did not write it
    return [model[key] for key in ("family", "arch", "width", "depth")] + [run.get(key) for key in keys]


def rows_of(run):
    """(median, min, max, samples) of the whole pass, each stage, each operator and the rest."""
    whole = {"name": "whole pass", "samples": run["repeat"], "seconds": run["seconds"]}
    rest = {"name": "rest", **run["rest"]}
    rows = {}
    for row in [whole, *run["stages"], *run["operators"], rest]:
        seconds = row["seconds"]
        rows[row["name"]] = (float(seconds["median"]), float(seconds["min"]), float(seconds["max"]), int(row["samples"]))
    return rows


def ceiling_of(operator, level):
    """(name, rate in 1e9 per second) of what bounds an operator at most; None if it counts nothing."""
    arithmetic = operator.get("arithmetic")
    if "gbytes" in operator:
        name = "memory"
    elif arithmetic == "int8":
        name = "int8"
    elif arithmetic == "bf16" and level["bf16"] > 0:
        name = "bf16"
    else:
        name = "fp32"  # also bf16 operands without bf16 instructions, which are widened
    counted = "gbytes" in operator or operator.get("gflop", 0) > 0
    return (name, level[name]) if counted and level[name] > 0 else None


def share_of_ceiling(operators, level, seconds):
    """The time that the arithmetic takes at its ceilings by the time it took; None if one is unknown."""
    ideal = 0
    for operator in operators:
        if operator.get("gflop", 0) == 0:
            continue
        ceiling = ceiling_of(operator, level)
        if ceiling is None:
            return None
        ideal += operator["gflop"] / ceiling[1]
    return ideal / seconds if seconds > 0 else None


def linears_share(run, level, names):
    linears = [operator for operator in run["operators"] if operator["name"] in names]
    return share_of_ceiling(linears, level, sum(operator["seconds"]["median"] for operator in linears))


def percent(share):
    return "-" if share is None else f"{100 * share:.{1 if share < 0.1 else 0}f} %"


def ceilings_text(run, ceilings):
    if run["threads"] != ceilings["threads"]:
        raise ReportError(f"the ceilings are those of {ceilings['threads']} threads, the run had {run['threads']}")
    name = run["isa"].rsplit("+", 1)[-1]
    if name not in ceilings["levels"]:
        raise ReportError(f"there are no ceilings of level {name}")
    level = ceilings["levels"][name]
    lines = [describe(run), f"{'operator':<14} {'share':>7} {'1e9/s':>9} {'of ceiling':>11}"]
    for operator in run["operators"]:
        rate = operator.get("gbytes_per_second", operator.get("gflops", 0))
        ceiling = ceiling_of(operator, level)
        of_ceiling = f" {percent(rate / ceiling[1]):>11} of {ceiling[0]}" if ceiling else ""
        lines.append(f"{operator['name']:<14} {percent(operator['share']):>7} {rate:>9.4g}{of_ceiling}")
    whole = share_of_ceiling(run["operators"], level, run["seconds"]["median"])
    lines.append(f"{'whole pass':<14} {'':>7} {run['gflops']:>9.4g} {percent(whole):>11}")
    if "task" in run:
        encoder, head = (linears_share(run, level, names) for names in (ENCODER_LINEARS, HEAD_LINEARS))
        lines.append(f"linears        encoder {percent(encoder)} of the ceiling, head {percent(head)}")
    return "\n".join(lines)


def change(before, after):
    """Where no repeat of one side reached any of the other. One sample has no spread."""
    if before[3] < 2 or after[3] < 2:
        return ""
    return "slower" if after[1] > before[2] else "faster" if after[2] < before[1] else ""


def comparison_text(before, after):
    if work_of(before) != work_of(after):
        raise ReportError(f"these measured different things: {work_of(before)} and {work_of(after)}")
    lines = [f"before  {describe(before)}", f"after   {describe(after)}"]
    lines.append(f"{'milliseconds':<14} {'before':>11} {'after':>11} {'ratio':>7}")
    old, new = rows_of(before), rows_of(after)
    changes = []
    for name in [*old, *(name for name in new if name not in old)]:
        times = [f"{1e3 * rows[name][0]:.4g}" if name in rows else "-" for rows in (old, new)]
        both = name in old and name in new
        ratio = f"{new[name][0] / old[name][0]:.3f}" if both and old[name][0] > 0 else ""
        changes.append(change(old[name], new[name]) if both else "")
        lines.append(f"{name:<14} {times[0]:>11} {times[1]:>11} {ratio:>7}  {changes[-1]}".rstrip())
    if not any(changes):
        lines.append("no change beyond the spread of the repeats")
    return "\n".join(lines)


def pairs_of(before, after):
    """One run with one, else those of equal level and precision."""
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    pairs = [(old, new) for new in after for old in before
             if (old["isa"], old["precision"]) == (new["isa"], new["precision"])]
    if not pairs:
        raise ReportError("no two runs have the same kernel level and precision")
    return pairs


def report(paths, ceilings=None):
    if len(paths) == 2:
        texts = [comparison_text(*pair) for pair in pairs_of(*map(read_runs, paths))]
    else:
        levels = read_json(ceilings)
        texts = [ceilings_text(run, levels) for run in read_runs(paths[0])]
    return "\n\n".join(texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+", metavar="JSON")
    parser.add_argument("--ceilings", metavar="JSON")
    arguments = parser.parse_args()
    if len(arguments.documents) != (1 if arguments.ceilings else 2):
        parser.error("one document with --ceilings, or two documents to compare")
    try:
        print(report(arguments.documents, arguments.ceilings))
    except ReportError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
