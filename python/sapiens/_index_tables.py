"""The tables that ``python -m sapiens.index`` writes, with pyarrow."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Optional

from ._feature_runs import IndexedRun, Shard
from ._feature_samples import ArrayPlace, Sample, corrupt
from ._run_records import Run

INDEX = "sapiens-index.parquet"

# Of a row group, which is what memory holds: sidecars may be long.
_ROWS, _CHARACTERS = 1 << 15, 64 << 20
_TEXT, _COUNT = "string", "int64"
_INDEX_COLUMNS = {
    "key": _TEXT,
    "shard": _TEXT,
    "input": _TEXT,
    "array": _TEXT,
    "layer": _COUNT,
    "out_type": _TEXT,
    "dtype": _TEXT,
    "shape": "list",
    "file": _TEXT,
    "offset": _COUNT,
    "scale_file": _TEXT,
    "scale_offset": _COUNT,
    "error": _TEXT,
    "checkpoint": _TEXT,
    "checkpoint_digest": _TEXT,
    "verdict": _TEXT,
}
_METADATA_COLUMNS = {"key": _TEXT, "image_path": _TEXT, "caption": _TEXT, "sidecars": _TEXT}
_EMBEDDINGS = re.compile(r"[^/]*_emb/[^/]*_emb_(\d+)\.npy")

_Row = dict[str, Any]


def write_index(
    run: Run, watched: Callable[[Iterable[Sample]], Iterable[Sample]]
) -> dict[str, Any]:
    """Writes INDEX, whose memory does not grow with the run.

    Args:
        watched: Passes samples on, and may report progress.

    Returns:
        {"index", "rows", "done", "failed"}.
    """
    counts: dict[str, Any] = {"index": INDEX, "rows": 0, "done": 0, "failed": 0}
    common = _common(run.settings)
    with _table(run.files.folder, INDEX, _INDEX_COLUMNS) as add:
        for sample in watched(run.samples()):
            counts["failed" if sample.error is not None else "done"] += 1
            for row in _index_rows(sample):
                add({**common, **row})
                counts["rows"] += 1
        for shard in run.shards if isinstance(run, IndexedRun) else ():
            if isinstance(shard.error, dict):
                add({**common, "shard": shard.name, "error": str(shard.failure())})
                counts["rows"] += 1
    return counts


def write_metadata(run: Run) -> list[str]:
    """Of a run of npy-shards, what the rows of each file of embeddings are about: a table for each.
    Returns their names."""
    if run.settings.get("format") != "npy-shards" or not isinstance(run, IndexedRun):
        return []
    names = (_write_shard(run, shard) for shard in run.shards)
    return [name for name in names if name is not None]


def _write_shard(run: IndexedRun, shard: Shard) -> Optional[str]:
    samples = (sample for sample in run.samples_of(shard) if sample.error is None)
    first = next(samples, None)
    if first is None:
        return None
    number = _EMBEDDINGS.fullmatch(first.arrays[0].file)
    if number is None:
        raise corrupt(first.place, f"{first.arrays[0].file} is no file of embeddings")
    name = f"metadata/metadata_{number[1]}.parquet"
    os.makedirs(os.path.join(run.files.folder, "metadata"), exist_ok=True)
    with _table(run.files.folder, name, _METADATA_COLUMNS) as add:
        add(_metadata_row(first))
        for row, sample in enumerate(samples, 1):
            _expect_row(sample, first, row)
            add(_metadata_row(sample))
    return name


def _expect_row(sample: Sample, first: Sample, row: int) -> None:
    """Lines are in the order of the rows of embeddings, or the tables would mix them up."""
    array, start = sample.arrays[0], first.arrays[0]
    step = _bytes_of(start)
    if array.file != start.file or array.offset != start.offset + row * step:
        raise corrupt(sample.place, f"this is not row {row} of {start.file}")


def _bytes_of(array: ArrayPlace) -> int:
    size = {"f32": 4, "f16": 2, "bf16": 2, "int8": 1}[array.dtype]
    for extent in array.shape:
        size *= extent
    return size


def _common(settings: dict[str, Any]) -> _Row:
    checkpoint = settings.get("checkpoint")
    checkpoint = checkpoint if isinstance(checkpoint, dict) else {}
    path = checkpoint.get("path")
    name = checkpoint.get("name", os.path.basename(path) if isinstance(path, str) else None)
    found = {
        "checkpoint": name,
        "checkpoint_digest": checkpoint.get("digest"),
        "verdict": settings.get("verdict"),
    }
    return {column: text for column, text in found.items() if isinstance(text, str)}


def _index_rows(sample: Sample) -> Iterator[_Row]:
    about: _Row = {"key": sample.key, "shard": sample.shard or None, "input": sample.input}
    if sample.error is not None:
        yield {**about, "error": str(sample.failure())}
    for array in sample.arrays:
        row = {**about, "array": array.name, "layer": array.layer, "out_type": array.out_type}
        row.update(dtype=array.dtype, shape=array.shape, file=array.file, offset=array.offset)
        if array.scales is not None:
            row.update(scale_file=array.scales.file, scale_offset=array.scales.offset)
        yield row


def _metadata_row(sample: Sample) -> _Row:
    others = {name: text for name, text in sample.sidecars.items() if name != "txt"}
    return {
        "key": sample.key,
        "image_path": sample.input,
        "caption": sample.sidecars.get("txt"),
        "sidecars": json.dumps(others, ensure_ascii=False) if others else None,
    }


@contextlib.contextmanager
def _table(folder: str, name: str, columns: dict[str, str]) -> Iterator[Callable[[_Row], None]]:
    """Replaces a table atomically with the rows that are handed over."""
    import pyarrow
    import pyarrow.parquet

    types = {
        _TEXT: pyarrow.string(),
        _COUNT: pyarrow.int64(),
        "list": pyarrow.list_(pyarrow.int64()),
    }
    schema = pyarrow.schema([(column, types[kind]) for column, kind in columns.items()])
    rows: list[_Row] = []
    held = 0
    path = os.path.join(folder, name)
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}.tmp")

    def flush() -> None:
        nonlocal held
        held = 0
        writer.write_batch(pyarrow.RecordBatch.from_pylist(rows, schema))
        rows.clear()

    def add(row: _Row) -> None:
        nonlocal held
        rows.append(row)
        held += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(rows) >= _ROWS or held >= _CHARACTERS:
            flush()

    try:
        with open(temporary, "wb") as file:
            with pyarrow.parquet.ParquetWriter(file, schema) as writer:
                yield add
                flush()
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
