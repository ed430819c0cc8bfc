"""Batches that depend on the seed and the number of the step alone, whoever computes them."""

from __future__ import annotations

import signal
from typing import Any, Iterator

import numpy as np
import torch
import torch.utils.data
from torch import Tensor

from .._errors import Error
from ._augment import augment
from ._config import Config
from ._data import check_sample
from ._errors import DataError
from ._samples import Dataset, Objective

# What a generator is for; streams of different purposes do not meet.
_SAMPLE, _STEP, _ORDER = range(3)


def _seed(config: Config, purpose: int, *numbers: int) -> int:
    state = np.random.SeedSequence([config.seed, purpose, *numbers]).generate_state(1, np.uint64)
    return int(state[0] >> 1)  # torch takes 63 bits


def generator_of(config: Config, step: int, place: int) -> torch.Generator:
    """Of what is drawn for the sample at a place of the global batch of a step."""
    return torch.Generator().manual_seed(_seed(config, _SAMPLE, step, place))


def seed_of_step(config: Config, step: int) -> int:
    return _seed(config, _STEP, step)


def is_coarse(config: Config, step: int) -> bool:
    """Whether a step learns at a quarter of the input's size."""
    if not config.coarse:
        return False
    generator = torch.Generator().manual_seed(seed_of_step(config, step))
    return torch.rand(1, generator=generator).item() < config.coarse


class Places(torch.utils.data.Dataset):
    """What training sees at each place of the batches of all steps, which are numbered on: `batch`
    times the step, plus the place in its batch. Every epoch is a permutation of the samples.

    An item has "inputs" and "targets"; "blank", whether nothing is known of it; for pretraining "noise", one number per patch; with dropout
    "kept", 0 or 1 per channel. A sample that cannot be used is {"error": message}, as exceptions of
    other processes lose their form.
    """

    def __init__(
        self,
        samples: Dataset,
        config: Config,
        size: tuple[int, int],
        names: tuple[str, ...],
        family: str,
        outputs: int,
        objective: Objective,
        patches: int,
        channels: int,
    ) -> None:
        self.samples, self.config, self.size, self.names = samples, config, size, names
        self.family, self.outputs, self.objective = family, outputs, objective
        self.patches, self.channels = patches, channels
        self._epoch, self._order = -1, torch.empty(0)

    def number_at(self, position: int) -> int:
        """Of the sample at a place."""
        epoch, place = divmod(position, len(self.samples))
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(_seed(self.config, _ORDER, epoch))
            self._order = torch.randperm(len(self.samples), generator=generator)
            self._epoch = epoch
        return int(self._order[place])

    def __getitem__(self, position: int) -> dict[str, Any]:
        try:
            return self._item(position)
        except (DataError, Error) as error:
            return {"error": str(error)}

    def _item(self, position: int) -> dict[str, Any]:
        config = self.config
        step, place = divmod(position, config.batch)
        generator = generator_of(config, step, place)
        sample = self.samples[self.number_at(position)]
        check_sample(sample, config, self.outputs)
        augmented = augment(sample, config, self.size, generator, self.names, self.family)
        targets = self.objective.targets(augmented, is_coarse(config, step))
        weights = self.objective.weights({name: value[None] for name, value in targets.items()})
        item: dict[str, Any] = {"inputs": augmented["inputs"], "targets": targets}
        item["blank"] = not weights.any()
        if self.patches:
            item["noise"] = torch.rand(self.patches, generator=generator)
        if self.channels:
            kept = torch.rand(self.channels, generator=generator) >= config.head_dropout
            item["kept"] = kept.float()
        return item


class Shares:
    """Positions of the forward passes of one process, from a step on, without an end."""

    def __init__(self, config: Config, step: int, rank: int, processes: int) -> None:
        self.config, self.step, self.rank = config, step, rank
        self.pass_size = config.batch // (processes * config.accumulate)

    def __iter__(self) -> Iterator[list[int]]:
        step = self.step
        while True:
            first = step * self.config.batch
            first += self.rank * self.config.accumulate * self.pass_size
            for i in range(self.config.accumulate):
                start = first + i * self.pass_size
                yield list(range(start, start + self.pass_size))
            step += 1


def _collate(items: list[dict[str, Any]]) -> dict[str, Any]:
    error = next((item["error"] for item in items if "error" in item), None)
    return {"error": error} if error else torch.utils.data.default_collate(items)


def _ignore_signals(_: int) -> None:
    # Ctrl-C reaches every process of a terminal; the one that trains decides what comes of it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def batches(places: Places, shares: Shares, pinned: bool) -> Iterator[dict[str, Any]]:
    """The forward passes of one process, one after the other.

    Raises:
        DataError: A sample cannot be used.
    """
    loader = torch.utils.data.DataLoader(
        places,
        batch_sampler=shares,  # type: ignore[arg-type]
        num_workers=places.config.workers,
        collate_fn=_collate,
        worker_init_fn=_ignore_signals,
        pin_memory=pinned,
    )
    for batch in loader:
        if "error" in batch:
            raise DataError(batch["error"])
        yield batch


def moved(batch: Any, device: torch.device) -> Any:
    """The tensors of nested dictionaries on another device."""
    if isinstance(batch, dict):
        return {name: moved(value, device) for name, value in batch.items()}
    return batch.to(device, non_blocking=True) if isinstance(batch, Tensor) else batch
