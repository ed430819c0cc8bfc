"""Folders of arrays as `mannequin --layout arrays` writes them, mapped into memory.

images.npy     uint8  [N, H, W, 3]  red first
labels.npy     uint8  [N, H, W]     goliath class ids, 0 is the background
depth.npy      float  [N, H, W]     valid where the label is not 0
normals.npy    int8 (times 127) or float [N, H, W, 3]
keypoints.npy  float  [N, K, 3]     x, y, visibility
boxes.npy      float  [N, 4]        x, y, width, height of the person
"""

from __future__ import annotations

import math
import os
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from .. import _sapiens
from ._config import Config
from ._errors import DataError

if TYPE_CHECKING:
    from ._samples import Sample

_NEEDED = {
    "pretrain": (),
    "pose": ("keypoints", "boxes"),
    "seg": ("labels",),
    "depth": ("labels", "depth"),
    "normal": ("labels", "normals"),
}
# Kinds of numbers, and what follows the number of images in the shape.
_FORMS = {
    "images": ("u1", "[N, H, W, 3]"),
    "labels": ("u1", "[N, H, W]"),
    "depth": ("f2 f4 f8", "[N, H, W]"),
    "normals": ("i1 f2 f4 f8", "[N, H, W, 3]"),
    "keypoints": ("f4 f8", "[N, K, 3]"),
    "boxes": ("f4 f8", "[N, 4]"),
}


def is_array_folder(path: str) -> bool:
    return os.path.isfile(os.path.join(path, "images.npy"))


class ArrayData:
    """The rows of a folder of arrays that a task can use."""

    def __init__(self, folder: str, config: Config, task: str) -> None:
        if task not in _NEEDED:
            raise DataError(f"{folder}: arrays have no classes of images, which {task} needs")
        self.folder, self.task = folder, task
        self.left_out: Counter[str] = Counter()
        self._open()
        self.images = len(self._arrays["images"])
        self._rows = np.arange(self.images)
        self.outputs = 0
        self.names: tuple[str, ...] = ()
        if task == "pose":
            self._choose_persons()
        # What `mannequin` draws, unless the run tells otherwise: goliath classes, COCO's points.
        if not config.names and (task == "seg" or self.outputs == 17):
            seg, pose = _sapiens.published_classes(28), _sapiens.published_keypoints(17)
            self.names = tuple(name for name, _ in (seg if task == "seg" else pose))
            self.outputs = len(self.names)

    def _open(self) -> None:
        arrays = {name: self._array(name) for name in ("images", *_NEEDED[self.task])}
        for name, array in arrays.items():
            # Of the same images, as far as the number of axes tells.
            axes = 1 if name in ("keypoints", "boxes") else 3
            if array.shape[:axes] != arrays["images"].shape[:axes]:
                raise DataError(
                    f"{self._path(name)}: {list(array.shape)} does not fit images.npy, "
                    f"{list(arrays['images'].shape)}"
                )
        self._arrays = arrays

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.npy")

    def _array(self, name: str) -> np.ndarray:
        try:
            array = np.load(self._path(name), mmap_mode="r", allow_pickle=False)
        except Exception as error:  # numpy parses the header as Python
            raise DataError(f"{self._path(name)}: {error}") from None
        kinds, form = _FORMS[name]
        sides = form.strip("[]").split(", ")
        fits = array.ndim == len(sides) and all(
            not side.isdigit() or int(side) == length for side, length in zip(sides, array.shape)
        )
        if not fits or array.dtype.str[1:] not in kinds.split():
            raise DataError(
                f"{self._path(name)}: expected {kinds} {form}, "
                f"not {array.dtype.str[1:]} {list(array.shape)}"
            )
        return array

    def _choose_persons(self) -> None:
        keypoints, boxes = (self._arrays[name] for name in ("keypoints", "boxes"))
        self.outputs = keypoints.shape[1]
        if not (np.isfinite(keypoints).all() and np.isfinite(boxes).all()):
            raise DataError(f"{self.folder}: keypoints or boxes that are not finite")
        pointless = ~(keypoints[..., 2] > 0).any(1)
        flat = (boxes[:, 2:] <= 0).any(1) & ~pointless
        self.left_out["persons without labelled points"] = int(pointless.sum())
        self.left_out["persons whose box has no area"] = int(flat.sum())
        self.left_out += Counter()  # without what occurs 0 times
        self._rows = np.flatnonzero(~pointless & ~flat)

    # Maps of memory are opened again by the process that unpickles this.
    def __getstate__(self) -> dict:
        return {name: value for name, value in self.__dict__.items() if name != "_arrays"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Sample:
        row = int(self._rows[number])
        arrays = {name: np.array(array[row]) for name, array in self._arrays.items()}
        sample: Sample = {"key": f"{self.folder}: row {row}", "image": arrays["images"]}
        if self.task == "pose":
            box = arrays["boxes"].astype(np.float64)
            sample["box"] = box
            sample["keypoints"] = arrays["keypoints"].astype(np.float64)
            sample["area"] = math.nan
            sample["image_id"] = row
        elif self.task == "seg":
            sample["labels"] = arrays["labels"]
        elif self.task in ("depth", "normal"):
            sample["mask"] = (arrays["labels"] != 0) & (arrays["labels"] != 255)
        if self.task == "depth":
            sample["depth"] = arrays["depth"].astype(np.float32)
        if self.task == "normal":
            whole = arrays["normals"].dtype == np.int8
            normals = arrays["normals"].astype(np.float32)
            sample["normals"] = normals / np.float32(127) if whole else normals
        return sample
