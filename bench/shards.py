#!/usr/bin/env python3
"""Images per second from tar to tar, as a share of what the encoder alone reaches, and memory.

    bench/shards.py [--arch 0.3b] [--size 512x384] [--images 24] [--rounds 3]

Rounds alternate between `sapiens bench` and `sapiens features`; figures are medians. The tiny model
shows how many images per second can be read, resized and written where the encoder costs nothing.
Needs `/usr/bin/time` (apt-get install time) and the release build; works in build/shards/.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build/release/bin/sapiens"
FOLDER = ROOT / "build/shards"
PHOTO = ROOT / "samples/person.jpg"


def make_tar(images: int) -> pathlib.Path:
    path = FOLDER / f"photos-{images}.tar"
    if not path.exists():
        with tarfile.open(path, "w") as tar:
            for number in range(images):
                tar.add(PHOTO, f"{number:06}.jpg")
    return path


def run(*words: object) -> dict:
    done = subprocess.run(
        ["/usr/bin/time", "-f", "%M", "-o", FOLDER / "peak", PROGRAM, *map(str, words), "--json"],
        check=True,
        capture_output=True,
    )
    document = json.loads(done.stdout)
    document["peak_mb"] = int((FOLDER / "peak").read_text()) * 1024 / 1e6
    return document


def features(checkpoint: pathlib.Path, size: str, images: int, *options: str) -> dict:
    tar = make_tar(images)
    out = FOLDER / "out"
    shutil.rmtree(out, ignore_errors=True)
    where = ("--size", size, "--output", out, "--format", "webdataset")
    document = run("features", checkpoint, tar, *where, *options)
    assert document["totals"]["done"] == images and document["run"]["complete"]
    return document


def compare(arch: str, size: str, images: int, rounds: int) -> None:
    checkpoint = FOLDER / f"{arch}.pth"
    if not checkpoint.exists():
        subprocess.run([PROGRAM, "synth", checkpoint, "--arch", arch], check=True)
    alone, whole = [], []
    for _ in range(rounds):
        passes = max(3, images // 4)
        document = run("bench", checkpoint, "--size", size, "--repeat", passes)
        alone.append(document["seconds"]["median"])
        document = features(checkpoint, size, images, "--pool", "mean", "--dtype", "f16")
        whole.append(document["totals"]["seconds"] / images)
    encoder, tar = statistics.median(alone), statistics.median(whole)
    print(
        f"{arch} {size}: encoder alone {1 / encoder:.2f} images/s, tar to tar {1 / tar:.2f}, "
        f"share {encoder / tar:.3f}"
    )


def memory(size: str) -> None:
    few = features(FOLDER / "tiny.pth", size, 2000, "--pool", "mean")
    many = features(FOLDER / "tiny.pth", size, 20000, "--pool", "mean")
    print(f"peak of 2,000 images {few['peak_mb']:.1f} MB, of 20,000 {many['peak_mb']:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="0.3b")
    parser.add_argument("--size", default="512x384")
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    compare(options.arch, options.size, options.images, options.rounds)
    compare("tiny", "32x32", 1000, options.rounds)
    memory("32x32")


if __name__ == "__main__":
    main()
