"""What a line of the index of a run says (docs/datasets.md). Lines are not trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

from ._errors import CorruptFileError, Error, error_of, make_refusal

# Numbers as NumPy reads them.
NUMBERS = {"f32": "<f4", "f16": "<f2", "bf16": "<u2", "int8": "|i1"}
_NAMES = {**{name: name for name in NUMBERS}, "i8": "int8"}
_MAX_RANK, _MAX_NUMBER = 32, 1 << 48


class ArrayPlace(NamedTuple):
    """An array, and where its numbers are: ``dtype`` is "f32", "f16", "bf16" or "int8"; ``file``
    is below the folder of the run; ``scales`` are those of an int8 array."""

    name: str
    layer: int
    out_type: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    offset: int
    scales: Optional[ArrayPlace] = None


class Sample(NamedTuple):
    """An input with its arrays, or with the reason why it has none. ``place`` says where this is
    written: a file and a line of it."""

    key: str
    shard: str
    input: str
    arrays: tuple[ArrayPlace, ...]
    error: Optional[Mapping[str, Any]]
    sidecars: dict[str, str]
    place: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(array.name for array in self.arrays)

    def failure(self) -> Error:
        """Of one with an error."""
        return error_of(self.error or {})


def parse_sample(line: bytes, place: str) -> Sample:
    """Raises CorruptFileError, which names the place, for what the format does not allow."""
    try:
        document = _dict(json.loads(line), "the line")
        arrays: tuple[ArrayPlace, ...] = ()
        error = document.get("error")
        if error is not None:
            _dict(error, "error")
        else:
            arrays = _arrays(document["arrays"])
        sidecars = _dict(document.get("sidecars", {}), "sidecars")
        return Sample(
            text_of(document["key"], "key"),
            text_of(document["shard"], "shard"),
            text_of(document["input"], "input"),
            arrays,
            error,
            {name: text_of(value, "sidecars") for name, value in sidecars.items()},
            place,
        )
    except (ValueError, RecursionError) as reason:
        raise corrupt(place, str(reason)) from None
    except KeyError as reason:
        raise corrupt(place, f"there is no {reason}") from None


def corrupt(place: str, actual: str) -> Error:
    """The refusal of a record or index that breaks the format."""
    return make_refusal(
        CorruptFileError,
        "the index of this run is damaged",
        file=place,
        actual=actual,
        hint="run `sapiens features` again with --resume, or copy the folder again",
    )


def text_of(value: Any, what: str) -> str:
    """A string of JSON that can be written as UTF-8; anything else is a ValueError."""
    if type(value) is not str:
        raise ValueError(f"{what} is no text")
    if not value.isascii():
        value.encode()
    return value


def number_of(value: Any, what: str) -> int:
    """A count of JSON; anything else is a ValueError."""
    if type(value) is not int or not 0 <= value <= _MAX_NUMBER:
        raise ValueError(f"{what} is no number from 0 to 2^48")
    return value


def _dict(value: Any, what: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise ValueError(f"{what} is no object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if type(value) is not list:
        raise ValueError(f"{what} is no list")
    return value


def _arrays(documents: Any) -> tuple[ArrayPlace, ...]:
    found: dict[str, ArrayPlace] = {}
    last: Optional[ArrayPlace] = None
    for document in _list(documents, "arrays"):
        array = _array(_dict(document, "an array"))
        if document.get("scale", False) is True:
            if last is None or not _are_scales(array, last):
                raise ValueError(f"the scales of {array.name!r} do not follow an int8 array")
            found[array.name] = last._replace(scales=array)
            last = None
            continue
        if array.name in found:
            raise ValueError(f"two arrays are called {array.name!r}")
        found[array.name] = last = array
    if not found:
        raise ValueError("arrays is empty")
    for array in found.values():
        if array.dtype == "int8" and array.scales is None:
            raise ValueError(f"the scales of {array.name!r} are missing")
    return tuple(found.values())


def _array(document: dict[str, Any]) -> ArrayPlace:
    dtype = _NAMES.get(text_of(document["dtype"], "dtype"))
    if dtype is None:
        raise ValueError(f"dtype is {document['dtype']!r}, not one of {', '.join(NUMBERS)}")
    extents = _list(document["shape"], "shape")
    shape = tuple([number_of(extent, "an extent of shape") for extent in extents])
    # Extents of 0 count as 1, since NumPy refuses what would be too large without them.
    if len(shape) > _MAX_RANK or math.prod(extent or 1 for extent in shape) > _MAX_NUMBER:
        raise ValueError("shape has too many numbers")
    return ArrayPlace(
        text_of(document["name"], "name"),
        number_of(document["layer"], "layer"),
        text_of(document["out_type"], "out_type"),
        dtype,
        shape,
        text_of(document["file"], "file"),
        number_of(document["offset"], "offset"),
    )


def _are_scales(array: ArrayPlace, of: ArrayPlace) -> bool:
    is_row = array.dtype == "f32" and array.shape == of.shape[:-1] and bool(of.shape)
    return is_row and of.dtype == "int8" and array.name == of.name
