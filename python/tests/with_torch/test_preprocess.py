"""Inputs made on tensors are the engine's, byte for byte."""

import numpy as np
import pytest
import torch

import sapiens
import sapiens.torch


@pytest.mark.parametrize("task", ("pretrain", "pose", "sapiens2"))
def test_features_see_the_bytes_of_the_engine(models, case, task):
    generator = np.random.default_rng(1)
    sizes = [(90, 120), (128, 128), (1, 1), (128, 40), (300, 128), (257, 500), (17, 3)]
    images = [generator.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    path, size = case("sapiens2_batch2").checkpoint, (128, 96)
    if task != "sapiens2":
        path, size = models[task], None
    engine = sapiens.Encoder(path, size=size)
    module = sapiens.torch.load(path, "features", size=size)
    assert module.size == engine.size
    found = module.preprocess(images)
    for image, tensor in zip(images, found, strict=True):
        assert np.array_equal(engine.preprocess(image), tensor.numpy()), image.shape


def test_other_sizes_are_the_engines_too(models):
    image = np.random.default_rng(2).integers(0, 256, (75, 31, 3), dtype=np.uint8)
    for size in ((64, 48), (16, 400), (208, 32)):
        expected = sapiens.Encoder(models["pretrain"], size=size).preprocess(image)
        assert np.array_equal(sapiens.torch.preprocess([image], size)[0].numpy(), expected)


@pytest.mark.parametrize("name", ("seg_5_user", "task_seg", "task_depth", "task_normal"))
def test_dense_tasks_see_the_bytes_of_the_original(case, name):
    pil = pytest.importorskip("PIL.Image")
    case = case(name)
    image = np.asarray(pil.open(case.folder / "image.png").convert("RGB"))
    found = case.load().preprocess([image])
    if (case.folder / "input.npy").exists():
        assert torch.equal(found, case.tensor("input"))
    whole = sapiens.torch.preprocess([image], image.shape[:2], task=case.facts["kind"])
    assert torch.equal(whole, sapiens.torch.preprocess([image], image.shape[:2]))


def test_batches_lists_and_tensors_are_taken(pixels):
    batch = torch.from_numpy(np.stack([pixels, pixels[::-1]]))
    expected = sapiens.torch.preprocess(batch, (64, 48))
    assert expected.shape == (2, 3, 64, 48) and expected.dtype == torch.float32
    for images in (list(batch), batch.numpy(), [pixels, pixels[::-1]]):
        assert torch.equal(sapiens.torch.preprocess(images, (64, 48)), expected)


def test_other_things_are_refused(models, pixels):
    for wrong in (pixels.astype(np.float32), pixels[:, :, 0], pixels[:0], pixels[..., :2]):
        with pytest.raises(sapiens.ShapeMismatchError, match="uint8"):
            sapiens.torch.preprocess([wrong], (64, 48))
    with pytest.raises(sapiens.InvalidArgumentError, match="family"):
        sapiens.torch.preprocess([pixels], (64, 48), "sapiens3")
    with pytest.raises(ValueError, match="no images"):
        sapiens.torch.preprocess([], (64, 48))
    pose = sapiens.torch.load(models["pose"])
    with pytest.raises(sapiens.ShapeMismatchError, match="cut out"):
        pose.preprocess([pixels])
    assert pose.preprocess([np.zeros((*pose.size, 3), np.uint8)]).shape == (1, 3, *pose.size)


def test_dense_tasks_see_the_mean_of_four_pixels_in_images_of_twice_the_size():
    # OpenCV takes another way there than for all other sizes.
    image = np.random.default_rng(3).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    means = (image.reshape(16, 2, 24, 2, 3).sum((1, 3)) + 2) // 4
    found = sapiens.torch.preprocess([image], (16, 24), task="depth")
    assert torch.equal(found, sapiens.torch.preprocess([means.astype(np.uint8)], (16, 24)))
