"""Graphs that take images as they are see what the engine sees."""

import subprocess

import numpy as np
import onnx
import onnx.utils
import pytest
from PIL import Image

import sapiens
from conftest import GOLDEN, PROGRAM, Graph, distance

TINY = GOLDEN.parents[2] / "models" / "tiny"
# Of red, green and blue: what levels are normalised with, (x / white - mean) / std.
FULL = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 1)
LITE = ((123.5, 116.5, 103.5), (58.5, 57.0, 57.5), 1)


def tiny(task):
    return next(TINY.glob(f"sapiens_tiny_{task}.*"))


def levels_of(pixels, constants):
    """The levels from 0 to 255 that normalised pixels [.., 3, H, W] were."""
    mean, std, white = (np.reshape(np.float64(c), (-1, 1, 1)) for c in constants)
    levels = (pixels * std + mean) * white
    assert np.abs(levels - np.rint(levels)).max() < 1e-3
    return np.rint(levels)


def images():
    """Photos and noise, larger and smaller than the input, odd, tall, twice as large, and equal."""
    random = np.random.default_rng(0)
    photo = Image.open(GOLDEN / "rtmdet" / "image.jpg").convert("RGB")
    yield "photo", np.asarray(photo)
    yield "large", np.asarray(photo.resize((1731, 1249)))
    yield "small", np.asarray(Image.open(GOLDEN / "task_pose" / "image.png").convert("RGB"))
    sizes = {"noise": (301, 203), "tall": (1500, 31), "wide": (97, 1801), "twice": (512, 384)}
    for name, size in {**sizes, "same": (256, 192), "tiny": (7, 5), "pixel": (1, 1)}.items():
        yield name, random.integers(0, 256, (*size, 3), dtype=np.uint8)


IMAGES = dict(images())


@pytest.fixture
def only_preprocessing(convert, tmp_path):
    """The part of a graph that makes the encoder's input, alone."""

    def write(checkpoint, *options):
        whole = convert(checkpoint, "--with-preprocessing", *options)
        model = onnx.shape_inference.infer_shapes(whole.model)
        *_, last = (n for n in model.graph.node if n.name.startswith("preprocessing/"))
        inputs = [i.name for i in model.graph.input]
        part = onnx.utils.Extractor(model).extract_model(inputs, list(last.output))
        path = tmp_path / "preprocessing.onnx"
        onnx.save(part, path)
        graph = Graph(path)
        graph.check()
        return graph

    return write


def expect_levels(found, expected, share):
    """Levels are those expected, but for a share that is one off."""
    difference = np.abs(found - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() <= share


def test_images_for_features_are_those_of_the_engine(only_preprocessing):
    encoder = sapiens.Encoder(tiny("pretrain"))
    graph = only_preprocessing(tiny("pretrain"))
    for image in IMAGES.values():
        expected = levels_of(encoder.preprocess(image), FULL)
        for _, outputs in graph.everywhere(images=image[None]):
            (found,) = outputs.values()
            expect_levels(levels_of(found[0], FULL), expected, 2e-3)


@pytest.mark.parametrize("task", ("seg", "depth", "normal"))
def test_images_for_tasks_are_those_of_the_engine(only_preprocessing, task):
    # Lite scripts resize for features as tasks do, and normalise with other constants.
    encoder = sapiens.Encoder(tiny(task))
    graph = only_preprocessing(tiny(task))
    for image in IMAGES.values():
        expected = levels_of(encoder.preprocess(image, "lite"), LITE)
        for _, outputs in graph.everywhere(images=image[None]):
            (found,) = outputs.values()
            expect_levels(levels_of(found[0], FULL), expected, 0)


def boxes_in(image):
    """The whole image, persons in it, and one partly outside."""
    height, width = image.shape[:2]
    return np.float32(
        [
            [0, 0, width, height],
            [width // 5, height // 7, width // 3 + 1, height // 2 + 1],
            [0.213 * width, 0.5 * height, 0.37 * width + 1, 0.3 * height + 1],
            [-0.3 * width, 0.4 * height, 0.7 * width, 0.8 * height],
        ]
    )


def test_persons_are_cut_out_as_by_the_engine(only_preprocessing):
    graph = only_preprocessing(tiny("pose"))
    size = sapiens.Pose(tiny("pose")).size
    for image in IMAGES.values():
        boxes = boxes_in(image)
        crops = [sapiens.crop_person(image, box, size).transpose(2, 0, 1) for box in boxes]
        repeated = np.stack([image] * len(boxes))
        for _, outputs in graph.everywhere(images=repeated, boxes=boxes):
            (found,) = outputs.values()
            difference = np.abs(levels_of(found, FULL) - crops)
            # Some positions are another multiple of 1/32 pixel, as graphs hold them in float32.
            assert difference.max() <= 8
            assert (difference > 1).mean() < 1e-2


def test_another_number_of_boxes_than_of_images_fails(convert):
    image = IMAGES["small"]
    graph = convert(tiny("pose"), "--with-preprocessing")
    for images, boxes in ((2, 1), (2, 3), (1, 3), (3, 1), (2, 4)):
        inputs = {"images": np.stack([image] * images), "boxes": boxes_in(image)[:boxes]}
        for run in (graph.in_onnxruntime, graph.in_openvino):
            with pytest.raises(Exception, match="one_box_per_image"):
                run(**inputs)


def test_persons_are_cut_out_alike_where_openvino_computes_in_bf16(convert, tmp_path):
    whole = convert(tiny("pose"), "--with-preprocessing")
    *_, last = (n for n in whole.model.graph.node if n.name.startswith("preprocessing/"))
    whole.model.graph.output.append(
        onnx.helper.make_tensor_value_info(last.output[0], onnx.TensorProto.FLOAT, None)
    )
    onnx.save(whole.model, tmp_path / "both.onnx")
    graph = Graph(tmp_path / "both.onnx")
    size = sapiens.Pose(tiny("pose")).size
    image = IMAGES["photo"]
    boxes = boxes_in(image)
    repeated = np.stack([image] * len(boxes))
    found = graph.in_openvino("bf16", images=repeated, boxes=boxes)[last.output[0]]
    crops = [sapiens.crop_person(image, box, size).transpose(2, 0, 1) for box in boxes]
    difference = np.abs(levels_of(found, FULL) - crops)
    assert difference.max() <= 8
    assert (difference > 1).mean() < 1e-2


def test_features_of_images_are_those_of_the_engine(convert):
    encoder = sapiens.Encoder(tiny("pretrain"), precision="fp32", threads=2)
    graph = convert(tiny("pretrain"), "--with-preprocessing")
    for name in ("photo", "wide", "twice"):
        image = IMAGES[name]
        images = np.stack([image, image[:, ::-1]])
        expected = encoder.features(list(images))
        for runtime, found in graph.everywhere(images=images):
            assert distance(found["featmap"], expected) < 2e-3, runtime


def test_classes_of_images_are_those_of_the_engine(convert):
    segmenter = sapiens.Segmenter(tiny("seg"), precision="fp32", threads=2)
    graph = convert(tiny("seg"), "--with-preprocessing")
    for name in ("photo", "wide", "twice"):
        image = IMAGES[name]
        expected = segmenter.segment(image)
        for runtime, found in graph.everywhere(images=image[None]):
            (classes,) = sapiens.decode("seg", found["logits"], segmenter.size, [image.shape[:2]])
            assert (classes != expected).mean() < 1e-3, runtime


def test_keypoints_of_persons_are_those_of_the_engine(convert):
    pose = sapiens.Pose(tiny("pose"), precision="fp32", threads=2)
    image = IMAGES["photo"]
    boxes = boxes_in(image)
    persons = len(boxes)
    expected = pose.keypoints(image, boxes, flip_test=False)
    graph = convert(tiny("pose"), "--with-preprocessing", "--batch", persons)
    for runtime, found in graph.everywhere(images=np.stack([image] * persons), boxes=boxes):
        keypoints, scores, _ = sapiens.decode(
            "pose", found["heatmaps"], pose.size, [image.shape[:2]] * persons, boxes
        )
        assert np.abs(keypoints - expected.keypoints).max() < 0.05, runtime  # pixels
        assert np.abs(scores - expected.scores).max() < 1e-3, runtime


@pytest.mark.parametrize("opset", (17, 18, 21, 24))
@pytest.mark.parametrize("task", ("pose", "seg", "pretrain"))
def test_every_opset_preprocesses_and_so_do_half_floats(convert, task, opset):
    inputs = {"images": IMAGES["photo"][None]}
    if task == "pose":
        inputs["boxes"] = np.float32([[50, 20, 300, 500]])
    flags = ["--opset", opset, "--with-preprocessing"]
    (single,) = convert(tiny(task), *flags).in_onnxruntime(**inputs).values()
    (half,) = convert(tiny(task), *flags, "--dtype", "f16").in_onnxruntime(**inputs).values()
    assert distance(half, single) < 5e-3


def test_images_are_resized_to_the_size_that_is_asked_for(only_preprocessing):
    encoder = sapiens.Encoder(tiny("pretrain"), size=(160, 96))
    graph = only_preprocessing(tiny("pretrain"), "--size", "160x96")
    image = IMAGES["small"]
    expected = levels_of(encoder.preprocess(image), FULL)
    for _, outputs in graph.everywhere(images=image[None]):
        (found,) = outputs.values()
        expect_levels(levels_of(found[0], FULL), expected, 1e-3)


def test_a_size_that_is_open_is_refused(tmp_path):
    path = tmp_path / "graph.onnx"
    command = [PROGRAM, "convert", tiny("seg"), path, "--with-preprocessing", "--dynamic-size"]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--with-preprocessing" in refused.stderr and not path.exists()
