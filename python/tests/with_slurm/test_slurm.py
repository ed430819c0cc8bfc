"""examples/slurm/features.sbatch on a Slurm of two nodes: the files of one process, whatever became of the tasks."""

import io
import json
import os
import signal
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cluster as slurm

SCRIPT = Path(__file__).resolve().parents[3] / "examples" / "slurm" / "features.sbatch"
TASKS = 8
SHARDS = 40
IMAGES = 6
# The plain kernels are so slow that a task is seen at work, on any machine.
OPTIONS = ["--format", "webdataset", "--pool", "mean", "--isa", "reference", "--size", "256x192"]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """A folder of archives."""
    folder = tmp_path_factory.mktemp("shards")
    random = np.random.default_rng(5)
    for shard in range(SHARDS):
        with tarfile.open(folder / f"shard-{shard:06}.tar", "w") as archive:
            for i in range(IMAGES):
                add(archive, f"{shard:02}{i:04}.png", png_of(random))
                add(archive, f"{shard:02}{i:04}.txt", f"image {i} of {shard}".encode())
    return folder


def png_of(random):
    file = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (48, 32, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def add(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return tmp_path_factory.mktemp("stage") / "of the user"


@pytest.fixture
def submit(cluster, models, shards, stage, tmp_path):
    """Submits the script and returns the name of the job."""
    cluster.environment["SAPIENS_STAGE"] = str(stage)

    def call(output, *options):
        command = ["--parsable", *options, SCRIPT, models["pretrain"], shards, "--output", output]
        return cluster.call("sbatch", *command, *OPTIONS, cwd=tmp_path).strip()

    return call


@pytest.fixture(scope="module")
def expected(models, shards, tmp_path_factory):
    """What one process writes that nobody interrupts: content by path."""
    output = tmp_path_factory.mktemp("expected")
    command = [os.environ["SAPIENS_PROGRAM"], "features", models["pretrain"], shards]
    command += ["--output", output, *OPTIONS]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return content_of(output)


def content_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def assert_complete(output, expected):
    record = json.loads((output / "sapiens-index.json").read_text())
    assert record["complete"] and record["shards"] == record["finished"] == SHARDS
    assert record["done"] == SHARDS * IMAGES and record["missing"] == []
    found = content_of(output)
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []


def is_amid_its_shards(output, task):
    """True while an array task has finished some of its shards and has most before it."""
    own = range(task, SHARDS, TASKS)
    done = [(output / "sapiens-index" / f"shard-{i:06}.json").exists() for i in own]
    return 0 < sum(done) < len(done) / 2


def process_of(job, task):
    """The process ID of the program that an array task runs."""
    wanted = {f"SLURM_ARRAY_JOB_ID={job}".encode(), f"SLURM_ARRAY_TASK_ID={task}".encode()}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text() == "sapiens\n" and wanted <= set(
                (folder / "environ").read_bytes().split(b"\0")
            ):
                return int(folder.name)
        except OSError:  # It has ended, or belongs to another user.
            pass
    raise AssertionError(f"task {task} of job {job} runs no program")


def is_signalled(process):
    """True if a signal waits for a stopped process, or has ended it."""
    try:
        status = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return True
    fields = dict(line.split(":", 1) for line in status)
    return fields["State"].split()[0] != "T" or int(fields["ShdPnd"], 16) != 0


def states_of(cluster, job, tasks=TASKS):
    return [cluster.details(f"{job}_{task}")["JobState"] for task in range(tasks)]


def log_of(folder, job, task):
    log = folder / f"sapiens-features-{job}_{task}.log"
    return log.read_text() if log.exists() else "(it has not begun)"


def test_tasks_that_are_requeued_stopped_and_killed_leave_the_files_of_one_process(
    cluster, submit, expected, tmp_path
):
    output = tmp_path / "out"
    job = submit(output, f"--array=0-{TASKS - 1}", "--cpus-per-task=1")
    actions = {
        1: ["scontrol", "requeue", f"{job}_1"],
        3: ["scancel", "--signal=KILL", f"{job}_3.0"],
        # As Slurm does before the time limit.
        5: ["scancel", "--signal=TERM", f"{job}_5.0"],
    }
    for task, action in actions.items():
        slurm.wait_for(
            lambda: is_amid_its_shards(output, task), lambda: log_of(tmp_path, job, task)
        )
        # A command of Slurm takes as long as some shards, so the task stands still until its signal is there.
        process = process_of(job, task)
        os.kill(process, signal.SIGSTOP)
        cluster.call(*action)
        slurm.wait_for(lambda: is_signalled(process))
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)
    slurm.wait_for(lambda: not cluster.jobs())

    assert states_of(cluster, job) == [
        "FAILED" if task == 3 else "COMPLETED" for task in range(TASKS)
    ]
    restarts = [cluster.details(f"{job}_{task}")["Restarts"] for task in range(TASKS)]
    assert restarts == ["1" if task in (1, 5) else "0" for task in range(TASKS)]
    assert "requeued: the time limit is near" in log_of(tmp_path, job, 5)
    record = json.loads((output / "sapiens-index.json").read_text())
    assert not record["complete"] and all(
        int(one["shard"][-6:]) % TASKS == 3 for one in record["missing"]
    )

    job = submit(output, f"--array=0-{TASKS - 1}")
    slurm.wait_for(lambda: not cluster.jobs())
    assert states_of(cluster, job) == ["COMPLETED"] * TASKS, log_of(tmp_path, job, 3)
    assert_complete(output, expected)


def test_two_processes_of_a_node_share_its_part(cluster, submit, expected, tmp_path):
    output = tmp_path / "out"
    job = submit(output, "--array=0-1", "--ntasks=2")
    slurm.wait_for(lambda: not cluster.jobs())
    assert states_of(cluster, job, 2) == ["COMPLETED"] * 2, log_of(tmp_path, job, 0)
    assert_complete(output, expected)


@pytest.mark.parametrize("given", [[], ["checkpoint.pth"]])
def test_a_submission_without_inputs_says_how_it_is_used(cluster, tmp_path, given):
    command = ["--parsable", "--array=0-0", SCRIPT, *given]
    job = cluster.call("sbatch", *command, cwd=tmp_path).strip()
    slurm.wait_for(lambda: not cluster.jobs())
    assert states_of(cluster, job, 1) == ["FAILED"]
    assert "usage: sbatch" in log_of(tmp_path, job, 0)
