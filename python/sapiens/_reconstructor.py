"""The masked autoencoder."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _sapiens
from ._calls import call
from ._model import Model, engine_options, model_options
from ._paths import Path, as_path
from ._images import Image, as_image


class Reconstruction(NamedTuple):
    """Images of the network's size, uint8 (H, W, 3), and their errors."""

    original: np.ndarray  #: The image, resized.
    masked: np.ndarray  #: Hidden patches are grey.
    reconstruction: np.ndarray  #: Hidden patches are predicted, visible ones the original's.
    mask: np.ndarray  #: bool (rows, columns) of patches: True where one is hidden.
    masked_error: float  #: The loss of training; NaN where nothing is hidden.
    mean_error: float  #: The same for predicting each patch's mean.

    def draw(self) -> np.ndarray:
        """Masked, reconstructed and original image side by side, as the program draws them."""
        return np.hstack([self.masked, self.reconstruction, self.original])


class Reconstructor(Model):
    """The pretrained encoder with the decoder that cleaned files lack.

    Args:
        path: A checkpoint of pretraining that still has its decoder.
        precision, threads, isa: As `Encoder` takes them.
        options: arch, heads, decoder_heads, grid, prefix, as `sapiens.inspect` takes them.
    """

    def __init__(
        self,
        path: Path,
        *,
        precision: str = "auto",
        threads: int = 0,
        isa: str = "",
        **options: Any,
    ) -> None:
        self._native = _sapiens.open_reconstructor(
            as_path(path), engine_options(precision, threads, isa), model_options(**options)
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels that images are resized to."""
        return self._native.size()

    def reconstruct(
        self, image: Image, *, mask_ratio: float = 0.75, seed: int = 1
    ) -> Reconstruction:
        """Hides a share of the patches, those that `seed` decides, and predicts them."""
        original, masked, predicted, mask, masked_error, mean_error = call(
            self._native.run, as_image(image), mask_ratio, seed
        )
        return Reconstruction(
            original, masked, predicted, mask.view(np.bool_), masked_error, mean_error
        )
