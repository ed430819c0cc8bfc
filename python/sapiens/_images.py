"""Conversion of arguments to images."""

from __future__ import annotations

import os
import sys
from itertools import islice
from typing import Any, Iterable, Iterator, Union

import numpy as np

from . import _sapiens
from ._calls import call
from ._paths import as_path

Image = Union[str, "os.PathLike[str]", np.ndarray, Any]
"""A path, a PIL image, or an array uint8 [height, width, 3] (NumPy, or anything with DLPack)."""


def is_one(images: Any) -> bool:
    """Whether this is one image, and not several, such as an array [N, height, width, 3]."""
    if isinstance(images, np.ndarray) or hasattr(images, "__dlpack__"):
        return getattr(images, "ndim", 3) != 4
    return isinstance(images, (str, bytes, bytearray, memoryview, os.PathLike)) or _is_pil(images)


def as_image(image: Image) -> _sapiens.Image:
    """The image as the engine takes it."""
    if isinstance(image, (str, bytes, os.PathLike)):
        return _sapiens.Image.read(as_path(image, "an image"))
    if _is_pil(image):
        image = _pixels_of_pil(image)
    elif not isinstance(image, np.ndarray) and hasattr(image, "__dlpack__"):
        image = np.from_dlpack(image)
    if isinstance(image, np.ndarray):
        return _sapiens.Image.from_array(image)
    raise TypeError(
        "an image is a path, a PIL image or a uint8 array [height, width, 3], "
        f"not {type(image).__name__}"
    )


def several(images: Any) -> Iterable[Image]:
    """A collection of images as separate images."""
    try:
        iter(images)
    except TypeError:
        as_image(images)  # says what an image is
    return images


def in_chunks(images: Any, size: int) -> Iterator[list[_sapiens.Image]]:
    """Images in the form of the engine, in batches of ``size``, each read when it is needed."""
    if size < 1:
        raise ValueError("batch must be at least 1")
    images = iter(several(images))
    while chunk := [as_image(image) for image in islice(images, size)]:
        yield chunk


def read_image(path: Union[str, "os.PathLike[str]"]) -> np.ndarray:
    """An image file as the models read it, uint8 (height, width, 3), red first.

    JPEG, PNG and WebP: EXIF orientation applied, grey replicated, alpha dropped, 16 bits reduced to
    8, as OpenCV does. Raises NotFoundError, UnsupportedFormatError, CorruptFileError.
    """
    return _sapiens.read_image(as_path(path, "an image"))


def read_labels(path: Union[str, "os.PathLike[str]"]) -> np.ndarray:
    """The class ids of a label map, uint8 (height, width): the values of a PNG with a palette or in
    grey, of at most 8 bits. Raises NotFoundError, UnsupportedFormatError, CorruptFileError.
    """
    return _sapiens.read_labels(as_path(path, "a label map"))


def crop_person(image: Image, box: Any, size: tuple[int, int]) -> np.ndarray:
    """What a pose network with inputs of `size` (height, width) sees of a person, uint8
    (height, width, 3), as `Pose` cuts it out: the box enlarged by a quarter, in the aspect ratio of
    `size`; black where that reaches beyond the image, which the box may do.

    `box` is x, y, width, height in pixels of the image; a score as a fifth number is not looked at.
    Raises InvalidArgumentError for a box without area, or far from the image.
    """
    return call(_sapiens.crop_person, as_image(image), [box], *size)


def _is_pil(image: Any) -> bool:
    # A PIL image can only exist if PIL is imported, so PIL is never imported here.
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(image, pil.Image)


def _pixels_of_pil(image: Any) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ValueError(
            f"PIL would cut the values of mode {image.mode!r} off at 255; "
            "scale them to 8 bits first, or give the path of the file"
        )
    from PIL import ImageOps

    # As images are read from files: upright, without alpha.
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
