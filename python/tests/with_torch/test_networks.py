"""The modules compute what the original does, block by block, and what the engine does."""

from pathlib import Path

import numpy as np
import pytest
import torch

import sapiens
import sapiens.torch
from sapiens.torch._layers import Block, Sapiens2Block, attend, rotation_tables

GOLDEN = Path(__file__).resolve().parents[3] / "tests" / "data" / "golden"
ENCODERS = sorted(
    path.name
    for pattern in ("encoder_*", "backbone_*", "sapiens2_*")
    for path in GOLDEN.glob(pattern)
    if (path / "case.json").exists() and path.name != "sapiens2_names"
)
TASKS = ("task_pose", "task_seg", "task_depth", "task_normal", "pose_21_user", "seg_5_user")
ENCODER_TOLERANCE = 2e-5
HEAD_TOLERANCE = 3e-5


def largest(difference):
    return difference.abs().max().item()


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_encoders_are_those_of_the_golden_cases(case, name):
    case = case(name)
    encoder = case.load()
    compared = 0
    for suffix in ("", *(x.removeprefix("input") for x in case.names("input_[0-9]*"))):
        if not case.path_of(f"input{suffix}.npy").exists():
            continue
        x = case.tensor("input" + suffix)
        for out_type in ("raw", "featmap", "cls_token", "avg_featmap"):
            if (case.folder / f"{out_type}{suffix}.npy").exists():
                found = encoder.features(x, out_type)
                assert (
                    largest(found - case.tensor(out_type + suffix)) <= ENCODER_TOLERANCE
                ), out_type
                compared += 1
        (featmap,) = encoder(x)
        assert torch.equal(featmap, encoder.features(x, "featmap"))
    assert compared > 0
    for size in case.facts.get("must_be_refused", []):
        with pytest.raises(sapiens.ShapeMismatchError, match="multiples of 16"):
            encoder(torch.zeros(1, 3, *size))


@pytest.mark.parametrize("name", [n for n in ENCODERS if n.endswith("sq128")])
@torch.no_grad()
def test_every_block_is_that_of_the_golden_case(case, name):
    case = case(name)
    encoder = case.load()
    x = case.tensor("input")
    tokens, *_ = encoder.embed(x)
    if (case.folder / "tokens_in.npy").exists():
        assert largest(tokens - case.tensor("tokens_in")) <= ENCODER_TOLERANCE
    names = case.names("after_*[0-9]")
    found = encoder.features(x, layers=range(encoder.depth))
    assert len(names) == len(found) == encoder.depth
    for layer, name in enumerate(names):
        expected = case.tensor(name)
        if layer == encoder.depth - 1:
            expected = encoder.ln1(expected)
        assert largest(found[layer] - expected) <= ENCODER_TOLERANCE, layer


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_every_block_is_that_of_the_engine(case, name):
    case = case(name)
    encoder = case.load()
    engine = sapiens.Encoder(case.checkpoint, precision="fp32", threads=2, **case.options)
    x = case.tensor(case.names("input*")[0] if name.endswith("any_size") else "input")
    for norm in (False, True):
        expected = engine.forward(x, "raw", range(encoder.depth), norm=norm)
        found = encoder.features(x, "raw", range(encoder.depth), norm=norm)
        assert list(found) == list(expected)
        for layer, tokens in found.items():
            scale = max(1.0, float(np.abs(expected[layer]).max()) / 4)
            difference = largest(tokens - torch.from_numpy(expected[layer]))
            assert difference <= ENCODER_TOLERANCE * scale, layer


@pytest.mark.parametrize("name", TASKS)
@torch.no_grad()
def test_heads_are_those_of_the_golden_cases(case, name):
    case = case(name)
    model = case.load()
    if (case.folder / "input.npy").exists():
        x = case.tensor("input")
    else:
        pil = pytest.importorskip("PIL.Image")
        x = model.preprocess([np.asarray(pil.open(case.folder / "image.png").convert("RGB"))])
    expected = case.tensor("head")
    assert largest(model(x) - expected) <= HEAD_TOLERANCE
    if (case.folder / "featmap.npy").exists():
        assert largest(model.backbone(x)[0] - case.tensor("featmap")) <= ENCODER_TOLERANCE


@torch.no_grad()
def test_the_decoder_is_that_of_the_golden_case(case):
    case = case("mae_reconstruct")
    model = case.load(task="reconstruct")
    found = model(case.tensor("input"), noise=case.tensor("noise"))
    assert largest(found.latent - case.tensor("latent")) <= ENCODER_TOLERANCE
    assert largest(found.prediction - case.tensor("pred")) <= HEAD_TOLERANCE
    assert torch.equal(found.hidden, case.tensor("mask").bool())
    assert model(case.tensor("input"), mask_ratio=0.5).hidden.sum() == 18
    with pytest.raises(sapiens.ShapeMismatchError, match="one input size"):
        model(torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("name", ("backbone_nocls_from_clean", "encoder_posembed_resize_on_load"))
def test_resized_positions_are_the_originals_bit_for_bit(case, name):
    case = case(name)
    if not (case.folder / "pos_embed_resized.npy").exists():
        pytest.skip("this copy of the case lacks the table")
    assert torch.equal(case.load().pos_embed, case.tensor("pos_embed_resized"))


@torch.no_grad()
def test_positions_resized_while_running_are_those_resized_on_loading(models):
    encoder = sapiens.torch.load(models["pretrain"])
    x = torch.randn(1, 3, 96, 160)
    resized = sapiens.torch.load(models["pretrain"], size=(96, 160))
    assert encoder.grid != resized.grid == (6, 10)
    # The engine rounds as the original's PyTorch did; that of today rounds otherwise.
    assert largest(encoder.features(x) - resized.features(x)) <= 1e-5


def make_block(family):
    torch.manual_seed(1)
    if family == "sapiens":
        return Block(16, 2, 32), ()
    block = Sapiens2Block(16, 4, 2, 32)
    return block, rotation_tables(1, 2, 4, torch.device("cpu"))


@pytest.mark.parametrize("family", ("sapiens", "sapiens2"))
def test_gradients_of_a_block_are_finite_differences(family):
    block, tables = make_block(family)
    for parameter in block.parameters():  # norms and scales away from 1
        torch.nn.init.normal_(parameter, 0.2, 0.4)
    block = block.double()
    x = torch.randn(1, 5, 16, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in block.named_parameters()]

    def run(x, *parameters):
        return torch.func.functional_call(block, dict(zip(names, parameters)), (x, *tables))

    parameters = [p.detach().requires_grad_() for p in block.parameters()]
    assert torch.autograd.gradcheck(run, (x, *parameters), fast_mode=True)

    def gradients(dtype):
        given = [p.detach().to(dtype).requires_grad_() for p in (x, *parameters)]
        run(*given).square().sum().backward()
        return [p.grad for p in given]

    for name, single, double in zip(("x", *names), *map(gradients, (torch.float32, torch.float64))):
        assert largest(single - double) <= 1e-5 * max(1.0, largest(double)), name


@pytest.mark.parametrize("tokens", [12, 1100])
def test_attention_that_learns_on_a_cpu_is_the_fused_one(tokens):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(3, 2, 2, tokens, 8, generator=generator, dtype=torch.float64)

    def learnt(attention):
        parts = [part.clone().requires_grad_() for part in inputs]
        found = attention(*parts)
        found.sin().sum().backward()
        return [found.detach(), *(part.grad for part in parts)]

    fused = learnt(torch.nn.functional.scaled_dot_product_attention)
    for mine, expected in zip(learnt(attend), fused):
        assert largest(mine - expected) < 1e-12
