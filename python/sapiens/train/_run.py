"""A training run from its configuration to its checkpoint."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import sys
import time
from pathlib import Path
from typing import Any, Iterator, Optional

import torch
import torch.distributed
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor, nn

import sapiens

from .. import _sapiens
from .._calls import call
from .._model import model_options
from ..torch._tasks import HEADS
from ._augment import mirrors
from ._batches import BatchSampler, TrainingSet, batches, is_coarse, seed_of_step
from ._config import Config, ConfigError, write_config
from ._data import open_data
from ._distributed import (
    distribute,
    gathered_model,
    gathered_optimizer,
    make_accelerator,
    restore,
    whole,
)
from ._errors import DataError
from ._log import Clock, Log, say
from ._model import ChannelDropout, Trained, encoder_of, find_source, head_of, start
from ._objectives import OBJECTIVES
from ._optimizer import param_groups, rate_at
from ._output import (
    CONFIG,
    METRICS,
    alone_in,
    bare_copy,
    expect_same,
    plain_copy,
    prepare_folder,
    write_model,
)
from ._signals import Interrupted, Signals
from ._state import read_state, remove_states, save_state, write_atomically
from ._validate import Validation, score_of

_SAVE_SECONDS = 120
_PUBLISHED_POINTS = 17
_FIXED_OUTPUTS = {"pretrain": 0, "depth": 1, "normal": 3}
#: Transposed convolutions of a coarse step: each doubles a map of a sixteenth of the input's sides.
_COARSE_DOUBLINGS = 2


class NotFinite(ArithmeticError):
    """The loss or the gradient of a step is NaN or infinite."""


class _Pass(nn.Module):
    """A forward pass of training as one module, which is what DDP and FSDP wrap."""

    def __init__(self, model: Trained, mask_ratio: float) -> None:
        super().__init__()
        self.model = model
        self.mask_ratio = mask_ratio

    def forward(
        self,
        inputs: Tensor,
        coarse: bool = False,
        noise: Optional[Tensor] = None,
        kept: Optional[Tensor] = None,
    ) -> Any:
        if noise is not None:
            return self.model(inputs, self.mask_ratio, noise)
        dropout = getattr(head_of(self.model), "dropout", None)
        if isinstance(dropout, ChannelDropout):
            dropout.kept = kept
        return self.model(inputs, _COARSE_DOUBLINGS) if coarse else self.model(inputs)


def train(config: Config, *, resume: bool = False, overwrite: bool = False) -> None:
    """Trains, and leaves the result in `config.output`.

    Args:
        config: The run.
        resume: Go on in a folder that holds the same run.
        overwrite: Remove the run that the folder holds.

    Raises:
        ConfigError: Values that do not fit together, the data, or the run in the folder.
        DataError: A sample cannot be used.
        sapiens.Error: A file cannot be opened, or the checkpoint is refused.
        Interrupted, NotFinite: The run stopped early; it can go on from what is saved.
    """
    accelerator = make_accelerator(config)
    try:
        with alone_in(config.output) if accelerator.is_main_process else contextlib.nullcontext():
            prepare_folder(config, accelerator, resume, overwrite)
            Run(config, accelerator).run(resume)
    finally:
        # A process that fails must not wait here for others that wait for it.
        if sys.exc_info()[0] in (None, Interrupted, NotFinite):
            accelerator.end_training()


class Run:
    """One process's part of a run."""

    def __init__(self, config: Config, accelerator: Accelerator) -> None:
        self.config, self.accelerator, self.signals = config, accelerator, Signals()
        self.folder = Path(config.output)
        self.main = accelerator.is_main_process
        self.rank, self.processes = accelerator.process_index, accelerator.num_processes
        share = self.processes * config.accumulate
        if config.batch % share:
            raise ConfigError(
                f"batch: {config.batch} is no multiple of {share}, which is processes "
                f"({self.processes}) times accumulate ({config.accumulate})"
            )
        self.step, self.images = 0, 0
        self.blank, self.any_known = 0, False
        self.best: Optional[float] = None
        self.measured: list[dict[str, Any]] = []
        self.recent: list[list[float]] = []

    def run(self, resume: bool) -> None:
        """Trains to the end, and writes the result."""
        if resume and self._finished():
            self._say(f"{self.folder} is finished")
            if self.main:
                remove_states(self.folder)  # it may have been ended before it did
            return
        state = read_state(self.folder) if resume else None
        if state:
            expect_same(self.config, state["config"])  # config.toml may have been edited
        self._open()
        if state:
            self._go_on(state)
        elif resume:
            self._say(f"there is no state in {self.folder} yet: it begins with the first step")
        with self.signals.counted():
            self._train(state)
            self._finish()

    def _say(self, text: str) -> None:
        if self.main:
            say(text)

    def _finished(self) -> bool:
        result = "classifier" if self.config.task == "classify" else "model"
        return (self.folder / f"{result}.safetensors").exists()

    # What there is to train.

    def _open(self) -> None:
        config = self.config
        self.data = self._open_data(config, "data")
        source = find_source(config)
        same = source is not None and source.task == config.task
        brought = _names_in(source.path, config.task, config) if source and same else ()
        self.names = config.names or self.data.names or brought
        self.outputs = self._count_outputs(source.outputs if source and same else 0)
        if config.task == "seg" and not 2 <= self.outputs <= 255:
            raise ConfigError(f"names: seg is of 2 to 255 classes, not {self.outputs}")
        weights = len(config.class_weights)
        if weights not in (0, self.outputs):
            raise ConfigError(
                f"class_weights: expected one for each of {self.outputs} classes, not {weights}"
            )
        if len(brought) == len(self.names) and not config.new_head:
            self._tell_other_names(brought)
        if config.flip and not mirrors(config, self.names):
            self._say("images are not mirrored, since no names tell left from right")
        if self._steps is not None and self._steps <= config.warmup:
            self._say(
                f"warmup: {config.warmup} steps, but the run has {self._steps}: the learning rate "
                "never gets to its highest"
            )
        begun = start(config, self.names, self.outputs, source)
        self.model = begun.module
        self.bare = bare_copy(self.model)
        if self.main:
            lines = "\n".join(begun.lines) + "\n"
            write_atomically(self.folder / "start.txt", lambda path: path.write_text(lines))
            say(lines)
            comment = f"sapiens {sapiens.__version__}, PyTorch {torch.__version__}"
            write_atomically(self.folder / CONFIG, lambda path: write_config(config, path, comment))
        self.objective = OBJECTIVES[config.task](config, self.outputs)
        forward = _Pass(self.model, config.mask_ratio)
        self.forward = distribute(forward, encoder_of(self.model), config, self.accelerator)
        betas = config.betas[0], config.betas[1]
        self.optimizer = torch.optim.AdamW(
            param_groups(self.model, config), config.learning_rate, betas, fused=True
        )
        self.validation: Optional[Validation] = None
        if config.validation:
            # Outputs are in the order of what is trained on.
            held_out = self._open_data(dataclasses.replace(config, names=self.names), "validation")
            self.validation = Validation(
                config,
                held_out,
                self.model,
                self.names,
                self.outputs,
                self.objective,
                self._compute,
            )

    def _tell_other_names(self, brought: tuple[str, ...]) -> None:
        for i, (before, now) in enumerate(zip(brought, self.names)):
            if before != now:
                self._say(
                    f"names: output {i} is {_sapiens.printable(now)}, in the checkpoint "
                    f"{_sapiens.printable(before)}; its head is kept, --new-head begins one at random"
                )
                return

    def _open_data(self, config: Config, what: str) -> Any:
        paths = config.data if what == "data" else config.validation
        data = open_data(paths, config, config.task)
        left = "".join(f"; left out: {n} {reason}" for reason, n in data.left_out.items() if n)
        self._say(f"{what}: {len(data)} samples{left}")
        return data

    def _count_outputs(self, known: int) -> int:
        task = self.config.task
        if task in _FIXED_OUTPUTS:
            return _FIXED_OUTPUTS[task]
        if self.names:
            return len(self.names)
        outputs = self.data.outputs or known
        if task == "classify" or (task == "seg" and not outputs):
            raise ConfigError(
                "names: neither the data nor the checkpoint name the classes; give them in the order "
                "of their numbers, such as --names background skin hair"
            )
        outputs = outputs or _PUBLISHED_POINTS
        whose = "as published; --names tells others"
        if self.data.outputs or known:
            whose = "as in the data" if self.data.outputs else "as in the checkpoint"
        self._say(f"nothing names the outputs: {outputs}, {whose}")
        return outputs

    # Steps.

    @property
    def _steps(self) -> Optional[int]:
        """Of the run; None where its length is a time."""
        if self.config.minutes:
            return None
        return self.config.steps or math.ceil(
            self.config.epochs * len(self.data) / self.config.batch
        )

    def _progress(self, seconds: float) -> float:
        if self._steps is None:
            return min(1.0, seconds / 60 / self.config.minutes)
        return min(1.0, self.step / self._steps)

    def _train(self, state: Optional[dict[str, Any]]) -> None:
        config = self.config
        clock = Clock(state["seconds"] if state else 0.0)
        log = Log(self.folder, self.step, config.tensorboard) if self.main else None
        training = TrainingSet(
            self.data, config, self.model, self.names, self.outputs, self.objective
        )
        sampler = BatchSampler(config, len(self.data), self.step, self.rank, self.processes)
        source = batches(training, sampler, self.accelerator.device.type == "cuda")
        saved, seconds = time.monotonic(), self._agreed(clock.seconds)
        rate_since = (self.images, clock.seconds)
        while self._progress(seconds) < 1:
            wants_state = self._wants_state(time.monotonic() - saved)
            loss, norm, rate, agreed = self._step(
                source, self._progress(seconds), clock, wants_state
            )
            self.step += 1
            self.images += config.batch
            seconds = agreed["seconds"]
            self.recent.append([loss, norm, rate])
            done = self._progress(seconds) >= 1
            is_row = done or self.step % config.log_every == 0
            if log is not None and (is_row or log.silent):
                tell = log.add if is_row else log.tell
                tell(self._row(seconds, rate_since), self._steps, self._left(seconds))
            if is_row:
                if self.blank:
                    self._say(
                        f"in {self.blank} of these images nothing is known that could be learned"
                    )
                self.blank, self.recent, rate_since = 0, [], (self.images, clock.seconds)
            if self.validation and (
                done or (config.validate_every and self.step % config.validate_every == 0)
            ):
                self._validate(log)
            number = next((n for n in Signals.NUMBERS if agreed[n.name]), None)
            if agreed["save"] or number is not None or done:
                self._save(clock.seconds)
                saved = time.monotonic()
            if number is not None and not done:
                raise Interrupted(number, self.step)
        if log is not None:
            log.close()

    def _step(
        self,
        source: Iterator[dict[str, Any]],
        progress: float,
        clock: Clock,
        wants_state: bool,
    ) -> tuple[float, float, float, dict[str, float]]:
        """Loss, norm of the gradient, learning rate, and what all processes agreed on."""
        config, device = self.config, self.accelerator.device
        torch.manual_seed(seed_of_step(config, self.step))
        self.forward.train()
        parts = [
            send_to_device(next(source), device, non_blocking=True)
            for _ in range(config.accumulate)
        ]
        counted = torch.stack([self.objective.weights(part["targets"]) for part in parts]).sum(0)
        blank = torch.stack([part["blank"].sum() for part in parts]).sum()
        counted = self._summed(torch.cat([counted.double(), blank.double()[None]]))
        self._count_blank(int(counted[-1]))
        counted = counted[:-1]
        # Terms of which nothing is known are 0, not 0 / 0.
        scale = torch.where(counted > 0, 1 / counted.clamp(min=1e-30), 0.0).float()
        sums = torch.zeros_like(counted)
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            together = contextlib.nullcontext() if last else self.accelerator.no_sync(self.forward)
            with together:
                output = self._forward(
                    part["inputs"],
                    is_coarse(config, self.step),
                    part.get("noise"),
                    part.get("kept"),
                )
                numerators = self.objective.numerators(output, part["targets"])
                # The gradients of the processes are averaged, but the loss is a sum over them.
                self.accelerator.backward((numerators * scale).sum() * self.processes)
            sums += numerators.detach().double()
        agreed = self._agree(sums, clock.seconds, wants_state)
        loss = float((agreed.pop("sums") * scale.double()).sum())
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        norm = whole(nn.utils.clip_grad_norm_(parameters, config.clip)).item()
        if not math.isfinite(loss) or not math.isfinite(norm):
            self.optimizer.zero_grad()
            self._stop_not_finite(loss, norm, clock.seconds)
        rate = rate_at(config, self.step, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss, norm, rate, agreed

    def _forward(
        self, inputs: Tensor, coarse: bool, noise: Optional[Tensor], kept: Optional[Tensor]
    ) -> Any:
        with self.accelerator.autocast():
            return self.forward(inputs, coarse, noise, kept)

    def _count_blank(self, count: int) -> None:
        """Images of a step of which nothing is known."""
        self.blank += count
        self.any_known = self.any_known or count < self.config.batch
        if not self.any_known and self.images + self.config.batch >= len(self.data):
            raise DataError(
                f"nothing is known in any of the {self.images + self.config.batch} images so far: all "
                "labels are ignore_label, no depth or normal is valid on a person, or no keypoint is seen"
            )

    def _stop_not_finite(self, loss: float, norm: float, seconds: float) -> None:
        self._save(seconds)
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient is {norm}"
        raise NotFinite(
            f"step {self.step + 1}: {what}; the state before it is kept in {self.folder}/state. Try a "
            "lower learning_rate, a longer warmup, or precision fp32, in another output"
        )

    def _summed(self, values: Tensor) -> Tensor:
        """Over all processes."""
        if self.processes > 1:
            torch.distributed.all_reduce(values)
        return values

    def _agreed(self, seconds: float) -> float:
        """The main process's time, on all of them."""
        own = seconds if self.main else 0.0
        return self._summed(torch.tensor(own, device=self.accelerator.device).double()).item()

    def _agree(self, sums: Tensor, seconds: float, wants_state: bool) -> dict[str, Any]:
        """Sums over all processes; the signals any of them got; the main process's time and wish."""
        signals = [float(count) for count in self.signals.counts.values()]
        own = [seconds, float(wants_state)] if self.main else [0.0, 0.0]
        both = torch.cat([sums, torch.tensor(signals + own, device=sums.device).double()])
        both = self._summed(both)
        numbers = both[len(sums) :].tolist()
        names = [number.name for number in self.signals.counts] + ["seconds", "save"]
        return {"sums": both[: len(sums)], **dict(zip(names, numbers))}

    def _row(self, seconds: float, since: tuple[int, float]) -> dict[str, float]:
        loss, norm, rate = (sum(column) / len(column) for column in zip(*self.recent))
        return {
            "step": self.step,
            "epoch": self.images / len(self.data),
            "images": self.images,
            "minutes": seconds / 60,
            "loss": loss,
            "rate": rate,
            "gradient": norm,
            "images_per_second": (self.images - since[0]) / max(seconds - since[1], 1e-9),
        }

    def _left(self, seconds: float) -> float:
        progress = self._progress(seconds)
        return seconds * (1 - progress) / max(progress, 1e-9)

    # Validation.

    @torch.no_grad()
    def _compute(self, inputs: Tensor, noise: Optional[Tensor]) -> Any:
        return self._forward(inputs, False, noise, None)

    def _validate(self, log: Optional[Log]) -> None:
        assert self.validation is not None
        self.forward.eval()
        share = max(1, self.config.batch // (self.processes * self.config.accumulate))
        numbers = self.validation.measure(self.rank, self.processes, self.accelerator.device, share)
        self.accelerator.wait_for_everyone()
        score = score_of(self.config.task, numbers) if self.main else None
        better = score is not None and (self.best is None or score > self.best)
        state = gathered_model(self.model, self.main) if self._told(better) else None
        if log is None:
            return
        self.measured.append({"step": self.step, **numbers})
        log.events(self.step, dict(numbers), "validation")
        shown = ", ".join(
            f"{name} {'-' if value is None else f'{value:.4g}'}" for name, value in numbers.items()
        )
        say(f"step {self.step}: validation: {shown}{', the best' if better else ''}")
        document = json.dumps(self.measured, indent=2) + "\n"
        write_atomically(self.folder / METRICS, lambda path: path.write_text(document))
        if state is not None:
            self.best = score
            self._write_model(state, "best")

    def _told(self, value: bool) -> bool:
        """What the main process says, on all of them."""
        return bool(self._agreed(float(value)))

    # What is kept.

    def _wants_state(self, since: float) -> bool:
        if self.config.save_every:
            return (self.step + 1) % self.config.save_every == 0
        return since > _SAVE_SECONDS

    def _save(self, seconds: float) -> None:
        content = {
            "model": gathered_model(self.model, self.main),
            "optimizer": gathered_optimizer(self.optimizer),
            "step": self.step,
            "images": self.images,
            "seconds": seconds,
            "best": self.best,
            "measured": self.measured,
            "recent": self.recent,
            "samples": len(self.data),
            "names": list(self.names),
            "config": self.config.flags,
        }
        if self.main:
            save_state(self.folder, self.step, content)
        self.accelerator.wait_for_everyone()

    def _go_on(self, state: dict[str, Any]) -> None:
        if (state["samples"], state["names"]) != (len(self.data), list(self.names)):
            raise ConfigError(
                f"data: the run in {self.folder} has {state['samples']} samples of "
                f"{len(state['names'])} names, not {len(self.data)} of {len(self.names)}: the data "
                "are not what they were; begin again, in another output"
            )
        for name in ("step", "images", "best", "measured", "recent"):
            setattr(self, name, state[name])
        self.any_known = self.step > 0
        self._say(f"going on from step {self.step}, {state['seconds'] / 60:.1f} minutes")
        restore(self.model, self.optimizer, state, f"{self.folder}/state")

    def _finish(self) -> None:
        state = gathered_model(self.model, self.main)
        if self.main:
            self._write_model(state, "classifier" if self.config.task == "classify" else "model")
            self._say(f"done after {self.step} steps: {self.folder}")
            remove_states(self.folder)
        self.accelerator.wait_for_everyone()

    def _write_model(self, state: dict[str, Tensor], name: str) -> None:
        facts = {
            "steps": self.step,
            "images": self.images,
            "epochs": round(self.images / len(self.data), 3),
            "seed": self.config.seed,
            "init": Path(self.config.init).name or self.config.arch,
            "sapiens": sapiens.__version__,
            "torch": torch.__version__,
        }
        model = plain_copy(self.bare, state)
        write_model(self.folder, name, model, self.config, self.names, facts)


def _names_in(path: str, task: str, config: Config) -> tuple[str, ...]:
    """Names of classes or keypoints that a checkpoint of a task brings."""
    if task not in HEADS or task in ("depth", "normal"):
        return ()
    options = model_options(heads=config.heads, prefix=config.prefix)
    return tuple(call(_sapiens.output_names, path, options))
