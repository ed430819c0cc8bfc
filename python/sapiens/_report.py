"""The load report of a checkpoint as an object."""

from __future__ import annotations

import copy
import html
import json
from dataclasses import dataclass
from typing import Any, Optional, TypeVar

from . import _sapiens

T = TypeVar("T")

_COLOURS = {"exact": "#1a7f37", "equivalent": "#1a7f37", "adapted": "#9a6700"}
_SHOWN = 12  # names in a cell of the HTML table


@dataclass(frozen=True)
class FileInfo:
    """The file itself; ``values`` is the number of elements in all its tensors."""

    path: str
    format: str
    bytes: int
    tensors: int
    values: int
    dtypes: str


@dataclass(frozen=True)
class ModelInfo:
    """What the tensors say the model is. None: it cannot be known, or there is no such part.

    ``kv_heads`` counts those of keys and values in the block with the fewest; ``grid`` is (rows,
    columns) of patches; ``outputs`` counts keypoints or classes of the head.
    """

    family: str
    arch: Optional[str]
    task: Optional[str]
    width: Optional[int]
    depth: Optional[int]
    heads: Optional[int]
    kv_heads: Optional[int]
    mlp_width: Optional[int]
    cls_token: bool
    registers: int
    grid: Optional[tuple[int, int]]
    patch_padding: int
    outputs: Optional[int]
    parameters: int


def known(fact: Optional[T]) -> T:
    """A fact of a ModelInfo that a model has if it can be used at all."""
    assert fact is not None
    return fact


@dataclass(frozen=True)
class Use:
    """Whether the file can do one thing: "features", "reconstruct", "pose", "seg", ..."""

    use: str
    verdict: str
    required: int
    bound: int
    reason: str

    @property
    def usable(self) -> bool:
        """Whether something may be computed with the file."""
        return self.verdict in _COLOURS


class Report:
    """How the tensors of a checkpoint and the parameters of a model came together.

    ``print(report)`` shows what ``sapiens inspect`` prints; a notebook shows a table.

    Attributes:
        verdict: "exact", "equivalent", "adapted": usable; "incomplete", "foreign", "ambiguous":
            not.
        usable: Whether something may be computed with the file.
        required, bound: Parameters (tensors) of the model, and those that have their values.
        file, model: See FileInfo and ModelInfo.
        missing: ``{"key", "shape"}`` of parameters the file does not have, named as it would.
        mismatched: ``{"key", "expected", "found", "reason"}`` of those with another shape.
        altered: ``{"key", "by", "reason"}`` of those that other tensors of the file change.
        candidates: The models of the file, ``{"prefix", "family", "verdict", "required", "bound",
            "width", "depth", "taken", "reason"}``.
        unused: ``{"reason", "count", "examples"}`` of tensors the model does not need.
        rules: ``{"rule", "count", "reason"}`` of what had to be done to names or values.
        uses: A Use by name.
        outputs: Shapes of "featmap", "raw", "cls_token", "registers", "avg_featmap"; None where
            there is none.
        explanation, hint: The nearest explanation, and what to do next; None when all is well.
        notes: Facts a user should know.
    """

    def __init__(self, text: str, document: str) -> None:
        self._text = text
        self._document: dict[str, Any] = json.loads(document)
        report = self._document["report"]
        model = dict(self._document["model"])
        model["grid"] = tuple(model["grid"]) if model["grid"] else None
        self.file = FileInfo(**self._document["file"])
        self.model = ModelInfo(**model)
        self.verdict: str = report["verdict"]
        self.required: int = report["required"]
        self.bound: int = report["bound"]
        self.missing: list[dict[str, Any]] = report["missing"]
        self.mismatched: list[dict[str, Any]] = report["mismatched"]
        self.altered: list[dict[str, Any]] = report["altered"]
        self.candidates: list[dict[str, Any]] = report["candidates"]
        self.unused: list[dict[str, Any]] = report["unused"]
        self.rules: list[dict[str, Any]] = report["rules"]
        self.explanation: Optional[str] = report["explanation"]
        self.hint: Optional[str] = report["hint"]
        self.notes: list[str] = report["notes"]
        self.uses = {use["use"]: Use(**use) for use in self._document["uses"]}
        self.outputs: dict[str, Optional[tuple[int, ...]]] = {
            name: tuple(shape) if shape else None
            for name, shape in self._document["outputs"].items()
        }

    @property
    def usable(self) -> bool:
        return self.verdict in _COLOURS

    def json(self) -> dict[str, Any]:
        """The document of ``sapiens inspect --json``; docs/inspect-json.md describes it."""
        return copy.deepcopy(self._document)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return (
            f"<sapiens.Report of {self.file.path!r}: {self.model.family} {self.model.arch or ''} "
            f"{self.model.task or ''}, {self.verdict}, {self.bound} of {self.required} parameters>"
        )

    def _repr_html_(self) -> str:
        model = self.model
        size = f"width {model.width}, {model.depth} blocks" if model.width else ""
        rows = [
            ("file", _escape(f"{self.file.path} ({self.file.format}, {self.file.dtypes})")),
            (
                "model",
                _escape(" ".join(filter(None, (model.family, model.arch, model.task, size)))),
            ),
            ("verdict", f"{_verdict(self.verdict)}, {self.bound} of {self.required} parameters"),
            ("explanation", _escape(self.explanation or "")),
            ("next", _escape(self.hint or "")),
            ("missing", _names([entry["key"] for entry in self.missing])),
            ("mismatched", _names([_mismatch(entry) for entry in self.mismatched])),
            ("altered", _names([f"{entry['key']}: {entry['reason']}" for entry in self.altered])),
            ("candidates", _names([_candidate(model) for model in self.candidates])),
            ("unused", _names([f"{group['count']} × {group['reason']}" for group in self.unused])),
            ("rules", _names([f"{rule['count']} × {rule['rule']}" for rule in self.rules])),
            ("notes", _names(self.notes)),
            ("uses", "<br>".join(map(_use, self.uses.values()))),
        ]
        body = "".join(
            f'<tr><th style="text-align:left;vertical-align:top">{name}</th>'
            f'<td style="text-align:left">{cell}</td></tr>'
            for name, cell in rows
            if cell
        )
        return f"<table>{body}</table>"


def _escape(text: str) -> str:
    """Escapes text for HTML, including characters of names that change or hide text."""
    return html.escape(_sapiens.printable(text))


def _verdict(verdict: str) -> str:
    return f'<b style="color:{_COLOURS.get(verdict, "#cf222e")}">{_escape(verdict)}</b>'


def _use(use: Use) -> str:
    return f"{_escape(use.use)}: {_verdict(use.verdict)} {_escape(use.reason or '')}"


def _mismatch(entry: dict[str, Any]) -> str:
    return f"{entry['key']}: {entry['found']} instead of {entry['expected']}"


def _candidate(model: dict[str, Any]) -> str:
    state = "taken" if model["taken"] else "left"
    return f"{model['prefix']}: {model['bound']} of {model['required']} parameters, {state}"


def _names(names: list[str]) -> str:
    shown = [_escape(str(name)) for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"and {len(names) - _SHOWN} more")
    return "<br>".join(shown)
