"""Folders of images, with what is true of them in files beside them."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Iterator

import numpy as np

from ._coco import read_as_sample
from ._config import Config
from ._decode import IMAGES, TRUTHS, decode_depth, decode_labels, decode_normals, read_file
from ._errors import DataError
from ._strings import Strings

if TYPE_CHECKING:
    from ._samples import Sample

#: What is true of photo.png is in photo_seg.png and so on.
SUFFIXES = {task: tuple(f"_{ending}" for ending in endings) for task, endings in TRUTHS.items()}
_TRUTH_IMAGES = tuple(s for suffixes in SUFFIXES.values() for s in suffixes if s[-4:] == ".png")


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
    """Images that are not the ground truth of another image."""
    stems = {os.path.splitext(name)[0] for name in files if _is_image(name)}
    images = []
    for name in files:
        truth = any(name.endswith(s) and name[: -len(s)] in stems for s in _TRUTH_IMAGES)
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
        self.left_out = +left_out  # without what occurs 0 times
        self._files = Strings(files)
        self.images = len(files)

    def __len__(self) -> int:
        return self.images

    def _sample(self, number: int) -> Sample:
        path = os.path.join(self.folder, self._files[number])
        return {"key": path, "image": read_as_sample(path)}


class _TruthFolder(_Folder):
    """Images, and for each the file of what is true, and perhaps of the classes that tell the person."""

    def __init__(
        self,
        folder: str,
        task: str,
        images: list[str],
        truths: list[str],
        masks: list[str],
        left_out: Counter[str],
    ) -> None:
        super().__init__(folder, images, left_out)
        self.task, self._truths, self._masks = task, Strings(truths), Strings(masks)

    def __getitem__(self, number: int) -> Sample:
        sample = self._sample(number)
        truth, mask = (os.path.join(self.folder, t[number]) for t in (self._truths, self._masks))
        add_truth(sample, self.task, os.path.splitext(truth)[1].lower(), read_file(truth), truth)
        if self._masks[number] and self.task in ("depth", "normal"):
            sample["mask"] = self._person(decode_labels(read_file(mask), mask))
        return sample

    @staticmethod
    def _person(labels: np.ndarray) -> np.ndarray:
        return mask_of(labels)


class TruthFolder(_TruthFolder):
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
        stems = [os.path.splitext(image)[0] for image in chosen]
        masks = [f"{stem}_seg.png" if f"{stem}_seg.png" in there else "" for stem in stems]
        super().__init__(folder, task, chosen, list(truths), masks, left_out)


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


class PairFolder(_TruthFolder):
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
        chosen, true, of_persons = (
            [files.get(stem, "") for stem in stems] for files in (images, truths, masks)
        )
        super().__init__(folder, task, chosen, true, of_persons, left_out)

    @staticmethod
    def _person(labels: np.ndarray) -> np.ndarray:
        return labels != 0

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
