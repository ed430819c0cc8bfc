"""Maps of patches, reduced: what `sapiens features --pool` and `--dtype int8` write."""

from __future__ import annotations

import operator
from typing import Any, Optional, Union

import numpy as np

from . import _sapiens
from ._calls import call

Size = tuple[int, int]
Pool = Union[str, tuple[str, int, int], np.ndarray, Any]

PATCH = 16


def pool(
    featmap: np.ndarray,
    how: Pool,
    *,
    image_size: Optional[Size] = None,
    input_size: Optional[Size] = None,
    patch_padding: int = 0,
) -> np.ndarray:
    """A map of patches (C, rows, columns), reduced, float32. Sums are in double precision.

    Args:
        featmap: What `Encoder.features` gives of one image; of `--dtype int8` what `dequantize`
            returns.
        how: "mean": over all patches, (C,). ("grid", H, W): (C, H, W), each cell the mean of the
            patches below it, weighted with the overlap. A mask of bool (height, width) of the
            image: the mean of the patches, each weighted with the share that is covered, (C,).
            Boxes (n, 4) of x, y, width, height in pixels of the image: likewise, (n, C).
        image_size: (height, width) of the image that boxes are in; a mask has its own.
        input_size: (height, width) that the image was resized to; by default 16 pixels per patch.
        patch_padding: Of the encoder, as in `Report.model`.

    Raises:
        InvalidArgumentError: A mask, or a box, that covers no patch; a box that is not finite; a
            grid with more cells than there are patches.
    """
    featmap = _as_map(featmap)
    if isinstance(how, str):
        if how == "mean":
            return call(_sapiens.pool_mean, featmap)
        raise ValueError(f"pool is 'mean', ('grid', H, W), a mask or boxes, not {how!r}")
    if _is_grid(how):
        return call(_sapiens.pool_grid, featmap, (operator.index(how[1]), operator.index(how[2])))
    region = np.asarray(how)
    if input_size is None:
        input_size = (PATCH * featmap.shape[-2], PATCH * featmap.shape[-1])
    if region.dtype == np.bool_:
        if image_size is not None and tuple(image_size) != region.shape:
            raise ValueError(f"the mask has shape {region.shape}, the image {tuple(image_size)}")
        return call(_sapiens.pool_mask, featmap, region, input_size, patch_padding)
    if region.size == 0:
        region = np.zeros((0, 4), np.float32)
    if region.ndim != 2 or region.shape[1] not in (4, 5):
        raise TypeError(
            "a mask is bool (height, width), boxes are (n, 4); "
            f"not {region.dtype} of shape {region.shape}"
        )
    if image_size is None:
        raise TypeError("boxes need the image_size (height, width) that they are in")
    return call(_sapiens.pool_boxes, featmap, region, tuple(image_size), input_size, patch_padding)


def dequantize(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The float32 numbers of int8 `values` and the `scale` of each row, as `--dtype int8` writes
    them: a row is the last axis, and no number differs by more than half the scale of its row, but
    for the rounding of float32."""
    values, scale = np.asarray(values), np.asarray(scale, np.float32)
    if values.dtype != np.int8:
        raise TypeError(f"values are int8, not {values.dtype}")
    if values.ndim == 0 or scale.shape != values.shape[:-1]:
        raise ValueError(f"values {values.shape} have a scale per row, not scales {scale.shape}")
    return values.astype(np.float32) * scale[..., np.newaxis]


def is_for_any_image(how: Pool) -> bool:
    """Whether it is about no image in particular, as masks and boxes are."""
    return isinstance(how, str) or _is_grid(how)


def _as_map(featmap: Any) -> np.ndarray:
    found = np.asarray(featmap)
    if found.ndim != 3 or found.dtype.kind != "f":
        raise TypeError(
            "a featmap is (C, rows, columns) of floating point, "
            f"not {found.dtype} of shape {found.shape}"
        )
    return found


def _is_grid(how: Pool) -> bool:
    return isinstance(how, tuple) and len(how) == 3 and isinstance(how[0], str) and how[0] == "grid"
