"""Training data of all kinds, opened by their paths.

folder                what `sapiens eval` reads (docs/eval.md), with depth and normals as .npy,
                      .exr or .png; or images/, masks/ and depths/ or normals/; for pretrain
                      any images below it; for classify a folder of images per class
folder of arrays      images.npy and labels.npy, depth.npy .. as `mannequin --layout arrays`
annotations.json      COCO keypoints: a sample per person
shard-{000..015}.tar  WebDataset shards, uncompressed: each sample can be read at any time
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Iterable, Protocol

import numpy as np

from ._arrays import ArrayData, is_array_folder
from ._coco import CocoData
from ._config import Config
from ._errors import DataError
from ._folders import SUFFIXES, ClassFolders, ImageFolder, PairFolder, TruthFolder, is_pair_folder
from ._shards import ShardData, is_shards, shard_paths

if TYPE_CHECKING:
    from ._samples import Sample

_FARTHEST = 2**18  # pixels, which the engine can cut out


class Part(Protocol):
    """Data of one path: a `Dataset` that numbers its images, too."""

    names: tuple[str, ...]
    left_out: Counter[str]
    images: int  #: How many images there are; `image_id` is below it.
    outputs: int  #: Of keypoints or classes as far as the data tell; 0: they do not.

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Sample: ...


def open_data(paths: Iterable[str], config: Config, task: str) -> Joined:
    """The samples of all `paths`, one after the other.

    Raises:
        DataError: A path is not there or not understood, it holds nothing for the task, or the
            paths have different keypoints or classes, or others than `config.names`.
    """
    parts = [(path, _open(os.fspath(path), config, task)) for path in paths]
    if not parts:
        raise DataError("no data: give the path of a folder, a .json file or .tar shards")
    for path, part in parts:
        if not len(part):
            reasons = ", ".join(f"{count} {reason}" for reason, count in part.left_out.items())
            expected = ""
            if task in SUFFIXES and os.path.isdir(path):
                truths = " or ".join(f"photo{suffix}" for suffix in SUFFIXES[task])
                expected = f"; what is true of photo.png is in {truths}"
            raise DataError(
                f"{path}: nothing in it is for {task}; left out: {reasons or 'nothing'}{expected}"
            )
        if config.names and part.names and part.names != config.names:
            raise DataError(
                f"{path}: it names {_listed(part.names)}, but the run names {_listed(config.names)}; "
                "names are in the order of the data"
            )
    return Joined(parts, task)


def _open(path: str, config: Config, task: str) -> Part:
    if is_shards(path):
        return ShardData(shard_paths(path), config, task)
    if path.lower().endswith(".json"):
        if task != "pose":
            raise DataError(f"{path}: COCO keypoints are for pose, not for {task}")
        return CocoData(path, config.images or os.path.dirname(path))
    if not os.path.isdir(path):
        why = "neither a folder, nor .json, nor .tar" if os.path.exists(path) else "does not exist"
        raise DataError(f"{path}: {why}")
    if is_array_folder(path):
        return ArrayData(path, config, task)
    if task == "pretrain":
        return ImageFolder(path)
    if task == "classify":
        return ClassFolders(path, config)
    if task == "pose":
        return CocoData(os.path.join(path, "annotations.json"), config.images or path)
    if task in ("depth", "normal") and is_pair_folder(path, task):
        return PairFolder(path, task)
    return TruthFolder(path, task)


class Joined:
    """Several parts as one `Dataset`."""

    def __init__(self, parts: list[tuple[str, Part]], task: str) -> None:
        self.parts = [part for _, part in parts]
        self.left_out = sum((part.left_out for part in self.parts), Counter[str]())
        self.names = _agreed([(path, part.names) for path, part in parts], "names")
        if task == "classify":  # the largest number that occurs may differ
            self.outputs = max(part.outputs for part in self.parts)
        else:
            self.outputs = _agreed([(path, part.outputs) for path, part in parts], "outputs")
        self.images = sum(part.images for part in self.parts)
        self._ends = np.cumsum([len(part) for part in self.parts])
        self._first_images = np.cumsum([0] + [part.images for part in self.parts])
        #: Pose: by `image_id`, persons that are no samples, as AP counts them in its own way.
        self.others: dict[int, list[Sample]] = {}
        for first, part in zip(self._first_images.tolist(), self.parts):
            for image, persons in getattr(part, "others", {}).items():
                self.others[first + image] = persons

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, number: int) -> Sample:
        if not 0 <= number < len(self):
            raise IndexError(number)
        part = int(np.searchsorted(self._ends, number, side="right"))
        start = int(self._ends[part - 1]) if part else 0
        sample = self.parts[part][number - start]
        if "image_id" in sample:
            sample["image_id"] += int(self._first_images[part])
        return sample


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _agreed(values: list[tuple[str, Any]], what: str) -> Any:
    """The one value that all parts have that have any."""
    given = [(path, value) for path, value in values if value]
    for path, value in given[1:]:
        if value != given[0][1]:
            raise DataError(
                f"{path} and {given[0][0]} have different {what}: {value} and {given[0][1]}; "
                "for classify, `names` tells all classes"
            )
    return given[0][1] if given else values[0][1]


def check_sample(sample: Sample, config: Config, outputs: int) -> None:
    """Refuses what does not fit together, or to a model of so many `outputs`.

    Raises:
        DataError: Names the sample, the value and what was expected.
    """
    key, size = sample["key"], sample["image"].shape[:2]
    if not all(size):
        raise DataError(f"{key}: an image of {_size_text(size)} pixels")
    for name in ("labels", "depth", "normals", "mask"):
        array: Any = sample.get(name)
        if array is not None and array.shape[:2] != size:
            raise DataError(
                f"{key}: {name} of {_size_text(array.shape)} pixels, "
                f"but the image has {_size_text(size)} (height x width)"
            )
    labels = sample.get("labels")
    if labels is not None and labels.max() >= outputs:
        wrong = labels[(labels >= outputs) & (labels != config.ignore_label)]
        if wrong.size:
            raise DataError(
                f"{key}: label {wrong.max()} at {wrong.size} pixels, but there are {outputs} classes, "
                f"and {config.ignore_label} is left out; name more classes, or set ignore_label"
            )
    box = sample.get("box")
    if box is not None and max(*abs(box[:2]), *abs(box[:2] + box[2:])) > _FARTHEST:
        raise DataError(
            f"{key}: the box {', '.join(f'{side:g}' for side in box)} (x, y, width, height) is more "
            f"than {_FARTHEST} pixels away"
        )
    keypoints = sample.get("keypoints")
    if keypoints is not None and len(keypoints) != outputs:
        raise DataError(f"{key}: {len(keypoints)} keypoints, but the model has {outputs}")
    category = sample.get("category", 0)
    if not 0 <= category < max(outputs, 1):
        raise DataError(f"{key}: class {category}, but there are {outputs} classes (from 0)")


def _size_text(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"
