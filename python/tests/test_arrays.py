"""Arrays that the module hands out and takes in, with whatever NumPy is installed: strides and items
are what they should be. with_numpy.py runs this with other releases of NumPy too."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest

import sapiens
from sapiens import _sapiens


def expect_dense(array, dtype, shape):
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.dtype(dtype) and array.shape == tuple(shape)
    assert array.itemsize == np.dtype(dtype).itemsize
    strides, stride = [], array.itemsize
    for extent in reversed(array.shape):
        strides.insert(0, stride)
        stride *= extent
    assert array.size == 0 or array.strides == tuple(strides)
    assert array.flags.writeable and array.flags.c_contiguous and array.flags.aligned


def expect_varied(array, dtype, shape):
    expect_dense(array, dtype, shape)
    assert len(np.unique(array)) > 1, "every item is the first"


@pytest.fixture(scope="module")
def native(pixels):
    return _sapiens.Image.from_array(pixels)


@pytest.mark.parametrize("dtype", ("", "float32", "float16"))
def test_weights(models, dtype):
    state = sapiens.load_state_dict(models["pretrain"], dtype=dtype)
    assert any(array.size > 1 for array in state.values())
    for key, array in state.items():
        expect_dense(array, dtype or np.float32, array.shape)
        assert array.size == 1 or "norm" in key or array.std() > 0 or array.ndim == 1, key
    table = state["backbone.pos_embed"]
    expect_varied(table, dtype or np.float32, table.shape)


def test_weights_of_bf16_are_widened(models, tmp_path):
    sapiens.convert(models["pretrain"], tmp_path / "half.safetensors", dtype="bfloat16")
    whole = sapiens.load_state_dict(models["pretrain"])
    for key, array in sapiens.load_state_dict(tmp_path / "half.safetensors").items():
        expect_dense(array, np.float32, whole[key].shape)
        assert np.allclose(array, whole[key], rtol=2**-7), key


def test_weights_of_every_type(tmp_path):
    """What no model needs, as it lies in the file: types beside floats too."""
    kinds = {"F64": "f8", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
    source = tmp_path / "model.safetensors"
    sapiens.synthesize(source, "tiny", "pretrain")
    data = source.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, values = json.loads(data[8 : 8 + length]), data[8 + length :]
    expected = {}
    for kind, dtype in kinds.items():
        array = (np.arange(6).reshape(2, 3) % 2).astype(dtype)
        header[f"extra.{kind}"] = {
            "dtype": kind,
            "shape": [2, 3],
            "data_offsets": [len(values), len(values) + array.nbytes],
        }
        values += array.tobytes()
        expected[f"extra.{kind}"] = array
    text = json.dumps(header).encode()
    source.write_bytes(struct.pack("<Q", len(text)) + text + values)
    state = sapiens.load_state_dict(source, keep_unused=True)
    for key, array in expected.items():
        expect_dense(state[key], array.dtype, (2, 3))
        assert np.array_equal(state[key], array), key


def test_features(models, pixels):
    encoder = sapiens.Encoder(models["pretrain"], size=(64, 96))
    prepared = encoder.preprocess(pixels)
    expect_varied(prepared, np.float32, (3, 64, 96))
    featmap = encoder.features(pixels)
    expect_varied(featmap, np.float32, (featmap.shape[0], 4, 6))
    assert np.array_equal(encoder.forward(prepared[np.newaxis])[0], featmap)
    for view in (prepared[np.newaxis, :, ::-1], prepared.transpose(0, 2, 1)[np.newaxis]):
        if view.shape[2:] == (64, 96):  # strides of its own
            assert np.array_equal(encoder.forward(view), encoder.forward(view.copy()))
    expect_varied(encoder.draw(pixels, featmap), np.uint8, (90, 252, 3))
    turned = np.asfortranarray(featmap)
    assert np.array_equal(encoder.draw(pixels, turned), encoder.draw(pixels, featmap))
    doubles = featmap.astype(np.float64)
    assert np.array_equal(encoder.draw(pixels, doubles), encoder.draw(pixels, featmap))


def test_images_of_any_strides(pixels, image):
    expect_varied(sapiens.read_image(image), np.uint8, pixels.shape)
    assert np.array_equal(sapiens.read_image(image), pixels)
    wide = np.repeat(pixels, 2, axis=1)
    large = np.dstack([pixels, pixels])
    for view, same in (
        (pixels[::-1], pixels[::-1].copy()),
        (wide[:, ::2], pixels),
        (large[:, :, :3], pixels),
        (pixels[:, :, ::-1], pixels[:, :, ::-1].copy()),
        (np.asfortranarray(pixels), pixels),
        (np.broadcast_to(pixels[:1], pixels.shape), np.repeat(pixels[:1], len(pixels), axis=0)),
    ):
        seen, expected = (_sapiens.Image.from_array(array) for array in (view, same))
        drawn = [_sapiens.draw_normals(one, flat(pixels), nothing()) for one in (seen, expected)]
        assert np.array_equal(*drawn) and drawn[0].std() > 0


def flat(pixels):
    normals = np.zeros(pixels.shape, np.float32)
    normals[..., 2] = -1
    return normals


def nothing():
    return np.empty(0, np.uint8)


def test_results_of_tasks(models, pixels):
    height, width = pixels.shape[:2]
    pose = sapiens.Pose(models["pose"])
    boxes = [[5, 5, 60, 70], [20, 10, 50, 60]]
    found = pose.keypoints(pixels, boxes)
    expect_varied(found.keypoints, np.float32, (2, len(pose.names), 2))
    expect_varied(found.scores, np.float32, (2, len(pose.names)))
    for same in (np.array(boxes), np.array(boxes, np.float16), np.asfortranarray(boxes)):
        assert np.array_equal(pose.keypoints(pixels, same).keypoints, found.keypoints)
    expect_varied(pose.draw(pixels, found, score=-1), np.uint8, pixels.shape)

    nobody = pose.keypoints(pixels, np.empty((0, 4)))
    expect_dense(nobody.keypoints, np.float32, (0, len(pose.names), 2))

    segmenter = sapiens.Segmenter(models["seg"])
    ids = segmenter.segment(pixels)
    expect_dense(ids, np.uint8, (height, width))
    expect_varied(segmenter.draw(pixels, ids), np.uint8, segmenter.draw(pixels, ids).shape)
    assert np.array_equal(
        segmenter.draw(pixels, np.asfortranarray(ids)), segmenter.draw(pixels, ids)
    )

    depth = sapiens.Depth(models["depth"])
    values = depth.depth(pixels)
    expect_varied(values, np.float32, (height, width))
    mask = np.arange(height * width).reshape(height, width) % 3 == 0
    assert np.array_equal(
        depth.draw(pixels, values, np.asfortranarray(mask)), depth.draw(pixels, values, mask)
    )

    normals = sapiens.Normals(models["normal"])
    expect_varied(normals.normals(pixels), np.float32, (height, width, 3))


def test_reconstructions(tmp_path, pixels):
    sapiens.synthesize(tmp_path / "whole.pth", "tiny", "pretrain", layout="mmengine")
    found = sapiens.Reconstructor(tmp_path / "whole.pth").reconstruct(pixels)
    for array in (found.original, found.masked, found.reconstruction):
        expect_varied(array, np.uint8, array.shape)
    expect_varied(found.mask, np.bool_, found.mask.shape)
    assert 0.7 < found.mask.mean() < 0.8


def test_types_that_do_not_fit_are_refused(models, native, pixels):
    height, width = pixels.shape[:2]
    for ids in (np.zeros((height, width)), np.zeros((height, width), np.int64)):
        with pytest.raises(TypeError):
            _sapiens.draw_depth(native, np.zeros((height, width)), ids)
    for text in ("nothing", [["a"]], object()):
        with pytest.raises(TypeError) as refused:
            _sapiens.draw_depth(native, text, nothing())
        assert len(str(refused.value)) < 200
    with pytest.raises(sapiens.InvalidArgumentError):
        _sapiens.Image.from_array(np.zeros((4, 4, 3), "datetime64[s]"))
    with pytest.raises(sapiens.InvalidArgumentError):
        _sapiens.Image.from_array(pixels.astype(np.int8))


def test_arrays_outlive_what_made_them(models):
    state = sapiens.load_state_dict(models["pretrain"])
    copies = {key: array.copy() for key, array in state.items()}
    views = {key: array.reshape(-1)[::2] for key, array in state.items()}
    del state
    for _ in range(3):
        sapiens.load_state_dict(models["pretrain"])  # would take freed memory
    for key, view in views.items():
        assert np.array_equal(view, copies[key].reshape(-1)[::2])


@pytest.mark.parametrize("wrong", ("strides", "items", "order"))
def test_a_numpy_that_gets_arrays_wrong_is_refused_at_import(wrong):
    script = f"""if True:
        import numpy
        made = numpy.ndarray
        def strides(shape, dtype, buffer, strides):
            return made(shape, dtype, buffer, strides=(0,) * len(shape))
        def items(shape, dtype, buffer, strides):
            return made(shape, "i4", buffer, strides=strides)
        def order(shape, dtype, buffer, strides):
            return made(shape[::-1], dtype, buffer, strides=strides[::-1]).T.copy().T[::-1]
        numpy.ndarray = {wrong}
        import sapiens
    """
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 1
    assert f"ImportError: sapiens cannot exchange arrays with NumPy {np.__version__}" in ran.stderr
