"""The model that a run begins with, what of it learns, and how."""

import copy

import pytest
import torch

import sapiens
import sapiens.torch
from sapiens.torch import MaskedAutoencoder, TaskModel
from sapiens.train import ConfigError, make_config
from sapiens.train._model import ChannelDropout, head_of, start
from sapiens.train._optimizer import param_groups, rate_at
from sapiens.train._output import bare_copy, plain_copy

TASKS = ("pose", "seg", "depth", "normal")
OUTPUTS = {"pretrain": 0, "pose": 17, "seg": 28, "depth": 1, "normal": 3}


def begin(task, init="", outputs=None, names=(), **values):
    values = {"data": ["d"], "output": "o", "steps": 10, "init": str(init), **values}
    config = make_config({"task": task, **values})
    started = start(config, names, OUTPUTS[task] if outputs is None else outputs)
    return config, started.module, "\n".join(started.lines)


def state_of(module):
    return {key: value.detach() for key, value in module.state_dict().items()}


@pytest.mark.parametrize("task", TASKS)
def test_a_fitting_head_is_kept_with_all_its_weights(task, models):
    _, module, told = begin(task, models[task])
    loaded = sapiens.torch.load(models[task], dtype=torch.float32).state_dict()
    state = state_of(module)
    assert list(state) == list(loaded)
    assert all(torch.equal(value, loaded[key]) for key, value in state.items())
    assert "at random" not in told and "sapiens" in told.lower()


@pytest.mark.parametrize("task", TASKS)
def test_a_pretrained_encoder_loses_its_class_token_and_gets_the_published_head(task, models):
    _, module, told = begin(task, models["pretrain"])
    whole = sapiens.torch.load(models["pretrain"], "features", torch.float32)
    encoder = module.backbone
    assert encoder.cls_token is None and whole.cls_token is not None
    assert (whole.grid, encoder.grid) == ((8, 8), (8, 6))
    assert encoder.patch_padding == (2 if task in ("pose", "normal") else 0)
    assert torch.equal(encoder.layers[2].ffn.layers[1].weight, whole.layers[2].ffn.layers[1].weight)
    assert {key: value.shape for key, value in state_of(module).items()} == {
        key: value.shape for key, value in sapiens.torch.load(models[task]).state_dict().items()
    }
    assert "resize pos_embed" in told and "class token" in told
    assert "because the checkpoint has no head" in told


def test_a_head_is_new_where_it_does_not_fit_and_the_report_says_why(models):
    encoder = sapiens.torch.load(models["seg"], "features", torch.float32)
    for task, outputs, options, reason in (
        ("seg", 5, {}, "has 28 outputs, not 5"),
        ("normal", 3, {}, "the checkpoint's is for seg"),
        ("seg", 28, {"new_head": True}, "new_head was asked for"),
    ):
        _, module, told = begin(task, models["seg"], outputs, **options)
        assert reason in told and "at random decode_head" in told
        assert torch.equal(
            module.backbone.layers[0].attn.qkv.weight, encoder.layers[0].attn.qkv.weight
        )
        assert head_of(module).conv_seg.out_channels == outputs


def test_new_layers_begin_as_the_originals_do_and_alike_for_equal_seeds(models):
    _, pose, _ = begin("pose", models["pretrain"], head_channels=64)
    for layer in head_of(pose).modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            assert layer.weight.std().item() == pytest.approx(0.001, rel=0.1)
    _, seg, _ = begin("seg", models["pretrain"])
    assert head_of(seg).conv_seg.weight.std().item() == pytest.approx(0.01, rel=0.1)
    _, same, _ = begin("seg", models["pretrain"])
    _, other, _ = begin("seg", models["pretrain"], seed=2)
    weights = [head_of(module).conv_seg.weight for module in (seg, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_the_size_of_the_input_can_be_another(models):
    _, module, told = begin("seg", models["seg"], size=[64, 80])
    assert module.size == (64, 80) and module.backbone.pos_embed.shape[1] == 4 * 5
    assert module(torch.zeros(1, 3, 64, 80)).shape == (1, 28, 32, 40)
    assert "resize pos_embed" in told


@pytest.mark.parametrize("head", ["conv", "linear"])
@pytest.mark.parametrize("task", TASKS)
def test_short_heads_are_checkpoints_too(task, head, models, tmp_path):
    _, module, _ = begin(task, models["pretrain"], head=head)
    report = sapiens.torch.save(
        plain_copy(bare_copy(module), module.state_dict()), tmp_path / "m.pth"
    )
    assert (report.verdict, report.model.task) == ("exact", task)
    sapiens.convert(tmp_path / "m.pth", tmp_path / "m.safetensors")
    x = torch.randn(1, 3, *module.size)
    with torch.no_grad():
        expected = module.eval()(x)
        assert expected.shape[2:] == (8, 6)
        for name in ("m.pth", "m.safetensors"):
            assert torch.equal(sapiens.torch.load(tmp_path / name)(x), expected)


def test_an_autoencoder_takes_its_decoder_or_gets_a_new_one(tmp_path, models):
    sapiens.synthesize(tmp_path / "whole.pth", "tiny", layout="mmengine")
    _, module, told = begin("pretrain", tmp_path / "whole.pth")
    assert isinstance(module, MaskedAutoencoder) and "tensors of neck" in told
    _, module, told = begin("pretrain", models["pretrain"])
    assert "neck" in told and "the checkpoint has no decoder" in told
    fixed = [name for name, p in module.named_parameters() if not p.requires_grad]
    assert fixed == ["backbone.pos_embed", "neck.decoder_pos_embed"]
    report = sapiens.torch.save(module.eval(), tmp_path / "new.pth")
    assert report.uses["reconstruct"].verdict == "exact"


def test_an_encoder_can_begin_at_random(tmp_path):
    _, module, told = begin("pretrain", arch="64x4x2", size=[64, 64])
    assert (module.backbone.depth, module.backbone.grid) == (4, (4, 4))
    assert "no init was given" in told
    positions = module.backbone.pos_embed[0]
    assert positions[0].eq(0).all() and positions[1:].norm(dim=1).std() < 1e-5
    prediction = module(torch.randn(1, 3, 64, 64)).prediction
    assert prediction.isfinite().all() and prediction.std() > 0
    _, module, _ = begin("seg", arch="tiny")
    assert isinstance(module, TaskModel) and module.backbone.grid == (8, 6)
    for options, text in (
        ({"arch": "64x4x2"}, "size"),
        ({"arch": "65x4x2"}, "divide"),
        ({"arch": "3b"}, "WIDTH"),
    ):
        with pytest.raises(ConfigError, match=text):
            begin("seg", **options)


def test_sapiens2_trains_classifiers_alone(models):
    with pytest.raises(ConfigError, match="classify"):
        begin("seg", models["sapiens2_depth18"])
    _, module, _ = begin("classify", models["sapiens2_depth18"], 4, names=("a", "b", "c", "d"))
    assert module(torch.zeros(2, 3, *module.size)).shape == (2, 4)
    assert not any(p.requires_grad for p in module.backbone.parameters())


def test_learning_rates_fall_towards_the_image_and_what_has_no_decay_has_none(models):
    config, module, _ = begin("seg", models["seg"], layer_decay=0.5, weight_decay=0.2)
    groups = {id(p): group for group in param_groups(module, config) for p in group["params"]}
    names = dict(module.named_parameters())
    assert len(groups) == len(names)

    def of(name):
        group = groups[id(names[name])]
        return group["scale"], group["weight_decay"]

    # Three blocks: layers 0 to 4.
    assert of("backbone.patch_embed.projection.weight") == (0.5**4, 0.2)
    assert of("backbone.pos_embed") == (0.5**4, 0)
    assert of("backbone.layers.0.attn.qkv.weight") == (0.5**3, 0.2)
    assert of("backbone.layers.2.ffn.layers.1.weight") == (0.5, 0.2)
    assert of("backbone.layers.2.ffn.layers.1.bias") == (0.5, 0)
    assert of("backbone.layers.2.ln1.weight") == (0.5, 0)
    assert of("backbone.ln1.weight") == (1, 0)
    assert of("decode_head.conv_seg.weight") == (1, 0.2)


def test_head_alone_learns_where_it_is_asked_for(models):
    _, module, told = begin("seg", models["seg"], mode="head")
    assert {name.split(".")[0] for name, p in module.named_parameters() if p.requires_grad} == {
        "decode_head"
    }
    assert "the head" in told


def test_adapters_learn_and_are_merged_into_what_is_saved(models, tmp_path):
    config, module, _ = begin("seg", models["seg"], mode="lora", lora_rank=2)
    bare = bare_copy(module)
    learning = [name for name, p in module.named_parameters() if p.requires_grad]
    assert all(".lora_" in name or name.startswith("decode_head.") for name in learning)
    assert sum(".lora_A." in name for name in learning) == 2 * 3
    optimizer = torch.optim.AdamW(param_groups(module, config), 1e-2)
    x = torch.randn(2, 3, *module.size)
    for _ in range(3):
        module(x).square().mean().backward()
        optimizer.step()
    before = sapiens.torch.load(models["seg"], dtype=torch.float32)
    with torch.no_grad():
        trained = module.eval()(x)
        merged = plain_copy(bare, module.state_dict())
        assert (merged(x) - trained).abs().max() < 1e-4 < (trained - before(x)).abs().max()
        # The run goes on with the adapters as they were.
        assert torch.equal(module(x), trained)
    assert sapiens.torch.save(merged, tmp_path / "merged.pth").verdict == "exact"
    changed = merged.backbone.layers[0].attn.qkv.weight != before.backbone.layers[0].attn.qkv.weight
    assert changed.any()


def test_a_bare_copy_holds_no_numbers(models):
    _, module, _ = begin("seg", models["seg"])
    bare = bare_copy(module)
    assert {p.device.type for p in bare.parameters()} == {"meta"}
    assert {p.device.type for p in module.parameters()} == {"cpu"}
    assert [name for name, _ in bare.named_parameters()] == [
        n for n, _ in module.named_parameters()
    ]


def test_dropout_of_channels_is_that_of_the_sample():
    dropout = ChannelDropout(0.5)
    dropout.kept = torch.tensor([[1.0, 0, 1], [0, 1, 1]])
    x = torch.ones(2, 3, 2, 2)
    assert torch.equal(dropout(x)[:, :, 0, 0], 2 * dropout.kept)
    assert torch.equal(copy.deepcopy(dropout).eval()(x), x)


def test_schedules_warm_up_and_fall_as_they_say():
    def rates(schedule, warmup=0, steps=210):
        config = make_config(
            {"task": "seg", "data": "d", "output": "o", "arch": "tiny", "steps": steps}
            | {"schedule": schedule, "warmup": warmup, "learning_rate": 1.0}
        )
        return [rate_at(config, step, step / steps) for step in range(steps + 1)]

    assert rates("constant", 4)[:5] == [0.25, 0.5, 0.75, 1, 1]
    # By default 500 steps, of shorter runs a tenth.
    assert rates("constant", -1)[:23:7] == pytest.approx([1 / 500, 1 / 3, 2 / 3, 1])
    assert rates("constant", -1, 10**5)[:501:250] == pytest.approx([1 / 500, 251 / 500, 1])
    assert (
        make_config({"task": "seg", "data": "d", "output": "o", "arch": "tiny", "steps": 1}).warmup
        == -1
    )
    assert rates("linear")[::105] == pytest.approx([1, 0.5, 0])
    assert rates("cosine")[::105] == pytest.approx([1, 0.5, 0])
    assert [rates("step")[i] for i in (169, 170, 199, 200)] == pytest.approx([1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize(
    "task, name, value",
    [("depth", "dice", 1.0), ("classify", "coarse", 0.5), ("seg", "sigma", 2.0)],
)
def test_values_that_a_task_does_not_read_are_refused(task, name, value):
    values = {"task": task, "data": "d", "output": "o", "init": "i", "steps": 1, name: value}
    with pytest.raises(ConfigError, match=f"{name} is for .*, not for {task}"):
        make_config(values)
