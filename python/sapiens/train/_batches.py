"""Batches that depend on the seed and the number of the step alone, whoever computes them."""

from __future__ import annotations

import itertools
import signal
from typing import Any, Iterator

import numpy as np
import torch
import torch.utils.data

from .._errors import Error
from ..torch._tasks import Head
from ._augment import augment
from ._config import Config
from ._data import check_sample
from ._errors import DataError
from ._model import Trained, encoder_of, head_of
from ._objectives import Objective
from ._samples import Dataset
from ._signals import Signals

# What a generator is for; streams of different purposes do not meet.
_SAMPLE, _STEP, _ORDER = range(3)


def _seed(config: Config, purpose: int, *numbers: int) -> int:
    state = np.random.SeedSequence([config.seed, purpose, *numbers]).generate_state(1, np.uint64)
    return int(state[0] >> 1)  # torch takes 63 bits


def _generator(config: Config, purpose: int, *numbers: int) -> torch.Generator:
    return torch.Generator().manual_seed(_seed(config, purpose, *numbers))


def seed_of_step(config: Config, step: int) -> int:
    return _seed(config, _STEP, step)


def is_coarse(config: Config, step: int) -> bool:
    """Whether a step learns at a quarter of the input's size."""
    return torch.rand(1, generator=_generator(config, _STEP, step)).item() < config.coarse


class BatchSampler:
    """Batches of the forward passes of one process, from a step on, without an end: of each sample
    its position in the run and its number. Positions are numbered on: `batch` times the step, plus
    the place in its batch. Every epoch is a permutation of the samples."""

    def __init__(
        self, config: Config, samples: int, step: int = 0, rank: int = 0, processes: int = 1
    ) -> None:
        self.config, self.samples, self.step, self.rank = config, samples, step, rank
        self.pass_size = config.batch // (processes * config.accumulate)
        self._epoch, self._order = -1, torch.empty(0)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        size = self.config.accumulate * self.pass_size
        for step in itertools.count(self.step):
            first = step * self.config.batch + self.rank * size
            for start in range(first, first + size, self.pass_size):
                yield [(i, self.sample_at(i)) for i in range(start, start + self.pass_size)]

    def sample_at(self, position: int) -> int:
        epoch, place = divmod(position, self.samples)
        if epoch != self._epoch:
            generator = _generator(self.config, _ORDER, epoch)
            self._order = torch.randperm(self.samples, generator=generator)
            self._epoch = epoch
        return int(self._order[place])


class TrainingSet(torch.utils.data.Dataset):
    """What training sees at each position of a run.

    An item has "inputs" and "targets"; "blank", whether nothing is known of it; for pretraining
    "noise", one number per patch; with dropout "kept", 0 or 1 per channel. A sample that cannot be
    used is {"error": message}, as exceptions of other processes lose their form.
    """

    def __init__(
        self,
        samples: Dataset,
        config: Config,
        model: Trained,
        names: tuple[str, ...],
        outputs: int,
        objective: Objective,
    ) -> None:
        self.samples, self.config, self.names = samples, config, names
        self.outputs, self.objective = outputs, objective
        encoder, head = encoder_of(model), head_of(model)
        self.size, self.family = model.size, encoder.family
        self.patches = encoder.grid[0] * encoder.grid[1] if config.task == "pretrain" else 0
        self.channels = 0  # of the dropout
        if isinstance(head, Head) and config.head_dropout:
            final: Any = head.get_submodule(head.final_name)
            self.channels = final.in_channels

    def __getitem__(self, place: tuple[int, int]) -> dict[str, Any]:
        try:
            return self._item(*place)
        except (DataError, Error) as error:
            return {"error": str(error)}

    def _item(self, position: int, number: int) -> dict[str, Any]:
        config = self.config
        generator = _generator(config, _SAMPLE, *divmod(position, config.batch))
        sample = self.samples[number]
        check_sample(sample, config, self.outputs)
        augmented = augment(sample, config, self.size, generator, self.names, self.family)
        targets = self.objective.targets(augmented)
        if "keypoints" in augmented:  # of which those that are not seen count as right
            x, y, labelled = augmented["keypoints"].T
            known = (x > 0) & (x < self.size[1]) & (y > 0) & (y < self.size[0]) & (labelled > 0)
        else:
            known = self.objective.weights({name: value[None] for name, value in targets.items()})
        item: dict[str, Any] = {"inputs": augmented["inputs"], "targets": targets}
        item["blank"] = not known.any()
        if self.patches:
            item["noise"] = torch.rand(self.patches, generator=generator)
        if self.channels:
            kept = torch.rand(self.channels, generator=generator) >= config.head_dropout
            item["kept"] = kept.float()
        return item


def _collate(items: list[dict[str, Any]]) -> dict[str, Any]:
    error = next((item["error"] for item in items if "error" in item), None)
    return {"error": error} if error else torch.utils.data.default_collate(items)


def _ignore_signals(_: int) -> None:
    # Ctrl-C reaches every process of a terminal; the one that trains decides what comes of it.
    for number in Signals.NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def batches(data: TrainingSet, sampler: BatchSampler, pinned: bool) -> Iterator[dict[str, Any]]:
    """The forward passes of one process, one after the other.

    Raises:
        DataError: A sample cannot be used.
    """
    loader = torch.utils.data.DataLoader(
        data,
        batch_sampler=sampler,  # type: ignore[arg-type]
        num_workers=data.config.workers,
        collate_fn=_collate,
        worker_init_fn=_ignore_signals,
        pin_memory=pinned,
    )
    for batch in loader:
        if "error" in batch:
            raise DataError(batch["error"])
        yield batch
