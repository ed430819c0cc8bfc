"""Keypoints, classes, depths and normals."""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple, Optional, Sequence, Union

import numpy as np

from . import _sapiens
from ._calls import call
from ._errors import ShapeMismatchError, make_refusal
from ._model import Model, engine_options, model_options
from ._paths import Path, as_path
from ._images import Image, as_image, in_chunks, is_one, several

__all__ = ["Depth", "Normals", "Pose", "PoseResult", "Segmenter", "decode"]

Images = Union[Image, Iterable[Image]]


class TaskModel(Model):
    """A network with a task head; use the class of the task: `Pose`, `Segmenter` and so on.

    Args:
        path: Checkpoint file with a head for the task: a published one or your own fine-tune.
        precision: "fp32", "bf16" or "int8"; "auto" is bf16 where this CPU is faster with it.
        threads: 0 takes every core this process may use. Results do not depend on it.
        isa: Highest kernel level: "reference", "avx2", "avx512", "amx"; empty: what the variable
            SAPIENS_ISA says, else the best there is.
        size: (height, width) in pixels the network sees; by default the model's own.
        options: arch, task, heads, grid, patch_padding, prefix, as `sapiens.inspect` takes them.

    Raises:
        CheckpointRefusedError: No head, one for another task, or a parameter without a value.
        NotFoundError, CorruptFileError, UnsupportedFormatError: The file cannot be opened.
    """

    _task = ""

    def __init__(
        self,
        path: Path,
        *,
        precision: str = "auto",
        threads: int = 0,
        isa: str = "",
        size: Optional[tuple[int, int]] = None,
        **options: Any,
    ) -> None:
        if not self._task:
            raise TypeError("open a model of one task: Pose, Segmenter and so on")
        self._native = _sapiens.open_task(
            as_path(path),
            engine_options(precision, threads, isa),
            model_options(size=size, **options),
            self._task,
        )
        self._labels = self._native.labels()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels that images, or persons, are resized to."""
        return self._native.size()

    def _maps(self, images: Images, preprocess: str, batch: int) -> Any:
        if is_one(images):
            return call(self._native.run, [as_image(images)], preprocess)[0]
        return [
            result
            for chunk in in_chunks(images, batch)
            for result in call(self._native.run, chunk, preprocess)
        ]


def _bytes_of(mask: Optional[np.ndarray]) -> np.ndarray:
    """A byte per pixel, 0 or 1; none without a mask."""
    if mask is None:
        return np.empty(0, np.uint8)
    return np.ascontiguousarray(np.asarray(mask) != 0).view(np.uint8)


def _as_boxes(boxes: Any) -> np.ndarray:
    """Boxes of the user as float32, (P, 4) or (P, 5); the engine checks their shape."""
    try:
        given = np.asarray(boxes, np.float32)
    except (TypeError, ValueError):
        kind = type(boxes).__name__
        raise ValueError(f"boxes are numbers (P, 4) or (P, 5), not this {kind}") from None
    return given if given.size else given.reshape(0, 5)


def _with_scores(boxes: np.ndarray) -> np.ndarray:
    """(P, 5), with a score of 1 where there is none."""
    return boxes if boxes.shape[1] == 5 else np.insert(boxes, 4, 1, axis=1)


class PoseResult(NamedTuple):
    """Keypoints of P persons, K each, in pixels of the image; points may lie outside it."""

    keypoints: np.ndarray  #: float32 (P, K, 2): x, y.
    scores: np.ndarray  #: float32 (P, K): height of the heatmap's peak, about 0 to 1, not clipped.
    boxes: np.ndarray  #: float32 (P, 5): x, y, width, height of the person, and the box's score.


class Pose(TaskModel):
    """Keypoints.

    pose = sapiens.Pose("sapiens_0.3b_goliath_best_goliath_AP_575.pth")
    keypoints, scores, boxes = pose.keypoints("photo.jpg")
    """

    _task = "pose"

    @property
    def names(self) -> list[str]:
        """Names of the keypoints, in their order; empty if they are unknown."""
        return self._labels["names"]

    @property
    def links(self) -> list[tuple[int, int]]:
        """Pairs of keypoints that make the skeleton."""
        return self._labels["links"]

    @property
    def sigmas(self) -> list[float]:
        """How exactly the keypoints are annotated, for `KeypointEvaluator`; empty if it is
        unknown."""
        return self._labels["sigmas"]

    def keypoints(
        self,
        images: Images,
        boxes: Any = None,
        *,
        flip_test: bool = True,
        preprocess: str = "full",
        batch: int = 1,
    ) -> Union[PoseResult, list[PoseResult]]:
        """Keypoints of the persons in images.

        Args:
            images: An image (path, PIL image, uint8 array [H, W, 3], red first), or several.
            boxes: Of the persons, (P, 4) x, y, width, height in pixels, or (P, 5) with a score, as
                `Detector.persons` finds them; for several images one such array (or None) each.
                None: one person fills the image. An empty array: there are no persons. Boxes outside
                of the image, or that all lie between 0 and 1, raise InvalidArgumentError.
            flip_test: Also run the mirrored person and average, as in the published figures: twice
                the time.
            preprocess: "full": as in training. "lite": as the original's lite scripts.
            batch: Persons of an image that go through the encoder together.

        Returns:
            A PoseResult for one image, a list of them for several.
        """
        how = (flip_test, preprocess, batch)
        if is_one(images):
            return self._of_image(as_image(images), boxes, *how)
        if boxes is None:
            return [self._of_image(as_image(image), None, *how) for image in several(images)]
        images = list(several(images))
        if len(boxes) != len(images):
            raise ValueError(f"{len(images)} images need {len(images)} arrays of boxes")
        return [self._of_image(as_image(i), b, *how) for i, b in zip(images, boxes)]

    def draw(self, image: Image, found: PoseResult, *, score: float = 0.3) -> np.ndarray:
        """The image with the skeletons of its persons, as ``--viz`` draws it, uint8 (H, W, 3).

        `found` is what `keypoints` makes of the image; points below `score` are left out.
        """
        return call(_sapiens.draw_pose, self._native, as_image(image), *found, score)

    def _of_image(
        self, image: _sapiens.Image, boxes: Any, flip_test: bool, preprocess: str, batch: int
    ) -> PoseResult:
        if batch < 1:
            raise ValueError("batch must be at least 1")
        if boxes is None:
            boxes = [[0, 0, image.width, image.height]]
        given = _as_boxes(boxes)
        parts = [
            call(self._native.pose, image, given[first : first + batch], flip_test, preprocess)
            for first in range(0, max(len(given), 1), batch)
        ]
        keypoints, scores = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts))
        return PoseResult(keypoints, scores, _with_scores(given))


class Segmenter(TaskModel):
    """Body parts.

    segmenter = sapiens.Segmenter("sapiens_0.3b_goliath_best_goliath_mIoU_7673.pth")
    ids = segmenter.segment("photo.jpg")             # uint8 (H, W)
    hair = ids == segmenter.names.index("Hair")
    """

    _task = "seg"

    @property
    def names(self) -> list[str]:
        """Names of the classes, in the order of their ids; empty if they are unknown."""
        return self._labels["names"]

    @property
    def colors(self) -> np.ndarray:
        """Colours the classes are drawn in, uint8 (classes, 3): ``colors[ids]`` is an image."""
        return np.array(self._labels["colors"], np.uint8).reshape(-1, 3)

    def segment(
        self, images: Images, *, preprocess: str = "full", batch: int = 1
    ) -> Union[np.ndarray, list[np.ndarray]]:
        """The most likely class of every pixel, uint8 (H, W); 0 is the background.

        `images`, `preprocess` and `batch` are those of `Encoder.features`. Images may differ in
        size; several give a list.
        """
        return self._maps(images, preprocess, batch)

    def draw(self, image: Image, ids: np.ndarray) -> np.ndarray:
        """The image, and beside it the image in the colours of its classes, with their names,
        as ``--viz`` draws them, uint8. `ids` are what `segment` makes of the image.
        """
        ids = np.ascontiguousarray(ids, np.uint8)
        return _sapiens.draw_segmentation(self._native, as_image(image), ids)


class Depth(TaskModel):
    """Relative depth."""

    _task = "depth"

    def depth(
        self, images: Images, *, preprocess: str = "full", batch: int = 1
    ) -> Union[np.ndarray, list[np.ndarray]]:
        """Depth of every pixel, float32 (H, W): about 0 at the person's nearest point, 1 at the
        farthest, without a unit. The background means nothing.

        `images`, `preprocess` and `batch` are those of `Encoder.features`. Images may differ in
        size; several give a list.
        """
        return self._maps(images, preprocess, batch)

    def draw(
        self, image: Image, depth: np.ndarray, mask: Optional[np.ndarray] = None
    ) -> np.ndarray:
        """The image, its depth and the surface that the depth describes, side by side, as
        ``--viz`` draws them, uint8. `depth` is what `depth` makes of the image; with a `mask`
        (H, W), such as the classes of a `Segmenter`, what is not under it is grey.
        """
        return _sapiens.draw_depth(as_image(image), depth, _bytes_of(mask))


class Normals(TaskModel):
    """Surface normals."""

    _task = "normal"

    def normals(
        self, images: Images, *, preprocess: str = "full", batch: int = 1
    ) -> Union[np.ndarray, list[np.ndarray]]:
        """Unit vectors x, y, z of every pixel, float32 (H, W, 3); x is horizontal. The background
        means nothing.

        `images`, `preprocess` and `batch` are those of `Encoder.features`. Images may differ in
        size; several give a list.
        """
        return self._maps(images, preprocess, batch)

    def draw(
        self, image: Image, normals: np.ndarray, mask: Optional[np.ndarray] = None
    ) -> np.ndarray:
        """The image, and beside it its normals as colours, as ``--viz`` draws them, uint8.
        `normals` are what `normals` makes of the image; what is not under a `mask` (H, W) is
        black.
        """
        return _sapiens.draw_normals(as_image(image), normals, _bytes_of(mask))


def decode(
    task: str,
    outputs: Any,
    size: tuple[int, int],
    images: Sequence[tuple[int, int]],
    boxes: Any = None,
    *,
    preprocess: str = "full",
    threads: int = 0,
) -> Union[PoseResult, list[np.ndarray]]:
    """Results from what a head computed elsewhere, such as in PyTorch or ONNX Runtime: equal to
    those of `Pose`, `Segmenter`, `Depth` and `Normals` where the outputs are equal.

    Args:
        task: "pose", "seg", "depth" or "normal".
        outputs: float32 (B, channels, rows, columns): heatmaps, logits, depths or normals before any
            decoding. For flip testing, average heatmaps with those of the mirrored persons first.
        size: (height, width) in pixels of the inputs that they were computed for.
        images: (height, width) in pixels of the image that each input was made of.
        boxes: Pose alone: of the person of each input, (B, 4) or (B, 5), as `Pose.keypoints` takes
            them; None: one person filled the image.
        preprocess: How the inputs were made, "full" or "lite".
        threads: 0 takes every core this process may use. Results do not depend on it.

    Returns:
        For pose a PoseResult of B persons, for other tasks a list of B arrays of their images' sizes.
    """
    outputs = np.asarray(outputs, np.float32)
    if outputs.ndim != 4 or len(outputs) != len(images):
        raise make_refusal(
            ShapeMismatchError,
            "these are no outputs of a head for these images",
            expected=f"[{len(images)}, channels, rows, columns]",
            actual=str(list(outputs.shape)),
        )
    if boxes is None and task == "pose":
        boxes = [(0, 0, width, height) for height, width in images]
    persons = None if boxes is None else _as_boxes(boxes)
    if persons is not None and len(persons) != len(images):
        raise ValueError(f"{len(images)} outputs need {len(images)} boxes, not {len(persons)}")
    found = [
        call(
            _sapiens.decode,
            task,
            output,
            tuple(size),
            tuple(image),
            None if persons is None else persons[i : i + 1],
            preprocess,
            threads,
        )
        for i, (output, image) in enumerate(zip(outputs, images))
    ]
    if task != "pose" or persons is None:
        return found
    points = outputs.shape[1]
    keypoints = [np.empty((0, points, 2), np.float32), *(one for one, _ in found)]
    scores = [np.empty((0, points), np.float32), *(one for _, one in found)]
    return PoseResult(np.concatenate(keypoints), np.concatenate(scores), _with_scores(persons))
