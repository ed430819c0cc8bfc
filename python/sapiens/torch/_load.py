"""Modules from checkpoints. The engine opens, recognises, refuses and renames; this builds."""

from __future__ import annotations

import os
import re
from typing import Any, Optional, Union

import numpy as np
import torch
from torch import Tensor

from .. import _sapiens
from .._calls import call
from .._errors import InvalidArgumentError, make_refusal
from .._model import model_options
from .._paths import Path, as_path
from .._report import ModelInfo, Report, known
from ._encoder import Encoder, Sapiens2Encoder, SapiensEncoder
from ._engine import EngineEncoder
from ._tasks import HEADS, Decoder, Head, MaskedAutoencoder, TaskModel

State = dict[str, Tensor]
Module = Union[Encoder, EngineEncoder, TaskModel, MaskedAutoencoder]

_ENGINE_OPTIONS = ("precision", "threads", "isa")


def load(
    path_or_name: Path,
    task: Optional[str] = None,
    dtype: Optional[torch.dtype] = None,
    device: Union[None, str, torch.device] = None,
    *,
    force_task: bool = False,
    engine: bool = False,
    **options: Any,
) -> Module:
    """The model of a checkpoint as a module of PyTorch, in evaluation mode.

        encoder = sapiens.torch.load("sapiens_0.3b_epoch_1600_clean.pth")
        (featmap,) = encoder(encoder.preprocess(images))        # (B, 1024, 64, 64)

    Args:
        path_or_name: Any file that `sapiens.inspect` calls usable, or the short name of a published
            one that ``sapiens pull`` has downloaded.
        task: "features": the encoder alone. "reconstruct": encoder and decoder of pretraining.
            "pose", "seg", "depth", "normal": the model with its head. By default what the file is:
            an encoder, or an encoder with its head. "pretrain" and "backbone": the encoder as
            `sapiens.inspect` understands them, with and without a class token.
        dtype: Of the parameters. By default numbers of 16 bits stay such if all parameters have the
            same type, and are float32 otherwise.
        device: Of the parameters; by default the CPU.
        force_task: Take the head for one of `task` also where it looks like one of another.
        engine: Let the engine compute the encoder: on the CPU, without parameters and gradients.
            Then `options` may also be precision, threads and isa, as `sapiens.Encoder` takes them.
        options: arch, heads, decoder_heads, grid, size, patch_padding, allow_partial, prefix, as
            `sapiens.inspect` and `sapiens.Encoder` take them.

    Returns:
        An `Encoder`, `TaskModel` or `MaskedAutoencoder`; with `engine` an `EngineEncoder`, or a
        `TaskModel` around one. Its `report` is that of the engine.

    Raises:
        CheckpointRefusedError: A parameter has no value, or holds NaN or infinity.
        NotFoundError, CorruptFileError, UnsupportedFormatError: The file cannot be opened.
    """
    path = as_path(path_or_name)
    if not os.path.exists(path):
        path = os.fspath(_sapiens.find_checkpoint(path))
    of_engine = {name: options.pop(name) for name in _ENGINE_OPTIONS if engine and name in options}
    use = task if task in ("features", "reconstruct", *HEADS) else ""
    if task and (use == "" or (use in HEADS and force_task)):
        options["task"] = task
    if engine:
        _expect_for_engine(use, dtype, device)
        dtype = torch.float32
    if engine and (use == "features" or not _has_head(path, options)):
        return EngineEncoder(path, **of_engine, **options).eval()
    tensors, report, decoder_heads, partial = call(
        _sapiens.read_model, path, use, model_options(**options)
    )
    report = Report(*report)
    state = _state(tensors, dtype, device, "backbone." if engine else None)
    backbone = EngineEncoder(path, **of_engine, **options) if engine else None
    with torch.device("meta"):
        module = _build(state, report.model, decoder_heads, backbone)
    module.load_state_dict(state, assign=True)
    module.report = report
    module.partial = partial
    return module.eval()


def _expect_for_engine(use: str, dtype: Any, device: Any) -> None:
    if use == "reconstruct":
        raise ValueError("the engine computes no decoder for PyTorch: load it without `engine`")
    if dtype not in (None, torch.float32) or torch.device(device or "cpu").type != "cpu":
        raise make_refusal(
            InvalidArgumentError,
            "with the engine, modules take and give float32 on the CPU",
            key="device" if dtype in (None, torch.float32) else "dtype",
            expected="float32 on cpu",
            actual=f"{dtype} on {device or 'cpu'}",
            hint="leave `dtype` and `device` out; `precision` is what the engine computes in",
        )


def _has_head(path: str, options: dict[str, Any]) -> bool:
    return Report(*_sapiens.inspect(path, model_options(**options))).model.task in HEADS


def _state(
    tensors: list[tuple[str, str, np.ndarray]],
    dtype: Optional[torch.dtype],
    device: Union[None, str, torch.device],
    left_out: Optional[str],
) -> State:
    """The tensors over the engine's memory, or converted one after the other; those whose names
    begin with `left_out` are freed."""
    kinds = {kind for _, kind, _ in tensors}
    if dtype is None and len(kinds) > 1:
        dtype = torch.float32
    state = {}
    while tensors:  # pops each, so that its memory is free once it is converted
        key, kind, array = tensors.pop(0)
        if left_out and key.startswith(left_out):
            continue
        tensor = torch.from_numpy(array.view(np.int16) if kind == "bf16" else array)
        tensor = tensor.view(torch.bfloat16) if kind == "bf16" else tensor
        state[key] = tensor.to(device=device, dtype=dtype)
    return state


def _build(
    state: State, model: ModelInfo, decoder_heads: int, backbone: Optional[EngineEncoder]
) -> Module:
    encoder = backbone if backbone is not None else _encoder(state, model)
    if decoder_heads and isinstance(encoder, SapiensEncoder):
        return MaskedAutoencoder(encoder, _decoder(state, decoder_heads, known(model.width)))
    task = model.task or ""
    if task in HEADS and any(key.startswith(HEADS[task][0] + ".") for key in state):
        return TaskModel(task, encoder, _head(state, task, known(model.width)))
    return encoder


def _count(state: State, prefix: str) -> int:
    """How many blocks are numbered behind `prefix`."""
    numbers = (re.match(re.escape(prefix) + r"(\d+)\.", key) for key in state)
    return 1 + max((int(found[1]) for found in numbers if found), default=-1)


def _encoder(state: State, model: ModelInfo) -> Encoder:
    width, depth, grid = known(model.width), known(model.depth), known(model.grid)
    if model.family == "sapiens2":
        blocks = [f"backbone.blocks.{i}." for i in range(depth)]
        head_dim = len(state[blocks[0] + "attn.q_norm.weight"])
        return Sapiens2Encoder(
            width,
            width // head_dim,
            [len(state[block + "attn.wk.weight"]) // head_dim for block in blocks],
            state[blocks[0] + "ffn.w3.weight"].shape[1],
            grid,
            registers=state["backbone.storage_tokens"].shape[1],
        )
    return SapiensEncoder(
        width,
        depth,
        known(model.heads),
        known(model.mlp_width),
        grid,
        cls_token=model.cls_token,
        patch_padding=model.patch_padding,
    )


def _head(state: State, task: str, width: int) -> Head:
    prefix, final = HEADS[task]

    def outputs(layers: str, axis: int) -> list[int]:
        keys = (key for key in state if re.fullmatch(rf"{prefix}\.{layers}\.\d+\.weight", key))
        return [state[key].shape[axis] for key in keys]

    return Head(
        task,
        width,
        outputs("deconv_layers", 1),
        outputs("conv_layers", 0),
        len(state[f"{prefix}.{final}.weight"]),
    )


def _decoder(state: State, heads: int, inputs: int) -> Decoder:
    return Decoder(
        width=state["neck.mask_token"].shape[2],
        hidden=len(state["neck.decoder_blocks.0.ffn.layers.0.0.bias"]),
        depth=_count(state, "neck.decoder_blocks."),
        heads=heads,
        tokens=state["neck.decoder_pos_embed"].shape[1],
        inputs=inputs,
    )
