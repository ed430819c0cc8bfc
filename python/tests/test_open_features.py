"""What `sapiens features` wrote is read back, of any format, and nothing outside of its folder."""

import json
import os
import pickle
import sys
import threading

import feature_runs
import numpy as np
import pytest

import sapiens

FORMATS = ("npy", "webdataset", "npy-shards")


def finished(folder, *arguments, samples=None, **more):
    run = feature_runs.Run(folder, *arguments, **more)
    run.add("shard-0", samples or feature_runs.vectors(3), failed=["bad"])
    run.merge()
    return run


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16", "int8"])
def test_arrays_are_those_that_were_written(tmp_path, file_format, dtype):
    run = feature_runs.Run(tmp_path, file_format, dtype)
    samples = feature_runs.vectors(5, (4, 6))
    others = {f"b/{key}": value for key, value in feature_runs.vectors(4, (4, 6), 2).items()}
    run.add("shard-0", samples, failed=["bad"])
    run.add("shard-1", others)
    features = sapiens.open_features(run.merge())
    assert list(features) == [*samples, *others] and len(features) == 9
    for key, value in {**samples, **others}.items():
        found = features[key]
        assert found.shape == (4, 6)
        scale = features.scales(key)[..., None] if dtype == "int8" else 0
        bound = {"f32": 0, "f16": 1e-3, "bf16": 8e-3, "int8": 0}[dtype] * np.abs(value) + scale / 2
        assert (np.abs(found.astype("f4") - value) <= bound + 1e-7).all()
    assert {"f32": "float32", "f16": "float16", "int8": "float32"}.get(dtype) in (
        None,
        str(found.dtype),
    )
    assert "bad" not in features and features.get("bad") is None
    assert features.settings["verdict"] == "exact"
    assert features.record == {
        "complete": True,
        "shards": 2,
        "finished": 2,
        "done": 9,
        "failed": 1,
        "missing": [],
    }


def test_int8_is_given_as_it_is_where_that_is_asked_for(tmp_path):
    run = finished(tmp_path, "webdataset", "int8")
    features = sapiens.open_features(run.folder, dequantize=False)
    values, scale = feature_runs.quantized(feature_runs.vectors(3)["a/000001"])
    assert np.array_equal(features["a/000001"], values) and features["a/000001"].dtype == np.int8
    assert np.array_equal(features.scales("a/000001"), scale)
    plain = finished(tmp_path / "f32")
    with pytest.raises(sapiens.InvalidArgumentError, match="no scales"):
        sapiens.open_features(plain.folder).scales("a/000001")


def test_without_ml_dtypes_bfloat16_becomes_float32(tmp_path, monkeypatch):
    finished(tmp_path, "webdataset", "bf16")
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    found = sapiens.open_features(tmp_path)["a/000000"]
    assert found.dtype == np.float32
    value = feature_runs.vectors(1)["a/000000"]
    assert np.array_equal(found.view("u4"), value.view("u4") & 0xFFFF0000)


def test_of_several_arrays_a_value_is_a_dict_or_the_chosen_one(tmp_path):
    names = ("featmap", "cls_token")
    values = feature_runs.vectors(2)
    samples = {key: {"featmap": value, "cls_token": value[:3]} for key, value in values.items()}
    finished(tmp_path, "webdataset", names=names, samples=samples)
    features = sapiens.open_features(tmp_path)
    assert features.arrays == names
    assert list(features["a/000000"]) == list(names)
    chosen = sapiens.open_features(tmp_path, array="cls_token")
    assert np.array_equal(chosen["a/000001"], values["a/000001"][:3])
    with pytest.raises(sapiens.InvalidArgumentError, match="'featmap', 'cls_token'"):
        sapiens.open_features(tmp_path, array="raw")


def test_the_only_array_has_the_name_of_its_form(tmp_path):
    finished(tmp_path)
    assert sapiens.open_features(tmp_path, array="featmap")["a/000000"].shape == (6,)
    with pytest.raises(sapiens.InvalidArgumentError):
        sapiens.open_features(tmp_path, array="cls_token")


def test_keys_of_several_shards_are_told_apart(tmp_path):
    run = feature_runs.Run(tmp_path)
    for number in range(2):
        run.add(f"shard-{number}", feature_runs.vectors(7, seed=number))
    run.merge()
    with pytest.raises(ValueError, match="a/000000.*shard-0.*shard-1.* and 2 more") as refused:
        sapiens.open_features(tmp_path)
    assert 'by="shard/key"' in refused.value.hint
    features = sapiens.open_features(tmp_path, by="shard/key")
    expected = feature_runs.vectors(7, seed=1)["a/000002"]
    assert np.array_equal(features["shard-1/a/000002"], expected)
    features = sapiens.open_features(tmp_path, by="input")
    assert np.array_equal(features["shard-1.tar/a/000002.jpg"], expected)
    with pytest.raises(ValueError, match="by is"):
        sapiens.open_features(tmp_path, by="name")


def test_errors_are_those_of_the_inputs_that_failed(tmp_path):
    finished(tmp_path)
    features = sapiens.open_features(tmp_path)
    assert list(features.errors) == ["bad"]
    error = features.errors["bad"]
    assert isinstance(error, sapiens.CorruptFileError) and error.file == "bad.jpg"
    assert str(error) == "[corrupt-file] the image is damaged\n  file:     bad.jpg"
    with pytest.raises(KeyError, match="failed"):
        features["bad"]


def test_only_finished_shards_count_and_the_others_are_named(tmp_path):
    run = feature_runs.Run(tmp_path)
    run.add("shard-0", feature_runs.vectors(2))
    run.add("shard-1", feature_runs.vectors(9), finished=False)
    path = run.index / "shard-1.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.warns(RuntimeWarning, match="not ended.*no sapiens-index.json"):
        sapiens.open_features(tmp_path)
    run.merge()
    with pytest.warns(RuntimeWarning, match="1 of 2 shards are missing: 'shard-1'"):
        features = sapiens.open_features(tmp_path)
    assert len(features) == 2 and features.record["missing"] == ["shard-1"]
    assert len(sapiens.open_features(tmp_path, incomplete="ignore")) == 2
    with pytest.raises(sapiens.InvalidArgumentError, match="incomplete"):
        sapiens.open_features(tmp_path, incomplete="raise")


def test_a_merged_record_may_be_older_than_the_shards(tmp_path):
    run = feature_runs.Run(tmp_path)
    run.add("shard-0", feature_runs.vectors(2))
    run.shards.append(("deep/shard-1", False, 0, 0))
    run.merge()
    run.shards.pop()
    run.add("deep/shard-1", {"b": np.zeros(6, "f4")})
    assert len(sapiens.open_features(tmp_path, incomplete="raise")) == 3


def test_the_loss_of_the_rest_of_an_archive_is_said(tmp_path):
    run = feature_runs.Run(tmp_path)
    run.add("shard-0", feature_runs.vectors(2), error={"summary": "the archive is cut off"})
    run.merge()
    with pytest.warns(RuntimeWarning, match="the rest of 'shard-0' was lost: the archive is cut"):
        assert len(sapiens.open_features(tmp_path)) == 2


def change(line, **changed):
    line["arrays"][0].update(changed)


HOSTILE = {
    "absolute": lambda line: change(line, file="/etc/passwd"),
    "parent": lambda line: change(line, file="../secret.npy"),
    "inner parent": lambda line: change(line, file="a/../../secret.npy"),
    "link": lambda line: change(line, file="link.npy"),
    "link to a folder": lambda line: change(line, file="folder/secret.npy"),
    "folder": lambda line: change(line, file="sapiens-index"),
    "FIFO": lambda line: change(line, file="fifo"),
    "NUL": lambda line: change(line, file="a\0b"),
    "missing": lambda line: change(line, file="missing.npy"),
    "surrogate": lambda line: change(line, file="\ud800"),
    "beyond the end": lambda line: change(line, offset=1 << 40),
    "overlapping the end": lambda line: change(line, shape=[100000]),
    "negative offset": lambda line: change(line, offset=-4),
    "overflow": lambda line: change(line, shape=[1 << 31, 1 << 31, 4]),
    "overflow of nothing": lambda line: change(line, shape=[0, 1 << 40, 1 << 40]),
    "huge extent": lambda line: change(line, shape=[1 << 70]),
    "negative extent": lambda line: change(line, shape=[-1]),
    "bool": lambda line: change(line, shape=[True]),
    "fraction": lambda line: change(line, offset=1.5),
    "rank": lambda line: change(line, shape=[1] * 70),
    "dtype": lambda line: change(line, dtype="O"),
    "scale without values": lambda line: change(line, scale=True),
    "int8 without scales": lambda line: change(line, dtype="int8"),
    "no shape": lambda line: line["arrays"][0].pop("shape"),
    "no arrays": lambda line: line.update(arrays=[]),
    "arrays of texts": lambda line: line.update(arrays=["x"]),
    "repeated name": lambda line: line["arrays"].append(line["arrays"][0]),
    "key": lambda line: line.update(key=7),
    "other shard": lambda line: line.update(shard="shard-7"),
    "error": lambda line: line.update(error="x"),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_line_is_refused_with_file_and_line(tmp_path, how):
    (tmp_path / "secret.npy").write_bytes(feature_runs.npy(np.zeros(1000, "f4")))
    run = finished(tmp_path / "out")
    os.symlink(tmp_path / "secret.npy", run.folder / "link.npy")
    os.symlink(tmp_path, run.folder / "folder")
    os.mkfifo(run.folder / "fifo")
    lines = run.lines("shard-0")
    HOSTILE[how](lines[1])
    run.rewrite("shard-0", lines)
    with pytest.raises(sapiens.Error) as refused:
        sapiens.open_features(run.folder)["a/000001"]
    assert "shard-0.jsonl:2" in str(refused.value)
    assert isinstance(refused.value, (ValueError, FileNotFoundError))


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"\xff\xfe", b'"', b"[" * 100000, b'{"key": ' + b"9" * 9999 + b"}", b"null", b""],
)
def test_a_line_that_is_no_json_is_refused(tmp_path, line):
    run = finished(tmp_path)
    path = run.index / "shard-0.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(sapiens.CorruptFileError, match="shard-0.jsonl:5"):
        sapiens.open_features(tmp_path)


def test_an_index_that_lost_lines_is_refused(tmp_path):
    run = finished(tmp_path)
    path = run.index / "shard-0.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(sapiens.CorruptFileError, match="does not end"):
        sapiens.open_features(tmp_path)
    run.rewrite("shard-0", [json.loads(content[: content.index(b"\n")])])
    with pytest.raises(sapiens.CorruptFileError, match="1 lines .* 3 and 1"):
        sapiens.open_features(tmp_path)


@pytest.mark.parametrize(
    "name", ["sapiens-features.json", "sapiens-index.json", "sapiens-index/shard-0.json"]
)
@pytest.mark.parametrize("content", ["{", "[]", '{"settings": 3, "shards": "x", "number": -1}'])
def test_a_damaged_record_is_refused_by_name(tmp_path, name, content):
    run = finished(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(sapiens.CorruptFileError, match=name):
        sapiens.open_features(run.folder)


def test_what_is_no_run_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(sapiens.NotFoundError, match="no output folder"):
            sapiens.open_features(folder)


def test_a_folder_that_changed_is_noticed(tmp_path):
    run = finished(tmp_path)
    features = sapiens.open_features(tmp_path)
    lines = run.lines("shard-0")
    run.rewrite("shard-0", [lines[1], lines[0], *lines[2:]])
    with pytest.raises(sapiens.CorruptFileError, match="when the run was opened"):
        features["a/000000"]


@pytest.mark.parametrize("ending", [".jsonl", ".tar", ".npy"])
@pytest.mark.parametrize("dtype", ["f32", "int8"])
def test_files_that_are_cut_short_are_refused(tmp_path, ending, dtype):
    file_format = {".tar": "webdataset", ".npy": "npy-shards"}.get(ending, "webdataset")
    finished(tmp_path, file_format, dtype, samples=feature_runs.vectors(600))
    features = sapiens.open_features(tmp_path)
    assert features["a/000599"].shape == features["a/000000"].shape  # both files are open now
    for path in tmp_path.rglob(f"*{ending}"):
        os.truncate(path, 512)
    with pytest.raises(sapiens.CorruptFileError, match="shorter than the index says"):
        features["a/000599"]


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="counts descriptors in /proc")
@pytest.mark.parametrize("file_format", ["npy", "webdataset"])
def test_descriptors_are_bounded_however_many_arrays_are_kept(tmp_path, file_format):
    run = finished(tmp_path, file_format, samples=feature_runs.vectors(600))
    before = len(os.listdir("/proc/self/fd"))
    features = sapiens.open_features(run.folder)
    values = list(features.values())
    opened = len(os.listdir("/proc/self/fd")) - before
    assert opened < (10 if file_format == "webdataset" else 270)
    for value, expected in zip(values, feature_runs.vectors(600).values()):
        assert np.array_equal(value, expected)
        assert not value.flags.writeable
    del value, values, features
    assert len(os.listdir("/proc/self/fd")) == before


def test_features_go_to_other_threads_and_processes(tmp_path):
    run = finished(tmp_path, "npy", samples=feature_runs.vectors(100))
    features = sapiens.open_features(run.folder)
    expected = np.stack(list(feature_runs.vectors(100).values()))
    copy = pickle.loads(pickle.dumps(features))
    assert np.array_equal(np.stack(list(copy.values())), expected)
    assert isinstance(copy.errors["bad"], sapiens.Error)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(np.stack(list(features.values()))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, expected) for one in found) and len(found) == 4


def replace(path, array):
    """As a program does that writes a new file and renames it."""
    np.save(path.with_name("new.npy"), array)
    os.replace(path.with_name("new.npy"), path)


def test_files_that_are_replaced_are_read_anew(models, image, run_sapiens, tmp_path):
    out = tmp_path / "out"
    run_sapiens("features", models["pretrain"], image, "--output", out, "--out-type", "cls_token")
    features = sapiens.open_features(out)
    [key] = features
    [path] = out.glob("*.npy")
    before = features[key].copy()
    replace(path, before + np.float32(1))
    assert np.array_equal(features[key], before + np.float32(1))
    replace(path, np.full(before.shape, 1.5, np.float16))
    assert np.array_equal(features[key], np.full(before.shape, 1.5, np.float16))
    replace(path, before[:3])
    assert np.array_equal(features[key], before[:3])


@pytest.mark.parametrize(
    "other", [np.full(6, 7.0), np.zeros(7, "f4"), np.zeros((2, 3), "f4"), np.zeros(6, "i4")]
)
def test_an_array_that_the_index_does_not_tell_of_is_refused(tmp_path, other):
    run = finished(tmp_path, "npy", samples={"x": np.ones(6, "f4"), "y": np.ones(6, "f4")})
    features = sapiens.open_features(run.folder)
    assert np.array_equal(features["x"], np.ones(6))
    for path in tmp_path.rglob("x.npy"):
        replace(path, other)
    with pytest.raises(sapiens.CorruptFileError, match="another array than the index says"):
        features["x"]
    assert np.array_equal(features["y"], np.ones(6))


@pytest.mark.parametrize("shape", [(-1, 4), (-2, -2), (True, 2)])
def test_shapes_that_are_none_are_refused(models, image, run_sapiens, tmp_path, shape):
    out = tmp_path / "out"
    run_sapiens("features", models["pretrain"], image, "--output", out, "--out-type", "cls_token")
    [path] = out.glob("*.npy")
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(64))
    features = sapiens.open_features(out)
    with pytest.raises(sapiens.CorruptFileError, match="no array of features"):
        features[next(iter(features))]


def test_arrays_without_numbers_are_read(tmp_path):
    finished(tmp_path, samples={"x": np.zeros((0, 6), "f4")})
    assert sapiens.open_features(tmp_path)["x"].shape == (0, 6)


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16", "int8"])
@pytest.mark.parametrize("forms", ["featmap", "featmap,cls_token"])
def test_a_folder_without_an_index_is_read(models, image, run_sapiens, tmp_path, dtype, forms):
    out = tmp_path / "out"
    more = ["--layers", "0,-1"] if "," in forms else []
    run_sapiens(
        "features",
        models["pretrain"],
        image,
        "--output",
        out,
        "--out-type",
        forms,
        "--dtype",
        dtype,
        *more,
    )
    features = sapiens.open_features(out)
    value = features["image"]
    found = value if isinstance(value, dict) else {"": value}
    assert len(found) == (4 if more else 1)
    for name, array in found.items():
        written = np.load(out / f"image{'.' if name else ''}{name}.npy")
        if dtype == "int8":
            scale = np.load(out / f"image{'.' if name else ''}{name}.scale.npy")
            written = sapiens.dequantize(written, scale)
        if dtype == "bf16":
            written = (written.view("u2").astype("u4") << 16).view("f4")
        assert np.array_equal(np.asarray(array, written.dtype), written)
    assert list(sapiens.open_features(out, by="input")) == [str(image.resolve())]
    assert features.record["done"] == 1 and features.record["complete"]


def test_without_an_index_inputs_without_files_are_told(models, image, run_sapiens, tmp_path):
    out = tmp_path / "out"
    other = tmp_path / "other.png"
    other.write_bytes(image.read_bytes())
    run_sapiens("features", models["pretrain"], image, other, "--output", out)
    (out / "other.npy").unlink()
    with pytest.warns(RuntimeWarning, match="1 of 2 inputs have no features.*'other'"):
        features = sapiens.open_features(out)
    assert list(features) == ["image"]
    assert isinstance(features.errors["other"], sapiens.NotFoundError)
    for content in (b"x", feature_runs.npy(np.array([None])), feature_runs.npy(np.zeros(3))):
        (out / "image.npy").write_bytes(content)
        with pytest.raises(sapiens.CorruptFileError, match="no array of features"):
            features["image"]


@pytest.mark.parametrize(
    "inputs",
    [
        {"../x": {"input": "x", "files": ["../x.npy"]}},
        {"/x": {"input": "x", "files": ["/x.npy"]}},
        {"x": {"input": "x", "files": []}},
        {"x": {"input": "x", "files": ["y.npy"]}},
        {"x": {"input": 3, "files": ["x.npy"]}},
        {"x": {"input": "x"}},
        [],
    ],
)
def test_a_hostile_record_of_a_plain_run_is_refused(tmp_path, inputs):
    settings = {"layers": [2], "out_type": "featmap", "dtype": "f32"}
    document = {"settings": settings, "inputs": inputs}
    (tmp_path / "sapiens-features.json").write_text(json.dumps(document))
    with pytest.raises(sapiens.CorruptFileError, match="sapiens-features.json"):
        sapiens.open_features(tmp_path)


def test_the_program_for_tables_says_that_pyarrow_is_missing(tmp_path, monkeypatch, capsys):
    from sapiens import index

    finished(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert index.main([str(tmp_path)]) == 2
    assert "pip install pyarrow" in capsys.readouterr().err
