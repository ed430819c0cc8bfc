"""Errors of the engine as exceptions with machine-readable fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FIELDS = ("code", "summary", "file", "key", "expected", "actual", "hint")


class Error(Exception):
    """Something the engine refused or could not do.

    ``str(error)`` is the whole text, the same as the program ``sapiens`` prints. Fields that do not
    apply are empty strings.

    Attributes:
        code: The category: "invalid-argument", "not-found", "corrupt-file", "unsupported-format",
            "checkpoint-refused", "shape-mismatch", "out-of-resources", "unsupported-hardware",
            "write-failed", "network" or "internal". Each has a class of its own.
        summary: One sentence.
        file: The file, as the caller spelled it, and where inside it.
        key: State-dict key, archive entry, or name of the option.
        expected: What should have been there.
        actual: What was there.
        hint: What to try next.
    """

    code: str
    summary: str
    file: str
    key: str
    expected: str
    actual: str
    hint: str

    def __init__(self, text: str, **fields: str) -> None:
        super().__init__(text)
        self._text = text
        for name in _FIELDS:
            setattr(self, name, fields.get(name, ""))

    def __str__(self) -> str:
        return self._text

    def __reduce__(self) -> Any:  # errors must survive pickling between processes
        return _rebuild, (type(self), self._text, {name: getattr(self, name) for name in _FIELDS})


class InvalidArgumentError(Error, ValueError):
    """An option or a call is invalid."""


class NotFoundError(Error, FileNotFoundError):
    """A file does not exist or may not be read."""


class CorruptFileError(Error, ValueError):
    """A file of a known format violates it or ends too early."""


class UnsupportedFormatError(Error, ValueError):
    """A file has an unsupported format; ``hint`` says how to convert it."""


class CheckpointRefusedError(Error, ValueError):
    """Weights do not match the model; nothing was computed."""


class ShapeMismatchError(Error, ValueError):
    """An array has the wrong shape."""


class OutOfResourcesError(Error, MemoryError):
    """Memory or disk ran out."""


class UnsupportedHardwareError(Error, RuntimeError):
    """This CPU lacks the requested instructions."""


class WriteFailedError(Error, OSError):
    """An output could not be written."""


class NetworkError(Error, ConnectionError):
    """A server cannot be reached, or its connections keep breaking."""


class InternalError(Error, RuntimeError):
    """An internal error, which is a bug of sapiens."""


_CLASSES: dict[str, type[Error]] = {
    "invalid-argument": InvalidArgumentError,
    "not-found": NotFoundError,
    "corrupt-file": CorruptFileError,
    "unsupported-format": UnsupportedFormatError,
    "checkpoint-refused": CheckpointRefusedError,
    "shape-mismatch": ShapeMismatchError,
    "out-of-resources": OutOfResourcesError,
    "unsupported-hardware": UnsupportedHardwareError,
    "write-failed": WriteFailedError,
    "network": NetworkError,
    "internal": InternalError,
}

# As the program `sapiens` ends, where it is not 2 (docs/conventions.md).
EXIT_CODES = {
    "not-found": 4,
    "corrupt-file": 4,
    "unsupported-format": 4,
    "shape-mismatch": 4,
    "checkpoint-refused": 3,
    "out-of-resources": 5,
    "write-failed": 5,
    "network": 6,
    "internal": 70,
}


def make_error(
    code: str, text: str, summary: str, file: str, key: str, expected: str, actual: str, hint: str
) -> Error:
    """The exception for an error of the engine; called by it."""
    fields = dict(zip(_FIELDS, (code, summary, file, key, expected, actual, hint)))
    return _CLASSES.get(code, Error)(text, **fields)


def make_refusal(
    kind: type[Error],
    summary: str,
    *,
    file: str = "",
    key: str = "",
    expected: str = "",
    actual: str = "",
    hint: str = "",
) -> Error:
    """The same for what Python refuses itself, with the text that the engine would give it."""
    code = next(code for code, known in _CLASSES.items() if known is kind)
    fields = {"file": file, "key": key, "expected": expected, "actual": actual, "hint": hint}
    return kind(_text(code, summary, fields), code=code, summary=summary, **fields)


def error_of(document: Mapping[str, Any]) -> Error:
    """The error that a JSON document of the program describes."""
    fields = {name: str(document.get(name, "")) for name in _FIELDS}
    code, summary = fields["code"], fields["summary"]
    shown = {name: fields[name] for name in _FIELDS[2:]}
    return _CLASSES.get(code, Error)(_text(code, summary, shown), **fields)


def _text(code: str, summary: str, fields: Mapping[str, str]) -> str:
    from . import _sapiens  # which imports this module when there is an error

    def shown(text: str) -> str:
        return _sapiens.printable(text.encode("utf-8", "backslashreplace").decode())

    lines = [f"[{code}] {shown(summary)}"]
    lines += [f"  {name + ':':<9} {shown(value)}" for name, value in fields.items() if value]
    return "\n".join(lines)


def _rebuild(kind: type[Error], text: str, fields: dict[str, str]) -> Error:
    return kind(text, **fields)
