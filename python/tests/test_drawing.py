"""Drawings are those of `--viz`, pixel for pixel; with the bundled models, which find something."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sapiens

TOP = Path(__file__).resolve().parents[2]
IMAGE = TOP / "samples" / "person.jpg"


def model_of(name):
    return TOP / "models" / "tiny" / f"sapiens_tiny_{name}"


@pytest.fixture
def program_drawing(run_sapiens, tmp_path):
    def run(task, model, *options):
        run_sapiens(task, model_of(model), IMAGE, "--output", tmp_path, "--viz", *options)
        return np.asarray(Image.open(tmp_path / "person.png"))

    return run


def assert_same(drawn, expected):
    assert drawn.dtype == np.uint8 and drawn.shape == expected.shape
    assert np.array_equal(drawn, expected)


def test_features(program_drawing):
    encoder = sapiens.Encoder(model_of("pretrain_clean.pth"))
    drawn = encoder.draw(IMAGE, encoder.features(IMAGE))
    assert_same(drawn, program_drawing("features", "pretrain_clean.pth"))


def test_keypoints(program_drawing):
    pose = sapiens.Pose(model_of("pose.safetensors"))
    found = pose.keypoints(IMAGE)
    drawn = pose.draw(IMAGE, found)
    assert_same(drawn, program_drawing("pose", "pose.safetensors"))
    plain = sapiens.read_image(IMAGE)
    assert not np.array_equal(drawn, plain)
    assert np.array_equal(pose.draw(IMAGE, found, score=2), plain)
    assert np.array_equal(pose.draw(IMAGE, pose.keypoints(IMAGE, [])), plain)


def test_classes(program_drawing):
    segmenter = sapiens.Segmenter(model_of("seg.safetensors"))
    ids = segmenter.segment(IMAGE)
    assert_same(segmenter.draw(IMAGE, ids), program_drawing("seg", "seg.safetensors"))


def test_depth_under_a_mask_and_without(program_drawing):
    depth = sapiens.Depth(model_of("depth.safetensors"))
    found = depth.depth(IMAGE)
    assert_same(depth.draw(IMAGE, found), program_drawing("depth", "depth.safetensors"))
    mask = sapiens.Segmenter(model_of("seg.safetensors")).segment(IMAGE)
    options = ["--seg-checkpoint", model_of("seg.safetensors")]
    expected = program_drawing("depth", "depth.safetensors", *options)
    assert_same(depth.draw(IMAGE, found, mask), expected)


def test_normals(program_drawing):
    normals = sapiens.Normals(model_of("normal.safetensors"))
    found = normals.normals(IMAGE)
    assert_same(normals.draw(IMAGE, found), program_drawing("normal", "normal.safetensors"))


def test_reconstructions(run_sapiens, tmp_path):
    model = model_of("pretrain.pth")
    run_sapiens("reconstruct", model, IMAGE, "--output", tmp_path)
    drawn = sapiens.Reconstructor(model).reconstruct(IMAGE).draw()
    assert_same(drawn, np.asarray(Image.open(tmp_path / "person.png")))


def test_what_does_not_belong_to_the_image_is_refused(pixels):
    height, width = pixels.shape[:2]
    segmenter = sapiens.Segmenter(model_of("seg.safetensors"))
    with pytest.raises(sapiens.InvalidArgumentError, match="size of the image"):
        segmenter.draw(pixels, np.zeros((height, width - 1), np.uint8))
    with pytest.raises(sapiens.InvalidArgumentError, match="does not have"):
        segmenter.draw(pixels, np.full((height, width), 255, np.uint8))
    with pytest.raises(sapiens.ShapeMismatchError):
        segmenter.draw(pixels, np.zeros((height, width, 1), np.uint8))
    depth = sapiens.Depth(model_of("depth.safetensors"))
    with pytest.raises(sapiens.ShapeMismatchError):
        depth.draw(pixels, np.zeros((height, width, 3), np.float32))
    with pytest.raises(sapiens.InvalidArgumentError):
        depth.draw(pixels, np.zeros((height, width)), np.ones((2, 2)))
    pose = sapiens.Pose(model_of("pose.safetensors"))
    points, scores, boxes = pose.keypoints(pixels)
    with pytest.raises(sapiens.ShapeMismatchError):
        pose.draw(pixels, (points, scores[:, 1:], boxes))
    with pytest.raises(sapiens.ShapeMismatchError):
        pose.draw(pixels, (points, scores, boxes[:, :4]))
