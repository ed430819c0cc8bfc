"""WebDataset shards: tar files of samples, whose members are found once and read at any time."""

from __future__ import annotations

import glob
import math
import os
import re
import tarfile
from collections import Counter
from typing import TYPE_CHECKING, Iterator, Optional

import numpy as np

from ._coco import Entry, Persons, parse_json, person_of
from ._config import Config
from ._decode import IMAGES, MAX_BYTES, TRUTHS, decode_image, decode_labels
from ._errors import DataError
from ._folders import add_truth, mask_of
from ._strings import Strings

if TYPE_CHECKING:
    from ._samples import Sample

#: Members that tell what is true for a task; the first one there counts.
_TRUTHS: dict[str, tuple[str, ...]] = {
    **{task: tuple(f".{ending}" for ending in endings) for task, endings in TRUTHS.items()},
    "pose": (".json",),
    "classify": (".cls", ".json"),
    "pretrain": (),
}
_KINDS = tuple(dict.fromkeys((*IMAGES, *(kind for kinds in _TRUTHS.values() for kind in kinds))))
_MAX_NOTE = 1 << 24  # bytes of .json and .cls
_COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZ": "bunzip2", b"\xfd7": "unxz", b"\x28\xb5": "unzstd"}
_NAME = re.compile(r"\.tar(\.(gz|bz2|xz|zst))?$|\.tgz$", re.IGNORECASE)


def is_shards(path: str) -> bool:
    return bool(_NAME.search(path)) and not os.path.isdir(path)


def shard_paths(pattern: str) -> list[str]:
    """The files of `shard-{000..015}.tar`, `{a,b}.tar` or `*.tar`, in order."""
    paths = []
    for name in _expand(pattern):
        if any(mark in name for mark in "*?["):
            found = sorted(glob.glob(name))
            if not found:
                raise DataError(f"{name}: there is no such file")
            paths += found
        else:
            paths.append(name)
    return paths


def _expand(pattern: str) -> Iterator[str]:
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        yield pattern
        return
    numbers = re.fullmatch(r"([0-9]{1,9})\.\.([0-9]{1,9})", match[1])
    if numbers:
        first, last = int(numbers[1]), int(numbers[2])
        if not first <= last < first + 10**6:
            raise DataError(f"{pattern}: expected {{first..last}}, the last not below the first")
        parts = [f"{i:0{len(numbers[1])}}" for i in range(first, last + 1)]
    else:
        parts = match[1].split(",")
    for part in parts:
        yield from _expand(pattern[: match.start()] + part + pattern[match.end() :])


class ShardData:
    """The samples of shards. Only places of members are kept, and persons and classes."""

    def __init__(self, paths: list[str], config: Config, task: str) -> None:
        self.task = task
        self.left_out: Counter[str] = Counter()
        self.names: tuple[str, ...] = ()
        self._paths = Strings(paths)
        self._class_names = {name: i for i, name in enumerate(config.names)}
        keys: list[str] = []
        rows: list[tuple[int, ...]] = []
        self._persons: Optional[dict[str, np.ndarray]] = None
        persons, categories = Persons(), []
        for shard, path in enumerate(paths):
            for key, members in self._samples(path):
                image = next((kind for kind in IMAGES if kind in members), "")
                truth = next((kind for kind in _TRUTHS[task] if kind in members), "")
                if not image:
                    self.left_out["samples of shards without an image"] += 1
                    continue
                if not truth and _TRUTHS[task]:
                    self.left_out["samples of shards without ground truth"] += 1
                    continue
                where = f"{path}: {key}{truth}"
                if task == "pose":
                    self._add_persons(persons, path, members[truth], where, len(keys))
                if task == "classify":
                    note = _read(path, *members[truth], where, _MAX_NOTE)
                    categories.append(self._category(note, truth, where))
                # Of each sample: shard; and kind, place and size of image, truth and mask.
                mask = ".seg.png" if task in ("depth", "normal") and ".seg.png" in members else ""
                row = [shard]
                for kind in (image, truth, mask):
                    row += [_KINDS.index(kind), *members[kind]] if kind else [-1, 0, 0]
                keys.append(key)
                rows.append(tuple(row))
        self._keys = Strings(keys)
        self._rows = np.array(rows, np.int64).reshape(len(keys), 10)
        self._categories = np.array(categories, np.int64)
        self.images = len(keys)
        self.outputs = max(categories, default=-1) + 1
        if task == "classify" and config.names:
            self.outputs = len(config.names)
        if task == "pose":
            self._persons, self.others = persons.arrays(paths[0]), persons.others
            self.outputs = persons.keypoints
            self.left_out += persons.left_out

    def _samples(self, path: str) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
        """Names, and places of the members by their kind."""
        samples: dict[str, dict[str, tuple[int, int]]] = {}
        for name, place, size in self._members(path):
            folder, base = os.path.split(name)
            stem, dot, kind = base.partition(".")
            key, kind = os.path.join(folder, stem), (dot + kind).lower()
            if not stem:
                self.left_out["hidden members of shards"] += 1
            elif kind not in _KINDS:
                self.left_out["members of shards of other kinds"] += 1
            elif kind in samples.setdefault(key, {}):
                raise DataError(f"{path}: {key} has two members {kind}")
            else:
                samples[key][kind] = (place, size)
        yield from ((key, members) for key, members in samples.items() if members)

    def _members(self, path: str) -> Iterator[tuple[str, int, int]]:
        """Name, place and size of the files in a tar."""
        try:
            with open(path, "rb") as file:
                start = file.read(2)
                if start in _COMPRESSED:
                    raise DataError(
                        f"{path}: a compressed tar, in which nothing can be found without reading "
                        f"all before it; unpack it with {_COMPRESSED[start]}"
                    )
                file.seek(0)
                with tarfile.open(fileobj=file, mode="r:") as tar:
                    for member in tar:
                        if member.size < 0:  # the list would go on before it, for ever
                            raise DataError(f"{path}: {member.name} of {member.size} bytes")
                        if member.isdir():
                            continue
                        if not member.isreg() or member.issparse():
                            self.left_out["members of shards that are no plain files"] += 1
                            continue
                        if member.size > MAX_BYTES:
                            raise DataError(
                                f"{path}: {member.name} of {member.size} bytes, "
                                f"expected at most {MAX_BYTES}"
                            )
                        yield member.name, member.offset_data, member.size
                    # A damaged header ends the list, too; a whole tar ends with zeros.
                    file.seek(tar.offset)
                    if file.read(512) != bytes(512):
                        raise DataError(
                            f"{path}: no member and no end at byte {tar.offset}: "
                            "it is truncated or damaged"
                        )
        except DataError:
            raise
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from None
        except Exception as error:  # tarfile lets errors of many kinds out of headers
            raise DataError(f"{path}: no tar, or a damaged one: {error}") from None

    def _add_persons(
        self, persons: Persons, path: str, place: tuple[int, int], where: str, image: int
    ) -> None:
        note = parse_json(_read(path, *place, where, _MAX_NOTE), where)
        many = isinstance(note, dict) and "annotations" in note
        entries = note["annotations"] if many else [note]
        if not isinstance(entries, list):
            raise DataError(f"{where}: `annotations` is not a list")
        for number, value in enumerate(entries):
            persons.add(Entry(f"{where}: entry {number}", value), image, area=math.nan)

    def _category(self, note: bytes, kind: str, where: str) -> int:
        if kind == ".json":
            value = Entry(where, parse_json(note, where)).get("class")
        else:
            value = note.decode("utf-8", "replace").strip()
        if isinstance(value, str) and value in self._class_names:
            return self._class_names[value]
        if isinstance(value, str) and re.fullmatch("[0-9]{1,6}", value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**6:
            return value
        raise DataError(
            f"{where}: {str(value)[:40]!r} is neither the number of a class nor one of `names`"
        )

    def __len__(self) -> int:
        return len(self._rows if self._persons is None else self._persons["image"])

    def __getitem__(self, number: int) -> Sample:
        row = number if self._persons is None else int(self._persons["image"][number])
        shard, *members = self._rows[row].tolist()
        path = self._paths[shard]
        key = f"{path}: {self._keys[row]}"
        image, truth, mask = (
            (_KINDS[kind], place, size)
            for kind, place, size in zip(members[0::3], members[1::3], members[2::3])
        )
        sample: Sample = {
            "key": key,
            "image": decode_image(_read(path, *image[1:], key + image[0]), key + image[0]),
        }
        if self._persons is not None:
            sample.update(person_of(self._persons, number, row))
        elif self.task == "classify":
            sample["category"] = int(self._categories[row])
        elif self.task != "pretrain":
            where = key + truth[0]
            kind = os.path.splitext(truth[0])[1]
            add_truth(sample, self.task, kind, _read(path, *truth[1:], where), where)
            if members[6] >= 0:
                where = key + mask[0]
                sample["mask"] = mask_of(decode_labels(_read(path, *mask[1:], where), where))
        return sample


def _read(path: str, place: int, size: int, where: str, limit: int = MAX_BYTES) -> bytes:
    if size > limit:
        raise DataError(f"{where}: {size} bytes, expected at most {limit}")
    try:
        with open(path, "rb") as file:
            file.seek(place)
            data = file.read(size)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    if len(data) != size:
        raise DataError(f"{where}: the file ends in it; it was changed since the run began")
    return data
