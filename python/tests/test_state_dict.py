"""Weights in memory are those that `sapiens convert` writes."""

import json
import struct

import numpy as np
import pytest

import sapiens

NUMPY_TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8"}


def read_safetensors(path):
    """An independent reader: a header of JSON, then the bytes."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for key, entry in header.items():
        first, last = (8 + length + offset for offset in entry["data_offsets"])
        array = np.frombuffer(data[first:last], NUMPY_TYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":
            array = (array.astype(np.uint32) << 16).view(np.float32)
        tensors[key] = array.reshape(entry["shape"])
    return tensors


def assert_same(found, expected):
    assert list(sorted(found)) == list(sorted(expected))
    for key, array in expected.items():
        assert found[key].dtype == array.dtype, key
        assert found[key].shape == array.shape, key
        assert found[key].tobytes() == array.tobytes(), key


@pytest.mark.parametrize("layout", ("mmengine", "clean"))
@pytest.mark.parametrize("task", ("pretrain", "pose", "normal"))
def test_weights_are_those_of_a_conversion(models, run_sapiens, tmp_path, task, layout):
    output = tmp_path / "out.safetensors"
    run_sapiens("convert", models[task], output, "--layout", layout)
    state = sapiens.load_state_dict(models[task], layout)
    assert_same(state, read_safetensors(output))
    assert all(key.startswith(("backbone.", "decode_head.", "head.")) for key in state) == (
        layout == "mmengine" or task != "pretrain"
    )


def test_sapiens2_has_its_published_names_unless_timms_are_asked_for(run_sapiens, tmp_path):
    path = tmp_path / "sapiens2.safetensors"
    sapiens.synthesize(path, "sapiens2_tiny")
    published = sapiens.load_state_dict(path)
    assert_same(published, read_safetensors(path))
    assert "blocks.0.attn.gamma.weight" in published
    for layout in ("published", "timm"):
        output = tmp_path / f"{layout}.safetensors"
        run_sapiens("convert", path, output, "--layout", layout)
        assert_same(sapiens.load_state_dict(path, layout), read_safetensors(output))
    with pytest.raises(sapiens.InvalidArgumentError, match="does not load Sapiens2"):
        sapiens.load_state_dict(path, "mmengine")


def test_convert_is_that_of_the_program(models, run_sapiens, tmp_path):
    run_sapiens("convert", models["seg"], tmp_path / "a.pth", "--dtype", "bf16")
    sapiens.convert(models["seg"], tmp_path / "b.pth", dtype="bfloat16")
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes()


@pytest.mark.parametrize("dtype", ("float16", "float32"))
def test_a_dtype_may_be_asked_for(models, run_sapiens, tmp_path, dtype):
    output = tmp_path / "out.safetensors"
    run_sapiens("convert", models["pretrain"], output, "--dtype", dtype.replace("loat", ""))
    state = sapiens.load_state_dict(models["pretrain"], "clean", dtype=dtype)
    assert_same(state, read_safetensors(output))
    assert all(array.dtype == dtype for array in state.values())


def test_bfloat16_becomes_float32_without_a_loss(tmp_path):
    path = tmp_path / "bf16.safetensors"
    sapiens.synthesize(path, dtype="bfloat16")
    state = sapiens.load_state_dict(path, "clean")
    assert all(array.dtype == np.float32 for array in state.values())
    assert_same(state, read_safetensors(path))


def test_bfloat16_stays_where_ml_dtypes_is_there(tmp_path):
    path = tmp_path / "bf16.safetensors"
    sapiens.synthesize(path, dtype="bfloat16")
    try:
        import ml_dtypes
    except ImportError:
        with pytest.raises(ImportError, match="ml_dtypes"):
            sapiens.load_state_dict(path, dtype="bfloat16")
        return
    state = sapiens.load_state_dict(path, "clean", dtype="bfloat16")
    assert all(array.dtype == ml_dtypes.bfloat16 for array in state.values())
    widened = {key: array.astype(np.float32) for key, array in state.items()}
    assert_same(widened, read_safetensors(path))


def test_what_no_model_needs_comes_on_request(tmp_path):
    path = tmp_path / "mae.pth"
    sapiens.synthesize(path, layout="mmengine")
    lean = sapiens.load_state_dict(path)
    full = sapiens.load_state_dict(path, keep_unused=True)
    assert set(lean) < set(full)
    assert any(key.startswith("neck.") for key in full)


def test_arrays_own_their_memory(models):
    state = sapiens.load_state_dict(models["pretrain"])
    for array in state.values():
        assert array.flags.writeable and array.flags.c_contiguous and array.flags.aligned


def test_numbers_that_are_none_are_warned_of(models, tmp_path):
    path = tmp_path / "nan.safetensors"
    sapiens.convert(models["pretrain"], path)
    data = bytearray(path.read_bytes())
    data[-4:] = struct.pack("<f", float("nan"))
    path.write_bytes(data)
    with pytest.warns(RuntimeWarning, match="NaN"):
        sapiens.load_state_dict(path)


def test_damaged_weights_are_refused_by_name(models, tmp_path):
    path = tmp_path / "damaged.pth"
    sapiens.convert(models["pretrain"], path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    path.write_bytes(data)
    assert sapiens.inspect(path).usable  # which reads no values, and says so
    assert "values were not checked" in str(sapiens.inspect(path))
    for load in (sapiens.load_state_dict, sapiens.Encoder):
        with pytest.raises(sapiens.CorruptFileError, match="checksum does not match"):
            load(path)


def test_an_incomplete_model_is_refused(models, tmp_path):
    with pytest.raises(sapiens.CheckpointRefusedError):
        sapiens.load_state_dict(models["pretrain"], arch="1b")
    with pytest.raises(sapiens.InvalidArgumentError):
        sapiens.load_state_dict(models["pretrain"], "flat")
    with pytest.raises(sapiens.InvalidArgumentError):
        sapiens.convert(models["pretrain"], tmp_path / "out.onnx")
