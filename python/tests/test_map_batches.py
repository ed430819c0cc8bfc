"""The classes of sapiens.ray without Ray: their results are those of the classes of the package, row by row."""

import subprocess
import sys
from types import GeneratorType

import numpy as np
import pytest
from PIL import Image

import sapiens
import sapiens.ray


@pytest.fixture(scope="module")
def images():
    """Of different sizes."""
    random = np.random.default_rng(2)
    sizes = [(40, 30), (64, 64), (33, 90), (50, 21)]
    return [random.integers(0, 256, (*size, 3), np.uint8) for size in sizes]


@pytest.fixture(scope="module")
def paths(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("paths")
    files = [folder / f"{i}.png" for i in range(len(images))]
    for file, pixels in zip(files, images):
        Image.fromarray(pixels).save(file)
    return np.array(list(map(str, files)))


def as_column(values):
    column = np.empty(len(values), object)
    for i, value in enumerate(values):
        column[i] = value
    return column


def same(found, expected):
    return found.dtype == expected.dtype and found.tobytes() == expected.tobytes()


def test_neither_ray_nor_pytorch_is_imported():
    code = "import sys, sapiens, sapiens.ray; print(sorted({'ray', 'torch', 'pyarrow'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout == "[]\n"


def test_images_contents_and_paths_give_the_same_features(models, images, paths):
    expected = sapiens.Encoder(models["pretrain"]).features(images)
    contents = as_column([open(path, "rb").read() for path in paths])
    columns = [
        {"image": as_column(images)},
        {"image": list(map(Image.fromarray, images))},
        {"bytes": contents},
        {"path": paths},
        {"path": list(paths)},
    ]
    features = sapiens.ray.Features(models["pretrain"], batch=3)
    for batch in columns:
        found = features({**batch, "id": np.arange(len(images))})
        assert sorted(found) == sorted(["features", "id"] + ["path"] * ("path" in batch))
        assert same(found["features"], expected)
        assert np.array_equal(found["id"], np.arange(len(images)))


def test_options_are_those_of_the_encoder(models, paths, pixels):
    encoder = sapiens.Encoder(models["pretrain"], precision="int8", size=(64, 48), isa="reference")
    options = {"precision": "int8", "size": (64, 48), "isa": "reference", "threads": 1}
    features = sapiens.ray.Features(models["pretrain"], "raw", [-1, 0], norm=True, **options)
    found = features({"path": paths})
    expected = encoder.features(list(paths), "raw", [-1, 0], norm=True)
    assert len(expected) == 2
    for layer, array in expected.items():
        assert same(found[f"features_layer{layer:02}"], array)
    (last,) = sapiens.ray.Features(models["pretrain"], "cls_token", -1, **options)(
        {"image": pixels[np.newaxis]}
    ).values()
    assert same(last[0], encoder.features(pixels, "cls_token"))


def test_half_precision_is_the_one_of_the_program(models, paths, run_sapiens, tmp_path):
    how = ("--out-type", "raw", "--dtype", "f16")
    run_sapiens("features", models["pretrain"], *paths, "--output", tmp_path, *how)
    found = sapiens.ray.Features(models["pretrain"], "raw", dtype="f16")({"path": paths})
    for i, row in enumerate(found["features"]):
        assert same(row, np.load(tmp_path / f"{i}.npy"))


@pytest.mark.parametrize(
    "task, name, kind, method",
    [
        ("seg", "classes", "Segmenter", "segment"),
        ("depth", "depth", "Depth", "depth"),
        ("normal", "normals", "Normals", "normals"),
    ],
)
def test_maps_have_the_sizes_of_their_images(models, images, task, name, kind, method):
    expected = getattr(getattr(sapiens, kind)(models[task]), method)(images)
    found = getattr(sapiens.ray, kind)(models[task], batch=2)({"image": as_column(images)})
    assert list(found) == [name]
    for row, map_ in zip(found[name], expected):
        assert row.shape == map_.shape and same(row, map_)


def test_poses_take_boxes_of_persons(models, images):
    boxes = [[[1, 2, 20, 30]], None, np.empty((0, 4)), [[0, 0, 9, 9, 0.5], [3, 3, 10, 20, 0.7]]]
    # A list of lists comes out of Arrow as an array of arrays.
    given = [as_column(list(map(np.array, boxes[0]))), *boxes[1:]]
    pose = sapiens.Pose(models["pose"])
    found = sapiens.ray.Pose(models["pose"], flip_test=False)(
        {"image": as_column(images), "boxes": as_column(given)}
    )
    assert sorted(found) == ["boxes", "keypoints", "scores"]
    for i, image in enumerate(images):
        expected = pose.keypoints(image, boxes[i], flip_test=False)
        for name, array in expected._asdict().items():
            assert found[name][i].shape == array.shape and same(found[name][i], array)


def test_one_batch_of_any_size_comes_in_pieces(models, images):
    features = sapiens.ray.Features(models["pretrain"], max_bytes=1)
    batch = {"image": as_column(images), "id": list("abcd")}
    pieces = features(batch)
    assert isinstance(pieces, GeneratorType)
    pieces = list(pieces)
    assert [piece["id"] for piece in pieces] == [["a"], ["b"], ["c"], ["d"]]
    whole = sapiens.ray.Features(models["pretrain"], max_bytes=None)(batch)
    joined = np.concatenate([piece["features"] for piece in pieces])
    assert same(joined, whole["features"])
    two_rows = 2 * whole["features"][0].nbytes
    by_two = sapiens.ray.Features(models["pretrain"], max_bytes=two_rows)(batch)
    assert [len(piece["features"]) for piece in by_two] == [2, 2]


def test_batches_without_rows_have_the_columns_of_others(models, images):
    batch = {"image": as_column(images)}
    for kind, task in (("Features", "pretrain"), ("Segmenter", "seg"), ("Pose", "pose")):
        mapped = getattr(sapiens.ray, kind)(models[task], errors="null")
        full, empty = mapped(batch), mapped({"image": batch["image"][:0]})
        assert list(full) == list(empty)
        for name, column in full.items():
            assert len(column) == len(images) and len(empty[name]) == 0
            assert empty[name].dtype.kind == column.dtype.kind
            assert empty[name].shape[1:] == column.shape[1:]


@pytest.fixture(scope="module")
def broken(paths, tmp_path_factory):
    """One image among files that are none, are missing, and among rows without a path."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "text.png").write_text("not an image")
    content = open(paths[1], "rb").read()
    (folder / "cut.png").write_bytes(content[: len(content) // 2])
    named = [str(folder / name) for name in ("text.png", "cut.png", "missing.png")]
    return as_column([*named, None, str(paths[0])])


def test_an_image_that_cannot_be_read_is_an_error_with_its_name(models, broken, images):
    features = sapiens.ray.Features(models["pretrain"])
    for path, kind in zip(
        broken, (sapiens.UnsupportedFormatError, sapiens.CorruptFileError, FileNotFoundError)
    ):
        with pytest.raises(kind) as caught:
            features({"path": [path]})
        assert path in str(caught.value)
        if path != broken[2]:
            with pytest.raises(kind, match=r"row 1 of the batch"):
                good = open(broken[-1], "rb").read()
                features({"bytes": [good, open(path, "rb").read()]})
    with pytest.raises(ValueError, match="row 0 of the batch: the column path is empty"):
        features({"path": broken[3:]})
    with pytest.raises(ValueError, match="row 1 of the batch.*this array is no image"):
        features({"image": [images[0], images[1].astype(np.float32)]})
    with pytest.raises(ValueError, match="^of seven:.*this array is no image"):
        features({"image": [images[0][..., 0]], "path": ["of seven"]})


@pytest.mark.parametrize(
    "kind, task",
    [("Features", "pretrain"), ("Pose", "pose"), ("Segmenter", "seg"), ("Depth", "depth")],
)
def test_errors_null_keeps_the_rows_and_says_what_was_wrong(models, broken, kind, task):
    mapped = getattr(sapiens.ray, kind)(models[task], errors="null", batch=2)
    found = mapped({"path": broken})
    good = mapped({"path": broken[-1:]})
    error = found.pop("error")
    assert good.pop("error").tolist() == [""] and error[4] == ""
    for path, text in zip(broken[:3], error):
        assert path in text
    assert error[3] == "row 3 of the batch: the column path is empty here"
    assert found.pop("path") is not None and good.pop("path") is not None
    assert sorted(found) == sorted(good)
    for name, column in found.items():
        assert len(column) == len(broken) and same(column[4], good[name][0])
        for row in column[:4]:
            assert row.dtype == column[4].dtype and row.ndim == column[4].ndim
            if kind == "Features":
                assert row.shape == column[4].shape and np.isnan(row).all()
            else:
                assert row.size == 0


def test_boxes_that_cannot_be_are_errors_of_their_row(models, images):
    found = sapiens.ray.Pose(models["pose"], errors="null")(
        {"image": images[:2], "boxes": [[[500, 500, 10, 10]], [[1, 1, 10, 10]]]}
    )
    assert "row 0 of the batch" in found["error"][0] and found["error"][1] == ""
    assert [len(one) for one in found["keypoints"]] == [0, 1]


def test_images_are_passed_on_if_asked_for(models, images):
    features = sapiens.ray.Features(models["pretrain"], "cls_token", keep_images=True)
    segmenter = sapiens.ray.Segmenter(models["seg"])
    found = segmenter(features({"image": images}))
    assert sorted(found) == ["classes", "features"]


def test_what_is_wrong_with_the_options_is_said_before_the_first_row(models):
    for kind, task, options in (
        (sapiens.ray.Features, "pretrain", {"out_type": "no_such"}),
        (sapiens.ray.Features, "pretrain", {"layers": 99}),
        (sapiens.ray.Features, "pretrain", {"dtype": "f64"}),
        (sapiens.ray.Features, "pretrain", {"preprocess": "none", "errors": "null"}),
        (sapiens.ray.Segmenter, "seg", {"errors": "ignore"}),
        (sapiens.ray.Segmenter, "seg", {"batch": 0}),
        (sapiens.ray.Segmenter, "seg", {"max_bytes": 0}),
        (sapiens.ray.Segmenter, "pose", {}),
        (sapiens.ray.Features, "pretrain", {"allow_partial": True}),
    ):
        with pytest.raises(sapiens.Error):
            kind(models[task], **options)
    with pytest.raises(TypeError, match="use the class of a task"):
        sapiens.ray.Stage(models["seg"])


def test_batches_without_images_are_refused_with_their_columns(models):
    features = sapiens.ray.Features(models["pretrain"])
    with pytest.raises(sapiens.InvalidArgumentError, match="columns id, picture") as caught:
        features({"id": [1], "picture": ["a.png"]})
    assert caught.value.expected == "a column image, bytes or path"
    with pytest.raises(TypeError, match="a dict of columns, not a list"):
        features([{"path": "a.png"}])
