"""`sapiens.torch.load` hands out what the engine opens, and refuses what it refuses."""

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sapiens
import sapiens.torch

TASKS = ("pose", "seg", "depth", "normal")


@pytest.mark.parametrize("task", ("pretrain", *TASKS))
def test_the_state_dict_is_that_of_the_originals_files(models, task):
    module = sapiens.torch.load(models[task])
    expected = sapiens.load_state_dict(models[task], "clean")
    assert list(module.state_dict()) == list(expected)
    for key, tensor in module.state_dict().items():
        assert np.array_equal(tensor.numpy(), expected[key]), key
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert not module.training
    original = torch.load(models[task], weights_only=True)
    module.load_state_dict(original if task == "pretrain" else original["state_dict"])


def test_the_state_dict_of_sapiens2_has_the_published_names(models):
    safetensors = pytest.importorskip("safetensors.torch")
    module = sapiens.torch.load(models["sapiens2_depth18"])
    published = safetensors.load_file(models["sapiens2_depth18"])
    assert set(module.state_dict()) == set(published)
    assert "blocks.8.attn.wq.weight" in published and "storage_tokens" in published
    for key, tensor in module.state_dict().items():
        assert torch.equal(tensor, published[key]), key
    module.load_state_dict(published)


@pytest.mark.parametrize("task", ("pretrain", *TASKS))
def test_the_report_is_that_of_the_engine(models, task):
    module = sapiens.torch.load(models[task])
    classes = [sapiens.Encoder, sapiens.Pose, sapiens.Segmenter, sapiens.Depth, sapiens.Normals]
    engine = classes[("pretrain", *TASKS).index(task)](models[task])
    assert str(module.report) == str(engine.report)
    assert module.report.json() == engine.report.json()
    assert module.size == (module.report.model.grid[0] * 16, module.report.model.grid[1] * 16)


def test_files_with_a_prefix_load_into_an_encoder(tmp_path):
    path = tmp_path / "mae.pth"
    sapiens.synthesize(path, "tiny", layout="mmengine", seed=2)  # with "backbone." and "neck."
    encoder = sapiens.torch.load(path, "features")
    other = copy.deepcopy(encoder)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.load_state_dict(torch.load(path, weights_only=True)["state_dict"])
    for (name, mine), theirs in zip(encoder.named_parameters(), other.parameters()):
        assert torch.equal(mine, theirs), name
    autoencoder = sapiens.torch.load(path, "reconstruct")
    assert set(autoencoder.state_dict()) == set(torch.load(path, weights_only=True)["state_dict"])


def test_the_task_decides_what_of_a_file_is_loaded(models):
    whole = sapiens.torch.load(models["pose"])
    assert isinstance(whole, sapiens.torch.TaskModel) and whole.task == "pose"
    encoder = sapiens.torch.load(models["pose"], "features")
    assert isinstance(encoder, sapiens.torch.SapiensEncoder)
    assert encoder.patch_padding == 2 and not encoder.has_cls_token
    for (name, mine), theirs in zip(
        encoder.named_parameters(), whole.backbone.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs), name
    assert "pose" in repr(sapiens.torch.load(models["pose"], "pose").report)


@pytest.mark.parametrize("name", ("names", "sapiens2_names"))
@torch.no_grad()
def test_files_under_other_names_open_or_are_refused_as_by_the_engine(case, name):
    case = case(name)
    x = case.tensor("input")
    opened = 0
    for file, expected in case.facts["files_expected"].items():
        path = case.path_of(file)
        if not path.exists():
            continue

        def attempt(load):
            try:
                return load(path, **case.options), None
            except sapiens.Error as error:
                return None, (type(error), str(error))

        engine, refused = attempt(sapiens.Encoder)
        module, found = attempt(sapiens.torch.load)
        assert found == refused, file
        assert (module is None) == (engine is None), file
        if expected["verdict"].startswith("ok"):
            tokens = module.float().features(x)
            output = case.tensor(Path(expected.get("output", "raw.npy")).stem)
            assert (tokens - output).abs().max() <= 2e-5, file
            opened += 1
    assert opened >= (10 if name == "names" else 2)


@pytest.mark.parametrize("task", ("seg", "reconstruct"))
def test_what_the_engine_refuses_is_refused(models, task):
    with pytest.raises((sapiens.CheckpointRefusedError, sapiens.InvalidArgumentError)) as found:
        sapiens.torch.load(models["pose"], task)
    classes = {"seg": sapiens.Segmenter, "reconstruct": sapiens.Reconstructor}
    with pytest.raises(type(found.value)) as expected:
        classes[task](models["pose"])
    assert str(found.value) == str(expected.value)


def test_a_head_that_looks_like_anothers_can_be_forced(models):
    with pytest.raises(sapiens.CheckpointRefusedError, match="checkpoint for normal, not for seg"):
        sapiens.torch.load(models["normal"], "seg")
    for engine in (False, True):
        forced = sapiens.torch.load(models["normal"], "seg", force_task=True, engine=engine)
        assert forced.task == "seg" and forced.backbone.patch_padding == 0
    assert sapiens.torch.load(models["normal"]).backbone.patch_padding == 2


def test_missing_files_heads_and_numbers_are_refused(models, tmp_path):
    with pytest.raises(sapiens.NotFoundError):
        sapiens.torch.load(tmp_path / "none.pth")
    with pytest.raises(sapiens.NotFoundError, match="sapiens pull"):
        sapiens.torch.load("0.3b:seg")
    with pytest.raises(sapiens.InvalidArgumentError, match="task"):
        sapiens.torch.load(models["pretrain"], "poses")
    with pytest.raises(sapiens.CheckpointRefusedError, match="head"):
        sapiens.torch.load(models["pretrain"], "pose")
    bare = tmp_path / "bare.pth"
    state = torch.load(models["pretrain"], weights_only=True)
    torch.save(dict(state), bare)
    with pytest.raises(sapiens.InvalidArgumentError, match="heads"):
        sapiens.torch.load(bare)
    assert sapiens.torch.load(bare, heads=4).report.usable
    del state["layers.0.ln1.bias"]
    torch.save(dict(state), bare)
    with pytest.raises(sapiens.CheckpointRefusedError, match="layers.0.ln1.bias"):
        sapiens.torch.load(bare, heads=4)
    assert sapiens.torch.load(bare, heads=4, allow_partial=True).partial


def test_weights_that_are_no_numbers_are_refused(models, tmp_path):
    state = torch.load(models["pretrain"], weights_only=True)
    state["layers.1.attn.qkv.weight"][3, 4] = torch.inf
    path = tmp_path / "inf.pth"
    torch.save(dict(state), path)
    with pytest.raises(sapiens.CheckpointRefusedError, match="layers.1.attn.qkv.weight"):
        sapiens.torch.load(path, heads=4)


@pytest.mark.parametrize("dtype", ("bfloat16", "float16", "float32"))
def test_types_are_kept_or_converted(tmp_path, dtype):
    path = tmp_path / "weights.safetensors"
    sapiens.synthesize(path, dtype=dtype)
    expected = sapiens.load_state_dict(path, "clean")
    kept = sapiens.torch.load(path)
    for key, tensor in kept.state_dict().items():
        assert tensor.dtype == getattr(torch, dtype)
        assert np.array_equal(tensor.float().numpy(), expected[key].astype(np.float32)), key
    wide = sapiens.torch.load(path, dtype=torch.float64)
    assert all(tensor.dtype == torch.float64 for tensor in wide.state_dict().values())
    # A resized table is rounded back, so that the types stay one.
    resized = sapiens.torch.load(path, size=(64, 48))
    assert resized.pos_embed.dtype == getattr(torch, dtype)
    images = np.zeros((1, 20, 20, 3), np.uint8)
    assert resized(resized.preprocess(images))[0].dtype == getattr(torch, dtype)


def test_mixed_types_become_float32(models, tmp_path):
    state = torch.load(models["pretrain"], weights_only=True)
    state["layers.0.attn.qkv.weight"] = state["layers.0.attn.qkv.weight"].bfloat16()
    path = tmp_path / "mixed.pth"
    torch.save(dict(state), path)
    module = sapiens.torch.load(path, heads=4)
    assert all(tensor.dtype == torch.float32 for tensor in module.state_dict().values())


@pytest.mark.parametrize("task", ("pretrain", "seg", "sapiens2_depth18"))
def test_modules_can_be_copied_pickled_and_converted(models, inputs, task):
    module = sapiens.torch.load(models[task])

    def run(module, x=inputs):
        found = module(x)
        return found[0] if isinstance(found, tuple) else found

    with torch.no_grad():
        expected = run(module)
        for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            assert torch.equal(run(other), expected)
            assert str(other.report) == str(module.report)
        file = io.BytesIO()
        torch.save(module, file)
        file.seek(0)
        assert torch.equal(run(torch.load(file, weights_only=False)), expected)
        half = run(copy.deepcopy(module).to(torch.bfloat16), inputs.bfloat16())
        assert half.dtype == torch.bfloat16
        similar = torch.cosine_similarity(half.float().flatten(), expected.flatten(), 0)
        assert similar > 0.99


@pytest.mark.parametrize("task", ("pretrain", "normal", "sapiens2_rect_128x96"))
def test_compiled_in_one_graph_they_give_the_same(models, inputs, task):
    module = sapiens.torch.load(models[task])
    compiled = torch.compile(module, fullgraph=True)
    with torch.no_grad():
        for x in (inputs, torch.randn(1, 3, 80, 96)):  # of another grid than the model's
            expected, found = module(x), compiled(x)
            if isinstance(expected, tuple):
                (expected,), (found,) = expected, found
            assert torch.allclose(found, expected, rtol=0, atol=3e-5)


@pytest.mark.parametrize("task", ("pretrain", "seg", "sapiens2_batch2"))
def test_exported_they_take_batches_of_any_size(models, inputs, task):
    module = sapiens.torch.load(models[task])
    batch = torch.export.Dim("batch", min=1, max=8)
    exported = torch.export.export(module, (inputs,), dynamic_shapes=({0: batch},)).module()
    with torch.no_grad():
        for x in (inputs, torch.randn(5, 3, 64, 48)):
            expected, found = module(x), exported(x)
            if isinstance(expected, tuple):
                (expected,), (found,) = expected, found
            assert torch.allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ("pretrain", "sapiens2_batch2"))
def test_features_have_the_names_and_shapes_of_the_engine(models, inputs, name):
    module = sapiens.torch.load(models[name])
    engine = sapiens.Encoder(models[name])
    registers = ["registers"] if name == "sapiens2_batch2" else []
    with torch.no_grad():
        for out_type in ("raw", "featmap", "cls_token", "avg_featmap", *registers):
            for layers in (None, 0, -1, [0, 1], (-1, 0)):
                mine = module.features(inputs, out_type, layers)
                theirs = engine.forward(inputs, out_type, layers)
                if not isinstance(theirs, dict):
                    mine, theirs = {0: mine}, {0: theirs}
                assert list(mine) == list(theirs)
                for layer, array in theirs.items():
                    assert tuple(mine[layer].shape) == array.shape
    unknown = [("raws",), ("raw", 7), ("raw", -8)] + ([] if registers else [("registers",)])
    for arguments in unknown:
        for call in (engine.forward, module.features):
            with pytest.raises(sapiens.InvalidArgumentError):
                call(inputs, *arguments)
    for shape in ((3, 64, 48), (1, 4, 64, 48), (1, 3, 8, 48)):
        with pytest.raises(sapiens.ShapeMismatchError):
            module(torch.zeros(shape))
    pose = sapiens.torch.load(models["pose"], "features")
    with pytest.raises(sapiens.InvalidArgumentError, match="no class token"):
        pose.features(inputs, "cls_token")


MEASURE = """
import sys, torch, sapiens.torch
path = sys.argv[1]
sapiens.torch.load(sys.argv[2])  # what everything needs once

def value(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
before = value("VmRSS")
module = sapiens.torch.load(path)
weights = sum(p.numel() * p.element_size() for p in module.parameters())
print((value("VmHWM") - before) / weights, weights)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("suffix", ("safetensors", "pth"))
def test_loading_holds_every_weight_once(models, tmp_path, suffix):
    path = tmp_path / f"large.{suffix}"
    sapiens.synthesize(path, "0.3b", dtype="bfloat16")
    command = [sys.executable, "-c", MEASURE, path, models["pretrain"]]
    share, weights = subprocess.run(
        list(map(str, command)), check=True, capture_output=True, text=True
    ).stdout.split()
    assert int(weights) == 2 * 307295232
    assert float(share) <= 1.1


def test_the_package_itself_does_not_import_pytorch():
    code = "import sys, sapiens; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
