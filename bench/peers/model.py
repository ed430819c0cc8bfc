"""The encoder in PyTorch: a peer, and the truth. Sapiens in plain torch.nn.functional code, written from the model's
description; Sapiens2 by timm."""
import dataclasses

import torch
import torch.nn.functional as F

PATCH = 16
EPSILON = 1e-6  # nn.LayerNorm(eps=1e-6) in the original
HEADS = {48: 4, 1024: 16, 1280: 16, 1536: 24, 1920: 32}  # of the tiny test model and the published widths


@dataclasses.dataclass
class Encoder:
    weights: dict  # as named in the checkpoint; pos_embed fits the grid
    heads: int

    @property
    def width(self):
        return self.weights["ln1.weight"].numel()

    @property
    def depth(self):
        return 1 + max(int(key.split(".")[1]) for key in self.weights if key.startswith("layers."))


def read_weights(checkpoint):
    """The tensors of a clean file, mapped from it."""
    if checkpoint.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(checkpoint)
    return dict(torch.load(checkpoint, weights_only=True, mmap=True))


def is_sapiens2(checkpoint):
    if checkpoint.endswith(".safetensors"):
        from safetensors import safe_open

        names = safe_open(checkpoint, "pt").keys()
    else:
        names = read_weights(checkpoint).keys()  # mapped, not read
    return "storage_tokens" in names or "reg_token" in names


SAPIENS2 = {768: "base", 1024: "large", 1280: "huge", 1536: "giant", 2432: "5b"}  # timm's names, by width


def read_sapiens2(checkpoint, dtype):
    """timm's module with the weights of the file, in numbers of `dtype`."""
    import timm
    from timm.models.eva import checkpoint_filter_fn

    weights = read_weights(checkpoint)
    name = f"vit_{SAPIENS2[weights['cls_token'].shape[-1]]}_patch16_sapiens2"
    model = timm.create_model(name, pretrained=False)
    model.load_state_dict(checkpoint_filter_fn(weights, model), strict=True)
    return model.to(dtype).eval()


def read_encoder(checkpoint, size):
    """The weights of a clean pretrain file, mapped from it, for images of `size` (height, width)."""
    weights = read_weights(checkpoint)
    grid = (size[0] // PATCH, size[1] // PATCH)
    weights["pos_embed"] = resize_positions(weights["pos_embed"].float(), grid)
    return Encoder(weights, HEADS[weights["ln1.weight"].numel()])


def resize_positions(table, grid):
    """[1, 1 + n, C] -> [1, 1 + grid, C]: bicubic, without antialiasing; the first row belongs to the cls token."""
    side = round((table.shape[1] - 1) ** 0.5)
    if (side, side) == grid:
        return table
    patches = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    patches = F.interpolate(patches, size=grid, mode="bicubic", align_corners=False)
    return torch.cat([table[:, :1], patches.flatten(2).transpose(1, 2)], 1)


def attend_by_head(q, k, v):
    """Attention with the scores of one head in memory at a time: for the truth, in any precision."""
    scale = q.shape[-1] ** -0.5
    heads = [(qh * scale @ kh.T).softmax(-1) @ vh for qh, kh, vh in zip(q[0], k[0], v[0])]
    return torch.stack(heads)[None]


def forward(encoder, image, attend=F.scaled_dot_product_attention, observe=lambda name, x: None):
    """[1, 3, H, W] -> tokens after the last norm [1, T, C], in the image's type of numbers. Every linear layer's input
    is shown to `observe`."""

    def weight(name):  # already of that type, but for the truth, which has no room for a copy of all
        return encoder.weights[name].to(image.dtype)

    def norm(x, name):
        return F.layer_norm(x, (encoder.width,), weight(name + ".weight"), weight(name + ".bias"), EPSILON)

    def linear(x, name):
        observe(name, x)
        return F.linear(x, weight(name + ".weight"), weight(name + ".bias"))

    x = F.conv2d(image, weight("patch_embed.projection.weight"), weight("patch_embed.projection.bias"), stride=PATCH)
    x = torch.cat([weight("cls_token"), x.flatten(2).transpose(1, 2)], 1) + weight("pos_embed")
    for i in range(encoder.depth):
        layer = f"layers.{i}."
        qkv = linear(norm(x, layer + "ln1"), layer + "attn.qkv")
        q, k, v = qkv.view(1, x.shape[1], 3, encoder.heads, -1).permute(2, 0, 3, 1, 4)
        x = x + linear(attend(q, k, v).transpose(1, 2).reshape(x.shape), layer + "attn.proj")
        hidden = F.gelu(linear(norm(x, layer + "ln2"), layer + "ffn.layers.0.0"))
        x = x + linear(hidden, layer + "ffn.layers.1")
    return norm(x, "ln1")
