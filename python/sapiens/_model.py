"""The base class of all models."""

from __future__ import annotations

from typing import Any, Optional

from . import _sapiens
from ._calls import call
from ._report import Report

Size = tuple[int, int]


class Model:
    """A loaded model. Any thread may use it; calls run one after the other, without the GIL."""

    _native: Any

    @property
    def report(self) -> Report:
        """The load report: how the file's tensors match the model."""
        return Report(*self._native.report())

    @property
    def stats(self) -> dict[str, Any]:
        """ "threads", "isa", "precision", "weight_bytes", "activation_bytes", "load_seconds",
        "forward_seconds" of the last call, and "unquantized": the weights that int8 does not round
        to 8 bits, because that would lose too much."""
        return self._native.stats()

    def __repr__(self) -> str:
        report = self.report
        model = " ".join(filter(None, (report.model.arch, report.model.task)))
        return f"<sapiens.{type(self).__name__} {model} from {report.file.path!r}>"


def model_options(
    arch: str = "",
    task: str = "",
    heads: int = 0,
    decoder_heads: int = 0,
    grid: Optional[Size] = None,
    size: Optional[Size] = None,
    patch_padding: Optional[int] = None,
    allow_partial: bool = False,
    prefix: str = "",
) -> _sapiens.ModelOptions:
    """Options that override what the weights tell; see `sapiens.inspect`."""
    return call(
        _sapiens.model_options,
        arch=arch,
        task=task,
        heads=heads,
        decoder_heads=decoder_heads,
        grid=grid,
        size=size,
        patch_padding=patch_padding,
        allow_partial=allow_partial,
        prefix=prefix,
    )


def engine_options(precision: str, threads: int, isa: str) -> _sapiens.EngineOptions:
    return call(_sapiens.engine_options, threads=threads, isa=isa, precision=precision)
