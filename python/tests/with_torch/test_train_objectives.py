"""Losses of training against their formulas, written out in float64."""

import math

import numpy as np
import pytest
import torch
from sapiens.torch import MaskedPrediction
from sapiens.torch._encoder import SapiensEncoder
from sapiens.torch._tasks import Head, TaskModel
from sapiens.train import ConfigError, make_config
from sapiens.train._objectives import OBJECTIVES

HEIGHT, WIDTH = 32, 48
OUTPUTS = {"pretrain": 0, "pose": 3, "seg": 4, "depth": 1, "normal": 3, "classify": 5}
STRIDES = {"pose": 4, "seg": 2, "depth": 1, "normal": 2}
IGNORED = 255


def objective(task, **values):
    config = make_config(
        {"task": task, "data": "d", "output": "o", "init": "i", "steps": 1, **values}
    )
    return OBJECTIVES[task](config, OUTPUTS[task])


def sample(task, seed):
    """What `augment` returns, at random, with places where nothing is known."""
    random = np.random.default_rng(seed)
    mask = random.random((HEIGHT, WIDTH)) < 0.7
    fields = {
        "inputs": random.normal(size=(3, HEIGHT, WIDTH)).astype(np.float32),
        "labels": random.integers(0, 3, (HEIGHT, WIDTH)).astype(np.uint8),
        "depth": random.uniform(1, 3, (HEIGHT, WIDTH)).astype(np.float32),
        "normals": random.normal(size=(3, HEIGHT, WIDTH)).astype(np.float32),
        "keypoints": random.uniform(5, 30, (3, 3)),
        "category": np.int64(seed % 5),
    }
    fields["labels"][:4, :6] = IGNORED
    fields["depth"][4:8] = np.nan
    fields["depth"][8:10] = 0
    fields["normals"][:, 4:8] = 0
    fields["keypoints"][seed % 3, 2] = 0
    wanted = {"pose": "keypoints", "seg": "labels", "normal": "normals"}.get(task, task)
    names = {"pretrain": [], "classify": ["category"]}.get(task, [wanted])
    tensors = {name: torch.as_tensor(fields[name]) for name in ("inputs", *names)}
    if task in ("depth", "normal"):
        tensors["mask"] = torch.from_numpy(mask)
    return tensors


def samples(task, count=4):
    return [sample(task, seed) for seed in range(count)]


def collate(loss, group):
    rows = [loss.targets(one) for one in group]
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def output_of(task, count=4, stride=None):
    generator = torch.Generator().manual_seed(5)
    if task == "pretrain":
        patches = HEIGHT * WIDTH // 256
        order = torch.rand(count, patches, generator=generator).argsort(1)
        hidden = order >= int(patches * 0.25)
        return MaskedPrediction(
            torch.randn(count, patches, 768, generator=generator), hidden, hidden
        )
    if task == "classify":
        return torch.randn(count, OUTPUTS[task], generator=generator)
    stride = stride or STRIDES[task]
    output = torch.randn(
        count, OUTPUTS[task], HEIGHT // stride, WIDTH // stride, generator=generator
    )
    return output.abs() + 0.1 if task == "depth" else output


def total(loss, output, targets):
    return (loss.numerators(output, targets) / loss.weights(targets)).sum().item()


def computed(task, stride=None, group=None, **values):
    loss = objective(task, **values)
    group = group or samples(task)
    return total(loss, output_of(task, len(group), stride), collate(loss, group))


def enlarged(values, how):
    """(c, h, w) in float64 at the size of the input."""
    high = HEIGHT // values.shape[1]
    if how == "head":
        return values.repeat(high, 1).repeat(high, 2)
    result = np.empty((len(values), HEIGHT, WIDTH))

    def neighbours(count, source):
        place = np.clip((np.arange(count) + 0.5) * source / count - 0.5, 0, source - 1)
        low = np.floor(place).astype(int)
        return low, np.minimum(low + 1, source - 1), place - low

    top, bottom, down = neighbours(HEIGHT, values.shape[1])
    left, right, across = neighbours(WIDTH, values.shape[2])
    for c, plane in enumerate(values):
        rows = plane[top] * (1 - down)[:, None] + plane[bottom] * down[:, None]
        result[c] = rows[:, left] * (1 - across) + rows[:, right] * across
    return result


def outputs_at_input(task, how, stride=None):
    return [enlarged(one, how) for one in output_of(task, stride=stride).double().numpy()]


@pytest.mark.parametrize("stride", [1, 2, 4, 16])
@pytest.mark.parametrize("how", ["input", "head"])
def test_cross_entropy_is_weighted_and_averaged_over_known_pixels(how, stride):
    weights = (0.5, 1.0, 2.0, 3.0)
    sums = pixels = 0
    for one, logits in zip(samples("seg"), outputs_at_input("seg", how, stride)):
        for place in zip(*np.nonzero(one["labels"].numpy() != IGNORED)):
            values, label = logits[(slice(None), *place)], int(one["labels"][place])
            sums += weights[label] * (math.log(np.exp(values).sum()) - values[label])
            pixels += 1
    found = computed("seg", stride, loss_size=how, class_weights=weights)
    assert found == pytest.approx(sums / pixels, rel=1e-5)


@pytest.mark.parametrize("how", ["input", "head"])
def test_dice_is_of_each_sample_over_the_classes_in_it(how):
    per_sample = []
    for one, logits in zip(samples("seg"), outputs_at_input("seg", how)):
        labels = one["labels"].numpy()
        known = labels != IGNORED
        shares = np.exp(logits) / np.exp(logits).sum(0)
        dice = []
        for label in np.unique(labels[known]):
            both = shares[label][known & (labels == label)].sum()
            dice.append(2 * both / (shares[label][known].sum() + (labels == label).sum()))
        per_sample.append(1 - np.mean(dice))
    added = computed("seg", loss_size=how, dice=0.5) - computed("seg", loss_size=how)
    assert added == pytest.approx(0.5 * np.mean(per_sample), rel=1e-4)


def known_depth(one):
    depth = one["depth"].double().numpy()
    return depth, one["mask"].numpy() & np.isfinite(depth) & (depth > 0)


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("how", ["input", "head"])
def test_silog_is_of_depths_between_the_nearest_and_the_farthest(how, stride):
    losses = []
    for one, found in zip(samples("depth"), outputs_at_input("depth", how, stride)):
        depth, valid = known_depth(one)
        target = (depth - depth[valid].min()) / (depth[valid].max() - depth[valid].min())
        valid &= target > 1e-6
        gap = np.log(target[valid]) - np.log(np.maximum(found[0][valid], 1e-6))
        losses.append(np.sqrt(np.mean(gap**2) - 0.5 * np.mean(gap) ** 2))
    assert computed("depth", stride, loss_size=how) == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("how", ["input", "head"])
def test_l1_of_depth_is_in_deviations_and_does_not_feel_a_shift(how):
    errors = []
    for one, found in zip(samples("depth"), outputs_at_input("depth", how, 2)):
        depth, valid = known_depth(one)
        depth, found = depth[valid], found[0][valid]
        errors.append(np.abs(found - found.mean() - (depth - depth.mean()) / depth.std()))
    expected = np.concatenate(errors).mean()
    loss = objective("depth", depth_loss="l1", loss_size=how)
    targets = collate(loss, samples("depth"))
    output = output_of("depth", stride=2)
    assert total(loss, output, targets) == pytest.approx(expected, rel=1e-5)
    assert total(loss, output + 7, targets) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("how", ["input", "head"])
def test_normals_are_one_minus_cosine_and_l1_over_valid_pixels(how):
    errors = []
    for one, found in zip(samples("normal"), outputs_at_input("normal", how)):
        target = one["normals"].double().numpy()
        length = np.sqrt((target**2).sum(0))
        valid = one["mask"].numpy() & (length > 0.5)
        target, found = (target / np.maximum(length, 1e-12))[:, valid], found[:, valid]
        cosine = (target * found).sum(0) / np.sqrt((found**2).sum(0))
        errors.append(1 - cosine + np.abs(found - target).sum(0))
    assert computed("normal", loss_size=how) == pytest.approx(
        np.concatenate(errors).mean(), rel=1e-5
    )


@pytest.mark.parametrize("kind", ["mean", "sum"])
def test_heatmaps_are_gaussians_at_places_where_the_outer_pixels_centres_meet(kind):
    rows, columns, sigma = HEIGHT // 4, WIDTH // 4, 1.5
    error = 0
    for one, found in zip(samples("pose"), output_of("pose").double().numpy()):
        for (x, y, visibility), heatmap in zip(one["keypoints"].numpy(), found):
            x, y = x * (columns - 1) / (WIDTH - 1), y * (rows - 1) / (HEIGHT - 1)
            v, u = np.mgrid[:rows, :columns]
            target = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2))
            error += ((heatmap - target) ** 2).sum() * (visibility > 0)
    divisor = 4 * 3 * (rows * columns if kind == "mean" else 1)
    assert computed("pose", pose_loss=kind, sigma=sigma) == pytest.approx(error / divisor, rel=1e-5)


def test_keypoints_of_which_nothing_can_be_seen_do_not_count():
    inside, outside = sample("pose", 0), sample("pose", 0)
    outside["keypoints"][1:, 0] = WIDTH + 1000.0
    outside["keypoints"][:, 2] = 2
    loss = objective("pose")
    _, counts = loss.heatmaps(collate(loss, [inside, outside]), 8, 12)
    assert counts.tolist() == [[False, True, True], [True, False, False]]


def test_the_standard_deviation_of_heatmaps_grows_with_them():
    loss = objective("pose")
    one = sample("pose", 1)
    one["keypoints"][:] = torch.tensor([0.0, 0, 2])
    for columns in (12, 192):
        maps, _ = loss.heatmaps(collate(loss, [one]), 8, columns)
        assert maps[0, 0, 0, 1].item() == pytest.approx(math.exp(-0.5 / (columns * 6 / 192) ** 2))


def test_hidden_patches_are_predicted_relative_to_their_mean_and_deviation():
    found = output_of("pretrain")
    errors = []
    for i, one in enumerate(samples("pretrain")):
        image = one["inputs"].double().numpy()
        for n in np.nonzero(found.hidden[i].numpy())[0]:
            row, column = divmod(n, WIDTH // 16)
            patch = image[:, row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
            patch = patch.transpose(1, 2, 0).ravel()
            target = (patch - patch.mean()) / np.sqrt(patch.var(ddof=1) + 1e-6)
            errors.append(np.mean((found.prediction[i, n].double().numpy() - target) ** 2))
    assert computed("pretrain") == pytest.approx(np.mean(errors), rel=1e-5)


def test_classes_of_images_are_compared_by_cross_entropy():
    expected = []
    for i, logits in enumerate(output_of("classify").double().numpy()):
        expected.append(math.log(np.exp(logits).sum()) - logits[i % 5])
    assert computed("classify") == pytest.approx(np.mean(expected), rel=1e-5)


CASES = [
    ("pretrain", {}),
    ("pose", {}),
    ("pose", {"pose_loss": "sum"}),
    ("seg", {"dice": 1.0, "class_weights": [1, 2, 3, 4]}),
    ("seg", {"dice": 1.0, "loss_size": "head"}),
    ("depth", {}),
    ("depth", {"depth_loss": "l1", "loss_size": "head"}),
    ("normal", {}),
    ("classify", {}),
]


def part(output, places):
    if isinstance(output, MaskedPrediction):
        return MaskedPrediction(*(field[places] for field in output))
    return output[places]


@pytest.mark.parametrize("task, values", CASES)
def test_the_parts_of_a_batch_add_up_to_the_whole(task, values):
    loss, group = objective(task, **values), samples(task)
    output = output_of(task)
    whole = collate(loss, group)
    parts = [collate(loss, group[:1]), collate(loss, group[1:])]
    weights = sum(loss.weights(targets) for targets in parts)
    numerators = sum(
        loss.numerators(part(output, places), targets)
        for places, targets in zip((slice(0, 1), slice(1, 4)), parts)
    )
    assert torch.equal(weights, loss.weights(whole))
    torch.testing.assert_close(numerators, loss.numerators(output, whole), rtol=1e-5, atol=0)


@pytest.mark.parametrize("task, values", CASES)
def test_gradients_are_finite_and_reach_every_sample(task, values):
    loss, output = objective(task, **values), output_of(task)
    values = output.prediction if task == "pretrain" else output
    values.requires_grad_()
    loss.numerators(output, collate(loss, samples(task))).sum().backward()
    assert values.grad.isfinite().all()
    assert (values.grad.flatten(1).abs().amax(1) > 0).all()


@pytest.mark.parametrize("task", ["seg", "depth", "normal"])
def test_pixels_of_which_nothing_is_known_have_no_gradient(task):
    loss, group = objective(task, loss_size="head"), samples(task)
    unknown = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    unknown[:4, :6] = True
    for one in group:
        if task == "seg":
            one["labels"][unknown] = IGNORED
        else:
            one["mask"] = ~unknown
    output = output_of(task).requires_grad_()
    loss.numerators(output, collate(loss, group)).sum().backward()
    of_pixels = output.grad.abs().sum(1)
    stride = STRIDES[task]
    assert not of_pixels[:, : 4 // stride, : 6 // stride].any()
    assert of_pixels.any()


@pytest.mark.parametrize("task", ["seg", "depth", "normal"])
@pytest.mark.parametrize("how", ["input", "head"])
def test_a_sample_of_which_nothing_is_known_adds_nothing(task, how):
    values = {"dice": 1.0} if task == "seg" else {}
    loss, group = objective(task, loss_size=how, **values), samples(task)
    if task == "seg":
        group[0]["labels"][:] = IGNORED
    else:
        group[0]["mask"][:] = False
    output = output_of(task).requires_grad_()
    targets = collate(loss, group[:1])
    assert not loss.weights(targets).any()
    numerators = loss.numerators(output[:1], targets)
    assert not numerators.any()
    numerators.sum().backward()
    assert not output.grad.any()


def tiny(task, deconvs=(8, 8, 8), convs=(8,)):
    torch.manual_seed(0)
    encoder = SapiensEncoder(16, 1, 2, 32, (2, 3), cls_token=False)
    return TaskModel(task, encoder, Head(task, 16, deconvs, convs, 4)).eval()


def test_a_coarse_step_leaves_out_the_last_doublings():
    model, x = tiny("seg"), torch.randn(2, 3, HEIGHT, WIDTH)
    assert model(x).shape == (2, 4, 16, 24)
    assert model(x, doublings=2).shape == (2, 4, 8, 12)
    model(x, doublings=2).square().sum().backward()
    ups = model.decode_head.deconv_layers
    assert ups[3].weight.grad.any()
    assert ups[6].weight.grad is None


@pytest.mark.parametrize("deconvs", [(), (8,), (8, 8)])
def test_a_coarse_step_of_a_short_head_is_the_whole_head(deconvs):
    model, x = tiny("seg", deconvs), torch.randn(1, 3, HEIGHT, WIDTH)
    assert torch.equal(model(x, doublings=2), model(x))


def test_sizes_of_a_loss_that_are_not_known_are_refused():
    with pytest.raises(ConfigError, match="loss_size: expected one of input, head"):
        objective("seg", loss_size="half")
