"""What runs of `sapiens features` have in common, with an index and without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional, Protocol

from ._feature_samples import Sample, corrupt
from ._run_files import RunFiles

SETTINGS = "sapiens-features.json"

# Number of the shard, offset and size of the line in bytes, number of the line.
At = tuple[int, int, int, int]


class Row(NamedTuple):
    """What to know of every input: `names` are those of its arrays, None if it failed. `at` is for
    `Run.at` alone."""

    key: str
    shard: str
    input: str
    names: Optional[tuple[str, ...]]
    at: At


class Run(Protocol):
    """An output folder.

    Attributes:
        settings: Of the run.
        record: {"complete", "shards", "finished", "done", "failed", "missing"} as in
            sapiens-index.json, of what is there now.
        problems: Sentences on what is not there, but would be in a run that ended.
        notes: Sentences on what the run could not read.
    """

    files: RunFiles
    settings: dict[str, Any]
    record: dict[str, Any]
    problems: list[str]
    notes: list[str]

    def rows(self) -> Iterator[Row]:
        """In the order of shards and of the inputs in them."""

    def samples(self) -> Iterator[Sample]:
        """The same with all that is known."""

    def at(self, at: At) -> Sample:
        """Of one row. Raises CorruptFileError if the folder has changed since."""


def read_document(files: RunFiles, name: str, hook: Any = None) -> dict[str, Any]:
    """A file of JSON that holds an object. Raises as `RunFiles.open`, and CorruptFileError.

    Args:
        hook: `object_pairs_hook` of `json.load`.
    """
    with files.open(name) as file:
        try:
            document = json.load(file, object_pairs_hook=hook)
        except (ValueError, RecursionError) as error:
            raise corrupt(name, str(error)) from None
    if not isinstance(document, dict):
        raise corrupt(name, "no object")
    return document


def settings_of(document: dict[str, Any]) -> dict[str, Any]:
    """Of what SETTINGS holds."""
    settings = document.get("settings")
    if not isinstance(settings, dict):
        raise corrupt(SETTINGS, "there are no settings")
    return settings


def some_of(names: list[str]) -> str:
    """The first ten, and how many more there are."""
    shown = ", ".join(map(repr, names[:10]))
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")
