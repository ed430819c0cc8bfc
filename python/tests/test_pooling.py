"""Maps of patches, reduced: equal to NumPy on the full map."""

import numpy as np
import pytest

import sapiens


def shares(covered, image, patches, grid):
    """What of each patch an interval of pixels covers, by counting tenths of pixels."""
    fine = np.zeros(image * 10 * grid)
    fine[int(covered[0] * 10 * grid) : int(covered[1] * 10 * grid)] = 1
    return fine.reshape(patches, -1).mean(axis=1)


@pytest.fixture(scope="module")
def featmap():
    return np.random.default_rng(5).normal(size=(7, 6, 4)).astype(np.float32)


def test_the_mean_is_numpys(featmap):
    pooled = sapiens.pool(featmap, "mean")
    assert pooled.dtype == np.float32
    assert np.abs(pooled - featmap.astype(float).mean((1, 2))).max() < 1e-6


@pytest.mark.parametrize("cells", [(6, 4), (3, 2), (4, 3), (5, 1), (1, 1)])
def test_cells_of_a_grid_are_means_over_their_area(featmap, cells):
    height, width = cells
    fine = featmap.astype(float).repeat(height, 1).repeat(width, 2)
    expected = fine.reshape(7, height, 6, width, 4).mean((2, 4))
    assert np.abs(sapiens.pool(featmap, ("grid", *cells)) - expected).max() < 1e-6


@pytest.mark.parametrize("size", [(60, 40), (45, 70), (6, 4), (333, 17)])
def test_a_mask_weighs_patches_with_the_share_it_covers(featmap, size):
    mask = np.random.default_rng(sum(size)).random(size) < 0.3
    mask[0, 0] = True
    fine = mask.repeat(6, 0).repeat(4, 1).astype(float)
    weights = fine.reshape(6, size[0], 4, size[1]).mean((1, 3))
    expected = (featmap * weights).sum((1, 2)) / weights.sum()
    assert np.abs(sapiens.pool(featmap, mask) - expected).max() < 1e-6


def test_each_box_has_a_vector(featmap):
    boxes = np.array([[3.5, 5, 20, 31], [60, 40, 10, 5], [0, 0, 70, 45]])
    expected = []
    for x, y, width, height in boxes:
        weights = np.outer(shares((y, y + height), 45, 6, 6), shares((x, x + width), 70, 4, 4))
        expected.append((featmap * weights).sum((1, 2)) / weights.sum())
    pooled = sapiens.pool(featmap, boxes, image_size=(45, 70))
    assert pooled.shape == (3, 7)
    assert np.abs(pooled - expected).max() < 1e-6
    assert sapiens.pool(featmap, [], image_size=(45, 70)).shape == (0, 7)


def test_padding_moves_the_patches(featmap):
    mask = np.zeros((96, 64), bool)
    mask[:, :14] = True  # the pixels of the first column of patches
    pooled = sapiens.pool(featmap, mask, patch_padding=2)
    assert np.allclose(pooled, featmap[:, :, 0].astype(float).mean(1), atol=1e-6)
    assert not np.allclose(sapiens.pool(featmap, mask[:, :13], patch_padding=0), pooled)


def test_what_covers_nothing_or_means_nothing_is_refused(featmap):
    with pytest.raises(sapiens.InvalidArgumentError, match="the mask covers no patch"):
        sapiens.pool(featmap, np.zeros((9, 9), bool))
    with pytest.raises(sapiens.InvalidArgumentError, match="a box covers no patch"):
        sapiens.pool(featmap, [[20, 20, 5, 5]], image_size=(9, 9))
    with pytest.raises(sapiens.InvalidArgumentError, match="6 x 4"):
        sapiens.pool(featmap, ("grid", 7, 1))
    with pytest.raises(ValueError, match="not 'max'"):
        sapiens.pool(featmap, "max")
    with pytest.raises(TypeError, match="a mask is bool"):
        sapiens.pool(featmap, np.zeros((9, 9)))
    with pytest.raises(TypeError, match="image_size"):
        sapiens.pool(featmap, [[0, 0, 5, 5]])
    with pytest.raises(ValueError, match="the mask has shape"):
        sapiens.pool(featmap, np.ones((9, 9), bool), image_size=(9, 8))


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("place", range(4))
def test_a_box_that_is_not_finite_is_refused(featmap, place, number):
    box = np.array([[1, 1, 5, 5]], np.float32)
    box[0, place] = number
    with pytest.raises(sapiens.InvalidArgumentError, match="a box covers no patch"):
        sapiens.pool(featmap, box, image_size=(45, 70))


def test_a_map_in_8_bits_or_of_several_images_is_refused(featmap):
    for wrong in (featmap.astype(np.int8), featmap[np.newaxis], featmap[0], np.float32(1), None):
        for how in ("mean", ("grid", 1, 1), np.ones((9, 9), bool)):
            with pytest.raises(TypeError, match="a featmap is"):
                sapiens.pool(wrong, how)
    assert np.array_equal(sapiens.pool(featmap.tolist(), "mean"), sapiens.pool(featmap, "mean"))


def test_cells_are_counted_in_whole_numbers(featmap):
    for wrong in (2.7, "2", None):
        with pytest.raises(TypeError):
            sapiens.pool(featmap, ("grid", wrong, 2))


def test_views_of_any_strides_are_read_as_numpy_does(featmap):
    for view in (featmap[:, ::-1, ::-1], np.asfortranarray(featmap), featmap.astype(">f4")):
        expected = np.ascontiguousarray(view, np.float32)
        assert np.array_equal(
            sapiens.pool(view, ("grid", 2, 2)), sapiens.pool(expected, ("grid", 2, 2))
        )


def test_scales_of_another_array_are_refused():
    values, scale = np.ones((5, 4, 4), np.int8), np.ones((5, 4), np.float32)
    assert sapiens.dequantize(values, scale).shape == (5, 4, 4)
    # Each of these would be repeated by NumPy.
    for wrong in (scale[0], scale[:1], scale[:, :1], np.float32(1), scale[..., np.newaxis]):
        with pytest.raises(ValueError, match="a scale per row"):
            sapiens.dequantize(values, wrong)
    for wrong in (values.view(np.uint8), values.astype(np.float32)):
        with pytest.raises(TypeError, match="values are int8"):
            sapiens.dequantize(wrong, scale)


def test_features_are_pooled_as_the_program_does(models, image, pixels, run_sapiens, tmp_path):
    encoder = sapiens.Encoder(models["pretrain"])
    run_sapiens("features", models["pretrain"], image, "--output", tmp_path, "--pool", "grid:3x2")
    assert np.array_equal(
        encoder.features(image, pool=("grid", 3, 2)), np.load(tmp_path / "image.npy")
    )
    featmap, size = encoder.features(image), pixels.shape[:2]
    mask = np.zeros(size, bool)
    mask[10:30, 5:] = True
    found = encoder.features(image, ["featmap", "cls_token"], pool=mask)
    assert np.array_equal(found["featmap"], sapiens.pool(featmap, mask, input_size=encoder.size))
    assert np.array_equal(found["cls_token"], encoder.features(image, "cls_token"))
    boxes = [[5, 10, size[1] - 5, 20]]
    by_layer = encoder.features(image, layers=[0, -1], pool=boxes)
    last = by_layer[max(by_layer)]
    assert np.allclose(last[0], found["featmap"], atol=1e-6)
    assert encoder.features([image, pixels], pool="mean").shape == (2, featmap.shape[0])
    with pytest.raises(ValueError, match="about one image"):
        encoder.features([image, pixels], pool=mask)
    with pytest.raises(ValueError, match="not among out_type"):
        encoder.features(image, "raw", pool="mean")


def test_int8_differs_by_at_most_half_a_scale(models, image, run_sapiens, tmp_path):
    run_sapiens("features", models["pretrain"], image, "--output", tmp_path, "--dtype", "int8")
    values, scale = np.load(tmp_path / "image.npy"), np.load(tmp_path / "image.scale.npy")
    featmap = sapiens.Encoder(models["pretrain"]).features(image)
    assert values.dtype == np.int8 and scale.dtype == np.float32
    assert scale.shape == featmap.shape[:-1]
    error = np.abs(featmap - values * scale.astype(float)[..., np.newaxis])
    assert (error <= scale[..., np.newaxis] / 2).all()
    found = sapiens.dequantize(values, scale)
    assert found.dtype == np.float32
    assert np.allclose(found, values * scale[..., np.newaxis])


def test_bfloat16_is_what_ml_dtypes_writes(models, image, run_sapiens, tmp_path):
    run_sapiens("features", models["pretrain"], image, "--output", tmp_path, "--dtype", "bf16")
    written = np.load(tmp_path / "image.npy")
    assert written.dtype == np.dtype("V2")
    found = (written.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    featmap = sapiens.Encoder(models["pretrain"]).features(image)
    assert (np.abs(found - featmap) <= np.abs(featmap) * 2.0**-8).all()
    ml_dtypes = pytest.importorskip("ml_dtypes")
    np.save(tmp_path / "other.npy", featmap.astype(ml_dtypes.bfloat16))
    assert (tmp_path / "other.npy").read_bytes() == (tmp_path / "image.npy").read_bytes()
    assert np.array_equal(written.view(ml_dtypes.bfloat16).astype(np.float32), found)
