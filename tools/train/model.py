"""Sapiens in PyTorch, of any width: the modules carry the names of the published checkpoints' keys.

    backbone.{cls_token, pos_embed, patch_embed.projection, layers.i.{ln1, attn.qkv, attn.proj, ln2,
              ffn.layers.0.0, ffn.layers.1}, ln1}                      ln1 at the root is the final norm
    neck.{mask_token, decoder_pos_embed, decoder_embed, decoder_blocks.i.*, ln1, decoder_pred}   pretrain
    head.{deconv_layers, conv_layers, final_layer}                                                pose
    decode_head.{deconv_layers, conv_layers, conv_seg}                                seg, depth, normal

Letters: B images, N patches, D width.
"""
import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import nn

PATCH = 16
HEAD_DIM = 32  # of the decoder; 512 channels in 16 heads in the original
TASKS = ("pretrain", "pose", "seg", "depth", "normal")

# Layers of each head: transposed convolutions (each doubles the size), 1x1 convolutions, outputs.
HEADS = {"pose": (2, 2, 17), "seg": (3, 3, 28), "depth": (4, 2, 1), "normal": (3, 3, 3)}
# How many of those transposed convolutions a coarse training step leaves out: what is left gives a map of a quarter of
# the image's rows and columns.
COARSE = {"pose": 0, "seg": 1, "depth": 2, "normal": 1}
# The original pads the images of these tasks by 2 pixels, which moves the patches (encoder.patch_padding).
PATCH_PADDING = {"pretrain": 0, "pose": 2, "seg": 0, "depth": 0, "normal": 2}


def doublings(task, coarse):
    """Transposed convolutions that a step of the head runs through."""
    return HEADS[task][0] - (COARSE[task] if coarse else 0)


@dataclasses.dataclass(frozen=True)
class Config:
    task: str
    width: int = 192
    depth: int = 8
    heads: int = 6
    grid: tuple[int, int] = (16, 12)  # patches: rows, columns
    head_width: int = 48
    outputs: int = 0  # of the task head; 0: the published number
    decoder_width: int = 64
    decoder_depth: int = 2

    @property
    def size(self):
        """Of the input image: height, width."""
        return self.grid[0] * PATCH, self.grid[1] * PATCH


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):  # [B, N, D]
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # Written out: PyTorch's fused attention is slower than this on a CPU, in its backward pass above all.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(2, 3)  # [B, heads, N, N]
        x = scores.softmax(-1) @ v  # [B, heads, N, D / heads]
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, width))


class FeedForward(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.layers = nn.Sequential(nn.Sequential(nn.Linear(width, hidden), nn.GELU()), nn.Linear(hidden, width))

    def forward(self, x):
        return self.layers(x)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.ln2 = nn.LayerNorm(width, eps=1e-6)
        self.ffn = FeedForward(width, 4 * width)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.ffn(self.ln2(x))


def sincos_positions(grid, width, cls_token):
    """[1, (1) + N, D]: sines and cosines of the row, then of the column. The row of the class token is zero."""
    quarter = width // 4
    omega = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    rows = torch.arange(grid[0], dtype=torch.float64).repeat_interleave(grid[1])
    columns = torch.arange(grid[1], dtype=torch.float64).repeat(grid[0])
    angles = [coordinate[:, None] * omega for coordinate in (rows, columns)]
    table = torch.cat([part for a in angles for part in (a.sin(), a.cos())], 1).float()
    if cls_token:
        table = torch.cat([torch.zeros(1, width), table])
    return table[None]


class PatchEmbed(nn.Module):
    def __init__(self, width, padding):
        super().__init__()
        self.projection = nn.Conv2d(3, width, PATCH, PATCH, padding=padding)

    def forward(self, x):  # [B, 3, H, W] -> [B, N, D]
        return self.projection(x).flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        cls_token = config.task == "pretrain"
        self.grid = config.grid
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.width)) if cls_token else None
        self.pos_embed = nn.Parameter(sincos_positions(config.grid, config.width, cls_token))
        self.patch_embed = PatchEmbed(config.width, PATCH_PADDING[config.task])
        self.layers = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.depth))
        self.ln1 = nn.LayerNorm(config.width, eps=1e-6)

    def forward(self, x, kept=None):
        """[B, 3, H, W] -> tokens [B, (1) + N, D]; of the patches numbered `kept` [B, K] only, if given."""
        x = self.patch_embed(x)
        extra = 0 if self.cls_token is None else 1
        x = x + self.pos_embed[:, extra:]
        if kept is not None:
            x = x.gather(1, kept[..., None].expand(-1, -1, x.shape[2]))
        if extra:
            x = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(x.shape[0], -1, -1), x], 1)
        for layer in self.layers:
            x = layer(x)
        return self.ln1(x)

    def feature_map(self, x):  # [B, D, rows, columns]
        tokens = self(x)
        if self.cls_token is not None:
            tokens = tokens[:, 1:]
        # Contiguous, or the head runs channels last, where PyTorch's norm is many times slower on a CPU.
        return tokens.transpose(1, 2).contiguous().unflatten(2, self.grid)


class Decoder(nn.Module):
    """Of the masked autoencoder."""

    def __init__(self, config):
        super().__init__()
        width = config.decoder_width
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.decoder_pos_embed = nn.Parameter(sincos_positions(config.grid, width, cls_token=True))
        self.decoder_embed = nn.Linear(config.width, width)
        self.decoder_blocks = nn.ModuleList(Block(width, width // HEAD_DIM) for _ in range(config.decoder_depth))
        self.ln1 = nn.LayerNorm(width, eps=1e-6)
        self.decoder_pred = nn.Linear(width, PATCH * PATCH * 3)

    def forward(self, tokens, restore):
        """Class token and kept patches [B, 1 + K, D], and where patch n went, [B, N] -> [B, N, 768]."""
        x = self.decoder_embed(tokens)
        missing = self.mask_token.to(x.dtype).expand(x.shape[0], restore.shape[1] + 1 - x.shape[1], -1)
        patches = torch.cat([x[:, 1:], missing], 1)
        patches = patches.gather(1, restore[..., None].expand(-1, -1, x.shape[2]))
        x = torch.cat([x[:, :1], patches], 1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.ln1(x))[:, 1:]


class InstanceNorm(nn.Module):
    """nn.InstanceNorm2d without parameters; as one group per channel, which PyTorch computes faster on a CPU."""

    def forward(self, x):
        return F.group_norm(x, x.shape[1], eps=1e-5)


def up(inputs, outputs):
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), InstanceNorm(), nn.SiLU()


def pointwise(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 1), InstanceNorm(), nn.SiLU()


class Head(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.task = config.task
        ups, convs, outputs = HEADS[config.task]
        c = config.head_width
        self.deconv_layers = nn.Sequential(*(m for i in range(ups) for m in up(c if i else config.width, c)))
        self.conv_layers = nn.Sequential(*(m for _ in range(convs) for m in pointwise(c, c)))
        self.final_name = "final_layer" if config.task == "pose" else "conv_seg"
        self.add_module(self.final_name, nn.Conv2d(c, config.outputs or outputs, 1))

    @property
    def final(self):
        return getattr(self, self.final_name)

    def forward(self, x, coarse=False):
        ups = self.deconv_layers[: 3 * doublings(self.task, coarse)]  # each with its norm and activation
        return self.final(self.conv_layers(ups(x)))


class Sapiens(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.backbone = Encoder(config)
        if config.task == "pretrain":
            self.neck = Decoder(config)
        else:
            self.head_name = "head" if config.task == "pose" else "decode_head"
            self.add_module(self.head_name, Head(config))
        self.apply(initialize)
        if config.task == "pretrain":
            for token in (self.backbone.cls_token, self.neck.mask_token):
                nn.init.normal_(token, std=0.02)
            for table in (self.backbone.pos_embed, self.neck.decoder_pos_embed):  # fixed while pretraining
                table.requires_grad_(False)
        else:
            nn.init.normal_(getattr(self, self.head_name).final.weight, std=0.01)

    def forward(self, x, coarse=False):
        return getattr(self, self.head_name)(self.backbone.feature_map(x), coarse)

    def reconstruct(self, x, order):
        """The patches [B, N, 768] as the decoder sees them, when only the first quarter of `order` [B, N] is kept."""
        kept = order[:, : order.shape[1] // 4]
        return self.neck(self.backbone(x, kept), order.argsort(1))


def initialize(module):
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, PatchEmbed):
        nn.init.xavier_uniform_(module.projection.weight.view(module.projection.weight.shape[0], -1))
        nn.init.zeros_(module.projection.bias)
    elif isinstance(module, Head):
        for layer in module.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                # Of a 4x4 stride-2 transposed kernel each output pixel sees 2x2.
                inputs = layer.weight.shape[0] * 4 if isinstance(layer, nn.ConvTranspose2d) else layer.weight.shape[1]
                nn.init.normal_(layer.weight, std=math.sqrt(2 / inputs))
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


def patchify(images):
    """[B, 3, H, W] -> [B, N, 768]; within a patch by row, column, channel."""
    batch, channels, height, width = images.shape
    x = images.view(batch, channels, height // PATCH, PATCH, width // PATCH, PATCH)
    return x.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, PATCH * PATCH * channels)


def patch_statistics(patches):
    """Mean and standard deviation of each patch [B, N, 1], as pretraining normalises its targets."""
    return patches.mean(-1, keepdim=True), (patches.var(-1, keepdim=True) + 1e-6).sqrt()  # unbiased
