"""Accuracy on data that is not trained on, decoded and measured by the engine as `sapiens eval` does."""

from __future__ import annotations

import math
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Optional

import numpy as np
import torch
import torch.distributed
from torch import Tensor

import sapiens

from .. import _sapiens
from ._augment import known_partners, plain
from ._config import Config
from ._data import check_sample
from ._log import say
from ._model import Trained, encoder_of
from ._objectives import Objective
from ._samples import Dataset, Numbers, Sample

#: The number that tells the best of several models, by task, and whether more is better.
BEST = {
    "pretrain": ("loss", False),
    "pose": ("AP", True),
    "seg": ("mIoU", True),
    # Not delta1, which is 1 for any depth of a person who is far away, and so flat.
    "depth": ("unexplained", False),
    "normal": ("mean_angle", False),
    "classify": ("accuracy", True),
}


def score_of(task: str, numbers: Numbers) -> Optional[float]:
    """What to compare models by: higher is better. Poses without known sigmas have no AP, but PCK."""
    name, more = BEST[task]
    value = numbers.get(name)
    if value is None and task == "pose":
        value = numbers.get("PCK@0.1")
    return value if value is None or more else -value


class Found(NamedTuple):
    """What was found in an image, beside its sample."""

    sample: Mapping[str, Any]
    result: Any
    sums: Optional[list[float]]  #: Of the loss, its numerators and weights.


class Validation:
    """Measures one model after the other on the same data.

    Args:
        model: The module that decodes; it need not be the one that computes.
        compute: Normalised images (B, 3, H, W), and noise for pretraining, -> the output.
    """

    def __init__(
        self,
        config: Config,
        data: Dataset,
        model: Trained,
        names: tuple[str, ...],
        outputs: int,
        objective: Objective,
        compute: Callable[[Tensor, Optional[Tensor]], Any],
    ) -> None:
        self.config, self.data, self.model = config, data, model
        self.names, self.outputs = names, outputs
        self.objective, self.compute = objective, compute
        self.partners = known_partners(names, outputs) if config.task == "pose" else []

    def measure(self, rank: int, processes: int, device: torch.device, batch: int) -> Numbers:
        """The numbers, on rank 0; other ranks do their share and return nothing."""
        collect = _Collection(self.config, self.names, self.outputs)
        # All processes share the parameters, so that each runs as many batches as the others.
        for first in range(0, len(self.data), batch * processes):
            start = first + rank * batch
            part = range(min(start, len(self.data)), min(start + batch, len(self.data)))
            found = list(self._run(part or range(1), device))
            for one in _gathered(found if part else [], rank, processes):
                collect.add(one)
        return collect.numbers(self.data) if rank == 0 else {}

    def _run(self, numbers: range, device: torch.device) -> Iterator[Found]:
        samples = [self.data[number] for number in numbers]
        for sample in samples:
            check_sample(sample, self.config, self.outputs)
        ready = [plain(sample, self.config, self.model.size, self.model) for sample in samples]
        inputs = torch.stack(ready).to(device)
        noise = self._noise(numbers, inputs)
        output = self.compute(inputs, noise)
        if self.config.task in ("pretrain", "classify"):
            for i, sample in enumerate(samples):
                yield self._compared(sample, inputs[i], _sample_of(output, i))
            return
        model: Any = self.model
        sizes = [sample["image"].shape[:2] for sample in samples]
        if self.partners:
            mirrored = self.compute(inputs.flip(3), None).flip(3)
            output = (output + mirrored[:, self.partners]) / 2
        if self.config.task == "pose":
            boxes = np.stack([sample["box"] for sample in samples]).astype(np.float32)
            keypoints, scores, _ = model.decode(output, sizes, boxes)
            results: Any = zip(keypoints, scores)
        else:
            results = model.decode(output, sizes)
        for sample, result in zip(samples, results):
            known = {name: value for name, value in sample.items() if name != "image"}
            yield Found(known, result, None)

    def _compared(self, sample: Sample, inputs: Tensor, output: Any) -> Found:
        """By the loss of an image; classes also by the likeliest."""
        category = sample.get("category", 0)
        known = {"inputs": inputs, "category": torch.tensor(category, device=inputs.device)}
        targets = {name: value[None] for name, value in self.objective.targets(known).items()}
        pair = self.objective.numerators(output, targets), self.objective.weights(targets)
        result = int(output.argmax()) if self.config.task == "classify" else None
        return Found({"category": category}, result, [float(part.sum()) for part in pair])

    def _noise(self, numbers: range, inputs: Tensor) -> Optional[Tensor]:
        """Of pretraining: each image hides the same patches every time."""
        if self.config.task != "pretrain":
            return None
        rows, columns = encoder_of(self.model).grid
        noise = [
            torch.rand(rows * columns, generator=torch.Generator().manual_seed(number))
            for number in numbers
        ]
        return torch.stack(noise).to(inputs.device)


def _sample_of(output: Any, number: int) -> Any:
    """Of the output for a batch, a batch of one."""
    if isinstance(output, Tensor):
        return output[number : number + 1]
    return type(output)(*(part[number : number + 1] for part in output))


def _gathered(found: list[Found], rank: int, processes: int) -> list[Found]:
    """Of all processes in order, on rank 0."""
    if processes == 1:
        return found
    parts: Optional[list[Any]] = [None] * processes if rank == 0 else None
    torch.distributed.gather_object(found, parts)
    return [one for part in parts or [] for one in part]


class _Collection:
    """Results of images, compared with what is known of them."""

    def __init__(self, config: Config, names: tuple[str, ...], outputs: int) -> None:
        self.config, self.outputs = config, outputs
        self.left_out = 0
        self.sums = np.zeros(2)
        self.right = self.images = 0
        self.persons: dict[int, list[Found]] = {}
        self.evaluator: Any = None
        if config.task == "seg":
            self.evaluator = sapiens.SegmentationEvaluator(outputs)
        elif config.task == "depth":
            self.evaluator = sapiens.DepthEvaluator()
        elif config.task == "normal":
            self.evaluator = sapiens.NormalEvaluator()
        elif config.task == "pose":
            self.evaluator = sapiens.PckEvaluator(outputs)
            published = tuple(name for name, _ in _sapiens.published_keypoints(outputs))
            # Other points of the same number have other sigmas.
            self.sigmas = sapiens.oks_sigmas(outputs) if names in ((), published) else []

    def add(self, found: Found) -> None:
        task, sample, result = self.config.task, found.sample, found.result
        self.images += 1
        if found.sums is not None:
            self.sums += found.sums
            self.right += int(result == sample["category"])
        elif task == "seg":
            labels = sample["labels"]
            # 255 is what the engine leaves out.
            labels = np.where(labels == self.config.ignore_label, 255, labels).astype(np.uint8)
            self.evaluator.add(result.astype(np.uint8), labels)
        elif task == "pose":
            self.persons.setdefault(sample["image_id"], []).append(found)
            self.evaluator.add(sample["keypoints"][None], sample["box"][None], result[0][None])
        else:
            truth = sample["depth" if task == "depth" else "normals"]
            if not self.evaluator.add(result, truth, sample.get("mask")):
                self.left_out += 1

    def numbers(self, data: Dataset) -> Numbers:
        if self.left_out:
            say(f"validation: {self.left_out} of {self.images} images have no pixel to compare")
        task = self.config.task
        if self.evaluator is None:
            # A Python float: states hold no objects of NumPy.
            loss = float(self.sums[0] / self.sums[1]) if self.sums[1] else None
            accuracy = {"accuracy": self.right / self.images} if task == "classify" else {}
            return {"loss": loss, **accuracy}
        if task == "pose":
            return self._pose_numbers(data.others)
        return self.evaluator.result()

    def _pose_numbers(self, others: Mapping[int, list[Sample]]) -> Numbers:
        everyone = [one.sample for persons in self.persons.values() for one in persons]
        everyone += [one for persons in others.values() for one in persons]
        unknown = sum(math.isnan(one["area"]) for one in everyone)
        if unknown and self.sigmas:
            say(f"validation: no AP, since {unknown} of {len(everyone)} persons have no area")
        precision = sapiens.KeypointEvaluator(self.sigmas) if self.sigmas and not unknown else None
        for image in sorted(self.persons.keys() | others.keys()):
            persons, unused = self.persons.get(image, []), others.get(image, [])
            for sample in unused:
                # Nothing can be cut out by a box without area: the person was not found.
                if not sample["crowd"] and sample["box"][2:].min() <= 0:
                    self.evaluator.add(sample["keypoints"][None], sample["box"][None], None)
            if precision is None:
                continue
            annotated: Any = [person.sample for person in persons] + unused
            found: Any = np.zeros((0, self.outputs, 2)), np.zeros((0, self.outputs))
            if persons:
                found = tuple(np.stack([one.result[i] for one in persons]) for i in (0, 1))
            fields = ("keypoints", "box", "area")
            truth: Any = (np.array([one[name] for one in annotated]) for name in fields)
            precision.add(
                image,
                *truth,
                *found,
                crowds=np.array([one.get("crowd", False) for one in annotated]),
            )
        return {**(precision.result() if precision else {}), **self.evaluator.result()}
