"""The detector and the autoencoder."""

import json

import numpy as np
import pytest

import sapiens


@pytest.fixture(scope="module")
def detector_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("detector") / "detector.pth"
    sapiens.synthesize(path, "rtmdet-m", layout="mmengine")
    return path


def test_persons_are_boxes_that_pose_takes(detector_file, models, pixels):
    detector = sapiens.Detector(detector_file)
    # Random weights find what they like; a score of 0 lets them.
    (boxes,) = detector.persons([pixels], score=0, most=3)
    assert boxes.dtype == np.float32 and boxes.shape[1] == 5 and len(boxes) <= 3
    assert detector.persons(pixels, score=1).shape == (0, 5)
    with pytest.raises(sapiens.InvalidArgumentError):
        detector.persons(pixels, score=2)
    usable = boxes[(boxes[:, 2] > 0) & (boxes[:, 3] > 0)]
    found = sapiens.Pose(models["pose"]).keypoints(pixels, usable)
    assert np.array_equal(found.boxes, usable)


def test_reconstructions_are_those_of_the_program(picture, run_sapiens, tmp_path):
    checkpoint = tmp_path / "mae.pth"
    sapiens.synthesize(checkpoint, "tiny", layout="mmengine")
    printed = run_sapiens(
        "reconstruct", checkpoint, picture, "--output", tmp_path / "out", "--seed", 5, "--json"
    )
    found = sapiens.Reconstructor(checkpoint).reconstruct(picture, seed=5)
    shown = json.loads(printed)["inputs"][0]
    assert found.masked_error == pytest.approx(shown["masked_error"], rel=1e-12)
    assert found.original.shape == found.masked.shape == found.reconstruction.shape
    assert found.mask.dtype == np.bool_
    hidden = found.mask.repeat(16, axis=0).repeat(16, axis=1)
    assert np.array_equal(found.original[~hidden], found.reconstruction[~hidden])
    assert (found.masked[hidden] == 100).all()


def test_a_cleaned_file_cannot_reconstruct(models):
    with pytest.raises(sapiens.CheckpointRefusedError):
        sapiens.Reconstructor(models["pretrain"])
