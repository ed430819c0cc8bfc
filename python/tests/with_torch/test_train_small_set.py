"""A set of one's own, as docs/training.md describes it: few images, five classes, the commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sapiens

PRETRAINED = Path(__file__).resolve().parents[3] / "models/tiny/sapiens_tiny_pretrain_clean.pth"
IMAGES = 30
NAMES = ["background", "skin", "hair", "upper_clothing", "lower_clothing"]
HAIR, UPPER, LOWER = 3, (1, 22), (8, 9, 12, 17, 18)  # of the 28 goliath classes
STEPS = 200
# Adapters, at half the size, and without the changes that a large set is learnt with.
SMALL = "--mode lora --size 128 96 --batch 4 --head-channels 48 --learning-rate 4e-3 --layer-decay 0.95 --dice 1"
SMALL += " --class-weights 1 2 3 1 1 --head-dropout 0 --loss-size head"
SMALL += " --scale 1 1 --rotation 0 --flip 0 --color 0"
HERE = "--precision fp32 --device cpu --threads 1 --no-tensorboard"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """photo.png beside photo_seg.png, whose pixels are numbers of NAMES."""
    program = os.environ.get("SAPIENS_PROGRAM")
    mannequin = Path(program or "").with_name("mannequin")
    if not program or not mannequin.exists():
        pytest.skip("there is no mannequin beside SAPIENS_PROGRAM")
    folder = tmp_path_factory.mktemp("people")
    command = [mannequin, "--output", folder, "--count", IMAGES, "--seed", 5, "--view", "front"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    ours = np.full(256, NAMES.index("skin"), np.uint8)
    ours[0] = NAMES.index("background")
    ours[HAIR] = NAMES.index("hair")
    ours[list(UPPER)] = NAMES.index("upper_clothing")
    ours[list(LOWER)] = NAMES.index("lower_clothing")
    for path in folder.glob("*_seg.png"):
        Image.fromarray(ours[sapiens.read_labels(path)]).save(path)
    for path in [*folder.glob("*.npy"), folder / "annotations.json"]:
        path.unlink()
    return folder


@pytest.fixture(scope="module")
def train(photos):
    """Runs the program in a process of its own, and returns how it ended."""

    def run(*arguments):
        command = [sys.executable, "-m", "sapiens.train", "seg", "--init", PRETRAINED]
        command += ["--data", photos, *arguments, *HERE.split()]
        package = Path(sapiens.__file__).resolve().parents[1]
        return subprocess.run(
            [str(part) for part in command],
            env={**os.environ, "PYTHONPATH": str(package), "OMP_WAIT_POLICY": "PASSIVE"},
            capture_output=True,
            text=True,
        )

    return run


def test_thirty_images_of_five_classes_are_fitted(photos, train, run_sapiens, tmp_path):
    trained = train(
        "--names", *NAMES, *SMALL.split(), "--steps", STEPS, "--output", tmp_path / "run"
    )
    assert trained.returncode == 0, trained.stderr
    assert f"data: {IMAGES} samples" in trained.stderr
    # How long it takes is told at once, and the end, though neither step is a 50th.
    steps = re.findall(rf"step (\d+) of {STEPS}: loss .* (\d+:\d\d) left", trained.stderr)
    assert (steps[0][0], steps[-1]) == ("1", (str(STEPS), "0:00"))

    result = tmp_path / "run" / "model.safetensors"
    assert re.search(r"^  seg +EXACT", run_sapiens("inspect", result), re.MULTILINE)
    numbers = json.loads(run_sapiens("eval", result, "--data", photos, "--json"))["metrics"]
    assert numbers["mIoU"] > 0.7, numbers

    out = tmp_path / "out"
    command = ["seg", result, photos, "--output", out, "--viz", "--json"]
    told = json.loads(run_sapiens(*command))
    assert told["conventions"]["classes"] == NAMES
    assert list(sapiens.Segmenter(result).names) == NAMES


def test_classes_without_names_are_refused(train, tmp_path):
    refused = train("--epochs", 1, "--output", tmp_path / "run")
    assert refused.returncode == 2 and "--names background skin hair" in refused.stderr
    assert not (tmp_path / "run" / "config.toml").exists()
