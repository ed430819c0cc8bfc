"""What each task learns: inputs and targets of a batch, and the loss between an output and its target."""
import torch
import torch.nn.functional as F

from augment import mirror_some, normalize, random_persons, random_windows
from data import CLASS_SHARES, MIRRORED_CLASSES
from model import PATCH, doublings, patch_statistics, patchify

SIGMA = 2.0  # pixels of a 64x48 map: what the decoder's 11x11 blur is made for
IGNORED = 255
# Of the keypoints in the pose loss, as in the original: more for what moves most.
KEYPOINT_WEIGHTS = torch.tensor([1, 1, 1, 1, 1, 1, 1, 1.2, 1.2, 1.5, 1.5, 1, 1, 1.2, 1.2, 1.5, 1.5])


class Objective:
    """One task. `prepare` makes (inputs, targets) of a batch of data, `loss` compares."""

    def __init__(self, config):
        self.config = config

    def images(self, batch, generator):
        return normalize(batch["images"].permute(0, 3, 1, 2).float(), generator)

    def at_head(self, coarse, generator, *targets):
        """Targets [B, H, W, ...] at the size of the head's map: of every block of pixels the same random one, so that
        borders lie right on average."""
        block = PATCH >> doublings(self.config.task, coarse)
        row, column = torch.randint(0, block, (2,), generator=generator).tolist()
        return [target[:, row::block, column::block] for target in targets]


class Pretrain(Objective):
    """A masked autoencoder: three quarters of the patches are hidden and predicted, each relative to its own mean and
    deviation."""

    def prepare(self, batch, generator, coarse=False):
        images = random_windows(batch["images"], self.config.size, generator)
        inputs = normalize(images, generator)
        rows, columns = self.config.grid
        order = torch.rand(len(inputs), rows * columns, generator=generator).argsort(1)
        return inputs, order

    def loss(self, output, inputs, order):
        hidden = order[:, order.shape[1] // 4 :, None].expand(-1, -1, output.shape[2])
        patches = patchify(inputs).gather(1, hidden)
        mean, deviation = patch_statistics(patches)
        return F.mse_loss(output.gather(1, hidden).float(), (patches - mean) / deviation)


class Pose(Objective):
    """Squared error, summed over each map: that is 4 pi for a point not found. The original's mean over pixels has
    gradients that AdamW can no longer tell from nothing."""

    def prepare(self, batch, generator, coarse=False):
        crops, keypoints = random_persons(batch, self.config.size, generator)
        return normalize(crops, generator), heatmaps(keypoints, self.config.size)

    def loss(self, output, inputs, targets):
        maps, weights = targets
        return ((output.float() - maps).square().sum((2, 3)) * weights).mean()


def heatmaps(keypoints, size):
    """Gaussians [B, K, H / 4, W / 4] of height 1, and weights [B, K]; keypoints that are unknown or out of the map
    weigh nothing."""
    height, width = size[0] // 4, size[1] // 4
    scale = torch.tensor([(width - 1) / (size[1] - 1), (height - 1) / (size[0] - 1)])
    places = keypoints[..., :2] * scale
    x = torch.exp(-((torch.arange(width) - places[..., :1]) ** 2) / (2 * SIGMA**2))
    y = torch.exp(-((torch.arange(height) - places[..., 1:]) ** 2) / (2 * SIGMA**2))
    inside = ((places > -3 * SIGMA) & (places < torch.tensor([width, height]) + 3 * SIGMA)).all(-1)
    return y[..., None] * x[..., None, :], inside * (keypoints[..., 2] > 0) * KEYPOINT_WEIGHTS


class Seg(Objective):
    """Weighted cross-entropy, as in the original, and Dice loss; both for the small parts, which mIoU counts like large
    ones. Weights of 0.5 lie between counting pixels, where the background is three quarters of all, and counting
    classes. They make small parts larger than they are, so training ends without."""

    def __init__(self, config, class_weights=0.0):
        super().__init__(config)
        self.class_weights = torch.tensor(CLASS_SHARES) ** -class_weights

    def prepare(self, batch, generator, coarse=False):
        partner = torch.tensor(MIRRORED_CLASSES + list(range(len(MIRRORED_CLASSES), 256)), dtype=torch.uint8)
        batch = mirror_some(batch, generator, labels=lambda labels: partner[labels.long()])
        (labels,) = self.at_head(coarse, generator, batch["labels"])
        return self.images(batch, generator), labels.long()

    def loss(self, output, inputs, labels):
        logs = output.float().log_softmax(1)
        known = labels != IGNORED
        labels = labels.where(known, 0)
        hits = logs.gather(1, labels[:, None])[:, 0]  # of the true class
        weights = self.class_weights.to(logs.device)[labels] * known
        entropy = -(hits * weights).sum() / weights.sum().clamp(min=1e-6)

        def per_class(values):
            return torch.zeros(logs.shape[1], device=logs.device).index_add(0, labels.flatten(), values.flatten())

        pixels = per_class(known.float())
        found = (logs.exp() * known[:, None]).sum((0, 2, 3))
        dice = 2 * per_class(hits.exp() * known) / (found + pixels).clamp(min=1)
        return entropy + 0.5 * (1 - dice[pixels > 0].mean())


class Depth(Objective):
    """L1 on the depth in standard deviations from the person's mean. A shift of the output costs nothing, as in what is
    measured. The original's targets are relative to the nearest and farthest point, where one hand held out moves the
    rest of the body, and its SI-log loss weighs the nearest points without bound."""

    def prepare(self, batch, generator, coarse=False):
        batch = mirror_some(batch, generator)
        valid = valid_depth(batch)
        mean, deviation = person_statistics(batch["depth"].masked_fill(~valid, 0), valid)
        standard = (batch["depth"] - mean).masked_fill(~valid, 0) / deviation
        return self.images(batch, generator), self.at_head(coarse, generator, standard, valid)

    def loss(self, output, inputs, targets):
        depth, valid = targets
        output = output[:, 0].float()
        mean, _ = person_statistics(output, valid)
        error = (output - mean - depth).abs() * valid
        return error.sum() / valid.sum().clamp(min=1)


def valid_depth(batch):
    """Where the depth [B, H, W] means something."""
    return (batch["labels"] > 0) & batch["depth"].isfinite()


def person_statistics(values, valid):
    """Mean and standard deviation [B, 1, 1] of the valid ones of [B, H, W]."""
    count = valid.sum((1, 2), keepdim=True).clamp(min=1)
    mean = (values * valid).sum((1, 2), keepdim=True) / count
    variance = ((values - mean).square() * valid).sum((1, 2), keepdim=True) / count
    return mean, variance.sqrt().clamp(min=1e-6)


class Normal(Objective):
    """1 - cosine, and L1, which also pulls the length to 1."""

    def prepare(self, batch, generator, coarse=False):
        batch = mirror_some(batch, generator, normals=lambda normals: normals * torch.tensor([-1.0, 1, 1]))
        normals, labels = self.at_head(coarse, generator, batch["normals"], batch["labels"])
        valid = labels > 0
        length = normals.norm(dim=-1)
        valid = valid & (length > 0.5) & length.isfinite()
        normals = F.normalize(normals.nan_to_num(), dim=-1)
        return self.images(batch, generator), (normals.movedim(3, 1), valid)

    def loss(self, output, inputs, targets):
        normals, valid = targets
        output = output.float()
        error = 1 - F.cosine_similarity(output, normals, dim=1) + (output - normals).abs().sum(1)
        return (error * valid).sum() / valid.sum().clamp(min=1)


OBJECTIVES = {"pretrain": Pretrain, "pose": Pose, "seg": Seg, "depth": Depth, "normal": Normal}
