"""Graphs are those of `sapiens convert`; what is in them is tested in with_onnx."""

import json

import pytest

import sapiens


@pytest.fixture(scope="session", autouse=True)
def module(models, tmp_path_factory):
    try:
        sapiens.convert_to_onnx(models["pretrain"], tmp_path_factory.mktemp("onnx") / "a.onnx")
    except sapiens.UnsupportedFormatError as error:
        pytest.skip(f"this build writes no ONNX files: {error}")


def test_the_file_and_what_is_told_of_it_are_those_of_the_program(models, run_sapiens, tmp_path):
    cases = [
        ({}, []),
        ({"out_type": "featmap", "opset": 21}, ["--out-type", "featmap", "--opset", "21"]),
        ({"dtype": "float16", "batch": 2}, ["--dtype", "f16", "--batch", "2"]),
        ({"dtype": "bfloat16", "attention": "fused"}, ["--dtype", "bf16", "--attention", "fused"]),
        ({"size": (256, 192)}, ["--size", "256x192"]),
    ]
    for options, flags in cases:
        path, expected = tmp_path / "python.onnx", tmp_path / "program.onnx"
        made = sapiens.convert_to_onnx(models["pretrain"], path, **options)
        printed = run_sapiens("convert", models["pretrain"], expected, *flags, "--json")
        shown = json.loads(printed)["output"]
        assert path.read_bytes() == expected.read_bytes(), flags
        assert made.files == [path] and made.bytes == path.stat().st_size == shown["bytes"]
        assert (made.opset, made.nodes) == (shown["opset"], shown["nodes"])
        for values, documents in ((made.inputs, shown["inputs"]), (made.outputs, shown["outputs"])):
            assert [value.name for value in values] == [value["name"] for value in documents]
            assert [value.type for value in values] == [value["type"] for value in documents]
            shapes = [list(map(str, value.shape)) for value in values]
            assert shapes == [value["shape"] for value in documents]


def test_extents_are_numbers_or_names(models, tmp_path):
    made = sapiens.convert_to_onnx(models["pretrain"], tmp_path / "a.onnx")
    assert made.inputs == [sapiens.OnnxValue("images", "float32", ("N", 3, 128, 128))]
    assert made.outputs == [sapiens.OnnxValue("featmap", "float32", ("N", 48, 8, 8))]
    assert made.report.usable and made.report.model.task == "pretrain"
    made = sapiens.convert_to_onnx(models["pretrain"], tmp_path / "a.onnx", batch=3)
    assert made.inputs[0].shape == (3, 3, 128, 128)


def test_what_is_refused_leaves_no_file(models, tmp_path):
    path = tmp_path / "a.onnx"
    refused = [
        {"dtype": "int8"},
        {"opset": 16},
        {"opset": 25},
        {"batch": -1},
        {"attention": "flash"},
        {"out_type": "everything"},
        {"allow_partial": True},
        {"raw_maps": True},
        {"min_score": 0.5},
        {"min_score": 0.3},  # the default, but given
        {"nms_iou": 0.5},
        {"max_detections": 7},
    ]
    for options in refused:
        with pytest.raises(sapiens.InvalidArgumentError):
            sapiens.convert_to_onnx(models["pretrain"], path, **options)
    with pytest.raises(sapiens.InvalidArgumentError):
        sapiens.convert_to_onnx(models["pretrain"], tmp_path / "a.pth")
    for options in ({"arch": "1b"}, {"task": "pose"}):
        with pytest.raises(sapiens.CheckpointRefusedError):
            sapiens.convert_to_onnx(models["pretrain"], path, **options)
    with pytest.raises(TypeError, match="batch=str"):
        sapiens.convert_to_onnx(models["pretrain"], path, batch="two")
    assert list(tmp_path.iterdir()) == []


def test_weights_of_an_earlier_graph_are_told_of(models, tmp_path):
    (tmp_path / "a.onnx.data").write_bytes(b"")
    with pytest.warns(RuntimeWarning, match="a.onnx.data"):
        sapiens.convert_to_onnx(models["pretrain"], tmp_path / "a.onnx")
