"""What the networks of both families are made of."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PATCH = 16


class PatchEmbed(nn.Module):
    """Patches of 16 x 16 pixels as tokens: [B, 3, H, W] -> [B, D, rows, columns]."""

    def __init__(self, width: int, padding: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, width, PATCH, PATCH, padding)

    def forward(self, x: Tensor) -> Tensor:
        return self.projection(x)


# Up to so many tokens; the table of the formula grows with their square.
_FORMULA_TOKENS = 1024


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of queries, keys and values [B, heads, T, d]."""
    if q.device.type == "cpu" and q.requires_grad and q.shape[2] <= _FORMULA_TOKENS:
        # Forward and backward pass of the fused one take 2.6 times as long there.
        return ((q * q.shape[-1] ** -0.5) @ k.transpose(2, 3)).softmax(-1) @ v
    return F.scaled_dot_product_attention(q, k, v)


class Attention(nn.Module):
    """Multi-head attention of the first family, with q, k and v in one layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = attend(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, width))


class FeedForward(nn.Module):
    """MLP with the exact GELU; numbered as the original's, whose dropouts have no parameters."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Sequential(nn.Linear(width, hidden), nn.GELU()), nn.Linear(hidden, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Block(nn.Module):
    """A pre-norm block of the first family's encoder, and of the decoder."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.ln2 = nn.LayerNorm(width, eps=1e-6)
        self.ffn = FeedForward(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        return x + self.ffn(self.ln2(x))


class LayerScale(nn.Module):
    """A factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def _widened(x: Tensor) -> Tensor:
    """As float32, or as the type that is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def rotation_tables(
    rows: int, columns: int, head_dim: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles of rotary positions, float32 [N, d] each."""

    def centres(count: int) -> Tensor:
        return 2 * ((torch.arange(count, device=device, dtype=torch.float32) + 0.5) / count) - 1

    quarter = head_dim // 4
    periods = 100.0 ** (torch.arange(quarter, device=device, dtype=torch.float32) / quarter)
    y, x = (2 * math.pi * centres(count)[:, None] / periods for count in (rows, columns))
    y = y[:, None].expand(rows, columns, quarter)
    x = x[None].expand(rows, columns, quarter)
    angles = torch.cat([y, x, y, x], -1).flatten(0, 1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates the last N tokens of [B, heads, T, d], the patches, and rounds once."""
    prefix = x.shape[2] - cos.shape[0]
    patches = _widened(x[:, :, prefix:])
    first, second = patches.chunk(2, -1)
    patches = patches * cos + torch.cat([-second, first], -1) * sin
    return torch.cat([x[:, :, :prefix], patches.to(x.dtype)], 2)


class GroupedAttention(nn.Module):
    """Attention of Sapiens2: q and k are normalised per head and rotated; several query heads may
    share one head of keys and values."""

    def __init__(self, width: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        head_dim = width // heads
        self.head_dim = head_dim
        self.grouped = kv_heads != heads
        self.wq = nn.Linear(width, width)
        self.wk = nn.Linear(width, kv_heads * head_dim)
        self.wv = nn.Linear(width, kv_heads * head_dim)
        self.q_norm = nn.RMSNorm(head_dim, eps=1e-6)
        self.k_norm = nn.RMSNorm(head_dim, eps=1e-6)
        self.proj = nn.Linear(width, width)
        self.gamma = LayerScale(width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for layer in (self.wq, self.wk, self.wv)
        )
        q, k = rotate(self.q_norm(q), cos, sin), rotate(self.k_norm(k), cos, sin)
        x = F.scaled_dot_product_attention(q, k, v, enable_gqa=self.grouped)
        return self.gamma(self.proj(x.transpose(1, 2).flatten(2)))


class GatedFeedForward(nn.Module):
    """SwiGLU; the first half of the rows of `w12` makes the gate."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.w12(x).chunk(2, -1)
        return self.w3(F.silu(gate) * value)


class Sapiens2Block(nn.Module):
    """A pre-norm block of Sapiens2."""

    def __init__(self, width: int, heads: int, kv_heads: int, hidden: int) -> None:
        super().__init__()
        self.ln1 = nn.RMSNorm(width, eps=1e-6)
        self.attn = GroupedAttention(width, heads, kv_heads)
        self.ln2 = nn.RMSNorm(width, eps=1e-6)
        self.ffn = GatedFeedForward(width, hidden)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x), cos, sin)
        return x + self.ffn(self.ln2(x))


def resize_positions(
    table: Tensor, grid: tuple[int, int], target: tuple[int, int], prefix: int
) -> Tensor:
    """[1, prefix + N, D] of `grid` for the grid `target`: bicubic in float32, without antialiasing;
    the first `prefix` rows are kept."""
    if grid == target:
        return table
    patches = _widened(table[:, prefix:]).unflatten(1, grid).permute(0, 3, 1, 2)
    patches = F.interpolate(patches, size=target, mode="bicubic", align_corners=False)
    patches = patches.flatten(2).transpose(1, 2).to(table.dtype)
    return torch.cat([table[:, :prefix], patches], 1)
