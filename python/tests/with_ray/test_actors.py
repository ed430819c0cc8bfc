"""Actors of Ray give the rows of the program, byte for byte, also when one is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import ray
from PIL import Image

import sapiens
import sapiens.ray

ROOT = Path(__file__).resolve().parents[3]
CHECKPOINT = str(ROOT / "models" / "tiny" / "sapiens_tiny_pretrain_clean.pth")
ROWS = 24


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Different images of different sizes."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(3)
    for i in range(ROWS):
        pixels = random.integers(0, 256, (40 + i, 60 - i, 3), np.uint8)
        (folder / f"part{i % 3}").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"part{i % 3}" / f"{i:02}.png")
    return folder


@pytest.fixture(scope="module")
def expected(photos, tmp_path_factory):
    """What the program writes: features by path of the image."""
    folder = tmp_path_factory.mktemp("expected")
    command = [os.environ["SAPIENS_PROGRAM"], "features", CHECKPOINT, photos, "-r", "-o", folder]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return {
        str(path): np.load((folder / path.relative_to(photos)).with_suffix(".npy"))
        for path in photos.rglob("*.png")
    }


def paths_of(photos):
    return [{"path": str(path), "id": i} for i, path in enumerate(sorted(photos.rglob("*.png")))]


def assert_complete(rows, expected):
    assert sorted(row["path"] for row in rows) == sorted(expected)
    for row in rows:
        array = expected[row["path"]]
        assert row["features"].shape == array.shape and row["features"].dtype == array.dtype
        assert row["features"].tobytes() == array.tobytes()


def test_two_actors_one_of_which_is_killed_give_all_rows_of_the_program(
    cluster, photos, expected, tmp_path
):
    class Watched(sapiens.ray.Features):
        """Waits for another actor, and kills its process amid its second batch if none did."""

        def __init__(self, folder, **options):
            super().__init__(**options)
            self._folder = Path(folder)
            self._calls = 0
            (self._folder / f"actor{os.getpid()}").touch()

        def __call__(self, batch):
            while len(list(self._folder.glob("actor*"))) < 2:
                time.sleep(0.01)
            self._calls += 1
            for piece in super().__call__(batch):
                yield piece
                if self._calls == 2:
                    try:
                        (self._folder / "killed").touch(exist_ok=False)
                    except FileExistsError:
                        continue
                    os.kill(os.getpid(), signal.SIGKILL)

    found = ray.data.from_items(paths_of(photos), override_num_blocks=4).map_batches(
        Watched,
        fn_constructor_kwargs={"folder": str(tmp_path), "checkpoint": CHECKPOINT, "max_bytes": 1},
        compute=ray.data.ActorPoolStrategy(size=2),
        num_cpus=0.5,
        batch_size=3,
    )
    rows = found.take_all()
    assert (tmp_path / "killed").exists()
    assert_complete(rows, expected)
    assert sorted(row["id"] for row in rows) == list(range(ROWS))
    assert all(set(row) == {"path", "id", "features"} for row in rows)


@pytest.mark.parametrize("column", ["image", "bytes"])
def test_what_ray_reads_itself_gives_the_same(cluster, photos, expected, column):
    read = {"image": ray.data.read_images, "bytes": ray.data.read_binary_files}[column]
    folder = photos / "part1"
    found = read(str(folder), include_paths=True).map_batches(
        sapiens.ray.Features,
        fn_constructor_kwargs={"checkpoint": CHECKPOINT},
        compute=ray.data.ActorPoolStrategy(size=1),
        num_cpus=1,
    )
    rows = found.take_all()
    assert_complete(rows, {path: one for path, one in expected.items() if str(folder) in path})
    assert all(set(row) == {"path", "features"} for row in rows)


def test_actors_take_the_threads_that_ray_gave_them(cluster):
    class Threads(sapiens.ray.Features):
        def __call__(self, batch):
            return {"threads": [self._model.stats["threads"]] * len(batch["path"])}

    row = [{"path": "any"}]
    for cpus, expected_threads in ((2, 2), (1, 1), (0.5, 1)):
        found = ray.data.from_items(row).map_batches(
            Threads,
            fn_constructor_kwargs={"checkpoint": CHECKPOINT},
            compute=ray.data.ActorPoolStrategy(size=1),
            num_cpus=cpus,
        )
        assert [one["threads"] for one in found.take_all()] == [expected_threads]
    # This process is no actor.
    here = sapiens.ray.Features(CHECKPOINT)
    assert here._model.stats["threads"] == sapiens.Encoder(CHECKPOINT).stats["threads"]


def test_results_of_different_sizes_go_through_parquet(cluster, photos, tmp_path):
    checkpoint = str(ROOT / "models" / "tiny" / "sapiens_tiny_seg.safetensors")
    rows = paths_of(photos)[:4] + [{"path": str(photos / "missing.png"), "id": -1}]
    found = ray.data.from_items(rows, override_num_blocks=2).map_batches(
        sapiens.ray.Segmenter,
        fn_constructor_kwargs={"checkpoint": checkpoint, "errors": "null"},
        compute=ray.data.ActorPoolStrategy(size=1),
        num_cpus=1,
        batch_size=2,
    )
    found.write_parquet(str(tmp_path / "out"))
    read = {row["path"]: row for row in ray.data.read_parquet(str(tmp_path / "out")).take_all()}
    segmenter = sapiens.Segmenter(checkpoint)
    for row in rows[:4]:
        classes = segmenter.segment(row["path"])
        assert np.array_equal(read[row["path"]]["classes"], classes)
        assert read[row["path"]]["error"] == ""
    missing = read[rows[4]["path"]]
    assert missing["classes"].shape == (0, 0) and "missing.png" in missing["error"]


def test_keypoints_of_boxes_that_were_in_arrow(cluster, photos):
    checkpoint = str(ROOT / "models" / "tiny" / "sapiens_tiny_pose.safetensors")
    boxes = [[[1, 2, 20, 30]], [[0, 0, 9, 9], [3, 3, 10, 20]], [], None]
    rows = [{**row, "boxes": one} for row, one in zip(paths_of(photos), boxes)]
    found = ray.data.from_items(rows, override_num_blocks=1).map_batches(
        sapiens.ray.Pose,
        fn_constructor_kwargs={"checkpoint": checkpoint, "flip_test": False},
        compute=ray.data.ActorPoolStrategy(size=1),
        num_cpus=1,
    )
    pose = sapiens.Pose(checkpoint)
    by_path = {row["path"]: row for row in found.take_all()}
    assert len(by_path) == len(rows)
    for row in rows:
        given = np.empty((0, 4)) if row["boxes"] == [] else row["boxes"]
        for name, array in pose.keypoints(row["path"], given, flip_test=False)._asdict().items():
            assert np.array_equal(by_path[row["path"]][name], array)


def test_a_path_that_cannot_be_read_ends_the_job_with_its_name(cluster, photos):
    missing = str(photos / "missing.png")
    found = ray.data.from_items([{"path": missing}]).map_batches(
        sapiens.ray.Features,
        fn_constructor_kwargs={"checkpoint": CHECKPOINT},
        compute=ray.data.ActorPoolStrategy(size=1),
        num_cpus=1,
    )
    with pytest.raises(ray.exceptions.RayTaskError, match="missing.png"):
        found.take_all()


def run_example(cluster, *arguments):
    command = [sys.executable, str(ROOT / "examples" / "ray" / "features.py"), *arguments]
    environment = {**os.environ, "RAY_ADDRESS": cluster}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_the_example_writes_parquet_from_a_folder_a_list_and_a_uri(
    cluster, photos, expected, tmp_path
):
    paths = sorted(expected)[:5]
    (tmp_path / "list.txt").write_text("\n".join(paths) + f"\n{photos}/missing.png\n")
    for given, many, code in (
        (str(photos), len(expected), 0),
        (str(tmp_path / "list.txt"), len(paths), 1),
        ((photos / "part0").as_uri(), len(expected) // 3, 0),
    ):
        output = str(tmp_path / f"out{many}{code}")
        done = run_example(cluster, CHECKPOINT, given, output, "--cpus", "1", "--actors", "1")
        assert done.returncode == code, done.stdout + done.stderr
        assert f"{many} images have features, {code} have not" in done.stdout
        assert ("missing.png" in done.stderr) == bool(code)
        rows = ray.data.read_parquet(output).take_all()
        assert len(rows) == many + code
        good = [row for row in rows if not row["error"]]
        assert_complete(good, {row["path"]: expected[row["path"]] for row in good})
    again = run_example(cluster, CHECKPOINT, str(photos), output)
    assert again.returncode == 1 and "exists" in again.stderr
