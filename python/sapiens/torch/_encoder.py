"""The encoders of both families."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Mapping, Optional, Sequence, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._errors import InvalidArgumentError, ShapeMismatchError, make_refusal
from .._report import Report
from ._layers import (
    PATCH,
    Block,
    PatchEmbed,
    Sapiens2Block,
    resize_positions,
    rotation_tables,
)
from ._preprocess import preprocess

Layers = Union[None, int, Sequence[int]]
Features = Union[Tensor, dict[int, Tensor]]


class Outputs(nn.Module):
    """What is known of an encoder, whoever computes it, and how it is called."""

    family: str
    depth: int
    grid: tuple[int, int]  #: Rows and columns of patches of an image of `size`.
    prefix_tokens: int  #: Tokens in front of the patches.
    registers: int = 0
    has_cls_token: bool = True
    report: Optional[Report] = None  #: How the tensors of the file became the parameters.
    partial: bool = False  #: Whether `allow_partial` left parameters at zero.

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels that images are resized to."""
        return self.grid[0] * PATCH, self.grid[1] * PATCH

    def preprocess(self, images: Any) -> Tensor:
        """Images as `sapiens.torch.preprocess` takes them, for this model: (B, 3, H, W), of the
        dtype of the parameters."""
        return preprocess(images, self.size, self.family).to(self.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """Of inputs and results."""
        return next((p.dtype for p in self.parameters()), torch.float32)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Normalised images (B, 3, H, W) -> ((B, C, rows, columns),), as the TorchScript exports."""
        return (self._blocks(x, "featmap", [self.depth - 1], False)[0],)

    def features(
        self, x: Tensor, out_type: str = "raw", layers: Layers = None, *, norm: bool = False
    ) -> Features:
        """Features of normalised images (B, 3, H, W).

        Args:
            x: What `preprocess` returns, of the dtype and on the device of the parameters.
            out_type: "raw": all tokens (B, T, C): class token, registers, patches. "featmap":
                patches as (B, C, rows, columns). "cls_token" and "avg_featmap": (B, C).
                "registers": (B, registers, C), of Sapiens2 only.
            layers: A block, counted from 0, negative from the end; by default the last. A sequence
                of blocks gives a dict from block (counted from 0) to tensor.
            norm: Pass every block through the final norm, not just the last.
        """
        wanted = self._wanted(layers)
        found = self._blocks(x, out_type, wanted, norm)
        if layers is None or isinstance(layers, Integral):
            return found[0]
        return dict(zip(wanted, found))

    def _blocks(self, x: Tensor, out_type: str, wanted: list[int], norm: bool) -> list[Tensor]:
        """The output of each of the `wanted` blocks, which ascend."""
        raise NotImplementedError

    def _wanted(self, layers: Layers) -> list[int]:
        if layers is None:
            return [self.depth - 1]
        wanted = [int(layers)] if isinstance(layers, (int, Integral)) else list(layers)
        if not wanted:
            raise ValueError("there are no layers")
        for layer in wanted:
            if not -self.depth <= layer < self.depth:
                raise make_refusal(
                    InvalidArgumentError,
                    "there is no such block",
                    key="layers",
                    expected=f"0 to {self.depth - 1}, or -{self.depth} to -1 from the end",
                    actual=str(layer),
                )
        return sorted({layer % self.depth for layer in wanted})

    def _expect(self, x: Tensor, out_type: str) -> None:
        if x.ndim != 4 or x.shape[1] != 3 or min(x.shape[2:]) < PATCH:
            raise make_refusal(
                ShapeMismatchError,
                "this tensor is no batch of inputs",
                expected="[B, 3, H, W], normalised, with H and W of 16 or more",
                actual=str(list(x.shape)),
            )
        if self.family == "sapiens2" and (x.shape[2] % PATCH or x.shape[3] % PATCH):
            raise make_refusal(
                ShapeMismatchError,
                "the sides of this input are no multiples of a patch's",
                expected="[B, 3, H, W] with H and W multiples of 16",
                actual=str(list(x.shape)),
                hint="Sapiens2 knows no padding: resize the images",
            )
        known = ["featmap", "raw", "avg_featmap"]
        known += ["cls_token"] if self.has_cls_token else []
        known += ["registers"] if self.registers else []
        if out_type not in known:
            absent = {"cls_token": "class token", "registers": "registers"}.get(out_type)
            raise make_refusal(
                InvalidArgumentError,
                f"this model has no {absent}" if absent else "there is no such out_type",
                key="out_type",
                expected="one of " + ", ".join(known),
                actual=out_type,
            )


class Encoder(Outputs):
    """An encoder in PyTorch; `sapiens.torch.load` makes one of a checkpoint.

    Its parameters have the names of the published encoders: ``state_dict()`` is what the original
    loads, and ``load_state_dict`` takes such files, with and without "backbone." in front.
    """

    ln1: nn.Module  #: The final norm.

    def embed(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...], tuple[int, int]]:
        """Tokens [B, T, D] of images, what the blocks need besides, and the grid of patches."""
        raise NotImplementedError

    def blocks_in_order(self) -> nn.ModuleList:
        """The blocks in their order."""
        raise NotImplementedError

    def average(self, patches: Tensor) -> Tensor:
        """The "avg_featmap" of patches [B, N, D]."""
        raise NotImplementedError

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """As PyTorch's. Of a state dict with "backbone." the part of that name is taken."""
        prefix = "backbone."
        if any(key.startswith(prefix) for key in state_dict):
            state_dict = {
                key[len(prefix) :]: value
                for key, value in state_dict.items()
                if key.startswith(prefix)
            }
        return super().load_state_dict(state_dict, strict, assign)

    def _blocks(self, x: Tensor, out_type: str, wanted: list[int], norm: bool) -> list[Tensor]:
        self._expect(x, out_type)
        x, tables, grid = self.embed(x)
        found = []
        for i, block in enumerate(self.blocks_in_order()):
            if i > wanted[-1]:
                break
            x = block(x, *tables)
            if i in wanted:
                tokens = self.ln1(x) if norm or i == self.depth - 1 else x
                found.append(self._shaped(tokens, out_type, grid))
        return found

    def _shaped(self, tokens: Tensor, out_type: str, grid: tuple[int, int]) -> Tensor:
        if out_type == "raw":
            return tokens
        if out_type == "cls_token":
            return tokens[:, 0]
        if out_type == "registers":
            return tokens[:, self.prefix_tokens - self.registers : self.prefix_tokens]
        patches = tokens[:, self.prefix_tokens :]
        if out_type == "avg_featmap":
            return self.average(patches)
        # Contiguous, as the engine's are; PyTorch's instance norm is slow channels last.
        return patches.transpose(1, 2).contiguous().unflatten(2, grid)


class SapiensEncoder(Encoder):
    """The plain ViT of the first family."""

    family = "sapiens"

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        hidden: int,
        grid: tuple[int, int],
        *,
        cls_token: bool = True,
        patch_padding: int = 0,
    ) -> None:
        super().__init__()
        self.depth = depth
        self.grid = grid
        self.has_cls_token = cls_token
        self.prefix_tokens = int(cls_token)
        self.patch_padding = patch_padding
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width)) if cls_token else None
        tokens = self.prefix_tokens + grid[0] * grid[1]
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.patch_embed = PatchEmbed(width, patch_padding)
        self.layers = nn.ModuleList(Block(width, heads, hidden) for _ in range(depth))
        self.ln1 = nn.LayerNorm(width, eps=1e-6)

    def blocks_in_order(self) -> nn.ModuleList:
        return self.layers

    def embed(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...], tuple[int, int]]:
        height, width = x.shape[2:]
        if self.patch_padding == 0 and (height % PATCH or width % PATCH):
            x = F.pad(x, (0, -width % PATCH, 0, -height % PATCH))
        patches = self.patch_embed(x)
        grid = patches.shape[2], patches.shape[3]
        positions = resize_positions(self.pos_embed, self.grid, grid, self.prefix_tokens)
        tokens = patches.flatten(2).transpose(1, 2)
        if self.cls_token is not None:
            tokens = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), tokens], 1)
        return tokens + positions, (), grid

    def masked(self, x: Tensor, kept: Tensor) -> Tensor:
        """The encoder's pass of pretraining: images (B, 3, H, W) of which only the patches `kept`
        (B, K) are seen -> normalised tokens (B, 1 + K, D), patches in the order of `kept`."""
        tokens, _, _ = self.embed(x)
        extra = self.prefix_tokens
        seen = tokens[:, extra:].gather(1, kept[..., None].expand(-1, -1, tokens.shape[2]))
        x = torch.cat([tokens[:, :extra], seen], 1)
        for block in self.layers:
            x = block(x)
        return self.ln1(x)

    def average(self, patches: Tensor) -> Tensor:
        return F.layer_norm(patches.mean(1), patches.shape[2:], eps=1e-6)


class Sapiens2Encoder(Encoder):
    """The encoder of Sapiens2: registers, rotary positions, grouped attention, gated MLP."""

    family = "sapiens2"

    def __init__(
        self,
        width: int,
        heads: int,
        kv_heads: Sequence[int],
        hidden: int,
        grid: tuple[int, int],
        *,
        registers: int = 8,
    ) -> None:
        super().__init__()
        self.depth = len(kv_heads)
        self.grid = grid
        self.head_dim = width // heads
        self.registers = registers
        self.prefix_tokens = 1 + registers
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.storage_tokens = nn.Parameter(torch.zeros(1, registers, width))
        self.patch_embed = PatchEmbed(width, 0)
        self.blocks = nn.ModuleList(
            Sapiens2Block(width, heads, shared, hidden) for shared in kv_heads
        )
        self.ln1 = nn.RMSNorm(width, eps=1e-6)

    def blocks_in_order(self) -> nn.ModuleList:
        return self.blocks

    def embed(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...], tuple[int, int]]:
        patches = self.patch_embed(x)
        rows, columns = patches.shape[2], patches.shape[3]
        prefix = torch.cat([self.cls_token, self.storage_tokens], 1).expand(x.shape[0], -1, -1)
        tables = rotation_tables(rows, columns, self.head_dim, x.device)
        tokens = torch.cat([prefix, patches.flatten(2).transpose(1, 2)], 1)
        return tokens, tables, (rows, columns)

    def average(self, patches: Tensor) -> Tensor:
        return patches.mean(1)
