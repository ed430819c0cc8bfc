"""Features of images."""

from __future__ import annotations

import warnings
from typing import Any, Iterable, Optional, Sequence, Union

import numpy as np

from . import _sapiens
from ._calls import call
from ._model import Model, engine_options, model_options
from ._paths import Path, as_path
from ._images import Image, as_image, in_chunks, is_one

Layers = Union[None, int, Sequence[int]]
Features = Union[np.ndarray, dict[int, np.ndarray]]


class Encoder(Model):
    """The encoder of a checkpoint.

        encoder = sapiens.Encoder("sapiens_0.3b_epoch_1600_clean.pth")
        featmap = encoder.features("photo.jpg")          # float32 (1024, 64, 64)
        tokens = encoder.features(photos, "raw")         # float32 (photos, 4097, 1024)

    Args:
        path: Checkpoint file, of any naming and container `sapiens.inspect` knows.
        precision: "fp32", "bf16" or "int8"; "auto" is bf16 where this CPU is faster with it.
        threads: 0 takes every core this process may use. Results do not depend on it.
        isa: Highest kernel level: "reference", "avx2", "avx512", "amx"; empty: what the variable
            SAPIENS_ISA says, else the best there is.
        size: (height, width) in pixels that images are resized to; by default the model's own.
        allow_partial: Compute with zeros in place of missing parameters; see `partial`.
        options: arch, task, heads, grid, patch_padding, prefix, as `sapiens.inspect` takes them.

    Raises:
        CheckpointRefusedError: A parameter has no value, or holds NaN or infinity.
        NotFoundError, CorruptFileError, UnsupportedFormatError: The file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        precision: str = "auto",
        threads: int = 0,
        isa: str = "",
        size: Optional[tuple[int, int]] = None,
        allow_partial: bool = False,
        **options: Any,
    ) -> None:
        self._native = _sapiens.open_encoder(
            as_path(path),
            engine_options(precision, threads, isa),
            model_options(size=size, allow_partial=allow_partial, **options),
        )

    @property
    def partial(self) -> bool:
        """Whether parameters were left at zero: whatever comes out must be marked."""
        return self._native.partial()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels that images are resized to."""
        return self._native.size()

    def features(
        self,
        images: Union[Image, Iterable[Image]],
        out_type: str = "featmap",
        layers: Layers = None,
        *,
        norm: bool = False,
        preprocess: str = "full",
        batch: int = 1,
    ) -> Features:
        """Features of images, float32.

        Args:
            images: An image (path, PIL image, uint8 array [H, W, 3], red first), or several.
            out_type: "featmap": patch tokens as (C, rows, columns). "raw": all tokens as
                (tokens, C): class token and registers, as far as the model has them, then patches
                row by row. "cls_token": (C,). "registers": (8, C), of Sapiens2. "avg_featmap":
                (C,), the mean patch token; of Sapiens after LayerNorm.
            layers: A block, counted from 0, negative from the end; by default the last. A sequence
                of blocks gives a dict from block (counted from 0) to array.
            norm: Pass every block through the final norm, not just the last.
            preprocess: "full": as in training. "lite": as the lite scripts of Sapiens; Sapiens2 has
                none.
            batch: Images that go through the encoder together. Results are the same bit for bit;
                more than 1 helps with small inputs only.

        Returns:
            For one image an array of these shapes; for several one with an axis more in front.
        """
        if is_one(images):
            found = self._of_images([as_image(images)], out_type, layers, norm, preprocess)
            return _as_asked({layer: array[0] for layer, array in found.items()}, layers)
        parts = [
            self._of_images(chunk, out_type, layers, norm, preprocess)
            for chunk in in_chunks(images, batch)
        ]
        if not parts:
            raise ValueError("there are no images")
        return _as_asked(_joined(parts), layers)

    def draw(self, image: Image, featmap: np.ndarray) -> np.ndarray:
        """The image, and beside it the first three principal components of its "featmap" as
        colours over it, as ``--viz`` draws them, uint8 (H, 2 W, 3).
        """
        return _sapiens.draw_features(as_image(image), featmap)

    def preprocess(self, image: Image, preprocess: str = "full") -> np.ndarray:
        """The image resized to `size` and normalised, float32 (3, H, W): what `forward` takes."""
        return call(self._native.preprocess, as_image(image), preprocess)

    def forward(
        self, inputs: Any, out_type: str = "featmap", layers: Layers = None, *, norm: bool = False
    ) -> Features:
        """Features of float32 inputs (B, 3, H, W) that are preprocessed already.

        Arrays in C order are read where they lie, other tensors on the CPU through DLPack. H and W
        are at least 16; of Sapiens2 multiples of it. Numbers that look like an image's, 0 to 255 or 0 to 1, get a warning.
        Arguments and results are those of `features` for several images.
        """
        array = inputs if isinstance(inputs, np.ndarray) else np.from_dlpack(inputs)
        if array.dtype != np.float32:
            hint = "; `features` takes images" if array.dtype == np.uint8 else ""
            raise TypeError(f"inputs are float32, not {array.dtype}{hint}")
        array = np.require(array, requirements=["C", "ALIGNED"])
        doubt = _sapiens.doubt_about_input(array)
        if doubt:
            warnings.warn(f"inputs: {doubt} `features` takes images", stacklevel=2)
        return _as_asked(self._forward(array, out_type, layers, norm), layers)

    def _of_images(
        self,
        images: list[_sapiens.Image],
        out_type: str,
        layers: Layers,
        norm: bool,
        preprocess: str,
    ) -> dict[int, np.ndarray]:
        prepared = [call(self._native.preprocess, image, preprocess) for image in images]
        inputs = prepared[0][np.newaxis] if len(prepared) == 1 else np.stack(prepared)
        return self._forward(inputs, out_type, layers, norm)

    def _forward(
        self, inputs: np.ndarray, out_type: str, layers: Layers, norm: bool
    ) -> dict[int, np.ndarray]:
        blocks = (
            []
            if layers is None
            else [layers] if isinstance(layers, (int, np.integer)) else list(layers)
        )
        if layers is not None and not blocks:
            raise ValueError("there are no layers")
        return dict(call(self._native.forward, inputs, out_type, blocks, norm))


def _as_asked(found: dict[int, np.ndarray], layers: Layers) -> Features:
    if layers is None or isinstance(layers, (int, np.integer)):
        return next(iter(found.values()))
    return found


def _joined(parts: list[dict[int, np.ndarray]]) -> dict[int, np.ndarray]:
    if len(parts) == 1:
        return parts[0]
    return {layer: np.concatenate([part[layer] for part in parts]) for layer in parts[0]}
