"""Modules train, alone and under PEFT's adapters, and become checkpoints again."""

import copy

import pytest
import torch

import sapiens
import sapiens.torch

TASKS = ("pretrain", "pose", "seg", "depth", "normal")
SAPIENS2 = "sapiens2_depth18"  # with shared heads of keys and values


def output_of(model, x):
    found = model(x)
    return found[0] if isinstance(found, tuple) else found


def train(model, x, steps=8):
    """The losses of a few steps towards a fixed target."""
    torch.manual_seed(1)
    target = torch.randn_like(output_of(model, x))
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 2e-3)
    losses = []
    for _ in range(steps):
        loss = (output_of(model, x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("task", (*TASKS, SAPIENS2))
def test_lora_trains_merges_and_becomes_an_exact_checkpoint(models, inputs, tmp_path, task):
    peft = pytest.importorskip("peft")
    module = sapiens.torch.load(models[task])
    before = copy.deepcopy(module.state_dict())
    layers = ["wq", "wk", "wv", "proj"] if task == SAPIENS2 else ["qkv", "proj"]
    config = peft.LoraConfig(r=4, target_modules=[f"attn.{layer}" for layer in layers])
    tuned = len(layers) * module.report.model.depth
    model = peft.get_peft_model(module, config)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert len(trained) == 2 * tuned and all("lora_" in name for name in trained)
    losses = train(model, inputs)
    assert losses[-1] < losses[0]
    with torch.no_grad():
        expected = output_of(model, inputs)
        with pytest.raises(TypeError, match="merge"):
            sapiens.torch.save(module, tmp_path / "unmerged.pth")
        merged = model.merge_and_unload()
        assert torch.allclose(output_of(merged, inputs), expected, atol=1e-4)
        report = sapiens.torch.save(merged, tmp_path / "merged.pth")
        assert report.verdict == "exact"
        again = sapiens.torch.load(tmp_path / "merged.pth")
        assert torch.equal(output_of(again, inputs), output_of(merged, inputs))
    assert list(before) == list(again.state_dict())
    changed = {k for k, v in again.state_dict().items() if not torch.equal(v, before[k])}
    assert len(changed) == tuned
    assert all(key.endswith(tuple(f"{layer}.weight" for layer in layers)) for key in changed)


@pytest.mark.parametrize("task", (*TASKS, SAPIENS2))
def test_every_parameter_trains(models, inputs, task):
    module = sapiens.torch.load(models[task]).train()
    losses = train(module, inputs)
    assert losses[-1] < losses[0]
    assert [name for name, p in module.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("task", (*TASKS, SAPIENS2, "reconstruct"))
def test_saved_modules_are_exact_and_the_same(models, tmp_path, task):
    source = models["pretrain"] if task == "reconstruct" else models[task]
    if task == "reconstruct":
        source = tmp_path / "mae.pth"
        sapiens.synthesize(source, "tiny", layout="mmengine")
    module = sapiens.torch.load(source, "reconstruct" if task == "reconstruct" else None)
    meta = None if task == SAPIENS2 else {"epoch": 3}
    report = sapiens.torch.save(module, tmp_path / "saved.pth", meta)
    assert report.verdict == "exact"
    again = sapiens.torch.load(
        tmp_path / "saved.pth", "reconstruct" if task == "reconstruct" else None
    )
    assert type(again) is type(module)
    assert again.size == module.size
    for key, value in module.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key
    loaded = torch.load(tmp_path / "saved.pth", weights_only=True)
    if task != SAPIENS2:
        assert loaded["meta"]["epoch"] == 3
        loaded = loaded["state_dict"]
    prefix = "backbone." if task == "pretrain" else ""
    assert list(loaded) == [prefix + key for key in module.state_dict()]


def test_other_modules_are_not_saved(models, tmp_path):
    encoder = sapiens.torch.load(models["pretrain"], engine=True)
    for module in (torch.nn.Linear(2, 2), encoder):
        with pytest.raises(TypeError, match="no module of sapiens.torch"):
            sapiens.torch.save(module, tmp_path / "none.pth")
    assert not list(tmp_path.iterdir())
