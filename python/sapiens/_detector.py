"""Persons in images."""

from __future__ import annotations

from typing import Union

import numpy as np

from . import _sapiens
from ._calls import call
from ._model import Model, engine_options
from ._paths import Path, as_path
from ._images import as_image, is_one, several
from ._tasks import Images


class Detector(Model):
    """Finds persons: the RTMDet in front of the original's scripts.

        boxes = detector.persons("street.jpg")
        pose.keypoints("street.jpg", boxes)

    Args:
        path: The detector's checkpoint file.
        precision: "auto" is "fp32" here; see docs/detector.md.
        threads, isa: As `Encoder` takes them.
    """

    def __init__(
        self, path: Path, *, precision: str = "auto", threads: int = 0, isa: str = ""
    ) -> None:
        self._native = _sapiens.open_detector(
            as_path(path), engine_options(precision, threads, isa)
        )

    def persons(
        self, images: Images, *, score: float = 0.3, iou: float = 0.3, max_detections: int = 100
    ) -> Union[np.ndarray, list[np.ndarray]]:
        """Boxes of the persons, best first, float32 (persons, 5): x, y, width, height, score.

        Args:
            images: An image (path, PIL image, uint8 array [H, W, 3], red first), or several, which
                give a list.
            score: Boxes with this score or a lower one are dropped, 0 to 1.
            iou: Of two boxes with a higher IoU, the one with the lower score is dropped, 0 to 1.
            max_detections: Keeps at most this many, those with the best scores.
        """
        if is_one(images):
            return call(self._native.detect, as_image(images), score, iou, max_detections)
        return [
            call(self._native.detect, as_image(image), score, iou, max_detections)
            for image in several(images)
        ]
