"""Models with a head, and the masked autoencoder."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence, Union

import numpy as np
import torch
from torch import Tensor, nn

from .._errors import ShapeMismatchError, make_refusal
from .._report import Report
from .._tasks import PoseResult, decode
from ._encoder import Outputs, SapiensEncoder
from ._layers import PATCH, Block
from ._preprocess import preprocess

#: Where each task's head is, and what its last layer is called, in the original.
HEADS = {
    "pose": ("head", "final_layer"),
    "seg": ("decode_head", "conv_seg"),
    "depth": ("decode_head", "conv_seg"),
    "normal": ("decode_head", "conv_seg"),
}


class Head(nn.Module):
    """Transposed convolutions that double the map, 1x1 convolutions, and the last layer."""

    def __init__(
        self, task: str, width: int, deconvs: Sequence[int], convs: Sequence[int], outputs: int
    ) -> None:
        super().__init__()
        self.final_name = HEADS[task][1]
        ups: list[nn.Module] = []
        for channels in deconvs:
            ups += [nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), *_norm(channels)]
            width = channels
        pointwise: list[nn.Module] = []
        for channels in convs:
            pointwise += [nn.Conv2d(width, channels, 1), *_norm(channels)]
            width = channels
        self.deconv_layers = nn.Sequential(*ups)
        self.conv_layers = nn.Sequential(*pointwise)
        # As in the original; it has no effect outside of training.
        self.dropout = nn.Identity() if task == "pose" else nn.Dropout2d(0.1)
        self.add_module(self.final_name, nn.Conv2d(width, outputs, 1))

    def forward(self, x: Tensor, doublings: Optional[int] = None) -> Tensor:
        """The head's output; with fewer `doublings` of a smaller map."""
        layers = self.deconv_layers
        # Each transposed convolution is followed by its norm and activation.
        ups = layers if doublings is None else layers[: 3 * doublings]
        x = self.dropout(self.conv_layers(ups(x)))
        return getattr(self, self.final_name)(x)


def _norm(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(channels, eps=1e-5), nn.SiLU()


class TaskModel(nn.Module):
    """An encoder, `backbone`, and the head of a task, under the names of the original's files."""

    report: Optional[Report] = None  #: How the tensors of the file became these parameters.
    partial: bool = False  #: Whether `allow_partial` left parameters at zero.

    def __init__(self, task: str, backbone: Outputs, head: Head) -> None:
        super().__init__()
        self.task = task
        self.backbone = backbone
        self.head_name = HEADS[task][0]
        self.add_module(self.head_name, head)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels that images, or persons, are resized to."""
        return self.backbone.size

    def preprocess(self, images: Any) -> Tensor:
        """Images as `sapiens.torch.preprocess` takes them, for this model: (B, 3, H, W), of the
        dtype of the encoder's parameters."""
        inputs = preprocess(images, self.size, self.backbone.family, self.task)
        return inputs.to(self.backbone.dtype)

    def forward(self, x: Tensor, doublings: Optional[int] = None) -> Tensor:
        """Normalised images (B, 3, H, W) -> the head's output: heatmaps, logits, depths or normals
        before any decoding, (B, outputs, rows, columns). With `doublings` no more of the head's
        transposed convolutions are run, which gives a coarser map."""
        return getattr(self, self.head_name)(self.backbone(x)[0], doublings)

    def decode(
        self,
        outputs: Tensor,
        images: Sequence[tuple[int, int]],
        boxes: Any = None,
        *,
        size: Optional[tuple[int, int]] = None,
        threads: int = 0,
    ) -> Union[PoseResult, list[np.ndarray]]:
        """Outputs of the head as `sapiens.decode` makes results of them: by the engine, on the CPU,
        without gradients.

        Args:
            outputs: (B, outputs, rows, columns), of any float type and device.
            images: (height, width) in pixels of the image that each input was made of.
            boxes: Pose alone: of the person of each input, (B, 4) or (B, 5) in pixels of the image.
            size: (height, width) of the inputs, where they were not of the model's own `size`.
            threads: As `sapiens.decode` takes them.
        """
        numbers = outputs.detach().to("cpu", torch.float32).numpy()
        return decode(self.task, numbers, size or self.size, images, boxes, threads=threads)


class Decoder(nn.Module):
    """The decoder of the masked autoencoder."""

    def __init__(
        self, width: int, hidden: int, depth: int, heads: int, tokens: int, inputs: int
    ) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.decoder_embed = nn.Linear(inputs, width)
        self.decoder_blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(depth))
        self.ln1 = nn.LayerNorm(width, eps=1e-6)
        self.decoder_pred = nn.Linear(width, PATCH * PATCH * 3)

    def forward(self, tokens: Tensor, restore: Tensor) -> Tensor:
        """Class token and kept patches (B, 1 + K, D), and the place of each patch among them and
        the hidden ones after them (B, N) -> pixels (B, N, 768) by row, column, channel."""
        x = self.decoder_embed(tokens)
        hidden = restore.shape[1] + 1 - x.shape[1]
        patches = torch.cat(
            [x[:, 1:], self.mask_token.expand(x.shape[0], hidden, -1).to(x.dtype)], 1
        )
        patches = patches.gather(1, restore[..., None].expand(-1, -1, x.shape[2]))
        x = torch.cat([x[:, :1], patches], 1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.ln1(x))[:, 1:]


class MaskedPrediction(NamedTuple):
    """What the decoder makes of an image of which most patches are hidden."""

    prediction: Tensor  #: (B, N, 768): each patch by row, column and channel, normalised by patch.
    hidden: Tensor  #: bool (B, N): True where a patch was hidden.
    latent: Tensor  #: (B, 1 + K, D): what the encoder made of the patches that were not.


class MaskedAutoencoder(nn.Module):
    """The pretrained encoder, `backbone`, with its decoder, `neck`."""

    report: Optional[Report] = None  #: How the tensors of the file became these parameters.
    partial: bool = False  #: Whether `allow_partial` left parameters at zero.

    def __init__(self, backbone: SapiensEncoder, neck: Decoder) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels that images are resized to: the only size there is."""
        return self.backbone.size

    def preprocess(self, images: Any) -> Tensor:
        """As `Encoder.preprocess`."""
        return self.backbone.preprocess(images)

    def forward(
        self, x: Tensor, mask_ratio: float = 0.75, noise: Optional[Tensor] = None
    ) -> MaskedPrediction:
        """Hides a share of the patches of normalised images (B, 3, H, W), and predicts them.

        The patches with the least `noise` (B, N) are seen; by default it is random.
        """
        if tuple(x.shape[2:]) != self.size:
            raise make_refusal(
                ShapeMismatchError,
                "the decoder knows one input size alone",
                expected=f"[B, 3, {self.size[0]}, {self.size[1]}]",
                actual=str(list(x.shape)),
            )
        patches = self.backbone.grid[0] * self.backbone.grid[1]
        if noise is None:
            noise = torch.rand(x.shape[0], patches, device=x.device)
        order = noise.argsort(dim=1, stable=True)
        kept = order[:, : int(patches * (1 - mask_ratio))]
        latent = self.backbone.masked(x, kept)
        restore = order.argsort(1)
        return MaskedPrediction(self.neck(latent, restore), restore >= kept.shape[1], latent)
