"""The model that a run begins with, and what of it learns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple, Optional, Sequence, Union

import torch
from torch import Tensor, nn

from .. import _checkpoints, _sapiens
from .._errors import CheckpointRefusedError
from .._report import Report, known
from ..torch import Encoder, MaskedAutoencoder, SapiensEncoder, TaskModel, load
from ..torch._encoder import Outputs
from ..torch._layers import PATCH, PatchEmbed
from ..torch._tasks import HEADS, Decoder, Head
from ._config import Config, ConfigError

_HEAD_DIM = 32  # of decoders
_PUBLISHED_WIDTH = 1024  # the narrowest


class ChannelDropout(nn.Module):
    """Dropout of whole channels whose masks come with the batch, so that they are those of the sample
    whichever process sees it."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.kept: Optional[Tensor] = None  #: (B, C), of the batch under way; None: all.

    def forward(self, x: Tensor) -> Tensor:
        if self.kept is None or not self.training:
            return x
        return x * (self.kept / (1 - self.share)).to(x.dtype)[:, :, None, None]


class Classifier(nn.Module):
    """One linear layer on a feature vector of a frozen encoder."""

    def __init__(self, backbone: Encoder, features: str, outputs: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.features = features
        self.classifier = nn.Linear(width_of(backbone), outputs)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels that images are resized to."""
        return self.backbone.size

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) -> logits (B, classes)."""
        return self.classifier(self.backbone.features(x, self.features))


Trained = Union[TaskModel, MaskedAutoencoder, Classifier]


class Start(NamedTuple):
    """A model to train, and in lines of text what it is made of."""

    module: Trained
    lines: list[str]


def width_of(encoder: Outputs) -> int:
    return encoder.get_submodule("patch_embed.projection").out_channels  # type: ignore[return-value]


def encoder_of(module: Trained) -> Encoder:
    """The part of a model whose parameters are an encoder's."""
    assert isinstance(module.backbone, Encoder)
    return module.backbone


def head_of(module: Trained) -> nn.Module:
    """What of a model is not its encoder."""
    if isinstance(module, TaskModel):
        return module.get_submodule(module.head_name)
    return module.neck if isinstance(module, MaskedAutoencoder) else module.classifier


class Source(NamedTuple):
    """The checkpoint in `Config.init`, before its weights are read."""

    path: str
    report: Report

    @property
    def task(self) -> Optional[str]:
        return self.report.model.task

    @property
    def outputs(self) -> int:
        return self.report.model.outputs or 0


def find_source(config: Config) -> Optional[Source]:
    """What `init` is; None where training begins at random.

    Raises:
        NotFoundError, CorruptFileError, UnsupportedFormatError: The file cannot be opened.
        CheckpointRefusedError: It is no complete model.
        ConfigError: It cannot be trained for this task.
    """
    if not config.init:
        return None
    path = config.init if Path(config.init).exists() else str(_sapiens.find_checkpoint(config.init))
    report = _checkpoints.inspect(path, **_options(config))
    if not report.usable:
        raise CheckpointRefusedError(
            f"{path}: no run begins with this checkpoint, it is {report.verdict}\n{report}",
            code="checkpoint-refused",
            file=path,
        )
    family = report.model.family
    if family not in ("sapiens", "sapiens2"):
        raise ConfigError(f"init: {path} is a model of {family}, which is not trained here")
    if family == "sapiens2" and config.task != "classify":
        raise ConfigError(
            f"init: {path} is an encoder of Sapiens2, whose heads no published description covers, "
            "so that nothing could open the result; classify trains on its features"
        )
    return Source(path, report)


def start(
    config: Config, names: Sequence[str], outputs: int, source: Optional[Source] = None
) -> Start:
    """The model of a run, of float32 parameters on the CPU, of which those that learn require
    gradients. Equal seeds give equal models.

    Args:
        config: The run.
        names: Of classes or keypoints; they are counted by `outputs` where they are unknown.
        outputs: Classes, keypoints or channels of the head; 0 for pretraining.
        source: What `find_source` returned, if it has been called.
    """
    torch.manual_seed(config.seed)
    source = source or find_source(config)
    module: Trained
    if source is None:
        module, lines = _at_random(config, outputs)
    elif config.task == "classify":
        encoder = _load(source.path, "features", config)
        lines = [str(encoder.report), "", *_taken(encoder)]
        if config.features == "cls_token" and not encoder.has_cls_token:
            raise ConfigError(f"features: {source.path} has no class token; take avg_featmap")
        module = Classifier(encoder, config.features, outputs)
        lines.append(_random_line(module.classifier, "classifier", "it is new"))
    elif config.task == "pretrain":
        module, lines = _autoencoder(config, source)
    else:
        module, lines = _task_model(config, outputs, source)
    if names:
        lines.append(f"{'outputs':<10}{outputs}: {_shortened(names)}")
    if config.mode == "lora":
        _adapt(module, config)
    _choose_what_learns(module, config)
    learning = sum(p.numel() for p in module.parameters() if p.requires_grad)
    total = sum(p.numel() for p in module.parameters())
    lines.append(f"{'learns':<10}{learning:,} of {total:,} parameters: {_MODES[config.mode]}")
    return Start(module.train(), lines)


_MODES = {
    "full": "all that are not fixed",
    "lora": "adapters of the encoder's attention, and the head",
    "head": "the head",
}


def _shortened(names: Sequence[str]) -> str:
    shown = [_sapiens.printable(name) for name in names[:12]]
    return ", ".join(shown) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _load(path: str, task: str, config: Config, **options: Any) -> Any:
    if config.size:
        options["size"] = config.size
    return load(path, task, torch.float32, **_options(config), **options)


def _options(config: Config) -> dict[str, Any]:
    return {"heads": config.heads, "prefix": config.prefix}


def _taken(encoder: Encoder) -> list[str]:
    count = sum(1 for _ in encoder.parameters())
    rows, columns = encoder.grid
    return [f"{'taken':<10}{count} tensors of the encoder, for {rows} x {columns} patches"]


def _random_line(module: nn.Module, name: str, reason: str) -> str:
    tensors = list(module.parameters())
    values = sum(p.numel() for p in tensors)
    return f"{'at random':<10}{name}: {len(tensors)} tensors of {values:,} values, because {reason}"


def _task_model(config: Config, outputs: int, source: Source) -> tuple[TaskModel, list[str]]:
    prefix = HEADS[config.task][0]
    reason = _why_new_head(config, outputs, source)
    if not reason:
        module = _load(source.path, config.task, config)
        head_of(module).add_module("dropout", ChannelDropout(config.head_dropout))
        lines = [str(module.report), "", *_taken(module.backbone)]
        count = sum(1 for _ in head_of(module).parameters())
        return module, [*lines, f"{'taken':<10}{count} tensors of {prefix}"]
    *_, padding = _sapiens.published_head(config.task, known(source.report.model.width), outputs)
    encoder = _load(source.path, "backbone", config, patch_padding=padding)
    lines = [str(encoder.report), "", *_taken(encoder)]
    if source.task in HEADS:
        lines.append(f"{'left':<10}{HEADS[source.task][0]}: {reason}")
    before, now = source.report.model.patch_padding, encoder.patch_padding
    if source.task in HEADS and before != now:
        lines.append(f"{'changed':<10}padding of the patches from {before} to {now} pixels")
    module = _with_new_head(config, encoder, outputs)
    lines.append(_random_line(head_of(module), prefix, reason))
    return module, lines


def _why_new_head(config: Config, outputs: int, source: Source) -> str:
    """Empty where the checkpoint's head is taken."""
    if source.task not in HEADS:
        return "the checkpoint has no head"
    if source.task != config.task:
        return f"the checkpoint's is for {source.task}"
    if source.outputs != outputs:
        return f"the checkpoint's has {source.outputs} outputs, not {outputs}"
    return "new_head was asked for" if config.new_head else ""


def _with_new_head(config: Config, encoder: Encoder, outputs: int) -> TaskModel:
    width = width_of(encoder)
    deconvs, convs, _ = _sapiens.published_head(config.task, width, outputs)
    channels = config.head_channels or convs[0]
    layers = {
        "original": ([channels] * len(deconvs), [channels] * len(convs)),
        "conv": ([], [channels]),
        "linear": ([], []),
    }[config.head]
    head = Head(config.task, width, *layers, outputs)
    for module in head.modules():
        if config.task == "pose" and isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    if config.task != "pose":
        final: Any = head.get_submodule(head.final_name)
        nn.init.normal_(final.weight, std=0.01)
        nn.init.zeros_(final.bias)
    head.add_module("dropout", ChannelDropout(config.head_dropout))
    return TaskModel(config.task, encoder, head)


def _autoencoder(config: Config, source: Source) -> tuple[MaskedAutoencoder, list[str]]:
    encoder = _load(source.path, "pretrain", config)
    use = source.report.uses.get("reconstruct")
    if use is not None and use.usable:
        module: Any = load(source.path, "reconstruct", torch.float32, **_options(config))
        if module.backbone.grid == encoder.grid:
            lines = [str(module.report), "", *_taken(module.backbone)]
            count = sum(1 for _ in module.neck.parameters())
            return module, [*lines, f"{'taken':<10}{count} tensors of neck"]
        reason = "the checkpoint's is for another size of the input"
    else:
        reason = "the checkpoint has no decoder"
    decoder = _new_decoder(width_of(encoder), encoder.depth, encoder.grid)
    lines = [str(encoder.report), "", *_taken(encoder), _random_line(decoder, "neck", reason)]
    return MaskedAutoencoder(encoder, decoder), lines


def _new_decoder(width: int, depth: int, grid: tuple[int, int]) -> Decoder:
    """The original's, and for narrower encoders a third of their width and a quarter of their blocks."""
    heads = 16 if width >= _PUBLISHED_WIDTH else max(1, round(width / 3 / _HEAD_DIM))
    blocks = 8 if width >= _PUBLISHED_WIDTH else max(1, depth // 4)
    decoder_width = heads * _HEAD_DIM
    tokens = 1 + grid[0] * grid[1]
    decoder = Decoder(decoder_width, 4 * decoder_width, blocks, heads, tokens, width)
    decoder.apply(_initialize)
    nn.init.normal_(decoder.mask_token, std=0.02)
    decoder.decoder_pos_embed.data = sincos_positions(grid, decoder_width, True)
    return decoder


def _at_random(config: Config, outputs: int) -> tuple[Trained, list[str]]:
    width, depth, heads, usual = _parse_arch(config.arch)
    pretrain = config.task == "pretrain"
    if config.size:
        grid = config.size[0] // PATCH, config.size[1] // PATCH
    elif usual:
        grid = usual if pretrain else (usual[0], usual[1] * 3 // 4)
    else:
        raise ConfigError(f"size: arch {config.arch} has no usual size of the input; give one")
    padding = 0 if pretrain else _sapiens.published_head(config.task, width, outputs)[2]
    encoder = SapiensEncoder(
        width,
        depth,
        heads,
        4 * width,
        grid,
        cls_token=pretrain,
        patch_padding=padding,
    )
    encoder.apply(_initialize)
    if encoder.cls_token is not None:
        nn.init.normal_(encoder.cls_token, std=0.02)
    encoder.pos_embed.data = sincos_positions(grid, width, pretrain)
    lines = [_random_line(encoder, "backbone", "no init was given")]
    if pretrain:
        module: Trained = MaskedAutoencoder(encoder, _new_decoder(width, depth, grid))
        lines.append(_random_line(head_of(module), "neck", "no init was given"))
    else:
        module = _with_new_head(config, encoder, outputs)
        lines.append(_random_line(head_of(module), HEADS[config.task][0], "no init was given"))
    return module, lines


def _parse_arch(arch: str) -> tuple[int, int, int, Optional[tuple[int, int]]]:
    """Width, blocks, heads, and the patches of the usual input of pretraining."""
    name = arch.lower().removeprefix("sapiens_")
    published = _sapiens.architectures()
    if name in published:
        return published[name]
    found = re.fullmatch(r"(\d{1,5})x(\d{1,3})x(\d{1,3})", name)
    if not found:
        names = ", ".join(published)
        raise ConfigError(
            f"arch: expected one of {names}, or WIDTHxBLOCKSxHEADS such as 192x8x6, not {arch}"
        )
    width, depth, heads = map(int, found.groups())
    if not depth or not heads or width == 0 or width % heads or width % 4:
        raise ConfigError(
            f"arch: expected a width that heads and 4 divide, not {width} with {heads} heads"
        )
    return width, depth, heads, None


def _initialize(module: nn.Module) -> None:
    """The original's: Xavier for matrices, of the patches too."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, PatchEmbed):
        nn.init.xavier_uniform_(module.projection.weight.flatten(1))
        module.projection.bias.data.zero_()  # type: ignore[union-attr]


def sincos_positions(grid: tuple[int, int], width: int, cls_token: bool) -> Tensor:
    """(1, N, D): sines and cosines of the row, then of the column; with a row of zeros in front for
    the class token."""
    omega = 10000.0 ** (-torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    rows = torch.arange(grid[0], dtype=torch.float64).repeat_interleave(grid[1])
    columns = torch.arange(grid[1], dtype=torch.float64).repeat(grid[0])
    angles = [coordinate[:, None] * omega for coordinate in (rows, columns)]
    table = torch.cat([part for a in angles for part in (a.sin(), a.cos())], 1).float()
    return torch.cat([torch.zeros(int(cls_token), width), table])[None]


def _adapt(module: Trained, config: Config) -> None:
    """Puts adapters in place of the layers of the encoder's attention."""
    import peft

    pattern = r"backbone\.layers\.\d+\.attn\.(qkv|proj)"
    # PEFT divides it by the rank, so that it may be any number, whatever its annotation says.
    alpha: Any = config.lora_alpha
    adapters = peft.LoraConfig(r=config.lora_rank, lora_alpha=alpha, target_modules=pattern)
    peft.inject_adapter_in_model(adapters, module)


def _choose_what_learns(module: Trained, config: Config) -> None:
    if config.mode == "full":
        module.requires_grad_(True)
    elif config.mode == "head":
        module.requires_grad_(False)
    head_of(module).requires_grad_(True)
    if isinstance(module, MaskedAutoencoder):
        # Fixed sines and cosines, as in the original.
        module.backbone.pos_embed.requires_grad_(False)
        module.neck.decoder_pos_embed.requires_grad_(False)
