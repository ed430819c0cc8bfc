"""What each task learns: targets of samples, and losses as sums that do not depend on how a batch is split.

Letters: B samples, K keypoints, C classes, H and W rows and columns of the input, h and w of the head's map, P pixels
of the input in a pixel of that map.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..torch._layers import PATCH
from ..torch._tasks import MaskedPrediction
from ._config import Config
from ._samples import Batch

# As in the original: a depth relative to nearest and farthest below it is not seen by the loss.
EPSILON = 1e-6


def _blocks(values: Tensor, rows: int, columns: int) -> Tensor:
    """(B, H, W) -> (B, P, h, w): of each pixel of a smaller map those that it covers."""
    batch, height, width = values.shape
    high, wide = height // rows, width // columns
    blocks = values.view(batch, rows, high, columns, wide).permute(0, 2, 4, 1, 3)
    return blocks.reshape(batch, high * wide, rows, columns)


class Objective:
    """What a task learns. A loss is a sum of terms, each of them sum(numerators) / sum(weights) over the whole batch of
    an optimizer step, however it is spread over processes and passes."""

    def __init__(self, config: Config, outputs: int) -> None:
        self.config = config
        self.outputs = outputs

    def targets(self, augmented: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the loss of one sample needs; `augmented` is what `augment` returns."""
        raise NotImplementedError

    def weights(self, targets: Batch) -> Tensor:
        """Of each term, (terms,), float32; depends on the targets of the batch alone."""
        raise NotImplementedError

    def numerators(self, output: Any, targets: Batch) -> Tensor:
        """Of each term, (terms,), float32, with gradients. `output` is what the module returns: (B, outputs, rows,
        columns), or a MaskedPrediction."""
        raise NotImplementedError


class _Dense(Objective):
    """A task of pixels. Outputs are compared with targets of the input's size: enlarged, as the original's are, or each
    with all the pixels that it covers, which is far less work."""

    def _sized(self, output: Tensor, targets: Tensor) -> Tensor:
        """Outputs (B, C, h, w) as float32 at the size of the loss; targets are (B, H, W)."""
        output = output.float()
        if self.config.loss_size == "head" or output.shape[2:] == targets.shape[1:]:
            return output
        return F.interpolate(output, size=targets.shape[1:], mode="bilinear", align_corners=False)


class Seg(_Dense):
    """Cross-entropy with weights of classes, as mean over the known pixels, not over their weights. Dice adds, of each
    sample, one minus the mean of the classes in it."""

    def __init__(self, config: Config, outputs: int) -> None:
        super().__init__(config, outputs)
        self.class_weights = torch.tensor(config.class_weights or (1.0,) * outputs)

    def targets(self, augmented: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"labels": augmented["labels"]}

    def weights(self, targets: Batch) -> Tensor:
        known = targets["labels"] != self.config.ignore_label
        terms = [known.sum()]
        if self.config.dice:
            terms.append(known.flatten(1).any(1).sum())
        return torch.stack(terms).float()

    def numerators(self, output: Any, targets: Batch) -> Tensor:
        logs = self._sized(output, targets["labels"]).log_softmax(1)
        labels = _blocks(targets["labels"], *logs.shape[2:]).long()
        known = labels != self.config.ignore_label
        labels = labels.where(known, 0)
        hits = logs.gather(1, labels)  # (B, P, h, w): of the true class
        entropy = -(hits * self.class_weights.to(hits.device)[labels] * known).sum()
        if not self.config.dice:
            return entropy[None]
        return torch.stack([entropy, self.config.dice * self._dice(logs, hits, labels, known)])

    def _dice(self, logs: Tensor, hits: Tensor, labels: Tensor, known: Tensor) -> Tensor:
        def per_class(values: Tensor) -> Tensor:
            counts = values.new_zeros(len(values), self.outputs)
            return counts.scatter_add(1, labels.flatten(1), values.flatten(1))

        pixels = per_class(known.float())
        found = (logs.exp() * known.sum(1, keepdim=True)).sum((2, 3))
        dice = 2 * per_class(hits.exp() * known) / (found + pixels).clamp(min=1)
        present = pixels > 0
        missed = ((1 - dice) * present).sum(1) / present.sum(1).clamp(min=1)
        return missed.sum()


class Depth(_Dense):
    """SI-log of depths that are 0 at the nearest and 1 at the farthest pixel of the person, as the original's, or L1 in
    standard deviations from the person's mean, where a shift of the output costs nothing."""

    def targets(self, augmented: dict[str, Tensor]) -> dict[str, Tensor]:
        depth = augmented["depth"]
        valid = depth.isfinite() & (depth > 0)
        if "mask" in augmented:
            valid = valid & augmented["mask"]
        depth = depth.where(valid, 0)
        if self.config.depth_loss == "l1":
            mean, deviation = _statistics(depth[None], valid[None])
            depth = ((depth - mean) / deviation)[0]
        elif valid.any():
            low, high = depth[valid].aminmax()
            depth = (depth - low) / (high - low).clamp(min=EPSILON)
            valid = valid & (depth > EPSILON)
        return {"depth": depth.where(valid, 0), "valid": valid}

    def weights(self, targets: Batch) -> Tensor:
        valid = targets["valid"].flatten(1)
        count = valid.sum() if self.config.depth_loss == "l1" else valid.any(1).sum()
        return count.float()[None]

    def numerators(self, output: Any, targets: Batch) -> Tensor:
        found = self._sized(output, targets["depth"])
        depth, valid = (_blocks(targets[name], *found.shape[2:]) for name in ("depth", "valid"))
        if self.config.depth_loss == "l1":
            mean, _ = _statistics(found.expand_as(depth), valid)
            return ((found - mean - depth).abs() * valid).sum()[None]
        gap = (depth.clamp(min=EPSILON).log() - found.clamp(min=EPSILON).log()) * valid
        count = valid.sum((1, 2, 3)).clamp(min=1)
        square, mean = gap.square().sum((1, 2, 3)) / count, gap.sum((1, 2, 3)) / count
        inside = square - 0.5 * mean.square()
        # The root has no gradient at 0, which is where samples without a valid pixel are.
        positive = inside > 0
        return (inside.where(positive, 1).sqrt() * positive).sum()[None]


def _statistics(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the valid ones of each sample, in shapes that spread over the values."""
    axes = tuple(range(1, values.ndim))
    count = valid.sum(axes, keepdim=True).clamp(min=1)
    mean = (values * valid).sum(axes, keepdim=True) / count
    variance = ((values - mean).square() * valid).sum(axes, keepdim=True) / count
    return mean, variance.sqrt().clamp(min=EPSILON)


class Normal(_Dense):
    """One minus cosine, and L1 over the three channels, which also pulls the length to 1: mean over valid pixels."""

    def targets(self, augmented: dict[str, Tensor]) -> dict[str, Tensor]:
        normals = augmented["normals"].nan_to_num(0, 0, 0)  # (3, H, W)
        valid = normals.norm(dim=0) > 0.5
        if "mask" in augmented:
            valid = valid & augmented["mask"]
        return {"normals": F.normalize(normals, dim=0), "valid": valid}

    def weights(self, targets: Batch) -> Tensor:
        return targets["valid"].sum().float()[None]

    def numerators(self, output: Any, targets: Batch) -> Tensor:
        found = self._sized(output, targets["valid"])
        size = found.shape[2:]
        valid = _blocks(targets["valid"], *size)
        normals = _blocks(targets["normals"].flatten(0, 1), *size)
        normals = normals.unflatten(0, (len(found), 3))  # (B, 3, P, h, w)
        found = found[:, :, None]
        cosine = (F.normalize(found, dim=1) * normals).sum(1)
        error = 1 - cosine + (found - normals).abs().sum(1)
        return (error * valid).sum()[None]


class Pose(Objective):
    """Squared error between heatmaps and Gaussians of height 1 at the keypoints, between pixels where those are. With
    `mean` it is of pixels, as the original's; with `sum` of maps, since the mean's gradients in a small network are so
    small that AdamW hardly tells them from nothing."""

    def targets(self, augmented: dict[str, Tensor]) -> dict[str, Tensor]:
        height, width = augmented["inputs"].shape[1:]
        return {"keypoints": augmented["keypoints"], "size": torch.tensor([width, height])}

    def weights(self, targets: Batch) -> Tensor:
        batch, keypoints, _ = targets["keypoints"].shape
        return torch.tensor([float(batch * keypoints)], device=targets["keypoints"].device)

    def numerators(self, output: Any, targets: Batch) -> Tensor:
        heatmaps, counts = self.heatmaps(targets, *output.shape[2:])
        error = (output.float() - heatmaps).square().sum((2, 3)) * counts
        if self.config.pose_loss == "mean":
            error = error / heatmaps[0, 0].numel()
        return error.sum()[None]

    def heatmaps(self, targets: Batch, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """(B, K, h, w), and which of them count (B, K): keypoints that are unknown, or so far outside that nothing of
        them is seen, do not."""
        keypoints = targets["keypoints"].float()
        sigma = self.config.sigma or columns * 6 / 192
        last = torch.tensor([columns - 1, rows - 1], device=keypoints.device)
        # The outer pixels' centres of map and input lie on each other ("UDP").
        places = keypoints[..., :2] * (last / (targets["size"] - 1))[:, None]
        inside = ((places > -3 * sigma) & (places < last + 1 + 3 * sigma)).all(-1)
        x, y = (
            torch.exp(
                -((torch.arange(count, device=places.device) - places[..., axis, None]) ** 2)
                / (2 * sigma**2)
            )
            for axis, count in enumerate((columns, rows))
        )
        return y[..., None] * x[..., None, :], inside & (keypoints[..., 2] > 0)


class Pretrain(Objective):
    """Squared error of the hidden patches, each relative to its own mean and deviation."""

    def targets(self, augmented: dict[str, Tensor]) -> dict[str, Tensor]:
        patches = patchify(augmented["inputs"])
        mean, variance = patches.mean(1, keepdim=True), patches.var(1, keepdim=True)
        return {"patches": (patches - mean) / (variance + 1e-6).sqrt()}

    def weights(self, targets: Batch) -> Tensor:
        batch, patches, _ = targets["patches"].shape
        hidden = patches - int(patches * (1 - self.config.mask_ratio))
        return torch.tensor([float(batch * hidden)], device=targets["patches"].device)

    def numerators(self, output: MaskedPrediction, targets: Batch) -> Tensor:
        error = (output.prediction.float() - targets["patches"]).square().mean(2)
        return (error * output.hidden).sum()[None]


def patchify(image: Tensor) -> Tensor:
    """(3, H, W) -> (N, 768): patches, within them by row, column and channel."""
    channels, height, width = image.shape
    x = image.view(channels, height // PATCH, PATCH, width // PATCH, PATCH)
    return x.permute(1, 3, 2, 4, 0).reshape(-1, PATCH * PATCH * channels)


class Classify(Objective):
    """Cross-entropy, as mean over the images; outputs are logits (B, C)."""

    def targets(self, augmented: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"category": augmented["category"]}

    def weights(self, targets: Batch) -> Tensor:
        return torch.tensor([float(len(targets["category"]))], device=targets["category"].device)

    def numerators(self, output: Any, targets: Batch) -> Tensor:
        return F.cross_entropy(output.float(), targets["category"].long(), reduction="sum")[None]


OBJECTIVES: dict[str, type[Objective]] = {
    "pretrain": Pretrain,
    "pose": Pose,
    "seg": Seg,
    "depth": Depth,
    "normal": Normal,
    "classify": Classify,
}
