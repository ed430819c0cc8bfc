"""Many short strings in two objects: processes share them, and a million names take few bytes."""

from __future__ import annotations

from typing import Iterable

import numpy as np


def is_encodable(text: str) -> bool:
    """Not so for halves of surrogate pairs, which JSON may hold; names of files may be other bytes."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


class Strings:
    """A list of strings that does not change; all are `is_encodable`."""

    def __init__(self, texts: Iterable[str]) -> None:
        parts = [text.encode("utf-8", "surrogateescape") for text in texts]
        self._ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        self._bytes = b"".join(parts)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        start = int(self._ends[number - 1]) if number else 0
        return self._bytes[start : int(self._ends[number])].decode("utf-8", "surrogateescape")
