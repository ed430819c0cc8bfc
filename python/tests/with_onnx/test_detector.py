"""The person detector: its maps, its boxes, and images as they are."""

import json
import subprocess
import zlib

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

import sapiens
from conftest import GOLDEN, PROGRAM, distance

CASE = GOLDEN / "rtmdet"
CHECKPOINT = CASE / "rtmdet.pth"
FACTS = json.loads((CASE / "case.json").read_text())
SIDE = 640
STRIDES = (8, 16, 32)

CLOSE = 1e-4  # of the range of a map
PIXELS, SCORES = 1e-2, 1e-4  # of boxes whose order and number is the same
HALF, BFLOAT = (
    0.01,
    0.03,
)  # of the range of a map, for weights of 16 bits; the network is a narrow one


def taps(length, target, mixes_edges):
    """OpenCV's bilinear: for each target pixel, two source pixels and their weights in 1/2048."""
    at = ((np.arange(target) + 0.5) * (length / target) - 0.5).astype(np.float32)
    if not mixes_edges:
        at = np.clip(at, 0, length - 1).astype(np.float32)
    first = np.floor(at).astype(int)
    weights = [
        np.rint(share * np.float32(2048)).astype(np.int64)
        for share in (1 - (at - first), at - first)
    ]
    return np.clip(first, 0, length - 1), np.clip(first + 1, 0, length - 1), *weights


def letterbox(image):
    """The square that the detector sees, byte for byte: uint8 [640, 640, 3]."""
    size = np.array(image.shape[:2])
    height, width = np.maximum((2 * SIDE * size + size.max()) // (2 * size.max()), 1)
    left, right, of_left, of_right = taps(size[1], width, mixes_edges=False)
    rows = image.astype(np.int64)
    rows = rows[:, left] * of_left[:, None] + rows[:, right] * of_right[:, None] >> 4
    above, below, of_above, of_below = taps(size[0], height, mixes_edges=True)
    above = rows[above] * of_above[:, None, None] >> 16
    below = rows[below] * of_below[:, None, None] >> 16
    square = np.full((SIDE, SIDE, 3), 114, np.uint8)
    square[:height, :width] = above + below + 2 >> 2
    return square


def normalised(*squares):
    """What a graph without preprocessing takes, [N, 3, 640, 640], blue first."""
    constants = FACTS["preprocessing"]
    levels = np.stack(squares)[..., ::-1].astype(np.float32)
    found = (levels - np.float32(constants["mean"])) / np.float32(constants["std"])
    return np.ascontiguousarray(found.transpose(0, 3, 1, 2))


@pytest.fixture(scope="module")
def photo():
    return np.asarray(Image.open(CASE / "image.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def square(photo):
    """The golden image, letterboxed as the original does."""
    found = letterbox(photo)
    assert f"{zlib.crc32(found[..., ::-1].tobytes()):08x}" == FACTS["letterboxed"]["crc32"]
    return found


@pytest.fixture(scope="module")
def persons():
    """Boxes of the engine by their corners, and scores."""
    detector = sapiens.Detector(CHECKPOINT, threads=2)

    def find(image, **thresholds):
        x, y, width, height, score = detector.persons(image, **thresholds).T
        return np.stack([x, y, x + width, y + height], axis=1), score

    return find


def expect_persons(found, expected, image=0, pixels=PIXELS, scores=SCORES):
    of_image = found["batch_indices"] == image
    boxes, best_first = expected
    assert found["boxes"][of_image].shape == boxes.shape
    np.testing.assert_allclose(found["boxes"][of_image], boxes, rtol=0, atol=pixels)
    np.testing.assert_allclose(found["scores"][of_image], best_first, rtol=0, atol=scores)


def test_raw_maps_are_those_of_the_original(convert, square):
    graph = convert(CHECKPOINT, "--raw-maps")
    for _, found in graph.everywhere(images=normalised(square)):
        for level, stride in enumerate(STRIDES):
            for name, golden in (("logits", "cls"), ("distances", "reg")):
                expected = np.load(CASE / f"{golden}{level}.npy")
                assert distance(found[f"{name}_{stride}"], expected) < CLOSE


@pytest.mark.parametrize(
    ("options", "thresholds"),
    [
        ([], {}),
        (["--bbox-thr", 0.6], {"score": 0.6}),
        (["--bbox-thr", 0, "--max-detections", 7], {"score": 0, "max_detections": 7}),
        (["--bbox-thr", 0.1, "--nms-thr", 0.7], {"score": 0.1, "iou": 0.7}),
        (["--nms-thr", 0], {"iou": 0}),
        (["--nms-thr", 1], {"iou": 1}),
    ],
)
def test_boxes_and_their_order_are_those_of_the_engine(
    convert, persons, square, options, thresholds
):
    graph = convert(CHECKPOINT, *options)
    expected = persons(square, **thresholds)
    assert len(expected[0]) > 0
    for _, found in graph.everywhere(images=normalised(square)):
        expect_persons(found, expected)


def test_a_batch_has_the_boxes_of_each_image_and_an_image_without_persons_has_none(
    convert, persons, square
):
    grey = np.full_like(square, 114)
    mirrored = np.ascontiguousarray(square[:, ::-1])
    # The golden network is random, and sees persons in grey squares, too.
    most = persons(grey, score=0)[1].max().item()
    graph = convert(CHECKPOINT, "--bbox-thr", most + 0.01)
    expected = [persons(image, score=most + 0.01) for image in (mirrored, grey, square)]
    assert [len(boxes) > 0 for boxes, _ in expected] == [True, False, True]
    for _, found in graph.everywhere(images=normalised(mirrored, grey, square)):
        assert np.all(np.diff(found["batch_indices"]) >= 0)
        for image, of_image in enumerate(expected):
            expect_persons(found, of_image, image)
    for _, found in graph.everywhere(images=normalised(grey)):
        assert found["boxes"].shape == (0, 4)
        assert found["scores"].shape == found["batch_indices"].shape == (0,)


@pytest.mark.parametrize("opset", [17, 18, 21, 24])
@pytest.mark.parametrize("options", [[], ["--with-preprocessing"], ["--raw-maps"]])
def test_every_opset_gives_a_valid_graph(convert, persons, square, opset, options):
    graph = convert(CHECKPOINT, "--opset", opset, "--batch", 1, *options)
    assert graph.model.opset_import[0].version == opset
    images = square[None] if "--with-preprocessing" in options else normalised(square)
    for _, found in graph.everywhere(images=images):
        if "--raw-maps" in options:
            assert distance(found["logits_8"], np.load(CASE / "cls0.npy")) < CLOSE
        else:
            expect_persons(found, persons(square))


@pytest.mark.parametrize(("dtype", "bound"), [("f16", HALF), ("bf16", BFLOAT)])
def test_weights_of_16_bits_move_maps_by_no_more_than_their_roundings(
    convert, square, dtype, bound
):
    exact = convert(CHECKPOINT, "--raw-maps").in_onnxruntime(images=normalised(square))
    graph = convert(CHECKPOINT, "--raw-maps", "--dtype", dtype)
    for _, found in graph.everywhere(images=normalised(square)):
        for name, expected in exact.items():
            assert distance(found[name], expected) < bound, name


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_boxes_of_16_bit_weights_are_decoded_in_float32(convert, square, dtype):
    """Boxes are made from the very maps of the same weights: edges are exact to a fraction of what half precision can
    hold."""
    maps = convert(CHECKPOINT, "--raw-maps", "--dtype", dtype)
    boxes = convert(CHECKPOINT, "--dtype", dtype, "--nms-thr", 1, "--max-detections", 1)
    found = boxes.in_onnxruntime(images=normalised(square))
    raw = maps.in_onnxruntime(images=normalised(square))
    best = max(STRIDES, key=lambda stride: raw[f"logits_{stride}"].max())
    row, column = np.unravel_index(raw[f"logits_{best}"].argmax(), raw[f"logits_{best}"].shape[2:])
    left, top, right, bottom = raw[f"distances_{best}"][0, :, row, column]
    x, y = column * best, row * best
    expected = np.clip([x - left, y - top, x + right, y + bottom], 0, SIDE)
    np.testing.assert_allclose(found["boxes"], expected[None], rtol=0, atol=1e-3)


def test_images_as_they_are_give_the_boxes_of_the_original(convert, photo):
    expected = np.load(CASE / "boxes_after_nms.npy")
    for _, found in convert(CHECKPOINT, "--with-preprocessing").everywhere(images=photo[None]):
        assert found["boxes"].shape == expected.shape
        np.testing.assert_allclose(found["boxes"], expected, rtol=0, atol=PIXELS)


@pytest.mark.parametrize("dtype", ["f32", "f16"])
def test_the_letterbox_is_the_one_of_the_engine_byte_for_byte(convert, tmp_path, dtype):
    graph = convert(CHECKPOINT, "--with-preprocessing", "--dtype", dtype)
    path = tmp_path / "letterbox.onnx"
    onnx.utils.extract_model(str(graph.path), str(path), ["images"], ["letterbox/Pad"])
    sizes = [
        (653, 700),
        (1280, 853),
        (640, 640),
        (641, 639),
        (1500, 2000),
        (97, 61),
        (3, 2),
        (1, 1),
    ]
    for size in sizes:
        image = np.random.default_rng(size[0]).integers(0, 256, (*size, 3), np.uint8)
        for _, found in type(graph)(path).everywhere(images=image[None]):
            assert np.array_equal(found["letterbox/Pad"][0], letterbox(image)), size


@pytest.mark.parametrize(
    "size", [(653, 700), (480, 640), (1280, 853), (97, 61), (33, 700), (640, 640)]
)
def test_images_of_every_size_give_the_boxes_of_the_engine(convert, persons, photo, size):
    graph = convert(CHECKPOINT, "--with-preprocessing")
    image = np.asarray(Image.fromarray(photo).resize(size[::-1], Image.BILINEAR))
    mirrored = np.ascontiguousarray(image[:, ::-1])
    for _, found in graph.everywhere(images=np.stack([image, mirrored])):
        expect_persons(found, persons(image))
        expect_persons(found, persons(mirrored), image=1)


def test_convolutions_that_levels_share_in_the_file_are_one_tensor(convert):
    weights = {tensor.name for tensor in convert(CHECKPOINT).model.graph.initializer}
    shared = "bbox_head.{}_convs.{}.0.conv.weight"
    for branch in ("cls", "reg"):
        assert shared.format(branch, 0) in weights
        assert shared.format(branch, 1) not in weights
        assert f"bbox_head.{branch}_convs.2.0.bn.weight" in weights


def test_the_published_size_is_written_from_random_weights(convert, tmp_path):
    checkpoint = tmp_path / "rtmdet.safetensors"
    sapiens.synthesize(checkpoint, "rtmdet-m")
    graph = convert(checkpoint, "--bbox-thr", 0)
    assert graph.metadata["sapiens.arch"] == "rtmdet-m"
    assert graph.metadata["channel_order"] == "bgr"
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    expected = sapiens.Detector(checkpoint, threads=2).persons(image, score=0)
    found = graph.in_onnxruntime(images=normalised(image))
    assert len(found["boxes"]) == len(expected) == 100
    np.testing.assert_allclose(found["scores"], expected[:, 4], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        (["--out-type", "featmap"], "--out-type"),
        (["--attention", "fused"], "--attention"),
        (["--dynamic-size"], "--dynamic-size"),
        (["--size", "1024x768"], "--size"),
        (["--arch", "0.3b"], "--arch"),
        (["--task", "pose"], "--task"),
        (["--heads", "4"], "--heads"),
        (["--grid", "16x16"], "--grid"),
        (["--patch-padding", "2"], "--patch-padding"),
        (["--raw-maps", "--bbox-thr", "0.5"], "--bbox-thr"),
    ],
)
def test_options_that_a_detector_lacks_are_refused_by_name(tmp_path, options, flag):
    expect_refusal(tmp_path, CHECKPOINT, options, flag)


@pytest.mark.parametrize(
    "option",
    [["--raw-maps"], ["--bbox-thr", "0.5"], ["--nms-thr", "0.5"], ["--max-detections", "5"]],
)
def test_options_of_detectors_are_refused_for_encoders(tmp_path, option):
    checkpoint = tmp_path / "encoder.safetensors"
    sapiens.synthesize(checkpoint, "tiny")
    expect_refusal(tmp_path, checkpoint, option, option[0])


@pytest.fixture(scope="module")
def tensors():
    return torch.load(CHECKPOINT, weights_only=False)["state_dict"]


@pytest.mark.parametrize(
    ("key", "change", "complaint"),
    [
        ("neck.out_convs.0.bn.bias", lambda tensor: None, "did not load"),
        ("bbox_head.rtm_cls.0.weight", lambda tensor: tensor.repeat(80, 1, 1, 1), "80 kinds"),
        ("backbone.stem.0.bn.running_var", lambda tensor: -tensor - 1, "variance below zero"),
        ("backbone.stem.0.bn.running_mean", lambda tensor: tensor / 0, "finite"),
    ],
)
def test_a_detector_that_the_engine_refuses_is_not_written(
    tmp_path, tensors, key, change, complaint
):
    damaged = {**tensors, key: change(tensors[key])}
    path = tmp_path / "damaged.pth"
    torch.save({name: tensor for name, tensor in damaged.items() if tensor is not None}, path)
    with pytest.raises(sapiens.Error, match=complaint):
        sapiens.Detector(path)
    expect_refusal(tmp_path, path, [], complaint)


def test_a_prefix_selects_the_detector_of_a_file_with_an_encoder(convert, tmp_path, tensors):
    encoder = tmp_path / "encoder.pth"
    sapiens.synthesize(encoder, "tiny")
    both = {f"detector.{name}": tensor for name, tensor in tensors.items()}
    both.update({f"encoder.{name}": tensor for name, tensor in torch.load(encoder).items()})
    path = tmp_path / "both.pth"
    torch.save(both, path)
    assert convert(path, "--heads", 3).outputs == ["featmap"]
    assert convert(path, "--heads", 3, "--prefix", "encoder").outputs == ["featmap"]
    assert convert(path, "--prefix", "detector").outputs == ["boxes", "scores", "batch_indices"]
    expect_refusal(tmp_path, path, ["--prefix", "decoder"], "detector")


def expect_refusal(folder, checkpoint, options, flag):
    output = folder / "graph.onnx"
    command = [PROGRAM, "convert", checkpoint, output, *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode != 0
    assert flag in done.stderr
    assert not output.exists()
