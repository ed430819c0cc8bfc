"""What a training run is: one flat table of values, of a TOML file or of flags with the same names."""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Literal, Mapping, Union, get_args, get_origin, get_type_hints

Task = Literal["pretrain", "pose", "seg", "depth", "normal", "classify"]
TASKS = get_args(Task)

#: By task, where a recipe of the original has another value than `Config`; docs/training.md lists them
#: beside their source.
RECIPES: dict[str, dict[str, Any]] = {
    "pretrain": {
        "learning_rate": 1.5e-4,
        "layer_decay": 1.0,
        "weight_decay": 0.05,
        "betas": (0.9, 0.95),
        "schedule": "cosine",
        "scale": (0.2, 1.0),
        "color": 0.0,
        "flip": 0.5,
    },
    "pose": {"schedule": "step", "rotation": 80.0, "scale": (0.5, 1.5), "head_dropout": 0.0},
    "seg": {"rotation": 45.0, "scale": (0.2, 2.0)},
    "depth": {"rotation": 60.0, "scale": (0.2, 2.0)},
    "normal": {"scale": (0.2, 2.0)},
    "classify": {"learning_rate": 1e-3, "weight_decay": 0.0, "mode": "head", "scale": (0.5, 1.0)},
}


class ConfigError(ValueError):
    """A value of a run that is not understood; the message names it, with what is expected."""


def _is(default: Any, text: str, *bounds: float) -> Any:
    """A field with its help; `bounds` are the lowest and the highest number, of lists of each."""
    return field(default=default, metadata={"help": text, "bounds": bounds})


@dataclass(frozen=True)
class Config:
    """A training run. Fields are the names of the TOML file and, with dashes, of the flags."""

    task: Task = _is(MISSING, "what to train: " + ", ".join(TASKS))
    data: tuple[str, ...] = _is(
        MISSING, "training data: folders, COCO .json files, .tar shards, folders of arrays"
    )
    output: str = _is(MISSING, "folder of the run; made if it is missing")
    init: str = _is("", "checkpoint to start from, or the short name of a downloaded one")
    arch: str = _is("", "without init: the encoder to start from at random, such as 0.3b")
    images: str = _is("", "folder of the images of COCO .json files; by default that of the file")
    validation: tuple[str, ...] = _is(
        (), "data that is not trained on, measured as `sapiens eval` does"
    )

    # The model.
    mode: Literal["full", "lora", "head"] = _is(
        "full", "what learns: full, lora (attention of the encoder, and the head) or head"
    )
    head: Literal["original", "conv", "linear"] = _is(
        "original",
        "layers of a new head: original, conv (one 1x1 convolution and the last layer) or linear",
    )
    head_channels: int = _is(
        0, "channels of a new head; 0: the original's, at most the encoder's width", 0, 65536
    )
    head_dropout: float = _is(
        0.1, "share of the channels before the last layer that a step leaves out", 0, 0.99
    )
    new_head: bool = _is(
        False, "start the head at random where the checkpoint has a fitting one, too"
    )
    names: tuple[str, ...] = _is(
        (), "of classes or keypoints, in order; by default those of data or checkpoint"
    )
    ignore_label: int = _is(255, "value in label maps that is left out", 0, 255)
    size: tuple[int, ...] = _is(
        (), "height and width of the input; by default the checkpoint's for the task", 16, 16384
    )
    heads: int = _is(
        0, "attention heads, for checkpoints of sizes that were never published", 0, 1024
    )
    prefix: str = _is("", "which model of a file with several")
    lora_rank: int = _is(8, "of the adapters", 1, 4096)
    lora_alpha: float = _is(16.0, "scale of the adapters; they count alpha / rank", 1e-6, 1e6)
    features: Literal["avg_featmap", "cls_token"] = _is(
        "avg_featmap", "classify: which features, avg_featmap or cls_token"
    )
    mask_ratio: float = _is(0.75, "pretrain: share of the patches that are hidden", 0.01, 0.99)

    # How it learns.
    epochs: float = _is(0.0, "how long: passes through the data", 0, 1e9)
    steps: int = _is(0, "how long: optimizer steps", 0, 10**12)
    minutes: float = _is(
        0.0,
        "how long: minutes of wall-clock time; such a run cannot be repeated to the bit",
        0,
        1e9,
    )
    batch: int = _is(16, "images of an optimizer step, over all processes", 1, 10**6)
    accumulate: int = _is(
        1, "forward passes per process of which an optimizer step is made", 1, 10**6
    )
    learning_rate: float = _is(5e-4, "the highest", 0, 100)
    layer_decay: float = _is(
        0.85, "factor of the learning rate per layer towards the image", 0.01, 1
    )
    weight_decay: float = _is(0.1, "of AdamW; not of biases, norms, tokens and positions", 0, 10)
    betas: tuple[float, ...] = _is((0.9, 0.999), "of AdamW", 0, 0.999999)
    schedule: Literal["linear", "cosine", "step", "constant"] = _is(
        "linear", "of the learning rate after the warm-up: linear, cosine, step or constant"
    )
    warmup: int = _is(
        -1,
        "steps until the learning rate is at its highest; -1: 500, in shorter runs a tenth of the run",
        -1,
        10**9,
    )
    clip: float = _is(1.0, "largest norm of the gradient", 1e-9, 1e9)
    class_weights: tuple[float, ...] = _is((), "seg: weight of each class in the loss", 0, 1e9)
    dice: float = _is(0.0, "seg: weight of a Dice loss beside cross-entropy", 0, 1e6)
    sigma: float = _is(
        0.0,
        "pose: deviation of the Gaussians in pixels of the heatmap; 0: 6/192 of its width",
        0,
        1000,
    )
    pose_loss: Literal["mean", "sum"] = _is(
        "mean", "pose: mean (over all pixels, as the original's) or sum (over each map)"
    )
    depth_loss: Literal["silog", "l1"] = _is(
        "silog", "depth: silog (as the original's) or l1 (in deviations from the person's mean)"
    )
    loss_size: Literal["input", "head"] = _is(
        "input",
        "seg, depth, normal: compare at the size of the input (outputs enlarged, as the original's) or of "
        "the head (each output with the pixels it covers: less work and memory)",
    )
    coarse: float = _is(
        0.0,
        "share of the steps that learn at a quarter of the input's size, at half the cost of small models",
        0,
        1,
    )

    # What is made of an image.
    flip: float = _is(0.5, "share of the images that are mirrored", 0, 1)
    scale: tuple[float, ...] = _is(
        (0.5, 1.5), "smallest and largest scale of an image, or of a person's box", 0.01, 100
    )
    shift: float = _is(
        0.16,
        "pose: largest displacement of a person's box, as a share of its size, in three of ten images",
        0,
        1,
    )
    rotation: float = _is(0.0, "largest rotation in degrees, of half of the images", 0, 180)
    color: float = _is(0.25, "strength of changes of brightness, contrast and channels", 0, 1)

    # Where and how it runs.
    precision: Literal["bf16", "fp32"] = _is("bf16", "of matrix products: bf16 or fp32")
    device: Literal["auto", "cpu"] = _is("auto", "auto or cpu")
    sharding: Literal["none", "fsdp"] = _is(
        "none", "none (DDP) or fsdp: parameters, gradients and optimizer are spread over processes"
    )
    activation_checkpointing: bool = _is(
        False, "compute blocks again in the backward pass: less memory"
    )
    threads: int = _is(0, "of PyTorch on a CPU; 0: every core over the processes", 0, 4096)
    workers: int = _is(0, "processes that read and augment images; 0: none of their own", 0, 1024)
    seed: int = _is(1, "of everything random", 0, 2**31 - 1)

    # What it leaves.
    log_every: int = _is(
        50,
        "steps between rows of the log; the first and the last step, and every minute, are told, too",
        1,
        10**9,
    )
    validate_every: int = _is(0, "steps between validations; 0: at the end", 0, 10**9)
    save_every: int = _is(
        0, "steps between states to continue from; 0: every two minutes", 0, 10**9
    )
    tensorboard: bool = _is(True, "write TensorBoard events beside log.csv")

    @property
    def flags(self) -> dict[str, Any]:
        """The values as a TOML file has them."""
        values = dataclasses.asdict(self).items()
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values}


#: Fields that may differ when a run goes on.
FREE = frozenset(
    "output device threads workers log_every validate_every save_every tensorboard".split()
)

_LENGTHS = {"size": (0, 2), "betas": (2,), "scale": (2,)}

_HINTS = get_type_hints(Config)


# What other tasks would not read.
_WITH_HEAD = ("pose", "seg", "depth", "normal")
_TASKS_OF = {
    **dict.fromkeys(("head", "head_channels", "new_head", "coarse", "rotation"), _WITH_HEAD),
    **dict.fromkeys(("sigma", "pose_loss"), ("pose",)),
    **dict.fromkeys(("class_weights", "dice"), ("seg",)),
    "depth_loss": ("depth",),
    "loss_size": ("seg", "depth", "normal"),
    "mask_ratio": ("pretrain",),
    "features": ("classify",),
}


def _kind(hint: Any) -> tuple[type, bool]:
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    return (str if get_origin(hint) is Literal else hint), False


#: By the name of a field: the type of its value or of each of its values, and whether there may be several.
KINDS = {name: _kind(hint) for name, hint in _HINTS.items()}
_FIELDS = {field.name: field for field in dataclasses.fields(Config)}


def read_config(path: Union[str, Path], **overrides: Any) -> Config:
    """The run that a TOML file describes; `overrides` count more.

    Raises:
        ConfigError: The file is no TOML, or a name or value in it is not understood.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:  # of UTF-8 and of TOML, too
        raise ConfigError(f"{path}: {error}") from None
    return make_config({**values, **overrides}, f"{path}: ")


def write_config(config: Config, path: Union[str, Path], comment: str = "") -> None:
    """All values as a TOML file that `read_config` takes, below lines of comment."""
    lines = [f"# {line}" for line in comment.splitlines()]
    # JSON's numbers, texts and lists are TOML's, too; without \u escapes of surrogates.
    lines += [
        f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
        for name, value in config.flags.items()
    ]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_config(values: Mapping[str, Any], where: str = "") -> Config:
    """A checked run of named values; `where` begins the message of an error."""
    for name in values:
        if name not in KINDS:
            near = difflib.get_close_matches(name, KINDS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"{where}there is no value {name}{hint}")
    for name in ("task", "data", "output"):
        if not values.get(name):
            raise ConfigError(f"{where}{name} is missing: {_FIELDS[name].metadata['help']}")
    checked = {name: _checked(name, value, where) for name, value in values.items()}
    config = Config(**{**RECIPES.get(checked["task"], {}), **checked})
    _check_together(config, where)
    return config


def _checked(name: str, value: Any, where: str) -> Any:
    kind, many = KINDS[name]
    if many and isinstance(value, (str, int, float)) and name in ("data", "validation", "names"):
        value = [value]
    if many and not isinstance(value, (list, tuple)):
        raise ConfigError(f"{where}{name}: expected a list, not {_shown(value)}")
    parts = tuple(_part(name, part, kind, where) for part in (value if many else [value]))
    if many and len(parts) not in _LENGTHS.get(name, (len(parts),)):
        lengths = " or ".join(map(str, _LENGTHS[name]))
        raise ConfigError(f"{where}{name}: expected {lengths} values, not {len(parts)}")
    return parts if many else parts[0]


def _part(name: str, value: Any, kind: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            raise ConfigError(f"{where}{name}: expected a number, not {_shown(value)}") from None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise ConfigError(f"{where}{name}: expected {words[kind]}, not {_shown(value)}")
    if kind is str and ("\0" in value or not _is_unicode(value)):
        raise ConfigError(f"{where}{name}: {value!r} is no text of UTF-8, which config.toml keeps")
    hint = _HINTS[name]
    if get_origin(hint) is Literal and value not in get_args(hint):
        raise ConfigError(
            f"{where}{name}: expected one of {', '.join(get_args(hint))}, not {value!r}"
        )
    bounds = _FIELDS[name].metadata["bounds"]
    if bounds and not bounds[0] <= value <= bounds[1]:
        raise ConfigError(
            f"{where}{name}: expected {bounds[0]} to {bounds[1]}, not {_shown(value)}"
        )
    return value


def _shown(value: Any) -> str:
    """A value in a message; TOML has whole numbers of more digits than Python converts to text."""
    try:
        return repr(value)
    except ValueError:
        return "such a number"


def _is_unicode(text: str) -> bool:
    return text.isascii() or text.encode("utf-8", "replace").decode("utf-8") == text


def _check_together(config: Config, where: str) -> None:
    if sum(map(bool, (config.epochs, config.steps, config.minutes))) != 1:
        raise ConfigError(f"{where}give one of epochs, steps and minutes")
    if bool(config.init) == bool(config.arch):
        raise ConfigError(f"{where}give init, a checkpoint, or arch, to start at random")
    if config.arch and config.mode != "full":
        raise ConfigError(
            f"{where}mode {config.mode} needs a checkpoint in init: a random encoder has nothing to keep"
        )
    if config.scale[0] > config.scale[1]:
        raise ConfigError(f"{where}scale: the first must not be above the second")
    if any(side % 16 for side in config.size):
        raise ConfigError(f"{where}size: expected multiples of 16, not {list(config.size)}")
    if len(set(config.names)) != len(config.names):
        twice = max(config.names, key=config.names.count)
        raise ConfigError(f"{where}names: {twice!r} is there twice")
    if "" in config.names:
        raise ConfigError(f"{where}names: one of them is empty")
    if config.task == "classify" and config.mode != "head":
        raise ConfigError(f"{where}classify trains its last layer alone: mode head")
    if config.task == "pretrain" and config.mode == "head":
        raise ConfigError(f"{where}pretrain trains encoder and decoder: mode full or lora")
    for name, tasks in _TASKS_OF.items():
        if config.task not in tasks and getattr(config, name) != _FIELDS[name].default:
            raise ConfigError(f"{where}{name} is for {', '.join(tasks)}, not for {config.task}")
