"""The program `sapiens-train`, also ``python -m sapiens.train`` and ``torchrun -m sapiens.train``."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import sys
import traceback
from typing import Any, Optional, Sequence

from .._errors import EXIT_CODES, Error
from ._config import KINDS, RECIPES, Config, ConfigError, make_config, read_config
from ._log import say

_NEEDED = ("torch", "accelerate", "peft", "tensorboard")
# The first field of each group of flags.
_GROUPS = {
    "task": "what is trained",
    "mode": "the model",
    "epochs": "how it learns",
    "flip": "what is made of an image",
    "precision": "where and how it runs",
    "log_every": "what it leaves",
}
_LENGTHS = ("epochs", "steps", "minutes")
_FAILED, _USAGE, _DATA, _RESOURCES, _BUG = 1, 2, 4, 5, 70
_EXAMPLES = """examples:
  sapiens-train seg --init 0.3b:pretrain --data train/ --validation held_out/ --output run --epochs 20
  sapiens-train pose --init 0.3b:pretrain --data persons.json --images photos/ --output run \\
      --epochs 10 --mode lora
  sapiens-train --config run.toml --learning-rate 1e-4
  torchrun --nproc-per-node 8 -m sapiens.train --config run.toml --sharding fsdp
  sapiens-train --config run/config.toml --resume

Values of recipes for tasks: docs/training.md.
"""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the program; returns its exit code."""
    parser = make_parser()
    given = vars(parser.parse_args(arguments))
    path, resume, overwrite = (given.pop(name) for name in ("config", "resume", "overwrite"))
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if sys.version_info < (3, 11) and path and importlib.util.find_spec("tomli") is None:
        missing.append("tomli")
    if missing:
        return _end(
            f"{', '.join(missing)} not installed: pip install '.[train]' in the top folder of the repository",
            _USAGE,
        )
    if resume and overwrite:
        return _end("--resume and --overwrite exclude each other", _USAGE)
    values = {name: value for name, value in given.items() if value is not None}
    if any(values.get(name) for name in _LENGTHS):  # a length replaces that of the file
        values = {**dict.fromkeys(_LENGTHS, 0), **values}
    try:
        config = read_config(path, **values) if path else make_config(values)
    except ConfigError as error:
        return _end(str(error), _USAGE)
    return _train(config, resume, overwrite)


def make_parser() -> argparse.ArgumentParser:
    """Flags are the fields of `Config`, with dashes; those left out are None."""
    parser = argparse.ArgumentParser(
        prog="sapiens-train",
        usage="%(prog)s TASK --init CHECKPOINT --data PATH... --output RUN --epochs N [flags]\n"
        "       %(prog)s --config RUN.toml [flags]",
        description="Trains Sapiens models on PyTorch; flags and TOML files have the same names.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", metavar="TOML", help="file of values; flags count more")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the output")
    parser.add_argument("--overwrite", action="store_true", help="remove the run in the output")
    group: Any = parser
    for field in dataclasses.fields(Config):
        if field.name in _GROUPS:
            group = parser.add_argument_group(_GROUPS[field.name])
        _add_flag(group, field)
    return parser


def _add_flag(group: Any, field: Any) -> None:
    help_text = field.metadata["help"].replace("%", "%%")
    if field.name == "task":
        group.add_argument("task", nargs="?", metavar="TASK", help=help_text)
        return
    by_task = [
        f"{values[field.name]} for {task}"
        for task, values in RECIPES.items()
        if field.name in values
    ]
    default = "" if field.default in ("", (), dataclasses.MISSING) else f"{field.default}"
    if default or by_task:
        help_text += f" ({'; '.join(filter(None, [default, *by_task]))})".replace("%", "%%")
    kind, many = KINDS[field.name]
    flag = "--" + field.name.replace("_", "-")
    if kind is bool:
        group.add_argument(
            flag, action=argparse.BooleanOptionalAction, default=None, help=help_text
        )
        return
    metavar = {int: "N", float: "X", str: "TEXT"}[kind]
    group.add_argument(
        flag, type=kind, nargs="+" if many else None, metavar=metavar, help=help_text
    )


def _train(config: Config, resume: bool, overwrite: bool) -> int:
    try:
        # What is imported here imports PyTorch.
        import torch

        from ._errors import DataError
        from ._run import NotFinite, train
        from ._signals import Interrupted
        from ._state import WriteError
    except KeyboardInterrupt:
        return _end("interrupted", 130)

    try:
        train(config, resume=resume, overwrite=overwrite)
    except ConfigError as error:
        return _end(str(error), _USAGE)
    except DataError as error:
        return _end(str(error), _DATA)
    except Interrupted as interrupted:
        return _end(str(interrupted), 128 + interrupted.number)
    except KeyboardInterrupt:
        return _end("interrupted; --resume goes on from the last state", 130)
    except NotFinite as error:
        return _end(str(error), _FAILED)
    except Error as error:
        return _end(str(error), EXIT_CODES.get(error.code, _USAGE))
    except (OSError, WriteError) as error:
        return _end(str(error), _DATA if isinstance(error, FileNotFoundError) else _RESOURCES)
    except Exception as error:
        text = str(error) or "memory ran out"
        # On a CPU PyTorch has no error of its own for this.
        cpu = isinstance(error, RuntimeError) and "can't allocate memory" in text
        if cpu or isinstance(error, (torch.OutOfMemoryError, MemoryError)):
            hint = "try a smaller batch, accumulate, activation_checkpointing, or sharding fsdp"
            return _end(f"{text}\n  hint:     {hint}", _RESOURCES)
        if isinstance(error, RuntimeError) and "DataLoader worker" in text:
            hint = "memory may have run out: try fewer workers, or a smaller batch"
            return _end(f"a process that reads data ended: {text}\n  hint:     {hint}", _RESOURCES)
        traceback.print_exc()
        return _end("a bug in sapiens-train", _BUG)
    return 0


def _end(message: str, code: int) -> int:
    say(f"sapiens-train: {message}")
    return code


if __name__ == "__main__":
    sys.exit(main())
