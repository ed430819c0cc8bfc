"""Encoders of both families, in all forms of features."""

import subprocess

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from onnx import numpy_helper

import sapiens
from conftest import distance
from golden_case import GOLDEN, GoldenCase

CLOSE = 1e-4  # of the range of the output; measured: 3e-6

KINDS = ("encoder", "backbone", "torchscript_encoder")
CASES = {
    case.name: case
    for case in map(GoldenCase, sorted(path.parent.name for path in GOLDEN.glob("*/case.json")))
    if case.facts.get("kind") in KINDS
}
SIZED = [name for name, case in CASES.items() if "img_size" in case.facts]
# One of each family: three blocks, of Sapiens2 with heads of keys that queries share.
SAPIENS, SAPIENS2 = "encoder_sq128", "sapiens2_sq128"
FAMILIES = (SAPIENS, SAPIENS2)

OPSETS = (17, 18, 21, 23, 24)


def flags_of(case):
    """The options that a case needs, as arguments of the program."""
    words = []
    for name, value in case.options.items():
        text = "x".join(map(str, value)) if isinstance(value, tuple) else value
        words += [f"--{name.replace('_', '-')}", text]
    return words


def open_flags_of(case):
    """The same without the size."""
    words = flags_of(case)
    if "--size" not in words:
        return words
    at = words.index("--size")
    return words[:at] + words[at + 2 :]


def encoder_of(case, checkpoint=None, **options):
    return sapiens.Encoder(
        checkpoint or case.checkpoint, precision="fp32", **{**case.options, **options}
    )


def out_types_of(case):
    names = ["featmap", "raw", "avg_featmap"]
    if case.facts.get("family") == "sapiens2":
        return [*names, "cls_token", "registers"]
    return names if case.facts.get("with_cls_token") is False else [*names, "cls_token"]


def array(case, name):
    return np.load(case.path_of(f"{name}.npy"))


def random_images(count, height, width):
    return np.random.default_rng(0).standard_normal((count, 3, height, width), np.float32)


def expect_equal(graph, encoder, images, bound=CLOSE):
    """All outputs of the graph are float32 and equal the engine's in both runtimes."""
    for runtime, found in graph.everywhere(images=images):
        for name, values in found.items():
            assert values.dtype == np.float32
            far = distance(values, encoder.forward(images, name))
            assert far < bound, (runtime, name)


def refusal(convert, *arguments):
    with pytest.raises(subprocess.CalledProcessError) as error:
        convert(*arguments)
    return error.value.stderr.decode()


@pytest.mark.parametrize("name", SIZED)
def test_every_form_of_features_equals_golden_arrays_and_the_engine(convert, name):
    case = CASES[name]
    encoder = encoder_of(case)
    images = array(case, "input")
    out_types = out_types_of(case)
    # What the model was made for, or the size that this input has.
    flags = flags_of(case)
    if images.shape[2:] != encoder.size:
        flags[flags.index("--size") + 1] = "x".join(map(str, images.shape[2:]))
    graph = convert(case.checkpoint, *flags, "--out-type", ",".join(out_types))
    assert graph.outputs == out_types
    expect_equal(graph, encoder, images)
    for runtime, found in graph.everywhere(images=images):
        for out_type in set(out_types) & set(case.names("*")):
            assert distance(found[out_type], array(case, out_type)) < CLOSE, (runtime, out_type)


@pytest.mark.parametrize("attention", ("plain", "fused"))
@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_opset_and_attention_gives_the_same(convert, name, opset, attention):
    case = CASES[name]
    graph = convert(
        case.checkpoint,
        *flags_of(case),
        *("--opset", opset, "--attention", attention),
        *("--out-type", "raw,avg_featmap"),
    )
    assert {o.version for o in graph.model.opset_import if o.domain == ""} == {opset}
    operators = {node.op_type for node in graph.model.graph.node}
    fused = operators & {"Attention", "MultiHeadAttention"}
    assert len(fused) == (attention == "fused") and ("Softmax" in operators) != bool(fused)
    expect_equal(graph, encoder_of(case), array(case, "input"))


@pytest.mark.parametrize("attention", ("plain", "fused"))
@pytest.mark.parametrize("name", FAMILIES)
def test_a_graph_takes_any_number_of_images_or_one_number_alone(convert, name, attention):
    case = CASES[name]
    flags = [*flags_of(case), "--attention", attention, "--out-type", "raw,registers"]
    if name == SAPIENS:
        flags[-1] = "raw"
    encoder = encoder_of(case)
    three = random_images(3, *encoder.size)
    expect_equal(convert(case.checkpoint, *flags), encoder, three)
    fixed = convert(case.checkpoint, *flags, "--batch", 3)
    assert [d.dim_value for d in fixed.model.graph.input[0].type.tensor_type.shape.dim][0] == 3
    expect_equal(fixed, encoder, three)
    expect_equal(convert(case.checkpoint, *flags, "--batch", 1), encoder, three[:1])
    for run in (fixed.in_onnxruntime, fixed.in_openvino):
        with pytest.raises(Exception):
            run(images=three[:2])


# Weights are rounded to the type, so that the engine is given the same rounded ones. What differs is
# then the type that is computed in, which is float32 for bf16 graphs. In f16 graphs ONNX Runtime
# rounds what operators give to float16, a relative step of 2^-11 (measured: 5.5e-4 of the range);
# OpenVINO computes them in float32 here, from constants that are rounded (1e-4).
DTYPES = {"bf16": ("bfloat16", CLOSE), "f16": ("float16", 2e-3)}


@pytest.mark.parametrize("attention", ("plain", "fused"))
@pytest.mark.parametrize("opset", (18, 23))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FAMILIES)
def test_half_types_compute_with_rounded_weights(convert, tmp_path, name, dtype, opset, attention):
    case = CASES[name]
    out_types = out_types_of(case)
    graph = convert(
        case.checkpoint,
        *flags_of(case),
        *("--dtype", dtype, "--opset", opset, "--attention", attention),
        *("--out-type", ",".join(out_types)),
    )
    stored, bound = DTYPES[dtype]
    rounded = tmp_path / "rounded.safetensors"
    sapiens.convert(case.checkpoint, rounded, dtype=stored)
    expect_equal(graph, encoder_of(case, rounded), array(case, "input"), bound)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FAMILIES)
def test_half_types_take_any_size(convert, tmp_path, name, dtype):
    case = CASES[name]
    graph = convert(
        *(case.checkpoint, *open_flags_of(case), "--dynamic-size", "--dtype", dtype),
        *("--out-type", ",".join(out_types_of(case))),
    )
    stored, bound = DTYPES[dtype]
    rounded = tmp_path / "rounded.safetensors"
    sapiens.convert(case.checkpoint, rounded, dtype=stored)
    expect_equal(graph, encoder_of(case, rounded), random_images(2, 96, 160), bound)


@pytest.mark.parametrize("attention", ("plain", "fused"))
@pytest.mark.parametrize("padding", (0, 2))
def test_sapiens_of_any_size_pads_and_resizes_positions_as_the_engine(convert, padding, attention):
    case = CASES[SAPIENS]
    out_types = out_types_of(case)
    flags = open_flags_of(case)
    flags[flags.index("--patch-padding") + 1] = padding
    graph = convert(
        *(case.checkpoint, *flags, "--dynamic-size"),
        *("--attention", attention, "--out-type", ",".join(out_types)),
    )
    encoder = encoder_of(case, patch_padding=padding)
    for count, height, width in ((1, 128, 128), (2, 97, 135), (1, 33, 300)):
        expect_equal(graph, encoder, random_images(count, height, width))


@pytest.mark.parametrize("opset", (17, 24))
def test_sapiens2_of_any_size_turns_heads_as_the_engine(convert, opset):
    case = CASES[SAPIENS2]
    graph = convert(
        *(case.checkpoint, *open_flags_of(case), "--dynamic-size", "--opset", opset),
        *("--out-type", ",".join(out_types_of(case))),
    )
    encoder = encoder_of(case)
    for count, height, width in ((1, 128, 128), (2, 96, 16), (1, 208, 32)):
        expect_equal(graph, encoder, random_images(count, height, width))


@pytest.mark.parametrize("name", ("encoder_dynamic_input", "encoder_corner_padding"))
def test_any_size_equals_golden_arrays_of_other_sizes(convert, name):
    case = CASES[name]
    graph = convert(
        case.checkpoint,
        *open_flags_of(case),
        "--dynamic-size",
        "--out-type",
        ",".join(out_types_of(case)),
    )
    for runtime, found in graph.everywhere(images=array(case, "input")):
        for out_type, values in found.items():
            assert distance(values, array(case, out_type)) < CLOSE, (runtime, out_type)


def test_sapiens2_any_size_equals_golden_arrays(convert):
    case = CASES["sapiens2_any_size"]
    graph = convert(case.checkpoint, "--dynamic-size", "--out-type", "raw")
    sizes = [name.removeprefix("input_") for name in case.names("input_*")]
    assert sizes
    for size in sizes:
        for runtime, found in graph.everywhere(images=array(case, f"input_{size}")):
            assert distance(found["raw"], array(case, f"raw_{size}")) < CLOSE, (runtime, size)


def positions_of(graph, images):
    """What is added to tokens, in both runtimes."""
    model = onnx.load(graph.path)
    (add,) = [node for node in model.graph.node if node.name.startswith("backbone/positions/")]
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(add.input[1]))
    path = graph.path.with_suffix(".positions.onnx")
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    yield session.run([add.input[1]], {"images": images})[0]
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    yield openvino.Core().compile_model(path, "CPU", settings)({"images": images})[add.input[1]]


def test_positions_stay_bit_equal_at_the_models_size_and_are_resized_otherwise(convert):
    case = CASES["encoder_posembed_resize_on_load"]
    flags = ("--heads", case.options["heads"], "--dynamic-size")
    graph = convert(case.checkpoint, *flags)
    table = sapiens.load_state_dict(case.checkpoint, heads=case.options["heads"])
    rows, columns = case.options["grid"]
    for found in positions_of(graph, random_images(1, 16 * rows, 16 * columns)):
        np.testing.assert_array_equal(found, table["backbone.pos_embed"])
    resized = array(case, "pos_embed_resized")
    for found in positions_of(graph, array(case, "input")):
        assert np.abs(found - resized).max() < 1e-6


def test_sapiens2_of_any_size_fails_for_incomplete_patches(convert):
    case = CASES[SAPIENS2]
    graph = convert(case.checkpoint, *open_flags_of(case), "--dynamic-size")
    for height, width in ((97, 128), (128, 100), (100, 100), (15, 16), (8, 8)):
        images = random_images(1, height, width)
        for run in (graph.in_onnxruntime, graph.in_openvino):
            with pytest.raises(Exception, match="complete_patches"):
                run(images=images)


@pytest.mark.parametrize("padding", (0, 2))
def test_sapiens_of_any_size_fails_below_one_patch_as_the_engine(convert, padding):
    case = CASES[SAPIENS]
    flags = open_flags_of(case)
    flags[flags.index("--patch-padding") + 1] = padding
    graph = convert(case.checkpoint, *flags, "--dynamic-size")
    encoder = encoder_of(case, patch_padding=padding)
    expect_equal(graph, encoder, random_images(1, 16, 17))
    for height, width in ((15, 32), (32, 15), (12, 12), (1, 1)):
        images = random_images(1, height, width)
        with pytest.raises(sapiens.ShapeMismatchError):
            encoder.forward(images)
        for run in (graph.in_onnxruntime, graph.in_openvino):
            with pytest.raises(Exception, match="at_least_one_patch"):
                run(images=images)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_size_is_refused_for_images_of_any_size(convert, name):
    case = CASES[name]
    size = ("--dynamic-size", "--size", "64x64")
    text = refusal(convert, case.checkpoint, *open_flags_of(case), *size)
    assert "--size" in text and "--dynamic-size" in text


def test_a_graph_takes_images_of_its_size_alone(convert):
    for name in FAMILIES:
        case = CASES[name]
        graph = convert(case.checkpoint, *flags_of(case))
        for run in (graph.in_onnxruntime, graph.in_openvino):
            with pytest.raises(Exception):
                run(images=random_images(1, 112, 128))


@pytest.mark.parametrize("name", FAMILIES)
def test_shapes_name_what_may_vary(convert, name):
    case = CASES[name]
    width = case.facts["arch"]["embed_dims"]

    def shapes(*options):
        flags = open_flags_of(case) if "--dynamic-size" in options else flags_of(case)
        graph = convert(
            *(case.checkpoint, *flags, *options, "--out-type", "featmap,raw,avg_featmap")
        ).model.graph
        values = [*graph.input, *graph.output]
        return {
            value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
            for value in values
        }

    tokens = 64 + (1 if name == SAPIENS else 9)
    assert shapes() == {
        "images": ["N", 3, 128, 128],
        "featmap": ["N", width, 8, 8],
        "raw": ["N", tokens, width],
        "avg_featmap": ["N", width],
    }
    assert shapes("--dynamic-size", "--batch", 2) == {
        "images": [2, 3, "H", "W"],
        "featmap": [2, width, "gh", "gw"],
        "raw": [2, "tokens", width],
        "avg_featmap": [2, width],
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_have_the_checkpoints_names_and_values(convert, name):
    case = CASES[name]
    graph = convert(case.checkpoint, *flags_of(case), "--out-type", ",".join(out_types_of(case)))
    found = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.model.graph.initializer
        if tensor.name.startswith("backbone.")
    }
    state = sapiens.load_state_dict(case.checkpoint, heads=case.facts["arch"]["num_heads"])
    expected = {f"backbone.{key.removeprefix('backbone.')}": value for key, value in state.items()}
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        linear = value.ndim == 2
        np.testing.assert_array_equal(found[key], value.T if linear else value, err_msg=key)


@pytest.mark.parametrize("opset", (18, 23))
def test_onnxruntime_sees_norms_of_sapiens2_as_one_operator(convert, tmp_path, opset):
    case = CASES[SAPIENS2]
    graph = convert(case.checkpoint, *flags_of(case), "--opset", opset)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3  # it warns that such a file is for this machine alone
    onnxruntime.InferenceSession(graph.path, options, providers=["CPUExecutionProvider"])
    operators = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    norms = {"SimplifiedLayerNormalization", "RMSNormalization"}
    assert (
        sum(operator in norms for operator in operators) == 4 * 3 + 1
    )  # of 3 blocks, and the last
    assert "Sqrt" not in operators


def test_forms_that_a_model_lacks_or_that_are_asked_twice_are_refused(convert):
    case = CASES["backbone_nocls_from_clean"]
    for missing, error in (("cls_token", "no class token"), ("registers", "no registers")):
        text = refusal(convert, case.checkpoint, *flags_of(case), "--out-type", missing)
        assert error in text and "featmap, raw or avg_featmap" in text
    twice = ("--out-type", "raw,featmap,raw")
    text = refusal(convert, case.checkpoint, *flags_of(case), *twice)
    assert "raw" in text and "more than once" in text


def test_sizes_of_incomplete_patches_are_refused_for_sapiens2_alone(convert):
    case = CASES[SAPIENS2]
    text = refusal(convert, case.checkpoint, "--size", "120x100")
    assert "multiples of 16" in text and "take 128x96" in text
    case = CASES["encoder_corner_padding"]
    flags = flags_of(case)
    flags[flags.index("--size") + 1] = "120x100"
    graph = convert(case.checkpoint, *flags)
    expect_equal(graph, encoder_of(case), array(case, "input"))
