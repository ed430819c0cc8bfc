"""Conversion of arguments to paths."""

from __future__ import annotations

import os
from typing import Any, Union

Path = Union[str, "os.PathLike[str]"]

# Linux takes no longer path, so what is longer is not one: most likely the content of a file.
_MAX_PATH_BYTES = 4095


def as_path(value: Any, what: str = "a checkpoint") -> str:
    """The path of `what` for the engine; refuses NULs and overlong text with a short message."""
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(f"{what} is given as a path, not as {type(value).__name__}")
    path = os.fsdecode(value)
    if "\0" not in path and len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        return path
    if isinstance(value, bytes):
        raise TypeError(
            f"{what} is given as a path; these {len(value)} bytes are none, but perhaps what a "
            "file holds"
        )
    raise ValueError(f"{what} is given as a path; this text of {len(path)} characters is none")
