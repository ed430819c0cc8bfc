"""Accuracy of results, measured as ``sapiens eval`` does."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np

from . import _sapiens
from ._calls import call

__all__ = [
    "DepthEvaluator",
    "KeypointEvaluator",
    "NormalEvaluator",
    "PckEvaluator",
    "SegmentationEvaluator",
    "oks_sigmas",
]

Metrics = dict[str, Optional[float]]


class _Evaluator:
    """Takes one image after the other and keeps sums. Any thread may use it."""

    _native: Any

    def result(self) -> Metrics:
        """The numbers over everything added so far, by the names that ``sapiens eval --json`` gives
        them; None where there was nothing to compute one from."""
        return self._native.metrics()


class SegmentationEvaluator(_Evaluator):
    """ "mIoU" and "pixel_accuracy", 0 to 1, over the pixels of all images.

    Args:
        classes: Number of classes, 1 to 255; 0 is the background, which counts as one.
    """

    def __init__(self, classes: int) -> None:
        self._native = call(_sapiens.segmentation_evaluator, classes)

    def add(self, found: np.ndarray, truth: np.ndarray) -> None:
        """Class ids of an image, uint8 (H, W), and the true ones, where 255 leaves a pixel out.

        Raises:
            InvalidArgumentError: An id that is no class; nothing of the image is added.
            ShapeMismatchError: The arrays differ in shape.
        """
        call(self._native.add, found, truth)

    def ious(self) -> list[Optional[float]]:
        """IoU of each class; None for one that no pixel is labelled with."""
        return self._native.ious()


class DepthEvaluator(_Evaluator):
    """ "delta1", "delta2", "delta3", "AbsRel", "RMSE" and "unexplained" of relative depth, after the
    scale and the shift that fit each image best: means over images."""

    def __init__(self) -> None:
        self._native = _sapiens.depth_evaluator()

    def add(self, found: np.ndarray, truth: np.ndarray, mask: Optional[np.ndarray] = None) -> bool:
        """Depths of an image and the true ones, float32 (H, W); of the true ones, those that are
        finite and above 0 count, and with a `mask` (H, W) those where it is not 0.

        Returns:
            Whether the image was added: False for fewer than two pixels that count.
        """
        return call(self._native.add, found, truth, _mask_of(mask, truth))


class NormalEvaluator(_Evaluator):
    """ "mean_angle" and "median_angle" in degrees, and "within_11.25", "within_22.5" and "within_30"
    as shares from 0 to 1, over the pixels of all images."""

    def __init__(self) -> None:
        self._native = _sapiens.normal_evaluator()

    def add(self, found: np.ndarray, truth: np.ndarray, mask: Optional[np.ndarray] = None) -> bool:
        """Normals of an image and the true ones, float32 (H, W, 3), of any length; true ones of
        length 0 do not count, and with a `mask` (H, W) those where it is 0.

        Returns:
            Whether the image was added: False where no pixel counts.
        """
        return call(self._native.add, found, truth, _mask_of(mask, truth))


class KeypointEvaluator(_Evaluator):
    """ "AP", "AP50", "AP75", "APM", "APL", "AR" and so on, 0 to 1, as pycocotools computes them.

    Args:
        sigmas: One per keypoint: `oks_sigmas`, or `Pose.sigmas`.
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        self._native = call(_sapiens.keypoint_evaluator, [float(sigma) for sigma in sigmas])

    def add(
        self,
        image: int,
        keypoints: np.ndarray,
        boxes: np.ndarray,
        areas: np.ndarray,
        found: np.ndarray,
        scores: np.ndarray,
        found_boxes: Optional[np.ndarray] = None,
        *,
        crowds: Optional[np.ndarray] = None,
    ) -> None:
        """An image with N annotated and P found persons. Each image is added once, in any order.

            evaluator.add(17, keypoints, boxes, areas, *pose.keypoints(photo, boxes))

        Args:
            image: Its number. Of equal scores, those in an image of a smaller number count first.
            keypoints: (N, K, 3): x, y in pixels; 0 not labelled, 1 hidden, 2 visible.
            boxes: (N, 4): x, y, width, height in pixels.
            areas: (N,): of the persons, in pixels: COCO's `area`.
            found: (P, K, 2): x, y in pixels.
            scores: (P,) of persons, or (P, K) of keypoints: a person then has the mean of those
                above 0.2, times the score of the box.
            found_boxes: (P, 5), or (P, 4), whose scores are 1; None: all of them are 1.
            crowds: (N,), not 0 for COCO's `iscrowd`; None: there are none.
        """
        if crowds is None:
            crowds = np.zeros(len(areas), np.uint8)
        truth = (keypoints, boxes, areas, np.asarray(crowds) != 0)
        call(self._native.add, image, *truth, found, scores, found_boxes)


class PckEvaluator(_Evaluator):
    """ "PCK@0.1": the share of visible keypoints whose distance to the annotated one is at most
    `threshold` times the longer side of the annotated box.

    Args:
        keypoints: Of every person.
        threshold: Another share of the box, which the name of the number then has.
    """

    def __init__(self, keypoints: int, threshold: float = 0.1) -> None:
        self._native = call(_sapiens.pck_evaluator, keypoints, threshold)

    def add(self, keypoints: np.ndarray, boxes: np.ndarray, found: Optional[np.ndarray]) -> None:
        """N annotated persons, (N, K, 3) and (N, 4) as `KeypointEvaluator.add` takes them, and what
        was found of each of them, (N, K, 2); None: they were not found."""
        call(self._native.add, keypoints, boxes, found)

    def shares(self) -> list[Optional[float]]:
        """The same for each keypoint; None for one that is never visible."""
        return self._native.shares()


def oks_sigmas(keypoints: int) -> list[float]:
    """The OKS sigmas of the published set with this number of keypoints, 17, 133 or 308: how exactly
    each is annotated. Empty where there is no such set."""
    return call(_sapiens.oks_sigmas, keypoints)


def _mask_of(mask: Optional[np.ndarray], truth: np.ndarray) -> np.ndarray:
    """A byte per pixel; without a mask every pixel counts."""
    return np.ones(np.shape(truth)[:2], bool) if mask is None else np.asarray(mask) != 0
