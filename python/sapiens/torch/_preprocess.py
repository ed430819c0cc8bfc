"""Images to inputs of the networks, with the integers of the engine, on the images' device."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._errors import InvalidArgumentError, ShapeMismatchError, make_refusal

# Of red, green and blue: of levels 0 to 255, and for Sapiens2 of 0 to 1.
_CONSTANTS = {
    "sapiens": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 1),
    "sapiens2": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 255),
}


def preprocess(
    images: Any, size: tuple[int, int], family: str = "sapiens", task: str = "features"
) -> Tensor:
    """Images resized to `size` and normalised, float32 (B, 3, H, W), on the device of the images.

    The pixels are those of the engine, byte for byte: sums of integers, on every device. They are
    antialiased where the model was trained so.

    Args:
        images: uint8 (B, H, W, 3), red first, or a list of (H, W, 3) of any sizes: tensors, or what
            `numpy.array` takes.
        size: (height, width) in pixels; the aspect of the images is not kept.
        family: "sapiens": features see Pillow's bicubic filter. "sapiens2": its bilinear filter.
        task: Of the first family, "seg", "depth" and "normal" see OpenCV's bilinear filter, which
            does not antialias. Persons of "pose" have to be cut out, and of `size` already.
    """
    if family not in _CONSTANTS:
        raise make_refusal(
            InvalidArgumentError,
            "there is no such family",
            key="family",
            expected="one of " + ", ".join(_CONSTANTS),
            actual=family,
        )
    resized = [_resized(_checked(image), size, family, task) for image in images]
    if not resized:
        raise ValueError("there are no images")
    return normalize(torch.stack(resized).float(), family)


def normalize(pixels: Tensor, family: str) -> Tensor:
    """Levels from 0 to 255, float32 (..., 3, H, W), as a family of models sees them."""
    *shift_and_scale, white = _CONSTANTS[family]
    mean, std = (torch.tensor(v, device=pixels.device).view(3, 1, 1) for v in shift_and_scale)
    return (pixels / white - mean) / std


def _checked(image: Any) -> Tensor:
    """The channels of an image, int32 [3, H, W]."""
    if not isinstance(image, Tensor):
        image = torch.from_numpy(np.array(image))  # a copy, as arrays may be read-only
    if image.dtype != torch.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.numel():
        raise make_refusal(
            ShapeMismatchError,
            "this is no image",
            expected="uint8 [height, width, 3], red first",
            actual=f"{str(image.dtype).removeprefix('torch.')} {list(image.shape)}",
        )
    return image.permute(2, 0, 1).int()


def _resized(image: Tensor, size: tuple[int, int], family: str, task: str) -> Tensor:
    given = tuple(image.shape[1:])
    if given == tuple(size):
        return image
    if family == "sapiens2" or task == "features":
        lost_rows, lost_columns = given[0] - size[0], given[1] - size[1]
        # The Pillow that made Sapiens2's inputs begins with the height where that loses many rows.
        height_first = lost_rows > 0 and lost_columns != 0 and lost_rows > 2 * lost_columns
        for axis in (1, 2) if family == "sapiens2" and height_first else (2, 1):
            if given[axis - 1] != size[axis - 1]:  # an axis of the right length is not filtered
                image = _filtered(image, axis, size[axis - 1], family == "sapiens2")
        return image
    if task == "pose":
        raise make_refusal(
            ShapeMismatchError,
            "a person has to be cut out of the image first, at the size of the input",
            expected=f"uint8 [{size[0]}, {size[1]}, 3]",
            actual=f"uint8 [{given[0]}, {given[1]}, 3]",
        )
    return _resized_by_opencv(image, size)


def _filtered(image: Tensor, axis: int, target: int, bilinear: bool) -> Tensor:
    """One axis of int32 pixels resized as Pillow does with bytes."""
    taps = _taps(image.shape[axis], target, bilinear)
    first, weights = (torch.from_numpy(values).to(image.device) for values in taps)
    shape = (-1, 1) if axis == 1 else (-1,)
    total = torch.tensor(1 << 21, dtype=torch.int32, device=image.device)
    for tap in range(weights.shape[1]):
        at = (first + tap).clamp(max=image.shape[axis] - 1)  # beyond the end weights are 0
        total = total + image.index_select(axis, at) * weights[:, tap].view(shape)
    return (total >> 22).clamp(0, 255)


@lru_cache(64)
def _taps(source: int, target: int, bilinear: bool) -> tuple[np.ndarray, np.ndarray]:
    """First pixel int64 [target], and weights int32 [target, taps] in units of 2^-22."""
    scale = source / target
    stretch = max(scale, 1.0)
    reach = (1.0 if bilinear else 2.0) * stretch
    centre = (np.arange(target) + 0.5) * scale
    # Numbers are cut off, as the casts of the original do.
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + reach + 0.5).astype(np.int64), source)
    taps = np.arange((last - first).max())
    x = np.abs((taps + first[:, None] - centre[:, None] + 0.5) * (1.0 / stretch))
    if bilinear:
        exact = np.maximum(1.0 - x, 0.0)
    else:
        a = -0.5  # Keys' kernel
        near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1
        far = (((x - 5) * x + 8) * x - 4) * a
        exact = np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
    exact = np.where(taps < (last - first)[:, None], exact, 0.0)
    # One after the other, because other orders of the sum give other last bits.
    fixed = exact / np.cumsum(exact, 1)[:, -1:] * (1 << 22)
    return first, np.trunc(fixed + np.copysign(0.5, fixed)).astype(np.int32)


def _resized_by_opencv(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear in fixed point of 11 bits, as OpenCV resizes bytes."""
    height, width = image.shape[1:]
    if (height, width) == (2 * size[0], 2 * size[1]):  # the mean of four pixels
        pairs = image[:, 0::2] + image[:, 1::2]
        return (pairs[:, :, 0::2] + pairs[:, :, 1::2] + 2) >> 2
    left, right, *weights = _linear(width, size[1], True, image.device)
    image = image.index_select(2, left) * weights[0] + image.index_select(2, right) * weights[1]
    above, below, *weights = _linear(height, size[0], False, image.device)
    image = image >> 4
    upper = (image.index_select(1, above) * weights[0][:, None]) >> 16
    lower = (image.index_select(1, below) * weights[1][:, None]) >> 16
    return (upper + lower + 2) >> 2


def _linear(source: int, target: int, columns: bool, device: torch.device) -> list[Tensor]:
    """Both neighbours of each output pixel, int64, and their weights, int32 in units of 2^-11."""
    place = ((np.arange(target) + 0.5) * (1 / (target / source)) - 0.5).astype(np.float32)
    before = np.floor(place).astype(np.int64)
    share = place - before.astype(np.float32)
    if columns:  # a row at the edge is weighted twice, whose roundings show
        share[(before < 0) | (before >= source - 1)] = 0
    after = (before + 1).clip(0, source - 1)
    before = before.clip(0, source - 1)
    weights = [np.rint(w * np.float32(2048)).astype(np.int32) for w in (1 - share, share)]
    return [torch.from_numpy(values).to(device) for values in (before, after, *weights)]
