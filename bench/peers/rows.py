"""What is timed: a peer in a process of its own, or a run of this project's program. Both are used alike:
`run()` gives the seconds of one image, `tokens()` the result; `setup_seconds`, `peak_rss` and `file_bytes`, None where no
file is the row's own, speak for themselves.
"""
import json
import multiprocessing
import os
import re
import subprocess
import time
import traceback

import numpy as np

import machine
from peers import PEERS, Unsupported

spawn = multiprocessing.get_context("spawn")  # a new program: its memory is its own, and it reads its environment


class RowError(Exception):
    """The row cannot be measured, for a reason that is not the machine's."""


class Peer:
    def __init__(self, name, job):
        self.name, self.job = name, job
        self.setup_seconds = self.peak_rss = None
        if machine.available_bytes() < 3 * os.path.getsize(job.checkpoint):
            raise RowError("too little memory left beside the other rows: run fewer at a time, with --only")
        # Preparing takes memory that is not the peer's.
        self.ask(self.start(prepare, name, job))
        self.process.join()
        self.file_bytes = PEERS[name].file_bytes(job)
        self.pipe = self.start(serve, name, job)
        self.setup_seconds = self.ask(self.pipe)["seconds"]

    def start(self, task, *arguments):
        here, there = spawn.Pipe()
        saved = dict(os.environ)
        os.environ.update(PEERS[self.name].environment)
        try:
            self.process = spawn.Process(target=answer, args=(there, task, *arguments), daemon=True)
            self.process.start()
        finally:
            os.environ.clear()
            os.environ.update(saved)
        there.close()
        return here

    def ask(self, pipe):
        try:
            kind, value = pipe.recv()
        except EOFError:
            self.process.join()
            raise RowError(f"its process ended with code {self.process.exitcode}") from None
        if kind == "unsupported":
            raise Unsupported(value)
        if kind == "failed":
            raise RowError(value)
        return value

    def run(self):
        self.pipe.send("run")
        result = self.ask(self.pipe)
        self.peak_rss = result["peak_rss"]
        return result["seconds"]

    def tokens(self):
        self.pipe.send("tokens")
        return self.ask(self.pipe)

    def close(self):
        self.pipe.close()
        self.process.join()


def answer(pipe, task, *arguments):
    """Runs in the new process; whatever happens is told."""
    try:
        task(pipe, *arguments)
    except Unsupported as reason:
        pipe.send(("unsupported", str(reason)))
    except (EOFError, BrokenPipeError):
        pass  # the other side has what it wants
    except BaseException as error:
        traceback.print_exc()
        pipe.send(("failed", f"{type(error).__name__}: {error}"))


def prepare(pipe, name, job):
    PEERS[name].prepare(job)
    pipe.send(("done", None))


def serve(pipe, name, job):
    start = time.perf_counter()
    peer = PEERS[name](job)
    pipe.send(("done", {"seconds": time.perf_counter() - start}))
    while True:
        if pipe.recv() == "tokens":
            pipe.send(("done", tokens))
            continue
        start = time.perf_counter()
        tokens = peer.run()
        seconds = time.perf_counter() - start
        pipe.send(("done", {"seconds": seconds, "peak_rss": machine.peak_rss_bytes()}))


class Sapiens:
    """`sapiens-bf16`, or at a lower kernel level `sapiens-bf16@avx512`."""

    pattern = re.compile(r"sapiens-(?P<precision>fp32|bf16|int8)(@(?P<isa>\w+))?")

    def __init__(self, name, job, program):
        self.job, self.program = job, program
        self.setup_seconds = self.peak_rss = None
        self.file_bytes = os.path.getsize(job.checkpoint)
        chosen = self.pattern.fullmatch(name)
        self.precision = chosen["precision"]
        self.options = ["--precision", self.precision, "--threads", str(job.threads), "--json"]
        if chosen["isa"]:
            self.options += ["--isa", chosen["isa"]]

    def call(self, command, *arguments):
        done = subprocess.run([self.program, command, self.job.checkpoint, *arguments, *self.options],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RowError(done.stderr.strip() or done.stdout.strip() or f"code {done.returncode}")
        return json.loads(done.stdout)

    def run(self):
        """The program warms up by itself before the pass that it measures."""
        result = self.call("bench", "--repeat", "1", "--size", "{}x{}".format(*self.job.size))
        if result["precision"] != self.precision:
            raise RowError(f"ran in {result['precision']}")
        self.setup_seconds = result["load_seconds"]
        self.peak_rss = result["memory"]["peak_rss"]
        return result["seconds"]["median"]

    def tokens(self):
        folder = self.job.folder / f"sapiens-{self.precision}"
        self.call("features", str(self.job.folder / "input.npy"), "--output", str(folder), "--out-type", "raw")
        return np.load(folder / "input.npy")

    def close(self):
        pass


def open_row(name, job, program):
    return Peer(name, job) if name in PEERS else Sapiens(name, job, program)
