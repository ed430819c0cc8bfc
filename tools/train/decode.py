"""From images to crops and from heatmaps to keypoints as `sapiens pose` does it, so that figures agree."""

import numpy as np
import torch
import torch.nn.functional as F

from augment import person_windows
from data import MIRRORED_KEYPOINTS

BLUR = 5  # radius; the blur has the deviation that OpenCV gives 11 pixels: 2


def cut_out(images, boxes, size):
    """Bytes [B, H, W, 3] -> crops [B, 3, *size] of 0..255 in whole steps, rounded where and as OpenCV's warp rounds:
    its matrix to float32, places to 1/1024 and then 1/32 pixel. Outside the image is black."""
    centers, extents = person_windows(boxes.double(), size[1] / size[0])
    crops = []
    for image, center, extent in zip(images, centers, extents):
        columns, rows = (
            tent(places(center[axis], extent[axis], size[1 - axis]), image.shape[1 - axis]) for axis in (0, 1)
        )
        lines = torch.einsum("yh,hwc->ywc", rows, image.double())
        crops.append((torch.einsum("xw,ywc->cyx", columns, lines) + 0.5).floor())
    return torch.stack(crops).float()


def places(center, extent, count):
    """Where in the image `count` pixels lie along one axis of a window."""
    scale = (count - 1) / extent
    shift = scale * (extent / 2 - center)
    step = 1 / scale.float().double()
    start = -step * shift.float().double()
    fine = (step * torch.arange(count) * 1024).round() + (start * 1024).round()
    return ((fine + 16) / 32).floor() / 32


def tent(places, count):
    """Weights [places, count] of linear interpolation; nothing outside."""
    return (1 - (places[:, None] - torch.arange(count)).abs()).clamp(min=0)


def with_mirrored(model, inputs):
    """Heatmaps, averaged with those of the mirrored inputs."""
    mirrored = model(inputs.flip(3)).flip(3)[:, MIRRORED_KEYPOINTS]
    return (model(inputs) + mirrored) / 2


def peaks(heatmaps):
    """Heatmaps [B, K, H, W] -> x, y in their pixels, and heights: [B, K, 3]. The maximum, moved by one Newton step on
    the logarithm of the blurred map."""
    batch, points, height, width = heatmaps.shape
    place = heatmaps.flatten(2).argmax(2).numpy()
    score = heatmaps.flatten(2).amax(2)
    x, y = place % width, place // width

    steps = torch.arange(-BLUR, BLUR + 1)
    kernel = torch.exp(-(steps**2) / (2 * 2.0**2))
    kernel = (kernel / kernel.sum()).view(1, 1, -1, 1)
    blurred = heatmaps.flatten(0, 1)[:, None]
    blurred = F.conv2d(F.conv2d(blurred, kernel, padding=(BLUR, 0)), kernel.transpose(2, 3), padding=(0, BLUR))
    blurred = blurred.view_as(heatmaps)
    blurred = blurred * (score / blurred.flatten(2).amax(2))[..., None, None]
    logs = F.pad(blurred.clamp(1e-3, 50).log(), (1, 1, 1, 1), mode="replicate").double().numpy()

    b, k = np.ogrid[:batch, :points]

    def at(dx, dy):
        return logs[b, k, y + 1 + dy, x + 1 + dx]

    here = at(0, 0)
    gx, gy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    xx, yy = at(1, 0) - 2 * here + at(-1, 0), at(0, 1) - 2 * here + at(0, -1)
    xy = (at(1, 1) - at(1, 0) - at(0, 1) + 2 * here - at(-1, 0) - at(0, -1) + at(-1, -1)) / 2
    epsilon = np.finfo(np.float32).eps
    xx, yy = xx + epsilon, yy + epsilon
    determinant = xx * yy - xy * xy
    found = np.stack([x - (yy * gx - xy * gy) / determinant, y - (xx * gy - xy * gx) / determinant, score], -1)
    found[score.numpy() <= 0, :2] = -1
    return found


def keypoints_of(model, inputs, boxes):
    """Inputs cut out by `boxes` -> x, y in the image and score, [B, K, 3]."""
    found = peaks(with_mirrored(model, inputs).float())
    center, extent = (part.double().numpy() for part in person_windows(boxes, inputs.shape[3] / inputs.shape[2]))
    height, width = inputs.shape[2] // 4, inputs.shape[3] // 4
    last = np.array([width - 1, height - 1])
    found[..., :2] = found[..., :2] / last * extent[:, None] + (center - extent / 2)[:, None]
    return found


