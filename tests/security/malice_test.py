#!/usr/bin/env python3
"""Runs the program on hostile files and checks what SECURITY.md promises of every one of them.

    malice_test.py --program build/release/bin/sapiens [--family calls] [--only PATTERN] [--report FILE]

For each file and each command: no payload was executed (its marker does not exist), no signal ended
the program, the exit code and the message are the expected ones, nothing on either stream steers a
terminal, no file appeared but the output, and processor time, memory and output stayed within the
bounds of cases.py. Where the model in the file is readable, what `convert` and `features` write
equals what they write for the same model without the attack, bit for bit.
"""

import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

from cases import CPU_SECONDS, SCALE
from pickle_ops import MARKER

HERE = os.path.dirname(os.path.abspath(__file__))
# Nothing that one of these commands writes is larger than this for the small model.
OUTPUT_BYTES = (16 << 20) * SCALE * SCALE
DONE, SOME_FAILED, USAGE, REFUSED, BAD_FILE = range(5)
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


class Run:
    """One finished process, with what it used."""

    def __init__(self, command, folder, marker, seconds):
        self.text = " ".join(command)
        environment = os.environ | {MARKER: marker, "OMP_WAIT_POLICY": "PASSIVE"}
        with open(
            os.path.join(folder, "..", f"out-{os.getpid()}-{threading.get_ident()}"), "w+b"
        ) as stream:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
            )  # fmt: skip
            for kind, limit in (
                (resource.RLIMIT_CPU, seconds),
                (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
            ):
                try:
                    resource.prlimit(process.pid, kind, (limit, limit))
                except ProcessLookupError:
                    pass  # it has ended already
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            stream.seek(0)
            self.output = stream.read()
        self.code = process.returncode
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory_mib = usage.ru_maxrss / 1024


def tensors_of(content):
    """The tensors of a safetensors file: name to type, shape and bytes."""
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    header.pop("__metadata__", None)
    return {
        name: (of["dtype"], of["shape"], data[of["data_offsets"][0] : of["data_offsets"][1]])
        for name, of in header.items()
    }


class Suite:
    def __init__(self, program, folder, sanitized):
        self.program, self.folder, self.memory = program, folder, not sanitized
        self.seconds = CPU_SECONDS * (20 if sanitized else 1)
        self.base = os.path.join(folder, "base.safetensors")
        self.image = os.path.join(folder, "image.npy")
        subprocess.run(
            [program, "synth", self.base, "--arch", "tiny"], check=True, stdout=subprocess.DEVNULL
        )
        header = (
            b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 128, 128), }".ljust(117) + b"\n"
        )
        with open(self.image, "wb") as file:
            file.write(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
            file.write(b"\0\0\x80\x3f" * (3 * 128 * 128))
        self.wanted = {}
        for name in ("convert", "features"):
            at = tempfile.mkdtemp(dir=folder)
            run = Run(
                self.command(name, self.base),
                at,
                os.path.join(folder, "marker-of-base"),
                self.seconds,
            )
            if run.code != 0:
                raise SystemExit(
                    f"{run.text}: exit code {run.code}\n{run.output.decode(errors='replace')}"
                )
            self.wanted[name] = self.written(at)
            shutil.rmtree(at)
        self.results = []

    def command(self, name, path):
        model = ["--heads", "4"]
        compute = [*model, "--output", "out", "--threads", "1"]
        convert = ["convert", path, "out.safetensors", *model]
        boxes = ["--pool", "boxes", "--boxes", path]
        words = {
            "inspect": ["inspect", path, "--verify", "--tensors", *model],
            "convert": convert,
            "keep": [*convert, "--keep-unused"],
            "features": ["features", path, self.image, *compute],
            "image": ["features", self.base, path, *compute, "--size", "128x128"],
            "boxes": ["features", self.base, self.image, *boxes, *compute],
        }
        return [self.program, *words[name]]

    def written(self, at):
        """The tensors or arrays below `at`, without notes that name their source."""
        found = {}
        for folder, _, files in os.walk(at):
            for file in files:
                if file.endswith(".json"):
                    continue
                with open(os.path.join(folder, file), "rb") as stream:
                    content = stream.read()
                if file == "out.safetensors":
                    content = tensors_of(content)
                found[os.path.relpath(os.path.join(folder, file), at)] = content
        return found

    def problems(self, case, name, run, at):
        if run.code < 0:
            yield f"ended by {signal.Signals(-run.code).name}"
        expected = {DONE, SOME_FAILED, REFUSED, BAD_FILE}
        if case["name"] == "image_folder":  # a folder is a set of images, here an empty one
            expected.add(USAGE)
        if run.code not in expected:
            yield f"exit code {run.code}"
        if self.memory and run.memory_mib > case["memory_mib"]:
            yield f"{run.memory_mib:.0f} MiB of memory, bound {case['memory_mib']}"
        control = CONTROL.search(run.output)
        if control:
            yield f"control character {control.group()!r} in the output"
        outcome = case["outcome"]
        if outcome == "refused" and name != "inspect":
            if run.code not in expected - {DONE}:
                yield f"not refused: exit code {run.code}"
            elif b"error[" not in run.output and b"failed" not in run.output:
                yield "no error message"
        if (
            case["says"]
            and name in ("convert", "keep")
            and case["says"].lower().encode() not in run.output.lower()
        ):
            yield f"the message lacks {case['says']!r}"
        if outcome in ("harmless", "accepted") and run.code != DONE:
            yield f"refused: exit code {run.code}"
        if name in self.wanted and run.code == DONE:
            if self.written(at) != self.wanted[name]:
                yield "other values than those of the model"
        if run.code not in (DONE, SOME_FAILED) and self.written(at):
            yield f"left {sorted(self.written(at))} behind"
        stray = set(os.listdir(at)) - {"out.safetensors", "out"}
        if stray:
            yield f"made {sorted(stray)}"

    def check(self, case):
        names = [case["command"]]
        if case["command"] == "checkpoint":
            # A copy with all unused tensors does at least the work of one without them.
            copy = "keep" if case["family"] == "bombs" else "convert"
            names = ["inspect", copy, "features"]
        for name in names:
            at = tempfile.mkdtemp(dir=self.folder)
            marker = os.path.join(self.folder, f"marker-{case['name']}-{name}")
            run = Run(self.command(name, case["path"]), at, marker, self.seconds)
            problems = list(self.problems(case, name, run, at))
            if os.path.exists(marker):
                problems.append("EXECUTED the payload")
            shutil.rmtree(at)
            self.results.append(
                {"case": case["name"], "family": case["family"], "command": name, "code": run.code, "cpu": run.cpu,
                 "memory_mib": run.memory_mib, "problems": problems, "output": run.output[-1500:].decode(errors="replace")}
            )  # fmt: skip


def check_the_check(suite):
    """A payload must be noticed: the marker of a shell that runs it has to appear."""
    from pickle_ops import SHELL

    marker = os.path.join(suite.folder, "marker-of-the-shell")
    subprocess.run(["sh", "-c", SHELL], env=os.environ | {MARKER: marker}, check=True)
    if not os.path.exists(marker):
        raise SystemExit("the payload does not create its marker, so nothing would be noticed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--family", action="append", help="by default all")
    parser.add_argument("--only", default="*", help="pattern of the names of files")
    parser.add_argument(
        "--sanitized", action="store_true", help="a program that takes more time and memory"
    )
    parser.add_argument("--report", help="JSON file with the results of every command")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="malice-") as folder:
        suite = Suite(os.path.abspath(arguments.program), folder, arguments.sanitized)
        check_the_check(suite)
        files = os.path.join(folder, "files")
        # In a process of its own, whose memory does not count as that of the programs it starts.
        make = [
            sys.executable,
            os.path.join(HERE, "make_malice.py"),
            "--base",
            suite.base,
            "--output",
            files,
        ]
        make += [word for family in arguments.family or [] for word in ("--family", family)]
        subprocess.run([*make, "--only", arguments.only], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(files, "index.json"), encoding="utf-8") as file:
            index = json.load(file)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(suite.check, index))
    bad = [result for result in suite.results if result["problems"]]
    for result in suite.results if arguments.verbose else bad:
        print(f"{result['case']} {result['command']}: {'; '.join(result['problems']) or 'ok'}")
        if result["problems"] or arguments.verbose:
            print("    " + result["output"].strip().replace("\n", "\n    ")[:600])
    cpu = max(suite.results, key=lambda r: r["cpu"])
    memory = max(suite.results, key=lambda r: r["memory_mib"])
    print(
        f"{len(index)} files, {len(suite.results)} commands, {len(bad)} problems; at most "
        f"{cpu['cpu']:.1f} s of processor time ({cpu['case']}) and {memory['memory_mib']:.0f} MiB ({memory['case']})"
    )
    if arguments.report:
        with open(arguments.report, "w", encoding="utf-8") as file:
            json.dump(suite.results, file, indent=1)
    return 1 if bad or not index else 0


if __name__ == "__main__":
    sys.exit(main())
