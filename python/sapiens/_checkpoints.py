"""Checkpoint files: what they are, and their weights under repaired names."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from . import _sapiens
from ._calls import call
from ._model import model_options
from ._paths import Path, as_path
from ._report import Report


def inspect(path: Path, **options: Any) -> Report:
    """Recognises a checkpoint and reports whether it is complete. Reads no weights.

    A file that does not fit is a verdict, not an exception.

    Args:
        path: A .pth (PyTorch, any age), TorchScript, torch.export or .safetensors file.
        options: Overrides of what is recognised. arch: refuse anything but "0.3b", "0.6b",
            "1b", "2b". task: "pretrain", "backbone", "pose", "seg", "depth" or "normal". heads,
            decoder_heads: for widths that were never published. grid: (rows, columns) of the file's
            positions, where it is not square. size: (height, width) of images to tell the shapes
            for. patch_padding: 0 or 2; by default the task decides. prefix: of several models in
            the file, the one whose names begin so ("encoder_q"; "." for no prefix).

    Raises:
        NotFoundError, CorruptFileError, UnsupportedFormatError: The file cannot be opened.
    """
    return Report(*_sapiens.inspect(as_path(path), model_options(**options)))


@dataclass(frozen=True)
class Verification:
    """What comparing the checksums of a file showed; ``print`` shows it in sentences.

    ``checksum`` is "CRC-32", or "" for a file without any; ``members`` of the archive with
    ``bytes`` bytes were compared, and ``unguarded_tensors`` lie in members without a checksum.
    ``damaged`` lists ``{"name", "tensors", "expected", "actual"}`` of what does not match.
    """

    checksum: str
    members: int
    bytes: int
    unguarded_tensors: int
    damaged: list[dict[str, str]]
    notes: list[str]

    @property
    def intact(self) -> bool:
        return not self.damaged

    def __str__(self) -> str:
        return "\n".join(self.notes)


def verify_checkpoint(path: Path) -> Verification:
    """Reads all values of a checkpoint and compares the checksums that the file has, as
    ``sapiens inspect --verify`` does. Damage is a result, not an exception.

    Raises:
        NotFoundError, CorruptFileError, UnsupportedFormatError: The file cannot be opened.
    """
    return Verification(**_sapiens.verify_checkpoint(as_path(path)))


def load_state_dict(
    path: Path,
    layout: Optional[str] = None,
    *,
    dtype: str = "",
    keep_unused: bool = False,
    **options: Any,
) -> dict[str, np.ndarray]:
    """The weights under the model's own names, for code that feeds PyTorch or JAX.

        state = sapiens.load_state_dict("from_somewhere.safetensors")
        model.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()})

    They are those that ``sapiens convert`` writes: renamed, joined, and position tables resized
    where needed.

    Args:
        path: Checkpoint file.
        layout: "mmengine": keys with "backbone.", as the original code of Sapiens loads them.
            "clean" or "published": keys of encoders without that prefix, as in the published
            ``*_clean.pth`` and in the encoders of Sapiens2; task models keep it. "timm": timm's
            names, of Sapiens2. By default "mmengine", of Sapiens2 "published".
        dtype: "float32", "float16" or "bfloat16", which needs the package ml_dtypes. By default
            each tensor keeps its own, and bfloat16, which NumPy does not have, becomes float32
            without a loss.
        keep_unused: Also what no model needs (decoder, other heads).
        options: As `inspect` takes them.

    Returns:
        Arrays that own their memory, by key.

    Raises:
        CheckpointRefusedError: The model is not complete.

    Warns:
        RuntimeWarning: A parameter holds NaN or infinity.
    """
    if layout is None:
        family = inspect(path, **options).model.family
        layout = "published" if family == "sapiens2" else "mmengine"
    bfloat16 = _bfloat16() if dtype == "bfloat16" else None
    options_of_copy = call(
        _sapiens.convert_options,
        layout=layout,
        dtype=dtype,
        keep_unused=keep_unused,
        model=model_options(**options),
    )
    tensors, messages = _sapiens.load_tensors(as_path(path), options_of_copy)
    _warn(messages)
    state = {}
    while tensors:  # pops each tensor, so that its bits are freed once it is widened
        key, kind, array = tensors.pop(0)
        if kind == "bf16":
            array = _widened(array) if bfloat16 is None else array.view(bfloat16)
        state[key] = array
    return state


def convert(
    path: Path,
    output: Path,
    layout: str = "clean",
    *,
    dtype: str = "",
    keep_unused: bool = False,
    **options: Any,
) -> None:
    """Writes a checkpoint again under canonical names, as ``sapiens convert`` does.

    Args:
        path: Checkpoint file.
        output: The file to write, .pth or .safetensors; it is replaced atomically.
        layout, dtype, keep_unused, options: Those of `load_state_dict`; by default each tensor
            keeps its dtype, bfloat16 too.

    Raises:
        CheckpointRefusedError: The model is not complete; nothing was written.
    """
    options_of_copy = call(
        _sapiens.convert_options,
        layout=layout,
        dtype=dtype,
        keep_unused=keep_unused,
        model=model_options(**options),
    )
    _warn(_sapiens.convert(as_path(path), as_path(output, "the output"), options_of_copy))


def synthesize(
    output: Path,
    arch: str = "tiny",
    task: str = "pretrain",
    *,
    layout: str = "clean",
    dtype: str = "float32",
    seed: int = 1,
) -> None:
    """Writes a checkpoint of random weights in the published layout, for testing.

    Args:
        output: The file to write, .pth or .safetensors.
        arch: "tiny", "0.3b", "0.6b", "1b", "2b"; for an encoder of Sapiens2 "sapiens2_tiny",
            "sapiens2_0.1b", "sapiens2_0.4b", "sapiens2_0.8b", "sapiens2_1b", "sapiens2_5b";
            "rtmdet-m" for the person detector.
        task: "pretrain", "backbone", "pose", "seg", "depth" or "normal".
        layout: As for `load_state_dict`; "mmengine" of "pretrain" also has the decoder.
        dtype: "float32", "float16" or "bfloat16".
        seed: Equal seeds give equal files.
    """
    path = as_path(output, "the output")
    call(_sapiens.synthesize, path, arch, task, layout, dtype, seed)


def _warn(messages: list[str]) -> None:
    for message in messages:
        warnings.warn(message, RuntimeWarning, stacklevel=3)


def _bfloat16() -> Any:
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        raise ImportError(
            "NumPy has no bfloat16: install ml_dtypes, or leave dtype out for float32"
        ) from None
    return bfloat16


def _widened(bits: np.ndarray) -> np.ndarray:
    # A bfloat16 is the upper half of a float32.
    return (bits.astype(np.uint32) << 16).view(np.float32)
