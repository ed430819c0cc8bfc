"""How fast which parameter learns, and when training is over."""
import math

import torch


class Budget:
    """Training ends after so many steps or so many minutes of it, whichever comes first. The learning rate follows
    half a cosine over the budget; with steps alone a run is reproducible to the bit on one machine."""

    def __init__(self, steps, minutes):
        self.steps, self.seconds = steps or math.inf, (minutes or math.inf) * 60

    def progress(self, step, seconds):
        return max(step / self.steps, seconds / self.seconds)

    def rate(self, step, seconds, warmup):
        done = min(self.progress(step, seconds), 1)
        return min(1, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * done))


def make_optimizer(model, rate, weight_decay, layer_decay, betas):
    """AdamW. The learning rate falls by `layer_decay` per layer towards the image: embedding and positions are layer
    0, block i is layer i + 1, the final norm and the head are the last. Biases, norms, tokens and positions do not
    decay."""
    last = model.config.depth + 1
    groups = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        layer = last
        if name.startswith("backbone.layers."):
            layer = int(name.split(".")[2]) + 1
        elif name.startswith("backbone.") and not name.startswith("backbone.ln1."):
            layer = 0
        decays = parameter.dim() > 1 and not name.endswith(("pos_embed", "cls_token", "mask_token"))
        groups.setdefault((layer, decays), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "scale": layer_decay ** (last - layer), "weight_decay": weight_decay * decays}
            for (layer, decays), parameters in groups.items()
        ],
        lr=rate,
        betas=betas,
        fused=True,
    )


def set_rate(optimizer, rate):
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
