"""Samples as inputs of a network and what is true at them, changed at random or not at all.

Places are in pixels. In images and inputs that stand for whole images (all but pose) pixel 0
reaches from -0.5 to 0.5, as resizing takes it. In the input of a pose model, sizes are distances
between the centres of the outer pixels ("UDP"), as the engine cuts persons out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from typing import Any, Optional, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .. import _sapiens
from .. import torch as sapiens_torch
from ..torch._preprocess import normalize
from ._config import Config, ConfigError
from ._samples import Sample

#: A person's box is enlarged by this, as the engine does.
_MARGIN = 1.25
#: Share of the persons whose box is displaced, as in the original's recipe.
_SHIFTED = 0.3
# left_eye, eye-left, LeftEye, leftEye, l_eye, rEye, eyeLeft, eyeL, but not the l of l5.
_SIDES = re.compile(
    r"(?<![A-Za-z])([Ll]eft|[Rr]ight|LEFT|RIGHT|[LlRr](?![0-9]))(?![a-z])"
    r"|(?<=[a-z])(Left|Right|[LR](?![A-Z0-9]))(?![a-z])"
)
#: Where names may have a side that is no word: lknee, LKNEE, kneel.
_EDGES = re.compile(r"(?<![A-Za-z])[LlRr]|[LlRr](?![A-Za-z])")
_OTHER = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}
_OTHER.update({right: left for left, right in list(_OTHER.items())})
#: So many names that differ in a number alone may be of both sides, as landmarks of a face are.
_SERIES = 6
#: The same where no name has a side.
_SERIES_ALONE = 3


def mirror_partners(names: Sequence[str]) -> list[int]:
    """The class or keypoint that each one becomes in a mirror: those of a published set with these
    names, else told by left and right in them, as in `left_x`, `Left_X`, `x-left`, `l_x`, `LeftX`.
    Names without a side stay themselves.

    Raises:
        ConfigError: The other side of a name is not among them, or sides cannot be told.
    """
    return list(_partners(tuple(names)))


@lru_cache(8)
def _partners(names: tuple[str, ...]) -> tuple[int, ...]:
    for published in (_sapiens.published_keypoints, _sapiens.published_classes):
        known = published(len(names))
        if names == tuple(name for name, _ in known):
            return tuple(mirror for _, mirror in known)
    places = {name: place for place, name in enumerate(names)}
    others = [_SIDES.sub(lambda side: _OTHER[side[0]], name) for name in names]
    longest = _SERIES if any(map(str.__ne__, names, others)) else _SERIES_ALONE
    series: Counter[str] = Counter()
    for name, other in zip(names, others):
        if other not in places:
            raise ConfigError(
                f"names: {name} has no {other}, so that images cannot be mirrored; "
                "add it, or set flip to 0"
            )
        if other != name:
            continue
        alike = [name[: m.start()] + _OTHER[m[0]] + name[m.end() :] for m in _EDGES.finditer(name)]
        if re.search("[0-9]", name):
            series[re.sub("[0-9]+", "0", name)] += 1
        why = ""
        if any(one in places for one in alike):
            one = next(one for one in alike if one in places)
            why = f"{name} and {one} may be left and right or not"
        elif max(series.values(), default=0) >= longest:
            why = f"{name} and others differ in a number alone, which does not tell left from right"
        if why:
            raise ConfigError(
                f"names: {why}, so that images cannot be mirrored; set flip to 0, or say "
                "left and right in the names"
            )
    return tuple(places[other] for other in others)


def known_partners(names: Sequence[str], outputs: int) -> list[int]:
    """Of keypoints, for results that are averaged with those of the mirrored image, as the engine
    does by what the checkpoint says: empty where nothing tells sides."""
    if not names:
        return [mirror for _, mirror in _sapiens.published_keypoints(outputs)]
    try:
        partners = mirror_partners(names)
    except ConfigError:
        return []
    return partners if partners != list(range(len(partners))) else []


def mirrors(config: Config, names: Sequence[str]) -> bool:
    """Whether images are mirrored: not where sides matter, and no names tell left from right.

    Raises:
        ConfigError: They should be, but the names do not tell; see `mirror_partners`.
    """
    if config.flip == 0 or config.task not in ("pose", "seg"):
        return config.flip > 0
    return bool(names) and bool(mirror_partners(names))


class _Draws:
    """Random numbers, of which every sample takes as many."""

    def __init__(self, generator: torch.Generator) -> None:
        self._left = iter(torch.rand(16, generator=generator, dtype=torch.float64).tolist())

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._left)

    def happens(self, share: float) -> bool:
        return next(self._left) < share


def augment(
    sample: Sample,
    config: Config,
    size: tuple[int, int],
    generator: torch.Generator,
    names: Sequence[str] = (),
    family: str = "sapiens",
) -> dict[str, Tensor]:
    """A sample as a random input of `size` (h, w), and what is true at each of its pixels.

    Args:
        sample: What a `Dataset` returns.
        config: Its `flip`, `scale`, `shift`, `rotation` and `color` are how far things change.
        size: Height and width of the input in pixels.
        generator: The source of all random numbers; a sample takes as many each time.
        names: Of classes or keypoints, which tell what mirroring swaps. Without them, images of
            pose and seg are not mirrored: `mirrors`.
        family: Of the model: "sapiens" or "sapiens2".

    Returns:
        `inputs`: float32 (3, h, w), normalised. Of the task: `labels` uint8 (h, w), the pixels
        outside of the image `ignore_label`; `depth` float32 (h, w) and `normals` float32
        (3, h, w), there 0; `mask` bool (h, w), where depth or normals are known, on the person;
        `keypoints` float32 (K, 3): x, y in pixels of the input (perhaps outside of it) and
        visibility; `category` int64.
    """
    draws = _Draws(generator)
    mirrored = draws.happens(config.flip) and mirrors(config, names)
    turned = draws.happens(0.5)
    rotation = math.radians(draws.uniform(-config.rotation, config.rotation)) if turned else 0.0
    image = sample["image"]
    out: dict[str, Tensor] = {}
    if config.task in ("pretrain", "classify"):
        pixels = _random_window(image, config, size, draws, mirrored, family)
    elif config.task == "pose":
        window = _person_window(sample["box"], config, size, draws)
        matrix = _matrix(*window, size, rotation, mirrored)
        pixels = _sampled(image, matrix, size, scene=False)
        out["keypoints"] = _moved(sample["keypoints"], matrix, mirrored, names)
    else:
        window = _scene_window(image.shape, config, size, draws)
        matrix = _matrix(*window, size, rotation, mirrored)
        pixels = _sampled(image, matrix, size, scene=True)
        nearest = _Nearest(matrix, image.shape, size)
        out.update(_truth(sample, config, nearest, names, rotation, mirrored))
    out["inputs"] = _normalized(pixels, config.color, draws, family)
    if "category" in sample:
        out["category"] = torch.tensor(sample["category"])
    return out


def plain(sample: Sample, config: Config, size: tuple[int, int], module: Any) -> Tensor:
    """The input of `size` (h, w) that the engine makes of a sample, float32 (3, h, w).

    `module` is what `sapiens.torch.load` returns.
    """
    image = sample["image"]
    if config.task == "pose":
        from .. import crop_person

        image = crop_person(image, sample["box"], size)
    family = getattr(module, "backbone", module).family
    task = "features" if config.task in ("pretrain", "classify") else config.task
    return sapiens_torch.preprocess([image], size, family, task)[0]


def _random_window(
    image: np.ndarray,
    config: Config,
    size: tuple[int, int],
    draws: _Draws,
    mirrored: bool,
    family: str,
) -> Tensor:
    """A window of a random area and shape, resized with the filter of the family's features."""
    height, width = image.shape[:2]
    area = draws.uniform(*config.scale) * height * width
    shape = size[1] / size[0] * math.exp(draws.uniform(math.log(3 / 4), math.log(4 / 3)))
    rows = min(height, max(1, round(math.sqrt(area / shape))))
    columns = min(width, max(1, round(math.sqrt(area * shape))))
    top = int(draws.uniform(0, height - rows + 1))
    left = int(draws.uniform(0, width - columns + 1))
    window = torch.from_numpy(image[top : top + rows, left : left + columns]).permute(2, 0, 1)
    mode = "bicubic" if family == "sapiens" else "bilinear"
    pixels = F.interpolate(window[None], size, mode=mode, antialias=True)[0].float()
    return pixels.flip(2) if mirrored else pixels


def _person_window(
    box: np.ndarray, config: Config, size: tuple[int, int], draws: _Draws
) -> tuple[np.ndarray, np.ndarray]:
    """Centre in the image, and its pixels in one of the input: around the person's box, enlarged,
    and widened to the aspect of the input."""
    height, width = size
    extent = box[2:] * _MARGIN
    extent_x = max(extent[0], extent[1] * width / height)
    extent = np.array([extent_x, extent_x * height / width])
    shift = [draws.uniform(-config.shift, config.shift) for _ in range(2)]
    centre = box[:2] + box[2:] / 2
    if draws.happens(_SHIFTED):
        centre = centre + extent * shift
    extent = extent * draws.uniform(*config.scale)
    return centre, extent / [max(width - 1, 1), max(height - 1, 1)]


def _scene_window(
    shape: tuple[int, ...], config: Config, size: tuple[int, int], draws: _Draws
) -> tuple[np.ndarray, np.ndarray]:
    """The same for whole scenes, as in the original: the image is scaled relative to the largest
    size that fits into the input, a window of at most the input's size is taken at a random
    place, and stretched to the input."""
    image, target = np.array(shape[1::-1], float), np.array(size[::-1], float)
    scale = draws.uniform(*config.scale) * (target / image).min()
    extent = np.minimum(image, target / scale)
    place = np.array([draws.uniform(0, 1), draws.uniform(0, 1)])
    centre = extent / 2 + (image - extent) * place - 0.5
    return centre, extent / target


def _matrix(
    centre: np.ndarray, scale: np.ndarray, size: tuple[int, int], rotation: float, mirrored: bool
) -> np.ndarray:
    """From pixels of the input to those of the image, (2, 3), with `centre` of the image in the middle of the input; columns are x, y and 1."""
    cos, sin = math.cos(rotation), math.sin(rotation)
    linear = np.array([[cos, -sin], [sin, cos]]) * scale
    if mirrored:
        linear[:, 0] = -linear[:, 0]
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return np.concatenate([linear, (centre - linear @ middle)[:, None]], 1)


def _places(matrix: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """x and y in the image of every pixel of the input, (h, w); of one row or column where the
    others are alike."""
    rows, columns = np.arange(size[0])[:, None], np.arange(size[1])[None]
    x, y = ((a * columns if a else 0) + (b * rows if b else 0) + c for a, b, c in matrix.tolist())
    return np.asarray(x), np.asarray(y)


def _sampled(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], scene: bool) -> Tensor:
    """The image between its pixels, float32 (3, h, w) of 0 to 255; outside it is 0.

    Scenes reach to the edges of their outer pixels, persons are cut out of images that fade to 0.
    """
    x, y = _places(matrix, size)
    height, width = image.shape[:2]
    # Only what is seen of large images becomes floats.
    left, right = _bounds(x, width)
    top, bottom = _bounds(y, height)
    part = torch.from_numpy(np.ascontiguousarray(image[top:bottom, left:right]))
    grid = np.empty((*size, 2), np.float32)
    grid[..., 0] = (x - left + 0.5) * (2 / (right - left)) - 1
    grid[..., 1] = (y - top + 0.5) * (2 / (bottom - top)) - 1
    pixels = F.grid_sample(
        part.permute(2, 0, 1)[None].float(),
        torch.from_numpy(grid)[None],
        padding_mode="border" if scene else "zeros",
        align_corners=False,
    )[0]
    if scene:
        within = _within(x, width) & _within(y, height)
        if not within.all():
            pixels *= torch.from_numpy(np.broadcast_to(within, size).copy())
    return pixels


def _within(places: np.ndarray, length: int) -> np.ndarray:
    """On a pixel; a little beyond its edge is rounding."""
    return (places > -0.5001) & (places < length - 0.4999)


def _bounds(places: np.ndarray, length: int) -> tuple[int, int]:
    """The pixels that are looked at, one at least."""
    low = min(max(math.floor(places.min()), 0), length - 1)
    high = min(max(math.ceil(places.max()) + 1, low + 1), length)
    return low, high


class _Nearest:
    """The nearest pixel of the image for every pixel of the input."""

    def __init__(self, matrix: np.ndarray, shape: tuple[int, ...], size: tuple[int, int]) -> None:
        height, width = shape[:2]
        x, y = _places(matrix, size)
        within = _within(x, width) & _within(y, height)
        columns = np.floor(x + 0.5).astype(np.intp).clip(0, width - 1)
        rows = np.floor(y + 0.5).astype(np.intp).clip(0, height - 1)
        self._from = np.broadcast_to(rows * width + columns, size)
        self._outside = None if within.all() else ~np.broadcast_to(within, size)

    def of(self, array: np.ndarray, outside: int) -> np.ndarray:
        """(h, w, ...) of an array (H, W, ...)."""
        pixels = array.reshape(-1, *array.shape[2:]).take(self._from, 0)
        if self._outside is not None:
            pixels[self._outside] = outside
        return pixels


def _truth(
    sample: Sample,
    config: Config,
    nearest: _Nearest,
    names: Sequence[str],
    rotation: float,
    mirrored: bool,
) -> dict[str, Tensor]:
    out: dict[str, np.ndarray] = {}
    if "labels" in sample:
        labels = nearest.of(sample["labels"], config.ignore_label)
        if mirrored:
            labels = _swapped_labels(tuple(names), config.ignore_label)[labels]
        out["labels"] = labels
    known: Optional[np.ndarray] = None
    if "depth" in sample:
        depth = nearest.of(sample["depth"], 0)
        known = np.isfinite(depth) & (depth > 0)
        out["depth"] = np.where(known, depth, np.float32(0))
    if "normals" in sample:
        x, y, z = np.moveaxis(nearest.of(sample["normals"], 0), 2, 0)
        squared = x * x + y * y + z * z
        known = np.isfinite(squared) & (squared > 0)
        if rotation:
            # As what is seen turns in the image, with y upwards.
            cos, sin = np.float32(math.cos(rotation)), np.float32(math.sin(rotation))
            x, y = cos * x - sin * y, sin * x + cos * y
        normals = np.stack([-x if mirrored else x, y, z])
        out["normals"] = np.where(known, normals, np.float32(0))
    if known is not None:
        if "mask" in sample:
            known = known & nearest.of(sample["mask"], 0)
        out["mask"] = known
    return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in out.items()}


@lru_cache(8)
def _swapped_labels(names: tuple[str, ...], ignore_label: int) -> np.ndarray:
    """The label that each becomes in a mirror."""
    swapped = np.arange(256, dtype=np.uint8)
    swapped[: len(names)] = mirror_partners(names)
    swapped[ignore_label] = ignore_label
    return swapped


def _moved(
    keypoints: np.ndarray, matrix: np.ndarray, mirrored: bool, names: Sequence[str]
) -> Tensor:
    """Keypoints of the image in pixels of the input."""
    if mirrored:
        keypoints = keypoints[mirror_partners(names)]
    places = np.linalg.solve(matrix[:, :2], (keypoints[:, :2] - matrix[:, 2]).T).T
    return torch.from_numpy(np.concatenate([places, keypoints[:, 2:]], 1).astype(np.float32))


def _normalized(pixels: Tensor, color: float, draws: _Draws, family: str) -> Tensor:
    """Levels of 0 to 255 as the input of a model, in other light: brighter or darker, with more or
    less contrast, and the channels against each other."""
    gain = draws.uniform(1 - color, 1 + color)
    gains = torch.tensor([gain * draws.uniform(1 - color / 3, 1 + color / 3) for _ in range(3)])
    bias = draws.uniform(-80, 80) * color
    if color:
        pixels = (pixels * gains[:, None, None]).add_(bias).clamp_(0, 255)
    return normalize(pixels, family)
