#!/usr/bin/env python3
"""Runs other readers and scanners of checkpoints on the files of make_malice.py, and prints a table.

    compare_scanners.py --program build/release/bin/sapiens --torch PYTHON --scanners PYTHON [--details FILE]

--torch and --scanners are interpreters that have PyTorch, and picklescan, fickling and modelscan;
a tool that is not installed is left out. Every file is opened in a process of its own with limits
on time and memory. `torch.load(weights_only=False)` shows which files really execute their payload;
the payload creates a marker file and nothing else, but run this in a container all the same.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

from make_malice import FAMILIES
from pickle_ops import MARKER

CPU_SECONDS, WALL_SECONDS, MEMORY_BYTES = 5, 20, 6 << 30
HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = ("sapiens", "torch", "torch_unsafe", "picklescan", "fickling", "modelscan")
ACCEPTS, REPORTS, FAILS = 0, 10, 11
OTHERS = ("images", "annotations", "places")  # families of files that are no checkpoints
# What becomes of a file, in the order of the table.
WORDS = ("executes", "crashes", "times out", "refuses", "accepts")


def torch_reader(weights_only):
    import torch

    def read(path):
        torch.load(path, weights_only=weights_only, map_location="cpu")
        return ACCEPTS

    return read, torch.__version__


def picklescan_reader():
    from importlib.metadata import version

    from picklescan.scanner import scan_file_path

    def read(path):
        result = scan_file_path(path)
        return REPORTS if result.infected_files or result.scan_err else ACCEPTS

    return read, version("picklescan")


def fickling_reader():
    from importlib.metadata import version

    import fickling
    from fickling.loader import scan_zip_archive

    def read(path):
        if zipfile.is_zipfile(path):
            results = scan_zip_archive(path).values()
        else:
            results = [fickling.scan_file(path)]
        return ACCEPTS if all(results) else REPORTS

    return read, version("fickling")


def modelscan_reader():
    from importlib.metadata import version

    from modelscan.modelscan import ModelScan
    from modelscan.settings import DEFAULT_SETTINGS

    def read(path):
        result = ModelScan(settings=DEFAULT_SETTINGS).scan(path)
        found = result["summary"]["total_issues"] or result["errors"]
        return REPORTS if found else ACCEPTS

    return read, version("modelscan")


def sapiens_reader(program):
    command = [program, "inspect", "--verify", "--tensors", "--heads", "4"]
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)

    def read(path):
        os.execv(program, [*command, path])  # the limits of this process become the program's

    return read, (
        version.stdout.split()[1] if len(version.stdout.split()) > 1 else version.stdout.strip()
    )


def reader(tool, program):
    if tool == "sapiens":
        return sapiens_reader(program)
    if tool.startswith("torch"):
        return torch_reader(tool == "torch")
    return {
        "picklescan": picklescan_reader,
        "fickling": fickling_reader,
        "modelscan": modelscan_reader,
    }[tool]()


def child(read, path, folder, marker):
    """Never returns. Any exception of a tool means that it refuses the file."""
    os.chdir(folder)
    os.environ[MARKER] = marker
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        code = read(path)
    except (MemoryError, RecursionError):
        code = FAILS
    except BaseException:  # pylint: disable=broad-exception-caught
        code = REPORTS
    # Functions that a payload registered for the end of the process run too.
    with contextlib.suppress(BaseException):
        import atexit

        atexit._run_exitfuncs()
    os._exit(code)


def outcome(read, case, folder, marker):
    process = os.fork()
    if process == 0:
        os.setsid()
        child(read, case["path"], folder, marker)
    end = time.monotonic() + WALL_SECONDS
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            break
        if time.monotonic() > end:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            break
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # what a payload left running
    if os.path.exists(marker):
        return "executes"
    if not found:
        return "times out"
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "times out"
    if code < 0 or code in (FAILS, 70):
        return "crashes"
    return "accepts" if code == ACCEPTS else "refuses"


def work(tool, program, index, report):
    read, version = reader(tool, program)
    results = {}
    # Not TemporaryDirectory: the exit functions of a child would remove it.
    folder = tempfile.mkdtemp(dir=os.path.dirname(report))
    for number, case in enumerate(index):
        inside = os.path.join(folder, "cwd")
        os.mkdir(inside)
        results[case["name"]] = outcome(
            read, case, inside, os.path.join(folder, f"marker-{number}")
        )
        shutil.rmtree(inside)
    with open(report, "w", encoding="utf-8") as file:
        json.dump({"version": version, "results": results}, file)


def table(index, reports):
    """Files per family, and what each tool does with them."""
    names = {
        "sapiens": "sapiens.cpp",
        "torch": "torch.load, weights_only=True",
        "torch_unsafe": "torch.load, weights_only=False",
    }
    lines = [
        "| files | "
        + " | ".join(f"{names.get(t, t)} {r['version']}" for t, r in reports.items())
        + " |"
    ]
    lines.append("|---" * (len(reports) + 1) + "|")
    families = list(dict.fromkeys(case["family"] for case in index))
    for family in [*families, None]:
        of = [case["name"] for case in index if family in (None, case["family"])]
        cells = []
        for report in reports.values():
            found = [report["results"][name] for name in of]
            counts = [f"{found.count(word)} {word}" for word in WORDS if word in found]
            cells.append(", ".join(f"**{c}**" if "executes" in c else c for c in counts))
        lines.append(f"| {family or '**all**'}: {len(of)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def live_files(index, reports):
    """How many of the files that execute in torch.load each tool lets pass. Their names are in the
    file of --details: not every one has been published as a fault of a scanner."""
    unsafe = reports.get("torch_unsafe", {"results": {}})["results"]
    live = [case["name"] for case in index if unsafe.get(case["name"]) == "executes"]
    lines = [f"\n{len(live)} files execute their payload in torch.load, weights_only=False.\n"]
    for tool, report in reports.items():
        if tool == "torch_unsafe":
            continue
        found = [report["results"][name] for name in live]
        executed, passed = found.count("executes"), found.count("accepts")
        lines.append(f"- {tool}: executes {executed} of them, lets {passed} pass")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--torch", help="interpreter that has PyTorch")
    parser.add_argument("--scanners", help="interpreter that has the scanners")
    parser.add_argument("--family", action="append", help="by default all of checkpoints")
    parser.add_argument("--details", help="JSON file for the outcome of every file")
    parser.add_argument("--worker", choices=TOOLS, help=argparse.SUPPRESS)
    parser.add_argument("--index", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    if arguments.worker:
        with open(arguments.index, encoding="utf-8") as file:
            work(arguments.worker, program, json.load(file), arguments.details)
        return
    families = arguments.family or [f for f in FAMILIES if f not in OTHERS]
    reports = {}
    with tempfile.TemporaryDirectory(prefix="malice-") as folder:
        base = os.path.join(folder, "base.safetensors")
        subprocess.run(
            [program, "synth", base, "--arch", "tiny"], check=True, stdout=subprocess.DEVNULL
        )
        make = [
            sys.executable,
            os.path.join(HERE, "make_malice.py"),
            "--base",
            base,
            "--output",
            folder,
        ]
        subprocess.run(
            make + [w for f in families for w in ("--family", f)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        index_file = os.path.join(folder, "index.json")
        with open(index_file, encoding="utf-8") as file:
            index = json.load(file)
        for tool in TOOLS:
            python = (
                sys.executable
                if tool == "sapiens"
                else arguments.torch if "torch" in tool else arguments.scanners
            )
            report = os.path.join(folder, f"{tool}.json")
            words = [
                os.path.abspath(__file__),
                "--program",
                program,
                "--worker",
                tool,
                "--index",
                index_file,
                "--details",
                report,
            ]
            if python and subprocess.run([python, *words], cwd=folder, check=False).returncode == 0:
                with open(report, encoding="utf-8") as file:
                    reports[tool] = json.load(file)
                print(f"{tool} is done", file=sys.stderr)
    print(table(index, reports))
    print(live_files(index, reports))
    if arguments.details:
        with open(arguments.details, "w", encoding="utf-8") as file:
            json.dump({"index": index, "reports": reports}, file, indent=1)


if __name__ == "__main__":
    main()
