"""What `sapiens features` wrote, read back."""

from __future__ import annotations

import warnings
from array import array as numbers
from collections.abc import Iterator, Mapping
from typing import Any, Callable, Optional, TypeVar, Union

import numpy as np

from ._checkpoints import _bfloat16, _widened
from ._errors import Error, InvalidArgumentError, make_refusal
from ._feature_runs import open_run
from ._feature_samples import NUMBERS, ArrayPlace, Sample, corrupt
from ._paths import Path
from ._pooling import dequantize as dequantized
from ._run_records import Row, Run

Value = Union[np.ndarray, dict[str, np.ndarray]]
_Item = TypeVar("_Item")

_NAMES: dict[str, Callable[[Any], str]] = {
    "key": lambda sample: sample.key,
    "input": lambda sample: sample.input,
    "shard/key": lambda sample: f"{sample.shard}/{sample.key}" if sample.shard else sample.key,
}


def open_features(
    folder: Path,
    *,
    dequantize: bool = True,
    array: Optional[str] = None,
    by: str = "key",
    incomplete: str = "warn",
) -> Features:
    """Opens an output folder of ``sapiens features``, of any format. Arrays are read when they are
    asked for.

        features = sapiens.open_features("out")
        features["a/000123"]                        # float16 (1024,), as it was written
        for key, value in features.items(): ...

    Args:
        folder: The folder that ``--output`` named.
        dequantize: Int8 as float32. False: as int8, whose scales are `Features.scales`.
        array: One of several arrays, by its name, "layer05.featmap"; the only array also has the
            name of its form, "featmap".
        by: What keys are: "key", as results are called; "shard/key", or "input", the name of the
            image, where one key occurs in several shards.
        incomplete: Of a run that has not ended: "warn"; "ignore"; "raise". Only finished shards
            are read.

    Raises:
        NotFoundError: There is no such folder, or it is none of `sapiens features`.
        CorruptFileError: Its index is damaged, or names files outside of the folder.
        InvalidArgumentError: Keys occur several times; there is no such array; or the run is
            incomplete and `incomplete` is "raise".

    Warns:
        RuntimeWarning: The run is incomplete, or the rest of an archive was lost.
    """
    if by not in _NAMES:
        raise ValueError(f"by is 'key', 'shard/key' or 'input', not {by!r}")
    if incomplete not in ("warn", "ignore", "raise"):
        raise ValueError(f"incomplete is 'warn', 'ignore' or 'raise', not {incomplete!r}")
    run = open_run(folder)
    if run.problems and incomplete == "raise":
        raise make_refusal(
            InvalidArgumentError,
            "the run is incomplete",
            file=run.files.folder,
            actual="; ".join(run.problems),
            hint="run `sapiens features` again with --resume",
        )
    if incomplete != "ignore":
        for text in run.problems + run.notes:
            warnings.warn(f"{run.files.folder}: {text}", RuntimeWarning, stacklevel=2)
    return Features(run, dequantize, array, by)


class _Rows:
    """Where inputs are described, in 20 bytes each."""

    def __init__(self) -> None:
        self.by_name: dict[str, int] = {}
        self._shards, self._offsets = numbers("I"), numbers("Q")
        self._sizes, self._lines = numbers("I"), numbers("I")

    def add(self, name: str, row: Row) -> Optional[int]:
        """Returns the number of the row that has this name, if there is one: it stays."""
        before = self.by_name.setdefault(name, len(self._shards))
        if before != len(self._shards):
            return before
        shard, offset, size, line = row.at
        self._shards.append(shard)
        self._offsets.append(offset)
        self._sizes.append(size)
        self._lines.append(line)
        return None

    def read(self, run: Run, name: str, name_of: Callable[[Any], str]) -> Sample:
        """Raises KeyError for a name that is not there, and CorruptFileError if the folder has
        changed."""
        i = self.by_name[name]
        at = self._shards[i], self._offsets[i], self._sizes[i], self._lines[i]
        sample = run.at(at)
        if name_of(sample) != name:
            raise corrupt(sample.place, f"this line was about {name!r} when the run was opened")
        return sample


class _ByRows(Mapping[str, _Item]):
    """A mapping whose keys are the names of rows."""

    _rows: _Rows

    def __len__(self) -> int:
        return len(self._rows.by_name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows.by_name)

    def __contains__(self, key: object) -> bool:
        return key in self._rows.by_name


class Features(_ByRows[Value]):
    """Features of images by key; made by `open_features`.

    A value is an array; where the run wrote several arrays for each image and `array` chose none, a
    dict of them by name. What is returned as it was written cannot be written to, and is mapped from
    the files, which must not be shortened while it is in use, as with `numpy.memmap`. While arrays
    of 224 files are in use, those of other files are copied, so that there are never too many open
    files. A file that was cut short before is a CorruptFileError.

    float32 and float16 are as they were written. bfloat16 is ``ml_dtypes.bfloat16`` where that
    package is installed, and else converted to float32, which represents it exactly.

    May be used from several threads, passed to other processes, and used after ``fork``.

    Attributes:
        folder: As it was given.
        arrays: Names of the arrays of each image.
        settings: Of the run: "checkpoint", "verdict", "out_type", "dtype" and so on.
        record: {"complete", "shards", "finished", "done", "failed", "missing"}, of what was there
            when it was opened. A run without an index has no shards, and "missing" lists inputs.
        errors: For each input that failed, by key, why: a `sapiens.Error`. An archive may give one
            key several times; the errors are by the first.
    """

    folder: str
    arrays: tuple[str, ...]
    settings: dict[str, Any]
    record: dict[str, Any]
    errors: Mapping[str, Error]

    def __init__(self, run: Run, dequantize: bool, array: Optional[str], by: str) -> None:
        self._run, self._dequantize, self._by = run, dequantize, by
        self._rows, failed = _Rows(), _Rows()
        self.arrays = self._index(failed)
        self._chosen = self._choice(array)
        self.folder, self.settings, self.record = run.files.folder, run.settings, run.record
        self.errors = _Errors(run, failed, by)

    def __getitem__(self, key: str) -> Value:
        return self._values(key, self._value)

    def scales(self, key: str) -> Value:
        """The float32 scale of each row of an int8 array, or a dict as for its values. Raises
        InvalidArgumentError where the run did not write int8."""
        return self._values(key, self._scale)

    def __repr__(self) -> str:
        chosen = "" if self._chosen is None else f", array {self._chosen!r}"
        return f"<sapiens.Features of {len(self)} images in {self.folder!r}{chosen}>"

    def _index(self, failed: _Rows) -> tuple[str, ...]:
        """Fills the rows; returns the names of arrays, which are the same for all inputs."""
        name_of = _NAMES[self._by]
        arrays: Optional[tuple[str, ...]] = None
        places: list[str] = []
        repeated = 0
        for row in self._run.rows():
            name = name_of(row)
            if row.names is None:
                failed.add(name, row)
                continue
            if arrays is None:
                arrays = row.names
            elif row.names != arrays:
                raise corrupt(
                    self._run.files.folder, f"{name!r} has arrays {row.names}, others {arrays}"
                )
            before = self._rows.add(name, row)
            if before is None:
                continue
            repeated += 1
            if len(places) < 5:
                places.append(self._both(name, row))
        if repeated:
            raise self._ambiguous(repeated, places)
        return arrays or ()

    def _both(self, name: str, row: Row) -> str:
        first = self._rows.read(self._run, name, _NAMES[self._by])
        return f"{name!r} ({first.input} in {first.shard!r}, {row.input} in {row.shard!r})"

    def _ambiguous(self, repeated: int, places: list[str]) -> Error:
        other = {"key": 'by="shard/key" or by="input"', "input": 'by="shard/key"'}
        more = f" and {repeated - len(places)} more" if repeated > len(places) else ""
        if self._by not in other:
            return corrupt(self._run.files.folder, f"twice in one shard: {', '.join(places)}{more}")
        return make_refusal(
            InvalidArgumentError,
            "several images of this run have the same key",
            file=self._run.files.folder,
            key="by",
            actual=", ".join(places) + more,
            hint=f"open it with {other[self._by]}",
        )

    def _choice(self, array: Optional[str]) -> Optional[str]:
        """The name of the array that values are; None: a dict of all."""
        if array is None or not self.arrays:
            return self.arrays[0] if len(self.arrays) == 1 else None
        if array in self.arrays:
            return array
        if self.arrays == ("",):
            form = self._run.settings.get("out_type")
            if array == form or form == [array]:
                return ""
        raise make_refusal(
            InvalidArgumentError,
            "this run has no such array",
            file=self._run.files.folder,
            key="array",
            expected=", ".join(map(repr, self.arrays)),
            actual=repr(array),
        )

    def _values(self, key: str, read: Callable[[ArrayPlace, str], np.ndarray]) -> Value:
        if key in self.errors and key not in self:
            raise KeyError(f"{key}: this input failed; see errors")
        sample = self._rows.read(self._run, key, _NAMES[self._by])
        if self._chosen is None:
            return {array.name: read(array, sample.place) for array in sample.arrays}
        for array in sample.arrays:
            if array.name == self._chosen:
                return read(array, sample.place)
        raise corrupt(sample.place, f"there is no array {self._chosen!r}")

    def _value(self, array: ArrayPlace, place: str) -> np.ndarray:
        if array.dtype == "bf16":
            try:
                bfloat16 = _bfloat16()
            except ImportError:
                return _widened(self._copied(array, place))
            return self._mapped(array, place).view(bfloat16)
        if array.scales is None or not self._dequantize:
            return self._mapped(array, place)
        return dequantized(self._copied(array, place), self._copied(array.scales, place))

    def _scale(self, array: ArrayPlace, place: str) -> np.ndarray:
        if array.scales is None:
            raise make_refusal(
                InvalidArgumentError,
                "these features have no scales",
                expected="int8",
                actual=array.dtype,
            )
        return self._mapped(array.scales, place)

    def _mapped(self, array: ArrayPlace, place: str) -> np.ndarray:
        number = NUMBERS[array.dtype]
        return self._run.files.mapped_array(array.file, array.offset, number, array.shape, place)

    def _copied(self, array: ArrayPlace, place: str) -> np.ndarray:
        # For what is read here: a map of a file that is cut short would end the process.
        number = NUMBERS[array.dtype]
        return self._run.files.array(array.file, array.offset, number, array.shape, place)


class _Errors(_ByRows[Error]):
    """Errors of the inputs that failed, made when they are asked for."""

    def __init__(self, run: Run, rows: _Rows, by: str) -> None:
        self._run, self._rows, self._by = run, rows, by

    def __getitem__(self, key: str) -> Error:
        return self._rows.read(self._run, key, _NAMES[self._by]).failure()

    def __repr__(self) -> str:
        return f"<errors of {len(self)} images in {self._run.files.folder!r}>"
