"""Runs of `sapiens features` without an index: one .npy file for each array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._errors import CorruptFileError, make_refusal
from ._feature_samples import ArrayPlace, Sample, corrupt, number_of, text_of
from ._run_files import RunFiles
from ._run_records import SETTINGS, At, Row, read_document, settings_of, some_of

_NPY = {"<f4": "f32", "<f2": "f16", "|V2": "bf16", "|i1": "int8"}


class PlainRun:
    """A run without an index: one .npy file for each array, and no record of what failed."""

    def __init__(self, files: RunFiles) -> None:
        self.files = files
        # An input is made one text as it is parsed, because dicts of a million take a gigabyte.
        document = read_document(files, SETTINGS, _joined)
        self.settings = settings_of(document)
        self._names = _array_names(self.settings)
        self._partial = ".partial" if self.settings.get("partial") is True else ""
        self._inputs: list[tuple[str, str]] = []
        self._lost: list[int] = []
        for number, (key, joined) in enumerate(_inputs_of(document).items()):
            source, *names = joined.split("\0")
            last = self._last_file(key)
            if last not in names:
                raise corrupt(SETTINGS, f"{last!r} is not among the files of {key!r}")
            if not files.exists(last, SETTINGS):
                self._lost.append(number)
            self._inputs.append((key, source))
        self.record, self.problems = self._found()
        self.notes: list[str] = []

    def rows(self) -> Iterator[Row]:
        names = tuple(name for name, _, _ in self._names)
        lost = set(self._lost)
        for number, (key, source) in enumerate(self._inputs):
            found = None if number in lost else names
            yield Row(key, "", source, found, (number, 0, 0, 0))

    def samples(self) -> Iterator[Sample]:
        return (self.at((number, 0, 0, 0)) for number in range(len(self._inputs)))

    def at(self, at: At) -> Sample:
        key, source = self._inputs[at[0]]
        place = f"{SETTINGS}, input {key!r}"
        if not self.files.exists(self._last_file(key)):
            error = {
                "code": "not-found",
                "summary": "this input has no features: it failed, or the run did not end",
                "file": source,
                "hint": "run `sapiens features` again with --resume",
            }
            return Sample(key, "", source, (), error, {}, place)
        arrays = []
        for name, layer, out_type in self._names:
            array = self._array(key, (name, layer, out_type), "", place)
            if array.dtype == "int8":
                scales = self._array(key, (name, layer, out_type), ".scale", place)
                if scales.dtype != "f32" or scales.shape != array.shape[:-1]:
                    raise corrupt(place, f"{scales.file} does not hold the scales of {array.file}")
                array = array._replace(scales=scales)
            arrays.append(array)
        return Sample(key, "", source, tuple(arrays), None, {}, place)

    def _found(self) -> tuple[dict[str, Any], list[str]]:
        lost = [self._inputs[number][0] for number in self._lost]
        record = {
            "complete": bool(self._inputs) and not lost,
            "done": len(self._inputs) - len(lost),
            "failed": len(lost),
            "missing": lost,
        }
        count = f"{len(lost)} of {len(self._inputs)} inputs have no features"
        problem = f"{count}, since they failed or the run did not end: {some_of(lost)}"
        if not self._inputs:
            return record, ["the run has no inputs yet"]
        return record, [problem] if lost else []

    def _last_file(self, key: str) -> str:
        """The one that is written last, so that the others are there if it is."""
        scale = ".scale" if self.settings.get("dtype") == "int8" else ""
        return self._file(key, self._names[-1][0], scale)

    def _file(self, key: str, name: str, scale: str) -> str:
        return f"{key}{self._partial}{'.' if name else ''}{name}{scale}.npy"

    def _array(self, key: str, names: tuple[str, int, str], scale: str, place: str) -> ArrayPlace:
        file = self._file(key, names[0], scale)
        dtype, shape, offset = self.files.npy_header(file, place)
        if dtype.str not in _NPY:
            raise make_refusal(
                CorruptFileError, "this is no array of features", file=file, actual=str(dtype)
            )
        return ArrayPlace(*names, _NPY[dtype.str], shape, file, offset)


def _joined(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if found.keys() - {"crc32_of_sizes_times"} == {"input", "files"}:
        try:
            return "\0".join([found["input"], *found["files"]])
        except TypeError:
            raise ValueError("an input has no names of files") from None
    return found


def _inputs_of(document: dict[str, Any]) -> dict[str, str]:
    inputs = document.get("inputs")
    if not isinstance(inputs, dict) or not all(isinstance(one, str) for one in inputs.values()):
        raise corrupt(SETTINGS, "there are no inputs with their files")
    return inputs


def _array_names(settings: dict[str, Any]) -> list[tuple[str, int, str]]:
    """Name, layer and form of the arrays of each input, as `sapiens features` calls them."""
    forms = settings.get("out_type")
    forms = [forms] if isinstance(forms, str) else forms
    try:
        layers = [number_of(layer, "layers") for layer in settings["layers"]]
        forms = [text_of(form, "out_type") for form in forms]  # type: ignore[union-attr]
    except (KeyError, TypeError, ValueError) as error:
        raise corrupt(SETTINGS, str(error)) from None
    if not layers or not forms:
        raise corrupt(SETTINGS, "there are no layers, or no out_type")
    names = []
    for layer in layers:
        for form in forms:
            parts = [f"layer{layer:02}"] * (len(layers) > 1) + [form] * (len(forms) > 1)
            names.append((".".join(parts), layer, form))
    return names
