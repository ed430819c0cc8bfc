"""An image is the same one however it is handed over."""

import numpy as np
import pytest
from PIL import Image

import sapiens


@pytest.fixture(scope="module")
def features(models):
    return sapiens.Encoder(models["pretrain"], precision="fp32").features


def test_paths_arrays_and_pil_images_give_the_same_bits(features, image, pixels):
    expected = features(image)
    assert np.array_equal(features(str(image)), expected)
    assert np.array_equal(features(bytes(image)), expected)
    assert np.array_equal(features(pixels), expected)
    assert np.array_equal(features(Image.fromarray(pixels)), expected)
    assert np.array_equal(features(Image.open(image)), expected)
    mixed = features([image, pixels, Image.fromarray(pixels)])
    assert mixed.shape == (3, *expected.shape)
    assert all(np.array_equal(one, expected) for one in mixed)


def test_arrays_may_have_any_strides(features, pixels):
    for view in (
        pixels[:, ::-1],
        pixels[::-1, 5:],
        pixels[..., ::-1],
        pixels[:, ::3],
        np.asfortranarray(pixels),
    ):
        assert np.array_equal(features(view), features(np.ascontiguousarray(view)))


def test_an_array_may_hold_several_images(features, pixels):
    images = np.stack([pixels, pixels[::-1]])
    assert np.array_equal(features(images), features(list(images)))
    assert features(images[:1]).shape[0] == 1


def test_read_image_gives_the_pixels(image, pixels):
    assert np.array_equal(sapiens.read_image(image), pixels)


def test_pil_images_are_turned_upright_as_files_are(features, pixels, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    path = tmp_path / "turned.png"
    Image.fromarray(pixels).save(path, exif=exif)
    assert sapiens.read_image(path).shape == (120, 90, 3)
    assert np.array_equal(features(Image.open(path)), features(path))


@pytest.mark.parametrize("mode", ("L", "RGBA", "P", "1", "LA"))
def test_other_modes_of_pil_are_converted(features, pixels, mode):
    image = Image.fromarray(pixels).convert(mode)
    assert np.array_equal(features(image), features(np.asarray(image.convert("RGB"))))


def test_modes_that_pil_would_clip_are_refused(features):
    for dtype in (np.int32, np.float32, np.uint16):
        with pytest.raises(ValueError, match="scale them"):
            features(Image.fromarray(np.full((20, 20), 300, dtype)))


@pytest.mark.parametrize(
    "array",
    (
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((3, 20, 20), np.uint8),
        np.zeros((1, 1, 20, 20, 3), np.uint8),
        np.zeros((0, 20, 3), np.uint8),
        np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (2**14, 2**14 + 1, 3)),
        np.zeros((20, 20, 3), np.float32),
        np.zeros((20, 20, 3), np.int8),
        np.zeros((20, 20, 3), object),
        np.array(5, np.uint8),
    ),
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_that_are_no_images_are_refused(features, array):
    with pytest.raises(sapiens.InvalidArgumentError, match="no image") as caught:
        features(array)
    assert str(array.dtype) in caught.value.actual


def test_things_that_are_no_images_are_refused(features):
    with pytest.raises(TypeError, match="NoneType"):
        features([None])
    for thing in (None, 5):
        with pytest.raises(TypeError, match="an image is"):
            features(thing)
