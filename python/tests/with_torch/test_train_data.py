"""Training data: every reader on small files, and what it refuses or leaves out."""

import io
import json
import os
import pickle
import shutil
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sapiens
from sapiens.train._config import make_config
from sapiens.train._data import check_sample, open_data
from sapiens.train._errors import DataError

SAMPLES = Path(__file__).resolve().parents[3] / "samples" / "mannequin"
RANDOM = np.random.default_rng(1)
PIXELS = RANDOM.integers(0, 256, (12, 10, 3)).astype(np.uint8)
LABELS = RANDOM.integers(0, 5, (12, 10)).astype(np.uint8)
DEPTH = RANDOM.uniform(1, 3, (12, 10)).astype(np.float32)
NORMALS = RANDOM.normal(size=(12, 10, 3)).astype(np.float32)
NORMALS /= np.linalg.norm(NORMALS, axis=2, keepdims=True)


def config(task, **values):
    return make_config(
        {"task": task, "data": "-", "output": "-", "arch": "0.3b", "steps": 1, **values}
        if task != "classify"
        else {"task": task, "data": "-", "output": "-", "init": "-", "steps": 1, **values}
    )


def opened(task, *paths, **values):
    return open_data([str(path) for path in paths], config(task, **values), task)


def png(array, **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG", **options)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def write(folder, **files):
    """Files whose names have two underscores for a dot, since they are names of arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


def write_tar(path, members):
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def refused(task, path, **values):
    """The message of the refusal."""
    with pytest.raises(DataError) as caught:
        dataset = opened(task, path, **values)
        for number in range(len(dataset)):
            dataset[number]
    return str(caught.value)


def same_after_pickling(dataset):
    """Workers get the data as pickles."""
    copy = pickle.loads(pickle.dumps(dataset))
    for number in range(len(dataset)):
        for name, value in dataset[number].items():
            np.testing.assert_array_equal(copy[number][name], value)
    return len(copy) == len(dataset)


class TestFoldersAsEvaluated:
    def test_labels_of_palette_and_grey_images_are_their_values(self, tmp_path):
        palette = Image.fromarray(LABELS, "P")
        palette.putpalette(RANDOM.integers(0, 256, 768).astype(np.uint8).tobytes())
        write(tmp_path, a__png=png(PIXELS), b__png=png(PIXELS), b_seg__png=png(LABELS))
        palette.save(tmp_path / "a_seg.png")
        dataset = opened("seg", tmp_path)
        assert len(dataset) == 2
        for sample in (dataset[0], dataset[1]):
            np.testing.assert_array_equal(sample["image"], PIXELS)
            np.testing.assert_array_equal(sample["labels"], LABELS)
        np.testing.assert_array_equal(sapiens.read_labels(tmp_path / "a_seg.png"), LABELS)
        assert dataset.left_out == {}
        assert same_after_pickling(dataset)

    @pytest.mark.parametrize("bits", [1, 2, 4])
    def test_labels_in_grey_of_few_bits_are_not_stretched(self, tmp_path, bits):
        labels = np.minimum(LABELS, (1 << bits) - 1)
        write(tmp_path, a__png=png(PIXELS), a_seg__png=grey_png(labels, bits))
        np.testing.assert_array_equal(opened("seg", tmp_path)[0]["labels"], labels)
        np.testing.assert_array_equal(sapiens.read_labels(tmp_path / "a_seg.png"), labels)

    def test_labels_in_colour_are_refused(self, tmp_path):
        write(tmp_path, a__png=png(PIXELS), a_seg__png=png(PIXELS))
        assert "a_seg.png: expected a PNG with a palette or in grey" in refused("seg", tmp_path)

    def test_depth_is_the_same_from_npy_exr_and_png(self, tmp_path):
        thousandths = np.round(DEPTH * 1000).astype(np.uint16)
        write(
            tmp_path,
            a__png=png(PIXELS),
            b__png=png(PIXELS),
            c__png=png(PIXELS),
            a_depth__npy=npy(DEPTH),
            c_depth__png=png(thousandths),
        )
        write_exr(tmp_path / "b_depth.exr", {"Z": DEPTH})
        dataset = opened("depth", tmp_path)
        assert len(dataset) == 3
        np.testing.assert_array_equal(dataset[0]["depth"], DEPTH)
        np.testing.assert_array_equal(dataset[1]["depth"], DEPTH)
        np.testing.assert_allclose(dataset[2]["depth"], DEPTH, atol=0.00051)
        assert "mask" not in dataset[0]

    def test_depth_png_of_the_engine_is_read_with_its_range(self, tmp_path, models):
        from PIL.PngImagePlugin import PngInfo

        note = PngInfo()
        note.add_text("depth_nearest", "1.5")
        note.add_text("depth_farthest", "2.5")
        values = np.array([[0, 1], [32768, 65535]], np.uint16)
        write(tmp_path, a__png=png(PIXELS[:2, :2]), a_depth__png=png(values, pnginfo=note))
        depth = opened("depth", tmp_path)[0]["depth"]
        np.testing.assert_allclose(depth, [[0, 1.5], [2.0, 2.5]], atol=1e-5)

    def test_normals_are_the_same_from_npy_exr_and_png(self, tmp_path):
        colors = np.round((NORMALS + 1) * 127.5).astype(np.uint8)
        write(
            tmp_path,
            a__png=png(PIXELS),
            b__png=png(PIXELS),
            c__png=png(PIXELS),
            a_normal__npy=npy(NORMALS),
            c_normal__png=png(colors),
        )
        write_exr(
            tmp_path / "b_normal.exr", {c: NORMALS[..., i].copy() for i, c in enumerate("RGB")}
        )
        dataset = opened("normal", tmp_path)
        np.testing.assert_array_equal(dataset[0]["normals"], NORMALS)
        np.testing.assert_array_equal(dataset[1]["normals"], NORMALS)
        np.testing.assert_allclose(dataset[2]["normals"], NORMALS, atol=0.5 / 127)

    @pytest.mark.parametrize("background", [0, 255, 127, 128])
    def test_normals_in_the_colour_of_a_background_are_unknown(self, tmp_path, background):
        grey = np.full((12, 10, 3), background, np.uint8)
        write(tmp_path, a__png=png(PIXELS), a_normal__png=png(grey))
        assert not opened("normal", tmp_path)[0]["normals"].any()

    def test_the_person_is_where_labels_are_a_class(self, tmp_path):
        labels = LABELS.copy()
        labels[0] = 255
        write(tmp_path, a__png=png(PIXELS), a_depth__npy=npy(DEPTH), a_seg__png=png(labels))
        mask = opened("depth", tmp_path)[0]["mask"]
        np.testing.assert_array_equal(mask, (labels != 0) & (labels != 255))

    def test_what_is_not_used_is_counted(self, tmp_path):
        write(
            tmp_path,
            a__png=png(PIXELS),
            a_seg__png=png(LABELS),
            b__jpg=b"",
            c_seg__png=png(LABELS),
            notes__txt=b"",
            __hidden__png=b"",
        )
        (tmp_path / "more").mkdir()
        (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
        assert opened("seg", tmp_path).left_out == {
            "hidden files or folders": 1,
            "folders inside the folder": 1,
            "broken links or special files": 1,
            "files of other kinds": 1,
            "images without ground truth": 2,  # c_seg.png is one, as nothing else is called c
            "ground truth without an image": 1,
        }

    def test_two_images_with_one_truth_are_refused(self, tmp_path):
        write(tmp_path, a__png=png(PIXELS), a__jpg=b"", a_seg__png=png(LABELS))
        assert "a.jpg and a.png have the same ground truth" in refused("seg", tmp_path)

    def test_a_folder_without_truth_is_refused_with_what_it_holds(self, tmp_path):
        write(tmp_path, a__png=png(PIXELS))
        message = refused("seg", tmp_path)
        assert "nothing in it is for seg; left out: 1 images without ground truth" in message
        assert "what is true of photo.png is in photo_seg.png" in message

    def test_a_damaged_image_is_named_when_it_is_read(self, tmp_path):
        write(tmp_path, a__png=png(PIXELS)[:60], a_seg__png=png(LABELS))
        assert str(tmp_path / "a.png") in refused("seg", tmp_path)

    def test_arrays_that_promise_more_than_the_file_has_are_refused(self, tmp_path):
        huge = npy(DEPTH).replace(b"(12, 10)", b"(99999999, 999999)", 1)
        write(tmp_path, a__png=png(PIXELS), a_depth__npy=huge)
        assert "a_depth.npy" in refused("depth", tmp_path)
        write(tmp_path, a_depth__npy=npy(np.array([None], object)))
        assert "Object arrays cannot be loaded" in refused("depth", tmp_path)
        write(tmp_path, a_depth__npy=npy(DEPTH) + b"more")
        assert "the file goes on after it" in refused("depth", tmp_path)
        write(tmp_path, a_depth__npy=npy(NORMALS))
        assert "expected float32 [H, W], not float32 [12, 10, 3]" in refused("depth", tmp_path)


def grey_png(values, bits):
    """Pillow writes grey of 8 bits alone."""

    def chunk(name, data):
        end = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + end

    rows = b""
    for row in values:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows += b"\0" + int(text, 2).to_bytes(len(text) // 8, "big")
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write_exr(path, channels):
    OpenEXR = pytest.importorskip("OpenEXR")
    with OpenEXR.File({"type": OpenEXR.scanlineimage}, channels) as file:
        file.write(str(path))


class TestFoldersOfTheOriginal:
    def test_images_masks_and_normals_belong_together_by_their_names(self, tmp_path):
        mask = np.where(LABELS > 2, 255, 0).astype(np.uint8)
        write(tmp_path / "images", b__png=png(PIXELS), c__png=png(PIXELS))
        write(tmp_path / "masks", b__png=png(mask))
        write(tmp_path / "normals", b__npy=npy(NORMALS), d__npy=npy(NORMALS))
        dataset = opened("normal", tmp_path)
        assert len(dataset) == 1
        np.testing.assert_array_equal(dataset[0]["normals"], NORMALS)
        np.testing.assert_array_equal(dataset[0]["mask"], LABELS > 2)
        assert dataset.left_out == {
            "images without ground truth": 1,
            "ground truth without an image": 1,
        }
        assert same_after_pickling(dataset)

    def test_a_missing_mask_among_others_is_refused(self, tmp_path):
        write(tmp_path / "images", b__png=png(PIXELS), c__png=png(PIXELS))
        write(tmp_path / "masks", b__png=png(LABELS))
        write(tmp_path / "depths", b__npy=npy(DEPTH), c__npy=npy(DEPTH))
        assert "1 images have no mask, such as images/c.png" in refused("depth", tmp_path)


def coco(folder, change=None, images=2):
    """A file of COCO with two images of one person each."""
    document = {
        "images": [{"id": 7 + i, "file_name": f"train/{i}.png"} for i in range(images)],
        "annotations": [
            {
                "id": i,
                "image_id": 7 + i,
                "category_id": 1,
                "bbox": [1, 2, 5.5, 6],
                "area": 20,
                "iscrowd": 0,
                "keypoints": [2, 3, 2, 4.25, 5, 1],
                "num_keypoints": 2,
            }
            for i in range(images)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": ["left_eye", "right_eye"]}],
    }
    if change:
        change(document)
    for i in range(images):
        write(folder, **{f"{i}__png": png(PIXELS)})
    path = folder / "annotations.json"
    path.write_text(json.dumps(document))
    return path


class TestCoco:
    def test_persons_of_the_bundled_samples_are_those_of_the_file(self):
        document = json.loads((SAMPLES / "annotations.json").read_text())
        dataset = opened("pose", SAMPLES)
        assert len(dataset) == len(document["annotations"])
        assert dataset.outputs == 17
        images = {image["id"]: image["file_name"] for image in document["images"]}
        for sample, true in zip(dataset, document["annotations"]):
            assert sample["key"].endswith(images[true["image_id"]])
            np.testing.assert_array_equal(sample["image"], sapiens.read_image(sample["key"]))
            np.testing.assert_array_equal(sample["box"], true["bbox"])
            np.testing.assert_array_equal(sample["keypoints"].ravel(), true["keypoints"])
            assert sample["area"] == true["area"]

    def test_images_are_found_without_leading_folders_and_names_are_read(self, tmp_path):
        dataset = opened("pose", coco(tmp_path))
        assert [sample["key"] for sample in dataset] == [
            str(tmp_path / "0.png"),
            str(tmp_path / "1.png"),
        ]
        assert dataset.names == ("left_eye", "right_eye")
        assert same_after_pickling(dataset)

    def test_images_may_be_in_another_folder(self, tmp_path):
        path = coco(tmp_path / "images")
        moved = shutil.move(path, tmp_path / "here.json")
        assert len(opened("pose", moved, images=str(tmp_path / "images"))) == 2

    def test_crowds_and_persons_without_points_or_area_are_counted(self, tmp_path):
        def change(document):
            first = document["annotations"][0]
            document["annotations"] += [
                {**first, "iscrowd": 1},
                {**first, "keypoints": [0] * 6, "num_keypoints": 0},
                {**first, "bbox": [1, 2, 0, 6]},
                {**first, "category_id": 18},
            ]
            document["images"].append({"id": 99, "file_name": "not_there.png"})

        dataset = opened("pose", coco(tmp_path, change))
        assert len(dataset) == 2
        assert dataset.left_out == {
            "crowds": 1,
            "persons without labelled points": 1,
            "persons whose box has no area": 1,
            "entries of other categories": 1,
            "images without a person to learn": 1,
        }

    def test_a_file_without_a_person_to_learn_is_refused_with_the_reason(self, tmp_path):
        def change(document):
            for person in document["annotations"]:
                person["iscrowd"] = 1

        assert "left out: 2 crowds" in refused("pose", coco(tmp_path, change))

    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("bbox", [1, 2, 3], "`bbox` is [1, 2, 3], not four numbers"),
            ("bbox", [1, 2, "3", 4], "`bbox` is"),
            ("bbox", [1, 2, float("nan"), 4], "`bbox` is"),
            ("bbox", [1, 2, 1e9, 4], "no image is so large"),
            ("keypoints", [1, 2], "not three numbers for each point"),
            ("keypoints", [1, 2, 2, None, 2, 2], "`keypoints` has null as its number 3"),
            ("keypoints", [1, 2, 2, float("inf"), 2, 2], "has Infinity as its number 3"),
            ("keypoints", [1, 2, 3, 1, 2, 2], "visibility 3, not 0, 1 or 2"),
            ("keypoints", [1, 2, 2], "has 1 points and those before 2"),
            ("area", None, "`area` is null, not a finite number"),
            ("area", -1, "below 0"),
            ("area", True, "`area` is true"),
            ("image_id", 5, "`image_id` is 5, which `images` does not have"),
            ("image_id", [], "not a whole number"),
            ("iscrowd", 2, "`iscrowd` is 2, not 0 or 1"),
        ],
    )
    def test_a_wrong_field_is_refused_with_its_number(self, tmp_path, field, value, expected):
        path = coco(tmp_path, lambda document: document["annotations"][1].update({field: value}))
        message = refused("pose", path)
        assert message.startswith(f"{path}: entry 1 of annotations: ")
        assert expected in message

    @pytest.mark.parametrize("field", ["bbox", "area", "keypoints", "image_id"])
    def test_a_missing_field_is_refused(self, tmp_path, field):
        path = coco(tmp_path, lambda document: document["annotations"][1].pop(field))
        assert f"entry 1 of annotations: `{field}` is missing" in refused("pose", path)

    def test_a_field_that_occurs_twice_is_refused(self, tmp_path):
        path = coco(tmp_path)
        path.write_text(path.read_text().replace('"area": 20', '"area": 20, "area": 21', 1))
        assert "entry 0 of annotations: `area` occurs twice" in refused("pose", path)

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda d: d["annotations"].append(3), "entry 2 of annotations: 3 is not an object"),
            (lambda d: d["images"][1].update(id=7), "`id` is that of an earlier image"),
            (lambda d: d["images"][1].update(file_name="0.png"), "are the same file"),
            (lambda d: d["images"][1].update(file_name="9.png"), "1 of 2 images are not there"),
            (lambda d: d.update(images=[]), "`images` is missing"),
            (lambda d: d["categories"][0].update(keypoints=["a"]), "names 1 keypoints"),
            (
                lambda d: [a.update(bbox=[0.1, 0.1, 0.5, 0.5]) for a in d["annotations"]],
                "all boxes lie between 0 and 1",
            ),
        ],
    )
    def test_a_file_that_does_not_fit_together_is_refused(self, tmp_path, change, expected):
        assert expected in refused("pose", coco(tmp_path, change))

    def test_what_is_no_json_is_refused(self, tmp_path):
        path = tmp_path / "a.json"
        for text in ("", "{", "[" * 100000, "[1]"):
            path.write_text(text)
            assert str(path) in refused("pose", path)
        assert str(tmp_path / "none.json") in refused("pose", tmp_path / "none.json")


def note(**values):
    return json.dumps(values).encode()


class TestShards:
    def test_every_task_reads_its_members_at_any_time(self, tmp_path):
        point = note(keypoints=[2, 3, 2], bbox=[1, 2, 5, 6])
        members = []
        for i in range(4):
            image = png(np.roll(PIXELS, i, 0))
            key = f"some/{i:04}"
            members += [
                (f"{key}.png", image),
                (f"{key}.seg.png", png(np.roll(LABELS, i, 0))),
                (f"{key}.depth.npy", npy(DEPTH + i)),
                (f"{key}.normal.npy", npy(np.roll(NORMALS, i, 0))),
                (f"{key}.json", point),
                (f"{key}.cls", str(i % 3).encode()),
            ]
        write_tar(tmp_path / "shard-000.tar", members[:12])
        write_tar(tmp_path / "shard-001.tar", members[12:])
        shards = tmp_path / "shard-{000..001}.tar"
        for task in ("pretrain", "pose", "seg", "depth", "normal", "classify"):
            dataset = opened(task, shards)
            assert len(dataset) == 4
            for i in (2, 0, 3, 1):
                sample = dataset[i]
                np.testing.assert_array_equal(sample["image"], np.roll(PIXELS, i, 0))
                if task == "seg":
                    np.testing.assert_array_equal(sample["labels"], np.roll(LABELS, i, 0))
                if task == "depth":
                    np.testing.assert_array_equal(sample["depth"], DEPTH + i)
                    np.testing.assert_array_equal(sample["mask"], np.roll(LABELS, i, 0) != 0)
                if task == "normal":
                    np.testing.assert_array_equal(sample["normals"], np.roll(NORMALS, i, 0))
                if task == "pose":
                    np.testing.assert_array_equal(sample["keypoints"], [[2, 3, 2]])
                    assert sample["image_id"] == i
                if task == "classify":
                    assert sample["category"] == i % 3
            assert same_after_pickling(dataset)
        assert opened("classify", shards).outputs == 3
        assert len(opened("seg", tmp_path / "*.tar")) == 4
        assert len(opened("seg", tmp_path / "shard-{000,001}.tar")) == 4

    def test_several_persons_of_an_image_are_samples_of_their_own(self, tmp_path):
        persons = [
            {"keypoints": [i, 3, 2], "bbox": [1, 2, 5, 6], "area": 9, "iscrowd": int(i == 1)}
            for i in range(3)
        ]
        members = [("a.png", png(PIXELS)), ("a.json", note(annotations=persons))]
        dataset = opened("pose", write_tar(tmp_path / "a.tar", members))
        assert [sample["keypoints"][0, 0] for sample in dataset] == [0, 2]
        assert dataset.left_out == {"crowds": 1}

    def test_classes_may_be_told_by_the_names_of_the_run(self, tmp_path):
        members = [
            ("a.png", png(PIXELS)),
            ("a.json", note(**{"class": "sitting"})),
            ("b.png", png(PIXELS)),
            ("b.cls", b"standing\n"),
        ]
        path = write_tar(tmp_path / "a.tar", members)
        dataset = opened("classify", path, names=["standing", "sitting", "lying"])
        assert [sample["category"] for sample in dataset] == [1, 0]
        assert dataset.outputs == 3
        assert "'sitting' is neither the number of a class" in refused("classify", path)

    def test_jpeg_members_are_upright(self, tmp_path):
        file = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(PIXELS).save(file, "JPEG", exif=exif)
        (tmp_path / "a.jpg").write_bytes(file.getvalue())
        path = write_tar(tmp_path / "a.tar", [("a.jpg", file.getvalue())])
        image = opened("pretrain", path)[0]["image"]
        assert image.shape == (10, 12, 3)
        # Decoders of JPEG differ by roundings.
        difference = image.astype(int) - sapiens.read_image(tmp_path / "a.jpg")
        assert np.abs(difference).max() <= 4

    def test_odd_members_are_counted(self, tmp_path):
        path = tmp_path / "a.tar"
        with tarfile.open(path, "w") as tar:
            for name, kind in (
                ("link.png", tarfile.SYMTYPE),
                ("hard.png", tarfile.LNKTYPE),
                ("pipe.png", tarfile.FIFOTYPE),
                ("folder", tarfile.DIRTYPE),
            ):
                member = tarfile.TarInfo(name)
                member.type, member.linkname = kind, "/etc/passwd"
                tar.addfile(member)
            for name, data in (
                ("a.png", png(PIXELS)),
                ("a.seg.png", png(LABELS)),
                ("b.seg.png", png(LABELS)),
                ("c.png", png(PIXELS)),
                ("d.txt", b"text"),
                (".hidden.png", b""),
            ):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        dataset = opened("seg", path)
        assert len(dataset) == 1
        assert dataset.left_out == {
            "members of shards that are no plain files": 3,
            "samples of shards without an image": 1,
            "samples of shards without ground truth": 1,
            "members of shards of other kinds": 1,
            "hidden members of shards": 1,
        }

    def test_a_truncated_tar_is_named_wherever_it_ends(self, tmp_path):
        members = [(f"{i}.png", png(PIXELS)) for i in range(3)]
        whole = write_tar(tmp_path / "whole.tar", members).read_bytes()
        used = whole.rstrip(b"\0")
        path = tmp_path / "cut.tar"
        for end in (0, 100, 512, 700, 1024, 1030, len(used) // 512 * 512 + 512):
            path.write_bytes(whole[:end])
            assert str(path) in refused("pretrain", path), end

    def test_a_damaged_header_is_no_end(self, tmp_path):
        members = [(f"{i}.png", png(PIXELS)) for i in range(3)]
        path = write_tar(tmp_path / "a.tar", members)
        data = bytearray(path.read_bytes())
        with tarfile.open(path) as tar:
            second = tar.getmembers()[1].offset
        data[second + 148] ^= 1
        path.write_bytes(data)
        assert f"no end at byte {second}" in refused("pretrain", path)

    def test_compressed_tars_are_refused_with_a_hint(self, tmp_path):
        path = tmp_path / "a.tar.gz"
        with tarfile.open(path, "w:gz"):
            pass
        assert "gunzip" in refused("pretrain", path)

    def test_a_shard_that_shrinks_is_noticed(self, tmp_path):
        path = write_tar(tmp_path / "a.tar", [("a.png", png(PIXELS))])
        dataset = opened("pretrain", path)
        os.truncate(path, 600)
        with pytest.raises(DataError, match="changed since the run began"):
            dataset[0]

    def test_members_of_one_name_and_missing_shards_are_refused(self, tmp_path):
        path = write_tar(tmp_path / "a.tar", [("a.png", png(PIXELS))] * 2)
        assert "a has two members .png" in refused("pretrain", path)
        assert "there is no such file" in refused("pretrain", tmp_path / "b*.tar")
        assert str(tmp_path / "c.tar") in refused("pretrain", tmp_path / "c.tar")
        assert "the last not below the first" in refused("pretrain", tmp_path / "{5..2}.tar")


def write_arrays(folder, count=3, **arrays):
    folder.mkdir(parents=True, exist_ok=True)
    keypoints = np.tile(np.float32([[2, 3, 2]]), (count, 17, 1))
    keypoints[:, :, 0] += np.arange(count)[:, None]
    all_arrays = {
        "images": np.stack([np.roll(PIXELS, i, 0) for i in range(count)]),
        "labels": np.stack([np.roll(LABELS, i, 0) for i in range(count)]),
        "depth": np.stack([DEPTH] * count).astype(np.float16),
        "normals": np.round(np.stack([NORMALS] * count) * 127).astype(np.int8),
        "keypoints": keypoints,
        "boxes": np.tile(np.float32([1, 2, 5, 6]), (count, 1)),
        **arrays,
    }
    for name, array in all_arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


class TestArrays:
    def test_rows_are_samples_of_every_task(self, tmp_path):
        folder = write_arrays(tmp_path)
        seg, depth, normal, pose = (
            opened(task, folder) for task in ("seg", "depth", "normal", "pose")
        )
        np.testing.assert_array_equal(seg[2]["image"], np.roll(PIXELS, 2, 0))
        np.testing.assert_array_equal(seg[2]["labels"], np.roll(LABELS, 2, 0))
        assert len(seg.names) == 28 and seg.names[4] == "Left_Foot"
        np.testing.assert_allclose(depth[1]["depth"], DEPTH, rtol=1e-3)
        np.testing.assert_array_equal(depth[1]["mask"], np.roll(LABELS, 1, 0) != 0)
        np.testing.assert_allclose(normal[1]["normals"], NORMALS, atol=0.5 / 127)
        assert pose[2]["keypoints"][5].tolist() == [4, 3, 2]
        assert pose.names[1] == "left_eye"
        for dataset in (seg, depth, normal, pose, opened("pretrain", folder)):
            assert len(dataset) == 3
            assert same_after_pickling(dataset)

    def test_persons_that_nothing_can_be_learned_from_are_counted(self, tmp_path):
        keypoints = np.tile(np.float32([[2, 3, 2]]), (3, 17, 1))
        keypoints[0] = 0
        boxes = np.tile(np.float32([1, 2, 5, 6]), (3, 1))
        boxes[2, 3] = 0
        dataset = opened("pose", write_arrays(tmp_path, keypoints=keypoints, boxes=boxes))
        assert [sample["image_id"] for sample in dataset] == [1]
        assert dataset.left_out == {
            "persons without labelled points": 1,
            "persons whose box has no area": 1,
        }

    @pytest.mark.parametrize(
        ("name", "array", "expected"),
        [
            ("labels", np.zeros((2, 12, 10), np.uint8), "labels.npy: [2, 12, 10] does not fit"),
            ("labels", np.zeros((3, 12, 9), np.uint8), "does not fit"),
            ("labels", np.zeros((3, 12, 10), np.int64), "expected u1 [N, H, W], not i8"),
            ("images", np.zeros((3, 12, 10, 4), np.uint8), "expected u1 [N, H, W, 3]"),
        ],
    )
    def test_arrays_that_do_not_fit_are_refused(self, tmp_path, name, array, expected):
        assert expected in refused("seg", write_arrays(tmp_path, **{name: array}))

    def test_missing_and_truncated_arrays_are_named(self, tmp_path):
        path = write_arrays(tmp_path) / "labels.npy"
        path.write_bytes(path.read_bytes()[:200])
        assert str(path) in refused("seg", tmp_path)
        path.unlink()
        assert str(path) in refused("seg", tmp_path)


class TestImages:
    def test_pretraining_takes_all_images_below_a_folder(self, tmp_path):
        write(tmp_path / "a", x__png=png(PIXELS), x_seg__png=png(LABELS), y__txt=b"")
        write(tmp_path / "a" / "b", z__png=png(PIXELS))
        (tmp_path / "a" / "b" / "again").symlink_to(tmp_path / "a")
        dataset = opened("pretrain", tmp_path)
        assert [Path(sample["key"]).name for sample in dataset] == ["x.png", "z.png"]
        assert dataset.left_out == {
            "files of other kinds": 1,
            "folders that were searched under another name": 1,
        }
        assert same_after_pickling(dataset)

    def test_classes_are_the_sorted_names_of_folders(self, tmp_path):
        write(tmp_path / "walking", a__png=png(PIXELS))
        write(tmp_path / "running", b__png=png(PIXELS), c__png=png(PIXELS))
        write(tmp_path, d__png=png(PIXELS))
        dataset = opened("classify", tmp_path)
        assert dataset.names == ("running", "walking")
        assert [sample["category"] for sample in dataset] == [0, 0, 1]
        assert dataset.left_out == {"files beside the folders of classes": 1}
        (tmp_path / "sitting").mkdir()
        message = refused("classify", tmp_path, names=["running", "walking"])
        assert "sitting: not among the classes of the run" in message
        assert "a class without images" in refused("classify", tmp_path)

    def test_held_out_classes_have_the_numbers_of_the_run(self, tmp_path):
        """Where one is missing, too."""
        write(tmp_path / "walking", a__png=png(PIXELS))
        dataset = opened("classify", tmp_path, names=["running", "sitting", "walking"])
        assert dataset[0]["category"] == 2 and dataset.outputs == 3


class TestJoined:
    def test_parts_follow_each_other_and_their_images_are_told_apart(self, tmp_path):
        first, second = write_arrays(tmp_path / "a"), write_arrays(tmp_path / "b", count=2)
        dataset = opened("pose", first, second)
        assert [sample["image_id"] for sample in dataset] == [0, 1, 2, 3, 4]
        assert [sample["key"].split(": ")[1] for sample in dataset] == [
            *("row 0", "row 1", "row 2"),
            *("row 0", "row 1"),
        ]
        with pytest.raises(IndexError):
            dataset[5]

    def test_other_keypoints_are_refused(self, tmp_path):
        with pytest.raises(DataError, match="have different names"):
            opened("pose", write_arrays(tmp_path / "a"), coco(tmp_path / "b"))

    def test_other_names_than_those_of_the_run_are_refused(self, tmp_path):
        names = ["right_eye", "left_eye"]
        assert "it names left_eye, right_eye, but the run names right_eye" in refused(
            "pose", coco(tmp_path), names=names
        )

    def test_arrays_take_the_names_of_the_run(self, tmp_path):
        dataset = opened("seg", write_arrays(tmp_path), names=["background", "person"])
        assert dataset.names == ()

    def test_what_is_no_data_is_refused(self, tmp_path):
        assert "does not exist" in refused("seg", tmp_path / "none")
        write(tmp_path, a__txt=b"")
        assert "neither a folder" in refused("seg", tmp_path / "a.txt")
        assert "COCO keypoints are for pose" in refused("seg", coco(tmp_path))


class TestChecks:
    def sample(self, **values):
        return {"key": "a.png", "image": PIXELS, **values}

    def test_what_fits_is_accepted(self):
        labels = LABELS.copy()
        labels[0] = 255
        check_sample(self.sample(labels=labels), config("seg"), 5)
        check_sample(self.sample(category=2), config("classify"), 3)
        check_sample(self.sample(), config("pretrain"), 0)

    @pytest.mark.parametrize(
        ("task", "outputs", "values", "expected"),
        [
            ("seg", 4, {"labels": LABELS}, "label 4 at"),
            ("seg", 5, {"labels": LABELS[:-1]}, "labels of 11 x 10 pixels"),
            ("depth", 1, {"depth": DEPTH.T}, "depth of 10 x 12 pixels"),
            ("normal", 3, {"normals": NORMALS[:, 1:]}, "normals of 12 x 9 pixels"),
            ("depth", 1, {"depth": DEPTH, "mask": LABELS[1:] > 0}, "mask of 11 x 10"),
            ("pose", 17, {"keypoints": np.zeros((5, 3))}, "5 keypoints, but the model has 17"),
            ("pose", 17, {"box": np.array([5.0, 5, 1e30, 9])}, "is more than 262144 pixels away"),
            ("pretrain", 0, {"image": PIXELS[:0]}, "an image of 0 x"),
            ("classify", 3, {"category": 3}, "class 3, but there are 3 classes"),
        ],
    )
    def test_what_does_not_fit_is_named(self, task, outputs, values, expected):
        with pytest.raises(DataError, match="^a.png: ") as caught:
            check_sample(self.sample(**values), config(task), outputs)
        assert expected in str(caught.value)
