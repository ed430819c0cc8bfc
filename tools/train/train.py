#!/usr/bin/env python3
"""Trains one stage of a tiny Sapiens. A run is a folder: `state.pt` to go on from, `log.csv`, and at the end
`model.pt`. Started again with the same folder it goes on, or says that it is finished. See README.md."""
import argparse
import csv
import pathlib
import signal
import sys
import time

import numpy as np
import torch

from data import DataError, People, shuffled
from model import COARSE, TASKS, Config, Sapiens
from objectives import OBJECTIVES
from schedule import Budget, make_optimizer, set_rate
from weights import recorded_values, save_atomically, start_from

# Small batches: what limits a short training is the number of steps.
# Batch, learning rate, weight decay, layer decay, AdamW's betas, width of the head.
DEFAULTS = {
    "pretrain": (32, 1e-3, 0.05, 1.0, (0.9, 0.95), 0),
    "pose": (16, 1e-3, 0.1, 0.85, (0.9, 0.999), 48),
    "seg": (16, 1e-3, 0.1, 0.95, (0.9, 0.999), 48),
    "depth": (16, 1e-3, 0.1, 0.95, (0.9, 0.999), 24),
    "normal": (16, 1e-3, 0.1, 0.95, (0.9, 0.999), 48),
}
COLUMNS = ("step", "images", "minutes", "loss", "rate", "gradient", "images_per_second")
SAVE_SECONDS = 120
# What may differ when a run goes on.
FREE = ("data", "output", "init", "threads", "minutes", "steps", "restart", "log_every")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    stages = parser.add_subparsers(dest="task", required=True, metavar="|".join(TASKS))
    for task in TASKS:
        batch, rate, decay, layer_decay, _, head_width = DEFAULTS[task]
        stage = stages.add_parser(task)
        stage.add_argument("--data", nargs="+", required=True, metavar="DIR", help="folders of arrays")
        stage.add_argument("--output", type=pathlib.Path, required=True, metavar="DIR", help="folder of this run")
        stage.add_argument("--minutes", type=float, help="budget: minutes of training, interruptions not counted")
        stage.add_argument("--steps", type=int, help="budget: steps; reproducible, unlike minutes")
        stage.add_argument("--restart", action="store_true", help="forget what the folder holds")
        stage.add_argument("--seed", type=int, default=1)
        stage.add_argument("--threads", type=int, default=2)
        stage.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="of matrix products")
        stage.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
        stage.add_argument("--batch", type=int, default=batch)
        stage.add_argument("--rate", type=float, default=rate, help="learning rate at its highest")
        stage.add_argument("--warmup", type=int, default=200, help="steps")
        stage.add_argument("--weight-decay", type=float, default=decay)
        stage.add_argument("--log-every", type=int, default=50, help="steps")
        stage.add_argument("--width", type=int, default=192)
        stage.add_argument("--depth", type=int, default=8)
        stage.add_argument("--heads", type=int, default=6)
        if task == "pretrain":
            stage.add_argument("--decoder-width", type=int, default=64)
            stage.add_argument("--decoder-depth", type=int, default=2)
            stage.set_defaults(init=None, layer_decay=layer_decay, coarse=0)
        else:
            stage.add_argument(
                "--init", metavar="FILE", help="pretraining checkpoint, or one of this task to go on from; default: none"
            )
            stage.add_argument("--layer-decay", type=float, default=layer_decay)
            stage.add_argument(
                "--coarse", type=float, default=0.8 if COARSE[task] else 0, metavar="SHARE",
                help="of the steps: learn at a quarter of the image's size, at half the cost (%(default)s)",
            )
            if task == "seg":
                stage.add_argument(
                    "--class-weights", type=float, default=0.0, metavar="POWER",
                    help="of a class's rareness; 0 counts pixels, 1 counts classes (%(default)s)",
                )
            stage.add_argument("--head-width", type=int, default=head_width)
    arguments = parser.parse_args()
    if not arguments.minutes and not arguments.steps:
        parser.error("give --minutes or --steps")
    return arguments


def config_of(arguments):
    names = ("task", "width", "depth", "heads", "decoder_width", "decoder_depth", "head_width")
    sizes = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    # Pretraining sees squares, as the published models did; tasks see 4:3.
    return Config(**sizes, grid=(16, 16) if arguments.task == "pretrain" else (16, 12))


class Interrupts:
    """SIGINT and SIGTERM end training after the step under way."""

    def __init__(self):
        self.received = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.receive)

    def receive(self, number, _):
        self.received = number


class Log:
    """The CSV; rows later than where a run goes on are dropped."""

    def __init__(self, path, first_step):
        rows = []
        if first_step > 0 and path.exists():
            with open(path, newline="") as file:
                rows = [row for row in csv.reader(file) if row and row[0].isdigit() and int(row[0]) <= first_step]
        self.file = open(path, "w", newline="")
        self.writer = csv.writer(self.file)
        self.writer.writerow(COLUMNS)
        self.writer.writerows(rows)
        self.file.flush()

    def add(self, task, **values):
        self.writer.writerow([f"{values[name]:.6g}" for name in COLUMNS])
        self.file.flush()
        shown = ", ".join(f"{name.replace('_', ' ')} {values[name]:.5g}" for name in COLUMNS)
        print(f"{task}: {shown}", file=sys.stderr, flush=True)


def to_device(tree, device):
    if isinstance(tree, (tuple, list)):
        return tuple(to_device(part, device) for part in tree)
    return tree.to(device)


class Run:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = arguments.output
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(arguments.threads)
        torch.manual_seed(arguments.seed)
        config = config_of(arguments)
        self.model = Sapiens(config)
        self.before = start_from(self.model, arguments.init) if arguments.init else {}
        self.model.to(arguments.device)
        options = {"class_weights": arguments.class_weights} if arguments.task == "seg" else {}
        self.objective = OBJECTIVES[arguments.task](config, **options)
        self.optimizer = make_optimizer(
            self.model, arguments.rate, arguments.weight_decay, arguments.layer_decay, DEFAULTS[arguments.task][4]
        )
        self.budget = Budget(arguments.steps, arguments.minutes)
        self.step, self.seconds, self.images = 0, 0.0, 0

    @property
    def settings(self):
        return {name: value for name, value in vars(self.arguments).items() if name not in FREE}

    def resume(self):
        path = self.folder / "state.pt"
        if self.arguments.restart or not path.exists():
            return
        state = torch.load(path, map_location=self.arguments.device, weights_only=True)
        changed = [name for name, value in self.settings.items() if state["settings"].get(name) != value]
        if changed:
            raise SystemExit(f"{path} was made with other values of {', '.join(changed)}; give those, or --restart")
        self.model.load_state_dict(state["state_dict"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.images = state["step"], state["seconds"], state["images"]
        print(f"going on from step {self.step}, {self.seconds / 60:.1f} minutes", file=sys.stderr)

    def save(self):
        # Everything random is drawn from (seed, step), so no generator has a state worth keeping.
        state = {
            "settings": self.settings,
            "state_dict": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "meta": recorded_values(self.model.config),
            "step": self.step,
            "seconds": self.seconds,
            "images": self.images,
        }
        save_atomically(self.folder / "state.pt", lambda path: torch.save(state, path))

    def save_model(self):
        facts = {"steps": self.step, "images": self.images, "minutes": self.seconds / 60}
        facts = {f"training.{name}": value + float(self.before.get(f"training.{name}", 0)) for name, value in facts.items()}
        facts = {name: f"{value:.0f}" for name, value in facts.items()}
        facts |= {"training.seed": str(self.arguments.seed), "training.data_images": str(len(self.data))}
        content = {
            "meta": recorded_values(self.model.config) | facts,
            "state_dict": {key: value.cpu() for key, value in self.model.state_dict().items()},
        }
        save_atomically(self.folder / "model.pt", lambda path: torch.save(content, path))

    def train_step(self):
        arguments = self.arguments
        generator = torch.Generator().manual_seed(arguments.seed * 1_000_000_007 + self.step)
        batch = self.data.batch(shuffled(len(self.data), arguments.batch, arguments.seed, self.step))
        coarse = arguments.coarse > 0 and torch.rand(1, generator=generator).item() < arguments.coarse
        inputs, targets = to_device(self.objective.prepare(batch, generator, coarse), arguments.device)
        with torch.autocast(torch.device(arguments.device).type, torch.bfloat16, arguments.precision == "bf16"):
            if arguments.task == "pretrain":
                output = self.model.reconstruct(inputs, targets)
            else:
                output = self.model(inputs, coarse)
        loss = self.objective.loss(output, inputs, targets)
        rate = arguments.rate * self.budget.rate(self.step, self.seconds, arguments.warmup)
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if not torch.isfinite(norm):
            raise SystemExit(f"step {self.step}: the gradient is not finite; what was saved before is kept")
        self.optimizer.step()
        self.step += 1
        self.images += len(inputs)
        return {"loss": loss.item(), "rate": rate, "gradient": norm.item()}

    def train(self):
        self.data = People(self.arguments.data, self.arguments.task)
        self.resume()
        log, interrupts = Log(self.folder / "log.csv", self.step), Interrupts()
        recent, last_save, logged = [], time.monotonic(), (self.images, self.seconds)
        while self.budget.progress(self.step, self.seconds) < 1 and not interrupts.received:
            start = time.monotonic()
            recent.append(self.train_step())
            now = time.monotonic()
            self.seconds += now - start
            if self.step % self.arguments.log_every == 0:
                means = {name: np.mean([row[name] for row in recent]) for name in recent[0]}
                speed = (self.images - logged[0]) / (self.seconds - logged[1])
                log.add(
                    self.arguments.task,
                    step=self.step,
                    images=self.images,
                    minutes=self.seconds / 60,
                    images_per_second=speed,
                    **means,
                )
                recent, logged = [], (self.images, self.seconds)
            if now - last_save > SAVE_SECONDS:
                self.save()
                last_save = now
        self.save()
        if self.budget.progress(self.step, self.seconds) < 1:
            print(f"interrupted at step {self.step}; the same command goes on", file=sys.stderr)
            raise SystemExit(128 + interrupts.received)
        self.save_model()


def main():
    arguments = parse_arguments()
    if (arguments.output / "model.pt").exists() and not arguments.restart:
        print(f"{arguments.output} is finished; --restart trains it again", file=sys.stderr)
        return
    try:
        Run(arguments).train()
    except DataError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
