"""Runs of `sapiens-train`: spread over processes, interrupted, refused, and what they leave."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sapiens
import sapiens.torch
from sapiens.train import _batches, _output, _state, make_config, read_config
from sapiens.train._batches import BatchSampler
from sapiens.train._run import Run
from sapiens.train._signals import Signals
from sapiens.train._state import read_state, save_state
from sapiens.train._validate import score_of
from train_runs import (
    end,
    fork,
    gradients_of,
    ignore_hangup,
    lose_the_third_pass,
    losses_of,
    main,
    main_in,
    rows_of,
    same_bits,
    start_in,
    steps_in,
    wait_for,
    wait_until,
    weights_of,
    write_arrays,
)

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = Path(sapiens.__file__).resolve().parents[1]
STEPS = 25
TASKS = ("pretrain", "pose", "seg", "depth", "normal")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_arrays(tmp_path_factory.mktemp("train") / "arrays")


@pytest.fixture(scope="module")
def seg(data, models):
    """Arguments of a run without its output: a new head on the pretrained encoder."""
    return ["seg", "--init", models["pretrain"], "--data", data, "--batch", 4, "--steps", 4]


@pytest.fixture(scope="module")
def reference(seg, tmp_path_factory):
    """That run, undisturbed."""
    run = tmp_path_factory.mktemp("reference") / "run"
    assert main(*seg, "--output", run) == 0
    return run


@pytest.fixture(scope="module")
def long_run(seg, tmp_path_factory):
    """One with time to interrupt it."""
    run = tmp_path_factory.mktemp("long") / "run"
    assert main(*seg[:-1], STEPS, "--output", run) == 0
    return run


def expect_the_same(run, reference):
    assert losses_of(run) == pytest.approx(losses_of(reference), rel=1e-5)
    assert gradients_of(run) == pytest.approx(gradients_of(reference), rel=1e-4)


def test_two_processes_learn_and_measure_what_one_does(seg, data, reference, tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    options = [*seg, "--validation", data]  # whose images are no multiple of what one step takes
    assert main(*options, "--output", alone) == 0
    assert main_in(2, *options, "--output", together) == [0, 0]
    for run in (alone, together):
        expect_the_same(run, reference)
    (one,), (two,) = (json.loads((run / "metrics.json").read_text()) for run in (alone, together))
    assert one == pytest.approx(two, abs=1e-3)


def test_two_passes_learn_what_one_learns(seg, reference, tmp_path):
    assert main(*seg, "--output", tmp_path / "run", "--accumulate", 2) == 0
    expect_the_same(tmp_path / "run", reference)


def test_processes_that_read_and_checkpoints_of_activations_change_nothing(
    seg, reference, tmp_path
):
    options = ["--workers", 2, "--activation-checkpointing"]
    assert main(*seg, "--output", tmp_path / "run", *options) == 0
    assert rows_of(tmp_path / "run") == rows_of(reference)


def test_fsdp_in_two_processes_learns_what_one_learns_and_exports(seg, reference, tmp_path):
    options = ["--output", tmp_path / "run", "--sharding", "fsdp", "--activation-checkpointing"]
    assert main_in(2, *seg, *options) == [0, 0]
    expect_the_same(tmp_path / "run", reference)
    assert sapiens.inspect(tmp_path / "run" / "model.pth").verdict == "exact"


def test_fsdp_in_bf16_validates_stops_on_all_processes_and_goes_on_to_the_same_bits(
    seg, data, tmp_path
):
    options = [*seg[:-1], 8, "--precision", "bf16", "--sharding", "fsdp", "--validation", data]
    assert main_in(2, *options, "--output", tmp_path / "whole") == [0, 0]
    assert (tmp_path / "whole/best.pth").exists()
    processes = start_in(2, *options, "--output", tmp_path / "run")
    wait_until(lambda: steps_in(tmp_path / "run") >= 2, processes[0])
    os.kill(processes[1].pid, signal.SIGTERM)  # one of them alone hears of it
    assert [wait_for(process) for process in processes] == [128 + signal.SIGTERM] * 2
    assert main_in(2, *options, "--output", tmp_path / "run", "--resume") == [0, 0]
    assert same_bits(tmp_path / "whole/model.pth", tmp_path / "run/model.pth")


def test_a_killed_run_goes_on_to_the_same_bits(seg, long_run, tmp_path):
    options = [*seg[:-1], STEPS, "--save-every", 3]
    killed = fork(*options, "--output", tmp_path / "run")
    wanted = random.randrange(1, STEPS - 5)
    wait_until(lambda: steps_in(tmp_path / "run") >= wanted, killed)
    assert end(killed) == -signal.SIGKILL
    assert steps_in(tmp_path / "run") < STEPS
    assert main(*options, "--output", tmp_path / "run", "--resume") == 0
    assert same_bits(long_run / "model.pth", tmp_path / "run/model.pth")
    assert rows_of(long_run) == rows_of(tmp_path / "run")


def test_sigterm_ends_a_run_after_a_step_and_says_how_it_goes_on(seg, long_run, tmp_path):
    options = [*seg[:-1], STEPS]
    stopped = fork(*options, "--output", tmp_path / "run", stderr=tmp_path / "told")
    wait_until(lambda: steps_in(tmp_path / "run") >= 2, stopped)
    assert end(stopped, signal.SIGTERM) == 128 + signal.SIGTERM
    step = steps_in(tmp_path / "run")
    assert f"interrupted after step {step}; --resume goes on" in (tmp_path / "told").read_text()
    assert [path.name for path in (tmp_path / "run/state").iterdir()] == [f"step-{step}"]
    assert main(*options, "--output", tmp_path / "run", "--resume") == 0
    assert same_bits(long_run / "model.pth", tmp_path / "run/model.pth")
    assert not (tmp_path / "run/state").exists()


def test_a_loss_of_nan_stops_every_process_and_keeps_the_state_before(seg, tmp_path):
    options = [*seg, "--output", tmp_path / "run"]
    assert main_in(2, *options, before=lose_the_third_pass) == [1, 1]
    (state,) = (tmp_path / "run/state").iterdir()
    kept = torch.load(state / "state.pt", weights_only=True)
    assert kept["step"] == 2
    assert all(value.isfinite().all() for value in kept["model"].values())
    assert not (tmp_path / "run/model.pth").exists()


def test_a_folder_with_a_run_is_kept_unless_told_otherwise(seg, reference, tmp_path, capfd):
    before = (reference / "model.pth").read_bytes()
    assert main(*seg, "--output", reference) == 2
    assert "--resume goes on with it, --overwrite removes it" in capfd.readouterr().err
    assert main(*seg[:-1], 5, "--output", reference, "--resume") == 2
    assert "steps: the run in" in capfd.readouterr().err
    save_state(reference, 4, {})  # as if it had been ended just before it removed this
    assert main(*seg, "--output", reference, "--resume", "--workers", 1) == 0
    assert "is finished" in capfd.readouterr().err
    assert not (reference / "state").exists()
    assert (reference / "model.pth").read_bytes() == before

    (tmp_path / "run").mkdir()
    (tmp_path / "run/mine.txt").write_text("kept")
    for options in ([], ["--overwrite", "--seed", 2]):
        assert main(*seg[:-1], 1, "--output", tmp_path / "run", *options) == 0
    assert (tmp_path / "run/mine.txt").read_text() == "kept"
    assert read_config(tmp_path / "run/config.toml").seed == 2


def test_a_run_does_not_go_on_with_other_data(seg, data, tmp_path, capfd, monkeypatch):
    copied = shutil.copytree(data, tmp_path / "data")
    options = [*seg, "--data", copied, "--output", tmp_path / "run"]
    monkeypatch.setattr(Run, "_finish", lambda _: 1 / 0)
    assert main(*options) == 70
    for name in ("images", "labels"):
        np.save(copied / f"{name}.npy", np.load(copied / f"{name}.npy")[:-1])
    assert main(*options, "--resume") == 2
    assert "has 10 samples of 28 names, not 9 of 28" in capfd.readouterr().err


def test_a_run_is_repeated_from_its_configuration(reference, tmp_path):
    options = ["--config", reference / "config.toml", "--output"]
    assert main(*options, tmp_path / "run") == 0
    assert same_bits(reference / "model.pth", tmp_path / "run/model.pth")
    # A flag counts more, and one length replaces the other.
    assert main(*options, tmp_path / "short", "--epochs", 0.4) == 0
    assert [step for step, *_ in rows_of(tmp_path / "short")] == ["1"]


@pytest.mark.parametrize("task", TASKS)
def test_each_task_leaves_checkpoints_that_open_exactly(task, data, models, tmp_path, capfd):
    run = tmp_path / "run"
    options = ["--validation", data, "--validate-every", 1, "--batch", 4, "--steps", 2]
    options += ["--init", models[task], "--data", data]
    assert main(task, *options, "--output", run) == 0, capfd.readouterr().err
    for name in ("model.pth", "model.safetensors", "best.pth"):
        report = sapiens.inspect(run / name)
        assert (report.verdict, report.model.task) == ("exact", task), name
    original = (
        {key.removeprefix("backbone.") for key in weights_of(models[task])}
        if task != "pretrain"
        else None
    )
    if original:
        assert {key.removeprefix("backbone.") for key in weights_of(run / "model.pth")} == original
    measured = json.loads((run / "metrics.json").read_text())
    assert [row["step"] for row in measured] == [1, 2]
    number = {"pretrain": "loss", "pose": "PCK@0.1", "seg": "mIoU", "depth": "delta1"}
    assert measured[0][number.get(task, "mean_angle")] is not None
    assert read_config(run / "config.toml").task == task
    assert "learns" in (run / "start.txt").read_text()


def test_a_head_that_is_kept_under_other_names_is_told(data, tmp_path, capfd):
    init = ROOT / "models/tiny/sapiens_tiny_seg.safetensors"
    names = sapiens.Segmenter(init).names
    names[1] = "Cape"
    options = ["--init", init, "--data", data, "--batch", 2, "--steps", 1, "--names", *names]
    assert main("seg", *options, "--output", tmp_path / "kept") == 0
    told = "names: output 1 is Cape, in the checkpoint Apparel; its head is kept"
    assert told in capfd.readouterr().err
    assert main("seg", *options, "--new-head", "--output", tmp_path / "new") == 0
    assert told not in capfd.readouterr().err


@pytest.mark.parametrize("named", [True, False])
def test_mirrored_persons_are_averaged_as_the_program_does(named, run_sapiens, tmp_path):
    held_out = shutil.copytree(ROOT / "samples/mannequin", tmp_path / "held_out")
    document = json.loads((held_out / "annotations.json").read_text())
    points = document["categories"][0].pop("keypoints")
    if named:  # otherwise than published
        points = [re.sub("^(left|right)_(.*)", r"\2-\1", name) for name in points]
        document["categories"][0]["keypoints"] = points
    (held_out / "annotations.json").write_text(json.dumps(document))
    model = sapiens.torch.load(ROOT / "models/tiny/sapiens_tiny_pose.safetensors")
    sapiens.torch.save(model, tmp_path / "unnamed.pth")
    options = ["--init", tmp_path / "unnamed.pth", "--data", held_out, "--validation", held_out]
    options += ["--batch", 2, "--steps", 1, "--learning-rate", 0, "--output", tmp_path / "run"]
    assert main("pose", *options) == 0
    (found,) = json.loads((tmp_path / "run/metrics.json").read_text())
    for file in ("model.pth", "model.safetensors"):
        measured = run_sapiens(
            *("eval", tmp_path / "run" / file, "--data", held_out, "--json", "--precision", "fp32")
        )
        for name, value in json.loads(measured)["metrics"].items():
            value = value if value is None else pytest.approx(value, abs=1e-6)
            assert found.get(name) == value, name
    assert ("AP" in found) != named  # sigmas are of the published points


def add_persons_who_are_not_learned(path):
    """Beside every person one without points, as a crowd, or whose box has no area."""
    document = json.loads(path.read_text())
    people = document["annotations"]
    for i, person in enumerate(list(people)):
        other = {**person, "id": 1000 + i}
        if i % 3 == 0:
            other |= {"keypoints": [0] * len(person["keypoints"]), "num_keypoints": 0}
        elif i % 3 == 1:
            other["iscrowd"] = 1
        else:
            other["bbox"] = [*person["bbox"][:3], 0]
        people.append(other)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("task", ["pose", "seg", "depth", "normal"])
def test_validation_measures_what_the_program_does(task, data, run_sapiens, tmp_path):
    from PIL import Image

    held_out = tmp_path / "held_out"
    if task == "pose":
        shutil.copytree(ROOT / "samples/mannequin", held_out)
        add_persons_who_are_not_learned(held_out / "annotations.json")
    else:
        held_out.mkdir()
        arrays = {path.stem: np.load(path) for path in data.iterdir()}
        for i in range(3):
            Image.fromarray(arrays["images"][i]).save(held_out / f"{i}.png")
            Image.fromarray(arrays["labels"][i]).save(held_out / f"{i}_seg.png")
            np.save(held_out / f"{i}_depth.npy", arrays["depth"][i])
            np.save(held_out / f"{i}_normal.npy", arrays["normals"][i])
    model = ROOT / f"models/tiny/sapiens_tiny_{task}.safetensors"
    options = ["--init", model, "--data", held_out, "--validation", held_out, "--batch", 2]
    options += ["--steps", 1, "--learning-rate", 0]
    assert main(task, *options, "--output", tmp_path / "run") == 0
    (found,) = json.loads((tmp_path / "run/metrics.json").read_text())
    measured = run_sapiens("eval", model, "--data", held_out, "--json", "--precision", "fp32")
    for name, value in json.loads(measured)["metrics"].items():
        assert found[name] == (value if value is None else pytest.approx(value, abs=2e-3)), name


def test_persons_without_an_area_have_no_average_precision(data, models, tmp_path, capfd):
    run = tmp_path / "run"
    options = ["--init", models["pose"], "--data", data, "--validation", data, "--batch", 2]
    assert main("pose", *options, "--steps", 1, "--output", run) == 0
    (found,) = json.loads((run / "metrics.json").read_text())
    assert found["PCK@0.1"] is not None and "AP" not in found
    assert "no AP, since 10 of 10 persons have no area" in capfd.readouterr().err


def test_new_classes_have_their_names_in_the_checkpoint(data, models, tmp_path):
    labels = np.load(data / "labels.npy")
    few = tmp_path / "few"
    few.mkdir()
    np.save(few / "images.npy", np.load(data / "images.npy"))
    np.save(few / "labels.npy", np.searchsorted([0, 2, 22], labels).astype(np.uint8))
    names = ["background", "head", "body"]
    options = [
        "--init",
        models["seg"],
        "--data",
        few,
        "--names",
        *names,
        "--batch",
        2,
        "--steps",
        1,
    ]
    for head in ("original", "conv", "linear"):
        run = tmp_path / head
        assert main("seg", *options, "--head", head, "--output", run) == 0
        for name in ("model.pth", "model.safetensors"):
            # Three outputs are not taken for normals, as the file says what they are.
            assert sapiens.inspect(run / name).model.task == "seg"
            model = sapiens.Segmenter(run / name, precision="fp32")
            assert model.names == names
        image = np.load(few / "images.npy")[0]
        module = sapiens.torch.load(run / "model.pth", dtype=torch.float32)
        with torch.no_grad():
            found = module.decode(module(module.preprocess([image])), [image.shape[:2]])[0]
        assert (found == model.segment(image)).mean() > 0.999


def test_a_classifier_is_told_apart_from_its_encoder(models, tmp_path):
    from PIL import Image
    from safetensors import safe_open

    for name, level in (("dark", 40), ("light", 210)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(3):
            pixels = np.random.default_rng(i).integers(
                level - 30, level + 30, (96, 72, 3), np.uint8
            )
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{i}.png")
    data = tmp_path / "data"
    options = ["--init", models["pretrain"], "--data", data, "--validation", data]
    options += ["--batch", 6, "--steps", 20, "--learning-rate", 0.1, "--color", 0]
    assert main("classify", *options, "--output", tmp_path / "run") == 0
    assert json.loads((tmp_path / "run/metrics.json").read_text())[-1]["accuracy"] == 1
    with safe_open(tmp_path / "run/classifier.safetensors", "np") as file:
        assert file.get_tensor("weight").shape == (2, 48)
        assert json.loads(file.metadata()["names"]) == ["dark", "light"]
    assert not (tmp_path / "run/model.pth").exists()


def test_a_state_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    first, second = dict.fromkeys(_state.KEYS, 3), dict.fromkeys(_state.KEYS, 12)
    save_state(tmp_path, 3, first)
    monkeypatch.setattr(_state.os, "rename", lambda *_: 1 / 0)  # it ends while it writes
    with pytest.raises(ZeroDivisionError):
        save_state(tmp_path, 12, second)
    assert read_state(tmp_path) == first
    monkeypatch.undo()
    save_state(tmp_path, 12, second)
    assert read_state(tmp_path) == second
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["step-12"]


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """Runs something up to its last state, and returns its folder."""

    def run(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(Run, "_finish", lambda _: 1 / 0)
            assert main(*arguments, "--output", tmp_path / "run") == 70
        return tmp_path / "run"

    return run


def test_pretraining_goes_on_after_a_validation(data, models, stopped, tmp_path):
    options = ["pretrain", "--init", models["pretrain"], "--data", data, "--validation", data]
    options += ["--batch", 2, "--steps", 1]
    run = stopped(*options)
    assert main(*options, "--output", run, "--resume") == 0


def test_a_run_does_not_go_on_with_an_edited_configuration(seg, stopped, capfd):
    run = stopped(*seg)
    config = run / "config.toml"
    config.write_text(config.read_text().replace("learning_rate = 0.0005", "learning_rate = 0.001"))
    assert main("--config", config, "--resume") == 2
    assert "learning_rate: the run in" in capfd.readouterr().err


class _Harmful:
    def __reduce__(self):
        return print, ("code of a state was run",)


def test_states_that_are_damaged_or_of_another_model_are_refused(seg, stopped, capfd):
    run = stopped(*seg)
    (state,) = (run / "state").iterdir()
    path = state / "state.pt"
    whole = path.read_bytes()
    content = torch.load(path, weights_only=True)
    path.write_bytes(whole[: len(whole) // 2])
    assert main(*seg, "--output", run, "--resume") == 4
    assert f"{path}: " in capfd.readouterr().err
    name, value = max(content["model"].items(), key=lambda item: item[1].numel())
    place = whole.index(value.numpy().tobytes())
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert main(*seg, "--output", run, "--resume") == 4
    assert "has another checksum" in capfd.readouterr().err
    torch.save({**content, "names": _Harmful()}, path)
    assert main(*seg, "--output", run, "--resume") == 4
    told = capfd.readouterr()
    assert f"{path}: " in told.err and "was run" not in told.out + told.err
    name, value = next(iter(content["model"].items()))
    one_less = {key: value for key, value in content["model"].items() if key != name}
    for model in ({**content["model"], name: value.flatten()[:1]}, one_less):
        torch.save({**content, "model": model}, path)
        assert main(*seg, "--output", run, "--resume") == 4
        assert f"state: {name} is" in capfd.readouterr().err
    torch.save({"step": 3}, path)
    assert main(*seg, "--output", run, "--resume") == 4
    assert "model is missing" in capfd.readouterr().err


def test_images_of_which_nothing_is_known_are_told(data, models, tmp_path, capfd):
    shutil.copytree(data, tmp_path / "data")
    depth = np.load(data / "depth.npy")
    depth[[2, 5]] = np.nan
    np.save(tmp_path / "data/depth.npy", depth)
    options = ["--init", models["depth"], "--data", tmp_path / "data", "--batch", 10, "--steps", 1]
    options += ["--scale", 1, 1]  # the whole image, with a person in it
    assert main("depth", *options, "--output", tmp_path / "run") == 0
    assert "in 2 of these images nothing is known" in capfd.readouterr().err
    np.save(tmp_path / "data/depth.npy", depth * np.nan)
    assert main("depth", *options, "--output", tmp_path / "none") == 4
    assert "nothing is known in any of the 10 images" in capfd.readouterr().err
    options = ["--init", models["pose"], "--data", data, "--batch", 10, "--steps", 1]
    assert main("pose", *options, "--scale", 0.01, 0.01, "--output", tmp_path / "small") == 4
    assert "nothing is known in any of the 10 images" in capfd.readouterr().err


def test_the_best_depth_is_the_best_where_all_have_a_delta1_of_1():
    scores = [score_of("depth", {"delta1": 1.0, "unexplained": part}) for part in (0.9, 0.4)]
    assert scores[0] < scores[1]


def test_names_do_not_control_the_terminal(models, tmp_path, capfd):
    options = ["--init", models["seg"], "--steps", 1, "--output", tmp_path / "run"]
    assert main("seg", "--data", "/no\x1b[2J", *options) == 4
    assert "/no\\x1b[2J: does not exist" in capfd.readouterr().err


def test_validation_numbers_classes_as_training_does(models, tmp_path):
    from PIL import Image

    for part, name, level in (
        *(("train", "a", 30), ("train", "b", 130), ("train", "c", 220)),
        *(("held_out", "a", 30), ("held_out", "c", 220)),  # of b there is no image
    ):
        (tmp_path / part / name).mkdir(parents=True)
        Image.new("RGB", (48, 64), (level, level, 255 - level)).save(
            tmp_path / part / name / "1.png"
        )
    options = ["--init", models["pretrain"], "--data", tmp_path / "train", "--color", 0]
    options += ["--validation", tmp_path / "held_out", "--batch", 6, "--steps", 40]
    assert main("classify", *options, "--learning-rate", 0.1, "--output", tmp_path / "run") == 0
    assert json.loads((tmp_path / "run/metrics.json").read_text())[-1]["accuracy"] == 1


def test_validation_of_other_keypoints_is_refused(models, tmp_path, capfd):
    held_out = tmp_path / "held_out"
    shutil.copytree(ROOT / "samples/mannequin", held_out)
    document = json.loads((held_out / "annotations.json").read_text())
    document["categories"][0]["keypoints"].reverse()
    (held_out / "annotations.json").write_text(json.dumps(document))
    options = ["--init", models["pose"], "--data", ROOT / "samples/mannequin", "--steps", 1]
    options += ["--validation", held_out, "--output", tmp_path / "run"]
    assert main("pose", *options) == 4
    assert "names are in the order of the data" in capfd.readouterr().err


def test_a_closed_terminal_ends_a_run_after_a_step_unless_it_is_told_to_stay(seg, tmp_path):
    options = [*seg[:-1], STEPS]
    stopped = fork(*options, "--output", tmp_path / "run")
    wait_until(lambda: steps_in(tmp_path / "run") >= 2, stopped)
    assert end(stopped, signal.SIGHUP) == 128 + signal.SIGHUP
    (state,) = (tmp_path / "run/state").iterdir()
    assert state.name == f"step-{steps_in(tmp_path / 'run')}"
    stays = fork(*seg, "--output", tmp_path / "stays", before=ignore_hangup)
    wait_until(lambda: steps_in(tmp_path / "stays") >= 1, stays)
    assert end(stays, signal.SIGHUP) == 0


def test_processes_that_read_data_leave_signals_to_the_one_that_trains():
    before = {number: signal.getsignal(number) for number in Signals.NUMBERS}
    try:
        _batches._ignore_signals(0)
        assert {signal.getsignal(number) for number in before} == {signal.SIG_IGN}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert signal.SIGHUP in before


def test_two_runs_do_not_write_in_one_folder(seg, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(_output, "_READERS_END", 0.1)
    first = fork(*seg[:-1], 10**6, "--output", tmp_path / "run")
    wait_until(lambda: steps_in(tmp_path / "run") >= 1, first)
    assert main(*seg[:-1], 10**6, "--output", tmp_path / "run", "--resume") == 2
    assert "another run is writing in" in capfd.readouterr().err
    end(first)


def test_the_length_of_a_run_is_in_epochs_steps_or_minutes(data, models, tmp_path):
    options = ["--init", models["seg"], "--data", data, "--batch", 4]
    assert main("seg", *options, "--epochs", 1.5, "--output", tmp_path / "epochs") == 0
    assert [step for step, *_ in rows_of(tmp_path / "epochs")] == ["1", "2", "3", "4"]
    assert main("seg", *options, "--minutes", 0.01, "--output", tmp_path / "minutes") == 0
    assert (tmp_path / "minutes/model.safetensors").exists()


def test_every_epoch_sees_every_sample_once(data, models):
    config = make_config(
        {"task": "seg", "data": str(data), "output": "o", "arch": "tiny"} | {"steps": 9}
    )
    sampler = BatchSampler(config, 7)
    epochs = [[sampler.sample_at(7 * epoch + i) for i in range(7)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_exit_codes_are_those_of_the_program(data, models, seg, tmp_path, capfd):
    run = ["--output", tmp_path / "run"]
    assert main(*seg, *run, "--batch", 4, "--accumulate", 3) == 2
    assert "no multiple of 3" in capfd.readouterr().err
    assert main("seg", "--init", tmp_path / "none.pth", "--data", data, "--steps", 1, *run) == 4
    assert main("seg", "--init", models["seg"], "--data", tmp_path / "no", "--steps", 1, *run) == 4
    assert "does not exist" in capfd.readouterr().err
    state = weights_of(models["seg"])
    del state["backbone.ln1.weight"]
    torch.save(state, tmp_path / "damaged.pth")
    options = ["--init", tmp_path / "damaged.pth", "--data", data, "--steps", 1]
    assert main("seg", *options, *run) == 3
    assert main("seg", "--init", models["seg"], "--data", data, "--steps", 1, "--epochs", 1) == 2
    assert main(*seg, *run, "--class-weights", 1, 2) == 2
    assert "expected one for each of 28 classes, not 2" in capfd.readouterr().err
    (tmp_path / "file").write_text("mine")
    assert main(*seg, "--output", tmp_path / "file") == 2
    assert "is a file" in capfd.readouterr().err
    assert main(*seg, *run, "--names", "all") == 2
    assert "2 to 255 classes, not 1" in capfd.readouterr().err
    assert main(*seg, *run, "--prefix", "\udcff") == 2
    assert "is no text of UTF-8" in capfd.readouterr().err
    with pytest.raises(SystemExit) as unknown:
        main("seg", "--learning", 1)
    assert unknown.value.code == 2


def test_help_and_configurations_need_no_torch(tmp_path):
    program = (
        "import sys, sapiens.train\n"
        "from sapiens.train.__main__ import make_parser\n"
        "text = make_parser().format_help()\n"
        "assert '--learning-rate' in text and 'examples' in text\n"
        "assert not {'torch', 'accelerate', 'peft'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, capfd):
    found = sapiens.train.__main__.importlib.util.find_spec
    monkeypatch.setattr(
        sapiens.train.__main__.importlib.util,
        "find_spec",
        lambda name: None if name == "peft" else found(name),
    )
    assert main("seg", "--data", "d", "--output", "o") == 2
    told = capfd.readouterr().err
    assert told.count("\n") == 1 and "peft" in told and "pip install '.[train]'" in told


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_memory_that_runs_out_is_told_with_what_to_do(error, monkeypatch, tmp_path, capfd):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(sapiens.train._run, "train", fail)
    options = ["--init", "x", "--data", "d", "--output", tmp_path / "run", "--steps", 1]
    assert main("seg", *options) == 5
    told = capfd.readouterr().err
    assert "memory" in told.splitlines()[0] and "smaller batch" in told
