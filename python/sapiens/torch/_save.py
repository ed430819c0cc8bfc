"""Checkpoints from modules."""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

import torch
from torch import nn

from .. import _checkpoints
from .._paths import Path, as_path
from .._report import Report
from ._encoder import Encoder, SapiensEncoder
from ._layers import Attention
from ._tasks import Head, MaskedAutoencoder, TaskModel


def save(module: nn.Module, path: Path, meta: Optional[Mapping[str, Any]] = None) -> Report:
    """Writes a checkpoint in the original's layout, which the original and the engine load.

    Adapters have to be merged before (PEFT's ``merge_and_unload``). `sapiens.convert` makes
    .safetensors of it.

    Args:
        module: What `load` returns, trained or not.
        path: The .pth to write; it is replaced atomically.
        meta: Entries of its "meta", such as "dataset_meta" with the names of new classes.

    Returns:
        What `sapiens.inspect` says of the new file; its verdict is "exact".

    Raises:
        TypeError: This is no such module, or has parameters that no checkpoint has.
    """
    encoder = module if isinstance(module, Encoder) else getattr(module, "backbone", None)
    if not isinstance(encoder, Encoder) or not isinstance(
        module, (Encoder, TaskModel, MaskedAutoencoder)
    ):
        raise TypeError(f"a {type(module).__name__} is no module of sapiens.torch with parameters")
    state = {key: value.detach().cpu() for key, value in module.state_dict().items()}
    added = [key for key in state if ".base_layer." in key or ".lora_" in key]
    if added:
        raise TypeError(f"merge the adapters first: {added[0]} is no parameter of a checkpoint")
    first = isinstance(encoder, SapiensEncoder)
    if first and module is encoder:
        state = {"backbone." + key: value for key, value in state.items()}
    content: Any = state
    if first or meta:
        content = {"meta": {**(meta or {}), **_recorded(module, encoder)}, "state_dict": state}
    target = as_path(path, "the output")
    partial = target + ".partial"
    try:
        torch.save(content, partial)
        os.replace(partial, target)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    return _checkpoints.inspect(target)


def _recorded(module: nn.Module, encoder: Encoder) -> dict[str, str]:
    """What weights do not tell, as `sapiens convert` records it."""
    if not isinstance(encoder, SapiensEncoder):
        return {}
    task = "pretrain" if encoder.has_cls_token else "backbone"
    recorded = {
        "sapiens.task": getattr(module, "task", task),
        "sapiens.heads": _heads(encoder.layers),
        "sapiens.grid": f"{encoder.grid[0]}x{encoder.grid[1]}",
        "sapiens.patch_padding": str(encoder.patch_padding),
    }
    if isinstance(module, MaskedAutoencoder):
        recorded["sapiens.decoder_heads"] = _heads(module.neck.decoder_blocks)
    if isinstance(module, TaskModel) and isinstance(
        head := getattr(module, module.head_name), Head
    ):
        layers = (len(head.deconv_layers) // 3, len(head.conv_layers) // 3)  # of three modules each
        recorded["sapiens.head_layers"] = f"{layers[0]}x{layers[1]}"
    return recorded


def _heads(blocks: nn.ModuleList) -> str:
    return str(next(part.heads for part in blocks.modules() if isinstance(part, Attention)))
