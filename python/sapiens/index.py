"""The program ``python -m sapiens.index``: one Parquet file for a run of ``sapiens features``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Optional, TypeVar

from . import _sapiens
from ._errors import EXIT_CODES, Error, InvalidArgumentError, WriteFailedError, make_refusal
from ._feature_runs import open_run
from ._index_tables import write_index, write_metadata
from ._run_records import Run

_INCOMPLETE, _USAGE, _RESOURCES, _INTERRUPTED = 1, 2, 5, 130
_SILENCE = 2  # seconds until progress is shown, and between two lines of it
_DESCRIPTION = """Writes FOLDER/sapiens-index.parquet: a row for each array of a run of `sapiens features`, and one for
each input that failed. Beside embeddings of --format npy-shards, also metadata/metadata_0012.parquet,
whose rows are those of img_emb/img_emb_0012.npy. Columns: docs/datasets.md."""
_EPILOG = """exit codes: 0 done; 1 the run is incomplete; 2 usage, or pyarrow is missing; 4 no run, or damaged;
5 it could not be written

example: python -m sapiens.index out"""

T = TypeVar("T")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the program; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sapiens.index",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", help="output of sapiens features")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="of a run that has not ended, write what is there; the exit code is still 1",
    )
    parser.add_argument("--json", action="store_true", help="print a document on standard output")
    given = parser.parse_args(arguments)
    try:
        _expect_pyarrow()
        run = open_run(given.folder)
        if run.problems and not given.partial:
            raise _refused(run)
        return _write(run, given.json)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Error as error:
        return _end(error, EXIT_CODES.get(error.code, _USAGE), given.json)
    except _Incomplete as incomplete:
        return _end(incomplete.error, _INCOMPLETE, given.json)
    except MemoryError:
        say("error: out of memory")
        return _RESOURCES
    except OSError as error:
        failed = make_refusal(
            WriteFailedError,
            "the index cannot be written",
            file=str(error.filename or given.folder),
            actual=str(error.strerror or error),
        )
        return _end(failed, _RESOURCES, given.json)


def say(text: str) -> None:
    """A line on standard error; names in it cannot control the terminal."""
    text = text.encode("utf-8", "backslashreplace").decode()
    lines = [_sapiens.printable(line) for line in text.split("\n")]
    print("\n".join(lines), file=sys.stderr, flush=True)


class _Incomplete(Exception):
    def __init__(self, error: Error) -> None:
        super().__init__(str(error))
        self.error = error


def _expect_pyarrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise make_refusal(
            InvalidArgumentError,
            "Parquet files need the Python package pyarrow",
            hint="pip install pyarrow, or '.[index]' in the top folder of the repository",
        ) from None


def _refused(run: Run) -> _Incomplete:
    return _Incomplete(
        make_refusal(
            InvalidArgumentError,
            "the run is incomplete, so nothing is written",
            file=run.files.folder,
            actual="; ".join(run.problems),
            hint="run `sapiens features` again with --resume, or add --partial to this command",
        )
    )


def _write(run: Run, as_json: bool) -> int:
    for text in run.problems + run.notes:
        say(f"warning: {text}")
    metadata = write_metadata(run)
    counts = write_index(run, lambda samples: _reported(samples, run))
    document = {**run.record, **counts, "metadata": metadata}
    if as_json:
        print(json.dumps(document))
    say(
        f"{counts['done']} done, {counts['failed']} failed: {counts['rows']} rows in "
        f"{run.files.folder}/{counts['index']}"
    )
    return _INCOMPLETE if run.problems else 0


def _reported(samples: Iterable[T], run: Run) -> Iterator[T]:
    total = run.record["done"] + run.record["failed"]
    last = time.monotonic()
    for number, sample in enumerate(samples):
        if number % 1000 == 0 and time.monotonic() - last > _SILENCE:
            last = time.monotonic()
            say(f"{number} of {total} inputs")
        yield sample


def _end(error: Error, code: int, as_json: bool) -> int:
    say(f"error{error}")
    if as_json:
        names = ("code", "summary", "file", "key", "expected", "actual", "hint")
        fields: dict[str, Any] = {name: getattr(error, name) for name in names}
        print(json.dumps({"error": {name: text for name, text in fields.items() if text}}))
    return code


if __name__ == "__main__":
    sys.exit(main())
