"""Features of images."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Iterable, Optional, Sequence, Union

import numpy as np

from . import _sapiens
from ._calls import call
from ._model import Model, engine_options, model_options
from ._paths import Path, as_path
from ._images import Image, as_image, in_chunks, is_one
from ._pooling import Pool, is_for_any_image, pool as pool_map

Layers = Union[None, int, Sequence[int]]
OutTypes = Union[str, Sequence[str]]
Features = Union[
    np.ndarray, dict[str, np.ndarray], dict[int, np.ndarray], dict[int, dict[str, np.ndarray]]
]
# By block and form.
_Found = dict[int, dict[str, np.ndarray]]


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
        out_type: OutTypes = "featmap",
        layers: Layers = None,
        *,
        norm: bool = False,
        preprocess: str = "full",
        batch: int = 1,
        pool: Optional[Pool] = None,
    ) -> Features:
        """Features of images, float32.

        Args:
            images: An image (path, PIL image, uint8 array [H, W, 3], red first), or several.
            out_type: "featmap": patch tokens as (C, rows, columns). "raw": all tokens as
                (tokens, C): class token and registers, as far as the model has them, then patches
                row by row. "cls_token": (C,). "registers": (8, C), of Sapiens2. "avg_featmap":
                (C,), the mean patch token; of Sapiens after LayerNorm. A sequence of names gives a
                dict from name to array, from one pass through the network.
            layers: A block, counted from 0, negative from the end; by default the last. A sequence
                of blocks gives a dict from block (counted from 0) to array.
            norm: Pass every block through the final norm, not just the last.
            preprocess: "full": as in training. "lite": as the lite scripts of Sapiens; Sapiens2 has
                none.
            batch: Images that go through the encoder together. Results are the same bit for bit;
                more than 1 helps with small inputs only.
            pool: What of "featmap" to return: "mean", ("grid", H, W), or, of one image, a mask or
                boxes in its pixels, as `sapiens.pool` takes them. Other forms are not pooled.

        Returns:
            For one image an array of these shapes; for several one with an axis more in front. With
            several layers and several forms a dict of dicts, by block and then by form.
        """
        one = is_one(images)
        if pool is not None:
            if "featmap" not in _names(out_type):
                raise ValueError("pool is about featmap, which is not among out_type")
            if not (one or is_for_any_image(pool)):
                raise ValueError("a mask, or boxes, are about one image, and these are several")
        if one:
            found = self._of_images([as_image(images)], out_type, layers, norm, preprocess, pool)
            return _as_asked(_mapped(found, lambda array: array[0]), out_type, layers)
        parts = [
            self._of_images(chunk, out_type, layers, norm, preprocess, pool)
            for chunk in in_chunks(images, batch)
        ]
        if not parts:
            raise ValueError("there are no images")
        return _as_asked(_joined(parts), out_type, layers)

    def draw(self, image: Image, featmap: np.ndarray) -> np.ndarray:
        """The image, and beside it the first three principal components of its "featmap" as
        colours over it, as ``--viz`` draws them, uint8 (H, 2 W, 3).
        """
        return _sapiens.draw_features(as_image(image), featmap)

    def preprocess(self, image: Image, preprocess: str = "full") -> np.ndarray:
        """The image resized to `size` and normalised, float32 (3, H, W): what `forward` takes."""
        return call(self._native.preprocess, as_image(image), preprocess)

    def forward(
        self,
        inputs: Any,
        out_type: OutTypes = "featmap",
        layers: Layers = None,
        *,
        norm: bool = False,
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
        return _as_asked(self._forward(array, out_type, layers, norm), out_type, layers)

    def _of_images(
        self,
        images: list[_sapiens.Image],
        out_type: OutTypes,
        layers: Layers,
        norm: bool,
        preprocess: str,
        pool: Optional[Pool],
    ) -> _Found:
        prepared = [call(self._native.preprocess, image, preprocess) for image in images]
        inputs = prepared[0][np.newaxis] if len(prepared) == 1 else np.stack(prepared)
        found = self._forward(inputs, out_type, layers, norm)
        if pool is not None:
            padding = self.report.model.patch_padding
            for forms in found.values():
                forms["featmap"] = np.stack(
                    [
                        pool_map(
                            featmap,
                            pool,
                            image_size=(image.height, image.width),
                            input_size=self.size,
                            patch_padding=padding,
                        )
                        for featmap, image in zip(forms["featmap"], images)
                    ]
                )
        return found

    def _forward(
        self, inputs: np.ndarray, out_type: OutTypes, layers: Layers, norm: bool
    ) -> _Found:
        blocks = (
            []
            if layers is None
            else [layers] if isinstance(layers, (int, np.integer)) else list(layers)
        )
        if layers is not None and not blocks:
            raise ValueError("there are no layers")
        found: _Found = {}
        for layer, name, array in call(
            self._native.forward, inputs, _names(out_type), blocks, norm
        ):
            found.setdefault(layer, {})[name] = array
        return found


def _names(out_type: OutTypes) -> list[str]:
    return [out_type] if isinstance(out_type, str) else list(out_type)


def _as_asked(found: _Found, out_type: OutTypes, layers: Layers) -> Features:
    by_layer = (
        {layer: forms[out_type] for layer, forms in found.items()}
        if isinstance(out_type, str)
        else found
    )
    if layers is None or isinstance(layers, (int, np.integer)):
        return next(iter(by_layer.values()))
    return by_layer


def _mapped(found: _Found, change: Callable[[np.ndarray], np.ndarray]) -> _Found:
    return {
        layer: {name: change(array) for name, array in forms.items()}
        for layer, forms in found.items()
    }


def _joined(parts: list[_Found]) -> _Found:
    if len(parts) == 1:
        return parts[0]
    return {
        layer: {name: np.concatenate([part[layer][name] for part in parts]) for name in forms}
        for layer, forms in parts[0].items()
    }
