"""One image through every interface: the command line, Python, C and the server give the same bytes.

With the models and the image that come with the project, and every default. Each interface has tests
of its own for options.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from c_interface import OUT_TYPES, CInterface
from PIL import Image

import sapiens

TOP = Path(__file__).resolve().parents[2]
IMAGE = TOP / "samples" / "person.jpg"
SAPIENS2 = TOP / "tests" / "data" / "golden" / "sapiens2_names" / "plain.safetensors"
MODELS = {
    "features": "pretrain_clean.pth",
    "pose": "pose.safetensors",
    "seg": "seg.safetensors",
    "depth": "depth.safetensors",
    "normal": "normal.safetensors",
    "reconstruct": "pretrain.pth",
}
SERVED = ("features", "pose", "seg", "depth", "normal")
PYTHON = {
    "features": lambda path: sapiens.Encoder(path).features(IMAGE),
    "pose": lambda path: sapiens.Pose(path).keypoints(IMAGE),
    "seg": lambda path: sapiens.Segmenter(path).segment(IMAGE),
    "depth": lambda path: sapiens.Depth(path).depth(IMAGE),
    "normal": lambda path: sapiens.Normals(path).normals(IMAGE),
    "reconstruct": lambda path: sapiens.Reconstructor(path).reconstruct(IMAGE),
}
C = {
    "features": ("encoder", "features"),
    "pose": ("task_model", "pose"),
    "seg": ("task_model", "run"),
    "depth": ("task_model", "run"),
    "normal": ("task_model", "run"),
    "reconstruct": ("reconstructor", "run"),
}


def model_of(task):
    return TOP / "models" / "tiny" / f"sapiens_tiny_{MODELS[task]}"


def from_python(task):
    return PYTHON[task](model_of(task))


def c_interface():
    library = os.environ.get("SAPIENS_C_LIBRARY")
    if not library:
        pytest.skip("SAPIENS_C_LIBRARY does not say where the C library is")
    return CInterface(library)


def from_c(task):
    return c_interface().run(*C[task], model_of(task), IMAGE)


@pytest.fixture
def program_file(run_sapiens, tmp_path):
    """The path of what the program writes for a task."""

    def run(task, name):
        run_sapiens(task, model_of(task), IMAGE, "--output", tmp_path)
        return tmp_path / name

    return run


@contextlib.contextmanager
def served(models):
    """Sends the image to a server of models, paths by name, and returns the body of its answer."""
    program = os.environ.get("SAPIENS_PROGRAM")
    if not program:
        pytest.skip("SAPIENS_PROGRAM does not say where the program is")
    command = [program, "serve", "--port", "0"]
    for name, path in models.items():
        command += ["--model", f"{name}={path}"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = ""
    while not (address := re.search(r"listening on (http://\S+)\s", said)):
        line = server.stderr.readline()
        assert line, f"the server did not start: {said}"
        said += line

    def post(task, accept):
        headers = {"Content-Type": "image/jpeg", "Accept": accept}
        request = urllib.request.Request(
            f"{address[1]}/v1/{task}", IMAGE.read_bytes(), headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=240) as answer:
            return answer.read()

    try:
        yield post
    finally:
        server.terminate()
        server.communicate(timeout=60)


@pytest.fixture(scope="module")
def post():
    with served({task: model_of(task) for task in SERVED}) as send:
        yield send


@pytest.fixture(scope="module")
def post_to_sapiens2():
    with served({"sapiens2": SAPIENS2}) as send:
        yield send


def assert_same(found, expected):
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("task", ("features", "depth", "normal"))
def test_floats_are_the_same(program_file, post, task):
    file = program_file(task, "person.npy")
    expected = np.load(file)
    assert post(task, "application/x-npy") == file.read_bytes()
    assert_same(from_python(task), expected)
    (from_c_library,) = from_c(task)
    assert_same(from_c_library.reshape(expected.shape), expected)


@pytest.mark.parametrize("out_type", OUT_TYPES)
def test_features_of_sapiens2_are_the_same(run_sapiens, post_to_sapiens2, tmp_path, out_type):
    run_sapiens("features", SAPIENS2, IMAGE, "--output", tmp_path, "--out-type", out_type)
    file = tmp_path / "person.npy"
    expected = np.load(file)
    answer = post_to_sapiens2(f"features?out_type={out_type}", "application/x-npy")
    assert answer == file.read_bytes()
    assert_same(sapiens.Encoder(SAPIENS2).features(IMAGE, out_type), expected)
    (from_c_library,) = c_interface().run("encoder", "features", SAPIENS2, IMAGE, out_type)
    assert_same(from_c_library[0], expected)


def test_reports_on_sapiens2_are_the_same(run_sapiens):
    written = json.loads(run_sapiens("inspect", SAPIENS2, "--json"))
    assert written["model"]["family"] == "sapiens2"
    assert written["outputs"]["registers"] == [8, 8]
    # Texts name options as each interface does.
    for other in (sapiens.inspect(SAPIENS2).json(), c_interface().report(SAPIENS2)):
        assert other["model"] == written["model"] and other["outputs"] == written["outputs"]


def test_classes_are_the_same(program_file, post):
    file = program_file("seg", "person_seg.npy")
    expected = np.load(file)
    assert post("seg", "application/x-npy") == file.read_bytes()
    assert len(np.unique(expected)) > 1
    (from_c_library,) = from_c("seg")
    for ids in (from_python("seg"), from_c_library):
        assert_same(ids.astype(expected.dtype), expected)


def test_keypoints_are_the_same(program_file, post):
    written = json.loads(program_file("pose", "person.json").read_text())["instance_info"]
    assert json.loads(post("pose", "application/json"))["instance_info"] == written
    (person,) = written
    points, scores = (np.float32(person[key]) for key in ("keypoints", "keypoint_scores"))
    found = from_python("pose")
    assert_same(found.keypoints[0], points)
    assert_same(found.scores[0], scores)
    (from_c_library,) = from_c("pose")
    assert_same(from_c_library[0], np.hstack([points, scores[:, np.newaxis]]))


def test_reconstructions_are_the_same(program_file):
    """The server has no such interface."""
    drawn = np.asarray(Image.open(io.BytesIO(program_file("reconstruct", "person.png").read_bytes())))
    found = from_python("reconstruct")
    original, masked, predicted, mask, errors = from_c("reconstruct")
    assert_same(np.hstack([masked, predicted, original]), drawn)
    assert_same(np.hstack([found.masked, found.reconstruction, found.original]), drawn)
    assert_same(found.mask, mask.astype(bool))
    assert_same(np.float32([found.masked_error, found.mean_error]), errors)
