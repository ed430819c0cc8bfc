#!/usr/bin/env python3
"""Features of many images, computed on all machines of a Ray cluster and written as Parquet.

    features.py sapiens_0.3b.pth /shared/photos /shared/features --out-type cls_token
    features.py sapiens_0.3b.pth /shared/list.txt s3://bucket/features --dtype f16
    features.py /shared/sapiens_0.3b.pth s3://bucket/photos s3://bucket/features

Images are a folder, searched with all folders inside; a .txt list, one path per line; or a URI that Ray
reads from, whose files may have any names. Checkpoint, folder and the list's paths must be there on all
machines. A row has "path", "features" and "error", which is "" where there are features.

What Ray is connected to is up to RAY_ADDRESS or `ray job submit`; without both it starts on this machine.
"""

import argparse
import os
import sys

import ray
import sapiens.ray

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".png", ".webp")
SHOWN = 10


def images(given):
    """A data set of paths, or of paths and contents where only Ray can read them."""
    if "://" in given:
        return ray.data.read_binary_files(given, include_paths=True)
    if given.endswith(".txt"):
        with open(given, encoding="utf-8") as lines:
            paths = [os.path.abspath(line.rstrip("\n")) for line in lines if line.strip()]
    else:
        paths = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(os.path.abspath(given))
            for name in names
            if name.lower().endswith(SUFFIXES)
        ]
    if not paths:
        sys.exit(f"there are no images in {given}")
    return ray.data.from_items([{"path": path} for path in sorted(set(paths))])


def share_of_machines():
    """An actor for each machine, and for it the CPUs of the smallest one but one, which Ray needs for
    reading and writing."""
    cpus = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    cpus = [int(count) for count in cpus if count >= 1]
    return len(cpus), max(1, min(cpus) - 1)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("images")
    parser.add_argument("output", help="folder or URI for Parquet files, which must not exist")
    parser.add_argument("--out-type", default="featmap")
    parser.add_argument("--dtype", default="f32", choices=["f32", "f16"])
    parser.add_argument("--precision", default="auto", help="name one if machines differ")
    parser.add_argument("--actors", type=int, help="default: one for each machine")
    parser.add_argument("--cpus", type=int, help="of an actor; default: those of a machine but one")
    parser.add_argument("--batch-size", type=int, default=16, help="images lost with an actor")
    given = parser.parse_args()

    ray.init()
    actors, cpus = share_of_machines()
    found = images(given.images).map_batches(
        sapiens.ray.Features,
        fn_constructor_kwargs={
            "checkpoint": os.path.abspath(given.checkpoint),
            "out_type": given.out_type,
            "dtype": given.dtype,
            "precision": given.precision,
            "errors": "null",
        },
        compute=ray.data.ActorPoolStrategy(size=given.actors or actors),
        num_cpus=given.cpus or cpus,
        batch_size=given.batch_size,
    )
    # Rows of an earlier run would otherwise stay beside the new ones.
    found.write_parquet(given.output, mode="error")

    written = ray.data.read_parquet(given.output, columns=["path", "error"])
    failed = written.filter(expr=ray.data.expressions.col("error") != "")
    count = failed.count()
    print(f"{written.count() - count} images have features, {count} have not")
    for row in failed.take(SHOWN):
        print(row["error"], file=sys.stderr)
    sys.exit(1 if count else 0)


if __name__ == "__main__":
    main()
