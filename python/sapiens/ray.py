"""Models as callable classes that map batches of columns: for `ray.data.Dataset.map_batches`, and
whatever else takes such a class. Neither Ray nor PyTorch is imported here.

    import ray, sapiens.ray

    images = ray.data.from_items([{"path": "a.jpg"}, {"path": "b.jpg"}])
    features = images.map_batches(                   # {"path", "features": float32 (1024, 64, 64)}
        sapiens.ray.Features,
        fn_constructor_kwargs={"checkpoint": "sapiens_0.3b_epoch_1600_clean.pth"},
        compute=ray.data.ActorPoolStrategy(size=2),
        num_cpus=8,
        batch_size=16,
    )

A batch is a dict from column to values. Images are in "image" (uint8 arrays [height, width, 3], of
any sizes, or PIL images), else in "bytes" (what files hold), else in "path". All columns but "image"
and "bytes" are passed on, beside those of the results. docs/ray.md describes the details.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Optional, Union

import numpy as np

from . import _sapiens, _tasks
from ._calls import call
from ._encoder import Encoder, Layers
from ._errors import InvalidArgumentError, make_refusal
from ._images import as_image
from ._paths import Path

__all__ = ["Depth", "Features", "Normals", "Pose", "Segmenter"]

Columns = dict[str, Any]
Row = dict[str, np.ndarray]

_INPUTS = ("image", "bytes", "path")


class Stage:
    """What these classes share; use the one of a task.

    Args:
        checkpoint: A file that every machine can read, of any kind `sapiens.inspect` knows.
        preprocess: "full": as in training. "lite": as the original's lite scripts.
        batch: Images that go through the encoder together.
        threads: None: as many as Ray gave this actor CPUs, and without Ray as 0, which takes every
            core this process may use. Results do not depend on it.
        errors: "raise": an image that cannot be read ends the job. "null": its row has results
            without content (NaN in features; no pixels, no persons) and says why in the column
            "error", which is "" in all other rows.
        keep_images: Pass "image" and "bytes" on as well, for another model.
        max_bytes: Results of a batch beyond it come in pieces, from a generator. None: always as one
            dict, for frameworks that take nothing else.
        options: What the class of the model takes: precision, isa, size, arch, heads and so on.
    """

    def __init__(
        self,
        checkpoint: Path,
        *,
        preprocess: str = "full",
        batch: int = 1,
        threads: Optional[int] = None,
        errors: str = "raise",
        keep_images: bool = False,
        max_bytes: Optional[int] = 128 << 20,
        **options: Any,
    ) -> None:
        _require(errors in ("raise", "null"), "errors", '"raise" or "null"', errors)
        _require(batch >= 1, "batch", "at least 1", batch)
        _require(max_bytes is None or max_bytes >= 1, "max_bytes", "at least 1", max_bytes)
        # What is computed without some parameters must be marked, and a column has no place for it.
        _require(not options.get("allow_partial"), "allow_partial", "False", True)
        self._preprocess = preprocess
        self._batch = batch
        self._errors = errors
        self._keep_images = keep_images
        self._max_bytes = max_bytes
        self._model = self._open(checkpoint, _cpus() if threads is None else threads, options)
        # A grey image shows what results look like, for rows without one, and that the options are
        # right: else there would be the same error in every row.
        grey = _sapiens.Image.from_array(np.full((64, 64, 3), 128, np.uint8))
        (shown,) = self._results([self._prepared(grey, None)])
        self._nothing = {name: self._without_content(value) for name, value in shown.items()}

    def __call__(self, batch: Mapping[str, Any]) -> Union[Columns, Iterator[Columns]]:
        """The batch with its results: a dict, or several for its rows in their order, by a
        generator; see `max_bytes`."""
        pieces = self._pieces(batch)
        piece, is_last = next(pieces)
        # Not a generator itself, because most frameworks take a dict alone.
        return piece if is_last else _with_others(piece, pieces)

    def _open(self, checkpoint: Path, threads: int, options: dict[str, Any]) -> Any:
        raise TypeError("use the class of a task: Features, Pose and so on")

    def _prepared(self, image: _sapiens.Image, boxes: Any) -> Any:
        """What is done for every row alone. Its errors are those of the row."""
        return image

    def _results(self, prepared: list[Any]) -> list[Row]:
        """Results by name for each of what `_prepared` returned."""
        raise NotImplementedError

    def _without_content(self, value: np.ndarray) -> np.ndarray:
        """The result that stands for none."""
        return value[:0, :0].copy()

    def _column(self, values: list[np.ndarray]) -> np.ndarray:
        """Results of rows, which may differ in size, as a column."""
        column = np.empty(len(values), object)
        for i, value in enumerate(values):
            column[i] = value
        return column

    def _pieces(self, batch: Mapping[str, Any]) -> Iterator[tuple[Columns, bool]]:
        """Parts of a batch with their results, and whether it is the last."""
        if not isinstance(batch, Mapping):
            raise TypeError(
                "a batch is a dict of columns, not a "
                f'{type(batch).__name__}; in Ray that is batch_format="numpy", the default'
            )
        source = next((name for name in _INPUTS if name in batch), "")
        if not source:
            raise make_refusal(
                InvalidArgumentError,
                "this batch has no images",
                expected="a column image, bytes or path",
                actual="columns " + ", ".join(map(str, batch)),
            )
        rows = len(batch[source])
        first, size = 0, 0
        found: list[Row] = []
        errors: list[str] = []
        for at in range(0, rows, self._batch):
            end = min(at + self._batch, rows)
            prepared, problems = self._read(batch, source, range(at, end))
            results = iter(self._results(prepared) if prepared else [])
            new = [self._nothing if problem else next(results) for problem in problems]
            found += new
            errors += problems
            size += sum(value.nbytes for row in new for value in row.values())
            if self._max_bytes is not None and size >= self._max_bytes and end < rows:
                yield self._piece(batch, first, end, found, errors), False
                first, size, found, errors = end, 0, [], []
        yield self._piece(batch, first, rows, found, errors), True

    def _read(
        self, batch: Mapping[str, Any], source: str, rows: range
    ) -> tuple[list[Any], list[str]]:
        """What can be computed of these rows; and for each what is wrong with it, or ""."""
        prepared, problems = [], []
        for i in rows:
            path = batch["path"][i] if "path" in batch else None
            name = f"row {i} of the batch" if path is None else str(path)
            try:
                image = _image(batch[source][i], source, name)
                boxes = batch["boxes"][i] if "boxes" in batch else None
                prepared.append(self._prepared(image, boxes))
                problems.append("")
            except (ValueError, FileNotFoundError) as error:
                text = str(error) if name in str(error) else f"{name}: {error}"
                if self._errors == "null":
                    problems.append(text)
                elif text == str(error):
                    raise
                else:
                    raise ValueError(text) from error
        return prepared, problems

    def _piece(
        self,
        batch: Mapping[str, Any],
        first: int,
        end: int,
        found: list[Row],
        errors: list[str],
    ) -> Columns:
        left_out = () if self._keep_images else ("image", "bytes")
        piece = {name: rows[first:end] for name, rows in batch.items() if name not in left_out}
        for name in self._nothing:
            piece[name] = self._column([row[name] for row in found])
        if self._errors == "null":
            piece["error"] = np.array(errors, np.str_)
        return piece


class Features(Stage):
    """Features of images, as `sapiens.Encoder.features` computes them: column "features".

    Args:
        checkpoint, options: See `Stage`; options of `sapiens.Encoder`.
        out_type: One form of features.
        layers, norm: As `Encoder.features` takes them. A sequence of blocks gives columns
            "features_layer05" and so on, counted from 0.
        dtype: "f32", or "f16" for half the size.
    """

    def __init__(
        self,
        checkpoint: Path,
        out_type: str = "featmap",
        layers: Layers = None,
        *,
        norm: bool = False,
        dtype: str = "f32",
        **options: Any,
    ) -> None:
        _require(isinstance(out_type, str), "out_type", "the name of one form", out_type)
        _require(dtype in ("f32", "f16"), "dtype", '"f32" or "f16"', dtype)
        self._how = (out_type, layers, norm)
        self._several = layers is not None and not isinstance(layers, (int, np.integer))
        self._dtype = np.float16 if dtype == "f16" else np.float32
        super().__init__(checkpoint, **options)

    def _open(self, checkpoint: Path, threads: int, options: dict[str, Any]) -> Encoder:
        return Encoder(checkpoint, threads=threads, **options)

    def _prepared(self, image: _sapiens.Image, boxes: Any) -> np.ndarray:
        return call(self._model._native.preprocess, image, self._preprocess)

    def _results(self, prepared: list[np.ndarray]) -> list[Row]:
        found = {
            f"features_layer{layer:02}" if self._several else "features": forms[
                self._how[0]
            ].astype(self._dtype, copy=False)
            for layer, forms in self._model._forward(np.stack(prepared), *self._how).items()
        }
        return [{name: array[i] for name, array in found.items()} for i in range(len(prepared))]

    def _without_content(self, value: np.ndarray) -> np.ndarray:
        return np.full_like(value, np.nan)

    def _column(self, values: list[np.ndarray]) -> np.ndarray:
        if values:
            return np.stack(values)
        like = next(iter(self._nothing.values()))
        return np.empty((0, *like.shape), like.dtype)


class Pose(Stage):
    """Keypoints of the persons in images, as `sapiens.Pose.keypoints` finds them: columns
    "keypoints", "scores" and "boxes".

    Args:
        checkpoint, options: See `Stage`; options of `sapiens.Pose`. A column "boxes" of the batch has
            the boxes of each image's persons; without it, or where it has None, one person fills the
            image. `batch` counts persons of an image.
        flip_test: Also run the mirrored person and average: twice the time.
    """

    def __init__(self, checkpoint: Path, *, flip_test: bool = True, **options: Any) -> None:
        self._flip_test = flip_test
        super().__init__(checkpoint, **options)

    def _open(self, checkpoint: Path, threads: int, options: dict[str, Any]) -> _tasks.Pose:
        return _tasks.Pose(checkpoint, threads=threads, **options)

    def _prepared(self, image: _sapiens.Image, boxes: Any) -> _tasks.PoseResult:
        if isinstance(boxes, np.ndarray) and boxes.dtype == object:
            boxes = list(boxes)  # a list of lists, after it was in Arrow
        how = (self._flip_test, self._preprocess, self._batch)
        return self._model._of_image(image, boxes, *how)

    def _results(self, prepared: list[_tasks.PoseResult]) -> list[Row]:
        return [found._asdict() for found in prepared]

    def _without_content(self, value: np.ndarray) -> np.ndarray:
        return value[:0].copy()


class _Maps(Stage):
    """One map of each image."""

    _name: str
    _kind: type[_tasks.TaskModel]

    def _open(self, checkpoint: Path, threads: int, options: dict[str, Any]) -> _tasks.TaskModel:
        return self._kind(checkpoint, threads=threads, **options)

    def _results(self, prepared: list[_sapiens.Image]) -> list[Row]:
        found = call(self._model._native.run, prepared, self._preprocess)
        return [{self._name: one} for one in found]


class Segmenter(_Maps):
    """The class of every pixel, as `sapiens.Segmenter.segment` finds it: column "classes".

    The arguments are those of `Stage`, with options of `sapiens.Segmenter`.
    """

    _name, _kind = "classes", _tasks.Segmenter


class Depth(_Maps):
    """Relative depth, as `sapiens.Depth.depth` computes it: column "depth".

    The arguments are those of `Stage`, with options of `sapiens.Depth`.
    """

    _name, _kind = "depth", _tasks.Depth


class Normals(_Maps):
    """Surface normals, as `sapiens.Normals.normals` computes them: column "normals".

    The arguments are those of `Stage`, with options of `sapiens.Normals`.
    """

    _name, _kind = "normals", _tasks.Normals


def _require(holds: bool, option: str, expected: str, actual: Any) -> None:
    if not holds:
        raise make_refusal(
            InvalidArgumentError,
            f"{option} has an invalid value",
            key=option,
            expected=expected,
            actual=repr(actual),
        )


def _with_others(piece: Columns, others: Iterator[tuple[Columns, bool]]) -> Iterator[Columns]:
    yield piece
    del piece  # not kept while the next one is computed
    for other, _ in others:
        yield other
        del other


def _image(value: Any, source: str, name: str) -> _sapiens.Image:
    if value is None:
        raise ValueError(f"{name}: the column {source} is empty here")
    if source == "bytes":
        data = bytes(value) if isinstance(value, (bytearray, memoryview)) else value
        return call(_sapiens.Image.decode, data, name)
    return as_image(value)


def _cpus() -> int:
    """How many CPUs Ray gave this actor, rounded down but not to 0; 0 where none were assigned."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return 0
    try:
        assigned = ray.get_runtime_context().get_assigned_resources().get("CPU", 0)
    except AssertionError:  # in the program that started Ray, which is no actor
        return 0
    return max(1, int(assigned)) if assigned else 0
