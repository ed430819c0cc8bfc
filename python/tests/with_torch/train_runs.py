"""Small training runs in this process, or in forks of it, which start at once."""

import csv
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import socket
import sys
import time
import unittest.mock

import numpy as np
import torch
import torch._dynamo
import torch.distributed.fsdp
from accelerate.state import AcceleratorState

import sapiens.train.__main__
from sapiens.train import _objectives, _run  # noqa: F401 these imports, too, are for the forks

SIZE = (128, 96)  # of the inputs of tiny models
PEOPLE = 10


def write_arrays(folder):
    """Images of two blobs, and what is true of them, as `mannequin --layout arrays` writes it."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    images, labels, depth, normals = [], [], [], []
    for _ in range(PEOPLE):
        first, second = random.uniform(30, 60, (2, 2))
        body = np.hypot(rows - first[0] - 20, columns - first[1]) < 25
        head = np.hypot(rows - second[0], columns - second[1]) < 12
        shown = np.where(head, 2, np.where(body, 22, 0))
        colour = np.array([[30, 60, 90], [200, 150, 120], [40, 180, 60]], np.uint8)
        noise = random.integers(0, 25, (*SIZE, 3), np.uint8)
        images.append(colour[np.where(head, 1, np.where(body, 2, 0))] + noise)
        labels.append(shown)
        depth.append(2 + rows / 100 + columns / 300)
        normals.append(np.stack([columns - 48, rows - 64, np.full(SIZE, -60)], -1) / 100)
    keypoints = np.concatenate(
        [random.uniform(20, 90, (PEOPLE, 17, 2)), np.full((PEOPLE, 17, 1), 2.0)], 2
    )
    boxes = np.tile([8.0, 8, 80, 110], (PEOPLE, 1))
    folder.mkdir()
    for name, values, kind in (
        ("images", images, np.uint8),
        ("labels", labels, np.uint8),
        ("depth", depth, np.float32),
        ("normals", normals, np.float32),
        ("keypoints", keypoints, np.float32),
        ("boxes", boxes, np.float32),
    ):
        np.save(folder / f"{name}.npy", np.array(values).astype(kind))
    return folder


COMMON = (
    "--device cpu --threads 1 --precision fp32 --no-tensorboard --log-every 1 --warmup 2".split()
)


def main(*arguments):
    """The exit code of `sapiens-train` with these arguments and usual ones."""
    AcceleratorState._reset_state(True)
    arguments = [str(argument) for argument in arguments]
    return sapiens.train.__main__.main([*COMMON, *arguments])


# Forks of a process that has computed nothing yet: PyTorch's threads do not outlive a fork.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["train_runs"])


def _start_server():
    """Where it finds the modules to import beforehand: older Pythons do not hand over the path."""
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with unittest.mock.patch.dict(os.environ, path):
        multiprocessing.forkserver.ensure_running()


def fork(*arguments, stderr=None, environment=None, before=None):
    """A process that does this, after a function `before`."""
    _start_server()
    process = SERVER.Process(target=_forked, args=(arguments, stderr, environment, before))
    process.start()
    return process


def _forked(arguments, stderr, environment, before):
    os.environ.update(environment or {})
    if stderr is not None:
        os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    if before is not None:
        before()
    sys.exit(main(*arguments))


def wait_for(process):
    """The exit code of a fork, or minus the signal that ended it."""
    process.join()
    return process.exitcode


def start_in(processes, *arguments, before=None):
    """Forks that train together, as torchrun starts processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    forks = []
    for rank in range(processes):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes}
        place |= {"LOCAL_WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = {name: str(value) for name, value in place.items()}
        forks.append(fork(*arguments, environment=environment, before=before))
    return forks


def main_in(processes, *arguments, before=None):
    """The exit codes of such forks."""
    return [wait_for(process) for process in start_in(processes, *arguments, before=before)]


def lose_the_third_pass():
    """Makes a loss NaN, in one process of two alone."""
    right = _objectives.Seg.numerators

    def wrong(self, output, targets):
        self.passes = getattr(self, "passes", 0) + 1
        found = right(self, output, targets)
        return found * torch.nan if self.passes == 3 and os.environ["RANK"] == "1" else found

    _objectives.Seg.numerators = wrong


def ignore_hangup():
    """As nohup starts a program."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def rows_of(run):
    """Of log.csv: (step, images, loss, gradient) as text."""
    with open(run / "log.csv", newline="") as file:
        return [
            (row["step"], row["images"], row["loss"], row["gradient"])
            for row in csv.DictReader(file)
        ]


def losses_of(run):
    return [float(loss) for _, _, loss, _ in rows_of(run)]


def gradients_of(run):
    """Their norms, which show a wrong scale that AdamW hides."""
    return [float(gradient) for _, _, _, gradient in rows_of(run)]


def weights_of(path):
    return torch.load(path, weights_only=True)["state_dict"]


def same_bits(first, second):
    first, second = weights_of(first), weights_of(second)
    return list(first) == list(second) and all(
        torch.equal(value, second[name]) for name, value in first.items()
    )


def wait_until(condition, process, seconds=60):
    """Until the condition holds while a fork runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        assert process.is_alive(), "the process ended first"
        time.sleep(0.01)


def steps_in(run):
    return len(rows_of(run)) if (run / "log.csv").exists() else 0


def end(process, number=signal.SIGKILL):
    os.kill(process.pid, number)
    return wait_for(process)
