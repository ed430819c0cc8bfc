#!/usr/bin/env python3
"""Ends a run by SIGTERM after its second step, lets it go on, and compares its weights with those of a run that was
left alone: they must be the same bits."""
import pathlib
import signal
import subprocess
import sys

import torch

TRAIN = pathlib.Path(__file__).with_name("train.py")
STEPS = 4


def start(work, name):
    command = [sys.executable, TRAIN, "pose", "--data", work / "data", "--output", work / name, "--steps", str(STEPS)]
    command += ["--batch", "4", "--log-every", "1", "--threads", "1"]
    return subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)


def main():
    work = pathlib.Path(sys.argv[1])
    assert start(work, "whole").wait() == 0

    run = start(work, "interrupted")
    for line in run.stderr:
        if line.startswith("pose: step 2,"):
            run.send_signal(signal.SIGTERM)
    assert run.wait() == 128 + signal.SIGTERM, "the signal came too late, or was not understood"
    assert not (work / "interrupted/model.pt").exists()
    assert start(work, "interrupted").wait() == 0

    whole, resumed = (torch.load(work / name / "model.pt")["state_dict"] for name in ("whole", "interrupted"))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    rows = (work / "interrupted/log.csv").read_text().split()
    assert [row.split(",")[0] for row in rows[1:]] == [str(i + 1) for i in range(STEPS)]
    print("an interrupted run ends with the same bits")


if __name__ == "__main__":
    main()
