"""The forward pass of an encoder in the engine, as an operator of PyTorch on the CPU."""

from __future__ import annotations

import itertools
import weakref
from typing import Any

import torch
from torch import Tensor

from .._encoder import Encoder
from .._errors import InvalidArgumentError, make_refusal
from .._report import known
from ._encoder import Outputs
from ._layers import PATCH

# Operators take numbers, not objects.
_OPENED: "weakref.WeakValueDictionary[int, EngineEncoder]" = weakref.WeakValueDictionary()
_NUMBERS = itertools.count(1)


class EngineEncoder(Outputs):
    """An encoder that the engine computes, called as those that PyTorch computes.

    It has no parameters and no gradients, and takes and gives float32 on the CPU, which are handed
    over without a copy. A copy of it, or what is unpickled, opens the file again.

    Args:
        path: Checkpoint file.
        options: As `sapiens.Encoder` takes them: precision, threads, isa, size, ...
    """

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__()
        self.path = path
        self.options = options
        self._open()

    def _open(self) -> None:
        self.engine = Encoder(self.path, **self.options)
        self.report = self.engine.report
        self.partial = self.engine.partial
        model, shapes = self.report.model, self.report.outputs
        self.family, self.depth, self.width = model.family, known(model.depth), known(model.width)
        height, width = self.engine.size
        self.grid = height // PATCH, width // PATCH
        self.patch_padding = model.patch_padding
        self.has_cls_token = model.cls_token
        self.prefix_tokens = known(shapes["raw"])[0] - self.grid[0] * self.grid[1]
        self.registers = self.prefix_tokens - int(model.cls_token)
        self.number = next(_NUMBERS)
        _OPENED[self.number] = self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "engine": None, "number": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._open()

    def _blocks(self, x: Tensor, out_type: str, wanted: list[int], norm: bool) -> list[Tensor]:
        self._expect(x, out_type)
        if x.dtype != torch.float32 or x.device.type not in ("cpu", "meta"):
            raise make_refusal(
                InvalidArgumentError,
                "the engine computes on the CPU, with inputs of float32",
                key="x",
                expected="float32 on cpu",
                actual=f"{str(x.dtype).removeprefix('torch.')} on {x.device}",
            )
        return _encode(x, self.number, out_type, wanted, norm)

    def shape_of(self, x: Tensor, out_type: str) -> list[int]:
        """Of what `features` makes of `x`."""
        rows, columns = (
            (
                (extent + PATCH - 1) // PATCH
                if self.patch_padding == 0
                else (extent + 2 * self.patch_padding - PATCH) // PATCH + 1
            )
            for extent in x.shape[2:]
        )
        return {
            "raw": [x.shape[0], self.prefix_tokens + rows * columns, self.width],
            "featmap": [x.shape[0], self.width, rows, columns],
            "registers": [x.shape[0], self.registers, self.width],
        }.get(out_type, [x.shape[0], self.width])


@torch.library.custom_op("sapiens::encode", mutates_args=())
def _encode(x: Tensor, encoder: int, out_type: str, layers: list[int], norm: bool) -> list[Tensor]:
    array = x.detach().contiguous().numpy()
    found = _OPENED[encoder].engine._forward(array, out_type, layers, norm)
    return [torch.from_numpy(found[layer][out_type]) for layer in layers]


@_encode.register_fake
def _(x: Tensor, encoder: int, out_type: str, layers: list[int], norm: bool) -> list[Tensor]:
    shape = _OPENED[encoder].shape_of(x, out_type)
    return [x.new_empty(shape) for _ in layers]
