"""Evaluators measure as `sapiens eval` does, and images are cut out as by `sapiens pose`."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sapiens

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples" / "mannequin"
COCO = ROOT / "tests" / "data" / "coco_eval"
TINY = ROOT / "models" / "tiny"


class Persons:
    """Annotated persons of one image of a COCO file."""

    def __init__(self, annotations):
        self.boxes = np.array([one["bbox"] for one in annotations], float).reshape(-1, 4)
        self.areas = np.array([one["area"] for one in annotations], float)
        self.crowds = np.array([one["iscrowd"] for one in annotations], bool)
        points = [one["keypoints"] for one in annotations]
        self.keypoints = np.array(points, float).reshape(-1, 17, 3)


def persons_of(document):
    """By the id of their image, in the order of the file."""
    return {
        image["id"]: Persons([a for a in document["annotations"] if a["image_id"] == image["id"]])
        for image in document["images"]
    }


def metrics_of(program_output):
    return json.loads(program_output)["metrics"]


def test_keypoints_score_as_by_the_program_on_the_bundled_samples(run_sapiens):
    model = TINY / "sapiens_tiny_pose.safetensors"
    document = json.loads((SAMPLES / "annotations.json").read_text())
    files = {image["id"]: SAMPLES / image["file_name"] for image in document["images"]}
    pose = sapiens.Pose(model)
    precision = sapiens.KeypointEvaluator(pose.sigmas)
    pck = sapiens.PckEvaluator(len(pose.names))
    for image, persons in persons_of(document).items():
        found = pose.keypoints(files[image], persons.boxes)
        precision.add(image, persons.keypoints, persons.boxes, persons.areas, *found)
        pck.add(persons.keypoints, persons.boxes, found.keypoints)
    report = json.loads(run_sapiens("eval", model, "--data", SAMPLES, "--json"))
    assert {**precision.result(), **pck.result()} == report["metrics"]
    assert pck.shares() == [point["value"] for point in report["keypoints"]]


@pytest.mark.parametrize(
    "name", ["mixed_1", "mixed_2", "mixed_3", "one_size", "nothing_found", "all_right"]
)
def test_persons_found_before_score_as_pycocotools_says(name):
    truth = json.loads((COCO / f"{name}.annotations.json").read_text())
    results = json.loads((COCO / f"{name}.results.json").read_text())
    evaluator = sapiens.KeypointEvaluator(sapiens.oks_sigmas(17))
    for image, persons in persons_of(truth).items():
        found = [one for one in results if one["image_id"] == image]
        points = np.array([one["keypoints"] for one in found], float).reshape(-1, 17, 3)
        evaluator.add(
            image,
            persons.keypoints,
            persons.boxes,
            persons.areas,
            points[..., :2],
            np.array([one["score"] for one in found]),
            crowds=persons.crowds,
        )
    numbers = [-1 if value is None else value for value in evaluator.result().values()]
    expected = json.loads((COCO / "expected.json").read_text())[name]
    assert numbers == pytest.approx(expected, abs=1e-12)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Two images with random labels, depths and normals, of which some pixels do not count."""
    folder = tmp_path_factory.mktemp("rendered")
    random = np.random.default_rng(3)
    for name, size in (("a", (40, 30)), ("b", (32, 48))):
        Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)).save(folder / f"{name}.png")
        labels = random.integers(0, 28, size, np.uint8)
        labels[:5] = 255
        labels[5:20, 10:] = 0
        Image.fromarray(labels).save(folder / f"{name}_seg.png")
        depth = random.uniform(1, 3, size).astype(np.float32)
        depth[-3:] = 0
        np.save(folder / f"{name}_depth.npy", depth)
        normals = random.normal(size=(*size, 3)).astype(np.float32)
        normals[:, :2] = 0
        np.save(folder / f"{name}_normal.npy", normals)
    return folder


def images_of(folder):
    return [path for path in sorted(folder.glob("*.png")) if "_" not in path.stem]


def beside(image, suffix):
    return image.with_name(image.stem + suffix)


def test_classes_score_as_by_the_program(models, rendered, run_sapiens):
    segmenter = sapiens.Segmenter(models["seg"])
    evaluator = sapiens.SegmentationEvaluator(len(segmenter.names))
    for image in images_of(rendered):
        labels = sapiens.read_labels(beside(image, "_seg.png"))
        assert labels.dtype == np.uint8
        evaluator.add(segmenter.segment(image), labels)
    report = json.loads(run_sapiens("eval", models["seg"], "--data", rendered, "--json"))
    assert evaluator.result() == report["metrics"]
    assert evaluator.ious() == [one["value"] for one in report["classes"]]


@pytest.mark.parametrize(
    "task, model, method, evaluator",
    [
        ("depth", sapiens.Depth, "depth", sapiens.DepthEvaluator),
        ("normal", sapiens.Normals, "normals", sapiens.NormalEvaluator),
    ],
)
def test_maps_score_as_by_the_program(
    models, rendered, run_sapiens, task, model, method, evaluator
):
    model = model(models[task])
    measured = evaluator()
    for image in images_of(rendered):
        labels = sapiens.read_labels(beside(image, "_seg.png"))
        truth = np.load(beside(image, f"_{task}.npy"))
        assert measured.add(getattr(model, method)(image), truth, (labels > 0) & (labels < 255))
    expected = metrics_of(run_sapiens("eval", models[task], "--data", rendered, "--json"))
    assert measured.result() == expected


def test_numbers_of_nothing_are_none():
    for evaluator in (
        sapiens.SegmentationEvaluator(2),
        sapiens.DepthEvaluator(),
        sapiens.NormalEvaluator(),
        sapiens.PckEvaluator(17),
        sapiens.KeypointEvaluator(sapiens.oks_sigmas(17)),
    ):
        assert set(evaluator.result().values()) == {None}
    assert not sapiens.DepthEvaluator().add(np.ones((4, 4)), np.zeros((4, 4)))
    assert not sapiens.NormalEvaluator().add(np.ones((4, 4, 3)), np.zeros((4, 4, 3)))


def test_without_a_mask_every_pixel_counts():
    truth = np.linspace(1, 2, 12, dtype=np.float32).reshape(3, 4)
    with_mask, without = sapiens.DepthEvaluator(), sapiens.DepthEvaluator()
    found = truth[::-1] ** 2
    with_mask.add(found, truth, np.full((3, 4), 7))
    without.add(found, truth)
    assert with_mask.result() == without.result()


def test_persons_who_were_not_found_have_no_correct_points():
    evaluator = sapiens.PckEvaluator(1, 0.5)
    evaluator.add([[[3, 3, 2]]], [[0, 0, 4, 4]], None)
    evaluator.add([[[3, 3, 2]]], [[0, 0, 4, 4]], [[[3, 4.5]]])
    assert evaluator.result() == {"PCK@0.5": 0.5}


def test_scores_of_points_count_by_the_score_of_the_box():
    """The worse of two boxes comes second, and only then its person spoils no precision."""

    def ap(box_scores):
        evaluator = sapiens.KeypointEvaluator([0.1])
        found = [[[5, 5]], [[500, 500]]]
        boxes = [[0, 0, 10, 10, score] for score in box_scores]
        evaluator.add(1, [[[5, 5, 2]]], [[0, 0, 10, 10]], [100], found, [[0.5], [0.9]], boxes)
        return evaluator.result()["AP"]

    assert ap([1, 0.1]) == pytest.approx(1)
    assert ap([1, 1]) == pytest.approx(0.5)


def refusals():
    seg = sapiens.SegmentationEvaluator(3)
    pck = sapiens.PckEvaluator(1)
    ids = np.zeros((2, 3), np.uint8)
    box, point = [[0, 0, 1, 1]], [[[0, 0, 2]]]
    yield "number of classes", lambda: sapiens.SegmentationEvaluator(0)
    yield "not a valid class", lambda: seg.add(ids, ids + 3)
    yield r"found classes has the wrong shape", lambda: seg.add(ids.T, ids)
    yield "mask has the wrong shape", lambda: sapiens.DepthEvaluator().add(ids, ids, ids.T)
    yield "true values has the wrong shape", lambda: sapiens.NormalEvaluator().add(ids, ids)
    yield "sigma", lambda: sapiens.KeypointEvaluator([])
    yield "threshold", lambda: sapiens.PckEvaluator(1, 0)
    yield "true boxes are not finite", lambda: pck.add(point, [[0, 0, 1, np.nan]], None)
    yield "found keypoints are not finite", lambda: pck.add(point, box, [[[0, np.inf]]])
    yield "no visibility", lambda: pck.add([[[0, 0, 0.5]]], box, None)
    yield "true boxes has the wrong shape", lambda: pck.add(point, [[0, 0, 1]], None)
    yield "found keypoints has the wrong shape", lambda: pck.add(point, box, np.zeros((2, 1, 2)))


@pytest.mark.parametrize("text, refused", [pytest.param(*one, id=one[0]) for one in refusals()])
def test_what_cannot_be_compared_is_refused(text, refused):
    with pytest.raises(sapiens.Error, match=text):
        refused()


def test_ids_of_a_wider_type_are_refused_instead_of_cut_off():
    with pytest.raises(TypeError, match="class ids"):
        sapiens.SegmentationEvaluator(3).add(np.full((2, 2), 257), np.zeros((2, 2), np.uint8))


def test_persons_are_cut_out_with_a_margin_of_a_quarter(pixels):
    """48 pixels and their margins are 60: as far apart as the outer pixels of 61."""
    crop = sapiens.crop_person(pixels, (20, 10, 48, 48, 0.5), (61, 61))
    assert crop.dtype == np.uint8
    assert np.array_equal(crop, pixels[4:65, 14:75])
    narrow = sapiens.crop_person(pixels, (20, 10, 24, 48), (61, 61))
    assert np.array_equal(narrow, pixels[4:65, 2:63])


def test_persons_beyond_the_image_are_black_there(pixels):
    crop = sapiens.crop_person(pixels, (-100, 0, 80, 80), (64, 64))
    assert not crop.any()
    with pytest.raises(sapiens.InvalidArgumentError, match="person box"):
        sapiens.crop_person(pixels, (0, 0, 0, 80), (64, 64))


def test_label_maps_are_read_as_they_are_written(tmp_path):
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = Image.fromarray(ids)
    image.putpalette([7] * 768)
    image.save(tmp_path / "labels.png")
    assert np.array_equal(sapiens.read_labels(tmp_path / "labels.png"), ids)
    with pytest.raises(sapiens.NotFoundError):
        sapiens.read_labels(tmp_path / "nothing.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "colours.png")
    with pytest.raises(sapiens.UnsupportedFormatError):
        sapiens.read_labels(tmp_path / "colours.png")


def test_any_thread_may_add_images():
    evaluator = sapiens.SegmentationEvaluator(2)
    right, wrong = np.ones((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    with ThreadPoolExecutor(4) as threads:
        for found in [right, right, right, wrong] * 50:
            threads.submit(evaluator.add, found, right)
    assert evaluator.result()["pixel_accuracy"] == 0.75
