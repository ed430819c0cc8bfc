"""Images into network inputs: cutting out, mirroring, colours, normalisation. Positions are in pixels, and a pixel's
centre has whole coordinates ("UDP": sizes are distances between the outer pixels' centres)."""
import math

import torch
import torch.nn.functional as F

from data import MIRRORED_KEYPOINTS

MEAN = torch.tensor([123.675, 116.28, 103.53])
STD = torch.tensor([58.395, 57.12, 57.375])


def uniform(generator, count, low, high):
    return low + (high - low) * torch.rand(count, generator=generator)


def normalize(images, generator=None):
    """RGB [B, 3, H, W] of 0..255 -> network input. With a generator the light changes: brightness, contrast, and the
    channels against each other; all of it is one scale and one shift per channel."""
    scale, shift = (1 / STD)[None], (-MEAN / STD)[None]
    if generator is not None:
        count = len(images)
        gain = uniform(generator, (count, 1), 0.75, 1.25) * uniform(generator, (count, 3), 0.92, 1.08)
        bias = uniform(generator, (count, 1), -20, 20)
        shift = shift + bias * scale
        scale = gain * scale
    return images * scale[:, :, None, None] + shift[:, :, None, None]


def warp(images, matrices, size, mode="bilinear"):
    """[B, C, H, W] sampled at matrices [B, 2, 3] x (x, y, 1) for each pixel of `size`; outside is 0."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    points = torch.stack([x.flatten(), y.flatten(), torch.ones(height * width)]).float()
    source = matrices @ points  # [B, 2, H W]
    extent = torch.tensor([images.shape[3] - 1, images.shape[2] - 1])
    grid = (source * (2 / extent[:, None]) - 1).view(-1, 2, height, width).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=True)


def window_matrices(center, extent, size, rotation=None, mirrored=None):
    """From pixels of an output of `size` to the image: windows around `center` of `extent` (both [B, 2]: x, y),
    turned by `rotation` [B], and mirrored where told."""
    height, width = size
    sx, sy = extent[:, 0] / (width - 1), extent[:, 1] / (height - 1)
    if mirrored is not None:
        sx = torch.where(mirrored, -sx, sx)
    rotation = torch.zeros(len(center)) if rotation is None else rotation
    cos, sin = rotation.cos(), rotation.sin()
    linear = torch.stack([torch.stack([cos * sx, -sin * sy], 1), torch.stack([sin * sx, cos * sy], 1)], 1)
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    return torch.cat([linear, (center - linear @ middle)[..., None]], 2)


def invert(matrices):
    linear = torch.linalg.inv(matrices[..., :2])
    return torch.cat([linear, -linear @ matrices[..., 2:]], 2)


def person_windows(boxes, aspect):
    """Boxes (x, y, width, height) -> centre and extent of the cut-out: a quarter larger, widened to `aspect`."""
    center, extent = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] * 1.25
    width = torch.maximum(extent[:, 0], extent[:, 1] * aspect)
    return center, torch.stack([width, width / aspect], 1)


def random_persons(batch, size, generator):
    """Cut-outs [B, 3, H, W] around the persons, displaced, scaled, turned and mirrored, and their keypoints."""
    boxes, count = batch["boxes"], len(batch["boxes"])
    center, extent = person_windows(boxes, size[1] / size[0])
    center = center + extent * uniform(generator, (count, 2), -0.1, 0.1)
    extent = extent * uniform(generator, (count, 1), math.log(0.8), math.log(1.3)).exp()
    rotation = uniform(generator, count, -math.pi / 7, math.pi / 7)
    rotation = rotation * (torch.rand(count, generator=generator) < 0.5)
    mirrored = torch.rand(count, generator=generator) < 0.5
    matrices = window_matrices(center, extent, size, rotation, mirrored)
    crops = warp(batch["images"].permute(0, 3, 1, 2).float(), matrices, size)

    keypoints = batch["keypoints"]
    keypoints = torch.where(mirrored[:, None, None], keypoints[:, MIRRORED_KEYPOINTS], keypoints)
    inverse = invert(matrices)
    places = keypoints[..., :2] @ inverse[..., :2].transpose(1, 2) + inverse[..., 2][:, None]
    return crops, torch.cat([places, keypoints[..., 2:]], 2)


def random_windows(images, size, generator):
    """For pretraining: windows of 0.5 to 1 of the image's area and various shapes, stretched to `size`, half of them
    mirrored."""
    count = len(images)
    full = torch.tensor([images.shape[2] - 1.0, images.shape[1] - 1.0])
    area = uniform(generator, count, 0.5, 1)
    shape = uniform(generator, count, math.log(3 / 4), math.log(4 / 3)).exp()
    extent = full * torch.stack([(area * shape).sqrt(), (area / shape).sqrt()], 1).clamp(max=1)
    center = extent / 2 + (full - extent) * torch.rand(count, 2, generator=generator)
    mirrored = torch.rand(count, generator=generator) < 0.5
    return warp(images.permute(0, 3, 1, 2).float(), window_matrices(center, extent, size, None, mirrored), size)


def mirror_some(batch, generator, **mirror):
    """Mirrors half of the images, whose arrays are channels last; `mirror` says what else changes in one."""
    chosen = torch.rand(len(batch["images"]), generator=generator) < 0.5
    for name in batch:
        flipped = batch[name][chosen].flip(2)
        batch[name][chosen] = mirror[name](flipped) if name in mirror else flipped
    return batch
