"""Outputs of PyTorch become what the engine makes of the same image."""

import numpy as np
import pytest
import torch

import sapiens
import sapiens.torch

BOXES = np.float32([[10, 5, 40, 60, 0.5], [-5, -5, 70, 90, 1]])


@pytest.fixture(scope="module")
def images(pixels):
    """Two images of different sizes."""
    return [pixels, np.ascontiguousarray(pixels[:50, 20:100])]


def sizes_of(images):
    return [image.shape[:2] for image in images]


def outputs_of(model, images):
    with torch.inference_mode():
        return model(model.preprocess(images))


def test_depths_are_those_of_the_engine(models, images):
    model = sapiens.torch.load(models["depth"])
    found = model.decode(outputs_of(model, images), sizes_of(images))
    expected = sapiens.Depth(models["depth"], precision="fp32").depth(images)
    for one, other in zip(found, expected):
        assert one.dtype == np.float32 and one.shape == other.shape
        assert np.abs(one - other).max() < 3e-5 * np.abs(other).max()


def test_normals_are_those_of_the_engine(models, images):
    model = sapiens.torch.load(models["normal"])
    found = model.decode(outputs_of(model, images), sizes_of(images))
    expected = sapiens.Normals(models["normal"], precision="fp32").normals(images)
    for one, other in zip(found, expected):
        assert one.shape == other.shape
        assert np.abs(one - other).max() < 1e-3


def test_classes_are_those_of_the_engine(models, images):
    model = sapiens.torch.load(models["seg"])
    found = model.decode(outputs_of(model, images), sizes_of(images))
    expected = sapiens.Segmenter(models["seg"], precision="fp32").segment(images)
    for one, other in zip(found, expected):
        assert one.dtype == np.uint8 and one.shape == other.shape
        assert (one != other).mean() < 1e-3  # where rounding decides between two classes


def test_keypoints_are_those_of_the_engine(models, pixels):
    model = sapiens.torch.load(models["pose"])
    crops = [sapiens.crop_person(pixels, box, model.size) for box in BOXES]
    found = model.decode(outputs_of(model, crops), [pixels.shape[:2]] * 2, BOXES)
    expected = sapiens.Pose(models["pose"], precision="fp32").keypoints(
        pixels, BOXES, flip_test=False
    )
    assert isinstance(found, sapiens.PoseResult)
    assert np.array_equal(found.boxes, expected.boxes)
    assert np.abs(found.scores - expected.scores).max() < 3e-5
    # Random weights give ragged peaks; where two are equally high rounding decides between them.
    distance = np.linalg.norm(found.keypoints - expected.keypoints, axis=2)
    assert np.quantile(distance, 0.95) < 0.05


def test_equal_outputs_give_equal_results_however_they_are_stored(models, images):
    """Half floats, gradients and strides change nothing, and neither do threads."""
    model = sapiens.torch.load(models["seg"])
    outputs = outputs_of(model, images).clone().to(torch.bfloat16)
    wide = outputs.repeat(1, 1, 1, 2)[..., ::2].contiguous(memory_format=torch.channels_last)
    wide = wide.copy_(outputs).requires_grad_()
    found = model.decode(wide, sizes_of(images), threads=2)
    plain = sapiens.decode("seg", outputs.float().numpy(), model.size, sizes_of(images), threads=1)
    assert all(np.array_equal(one, other) for one, other in zip(found, plain))


def test_without_boxes_a_person_fills_the_image():
    heatmaps = np.zeros((1, 2, 16, 12), np.float32)
    heatmaps[0, :, 4, 3] = [0.5, 1]
    whole = sapiens.decode("pose", heatmaps, (64, 48), [(90, 120)])
    boxed = sapiens.decode("pose", heatmaps, (64, 48), [(90, 120)], [[0, 0, 120, 90]])
    assert all(np.array_equal(one, other) for one, other in zip(whole, boxed))
    assert whole.boxes.tolist() == [[0, 0, 120, 90, 1]]
    assert whole.scores.tolist() == [[0.5, 1]]


def test_inputs_of_another_size_than_the_models_are_told(models, pixels):
    model = sapiens.torch.load(models["depth"])
    size = (model.size[0] // 2, model.size[1] // 2)
    with torch.inference_mode():
        outputs = model(sapiens.torch.preprocess([pixels], size, task="depth"))
    (found,) = model.decode(outputs, [pixels.shape[:2]], size=size)
    (expected,) = sapiens.decode("depth", outputs.numpy(), size, [pixels.shape[:2]])
    assert np.array_equal(found, expected)
    assert found.shape == pixels.shape[:2]


def test_nothing_becomes_nothing():
    assert sapiens.decode("depth", np.zeros((0, 1, 4, 4)), (16, 16), []) == []
    nobody = sapiens.decode("pose", np.zeros((0, 17, 4, 4)), (16, 16), [], [])
    assert [part.shape for part in nobody] == [(0, 17, 2), (0, 17), (0, 5)]


@pytest.mark.parametrize(
    "text, arguments",
    [
        ("no head", ("pretrain", np.zeros((1, 1, 4, 4)), (16, 16), [(9, 9)])),
        ("these images", ("depth", np.zeros((1, 1, 4, 4)), (16, 16), [(9, 9)] * 2)),
        ("these images", ("depth", np.zeros((1, 4, 4)), (16, 16), [(9, 9)])),
        ("depth has the wrong shape", ("depth", np.zeros((1, 2, 4, 4)), (16, 16), [(9, 9)])),
        ("whole images", ("seg", np.zeros((1, 2, 4, 4)), (16, 16), [(9, 9)], [[0, 0, 9, 9]])),
        ("person box", ("pose", np.zeros((1, 2, 4, 4)), (16, 16), [(9, 9)], [[0, 0, 0, 9]])),
        ("no boxes", ("pose", np.zeros((1, 2, 4, 4)), (16, 16), [(9, 9)], [[0, 0, 9]])),
        ("that size", ("seg", np.zeros((1, 2, 4, 4)), (16, 0), [(9, 9)])),
    ],
)
def test_what_is_no_output_of_a_head_is_refused(text, arguments):
    with pytest.raises(sapiens.Error, match=text):
        sapiens.decode(*arguments)


def test_each_output_of_pose_needs_a_box():
    with pytest.raises(ValueError, match="2 outputs need 2 boxes, not 1"):
        sapiens.decode("pose", np.zeros((2, 3, 4, 4)), (16, 16), [(9, 9)] * 2, [[0, 0, 9, 9]])
