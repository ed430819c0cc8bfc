"""Readers of Python on thousands of changed inputs: each is read, or refused by the reader's own error.

The changes follow from a seed, so that a failure comes again. SAPIENS_MUTATIONS is how many there are of
each kind, for longer searches.
"""

import io
import json
import os
import random
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

import feature_runs
import sapiens
from sapiens._feature_samples import parse_sample
from sapiens.train import ConfigError, make_config, read_config
from sapiens.train._config import write_config
from sapiens.train._data import open_data
from sapiens.train._errors import DataError

COUNT = int(os.environ.get("SAPIENS_MUTATIONS", "600"))
ODD = [None, True, 0, -1, 1 << 31, 1 << 64, 10**400, 0.5, -0.0, 1e308, "", "0", "\0", "\ud800"]
ODD += ["..", "/", [], {}, [[]], [1, 2, 3], {"id": 1}, float("inf"), float("nan")]
PIECES = [b"", b"\0", b"\xff", b"\n", b'"', b"[", b"{", b"=", b"-", b"9" * 30, b"1e999", b"\\ud800"]
# Of headers of tars: also of more bytes than there are, and of fewer than none.
FIELDS = [b"-1", b"7" * 11, b"\x80" + b"\xff" * 11, b"\xff" * 10 + b"\xfc\0", b"\0", b"x"]
FIELDS += [b"S", b"L", b"g", b"5", b"../a.png", b"a.png"]
PIXELS = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)


def changed_bytes(data, numbers):
    data = bytearray(data)
    for _ in range(numbers.randint(1, 4)):
        first = numbers.randrange(len(data) + 1)
        last = min(len(data), first + numbers.choice((0, 1, 2, 4, 16)))
        kind = numbers.randrange(4)
        if kind == 0 and data:
            data[min(first, len(data) - 1)] ^= 1 << numbers.randrange(8)
        elif kind == 1:
            data[first:last] = numbers.choice(PIECES)
        elif kind == 2:
            data[first:first] = data[first:last] * numbers.randint(1, 3)
        elif numbers.random() < 0.2:
            del data[first:]
    return bytes(data)


def changed_value(value, numbers):
    """One value, name or entry of a document of lists and objects."""
    value = json.loads(json.dumps(value))
    places = []

    def collect(holder):
        for key in holder if isinstance(holder, dict) else range(len(holder)):
            places.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                collect(holder[key])

    collect(value)
    for _ in range(numbers.randint(1, 3)):
        holder, key = numbers.choice(places)
        other, of_other = numbers.choice(places)
        try:
            kind = numbers.randrange(5)
            if kind < 3:
                holder[key] = numbers.choice(ODD)
            elif kind == 3:
                holder[key] = json.loads(json.dumps(other[of_other]))
            else:
                del holder[key]
        except (KeyError, IndexError):
            pass  # an earlier change took it away
    return value


def changed_json(value, numbers):
    data = json.dumps(changed_value(value, numbers)).encode()
    return changed_bytes(data, numbers) if numbers.random() < 0.3 else data


def changed_tar(data, numbers):
    """Sums of headers are right for nine of ten: a wrong one ends the list of members."""
    data = bytearray(changed_bytes(data, numbers) if numbers.random() < 0.2 else data)
    headers = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"]
    for _ in range(numbers.randint(1, 3) if headers else 0):
        at = numbers.choice(headers)
        field, size = numbers.choice([(0, 100), (100, 8), (124, 12), (156, 1), (345, 155)])
        piece = numbers.choice(FIELDS)
        data[at + field : at + field + min(size, len(piece))] = piece[:size]
        if numbers.random() < 0.9:
            data[at + 148 : at + 156] = b" " * 8
            data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
    return bytes(data)


def changes_of(change, seed):
    numbers = random.Random(1)
    return [change(seed, numbers) for _ in range(COUNT)]


def encoded(array, kind="PNG"):
    file = io.BytesIO()
    if kind == "npy":
        np.save(file, array)
    else:
        Image.fromarray(array).save(file, kind)
    return file.getvalue()


def read_or_refused(number, read, *errors):
    """Whether it was read."""
    try:
        read()
    except errors:
        return False
    except BaseException:
        print(f"change {number}")
        raise
    return True


def open_all(path, task):
    config = {"task": task, "data": "-", "output": "-", "steps": 1}
    config.update({"init": "-", "mode": "head"} if task == "classify" else {"arch": "0.3b"})
    data = open_data([str(path)], make_config(config), task)
    for number in range(len(data)):
        data[number]


@pytest.fixture
def toml():
    """The reader, which is Python's own from 3.11 on."""
    return pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")


RUN = b"""# A run.
task = "pose"
data = ["photos/train.json", 'a b']
output = "run"
init = "0.3b:pose17"
names = ["nose", "left \\u00e9ar"]
size = [256, 192]
betas = [0.9, 0.95]
learning_rate = 5e-4
flip = 0
new_head = true
steps = 1_000
"""


def test_a_changed_configuration_is_refused_or_written_and_read_as_the_same(tmp_path, toml):
    accepted = 0
    for number, data in enumerate(changes_of(changed_bytes, RUN)):
        path = tmp_path / "run.toml"
        path.write_bytes(data)

        def read():
            config = read_config(path)
            write_config(config, path)
            assert read_config(path) == config

        accepted += read_or_refused(number, read, ConfigError)
    assert 0 < accepted < COUNT


def test_changed_values_of_a_run_are_refused_or_checked():
    values = {"task": "seg", "data": ["a"], "output": "b", "arch": "0.3b", "steps": 1}
    values.update(names=["a", "b"], size=[64, 48], scale=[0.5, 2.0], class_weights=[1, 2.5], dice=1)
    for number, changed in enumerate(changes_of(changed_value, values)):
        read_or_refused(number, lambda: make_config(changed), ConfigError)


def test_changed_annotations_are_refused_or_read(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(encoded(PIXELS))
    person = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 8, 9.5], "area": 70, "iscrowd": 0}
    person.update(keypoints=[1, 2, 2, 3.5, 4, 1], num_keypoints=2)
    document = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": "2", "file_name": "x/b.png"}],
        "annotations": [person, {**person, "image_id": 2}, {**person, "iscrowd": 1}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "eye"]}],
    }
    accepted = 0
    for number, data in enumerate(changes_of(changed_json, document)):
        path = tmp_path / "persons.json"
        path.write_bytes(data)
        accepted += read_or_refused(number, lambda: open_all(path, "pose"), DataError)
    assert 0 < accepted < COUNT


def shard(task):
    truth = {
        "pose": ("json", json.dumps({"bbox": [0, 0, 9, 9], "keypoints": [1, 2, 2] * 2}).encode()),
        "seg": ("seg.png", encoded(PIXELS[..., 0])),
        "depth": ("depth.npy", encoded(np.ones((12, 10), np.float32), "npy")),
        "classify": ("cls", b"1"),
    }[task]
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for key in ("a", "folder/\u00e9" + "b" * 120):
            for kind, data in (("png", encoded(PIXELS)), truth):
                member = tarfile.TarInfo(f"{key}.{kind}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


@pytest.mark.parametrize("task", ["pose", "seg", "depth", "classify"])
def test_a_changed_shard_is_refused_or_read(tmp_path, task):
    accepted = 0
    for number, data in enumerate(changes_of(changed_tar, shard(task))):
        path = tmp_path / "a.tar"
        path.write_bytes(data)
        accepted += read_or_refused(number, lambda: open_all(path, task), DataError)
    assert 0 < accepted < COUNT


@pytest.mark.parametrize("name", ["images", "keypoints", "boxes"])
def test_changed_arrays_are_refused_or_read(tmp_path, name):
    arrays = {
        "images": np.stack([PIXELS, PIXELS]),
        "keypoints": np.ones((2, 5, 3), np.float32),
        "boxes": np.full((2, 4), 4, np.float32),
    }
    for one, array in arrays.items():
        np.save(tmp_path / f"{one}.npy", array)
    seed = (tmp_path / f"{name}.npy").read_bytes()
    head, tail = seed[:128], seed[128:]
    for number, data in enumerate(changes_of(changed_bytes, head)):
        (tmp_path / f"{name}.npy").write_bytes(data + tail if number % 8 else data)
        read_or_refused(number, lambda: open_all(tmp_path, "pose"), DataError)


def test_a_changed_line_of_an_index_is_refused_or_read(tmp_path):
    run = feature_runs.Run(tmp_path)
    run.add("shard-0", feature_runs.vectors(2))
    line = run.lines("shard-0")[0]
    accepted = 0
    for number, data in enumerate(changes_of(changed_json, line)):
        accepted += read_or_refused(number, lambda: parse_sample(data, "a:1"), sapiens.Error)
    assert 0 < accepted < COUNT


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        "sapiens-features.json",
        "sapiens-index.json",
        "sapiens-index/shard-0.json",
        "sapiens-index/shard-0.jsonl",
    ],
)
def test_a_changed_file_of_a_run_is_refused_or_read(tmp_path, name):
    run = feature_runs.Run(tmp_path)
    run.add("shard-0", feature_runs.vectors(2))
    run.merge()
    seed = (tmp_path / name).read_bytes()
    numbers = random.Random(1)

    def read():
        features = sapiens.open_features(tmp_path)
        for key in features:
            features[key]

    for number in range(COUNT // 2):
        if name.endswith("l"):
            lines = seed.splitlines()
            at = numbers.randrange(len(lines))
            lines[at] = changed_json(json.loads(lines[at]), numbers)
            data = b"\n".join(lines) + b"\n"
        else:
            data = changed_json(json.loads(seed), numbers)
        (tmp_path / name).write_bytes(data)
        read_or_refused(number, read, sapiens.Error)


# What such changes have found.


@pytest.mark.parametrize("value", ["1" + "0" * 400, "0x" + "f" * 5000])
@pytest.mark.parametrize("name", ["dice", "batch"])
def test_a_number_of_hundreds_of_digits_is_refused(tmp_path, toml, name, value):
    path = tmp_path / "run.toml"
    head = 'task = "seg"\ndata = "a"\noutput = "b"\narch = "0.3b"\nsteps = 1\n'
    path.write_text(f"{head}{name} = {value}\n")
    with pytest.raises(ConfigError, match=f"{name}: expected"):
        read_config(path)


@pytest.mark.parametrize("place", ["file_name", "keypoints"])
def test_half_of_a_surrogate_pair_is_no_name(tmp_path, place):
    names = {place: "\ud800"}
    person = {"image_id": 1, "bbox": [1, 1, 8, 9], "area": 70, "keypoints": [1, 2, 2]}
    document = {
        "images": [{"id": 1, "file_name": names.get("file_name", "a.png")}],
        "annotations": [person],
        "categories": [{"id": 1, "name": "person", "keypoints": [names.get("keypoints", "a")]}],
    }
    (tmp_path / "a.png").write_bytes(encoded(PIXELS))
    path = tmp_path / "persons.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=f"`{place}` is"):
        open_all(path, "pose")


def tar_with(path, kind, size):
    """A member, and in front of it one of `kind` with a header that says `size`."""
    member = tarfile.TarInfo("b.png")
    member.type = kind
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    first = tarfile.TarInfo("a.png").tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(first + bytes(header) + bytes(1024))
    return path


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, b"?"])
def test_a_member_of_fewer_bytes_than_none_ends_the_list(tmp_path, kind):
    path = tar_with(tmp_path / "a.tar", kind, b"\xff" * 10 + b"\xfc\0")
    with pytest.raises(DataError, match="b.png of -1024 bytes"):
        open_all(path, "pretrain")


def test_a_header_of_more_bytes_than_numbers_have_is_refused(tmp_path):
    path = tar_with(tmp_path / "a.tar", tarfile.XHDTYPE, b"\x80" + b"\xff" * 11)
    with pytest.raises(DataError, match="no tar, or a damaged one"):
        open_all(path, "pretrain")


@pytest.mark.parametrize("header", [b"", b"\x93NUMPY\1\0\4\0{'(\n", b"\x93NUMPY\1\0\4\0\0\0\0\n"])
def test_an_array_whose_header_is_no_python_is_refused(tmp_path, header):
    (tmp_path / "images.npy").write_bytes(header)
    with pytest.raises(DataError, match="images.npy: "):
        open_all(tmp_path, "pretrain")
