"""Heads of all tasks: what they return, and what the engine makes of it."""

import json
import math
from functools import cached_property

import numpy as np
import pytest
import torch
from PIL import Image

import sapiens
import sapiens.torch
from conftest import GOLDEN, distance

CLOSE = 1e-4  # of the range of the output
TINY = GOLDEN.parents[2] / "models" / "tiny"
OUTPUTS = {"pose": "heatmaps", "seg": "logits", "depth": "depth", "normal": "normals"}
MODELS = {"pose": sapiens.Pose, "seg": sapiens.Segmenter}
MODELS |= {"depth": sapiens.Depth, "normal": sapiens.Normals}


class Case:
    """A checkpoint with a head, and how it is opened."""

    def __init__(self, name):
        self.folder = GOLDEN / name
        if name.startswith("tiny_"):
            self.task = name.removeprefix("tiny_")
            self.checkpoint = TINY / f"sapiens_{name}.safetensors"
            self.options = {}
            return
        facts = json.loads((self.folder / "case.json").read_text())
        encoder = facts.get("backbone", facts)
        size = tuple(encoder["img_size"])
        self.task = facts["kind"]
        self.checkpoint = self.folder / facts["checkpoint"]
        self.options = {"heads": encoder["arch"]["num_heads"], "size": size}
        self.options["grid"] = tuple(side // 16 for side in size)

    @property
    def flags(self):
        """The options for the program."""
        flags = []
        for name, value in self.options.items():
            text = "x".join(map(str, value)) if isinstance(value, tuple) else value
            flags += [f"--{name}", text]
        return flags

    def engine(self):
        return MODELS[self.task](self.checkpoint, precision="fp32", threads=2, **self.options)

    @cached_property
    def module(self):
        """In PyTorch, with the values of the engine."""
        return sapiens.torch.load(self.checkpoint, dtype=torch.float32, **self.options)

    def head_output(self, x):
        with torch.inference_mode():
            return self.module(torch.from_numpy(x)).numpy()

    def inputs(self, images):
        """What the network sees of images, or of crops."""
        size = self.module.size
        return sapiens.torch.preprocess(images, size, task=self.task).numpy()

    def golden_input(self):
        stored = self.folder / "input.npy"
        if stored.exists():
            return np.load(stored)
        return self.inputs([np.asarray(Image.open(self.folder / "image.png").convert("RGB"))])


GOLDEN_HEADS = ["pose_21_user", "seg_5_user"] + [f"task_{task}" for task in OUTPUTS]
TINY_HEADS = [f"tiny_{task}" for task in OUTPUTS]
HEADS = [*GOLDEN_HEADS, "pose_133", "pose_308", "seg_20", *TINY_HEADS]


@pytest.fixture(scope="module")
def photo():
    image = Image.open(GOLDEN / "rtmdet" / "image.jpg").convert("RGB")
    return np.asarray(image.resize((350, 326)))


def expect_classes(found, expected):
    """At least 99.99 % are equal; a pixel may be a tie in maps that have fewer than 10,000."""
    assert found.shape == expected.shape
    assert (found != expected).sum() <= math.ceil(1e-4 * expected.size)


@pytest.mark.parametrize("name", HEADS)
def test_outputs_are_those_of_the_head(convert, name):
    case = Case(name)
    x = np.random.default_rng(1).standard_normal((2, 3, *case.module.size), np.float32)
    expected = case.head_output(x)
    graph = convert(case.checkpoint, *case.flags)
    assert graph.outputs == [OUTPUTS[case.task]]
    for runtime, outputs in graph.everywhere(images=x):
        (found,) = outputs.values()
        assert distance(found, expected) < CLOSE, runtime
        if case.task == "seg":
            expect_classes(found.argmax(1), expected.argmax(1))


@pytest.mark.parametrize("name", GOLDEN_HEADS)
def test_outputs_are_those_of_the_golden_case(convert, name):
    case = Case(name)
    expected = np.load(case.folder / "head.npy")
    graph = convert(case.checkpoint, *case.flags)
    for runtime, outputs in graph.everywhere(images=case.golden_input()):
        assert distance(outputs[OUTPUTS[case.task]], expected) < CLOSE, runtime


@pytest.mark.parametrize("name", [name for name in HEADS if "pose" not in name])
def test_decoded_maps_are_those_of_the_engine(convert, photo, name):
    case = Case(name)
    size = case.module.size
    run = {"seg": "segment", "depth": "depth", "normal": "normals"}[case.task]
    expected = getattr(case.engine(), run)(photo)
    graph = convert(case.checkpoint, *case.flags)
    for runtime, outputs in graph.everywhere(images=case.inputs([photo])):
        (output,) = outputs.values()
        (found,) = sapiens.decode(case.task, output, size, [photo.shape[:2]])
        if case.task == "seg":
            expect_classes(found, expected)
        else:
            assert distance(found, expected) < CLOSE, runtime


@pytest.mark.parametrize("name", [name for name in HEADS if "pose" in name])
def test_decoded_keypoints_are_those_of_the_engine(convert, photo, name):
    case = Case(name)
    size = case.module.size
    boxes = np.float32([[100, 20, 90, 200], [0, 0, photo.shape[1], photo.shape[0]]])
    expected = case.engine().keypoints(photo, boxes, flip_test=False)
    crops = [sapiens.crop_person(photo, box, size) for box in boxes]
    graph = convert(case.checkpoint, *case.flags)
    for runtime, outputs in graph.everywhere(images=case.inputs(crops)):
        found = sapiens.decode("pose", outputs["heatmaps"], size, [photo.shape[:2]] * 2, boxes)
        assert np.abs(found.scores - expected.scores).max() < 3e-5, runtime
        distances = np.linalg.norm(found.keypoints - expected.keypoints, axis=2)
        if name == "tiny_pose":
            assert distances.max() < 0.005, runtime  # pixels
        else:
            # Random weights give ragged peaks; where two are equally high rounding decides.
            assert np.quantile(distances, 0.95) < 0.05, runtime


@pytest.mark.parametrize("deconvs, convs", ((1, 1), (0, 1), (1, 0), (0, 0)))
def test_heads_with_fewer_layers_are_written(convert, tmp_path, deconvs, convs):
    """As configurations of the original allow, and as training records them."""
    module = sapiens.torch.load(TINY / "sapiens_tiny_seg.safetensors", dtype=torch.float32)
    width = module.backbone.pos_embed.shape[2]
    torch.manual_seed(1)
    head = sapiens.torch.Head("seg", width, [24] * deconvs, [16] * convs, 4)
    checkpoint = tmp_path / "few.pth"
    model = sapiens.torch.TaskModel("seg", module.backbone, head).eval()
    sapiens.torch.save(model, checkpoint)
    x = np.random.default_rng(1).standard_normal((1, 3, *model.size), np.float32)
    with torch.inference_mode():
        expected = model(torch.from_numpy(x)).numpy()
    for runtime, found in convert(checkpoint).everywhere(images=x):
        assert distance(found["logits"], expected) < CLOSE, runtime


@pytest.mark.parametrize("opset", (17, 24))
def test_heads_in_half_floats_norm_in_float32(convert, opset):
    case = Case("tiny_normal")
    graph = convert(case.checkpoint, "--dtype", "f16", "--opset", opset)
    producers = {node.output[0]: node for node in graph.model.graph.node}
    norms = [node for node in graph.model.graph.node if node.op_type == "InstanceNormalization"]
    assert norms and all(producers[node.input[0]].op_type == "Cast" for node in norms)
    x = np.random.default_rng(1).standard_normal((1, 3, *case.module.size), np.float32)
    found = graph.in_onnxruntime(images=x)["normals"]
    assert distance(found, case.head_output(x)) < 5e-3


def test_numbers_of_sixteen_bits_are_weights_of_heads(convert):
    case = Case("tiny_seg")
    x = np.random.default_rng(1).standard_normal((2, 3, *case.module.size), np.float32)
    expected = case.head_output(x)
    for runtime, found in convert(case.checkpoint, "--dtype", "bf16").everywhere(images=x):
        assert distance(found["logits"], expected) < 2e-2, runtime


def test_heads_follow_the_size_of_the_images(convert, photo):
    case = Case("tiny_depth")
    case.options["size"] = (128, 160)
    expected = case.engine().depth(photo)
    graph = convert(case.checkpoint, *case.flags, "--batch", 2)
    assert [dim.dim_value for dim in graph.model.graph.output[0].type.tensor_type.shape.dim] == [
        *(2, 1, 128, 160)
    ]
    for runtime, found in graph.everywhere(images=case.inputs([photo, photo])):
        for depth in sapiens.decode("depth", found["depth"], (128, 160), [photo.shape[:2]] * 2):
            assert distance(depth, expected) < CLOSE, runtime
