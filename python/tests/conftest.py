"""Tiny models with random weights, an image, and the program to compare results with."""

import os
import subprocess

import numpy as np
import pytest
from PIL import Image

import sapiens


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The path of a tiny checkpoint by its task, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("models")

    class Models:
        def __getitem__(self, task):
            path = folder / f"{task}.pth"
            if not path.exists():
                sapiens.synthesize(path, "tiny", task)
            return path

    return Models()


@pytest.fixture(scope="session")
def pixels():
    """An image as an array: smooth colours, and noise so that no two patches agree."""
    y, x = np.mgrid[0:90, 0:120]
    smooth = np.stack([2 * x, 2 * y, 255 - x - y], axis=-1)
    noise = np.random.default_rng(1).integers(-20, 20, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def image(pixels, tmp_path_factory):
    """The same as a file, without a loss."""
    path = tmp_path_factory.mktemp("images") / "image.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def run_sapiens(tmp_path):
    """Runs the program on the command line, and returns what it printed."""
    program = os.environ.get("SAPIENS_PROGRAM")
    if not program:
        pytest.skip("SAPIENS_PROGRAM does not say where the program is")

    def run(*arguments):
        command = [program, *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run
