#!/usr/bin/env python3
"""Hours of mixed work in one server and one Python process: memory, descriptors, threads, throughput.

    bench/soak/soak.py [--minutes 120] [--output build/soak] [--build build/release]

One `sapiens serve` with a model of every task, and one process that uses the package, work through
valid and invalid calls in changing order. Every answer is compared with the first one to the same
call. Both processes are sampled every 15 seconds; in the end the first quarter after the warm-up is
compared with the last. Work is paced to a share of one core (--share), so that a soak can run on a
machine that does other things. Exits with 1 if a quantity grew beyond its limit, or if an answer
changed. Needs NumPy and Pillow, and the release build.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import threading
import time

import images
import measure
import server_work

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TINY = ROOT / "models" / "tiny"
SAMPLE_SECONDS = 15


def write_all(folder: pathlib.Path, files: dict) -> None:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name.replace(" ", "_").replace("/", "_")).write_bytes(data)


def damaged_checkpoints(good: dict) -> dict:
    """Checkpoints that are cut or changed at some places, and the fixtures of the tests."""
    files, place = {}, random.Random(5)
    for name, path in good.items():
        data = path.read_bytes()
        files[f"half_of_{name}{path.suffix}"] = data[: len(data) // 2]
        for number in range(3):
            changed = bytearray(data)
            # Half of the changes hit the header, which decides what is read.
            end = 4096 if number % 2 else len(data)
            changed[place.randrange(end)] ^= 1 << place.randrange(8)
            files[f"change_{number}_of_{name}{path.suffix}"] = bytes(changed)
    for path in sorted((ROOT / "tests/data/checkpoints").rglob("*.p*t*")):
        files[path.name] = path.read_bytes()
    return files


def prepare(folder: pathlib.Path, program: pathlib.Path, environment: dict) -> tuple:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "models").mkdir(parents=True)
    models = {
        name: TINY / f"sapiens_tiny_{name}.safetensors"
        for name in ("pose", "seg", "depth", "normal")
    }
    models["encoder"] = TINY / "sapiens_tiny_pretrain_clean.pth"
    models["autoencoder"] = TINY / "sapiens_tiny_pretrain.pth"
    models["detector"] = ROOT / "tests/data/golden/rtmdet/rtmdet.pth"
    models["sapiens2"] = folder / "sapiens2.safetensors"
    arguments = [program, "synth", models["sapiens2"], "--arch", "sapiens2_tiny"]
    subprocess.run(arguments, check=True, env=environment, stdout=subprocess.DEVNULL)
    for name, path in models.items():
        shutil.copy(path, folder / "models" / f"{name}{path.suffix}")
    good = images.good_images((ROOT / "samples/person.jpg").read_bytes())
    bad = images.bad_images(good)
    write_all(folder / "images", good)
    write_all(folder / "bad_images", bad)
    some = {name: models[name] for name in ("encoder", "pose", "sapiens2", "detector")}
    write_all(folder / "checkpoints", damaged_checkpoints(some))
    arguments = [program, "features", models["encoder"], folder / "images"]
    arguments += ["--output", folder / "run", "--format", "webdataset"]
    subprocess.run(arguments, check=True, env=environment, stdout=subprocess.DEVNULL)
    return models, good, bad


def start_server(program: pathlib.Path, models: dict, environment: dict, log) -> tuple:
    command = [program, "serve", "--port", "0", "--threads", "2"]
    command += ["--detector", models["detector"]]
    for name in ("pose", "seg", "depth", "normal", "encoder", "sapiens2"):
        command += ["--model", f"{name}={models[name]}"]
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    for _ in range(200):
        time.sleep(0.1)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", pathlib.Path(log.name).read_text())
        if found:
            return server, int(found.group(1))
    raise SystemExit(f"the server has not started; see {log.name}")


def follow(process: subprocess.Popen, told: dict) -> None:
    for line in process.stdout:
        told.update(json.loads(line))


def table(document: dict) -> str:
    lines = ["| process | quantity | first quarter | last quarter | per hour | highest | flat |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, rows in document["verdicts"].items():
        for row in rows:
            numbers = ("first_quarter", "last_quarter", "slope_per_hour", "highest")
            shown = " | ".join(f"{row[number]:.2f}" for number in numbers)
            flat = "no limit" if row["limit"] is None else "yes" if row["flat"] else "**no**"
            lines.append(f"| {name} | {row['name']} | {shown} | {flat} |")
    for name, process in document["processes"].items():
        lines.append(
            f"\n{name}: {process['calls']} calls of {process['kinds']} kinds, "
            f"{len(process['faults'])} wrong answers"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--share", type=float, default=0.15, help="of a core, for each process")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build/soak")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    options = parser.parse_args()
    os.nice(10)
    build, output = options.build.resolve(), options.output.resolve()
    program, files = build / "bin/sapiens", output / "files"
    environment = {**os.environ, "PYTHONPATH": str(build / "python")}
    output.mkdir(parents=True, exist_ok=True)
    models, good, bad = prepare(files, program, environment)
    seconds = 60 * options.minutes
    with open(output / "server.log", "w") as log:
        server, port = start_server(program, models, environment, log)
    arguments = [sys.executable, HERE / "python_work.py", files, str(options.share), str(seconds)]
    modules = {**environment, "SAPIENS_MODULE_DIR": str(build / "lib/sapiens")}
    python = subprocess.Popen(arguments, env=modules, stdout=subprocess.PIPE, text=True)
    started = time.monotonic()
    answers, told = measure.Answers(), {"calls": 0, "faults": [], "kinds": 0}
    threading.Thread(target=follow, args=(python, told), daemon=True).start()

    def ended() -> bool:
        gone = server.poll() is not None or python.poll() is not None
        return gone or time.monotonic() - started >= seconds

    requests = server_work.Requests(port, good, bad, answers)
    pace = measure.Pace(server.pid, options.share)
    work = threading.Thread(target=server_work.work, args=(requests, pace, ended))
    work.start()
    samples = {"server": [], "python": []}
    document: dict = {"minutes": options.minutes, "samples": samples}

    def conclude() -> None:
        warm_up = options.minutes / 8
        document["processes"] = {
            "server": {
                "calls": answers.calls,
                "kinds": len(answers.first),
                "faults": list(answers.faults),
            },
            "python": dict(told),
        }
        document["warm_up_minutes"] = warm_up
        document["verdicts"] = {
            name: measure.verdict(each, warm_up)
            for name, each in samples.items()
            if len(each) > 2 and each[-1]["minutes"] > warm_up
        }
        (output / "soak.json").write_text(json.dumps(document, indent=1))
        (output / "soak.md").write_text(table(document) + "\n")

    while not ended():
        samples["server"].append(measure.sample(server.pid, answers.calls, started))
        samples["python"].append(measure.sample(python.pid, told["calls"], started))
        conclude()
        time.sleep(min(SAMPLE_SECONDS, max(0.1, started + seconds - time.monotonic())))
    died = time.monotonic() - started < seconds - 10
    work.join()
    server.terminate()
    codes = server.wait(60), python.wait(120)
    conclude()
    print(table(document))
    for name, process in document["processes"].items():
        print(*(f"{name}: {fault}" for fault in process["faults"]), sep="\n")
    flat = all(row["flat"] for rows in document["verdicts"].values() for row in rows)
    faults = any(process["faults"] for process in document["processes"].values())
    print(f"exit codes of server and Python: {codes}")
    return int(not flat or faults or died or any(codes))


if __name__ == "__main__":
    sys.exit(main())
