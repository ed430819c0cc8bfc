"""Results of tasks are those of the program."""

import json

import numpy as np
import pytest

import sapiens

DENSE = {"depth": (sapiens.Depth, "depth"), "normal": (sapiens.Normals, "normals")}


def keypoints_of(document):
    persons = json.loads(document.read_text())["instance_info"]
    return [
        np.float32([person[key] for person in persons]) for key in ("keypoints", "keypoint_scores")
    ]


@pytest.mark.parametrize("options", ([], ["--preprocess", "lite"]))
def test_keypoints_are_those_of_the_program(models, image, run_sapiens, tmp_path, options):
    run_sapiens("pose", models["pose"], image, "--output", tmp_path, *options)
    pose = sapiens.Pose(models["pose"])
    lite = bool(options)
    found = pose.keypoints(image, preprocess="lite" if lite else "full", flip_test=not lite)
    keypoints, scores = keypoints_of(tmp_path / "image.json")
    assert found.keypoints.dtype == found.scores.dtype == found.boxes.dtype == np.float32
    assert np.array_equal(found.keypoints, keypoints)
    assert np.array_equal(found.scores, scores)
    assert found.boxes.tolist() == [[0, 0, 120, 90, 1]]


@pytest.mark.parametrize("batch", (1, 2, 3))
def test_boxes_are_persons(models, image, run_sapiens, tmp_path, batch):
    run_sapiens(
        "pose",
        models["pose"],
        image,
        "--output",
        tmp_path,
        "--box",
        "10,5,40,60",
        "--box",
        "50,20,30,30.5",
        "--box",
        "-5,-5,70,90",
    )
    boxes = [[10, 5, 40, 60], [50, 20, 30, 30.5], [-5, -5, 70, 90]]
    found = sapiens.Pose(models["pose"]).keypoints(image, boxes, batch=batch)
    keypoints, scores = keypoints_of(tmp_path / "image.json")
    assert np.array_equal(found.keypoints, keypoints)
    assert np.array_equal(found.scores, scores)
    assert found.boxes.shape == (3, 5)


def test_several_images_have_persons_of_their_own(models, pixels):
    pose = sapiens.Pose(models["pose"])
    boxes = np.float32([[10, 5, 40, 60, 0.5]])
    with_box, nobody, whole = pose.keypoints([pixels, pixels, pixels], [boxes, [], None])
    assert np.array_equal(with_box.boxes, boxes)
    assert np.array_equal(with_box.keypoints, pose.keypoints(pixels, boxes).keypoints)
    assert nobody.keypoints.shape == (0, whole.keypoints.shape[1], 2)
    assert nobody.scores.shape == (0, whole.scores.shape[1]) and nobody.boxes.shape == (0, 5)
    assert np.array_equal(whole.keypoints, pose.keypoints(pixels).keypoints)
    assert len(pose.names) == whole.keypoints.shape[1]
    assert all(0 <= a < len(pose.names) and 0 <= b < len(pose.names) for a, b in pose.links)


@pytest.mark.parametrize("box", [[500, 500, 10, 10], [-20, 5, 10, 10], [0.1, 0.1, 0.5, 0.5]])
def test_boxes_that_are_not_in_the_image_are_refused(models, pixels, box):
    with pytest.raises(sapiens.Error, match="boxes\\[0\\]"):
        sapiens.Pose(models["pose"]).keypoints(pixels, [box])


def test_images_are_taken_when_their_turn_comes(models, pixels):
    """An iterable may hold more images than memory does."""

    def images():
        for taken in range(3):
            assert len(done) == taken
            yield pixels

    pose, done = sapiens.Pose(models["pose"]), []
    of_image = pose._of_image
    pose._of_image = lambda *given: done.append(of_image(*given))
    pose.keypoints(images())
    assert len(done) == 3


def test_boxes_that_are_none_are_refused(models, pixels):
    pose = sapiens.Pose(models["pose"])
    with pytest.raises(sapiens.ShapeMismatchError):
        pose.keypoints(pixels, [1, 2, 3, 4])
    with pytest.raises(sapiens.ShapeMismatchError):
        pose.keypoints(pixels, [[1, 2, 3]])
    for box in ([0, 0, 0, 5], [0, 0, -1, 5], [0, 0, np.nan, 5], [0, 0, np.inf, 5]):
        with pytest.raises(sapiens.InvalidArgumentError):
            pose.keypoints(pixels, [box])
    with pytest.raises(ValueError):
        pose.keypoints([pixels, pixels], [None])


def test_classes_are_those_of_the_program(models, image, run_sapiens, tmp_path):
    run_sapiens("seg", models["seg"], image, "--output", tmp_path)
    segmenter = sapiens.Segmenter(models["seg"])
    ids = segmenter.segment(image)
    assert ids.dtype == np.uint8
    assert np.array_equal(ids, np.load(tmp_path / "image_seg.npy"))
    assert np.array_equal(ids != 0, np.load(tmp_path / "image.npy"))
    assert segmenter.names[0] == "Background" and len(segmenter.names) == 28
    assert segmenter.colors[ids].shape == (90, 120, 3)


@pytest.mark.parametrize("task", DENSE)
def test_dense_results_are_those_of_the_program(models, image, run_sapiens, tmp_path, task):
    run_sapiens(task, models[task], image, "--output", tmp_path)
    kind, method = DENSE[task]
    found = getattr(kind(models[task]), method)(image)
    expected = np.load(tmp_path / "image.npy")
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("batch", (1, 2, 4))
def test_images_of_any_sizes_give_a_list(models, pixels, batch):
    depth = sapiens.Depth(models["depth"])
    images = [pixels, pixels[:40, :30], pixels[::2]]
    found = depth.depth(images, batch=batch)
    assert [one.shape for one in found] == [image.shape[:2] for image in images]
    for one, image in zip(found, images):
        assert np.array_equal(one, depth.depth(image))
    assert depth.depth([]) == []


def test_a_file_for_another_task_is_refused(models):
    with pytest.raises(sapiens.CheckpointRefusedError, match="for seg, not for pose"):
        sapiens.Pose(models["seg"])
    with pytest.raises(sapiens.CheckpointRefusedError):
        sapiens.Segmenter(models["pretrain"])
