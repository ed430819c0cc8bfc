"""The report is that of `sapiens inspect`."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

import sapiens


def in_words_of_the_library(text, path):
    """The program's text with the names of fields and functions instead of flags and commands."""
    command = f"sapiens convert {path} fixed.pth --layout mmengine"
    text = text.replace(command, "`convert_checkpoint` with `layout` mmengine")
    return text.replace("sapiens inspect --verify", "`verify_checkpoint`")


def test_text_and_json_are_those_of_the_program(models, run_sapiens):
    for task in ("pretrain", "pose", "seg"):
        report = sapiens.inspect(models[task])
        text = run_sapiens("inspect", models[task])
        assert str(report) == in_words_of_the_library(text, models[task])
        document = run_sapiens("inspect", models[task], "--json")
        assert report.json() == json.loads(in_words_of_the_library(document, models[task]))


def test_attributes_say_what_the_file_is(models):
    report = sapiens.inspect(models["seg"])
    assert report.usable and report.verdict in ("exact", "equivalent")
    assert report.required == report.bound > 0
    assert report.file.path == str(models["seg"])
    assert report.model.task == "seg"
    assert report.model.outputs == 28
    assert report.uses["seg"].verdict == report.verdict
    assert report.outputs["featmap"][1:] == report.model.grid
    assert report.missing == [] and report.hint is None
    assert "seg" in repr(report)


def test_verifying_finds_damage_inside_of_values(models, tmp_path, run_sapiens):
    intact = sapiens.verify_checkpoint(models["pretrain"])
    assert intact.intact and intact.checksum == "CRC-32" and intact.members > 0
    assert str(intact) in run_sapiens("inspect", models["pretrain"], "--verify")
    content = bytearray(models["pretrain"].read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(content)
    found = sapiens.verify_checkpoint(damaged)
    assert not found.intact and len(found.damaged) == 1
    assert found.damaged[0]["expected"] != found.damaged[0]["actual"]
    assert found.damaged[0]["tensors"] in str(found)


def test_options_reach_the_engine(models):
    plain = sapiens.inspect(models["pretrain"])
    larger = sapiens.inspect(str(models["pretrain"]), size=(256, 192))
    assert larger.outputs["featmap"][1:] == (16, 12) != plain.outputs["featmap"][1:]


def test_what_does_not_fit_is_a_verdict(models):
    report = sapiens.inspect(models["pretrain"], arch="1b")
    assert not report.usable
    assert report.missing or report.mismatched or report.explanation


def test_a_prefix_chooses_one_of_several_models(tmp_path):
    both = tmp_path / "both.safetensors"
    _join({"net_a.": _safetensors(tmp_path, 1), "net_b.": _safetensors(tmp_path, 2)}, both)
    report = sapiens.inspect(both)
    assert report.verdict == "ambiguous" and not report.usable
    assert [model["prefix"] for model in report.candidates] == ["net_a.backbone", "net_b.backbone"]
    assert "net_b.backbone" in report._repr_html_()
    chosen = sapiens.inspect(both, prefix="net_b")
    assert chosen.usable
    assert [model["taken"] for model in chosen.candidates] == [False, True]
    with pytest.raises(sapiens.CheckpointRefusedError, match="`prefix`"):
        sapiens.load_state_dict(both)
    with pytest.raises(sapiens.InvalidArgumentError):
        sapiens.inspect(both, prefix="net_c")
    state = sapiens.load_state_dict(both, prefix="net_b")
    other = sapiens.load_state_dict(_safetensors(tmp_path, 2))
    assert all(np.array_equal(state[key], other[key]) for key in other)


def _safetensors(folder, seed):
    path = folder / f"{seed}.safetensors"
    sapiens.synthesize(path, "tiny", "seg", seed=seed)
    return path


def _join(files, output):
    header, data = {}, b""
    for prefix, path in files.items():
        content = path.read_bytes()
        size = int.from_bytes(content[:8], "little")
        for key, tensor in json.loads(content[8 : 8 + size]).items():
            if key == "__metadata__":
                header[key] = tensor
                continue
            tensor["data_offsets"] = [offset + len(data) for offset in tensor["data_offsets"]]
            header[prefix + key] = tensor
        data += content[8 + size :]
    text = json.dumps(header).encode()
    output.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_json_is_a_copy(models):
    report = sapiens.inspect(models["pretrain"])
    report.json()["report"]["verdict"] = "changed"
    assert report.json()["report"]["verdict"] == report.verdict


def test_reports_can_be_pickled(models):
    report = sapiens.inspect(models["pose"])
    assert pickle.loads(pickle.dumps(report)).json() == report.json()


def test_html_shows_the_verdict_and_escapes_names(models, tmp_path):
    hostile = tmp_path / "<script>alert(1)<&.pth"
    hostile.write_bytes(models["pretrain"].read_bytes())
    html = sapiens.inspect(hostile)._repr_html_()
    assert html.startswith("<table>")
    assert sapiens.inspect(hostile).verdict in html
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_what_is_shown_of_names_steers_nothing(models, tmp_path):
    hostile = tmp_path / "a\x1b[2J\nb\u202ec\u200b.pth"
    hostile.write_bytes(models["pretrain"].read_bytes())
    report = sapiens.inspect(hostile)
    for text in (str(report), repr(report), report._repr_html_()):
        assert r"a\x1b[2J\nb\u202ec\u200b.pth" in text
        assert not set("\x1b\u202e\u200b") & set(text)
    assert report.file.path == str(hostile)


def test_a_path_of_any_bytes_is_found(models, tmp_path):
    strange = bytes(tmp_path) + b"/m\xff.pth"
    with open(strange, "wb") as file:
        file.write(models["pretrain"].read_bytes())
    assert sapiens.inspect(strange).usable
    assert sapiens.inspect(strange.decode("utf-8", "surrogateescape")).usable
