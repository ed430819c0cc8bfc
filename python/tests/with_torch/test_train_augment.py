"""What is made of samples: inputs as the engine makes them, and truth that stays where it belongs."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sapiens
from sapiens import _sapiens
from sapiens.torch import preprocess
from sapiens.train._augment import augment, mirror_partners, mirrors, plain
from sapiens.train._config import ConfigError, make_config

SIZE = (64, 48)
STILL = {"flip": 0.0, "scale": (1.0, 1.0), "shift": 0.0, "rotation": 0.0, "color": 0.0}
WILD = {"flip": 0.5, "scale": (0.5, 1.5), "shift": 0.2, "rotation": 80.0, "color": 0.5}
SIDES = ("middle", "left_x", "right_x", "Left_Y", "Right_Y")
TASKS = ("pretrain", "pose", "seg", "depth", "normal", "classify")


def config(task, **values):
    start = {"mode": "head", "init": "-"} if task == "classify" else {"arch": "0.3b"}
    if task in ("pretrain", "classify"):
        values.pop("rotation", None)
    return make_config({"task": task, "data": "-", "output": "-", "steps": 1, **start, **values})


def made(sample, task, seed=1, size=SIZE, names=SIDES, family="sapiens", **values):
    generator = torch.Generator().manual_seed(seed)
    given = {"key": "-", **sample}
    return augment(given, config(task, **values), size, generator, names, family)


def levels(inputs):
    """Of 0 to 255, (h, w, 3)."""
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    return inputs.permute(1, 2, 0).numpy() * std + mean


def smooth(height, width, seed=1):
    """An image that resizing changes little."""
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    phases = np.random.default_rng(seed).uniform(0, 6, 3)
    waves = [np.sin(4 * rows + p) * np.cos(5 * columns + 2 * p) for p in phases]
    return np.round(127 + 120 * np.stack(waves, -1)).astype(np.uint8)


def places(height, width):
    """An image whose red and green tell the column and the row, by 200 levels from end to end."""
    rows, columns = np.mgrid[:height, :width]
    image = [columns * 200 / (width - 1), rows * 200 / (height - 1), np.full_like(rows, 255)]
    return np.round(np.stack(image, -1)).astype(np.uint8)


def full_sample(task, height=96, width=72):
    random = np.random.default_rng(3)
    labels = random.integers(0, 5, (height, width)).astype(np.uint8)
    sample = {
        "pose": {
            "box": np.array([10.0, 12.0, 30.0, 60.0]),
            "keypoints": np.array([[20.0 + i, 30.0 + 5 * i, 2.0] for i in range(5)]),
        },
        "seg": {"labels": labels},
        "depth": {"depth": random.uniform(1, 2, (height, width)).astype(np.float32)},
        "normal": {"normals": random.normal(size=(height, width, 3)).astype(np.float32)},
        "classify": {"category": 2},
    }.get(task, {})
    if task in ("depth", "normal"):
        sample["mask"] = labels != 0
    return {"key": "-", "image": smooth(height, width), **sample}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first) and first.keys() == (
        second.keys()
    )


class TestPartners:
    @pytest.mark.parametrize("count", [17, 133, 308])
    def test_published_keypoints_have_their_published_partners(self, count):
        known = _sapiens.published_keypoints(count)
        assert len(known) == count
        assert mirror_partners([name for name, _ in known]) == [mirror for _, mirror in known]

    @pytest.mark.parametrize("count", [28, 20, 19])
    def test_published_classes_have_their_published_partners(self, count):
        known = _sapiens.published_classes(count)
        assert len(known) == count
        assert mirror_partners([name for name, _ in known]) == [mirror for _, mirror in known]

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ("left_eye", "right_eye"),
            ("Left_Eye", "Right_Eye"),
            ("eye-left", "eye-right"),
            ("LEFT EYE", "RIGHT EYE"),
            ("LeftEye", "RightEye"),
            ("leftEye", "rightEye"),
            ("l_eye", "r_eye"),
            ("rEye", "lEye"),
            ("eyeLeft", "eyeRight"),
            ("eyeL", "eyeR"),
            ("left_hand_left_side", "right_hand_right_side"),
        ],
    )
    def test_other_names_are_paired_by_their_sides(self, left, right):
        assert mirror_partners(["nose", right, left]) == [0, 2, 1]

    def test_names_without_a_side_stay_themselves(self):
        names = ["leftover", "bright", "L5", "skirt", "spine_1", "spine_2"]
        assert mirror_partners(names) == list(range(6))

    def test_a_side_without_its_other_is_refused(self):
        with pytest.raises(ConfigError, match="left_eye has no right_eye"):
            mirror_partners(["left_eye", "nose"])

    def test_names_that_differ_in_numbers_alone_are_refused(self):
        with pytest.raises(ConfigError, match="differ in a number alone"):
            mirror_partners(["left_eye", "right_eye", *(f"landmark {i}" for i in range(6))])
        with pytest.raises(ConfigError, match="differ in a number alone"):
            mirror_partners(["p1", "p2", "p3"])

    @pytest.mark.parametrize(("one", "other"), [("lknee", "rknee"), ("kneel", "kneer")])
    def test_names_that_may_have_a_side_are_refused(self, one, other):
        with pytest.raises(ConfigError, match=f"{one} and {other} may be left and right"):
            mirror_partners(["nose", one, other])

    def test_without_names_images_of_sides_are_not_mirrored(self):
        assert not mirrors(config("pose"), ())
        assert not mirrors(config("seg"), ())
        assert mirrors(config("seg"), ("background", "person"))
        assert mirrors(config("depth"), ()) and mirrors(config("pretrain"), ())
        assert not mirrors(config("depth", flip=0.0), ())
        for task in ("pose", "seg"):
            sample = full_sample(task)
            still = made(sample, task, **STILL)
            assert same(made(sample, task, names=(), **{**STILL, "flip": 1.0}), still)


class TestRandomness:
    @pytest.mark.parametrize("task", TASKS)
    def test_a_sample_depends_on_its_generator_alone(self, task):
        sample = full_sample(task)
        torch.manual_seed(5)
        first = made(sample, task, **WILD)
        torch.manual_seed(6)
        assert same(first, made(sample, task, **WILD))
        assert not same(first, made(sample, task, seed=2, **WILD))

    def test_every_sample_takes_as_many_numbers(self):
        states = set()
        for task in TASKS:
            for values in (STILL, WILD):
                generator = torch.Generator().manual_seed(1)
                augment(full_sample(task), config(task, **values), SIZE, generator, SIDES)
                states.add(generator.get_state().numpy().tobytes())
        assert len(states) == 1

    @pytest.mark.parametrize("task", TASKS)
    def test_the_sample_itself_is_not_changed(self, task):
        sample, untouched = full_sample(task), full_sample(task)
        for seed in range(5):
            made(sample, task, seed=seed, **WILD)
        for name in sample:
            np.testing.assert_array_equal(sample[name], untouched[name])


class TestInputsOfTheEngine:
    @pytest.mark.parametrize("shape", [(96, 72), (64, 48), (40, 30), (50, 90)])
    @pytest.mark.parametrize("task", ["seg", "depth", "normal"])
    def test_scenes_that_nothing_changes_are_the_engines_inputs(self, task, shape):
        sample = full_sample(task, *shape)
        # An image of another shape is scaled to fit, and stretched, as the engine does.
        inputs = made(sample, task, **STILL)["inputs"]
        expected = preprocess([sample["image"]], SIZE, "sapiens", task)[0]
        assert (inputs - expected).abs().max() <= 1.01 / 57  # levels are whole numbers there
        module = SimpleNamespace(family="sapiens")
        assert torch.equal(plain(sample, config(task), SIZE, module), expected)

    def test_persons_that_nothing_changes_are_the_engines_crops(self):
        sample = full_sample("pose")
        inputs = made(sample, "pose", **STILL)["inputs"]
        crop = sapiens.crop_person(sample["image"], sample["box"], SIZE)
        expected = preprocess([crop], SIZE, "sapiens", "pose")[0]
        # OpenCV rounds places to a 32nd of a pixel, which shows at the edges of the image.
        assert (inputs - expected).abs().mean() <= 0.5 / 57
        assert ((inputs - expected).abs() > 3 / 57).float().mean() < 0.02
        module = SimpleNamespace(backbone=SimpleNamespace(family="sapiens"))
        assert torch.equal(plain(sample, config("pose"), SIZE, module), expected)

    @pytest.mark.parametrize("task", ["pretrain", "classify"])
    def test_inputs_of_features_are_the_engines(self, task):
        sample = full_sample(task)
        for family in ("sapiens", "sapiens2"):
            expected = preprocess([sample["image"]], SIZE, family, "features")[0]
            found = plain(sample, config(task), SIZE, SimpleNamespace(family=family))
            assert torch.equal(found, expected)

    def test_windows_are_resized_as_the_features_of_the_family(self):
        # A window of the whole image; its shape varies by a factor, and is cut off by the image.
        sample = {"image": np.random.default_rng(1).integers(0, 256, (96, 72, 3)).astype(np.uint8)}
        values = {**STILL, "scale": (100.0, 100.0)}
        for family in ("sapiens", "sapiens2"):
            expected = preprocess([sample["image"]], SIZE, family, "features")[0]
            inputs = made(sample, "pretrain", family=family, **values)["inputs"]
            assert (inputs - expected).abs().max() <= 1.01 / 57


class TestMirroring:
    @pytest.mark.parametrize("task", ["seg", "depth", "normal"])
    def test_mirroring_twice_changes_nothing(self, task):
        sample = full_sample(task, *SIZE)
        mirror = {**STILL, "flip": 1.0}
        once = made(sample, task, **mirror)
        again = dict(sample)
        again["image"] = np.round(levels(once["inputs"])).astype(np.uint8)
        for name in ("labels", "depth", "mask"):
            if name in once:
                again[name] = once[name].numpy()
        if "normals" in once:
            again["normals"] = once["normals"].permute(1, 2, 0).numpy()
        twice, still = made(again, task, **mirror), made(sample, task, **STILL)
        for name in still:
            torch.testing.assert_close(twice[name], still[name], atol=0.02, rtol=0)
        assert not same(once, still)

    def test_sides_are_swapped_and_the_ignored_label_is_not(self):
        sample = full_sample("seg", *SIZE)
        sample["labels"][0] = 4
        swapped = np.array([0, 2, 1, 4, 3], np.uint8)[sample["labels"]][:, ::-1]
        values = {**STILL, "flip": 1.0}
        np.testing.assert_array_equal(made(sample, "seg", **values)["labels"], swapped)
        found = made(sample, "seg", ignore_label=4, **values)["labels"].numpy()
        assert (found[0] == 4).all()

    def test_mirrored_points_change_their_numbers(self):
        sample = full_sample("pose")
        still, mirrored = made(sample, "pose", **STILL), made(
            sample, "pose", **{**STILL, "flip": 1}
        )
        expected = still["keypoints"][[0, 2, 1, 4, 3]].clone()
        expected[:, 0] = SIZE[1] - 1 - expected[:, 0]
        torch.testing.assert_close(mirrored["keypoints"], expected)
        torch.testing.assert_close(mirrored["inputs"].flip(2), still["inputs"], atol=1e-3, rtol=0)

    def test_the_share_is_that_of_the_run(self):
        image = places(*SIZE)
        found = [
            made({"image": image}, "pretrain", seed=i, **{**STILL, "flip": 0.25})["inputs"]
            for i in range(400)
        ]
        share = np.mean([bool(inputs[0, 0, 0] > inputs[0, 0, -1]) for inputs in found])
        assert 0.18 < share < 0.32


class TestGeometry:
    def test_keypoints_are_where_their_pixels_are(self):
        """A dot is drawn at the point, and found again at the place that is said."""
        random = np.random.default_rng(5)
        found = 0
        for seed in range(60):
            x, y = random.uniform(30, 90, 2)
            rows, columns = np.mgrid[:120, :120]
            dot = 250 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 2.5**2))
            sample = {
                "image": np.repeat(np.round(dot)[..., None], 3, 2).astype(np.uint8),
                "box": np.array([40.0, 30.0, 40.0, 60.0]),
                "keypoints": np.array([[x, y, 2.0]]),
            }
            values = {**WILD, "color": 0.0}
            out = made(sample, "pose", seed=seed, names=("middle",), **values)
            ((u, v, visibility),) = out["keypoints"].tolist()
            assert visibility == 2
            if not (6 < u < SIZE[1] - 7 and 6 < v < SIZE[0] - 7):
                continue
            light = levels(out["inputs"])[..., 0].clip(0)
            rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
            where = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
            assert math.dist(where, (u, v)) < 0.2, seed
            found += 1
        assert found > 20

    @pytest.mark.parametrize("size", [SIZE, (80, 112)])
    def test_truth_moves_with_the_image(self, size):
        """Levels are fifty times the label and the depth, in blocks."""
        blocks = np.random.default_rng(2).integers(1, 5, (9, 7))
        labels = np.kron(blocks, np.ones((20, 20))).astype(np.uint8)
        sample = {"image": np.repeat(labels[..., None] * np.uint8(50), 3, 2)}
        compared = outside = 0
        for seed in range(30):
            values = {**WILD, "color": 0.0, "scale": (0.3, 2.0), "ignore_label": 250}
            names = [f"class {c}" for c in "abcde"]
            seg = made({**sample, "labels": labels}, "seg", seed, size, names, **values)
            deep = {**sample, "depth": labels.astype(np.float32), "mask": labels > 2}
            depth = made(deep, "depth", seed, size, **values)
            red = levels(seg["inputs"])[..., 0]
            found = seg["labels"].numpy()
            within = found != 250
            # Between blocks images are mixed and labels are not.
            around = np.lib.stride_tricks.sliding_window_view(found, (3, 3))
            pure = np.pad((around == around[..., 1:2, 1:2]).all((2, 3)), 1) & within
            np.testing.assert_allclose(red[pure], found[pure] * 50.0, atol=1e-2)
            np.testing.assert_allclose(red[~within], 0, atol=1e-3)
            np.testing.assert_array_equal(depth["depth"].numpy(), np.where(within, found, 0))
            np.testing.assert_array_equal(depth["mask"].numpy(), within & (found > 2))
            compared += pure.sum()
            outside += (~within).sum()
        assert compared > 15 * size[0] * size[1] and outside > 0

    @pytest.mark.parametrize("flip", [0.0, 1.0])
    def test_normals_turn_with_the_image(self, flip):
        """They point away from a dot before and after, with y upwards."""
        x, y = 40.0, 60.0
        rows, columns = np.mgrid[:96, :72].astype(np.float32)
        normals = np.stack([columns - x, y - rows, np.ones_like(rows)], -1)
        normals /= np.linalg.norm(normals, axis=2, keepdims=True)
        dot = 250 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 2.5**2))
        image = np.repeat(np.round(dot)[..., None], 3, 2).astype(np.uint8)
        turned = 0
        for seed in range(20):
            values = {**STILL, "flip": flip, "rotation": 90.0}
            out = made({"image": image, "normals": normals}, "normal", seed, **values)
            light = levels(out["inputs"])[..., 0].clip(0)
            rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
            if light.sum() < 3000:  # the dot is outside
                continue
            u, v = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
            away = np.stack([columns - u, v - rows])
            found = out["normals"][:2].numpy()
            far = out["mask"].numpy() & (np.linalg.norm(away, axis=0) > 12)
            cosine = (away * found).sum(0) / np.linalg.norm(away, axis=0)
            cosine = cosine[far] / np.linalg.norm(found, axis=0)[far]
            assert far.sum() > 500 and cosine.min() > 0.98, seed
            turned += not torch.equal(out["mask"], torch.ones(SIZE, dtype=torch.bool))
        assert turned > 3

    def test_unknown_depth_and_normals_are_0_and_not_in_the_mask(self):
        depth = np.full(SIZE, 2, np.float32)
        depth[0], depth[1], depth[2] = np.nan, np.inf, -1
        out = made({"image": smooth(*SIZE), "depth": depth}, "depth", **STILL)
        assert (out["depth"][:3] == 0).all() and (out["depth"][3:] == 2).all()
        assert not out["mask"][:3].any() and out["mask"][3:].all()
        normals = np.ones((*SIZE, 3), np.float32)
        normals[0], normals[1] = np.nan, 0
        out = made({"image": smooth(*SIZE), "normals": normals}, "normal", **STILL)
        assert (out["normals"][:, :2] == 0).all() and not out["mask"][:2].any()
        assert out["mask"][2:].all()

    def test_scenes_are_windows_of_the_size_that_the_scale_says(self):
        image = places(640, 480)
        widths = []
        for seed in range(30):
            values = {**STILL, "scale": (2.0, 2.0)}
            red, green, _ = levels(made({"image": image}, "seg", seed, **values)["inputs"]).T
            # Columns of red and rows of green span half of the image.
            assert 96 < red.max() - red.min() < 101 and 96 < green.max() - green.min() < 101
            widths.append(red.min())
        assert min(widths) < 10 and max(widths) > 90  # anywhere in it
        small = made({"image": image}, "seg", **{**STILL, "scale": (0.4, 0.4)})["inputs"]
        torch.testing.assert_close(small, made({"image": image}, "seg", **STILL)["inputs"])

    def test_boxes_are_displaced_and_scaled_as_far_as_the_run_says(self):
        sample = full_sample("pose")
        left, top, width, height = sample["box"]
        centre = np.array([left + width / 2, top + height / 2])
        extent = 1.25 * np.array([height * 48 / 64, height])  # the box is higher than wide
        points = [[*centre, 2], [*(centre + extent / 2), 2]]
        sample["keypoints"] = np.array(points)
        far = np.array([SIZE[1] - 1, SIZE[0] - 1])
        shifts, scales = [], []
        for seed in range(300):
            values = {**STILL, "shift": 0.2, "scale": (0.5, 1.5)}
            middle, corner = made(sample, "pose", seed, **values)["keypoints"][:, :2].numpy() / far
            scales.append(1 / (2 * (corner - middle)))
            shifts.append((0.5 - middle) * scales[-1])
        np.testing.assert_allclose(np.ptp(scales, axis=1), 0, atol=1e-4)
        scales, shifts = np.array(scales), np.abs(shifts)
        assert 0.5 <= scales.min() < 0.52 and 1.48 < scales.max() <= 1.5001
        assert (0.18 < shifts.max(0)).all() and (shifts.max(0) < 0.2001).all()
        assert 0.2 < (shifts > 1e-4).any(1).mean() < 0.4  # three of ten images

    def test_pretraining_sees_windows_of_the_areas_and_shapes_of_the_run(self):
        image = places(256, 192)
        areas, shapes = [], []
        for seed in range(200):
            inputs = made({"image": image}, "pretrain", seed, **{**STILL, "scale": (0.2, 0.6)})
            red, green, _ = levels(inputs["inputs"]).T
            width, height = ((c.max() - c.min()) / 200 for c in (red, green))
            areas.append(width * height)
            shapes.append(width / height)
        assert 0.15 < min(areas) < 0.25 and 0.5 < max(areas) < 0.65
        assert 0.7 < min(shapes) < 0.8 and 1.25 < max(shapes) < 1.45

    @pytest.mark.parametrize("task", TASKS)
    def test_images_of_any_size_become_inputs(self, task):
        for shape in ((1, 1), (3, 200), (200, 3), (500, 400)):
            sample = full_sample(task, *shape)
            for seed in range(5):
                out = made(sample, task, seed, **WILD)
                assert out["inputs"].shape == (3, *SIZE) and out["inputs"].isfinite().all()
                for name in set(out) & {"labels", "depth", "mask"}:
                    assert out[name].shape == SIZE
                if "normals" in out:
                    assert out["normals"].shape == (3, *SIZE)

    def test_a_box_far_outside_of_its_image_gives_black(self):
        sample = full_sample("pose")
        sample["box"] = np.array([5000.0, 5000.0, 50.0, 60.0])
        np.testing.assert_allclose(levels(made(sample, "pose", **STILL)["inputs"]), 0, atol=1e-3)


class TestLight:
    def test_without_it_levels_are_those_of_the_image(self):
        sample = full_sample("seg", *SIZE)
        inputs = made(sample, "seg", **STILL)["inputs"]
        torch.testing.assert_close(inputs, preprocess([sample["image"]], SIZE, task="seg")[0])

    def test_with_it_images_differ_and_stay_between_black_and_white(self):
        sample = full_sample("seg", *SIZE)
        means = []
        for seed in range(50):
            found = levels(made(sample, "seg", seed, **{**STILL, "color": 0.5})["inputs"])
            assert found.min() > -1e-3 and found.max() < 255.001
            means.append(found.mean((0, 1)))
        means = np.array(means)
        assert (means.std(0) > 15).all()
        assert (means - means.mean(1, keepdims=True)).std() > 2  # of the channels, too

    def test_rotation_of_windows_is_refused(self):
        with pytest.raises(ConfigError, match="rotation is for pose, seg, depth, normal, not for"):
            make_config(
                {"task": "pretrain", "data": "-", "output": "-", "arch": "0.3b", "steps": 1}
                | {"rotation": 5}
            )
