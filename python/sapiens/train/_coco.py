"""COCO keypoints, read as strictly as `sapiens eval` does (docs/eval.md)."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, NoReturn, Optional, Sequence

import numpy as np

from .._images import read_image
from ._errors import DataError
from ._strings import Strings, is_encodable

if TYPE_CHECKING:
    from ._samples import Sample

_MAX_PIXEL = 1e6  # more than any image has


class _Repeated(dict):
    """An object in which a field occurs twice."""

    field = ""


def _object(pairs: list[tuple[str, Any]]) -> dict:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    repeated = _Repeated(values)
    names = [name for name, _ in pairs]
    repeated.field = next(name for name in names if names.count(name) > 1)
    return repeated


def parse_json(data: bytes, where: str) -> Any:
    """A JSON document, in which every object knows whether a field occurs twice."""
    try:
        return json.loads(data, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: no JSON: {error}") from None


class Entry:
    """An entry of a list, which is refused by its number and the name of a field."""

    def __init__(self, where: str, value: Any) -> None:
        self.where, self.value = where, value
        if not isinstance(value, dict):
            raise DataError(f"{where}: {_short(value)} is not an object")
        if isinstance(value, _Repeated):
            self.refuse(value.field, "occurs twice")

    def refuse(self, field: str, why: str) -> NoReturn:
        raise DataError(f"{self.where}: `{field}` {why}; correct it, or the program that wrote it")

    def get(self, field: str) -> Any:
        if field not in self.value:
            self.refuse(field, "is missing")
        return self.value[field]

    def text(self, field: str) -> str:
        value = self.get(field)
        if not isinstance(value, str) or not value or not is_encodable(value):
            self.refuse(field, f"is {_short(value)}, not a text")
        return value

    def number(self, field: str) -> float:
        value = self.get(field)
        if not _is_number(value):
            self.refuse(field, f"is {_short(value)}, not a finite number")
        return float(value)

    def whole(self, field: str) -> int:
        """Ids may be 2, 2.0 or "2"."""
        value = self.get(field)
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
            return int(value)
        if not _is_number(value) or value != int(value):
            self.refuse(field, f"is {_short(value)}, not a whole number")
        return int(value)

    def flag(self, field: str) -> bool:
        value = self.value.get(field, 0)
        if value not in (0, 1):
            self.refuse(field, f"is {_short(value)}, not 0 or 1")
        return bool(value)

    def box(self) -> list[float]:
        box = self.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            self.refuse("bbox", f"is {_short(box)}, not four numbers: x, y, width, height")
        if any(abs(side) > _MAX_PIXEL for side in box):
            self.refuse("bbox", f"is {_short(box)}: no image is so large")
        return box

    def points(self) -> list[float]:
        """x, y, visibility of each point, flat."""
        points = self.get("keypoints")
        if not isinstance(points, list) or not points or len(points) % 3:
            self.refuse("keypoints", f"is {_short(points)}, not three numbers for each point")
        for i, value in enumerate(points):
            if not _is_number(value):
                self.refuse("keypoints", f"has {_short(value)} as its number {i}")
        for value in points[2::3]:
            if value not in (0, 1, 2):
                self.refuse("keypoints", f"has a point of visibility {value}, not 0, 1 or 2")
        return points


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:40] + ".."


class Persons:
    """Boxes and keypoints of persons, and what is not used of them."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.keypoints = 0  # of each person
        #: By image, those that are left out; AP counts them in its own way.
        self.others: dict[int, list[Sample]] = {}
        self._rows: dict[str, list] = {"image": [], "box": [], "area": [], "keypoints": []}
        self._shares = True

    def __len__(self) -> int:
        return len(self._rows["image"])

    def add(self, entry: Entry, image: int, area: Optional[float] = None) -> None:
        """Takes the person of an entry, or counts why not; `area` where none is required."""
        box, points = entry.box(), entry.points()
        count = len(points) // 3
        if self.keypoints and count != self.keypoints:
            entry.refuse("keypoints", f"has {count} points and those before {self.keypoints}")
        self.keypoints = count
        if area is None or "area" in entry.value:
            area = entry.number("area")
        if area < 0:
            entry.refuse("area", f"is {area}, below 0")
        labelled = sum(v > 0 for v in points[2::3])
        if "num_keypoints" in entry.value:
            labelled = min(labelled, entry.whole("num_keypoints"))
        crowd, reason = entry.flag("iscrowd"), ""
        if crowd or labelled <= 0:
            reason = "crowds" if crowd else "persons without labelled points"
        elif box[2] <= 0 or box[3] <= 0:
            reason = "persons whose box has no area"
        if reason:
            self.left_out[reason] += 1
            person: Sample = {"box": np.array(box, np.float64), "area": area, "crowd": crowd}
            person["keypoints"] = np.reshape(points, (-1, 3)) * float(labelled > 0)
            self.others.setdefault(image, []).append(person)
            return
        inside = 0 <= box[0] and 0 <= box[1] and box[0] + box[2] <= 1 and box[1] + box[3] <= 1
        self._shares = self._shares and inside
        rows = self._rows
        rows["image"].append(image)
        rows["box"].append(box)
        rows["area"].append(area)
        rows["keypoints"].append(np.array(points, np.float64))

    def arrays(self, where: str) -> dict[str, np.ndarray]:
        """`image` [N], `box` [N, 4], `area` [N] and `keypoints` [N, K, 3]."""
        if len(self) and self._shares:
            raise DataError(
                f"{where}: all boxes lie between 0 and 1, as shares of an image do; "
                "boxes and points are in pixels"
            )
        rows = self._rows
        points = np.stack(rows["keypoints"]) if len(self) else np.zeros((0, 0))
        with np.errstate(over="ignore"):
            small = points.astype(np.float32)
        if (small == points).all():  # half the memory, and nothing is lost
            points = small
        return {
            "image": np.array(rows["image"], np.int64),
            "box": np.array(rows["box"], np.float64).reshape(-1, 4),
            "area": np.array(rows["area"], np.float64),
            "keypoints": points.reshape(len(self), self.keypoints, 3),
        }


def person_of(arrays: dict[str, np.ndarray], number: int, image_id: int) -> Sample:
    """What a sample has of one person."""
    return {
        "box": arrays["box"][number].copy(),
        "keypoints": arrays["keypoints"][number].astype(np.float64),
        "area": float(arrays["area"][number]),
        "image_id": image_id,
    }


class CocoData:
    """The persons of a COCO file."""

    def __init__(self, path: str, images: str) -> None:
        try:
            with open(path, "rb") as file:
                document = parse_json(file.read(), path)
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from None
        if not isinstance(document, dict):
            raise DataError(
                f"{path}: expected an object with `images` and `annotations`, as COCO's"
            )
        lists = {}
        for name in ("images", "annotations", "categories"):
            lists[name] = document.get(name, [])
            if not isinstance(lists[name], list) or (name != "categories" and not lists[name]):
                raise DataError(f"{path}: `{name}` is missing or no list with entries")

        category, self.names = _person_category(path, lists["categories"])
        files: dict[int, str] = {}
        for entry in _entries(path, "images", lists["images"]):
            number = entry.whole("id")
            if number in files:
                entry.refuse("id", "is that of an earlier image")
            files[number] = entry.text("file_name")
        # In the order of the ids, by which AP sorts persons of equal score.
        numbers = {number: place for place, number in enumerate(sorted(files))}
        persons = Persons()
        for entry in _entries(path, "annotations", lists["annotations"]):
            if "category_id" in entry.value and entry.whole("category_id") != category:
                persons.left_out["entries of other categories"] += 1
                continue
            number = entry.whole("image_id")
            if number not in numbers:
                entry.refuse("image_id", f"is {number}, which `images` does not have")
            persons.add(entry, numbers[number])
        self.left_out, self.others = persons.left_out, persons.others
        self.outputs = persons.keypoints
        self._persons = persons.arrays(path)
        if self.names and len(self.names) != self.outputs and self.outputs:
            raise DataError(
                f"{path}: the category names {len(self.names)} keypoints, "
                f"but persons have {self.outputs}"
            )
        self.images = len(files)
        used = set(self._persons["image"].tolist())
        unused = self.images - len(used)
        if unused:
            self.left_out["images without a person to learn"] = unused
        self._files = Strings(
            _find(images, files[number]) if place in used else ""
            for number, place in numbers.items()
        )
        self._expect_files(path, sorted(used), [files[number] for number in numbers])

    def _expect_files(self, path: str, used: Sequence[int], names: Sequence[str]) -> None:
        missing = []
        places: dict[str, int] = {}
        for image in used:
            file = os.path.normpath(self._files[image])
            if not os.path.isfile(file):
                missing.append(file)
            elif places.setdefault(file, image) != image:
                raise DataError(
                    f"{path}: {names[places[file]]} and {names[image]} are the same file, {file}; "
                    "--images names the folder that these names are below"
                )
        if missing:
            raise DataError(
                f"{path}: {len(missing)} of {len(used)} images are not there, such as {missing[0]}; "
                "--images names their folder"
            )

    def __len__(self) -> int:
        return len(self._persons["image"])

    def __getitem__(self, number: int) -> Sample:
        image = int(self._persons["image"][number])
        file = self._files[image]
        return {
            "key": file,
            "image": read_as_sample(file),
            **person_of(self._persons, number, image),
        }


def read_as_sample(path: str) -> np.ndarray:
    """An image file as the models read it; errors are those of data."""
    from .._errors import Error

    try:
        return read_image(path)
    except Error as error:
        raise DataError(f"{path}: {error.summary}: {error.actual}".rstrip(": ")) from None


def _entries(path: str, name: str, values: list) -> Iterator[Entry]:
    for number, value in enumerate(values):
        yield Entry(f"{path}: entry {number} of {name}", value)


class _Category(NamedTuple):
    number: int
    keypoints: tuple[str, ...]


def _person_category(path: str, categories: list) -> _Category:
    """The category called person, or the only one, or 1, as in COCO."""
    found: dict[int, Entry] = {}
    for entry in _entries(path, "categories", categories):
        number = entry.whole("id")
        if number in found:
            entry.refuse("id", "is that of an earlier category")
        found[number] = entry
    chosen = [n for n, e in found.items() if str(e.value.get("name", "")).lower() == "person"]
    if len(chosen) != 1:
        chosen = list(found) if len(found) == 1 else [1]
    if chosen[0] not in found or "keypoints" not in found[chosen[0]].value:
        return _Category(chosen[0], ())
    entry = found[chosen[0]]
    names = entry.get("keypoints")
    if not isinstance(names, list) or not all(
        isinstance(n, str) and n and is_encodable(n) for n in names
    ):
        entry.refuse("keypoints", "is not a list of names")
    if len(set(names)) != len(names):
        entry.refuse("keypoints", "has a name twice")
    return _Category(chosen[0], tuple(names))


def _find(folder: str, name: str) -> str:
    """Where an image lies: some files name it with folders in front, some are written on Windows."""
    path = os.path.join(folder, name)
    if os.path.isfile(path):
        return path
    parts = re.split(r"[/\\]", name)
    for first in range(len(parts)):
        found = os.path.join(folder, *parts[first:])
        if os.path.isfile(found):
            return found
    return path
