"""What a training run is: one flat table of values, of a TOML file or of flags with the same names."""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Union, get_args, get_origin, get_type_hints

TASKS = ("pretrain", "pose", "seg", "depth", "normal", "classify")

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


def _is(text: str, **more: Any) -> Any:
    return field(metadata={"help": text}, **more)


@dataclass(frozen=True)
class Config:
    """A training run. Fields are the names of the TOML file and, with dashes, of the flags."""

    task: str = _is("what to train: " + ", ".join(TASKS))
    data: tuple[str, ...] = _is(
        "training data: folders, COCO .json files, .tar shards, folders of arrays"
    )
    output: str = _is("folder of the run; made if it is missing")
    init: str = _is("checkpoint to start from, or the short name of a downloaded one", default="")
    arch: str = _is("without init: the encoder to start from at random, such as 0.3b", default="")
    images: str = _is(
        "folder of the images of COCO .json files; by default that of the file", default=""
    )
    validation: tuple[str, ...] = _is(
        "data that is not trained on, measured as `sapiens eval` does", default=()
    )

    # The model.
    mode: str = _is(
        "what learns: full, lora (attention of the encoder, and the head) or head", default="full"
    )
    head: str = _is(
        "layers of a new head: original, conv (one 3x3 convolution and the last layer) or linear",
        default="original",
    )
    head_channels: int = _is("channels of a new head; 0: 768, as the original's", default=0)
    head_dropout: float = _is(
        "share of the channels before the last layer that a step leaves out", default=0.1
    )
    new_head: bool = _is(
        "start the head at random where the checkpoint has a fitting one, too", default=False
    )
    names: tuple[str, ...] = _is(
        "of classes or keypoints, in order; by default those of data or checkpoint", default=()
    )
    ignore_label: int = _is("value in label maps that is left out", default=255)
    size: tuple[int, ...] = _is(
        "height and width of the input; by default the checkpoint's for the task", default=()
    )
    heads: int = _is(
        "attention heads, for checkpoints of sizes that were never published", default=0
    )
    prefix: str = _is("which model of a file with several", default="")
    lora_rank: int = _is("of the adapters", default=8)
    lora_alpha: float = _is("scale of the adapters; they count alpha / rank", default=16.0)
    features: str = _is("classify: which features, avg_featmap or cls_token", default="avg_featmap")
    mask_ratio: float = _is("pretrain: share of the patches that are hidden", default=0.75)

    # How it learns.
    epochs: float = _is("how long: passes through the data", default=0.0)
    steps: int = _is("how long: optimizer steps", default=0)
    minutes: float = _is(
        "how long: minutes of wall-clock time; such a run cannot be repeated to the bit",
        default=0.0,
    )
    batch: int = _is("images of an optimizer step, over all processes", default=16)
    accumulate: int = _is(
        "forward passes per process of which an optimizer step is made", default=1
    )
    learning_rate: float = _is("the highest", default=5e-4)
    layer_decay: float = _is(
        "factor of the learning rate per layer towards the image", default=0.85
    )
    weight_decay: float = _is("of AdamW; not of biases, norms, tokens and positions", default=0.1)
    betas: tuple[float, ...] = _is("of AdamW", default=(0.9, 0.999))
    schedule: str = _is(
        "of the learning rate after the warm-up: linear, cosine, step or constant", default="linear"
    )
    warmup: int = _is("steps until the learning rate is at its highest", default=500)
    clip: float = _is("largest norm of the gradient", default=1.0)
    class_weights: tuple[float, ...] = _is("seg: weight of each class in the loss", default=())
    dice: float = _is("seg: weight of a Dice loss beside cross-entropy", default=0.0)
    sigma: float = _is(
        "pose: deviation of the Gaussians in pixels of the heatmap; 0: 6/192 of its width",
        default=0.0,
    )
    pose_loss: str = _is(
        "pose: mean (over all pixels, as the original's) or sum (over each map)", default="mean"
    )
    depth_loss: str = _is(
        "depth: silog (as the original's) or l1 (in deviations from the person's mean)",
        default="silog",
    )
    loss_size: str = _is(
        "seg, depth, normal: compare at the size of the input (outputs enlarged, as the original's) or of "
        "the head (each output with the pixels it covers: less work and memory)",
        default="input",
    )
    coarse: float = _is(
        "share of the steps that learn at a quarter of the input's size, at half the cost of small models",
        default=0.0,
    )

    # What is made of an image.
    flip: float = _is("share of the images that are mirrored", default=0.5)
    scale: tuple[float, ...] = _is(
        "smallest and largest scale of an image, or of a person's box", default=(0.5, 1.5)
    )
    shift: float = _is(
        "pose: largest displacement of a person's box, as a share of its size, in three of ten images",
        default=0.16,
    )
    rotation: float = _is("largest rotation in degrees, of half of the images", default=0.0)
    color: float = _is("strength of changes of brightness, contrast and channels", default=0.25)

    # Where and how it runs.
    precision: str = _is("of matrix products: bf16 or fp32", default="bf16")
    device: str = _is("auto or cpu", default="auto")
    sharding: str = _is(
        "none (DDP) or fsdp: parameters, gradients and optimizer are spread over processes",
        default="none",
    )
    activation_checkpointing: bool = _is(
        "compute blocks again in the backward pass: less memory", default=False
    )
    threads: int = _is("of PyTorch on a CPU; 0: every core over the processes", default=0)
    workers: int = _is("processes that read and augment images; 0: none of their own", default=0)
    seed: int = _is("of everything random", default=1)

    # What it leaves.
    log_every: int = _is("steps between lines of the log", default=50)
    validate_every: int = _is("steps between validations; 0: at the end", default=0)
    save_every: int = _is("steps between states to continue from; 0: every two minutes", default=0)
    tensorboard: bool = _is("write TensorBoard events beside log.csv", default=True)

    @property
    def flags(self) -> dict[str, Any]:
        """The values as a TOML file has them."""
        values = dataclasses.asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }


#: Fields that may differ when a run goes on.
FREE = frozenset(
    "output device threads workers log_every validate_every save_every tensorboard".split()
)

_CHOICES = {
    "task": TASKS,
    "mode": ("full", "lora", "head"),
    "head": ("original", "conv", "linear"),
    "features": ("avg_featmap", "cls_token"),
    "schedule": ("linear", "cosine", "step", "constant"),
    "pose_loss": ("mean", "sum"),
    "depth_loss": ("silog", "l1"),
    "loss_size": ("input", "head"),
    "precision": ("bf16", "fp32"),
    "device": ("auto", "cpu"),
    "sharding": ("none", "fsdp"),
}
# Lowest and highest value of numbers; of lists, of each part.
_RANGES: dict[str, tuple[float, float]] = {
    "head_channels": (0, 65536),
    "head_dropout": (0, 0.99),
    "ignore_label": (0, 255),
    "size": (16, 16384),
    "heads": (0, 1024),
    "lora_rank": (1, 4096),
    "lora_alpha": (1e-6, 1e6),
    "mask_ratio": (0.01, 0.99),
    "epochs": (0, 1e9),
    "steps": (0, 10**12),
    "minutes": (0, 1e9),
    "batch": (1, 10**6),
    "accumulate": (1, 10**6),
    "learning_rate": (0, 100),
    "layer_decay": (0.01, 1),
    "weight_decay": (0, 10),
    "betas": (0, 0.999999),
    "warmup": (0, 10**9),
    "clip": (1e-9, 1e9),
    "class_weights": (0, 1e9),
    "dice": (0, 1e6),
    "sigma": (0, 1000),
    "coarse": (0, 1),
    "flip": (0, 1),
    "scale": (0.01, 100),
    "shift": (0, 1),
    "rotation": (0, 180),
    "color": (0, 1),
    "threads": (0, 4096),
    "workers": (0, 1024),
    "seed": (0, 2**31 - 1),
    "log_every": (1, 10**9),
    "validate_every": (0, 10**9),
    "save_every": (0, 10**9),
}
_LENGTHS = {"size": (0, 2), "betas": (2,), "scale": (2,)}

HINTS = get_type_hints(Config)


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
        if name not in HINTS:
            near = difflib.get_close_matches(name, HINTS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"{where}there is no value {name}{hint}")
    for name in ("task", "data", "output"):
        if not values.get(name):
            raise ConfigError(f"{where}{name} is missing: {_help(name)}")
    checked = {name: _checked(name, value, where) for name, value in values.items()}
    config = Config(**{**RECIPES.get(checked["task"], {}), **checked})
    _check_together(config, where)
    return config


def _help(name: str) -> str:
    return next(f.metadata["help"] for f in dataclasses.fields(Config) if f.name == name)


def _checked(name: str, value: Any, where: str) -> Any:
    hint = HINTS[name]
    many = get_origin(hint) is tuple
    kind = get_args(hint)[0] if many else hint
    if many and isinstance(value, (str, int, float)) and name in ("data", "validation", "names"):
        value = [value]
    if many and not isinstance(value, (list, tuple)):
        raise ConfigError(f"{where}{name}: expected a list, not {value!r}")
    parts = tuple(_number(name, part, kind, where) for part in (value if many else [value]))
    if many and len(parts) not in _LENGTHS.get(name, (len(parts),)):
        lengths = " or ".join(map(str, _LENGTHS[name]))
        raise ConfigError(f"{where}{name}: expected {lengths} values, not {len(parts)}")
    if name in _CHOICES and parts[0] not in _CHOICES[name]:
        raise ConfigError(
            f"{where}{name}: expected one of {', '.join(_CHOICES[name])}, not {parts[0]!r}"
        )
    return parts if many else parts[0]


def _number(name: str, value: Any, kind: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise ConfigError(f"{where}{name}: expected {words[kind]}, not {value!r}")
    if kind is str and ("\0" in value or not _is_unicode(value)):
        raise ConfigError(f"{where}{name}: {value!r} is no text of UTF-8, which config.toml keeps")
    if name in _RANGES:
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise ConfigError(f"{where}{name}: expected {low} to {high}, not {value}")
    return value


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
        raise ConfigError(f"{where}names: {_repeated(config.names)!r} is there twice")
    if "" in config.names:
        raise ConfigError(f"{where}names: one of them is empty")
    if config.task == "classify" and config.mode != "head":
        raise ConfigError(f"{where}classify trains its last layer alone: mode head")
    if config.task == "pretrain" and config.mode == "head":
        raise ConfigError(f"{where}pretrain trains encoder and decoder: mode full or lora")
    if config.rotation and config.task in ("pretrain", "classify"):
        raise ConfigError(f"{where}rotation is for persons and scenes, not for {config.task}")
    if config.class_weights and config.task != "seg":
        raise ConfigError(f"{where}class_weights is for seg, not for {config.task}")


def _repeated(names: tuple[str, ...]) -> str:
    return next(name for i, name in enumerate(names) if name in names[:i])
