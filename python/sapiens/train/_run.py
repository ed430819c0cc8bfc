"""A training run from its configuration to its checkpoint."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import math
import os
import shutil
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Iterator, Optional

import torch
import torch.distributed
from accelerate import Accelerator
from accelerate.utils import (
    AutocastKwargs,
    DistributedDataParallelKwargs,
    InitProcessGroupKwargs,
)
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import sapiens

from .. import _checkpoints
from ..torch import MaskedAutoencoder, save
from ..torch._tasks import HEADS, Head
from ._augment import known_partners, mirrors
from ._batches import Places, Shares, batches, is_coarse, moved, seed_of_step
from ._config import FREE, Config, ConfigError, read_config, write_config
from ._data import open_data
from ._errors import DataError
from ._log import Clock, Log, say
from ._model import (
    ChannelDropout,
    Classifier,
    Trained,
    bare_copy,
    encoder_of,
    find_source,
    head_of,
    param_groups,
    plain_copy,
    rate_at,
    start,
)
from ._objectives import OBJECTIVES, run_head
from ._state import read_state, remove_states, save_state, write_atomically, writing
from ._validate import Validation, score_of

_SAVE_SECONDS = 120
_LONG_WAIT = timedelta(hours=2)  # processes wait while one of them validates or writes
_PUBLISHED_OUTPUTS = {"pose": 17, "seg": 28}
_FIXED_OUTPUTS = {"pretrain": 0, "depth": 1, "normal": 3}
#: All that a run writes into its folder.
_CONFIG, _METRICS = "config.toml", "metrics.json"
_WRITTEN = (
    _CONFIG,
    _METRICS,
    "log.csv",
    "start.txt",
    "model.pth",
    "model.safetensors",
    "best.pth",
    "best.safetensors",
    "classifier.safetensors",
)


class Interrupted(Exception):
    """A signal ended the run after a step; its state is saved."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"interrupted after step {step}; --resume goes on")
        self.number = number


class NotFinite(ArithmeticError):
    """The loss or the gradient of a step is NaN or infinite."""


class _Interrupts:
    """Ctrl-C, SIGTERM and the end of the terminal, counted instead of obeyed; Ctrl-C again and
    again is obeyed."""

    PATIENCE = 2  # one Ctrl-C may come twice: from the terminal, and from torchrun
    NUMBERS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))

    def __init__(self) -> None:
        self.counts = dict.fromkeys(self.NUMBERS, 0)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, self._count)
            for number in self.counts
            if signal.getsignal(number) != signal.SIG_IGN  # as nohup asks for
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _count(self, number: int, _: Any) -> None:
        self.counts[signal.Signals(number)] += 1
        if number == signal.SIGINT and self.counts[signal.SIGINT] > self.PATIENCE:
            raise KeyboardInterrupt


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
        return run_head(self.model, inputs, coarse)


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
    accelerator = _accelerator(config)
    try:
        _prepare_folder(config, accelerator, resume, overwrite)
        Run(config, accelerator).run(resume)
    finally:
        # A process that fails must not wait here for others that wait for it.
        if sys.exc_info()[0] in (None, Interrupted, NotFinite):
            accelerator.end_training()


def _accelerator(config: Config) -> Accelerator:
    cpu = config.device == "cpu" or not torch.cuda.is_available()
    if cpu:
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        torch.set_num_threads(config.threads or max(1, (cores or 1) // processes))
    else:
        # So that going on gives the same bits.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    return Accelerator(
        cpu=cpu,
        mixed_precision="no" if config.precision == "fp32" else "bf16",
        kwargs_handlers=[
            # A coarse step leaves layers out.
            DistributedDataParallelKwargs(
                find_unused_parameters=config.coarse > 0, broadcast_buffers=False
            ),
            InitProcessGroupKwargs(timeout=_LONG_WAIT),
            # No weight is used twice, but a cache would hold all of a sharded model's in bf16.
            AutocastKwargs(cache_enabled=False),
        ],
    )


def _prepare_folder(
    config: Config, accelerator: Accelerator, resume: bool, overwrite: bool
) -> None:
    folder = Path(config.output)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"output: {folder} is a file; a run needs a folder")
    there = (folder / _CONFIG).exists()
    if there and resume:
        _expect_same(config, read_config(folder / _CONFIG).flags)
    elif there and not overwrite:
        raise ConfigError(
            f"output: {folder} holds a run; --resume goes on with it, --overwrite removes it"
        )
    accelerator.wait_for_everyone()  # all of them have looked
    if accelerator.is_main_process:
        if there and not resume:
            for name in _WRITTEN:
                (folder / name).unlink(missing_ok=True)
            remove_states(folder)
            shutil.rmtree(folder / "tensorboard", ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    accelerator.wait_for_everyone()


def _expect_same(config: Config, before: dict[str, Any]) -> None:
    for name, value in config.flags.items():
        old = before.get(name)
        if name not in FREE and value != old:
            raise ConfigError(
                f"{name}: the run in {config.output} has {old!r}, not {value!r}; give "
                f"that to go on, or another output"
            )


class Run:
    """One process's part of a run."""

    def __init__(self, config: Config, accelerator: Accelerator) -> None:
        self.config, self.accelerator, self.interrupts = config, accelerator, _Interrupts()
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
            _expect_same(self.config, state["config"])  # config.toml may have been edited
        self._open()
        if state:
            self._go_on(state)
        elif resume:
            self._say(f"there is no state in {self.folder} yet: it begins with the first step")
        with self.interrupts.counted():
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
        self.names = config.names or self.data.names
        if not self.names and source is not None and same:
            self.names = _names_in(source.path, config.task, config)
        self.outputs = self._count_outputs(source.outputs if source and same else 0)
        if config.task == "seg" and not 2 <= self.outputs <= 255:
            raise ConfigError(f"names: seg is of 2 to 255 classes, not {self.outputs}")
        weights = len(config.class_weights)
        if weights not in (0, self.outputs):
            raise ConfigError(
                f"class_weights: expected one for each of {self.outputs} classes, not {weights}"
            )
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
            write_atomically(
                self.folder / _CONFIG, lambda path: write_config(config, path, comment)
            )
        self.objective = OBJECTIVES[config.task](config, self.outputs)
        self.forward = self._distribute(_Pass(self.model, config.mask_ratio))
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

    def _open_data(self, config: Config, what: str) -> Any:
        paths = config.data if what == "data" else config.validation
        data = open_data(paths, config, config.task)
        left = "".join(f"; left out: {n} {reason}" for reason, n in data.left_out.items() if n)
        self._say(f"{what}: {len(data)} samples{left}")
        if not len(data):
            raise DataError(f"{what}: there is nothing to use in {', '.join(paths)}{left}")
        return data

    def _count_outputs(self, known: int) -> int:
        task = self.config.task
        if task in _FIXED_OUTPUTS:
            return _FIXED_OUTPUTS[task]
        if self.names:
            return len(self.names)
        if task == "classify":
            raise ConfigError("names: the data name no classes; give them")
        outputs = self.data.outputs or known or _PUBLISHED_OUTPUTS[task]
        whose = "as published; `names` tells others"
        if self.data.outputs or known:
            whose = "as in the data" if self.data.outputs else "as in the checkpoint"
        self._say(f"nothing names the outputs: {outputs}, {whose}")
        return outputs

    def _distribute(self, forward: nn.Module) -> nn.Module:
        config, encoder = self.config, encoder_of(self.model)
        if config.activation_checkpointing:
            for block in encoder.blocks_in_order():
                block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)
        if config.sharding == "none":
            return self.accelerator.prepare_model(forward)
        if self.processes == 1:
            raise ConfigError("sharding: fsdp needs several processes: torchrun -m sapiens.train")
        # PyTorch's own call: Accelerate makes it on GPUs alone, and this way tests on CPUs are of
        # the same code. Parameters are gathered as float32, so that results are those of DDP.
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(self.accelerator.device.type, (self.processes,))
        for block in encoder.blocks_in_order():
            fully_shard(block, mesh=mesh)
        fully_shard(forward, mesh=mesh)  # changes the module itself
        return forward

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
        source = self._batches()
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
            if self.step % config.log_every == 0:
                if log is not None:
                    log.add(self._row(seconds, rate_since), self._steps, self._left(seconds))
                if self.blank:
                    self._say(
                        f"in {self.blank} of these images nothing is known that could be learned"
                    )
                self.blank, self.recent, rate_since = 0, [], (self.images, clock.seconds)
            done = self._progress(seconds) >= 1
            if self.validation and (
                done or (config.validate_every and self.step % config.validate_every == 0)
            ):
                self._validate(log)
            number = next((n for n in _Interrupts.NUMBERS if agreed[n.name]), None)
            if agreed["save"] or number is not None or done:
                self._save(clock.seconds)
                saved = time.monotonic()
            if number is not None and not done:
                raise Interrupted(number, self.step)
        if log is not None:
            log.close()

    def _batches(self) -> Iterator[dict[str, Any]]:
        config, device = self.config, self.accelerator.device
        pretrain = config.task == "pretrain"
        grid = encoder_of(self.model).grid
        head = head_of(self.model)
        channels = 0
        if isinstance(head, Head) and config.head_dropout:
            final: Any = head.get_submodule(head.final_name)
            channels = final.in_channels
        places = Places(
            self.data,
            config,
            self.model.size,
            self.names,
            encoder_of(self.model).family,
            self.outputs,
            self.objective,
            grid[0] * grid[1] if pretrain else 0,
            channels,
        )
        shares = Shares(config, self.step, self.rank, self.processes)
        return batches(places, shares, device.type == "cuda")

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
        parts = [moved(next(source), device) for _ in range(config.accumulate)]
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
        norm = _whole(nn.utils.clip_grad_norm_(parameters, config.clip)).item()
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
                "labels are ignore_label, or no depth or normal is valid on a person"
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
        signals = [float(count) for count in self.interrupts.counts.values()]
        own = [seconds, float(wants_state)] if self.main else [0.0, 0.0]
        both = torch.cat([sums, torch.tensor(signals + own, device=sums.device).double()])
        both = self._summed(both)
        numbers = both[len(sums) :].tolist()
        names = [number.name for number in self.interrupts.counts] + ["seconds", "save"]
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
        state = self._gathered_model() if self._told(better) else None
        if log is None:
            return
        self.measured.append({"step": self.step, **numbers})
        log.events(self.step, dict(numbers), "validation")
        shown = ", ".join(
            f"{name} {'-' if value is None else f'{value:.4g}'}" for name, value in numbers.items()
        )
        say(f"step {self.step}: validation: {shown}{', the best' if better else ''}")
        document = json.dumps(self.measured, indent=2) + "\n"
        write_atomically(self.folder / _METRICS, lambda path: path.write_text(document))
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

    def _gathered_model(self) -> dict[str, Tensor]:
        """The state dict on the CPU, on the main process; every process has to call this."""
        state = {}
        for name, value in self.model.state_dict().items():
            value = _whole(value)
            if self.main:
                state[name] = value.detach().cpu()
        return state

    def _gathered_optimizer(self) -> dict[str, Any]:
        state = self.optimizer.state_dict()
        return {
            "param_groups": state["param_groups"],
            "state": {
                number: {name: _whole(value).cpu() for name, value in values.items()}
                for number, values in state["state"].items()
            },
        }

    def _save(self, seconds: float) -> None:
        content = {
            "model": self._gathered_model(),
            "optimizer": self._gathered_optimizer(),
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
        parameters = self.model.state_dict()
        self._expect_shapes(parameters, state["model"])
        with torch.no_grad():
            for name, value in state["model"].items():
                parameters[name].copy_(_like(value, parameters[name]))
        mine = [p for group in self.optimizer.param_groups for p in group["params"]]
        saved = state["optimizer"]
        for number, values in saved["state"].items():
            for name, value in values.items():
                if name != "step":
                    self._expect_shapes({name: mine[number]}, {name: value})
                    values[name] = _like(value, mine[number])
        self.optimizer.load_state_dict(saved)

    def _expect_shapes(self, mine: dict[str, Tensor], saved: dict[str, Tensor]) -> None:
        """Copying would spread a smaller tensor, and leave those that are missing as they are."""
        shapes, found = ({n: list(t.shape) for n, t in of.items()} for of in (mine, saved))
        wrong = [n for n in {**shapes, **found} if shapes.get(n) != found.get(n)]
        if wrong:
            name = wrong[0]
            raise DataError(
                f"{self.folder / 'state'}: {name} is {found.get(name, 'missing')}, expected "
                f"{shapes.get(name, 'none')}: the state is of another model, or init has changed; "
                "begin again, in another output"
            )

    # The result.

    def _finish(self) -> None:
        state = self._gathered_model()
        if self.main:
            self._write_model(state, "classifier" if self.config.task == "classify" else "model")
            self._say(f"done after {self.step} steps: {self.folder}")
            remove_states(self.folder)
        self.accelerator.wait_for_everyone()

    def _write_model(self, state: dict[str, Tensor], name: str) -> None:
        model = plain_copy(self.bare, state)
        if isinstance(model, Classifier):
            self._write_classifier(model, name)
            return
        pth = self.folder / f"{name}.pth"
        with writing(pth):
            report = save(model, pth, self._meta())
        if report.verdict != "exact":
            raise RuntimeError(f"{pth} does not open as it should:\n{report}")
        if name == "model":
            write_atomically(self.folder / "model.safetensors", self._convert)

    def _convert(self, path: Path) -> None:
        decoder = isinstance(self.model, MaskedAutoencoder)
        _checkpoints.convert(self.folder / "model.pth", path, "mmengine", keep_unused=decoder)

    def _meta(self) -> dict[str, Any]:
        facts = {
            "steps": self.step,
            "images": self.images,
            "epochs": round(self.images / len(self.data), 3),
            "seed": self.config.seed,
            "init": Path(self.config.init).name or self.config.arch,
            "sapiens": sapiens.__version__,
            "torch": torch.__version__,
        }
        meta: dict[str, Any] = {f"training.{name}": str(value) for name, value in facts.items()}
        if not self.names:
            return meta
        if self.config.task == "pose":
            meta["dataset_meta"] = {
                "num_keypoints": self.outputs,
                "keypoint_id2name": dict(enumerate(self.names)),
                "keypoint_name2id": {name: i for i, name in enumerate(self.names)},
            }
            if partners := known_partners(self.names, self.outputs):
                meta["dataset_meta"]["flip_indices"] = partners
        elif self.config.task == "seg":
            meta["dataset_meta"] = {"classes": list(self.names)}
        return meta

    def _write_classifier(self, model: Classifier, name: str) -> None:
        from safetensors.torch import save_file

        rows, columns = model.size
        told = {
            "names": json.dumps(list(self.names)),
            "features": self.config.features,
            "size": f"{rows}x{columns}",
            "encoder": self.config.init,
        }
        tensors = {key: value.contiguous() for key, value in model.classifier.state_dict().items()}
        write_atomically(
            self.folder / f"{name}.safetensors", lambda path: save_file(tensors, path, told)
        )


def _whole(value: Tensor) -> Tensor:
    """Of a tensor that is spread over processes, all of it."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def _like(value: Tensor, other: Any) -> Tensor:
    """A tensor spread over processes as another one is."""
    value = value.to(other.device)
    if not hasattr(other, "full_tensor"):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, other.device_mesh, other.placements)


def _names_in(path: str, task: str, config: Config) -> tuple[str, ...]:
    """Names of classes or keypoints that a checkpoint of a task brings."""
    if task not in HEADS or task in ("depth", "normal"):
        return ()
    kind: Any = sapiens.Pose if task == "pose" else sapiens.Segmenter
    model = kind(path, heads=config.heads, prefix=config.prefix, threads=1)
    return tuple(model.names)
