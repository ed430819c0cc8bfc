"""`python -m sapiens.index` writes tables that other programs read beside the arrays."""

import json
import subprocess
import sys

import feature_runs
import numpy as np
import pyarrow.parquet
import pytest

from sapiens import index


def table(path):
    return pyarrow.parquet.read_table(path).to_pylist()


def finished(folder, *arguments, **more):
    run = feature_runs.Run(folder, *arguments, **more)
    run.add("shard-0", feature_runs.vectors(3), failed=["bad"])
    run.add("shard-1", feature_runs.vectors(2, seed=2))
    run.merge()
    return run


@pytest.mark.parametrize("file_format", ["npy", "webdataset", "npy-shards"])
@pytest.mark.parametrize("dtype", ["f16", "int8"])
def test_each_row_says_where_an_array_is(tmp_path, file_format, dtype, capsys):
    run = finished(tmp_path, file_format, dtype)
    assert index.main([str(tmp_path)]) == 0
    assert "5 done, 1 failed: 6 rows" in capsys.readouterr().err
    rows = table(tmp_path / "sapiens-index.parquet")
    assert [row["key"] for row in rows].count("bad") == 1 and len(rows) == 6
    expected = [*feature_runs.vectors(3).values(), *feature_runs.vectors(2, seed=2).values()]
    found = [row for row in rows if row["error"] is None]
    for row, value in zip(found, expected):
        place = feature_runs.NUMBERS[row["dtype"]], "r", row["offset"], tuple(row["shape"])
        numbers = np.memmap(tmp_path / row["file"], *place)
        if dtype == "int8":
            scale = np.memmap(tmp_path / row["scale_file"], "<f4", "r", row["scale_offset"], ())
            numbers = numbers * scale
        assert np.abs(numbers - value).max() < 0.02
        assert (row["scale_file"] is None) == (dtype == "f16")
        assert row["input"] == f"{row['shard']}.tar/{row['key']}.jpg"
        assert (row["array"], row["layer"], row["out_type"]) == ("", 2, "featmap")
        assert (row["checkpoint"], row["checkpoint_digest"]) == ("tiny.pth", "sha256:00ff")
        assert row["verdict"] == "exact"
    (failed,) = [row for row in rows if row["error"] is not None]
    assert failed["error"].startswith("[corrupt-file] the image is damaged")
    assert failed["file"] is None and failed["shape"] is None and failed["offset"] is None


def test_several_arrays_of_an_image_have_a_row_each(tmp_path):
    run = feature_runs.Run(tmp_path, names=("featmap", "cls_token"))
    run.add("s", {"a": {"featmap": np.ones((2, 3), "f4"), "cls_token": np.ones(2, "f4")}})
    run.merge()
    assert index.main([str(tmp_path)]) == 0
    rows = table(tmp_path / "sapiens-index.parquet")
    assert [(row["array"], row["shape"]) for row in rows] == [
        ("featmap", [2, 3]),
        ("cls_token", [2]),
    ]


def test_metadata_are_aligned_with_the_rows_of_embeddings(tmp_path):
    """As autofaiss and clip-retrieval read them: the files of both folders in sorted order."""
    run = finished(tmp_path, "npy-shards")
    run.add("empty", {}, failed=["worse"])
    run.add("shard-3", feature_runs.vectors(4, seed=3))
    run.merge()
    assert index.main([str(tmp_path)]) == 0
    embeddings = sorted((tmp_path / "img_emb").glob("*.npy"))
    tables = sorted((tmp_path / "metadata").glob("*.parquet"))
    assert [path.stem[-4:] for path in embeddings] == [path.stem[-4:] for path in tables]
    assert len(tables) == 3
    for path, name, seed in zip(embeddings, tables, (1, 2, 3)):
        rows, samples = table(name), feature_runs.vectors(4, seed=seed)
        array = np.load(path, mmap_mode="r")
        assert len(rows) == len(array)
        for row, numbers in zip(rows, array):
            samples = feature_runs.vectors(len(rows), seed=seed)
            assert np.array_equal(numbers, samples[row["key"]])
            assert row["caption"] == f"a caption of {row['key']}"
            assert row["image_path"].endswith(f".tar/{row['key']}.jpg")
            assert json.loads(row["sidecars"]) == {"cls": "3"}


def test_lines_that_are_not_in_the_order_of_rows_are_refused(tmp_path, capsys):
    run = finished(tmp_path, "npy-shards")
    lines = run.lines("shard-0")
    run.rewrite("shard-0", [lines[1], lines[0], *lines[2:]])
    assert index.main([str(tmp_path)]) == 4
    assert "is not row 1 of img_emb/img_emb_0000.npy" in capsys.readouterr().err
    assert not (tmp_path / "sapiens-index.parquet").exists()
    assert not list((tmp_path / "metadata").iterdir())


def test_of_an_incomplete_run_nothing_is_written_unless_that_is_asked_for(tmp_path, capsys):
    run = finished(tmp_path)
    run.add("shard-2", feature_runs.vectors(2), finished=False)
    run.merge()
    assert index.main([str(tmp_path), "--json"]) == 1
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert (
        "1 of 3 shards are missing: 'shard-2'" in error["actual"] and "--partial" in error["hint"]
    )
    assert not (tmp_path / "sapiens-index.parquet").exists()
    assert index.main([str(tmp_path), "--json", "--partial"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["rows"] == 6 and document["missing"] == ["shard-2"]
    assert not document["complete"] and document["index"] == "sapiens-index.parquet"
    assert len(table(tmp_path / "sapiens-index.parquet")) == 6


def test_a_damaged_index_leaves_the_table_of_before(tmp_path, capsys):
    run = finished(tmp_path)
    assert index.main([str(tmp_path)]) == 0
    before = (tmp_path / "sapiens-index.parquet").read_bytes()
    run.rewrite("shard-1", run.lines("shard-1")[:1])
    assert index.main([str(tmp_path), "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "corrupt-file"
    assert (tmp_path / "sapiens-index.parquet").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_what_an_archive_lost_has_a_row_without_a_key(tmp_path):
    run = feature_runs.Run(tmp_path)
    run.add("s", feature_runs.vectors(1), error={"code": "corrupt-file", "summary": "cut off"})
    run.merge()
    assert index.main([str(tmp_path)]) == 0
    last = table(tmp_path / "sapiens-index.parquet")[-1]
    assert (last["key"], last["shard"], last["error"]) == (None, "s", "[corrupt-file] cut off")


def test_a_run_without_an_index_is_listed_too(models, image, run_sapiens, tmp_path):
    out = tmp_path / "out"
    run_sapiens("features", models["pretrain"], image, "--output", out, "--dtype", "int8")
    assert index.main([str(out)]) == 0
    (row,) = table(out / "sapiens-index.parquet")
    written = np.load(out / "image.npy")
    place = "|i1", "r", row["offset"], tuple(row["shape"])
    assert np.array_equal(np.memmap(out / row["file"], *place), written)
    assert row["scale_file"] == "image.scale.npy" and row["checkpoint"] == "pretrain.pth"


def test_it_ends_as_the_program_does(tmp_path):
    def code(*arguments):
        command = [sys.executable, "-m", "sapiens.index", *map(str, arguments)]
        return subprocess.run(command, capture_output=True).returncode

    assert code(tmp_path / "missing") == 4
    assert code() == 2
    finished(tmp_path)
    (tmp_path / "sapiens-index.parquet").mkdir()
    assert code(tmp_path) == 5
