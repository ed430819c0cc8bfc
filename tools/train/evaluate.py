#!/usr/bin/env python3
"""Measures a network on held-out arrays and prints JSON. FILE is a run's model.pt or state.pt, or an exported file with
its task's head (for pretraining: with the decoder)."""
import argparse
import json

import numpy as np
import torch
import torch.nn.functional as F

from augment import normalize
from data import CLASSES, KEYPOINTS, People
from decode import cut_out, keypoints_of
from model import patch_statistics, patchify
from objectives import valid_depth
from weights import load_model


def channels_first(batch):
    return batch["images"].permute(0, 3, 1, 2).float()


def enlarge(output, size):
    return F.interpolate(output.float(), size=size, mode="bilinear", align_corners=False)


class Reconstruction:
    """Squared errors over hidden patches, divided by those of predicting each patch's mean: of pixels, and of pixels
    relative to their patch's deviation, which is what training minimises."""

    def __init__(self):
        self.error = self.of_mean = self.relative = self.relative_of_mean = 0.0
        self.generator = torch.Generator().manual_seed(0)

    def add(self, model, batch):
        inputs = normalize(F.interpolate(channels_first(batch), model.config.size, mode="bicubic", antialias=True))
        order = torch.rand(len(inputs), inputs.shape[2] * inputs.shape[3] // 256, generator=self.generator).argsort(1)
        hidden = order[:, order.shape[1] // 4 :, None].expand(-1, -1, 768)
        patches = patchify(inputs).gather(1, hidden)
        found = model.reconstruct(inputs, order).gather(1, hidden)
        mean, deviation = patch_statistics(patches)
        target = (patches - mean) / deviation
        self.error += ((found - target) * deviation).square().sum().item()
        self.of_mean += (patches - mean).square().sum().item()
        self.relative += (found - target).square().sum().item()
        self.relative_of_mean += target.square().sum().item()

    def result(self):
        return {
            "error_over_patch_mean": self.error / self.of_mean,
            "normalized_error_over_patch_mean": self.relative / self.relative_of_mean,
        }


class Pck:
    """Share of labelled keypoints found within a tenth of the longer side of the person's box."""

    def __init__(self):
        self.hits, self.hidden = [], []

    def add(self, model, batch):
        boxes, truth = batch["boxes"], batch["keypoints"].numpy()
        inputs = normalize(cut_out(batch["images"], boxes, model.config.size))
        found = keypoints_of(model, inputs, boxes)
        distance = np.linalg.norm(found[..., :2] - truth[..., :2], axis=2)
        hit = (distance <= 0.1 * boxes[:, 2:].amax(1).numpy()[:, None]).astype(float)
        hit[truth[..., 2] <= 0] = np.nan
        self.hits.append(hit)
        self.hidden.append(truth[..., 2] == 1)

    def result(self):
        hits, hidden = np.concatenate(self.hits), np.concatenate(self.hidden)
        by_point = np.nanmean(hits, 0)
        result = {"pck@0.1": np.nanmean(hits), "pck@0.1 visible": np.nanmean(np.where(hidden, np.nan, hits))}
        return result | {"by_keypoint": dict(zip(KEYPOINTS, by_point))}


class Miou:
    """Mean over the classes that occur in the truth, the background among them."""

    def __init__(self):
        self.confusion = 0

    def add(self, model, batch):
        labels = batch["labels"].long()
        logits = model(normalize(channels_first(batch)))
        found = enlarge(logits, labels.shape[1:]).argmax(1)
        count = logits.shape[1]
        known = labels < count
        pairs = (labels * count + found)[known]
        self.confusion = self.confusion + torch.bincount(pairs, minlength=count * count).view(count, count)

    def result(self):
        both = self.confusion.diagonal().double()
        truth, found = self.confusion.sum(1), self.confusion.sum(0)
        iou = both / (truth + found - both)
        present = truth > 0
        by_class = {name: v.item() for name, v, p in zip(CLASSES, iou, present) if p}
        accuracy = both.sum() / self.confusion.sum()
        return {"miou": iou[present].mean().item(), "pixel_accuracy": accuracy.item(), "by_class": by_class}


class DepthError:
    """After the scale and shift that fit best, per image: share of pixels within 25 % of the true distance, and error
    in the unit of the data and relative to the person's extent in depth."""

    def __init__(self):
        self.images = []

    def add(self, model, batch):
        valid = valid_depth(batch)
        found = enlarge(model(normalize(channels_first(batch))), valid.shape[1:])[:, 0]
        for truth, guess, mask in zip(batch["depth"].double(), found.double(), valid):
            if mask.sum() < 3:
                continue
            truth, guess = truth[mask], guess[mask]
            fit = torch.stack([guess, torch.ones_like(guess)], 1)
            aligned = fit @ torch.linalg.lstsq(fit, truth[:, None]).solution[:, 0]
            ratio = torch.maximum(aligned / truth, truth / aligned)
            close = ((aligned > 0) & (ratio < 1.25)).double().mean()
            rmse = (aligned - truth).square().mean().sqrt()
            self.images.append([close, rmse, rmse / (truth.max() - truth.min()).clamp(min=1e-6)])

    def result(self):
        return dict(zip(("delta1", "rmse", "rmse_over_extent"), np.mean(self.images, 0)))


class Angle:
    def __init__(self):
        self.angles = []

    def add(self, model, batch):
        truth = batch["normals"]
        valid = (batch["labels"] > 0) & (truth.norm(dim=-1) > 0.5)
        found = enlarge(model(normalize(channels_first(batch))), valid.shape[1:]).movedim(1, 3)
        cosine = F.cosine_similarity(found[valid].double(), truth[valid].double(), dim=-1)
        self.angles.append(torch.rad2deg(cosine.clamp(-1, 1).acos()))

    def result(self):
        angles = torch.cat(self.angles)
        within = (angles < 30).double().mean().item()
        return {"mean_angle": angles.mean().item(), "median_angle": angles.median().item(), "within_30": within}


METRICS = {"pretrain": Reconstruction, "pose": Pck, "seg": Miou, "depth": DepthError, "normal": Angle}


def evaluate(model, data, batch_size=16):
    metric = METRICS[model.config.task]()
    with torch.inference_mode():
        for start in range(0, len(data), batch_size):
            metric.add(model, data.batch(range(start, min(start + batch_size, len(data)))))
    return {"task": model.config.task, "images": len(data)} | metric.result()


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(float(value), 4) if isinstance(value, float) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--data", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--output", metavar="FILE", help="write the JSON here too")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load_model(arguments.file)
    text = json.dumps(rounded(evaluate(model, People(arguments.data, model.config.task))), indent=2)
    if arguments.output:
        with open(arguments.output, "w") as file:
            file.write(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
