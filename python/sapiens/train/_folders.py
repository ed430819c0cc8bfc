"""Folders of images, with what is true of them in files beside them."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Iterator, Optional

import numpy as np

from ._coco import read_as_sample
from ._config import Config
from ._decode import IMAGES, decode_depth, decode_labels, decode_normals, read_file
from ._errors import DataError
from ._texts import Texts

if TYPE_CHECKING:
    from ._samples import Sample

#: What is true of photo.png is in photo_seg.png and so on.
SUFFIXES = {
    "seg": ("_seg.png",),
    "depth": ("_depth.npy", "_depth.exr", "_depth.png"),
    "normal": ("_normal.npy", "_normal.exr", "_normal.png"),
}
_PICTURES_OF_TRUTH = ("_seg.png", "_depth.png", "_normal.png")


def _names_in(folder: str, left_out: Counter[str]) -> tuple[list[str], list[str]]:
    """Folders and files that are not hidden, sorted."""
    folders, files = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    left_out["hidden files or folders"] += 1
                elif entry.is_dir():
                    folders.append(entry.name)
                elif entry.is_file():
                    files.append(entry.name)
                else:
                    left_out["broken links or special files"] += 1
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror or error}") from None
    return sorted(folders), sorted(files)


def _is_image(name: str) -> bool:
    return name.lower().endswith(IMAGES)


def _images_among(files: list[str], left_out: Counter[str]) -> list[str]:
    """Images that are not pictures of what is true of another image."""
    stems = {os.path.splitext(name)[0] for name in files if _is_image(name)}
    images = []
    for name in files:
        truth = any(name.endswith(s) and name[: -len(s)] in stems for s in _PICTURES_OF_TRUTH)
        if _is_image(name) and not truth:
            images.append(name)
        elif not truth and not name.endswith((".npy", ".exr")) and name != "annotations.json":
            left_out["files of other kinds"] += 1
    return images


class _Folder:
    """Images of one folder. Paths are relative to it, so that many take little memory."""

    names: tuple[str, ...] = ()
    outputs = 0

    def __init__(self, folder: str, files: list[str], left_out: Counter[str]) -> None:
        self.folder = folder
        self.left_out: dict[str, int] = dict(+left_out)  # without what occurs 0 times
        self._files = Texts(files)
        self.images = len(files)

    def __len__(self) -> int:
        return self.images

    def _sample(self, number: int) -> Sample:
        path = os.path.join(self.folder, self._files[number])
        return {"key": path, "image": read_as_sample(path)}


class TruthFolder(_Folder):
    """photo.png and photo_seg.png, photo_depth.npy or photo_normal.npy, as `sapiens eval` reads."""

    def __init__(self, folder: str, task: str) -> None:
        left_out: Counter[str] = Counter()
        folders, files = _names_in(folder, left_out)
        left_out["folders inside the folder"] += len(folders)
        there, used = set(files), set()
        chosen: list[str] = []
        truths: dict[str, str] = {}
        for image in _images_among(files, left_out):
            stem = os.path.splitext(image)[0]
            found = [stem + suffix for suffix in SUFFIXES[task] if stem + suffix in there]
            if not found:
                left_out["images without ground truth"] += 1
                continue
            if found[0] in truths:
                raise DataError(
                    f"{folder}: {truths[found[0]]} and {image} have the same ground truth, "
                    f"{found[0]}; move one of the images away, or rename it"
                )
            truths[found[0]] = image
            chosen.append(image)
            left_out["ground truth of an image that has it in another format"] += len(found) - 1
            used.update(found)
        lost = sum(name.endswith(SUFFIXES[task]) for name in there - used)
        left_out["ground truth without an image"] += lost
        super().__init__(folder, chosen, left_out)
        self.task = task
        self._truths = Texts(truths)

    def __getitem__(self, number: int) -> Sample:
        sample = self._sample(number)
        truth = os.path.join(self.folder, self._truths[number])
        add_truth(sample, self.task, os.path.splitext(truth)[1], read_file(truth), truth)
        classes = os.path.splitext(sample["key"])[0] + "_seg.png"
        if self.task in ("depth", "normal") and os.path.isfile(classes):
            sample["mask"] = mask_of(decode_labels(read_file(classes), classes))
        return sample


def add_truth(sample: Sample, task: str, suffix: str, data: bytes, where: str) -> None:
    """Decodes what is true for a task."""
    if task == "seg":
        sample["labels"] = decode_labels(data, where)
    elif task == "depth":
        sample["depth"] = decode_depth(data, suffix, where)
    else:
        sample["normals"] = decode_normals(data, suffix, where)


def mask_of(labels: np.ndarray) -> np.ndarray:
    """The person: classes that are neither the background nor left out."""
    return (labels != 0) & (labels != 255)


_PAIRS = {"depth": "depths", "normal": "normals"}


def is_pair_folder(folder: str, task: str) -> bool:
    return all(os.path.isdir(os.path.join(folder, name)) for name in ("images", _PAIRS[task]))


class PairFolder(_Folder):
    """The original's images/*.png, masks/*.png and depths/*.npy or normals/*.npy."""

    def __init__(self, folder: str, task: str) -> None:
        left_out: Counter[str] = Counter()
        images = self._by_stem(folder, "images", IMAGES, left_out)
        truths = self._by_stem(folder, _PAIRS[task], (".npy", ".exr", ".png"), left_out)
        masks = {}
        if os.path.isdir(os.path.join(folder, "masks")):
            masks = self._by_stem(folder, "masks", (".png",), left_out)
            without = sorted((images.keys() & truths.keys()) - masks.keys())
            if without:
                raise DataError(
                    f"{folder}: {len(without)} images have no mask, such as {images[without[0]]}; "
                    "give every image one, or none"
                )
        stems = sorted(images.keys() & truths.keys())
        left_out["images without ground truth"] += len(images) - len(stems)
        left_out["ground truth without an image"] += len(truths) - len(stems)
        super().__init__(folder, [images[stem] for stem in stems], left_out)
        self.task = task
        self._truths = Texts(truths[stem] for stem in stems)
        self._masks: Optional[Texts] = Texts(masks[stem] for stem in stems) if masks else None

    @staticmethod
    def _by_stem(
        folder: str, name: str, kinds: tuple[str, ...], left_out: Counter[str]
    ) -> dict[str, str]:
        _, files = _names_in(os.path.join(folder, name), left_out)
        found: dict[str, str] = {}
        for file in files:
            stem, kind = os.path.splitext(file)
            if kind.lower() not in kinds:
                left_out["files of other kinds"] += 1
            elif stem in found:
                raise DataError(f"{folder}: {found[stem]} and {name}/{file} have the same name")
            else:
                found[stem] = f"{name}/{file}"
        return found

    def __getitem__(self, number: int) -> Sample:
        sample = self._sample(number)
        truth = os.path.join(self.folder, self._truths[number])
        add_truth(sample, self.task, os.path.splitext(truth)[1].lower(), read_file(truth), truth)
        if self._masks is not None:
            mask = os.path.join(self.folder, self._masks[number])
            sample["mask"] = decode_labels(read_file(mask), mask) != 0
        return sample


class ImageFolder(_Folder):
    """All images below a folder, for pretraining."""

    def __init__(self, folder: str) -> None:
        left_out: Counter[str] = Counter()
        super().__init__(folder, list(_below(folder, left_out)), left_out)

    def __getitem__(self, number: int) -> Sample:
        return self._sample(number)


class ClassFolders(_Folder):
    """A folder of images for each class, numbered as the names of the run, or as they sort."""

    def __init__(self, folder: str, config: Config) -> None:
        left_out: Counter[str] = Counter()
        classes, files = _names_in(folder, left_out)
        left_out["files beside the folders of classes"] += len(files)
        names = config.names or tuple(classes)
        unknown = sorted(set(classes) - set(names))
        if unknown:
            raise DataError(
                f"{os.path.join(folder, unknown[0])}: not among the classes of the run, "
                f"{', '.join(names)}"
            )
        images: list[str] = []
        counts: list[int] = []
        for name in classes:
            found = [
                os.path.join(name, file) for file in _below(os.path.join(folder, name), left_out)
            ]
            if not found:
                raise DataError(f"{os.path.join(folder, name)}: a class without images")
            images += found
            counts.append(len(found))
        super().__init__(folder, images, left_out)
        self.names = names
        self.outputs = len(names)
        self._categories = np.repeat([names.index(name) for name in classes], counts)

    def __getitem__(self, number: int) -> Sample:
        return {**self._sample(number), "category": int(self._categories[number])}


def _below(folder: str, left_out: Counter[str]) -> Iterator[str]:
    """Images below a folder, relative to it; linked folders are followed once."""
    seen: set[tuple[int, int]] = set()

    def walk(path: str, below: str) -> Iterator[str]:
        status = os.stat(path)
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            left_out["folders that were searched under another name"] += 1
            return
        seen.add(identity)
        folders, files = _names_in(path, left_out)
        for image in _images_among(files, left_out):
            yield os.path.join(below, image)
        for name in folders:
            yield from walk(os.path.join(path, name), os.path.join(below, name))

    yield from walk(folder, "")
