"""The engine as an operator of PyTorch."""

import copy
import gc
import pickle

import numpy as np
import pytest
import torch

import sapiens
import sapiens.torch


@pytest.fixture
def encoder(models):
    return sapiens.torch.load(models["pretrain"], engine=True, precision="fp32", threads=2)


def test_it_gives_the_bytes_of_the_engine(encoder, inputs):
    assert not list(encoder.parameters())
    for out_type in ("raw", "featmap", "cls_token", "avg_featmap"):
        for layers, norm in ((None, False), ([0, 1], True)):
            found = encoder.features(inputs, out_type, layers, norm=norm)
            expected = encoder.engine.forward(inputs, out_type, layers, norm=norm)
            if layers is None:
                found, expected = {0: found}, {0: expected}
            assert list(found) == list(expected)
            for layer, array in expected.items():
                assert np.array_equal(found[layer].numpy(), array)
    assert torch.equal(encoder(inputs)[0], encoder.features(inputs, "featmap"))


@pytest.mark.parametrize("task", ("pretrain", "pose", "sapiens2_depth18"))
def test_it_agrees_with_pytorch(models, inputs, task):
    engine = sapiens.torch.load(models[task], "features", engine=True, precision="fp32")
    module = sapiens.torch.load(models[task], "features")
    assert (engine.size, engine.grid, engine.depth) == (module.size, module.grid, module.depth)
    assert engine.prefix_tokens == module.prefix_tokens
    with torch.no_grad():
        assert torch.allclose(engine(inputs)[0], module(inputs)[0], rtol=0, atol=2e-5)
    assert (engine.registers, engine.has_cls_token) == (module.registers, module.has_cls_token)
    x = torch.randn(1, 3, 80, 48) if engine.registers else torch.randn(1, 3, 75, 50)
    for out_type in ("raw", "featmap", "avg_featmap") + ("registers",) * (engine.registers > 0):
        assert engine.shape_of(x, out_type) == list(engine.features(x, out_type).shape)
    assert engine.shape_of(x, "featmap") == list(engine(x)[0].shape)


def test_inputs_are_read_where_they_lie_and_results_are_not_copied(encoder, inputs):
    seen = []
    inner = encoder.engine._forward
    encoder.engine._forward = (
        lambda array, *rest: seen.append((array, inner(array, *rest))) or seen[-1][1]
    )
    (featmap,) = encoder(inputs)
    array, found = seen[0]
    assert array.__array_interface__["data"][0] == inputs.data_ptr()
    (forms,) = found.values()
    assert forms["featmap"].__array_interface__["data"][0] == featmap.data_ptr()


def test_it_compiles_into_a_graph_of_the_users_model(encoder, inputs):
    head = torch.nn.Conv2d(encoder.width, 5, 1)

    def model(x):
        return head(encoder(x)[0])

    assert torch.allclose(torch.compile(model, fullgraph=True)(inputs), model(inputs), atol=1e-5)
    torch.library.opcheck(
        torch.ops.sapiens.encode.default,
        (inputs, encoder.number, "featmap", [encoder.depth - 1], False),
        test_utils=("test_schema", "test_faketensor"),
    )


def test_a_head_trains_on_it(models, inputs):
    model = sapiens.torch.load(models["seg"], engine=True)
    assert all(name.startswith("decode_head.") for name, _ in model.named_parameters())
    model(inputs).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    reference = sapiens.torch.load(models["seg"])
    with torch.no_grad():
        precise = sapiens.torch.load(models["seg"], engine=True, precision="fp32")
        assert torch.allclose(precise(inputs), reference(inputs), rtol=0, atol=3e-5)


def test_gradients_of_images_are_refused(encoder, inputs):
    (featmap,) = encoder(inputs.requires_grad_())
    with pytest.raises(RuntimeError, match="autograd"):
        featmap.sum().backward()


def test_other_types_and_a_decoder_are_refused(encoder, inputs, tmp_path):
    with pytest.raises(sapiens.InvalidArgumentError, match="float32 on cpu"):
        encoder(inputs.bfloat16())
    with pytest.raises(sapiens.InvalidArgumentError, match="out_type"):
        encoder.features(inputs, "tokens")
    path = tmp_path / "mae.pth"
    sapiens.synthesize(path, "tiny", layout="mmengine")
    for options in ({"dtype": torch.bfloat16}, {"device": "meta"}):
        with pytest.raises(sapiens.InvalidArgumentError, match="float32 on the CPU"):
            sapiens.torch.load(path, engine=True, **options)
    with pytest.raises(ValueError, match="decoder"):
        sapiens.torch.load(path, "reconstruct", engine=True)


def test_copies_and_pickles_open_the_file_again(encoder, inputs):
    (expected,) = encoder(inputs)
    for other in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert other.number != encoder.number
        assert torch.equal(other(inputs)[0], expected)
        assert other.engine.stats["threads"] == 2
    assert torch.equal(encoder(inputs)[0], expected)


def test_memory_is_freed_with_the_module(models):
    from sapiens.torch._engine import _OPENED

    number = sapiens.torch.load(models["pretrain"], engine=True).number
    gc.collect()
    assert number not in _OPENED
