#!/usr/bin/env python3
"""Writes small first inputs of the fuzzers to build/fuzz/corpora/NAME, from which tools/fuzz goes on.

    tests/fuzz/make_seeds.py [BUILD]

They are what corpora/ was grown from, and are needed again only where a format is added. Needs NumPy, Pillow and
PyTorch.
"""

import base64
import io
import itertools
import json
import pickle
import random
import struct
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "tests" / "data"
BUILD = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "fuzz"
MAX_BYTES = 40_000


def keep(target, name, data):
    folder = BUILD / "corpora" / target
    folder.mkdir(parents=True, exist_ok=True)
    if len(data) <= MAX_BYTES:
        (folder / f"seed-{name}").write_bytes(data)


def pickles():
    for path in sorted((DATA / "checkpoints").rglob("*.pt*")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(".pkl"):
                        keep("pickle", f"{path.stem}-{Path(name).name}", archive.read(name))
    value = {"a": [1, -1, 1 << 70, 2.5, True, None, "text", b"bytes", (1,), {2}, frozenset({3})]}
    value["itself"] = value["a"]
    for protocol in range(6):
        keep("pickle", f"protocol-{protocol}", pickle.dumps(value, protocol=protocol))
    for protocol in range(6):
        buffer = io.BytesIO()
        state = {"w": torch.zeros(2, 2), "n": torch.ones(3, dtype=torch.int64), "e": 3}
        torch.save(state, buffer, pickle_protocol=max(protocol, 2))
        keep("torch_zip", f"protocol-{protocol}", buffer.getvalue())
        buffer = io.BytesIO()
        torch.save(state, buffer, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
        keep("torch_legacy", f"protocol-{protocol}", buffer.getvalue())


def flat(value, path=""):
    """Tensors and other leaves of nested dictionaries, by their dotted path."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)) and len(value) < 400:
        items = enumerate(value)
    else:
        yield path, value
        return
    for key, child in items:
        yield from flat(child, f"{path}.{key}" if path else str(key))


def names_and_shapes():
    files = itertools.chain(DATA.glob("golden/*/*.pth"), (ROOT / "models" / "tiny").glob("*.pth"))
    for path in sorted(files):
        try:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
        except Exception:
            continue
        tensors, notes = [], []
        for name, leaf in flat(loaded):
            if isinstance(leaf, torch.Tensor):
                for wrapper in ("state_dict.", "model.", "optimizer."):
                    if name.startswith(wrapper):
                        name = wrapper[:-1] + "|" + name[len(wrapper) :]
                tensors.append(" ".join([name, *map(str, leaf.shape)]))
            elif "\n" not in str(leaf):
                notes.append((name, str(leaf)))
        text = "\n".join(tensors + [f"={name} {value}" for name, value in notes])
        keep("reconcile", f"{path.parent.name}-{path.stem}", text.encode())
        prefix = "meta.dataset_meta."
        meta = [f"{n[len(prefix):]} {v}" for n, v in notes if n.startswith(prefix)]
        if meta:
            count = sum(line.startswith("keypoint_id2name") for line in meta) % 256
            keep("dataset_meta", path.stem, bytes([count]) + "\n".join(meta).encode())


def dataset_meta():
    points = ["left_a", "right_a", "nose"]
    lines = ["dataset_name own", "num_keypoints 3"]
    for i, name in enumerate(points):
        lines += [f"keypoint_id2name.{i} {name}", f"keypoint_name2id.{name} {i}", f"sigmas.{i} 0.1"]
        lines += [f"keypoint_colors.{i}.{c} {40 * i + c}" for c in range(3)]
        lines += [f"dataset_keypoint_weights.{i} 1.5", f"flip_indices.{i} {(1, 0, 2)[i]}"]
    lines += ["flip_pairs.0.0 0", "flip_pairs.0.1 1", "upper_body_ids.0 1", "lower_body_ids.0 2"]
    lines += ["skeleton_links.0.0 0", "skeleton_links.0.1 2", "skeleton_link_colors.0.0 9"]
    lines += ["skeleton_link_colors.0.1 8", "skeleton_link_colors.0.2 7", "num_skeleton_links 1"]
    keep("dataset_meta", "points", b"\x03" + "\n".join(lines).encode())
    classes = [f"{key}.{i} class{i}" for key in ("classes", "CLASSES") for i in range(4)]
    classes += [f"palette.{i}.{c} {i * c}" for i in range(4) for c in range(3)]
    keep("dataset_meta", "classes", b"\x04" + "\n".join(classes).encode())


def images():
    pixels = np.random.default_rng(1).integers(0, 256, (12, 20, 3), np.uint8)
    for mode in ("RGB", "L", "P", "RGBA", "CMYK", "1", "I;16", "LA"):
        image = Image.fromarray(pixels)
        image = (
            Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 256)
            if mode == "I;16"
            else image.convert(mode)
        )
        exif = Image.Exif()
        exif[0x0112] = 6
        for kind, options in [
            ("jpeg", {}),
            ("jpeg", {"progressive": True, "exif": exif}),
            ("jpeg", {"restart_marker_rows": 1, "subsampling": 0}),
            ("png", {}),
            ("png", {"exif": exif, "compress_level": 0}),
            ("webp", {}),
            ("webp", {"lossless": True, "exif": exif}),
        ]:
            buffer = io.BytesIO()
            try:
                image.save(buffer, kind, **options)
            except (OSError, KeyError, ValueError):
                continue
            name = f"{mode.replace(';', '')}-{'-'.join(options) or 'plain'}"
            keep(kind, name, buffer.getvalue())
            keep("exif", "6", exif.tobytes()[6:])
    frames = [Image.fromarray(pixels), Image.fromarray(255 - pixels)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "webp", save_all=True, append_images=frames[1:])
    keep("webp", "animation", buffer.getvalue())
    for order, mark in (("<", b"II"), (">", b"MM")):
        entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, 8, 0)
        keep("exif", mark.decode(), mark + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4))


def arrays():
    for i, array in enumerate(
        [
            np.zeros((2, 3), np.float32),
            np.asfortranarray(np.zeros((2, 3), np.float32)),
            np.array([True, False]),
            np.arange(5),
            np.float32(3),
            np.zeros((0, 4), ">f4"),
            np.zeros(2, [("a", "<f4")]),
            np.zeros((1,) * 9, np.int8),
        ]
    ):
        for version in ((1, 0), (2, 0), (3, 0)):
            buffer = io.BytesIO()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                np.lib.format.write_array(buffer, array, version)
            for target in ("npy", "npy_file"):
                keep(target, f"{i}-{version[0]}", buffer.getvalue())


def archives():
    for name, kind in (
        ("ustar", tarfile.USTAR_FORMAT),
        ("gnu", tarfile.GNU_FORMAT),
        ("pax", tarfile.PAX_FORMAT),
    ):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
            for member in ("a.jpg", "folder/" + "b" * 90 + ".png", "ü.json"):
                info = tarfile.TarInfo(member)
                info.size = 40
                archive.addfile(info, io.BytesIO(b"x" * 40))
            link = tarfile.TarInfo("link")
            link.type, link.linkname = tarfile.SYMTYPE, "a.jpg"
            archive.addfile(link)
        for target in ("archive", "archive_samples"):
            keep(target, name, buffer.getvalue())
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr("a.jpg", b"x" * 100)
            archive.writestr("b/c.png", b"y" * 10)
        for target in ("archive", "archive_samples"):
            keep(target, f"zip-{method}", buffer.getvalue())
        keep("zip", f"{method}", buffer.getvalue())


def kernels():
    numbers = random.Random(1)
    for operation, level in itertools.product(range(5), range(8)):
        for i in range(6):
            rest = bytes(numbers.randrange(256) for _ in range(60))
            keep("kernels", f"{operation}-{level}-{i}", bytes([operation, level]) + rest)


def coco():
    points = [1.5, 2, 2, 30, 40, 0]
    person = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40.5], "area": 900}
    person.update(keypoints=points, num_keypoints=1, iscrowd=0)
    document = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "photos/b/a.jpg"}],
        "annotations": [person, {**person, "image_id": 2, "category_id": 3}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["a", "b"]}],
    }
    one = {"image_id": 1, "keypoints": [1.5, 2, 0.7], "score": 0.5}
    boxes = [
        {"file_name": "a.jpg", "bbox": [1, 2, 3, 4]},
        {"image_id": "007", "bbox": [0, 0, 9, 9]},
    ]
    documents = (document, [one, {**one, "image_id": "2"}], boxes, [], {"annotations": [one]})
    for i, value in enumerate(documents):
        keep("coco", str(i), json.dumps(value).encode())


def requests():
    host, image = "Host: localhost\r\n", b"\x89PNG\r\n\x1a\nx"
    fields = {"boxes": "1,2,3,4;5,6,7,8", "out_type": "featmap,cls_token", "layer": "2"}
    form = b""
    for name, value in {**fields, "image": image}.items():
        value = value if isinstance(value, bytes) else value.encode()
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        form += head.encode() + value + b"\r\n"
    document = {
        "image": base64.b64encode(image).decode(),
        "boxes": [[1, 2, 3, 4]],
        "flip_test": True,
    }
    bodies = {
        "image/png": image,
        "multipart/form-data; boundary=b": form + b"--b--\r\n",
        "application/json": json.dumps(document).encode(),
    }
    for task, (kind, body) in itertools.product(("pose", "seg", "features"), bodies.items()):
        head = f"POST /v1/{task}?model=a HTTP/1.1\r\n{host}Content-Type: {kind}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        keep("request", f"{task}-{kind[:5]}", head.encode() + body)
    lines = [
        "Accept: image/*;q=0.5, */*;q=0.1\r\nAccept: application/json",
        "Authorization: Bearer a-token-of-the-server",
        "Origin: http://localhost:8080",
        "Sec-Fetch-Site: same-origin\r\nExpect: 100-continue",
        "Content-Length: 5\r\nContent-Length: 5\r\nContent-Type: Image/PNG; a=b",
    ]
    for i, line in enumerate(lines):
        head = f"POST /v1/pose?a=1&b=%20x+y HTTP/1.1\r\nHost: [::1]:8080\r\n{line}\r\n\r\n"
        keep("request_head", str(i), head.encode())


def hub():
    commit = "0123456789abcdef0123456789abcdef01234567"
    told = f'x-linked-size: @size\nx-linked-etag: "@digest"\nx-repo-commit: {commit}\n'
    to = "location: https://storage.test/x?signature\n"
    look_up = f"HTTP/1.1 302 Found\n{told}{to}.\n"
    hop = f"HTTP/2 302\n{to}.\n"
    whole = 'HTTP/2 200\ncontent-length: @size\netag: "a"\n<0 9999\n.\n'
    rest = "HTTP/2 206\ncontent-range: bytes 700-9/9\n<700 9999\n.\n"
    cut = 'HTTP/2 200\ncontent-length: @size\netag: "a"\n<0 700\ndrop\n'
    plain = 'HTTP/1.1 200 OK\ncontent-length: @size\netag: W/"a"\n.\n'
    page = "HTTP/1.1 200 OK\ncontent-type: text/html\n.\n"
    wrong = "HTTP/2 200\ncontent-length: 9\n>no check\n.\n"
    kept = "=partial 700\n=record @record\n"
    answers = {
        "whole": look_up + hop + whole,
        "cache": "=cache\n" + look_up + hop + whole,
        "cut": look_up + cut + look_up + hop + rest,
        "kept": kept + look_up + rest,
        "cache-cut": "=cache\n" + look_up + cut + look_up + rest + look_up,
        "not-told": plain + whole,
        "page": page + look_up + page,
        "other": look_up + wrong + look_up + "HTTP/1.1 416\n.\n" + look_up + whole,
        "none": "HTTP/1.1 401\nx-error-code: GatedRepo\n.\nHTTP/1.1 404\n.\nfail\n",
        "busy": "HTTP/1.1 429\nretry-after: 999\n.\nHTTP/1.1 503\n.\ndrop\n",
        "down": "HTTP/1.1 302\nlocation: http://hub.test/\n.\nHTTP/1.1 302\nlocation: /a\n.\n"
        + plain,
    }
    for name, text in answers.items():
        keep("hub", name, text.encode())


def records():
    entry = {"key": "a", "shard": "s", "input": "s.tar/a.jpg", "arrays": []}
    rows = {"rows": 3, "arrays": [{"name": "", "scale": False, "dtype": "f32", "shape": [4]}]}
    for name, position in {"npy": rows, "tar": {"part": 0, "bytes": 1024}}.items():
        lines = [
            {"source": {"name": "s.tar"}},
            entry,
            {**entry, "key": "b"},
            {"key": "c", "error": {}},
        ]
        lines += [{"position": position, "done": 2, "failed": 1}, entry]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        keep("records", f"journal-{name}", b"journal\n" + text.encode())
    claim = {"host": "node", "boot": "b", "pid_namespace": "pid:[1]", "pid": 4711, "started": 12}
    claim.update(token="0123456789abcdef" * 2, beats=7)
    keep("records", "claim", b"claim\n" + json.dumps(claim).encode())
    record = {
        "shard": "s",
        "number": 0,
        "source": "@source",
        "done": 2,
        "failed": 1,
        "left_out": [],
    }
    record["files"] = [{"file": name, "bytes": 10} for name in ("s.tar", "s-part0001.tar")]
    text = json.dumps(record).replace('"@source"', "@source")
    keep("records", "record", b"record\n" + text.encode())
    manifest = {"version": "0", "settings": {"precision": "bf16"}}
    manifest["inputs"] = {"a": {"input": "a.jpg", "files": ["a.npy"]}}
    keep("records", "manifest", b"manifest\n" + json.dumps(manifest).encode())


def arguments():
    words = (
        "s-{008..011}.tar {a,b{1..2},}.{x,y} camera:0 1/4 1,2,3.5,4 facebook/name a/b.pth a.tar.gz"
    )
    keep("arguments", "words", "\n".join(words.split()).encode())
    keep("arguments", "nul", b"a\nb\0c d\0\0")
    keep("arguments", "spaces", b"\xef\xbb\xbf a.jpg \r\n\n#b\r\n\t\n")


for make in (
    pickles,
    names_and_shapes,
    dataset_meta,
    images,
    arrays,
    archives,
    kernels,
    coco,
    requests,
    hub,
    records,
    arguments,
):
    make()
