"""Bytes of files, and of members of shards, as the arrays of a sample."""

from __future__ import annotations

import importlib
import io
import os
import tempfile
import warnings
from typing import Any, Optional

import numpy as np

from ._errors import DataError

IMAGES = (".jpg", ".jpeg", ".png", ".webp")
#: Endings of ground truth by task, photo_seg.png in folders and photo.seg.png in shards; the first one there counts.
TRUTHS = {
    "seg": ("seg.png",),
    "depth": ("depth.npy", "depth.exr", "depth.png"),
    "normal": ("normal.npy", "normal.exr", "normal.png"),
}
#: More than any file of a sample has; what is larger is damaged or meant to harm.
MAX_BYTES = 1 << 30


def read_file(path: str) -> bytes:
    """The bytes of a file of ground truth."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise DataError(f"{path}: larger than {MAX_BYTES} bytes")
    return data


def decode_image(data: bytes, where: str) -> np.ndarray:
    """JPEG, PNG or WebP as uint8 (H, W, 3), upright. Files are read by the engine instead."""
    from PIL import ImageOps

    image = _open_pil(data, where)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise DataError(f"{where}: an image of 16 bits in grey; save it with 8 bits")
    try:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception as error:  # Pillow lets errors of many kinds out of its decoders
        raise DataError(f"{where}: a damaged image: {error}") from None


def decode_labels(data: bytes, where: str) -> np.ndarray:
    """A PNG with a palette or in grey, of at most 8 bits, as class ids uint8 (H, W)."""
    image = _open_pil(data, where)
    if image.format != "PNG" or image.mode not in ("P", "L", "1"):
        raise DataError(
            f"{where}: expected a PNG with a palette or in grey, of at most 8 bits; "
            f"this is {image.format} {image.mode}"
        )
    values = _pixels(image, where)
    if image.mode == "L" and data[24] < 8:
        # Pillow stretches grey of 2 and 4 bits, whose number is byte 24 of a PNG, over 0 to 255.
        return values // np.uint8(255 // ((1 << data[24]) - 1))
    return values.astype(np.uint8)


def decode_depth(data: bytes, suffix: str, where: str) -> np.ndarray:
    """Depth of `.npy`, `.exr` or `.png` as float32 (H, W); not above 0 where unknown."""
    if suffix == ".npy":
        return _floats(decode_npy(data, where), 2, where)
    if suffix == ".exr":
        channels = _exr_channels(data, where)
        if "Z" not in channels and len(channels) != 1:
            raise DataError(f"{where}: expected a channel Z, not {', '.join(sorted(channels))}")
        return _floats(channels.get("Z", next(iter(channels.values()))), 2, where)
    image = _open_pil(data, where)
    if not image.mode.startswith("I"):
        raise DataError(f"{where}: expected a PNG of 16 bits in grey, not of mode {image.mode}")
    values = _pixels(image, where).astype(np.float32)
    if "depth_nearest" not in image.info:
        return values / np.float32(1000)
    # As `sapiens depth --format png` writes it: 1 is the nearest, 65535 the farthest.
    try:
        near, far = (float(image.info[name]) for name in ("depth_nearest", "depth_farthest"))
    except (KeyError, ValueError):
        raise DataError(f"{where}: its depth_nearest and depth_farthest are no numbers") from None
    depth = np.float32(near) + (values - 1) * np.float32((far - near) / 65534)
    return np.where(values > 0, depth, 0)


def decode_normals(data: bytes, suffix: str, where: str) -> np.ndarray:
    """Normals of `.npy`, `.exr` or `.png` as float32 (H, W, 3); of length 0 where unknown."""
    if suffix == ".npy":
        return _floats(decode_npy(data, where), 3, where)
    if suffix == ".exr":
        channels = _exr_channels(data, where)
        names = next((n for n in ("RGB", "XYZ") if set(n) <= set(channels)), "")
        if not names:
            raise DataError(
                f"{where}: expected channels R, G, B or X, Y, Z, not {', '.join(sorted(channels))}"
            )
        return _floats(np.stack([channels[name] for name in names], -1), 3, where)
    image = _open_pil(data, where)
    if image.mode not in ("RGB", "RGBA"):
        raise DataError(f"{where}: expected a PNG in colour, not of mode {image.mode}")
    normals = _pixels(image, where)[..., :3] / np.float32(127.5) - 1
    # Black, white and the grey of (0, 0, 0) are backgrounds, and far from unit length.
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    return np.where((length > 0.5) & (length < 1.5), normals, 0).astype(np.float32)


def decode_npy(data: bytes, where: str) -> np.ndarray:
    """An array of a `.npy` file; nothing in it is run."""
    file = io.BytesIO(data)
    try:
        array = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python
        raise DataError(f"{where}: no .npy file, or a damaged one: {error}") from None
    if file.read(1):
        raise DataError(
            f"{where}: {array.dtype} {list(array.shape)}, but the file goes on after it"
        )
    return array


def _floats(array: np.ndarray, axes: int, where: str) -> np.ndarray:
    if array.ndim != axes or (axes == 3 and array.shape[2] != 3) or array.dtype.kind != "f":
        expected = "[H, W]" if axes == 2 else "[H, W, 3]"
        raise DataError(
            f"{where}: expected float32 {expected}, not {array.dtype} {list(array.shape)}"
        )
    return array.astype(np.float32)


def _open_pil(data: bytes, where: str) -> Any:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # Pillow warns of large images and refuses them at twice that size.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except Exception as error:
        raise DataError(f"{where}: no JPEG, PNG or WebP image: {error}") from None


def _pixels(image: Any, where: str) -> np.ndarray:
    try:
        image.load()
        return np.asarray(image)
    except Exception as error:
        raise DataError(f"{where}: a damaged image: {error}") from None


def _exr_channels(data: bytes, where: str) -> dict[str, np.ndarray]:
    try:
        exr_package = importlib.import_module("OpenEXR")
    except ImportError:
        raise DataError(f"{where}: OpenEXR files need: pip install OpenEXR") from None
    path: Optional[str] = None
    try:
        # The package reads files only.
        with tempfile.NamedTemporaryFile(suffix=".exr", delete=False) as file:
            path = file.name
            file.write(data)
        with exr_package.File(path, separate_channels=True) as exr:
            return {name: np.array(c.pixels) for name, c in exr.parts[0].channels.items()}
    except Exception as error:
        raise DataError(f"{where}: no OpenEXR file, or a damaged one: {error}") from None
    finally:
        if path is not None:
            os.unlink(path)
