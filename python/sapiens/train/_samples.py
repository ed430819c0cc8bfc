"""What passes from data to training."""

from __future__ import annotations

from collections import Counter
from typing import Protocol, TypedDict, Union

import numpy as np
from torch import Tensor

Batch = dict[str, Tensor]


class Sample(TypedDict, total=False):
    """An image, or a person in an image, with what is known of it. H and W are the image's."""

    key: str  #: Where it comes from, for messages.
    image: np.ndarray  #: uint8 (H, W, 3), red first, upright.
    box: np.ndarray  #: float64 (4,): x, y, width, height of the person in pixels.
    keypoints: np.ndarray  #: float64 (K, 3): x, y in pixels, COCO's visibility.
    area: float  #: COCO's area of the person, for AP; NaN where nothing tells it.
    crowd: bool  #: COCO's iscrowd; such persons are no samples.
    image_id: int  #: The image among the images, for AP.
    labels: np.ndarray  #: uint8 (H, W) class ids; `Config.ignore_label` is left out.
    depth: np.ndarray  #: float32 (H, W) distance; not above 0 or not finite where unknown.
    normals: np.ndarray  #: float32 (H, W, 3); of length 0 where unknown.
    mask: np.ndarray  #: bool (H, W), the person's pixels; missing where nothing tells them.
    category: int  #: classify: the number of the class.


class Dataset(Protocol):
    """Samples by number; reading the same number twice gives the same."""

    names: tuple[str, ...]  #: Of classes or keypoints as the data name them; empty: unnamed.
    left_out: Counter[str]  #: What is there and not used, by the reason.
    others: dict[int, list[Sample]]  #: Pose: by `image_id`, persons that are no samples.

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Sample: ...


Numbers = dict[str, Union[float, None]]
