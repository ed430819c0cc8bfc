"""How fast each parameter learns."""

from __future__ import annotations

import math
import re
from typing import Any

from torch import nn

from ._config import Config
from ._model import Trained


def param_groups(module: Trained, config: Config) -> list[dict[str, Any]]:
    """Of AdamW. With mode full `scale`, the factor of the learning rate, falls by `layer_decay` per
    layer towards the image: embedding, tokens and positions are layer 0, block i is i + 1, all else
    is the last. Biases, norms, tokens and positions have no weight decay."""
    backbone = module.backbone
    last = backbone.depth + 1
    decay = config.layer_decay if config.mode == "full" else 1.0
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        block = re.match(r"backbone\.(?:layers|blocks)\.(\d+)\.", name)
        layer = last
        if block:
            layer = int(block[1]) + 1
        elif name.startswith("backbone.") and not name.startswith("backbone.ln1."):
            layer = 0
        fixed = ("pos_embed", "cls_token", "mask_token", "storage_tokens")
        decays = parameter.ndim > 1 and not name.endswith(fixed)
        groups.setdefault((layer, decays), []).append(parameter)
    return [
        {
            "params": parameters,
            "scale": decay ** (last - layer),
            "weight_decay": config.weight_decay * decays,
        }
        for (layer, decays), parameters in sorted(groups.items())
    ]


def rate_at(config: Config, step: int, progress: float) -> float:
    """The learning rate of a step, where `progress` of the run (0 to 1) is done."""
    if config.warmup < 0:
        warm = min(1.0, max((step + 1) / 500, 10 * progress))
    else:
        warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    shape = {
        "linear": 1 - progress,
        "cosine": 0.5 * (1 + math.cos(math.pi * progress)),
        # As in the original, after 170 and 200 of 210 epochs.
        "step": 0.1 ** ((progress >= 170 / 210) + (progress >= 200 / 210)),
        "constant": 1.0,
    }
    return config.learning_rate * warm * shape[config.schedule]
