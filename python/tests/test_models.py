"""The detector and the autoencoder."""

import json
from pathlib import Path

import numpy as np
import pytest

import sapiens

DETECTOR = Path(__file__).resolve().parents[2] / "tests" / "data" / "golden" / "rtmdet"


def test_persons_are_those_of_the_program(models, run_sapiens, tmp_path):
    image, checkpoint = DETECTOR / "image.jpg", DETECTOR / "rtmdet.pth"
    run_sapiens("pose", models["pose"], image, "--detector", checkpoint, "--output", tmp_path)
    persons = json.loads((tmp_path / "image.json").read_text())["instance_info"]
    detector = sapiens.Detector(checkpoint)
    boxes = detector.persons(image)
    assert boxes.dtype == np.float32 and boxes.shape == (len(persons), 5) and len(persons) > 1
    assert np.array_equal(boxes[:, 4], np.float32([person["bbox_score"] for person in persons]))
    corners = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]])
    assert np.array_equal(corners, np.float32([person["bbox"] for person in persons]))
    found = sapiens.Pose(models["pose"]).keypoints(image, boxes)
    assert np.array_equal(found.boxes, boxes)
    assert np.array_equal(found.scores, np.float32([p["keypoint_scores"] for p in persons]))
    assert np.array_equal(detector.persons([image], max_detections=2)[0], boxes[:2])


def test_nobody_is_an_empty_array(pixels):
    detector = sapiens.Detector(DETECTOR / "rtmdet.pth")
    assert detector.persons(pixels, score=1).shape == (0, 5)
    with pytest.raises(sapiens.InvalidArgumentError):
        detector.persons(pixels, score=2)


def test_reconstructions_are_those_of_the_program(image, run_sapiens, tmp_path):
    checkpoint = tmp_path / "mae.pth"
    sapiens.synthesize(checkpoint, "tiny", layout="mmengine")
    printed = run_sapiens(
        "reconstruct", checkpoint, image, "--output", tmp_path / "out", "--seed", 5, "--json"
    )
    found = sapiens.Reconstructor(checkpoint).reconstruct(image, seed=5)
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
