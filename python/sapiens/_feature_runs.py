"""Runs of `sapiens features`: with an index (docs/datasets.md), and without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ._errors import Error, NotFoundError, error_of, make_refusal
from ._feature_samples import Sample, corrupt, number_of, parse_sample, text_of
from ._paths import Path, as_path
from ._plain_run import PlainRun
from ._run_files import RunFiles
from ._run_records import SETTINGS, At, Row, Run, read_document, settings_of, some_of

_INDEX, _MERGED = "sapiens-index", "sapiens-index.json"
_MAX_LINE = 256 << 20  # bytes; sidecars of 16 MB each can be in one


def open_run(folder: Path) -> Run:
    """Raises NotFoundError if this is no output folder of `sapiens features`, and CorruptFileError
    if its records are damaged."""
    files = RunFiles(as_path(folder, "a run of sapiens features"))
    has_index = files.exists(_INDEX)
    if not has_index and not files.exists(SETTINGS):
        raise make_refusal(
            NotFoundError,
            "this is no output folder of `sapiens features`",
            file=files.folder,
            expected=f"{SETTINGS} in it",
        )
    return IndexedRun(files) if has_index else PlainRun(files)


class Shard(NamedTuple):
    """A finished shard: what its record says."""

    name: str
    number: int
    lines: str  # the file of them
    done: int
    failed: int
    error: Any

    def failure(self) -> Error:
        """Why the rest of an archive was lost, if `error` is an object."""
        return error_of(self.error)


class IndexedRun:
    """A run that wrote an index. Only shards with a record count."""

    def __init__(self, files: RunFiles) -> None:
        self.files = files
        document = read_document(files, SETTINGS)
        self.settings = settings_of(document)
        names = list(files.below(_INDEX, ".json", without="work"))
        shards = [_shard(files, name) for name in names]
        self.shards = sorted(shards, key=lambda shard: (shard.number, shard.name))
        self.record, self.problems = self._merged(set(names))
        self.notes = [
            f"the rest of {shard.name!r} was lost: {shard.failure().summary}"
            for shard in self.shards
            if isinstance(shard.error, dict)
        ]

    def rows(self) -> Iterator[Row]:
        for number, shard in enumerate(self.shards):
            for offset, size, line, sample in self._lines(shard):
                names = None if sample.error is not None else sample.names
                at = (number, offset, size, line)
                yield Row(sample.key, sample.shard, sample.input, names, at)

    def samples(self) -> Iterator[Sample]:
        for shard in self.shards:
            yield from self.samples_of(shard)

    def samples_of(self, shard: Shard) -> Iterator[Sample]:
        """Of one shard."""
        for *_, sample in self._lines(shard):
            yield sample

    def at(self, at: At) -> Sample:
        number, offset, size, line = at
        lines = self.shards[number].lines
        place = f"{lines}:{line}"
        return parse_sample(self.files.bytes_at(lines, offset, size, place), place)

    def _lines(self, shard: Shard) -> Iterator[tuple[int, int, int, Sample]]:
        """Offset, size and number of each line, and what it says."""
        offset, done, failed, number = 0, 0, 0, 0
        with self.files.open(shard.lines) as file:
            while line := file.readline(_MAX_LINE):
                number += 1
                place = f"{shard.lines}:{number}"
                if not line.endswith(b"\n"):
                    raise corrupt(place, "the line does not end")
                sample = parse_sample(line, place)
                if sample.shard != shard.name:
                    raise corrupt(place, f"a line of the shard {sample.shard}")
                done += sample.error is None
                failed += sample.error is not None
                yield offset, len(line), number, sample
                offset += len(line)
        if (done, failed) != (shard.done, shard.failed):
            raise corrupt(
                shard.lines,
                f"{done} lines of inputs that are done and {failed} of failed ones, where the "
                f"record of the shard says {shard.done} and {shard.failed}",
            )

    def _merged(self, names: set[str]) -> tuple[dict[str, Any], list[str]]:
        """The record of what is there, and what is not: sapiens-index.json may be older."""
        finished = {shard.name for shard in self.shards}
        missing = [
            name[len(_INDEX) + 1 : -len(".jsonl")]
            for name in self.files.below(_INDEX, ".jsonl", without="work")
            if name[:-1] not in names
        ]
        total, problems = len(finished) + len(missing), []
        if self.files.exists(_MERGED):
            merged = read_document(self.files, _MERGED)
            try:
                total = max(total, number_of(merged["shards"], "shards"))
                missing += [_name(one) for one in merged.get("missing", [])]
            except (ValueError, TypeError, KeyError) as error:
                raise corrupt(_MERGED, str(error)) from None
        else:
            problems.append(f"the run has not ended: there is no {_MERGED}")
        missing = sorted(set(missing) - finished)
        total = max(total, len(finished) + len(missing))
        if len(finished) < total:
            named = f": {some_of(missing)}" if missing else ""
            problems.append(f"{total - len(finished)} of {total} shards are missing{named}")
        record = {
            "complete": not problems,
            "shards": total,
            "finished": len(finished),
            "done": sum(shard.done for shard in self.shards),
            "failed": sum(shard.failed for shard in self.shards),
            "missing": missing,
        }
        return record, problems


def _shard(files: RunFiles, name: str) -> Shard:
    document = read_document(files, name)
    try:
        return Shard(
            text_of(document["shard"], "shard"),
            number_of(document["number"], "number"),
            name + "l",
            number_of(document["done"], "done"),
            number_of(document["failed"], "failed"),
            document.get("error"),
        )
    except (ValueError, KeyError) as error:
        raise corrupt(name, str(error)) from None


def _name(missing: Any) -> str:
    return text_of(missing["shard"] if isinstance(missing, dict) else missing, "missing")
