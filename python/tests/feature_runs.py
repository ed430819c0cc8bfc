"""Output folders of `sapiens features` in the format of docs/datasets.md, written with tarfile and NumPy."""

import io
import json
import tarfile

import numpy as np

NUMBERS = {"f32": "<f4", "f16": "<f2", "bf16": "<u2", "int8": "|i1"}
ERROR = {"code": "corrupt-file", "summary": "the image is damaged", "file": "bad.jpg"}


def quantized(values):
    """int8 numbers and the scales of rows."""
    scale = (np.abs(values).max(-1) / 127).astype("<f4")
    return np.rint(values / scale[..., None]).astype("|i1"), scale


def stored(values, dtype):
    """The numbers of each array that is written, its type, and whether it holds scales."""
    if dtype == "int8":
        numbers, scale = quantized(values)
        return [(numbers, "int8", False), (scale, "f32", True)]
    if dtype == "bf16":
        return [((values.astype("<f4").view("<u4") >> 16).astype("<u2"), "bf16", False)]
    return [(values.astype(NUMBERS[dtype]), dtype, False)]


def npy(numbers, dtype="f32"):
    """A .npy file."""
    file = io.BytesIO()
    np.save(file, numbers.view("V2") if dtype == "bf16" else numbers)
    return file.getvalue()


class Run:
    """Writes the shards of a run; `names` are those of the arrays of each image."""

    def __init__(self, folder, file_format="webdataset", dtype="f32", names=("",)):
        self.folder, self.format, self.dtype, self.names = folder, file_format, dtype, names
        self.settings = {
            "checkpoint": {"name": "tiny.pth", "bytes": 5, "digest": "sha256:00ff"},
            "verdict": "exact",
            "partial": False,
            "out_type": [name or "featmap" for name in names] if len(names) > 1 else "featmap",
            "layers": [2],
            "dtype": dtype,
            "format": file_format,
        }
        self.shards = []
        self.index = folder / "sapiens-index"
        self.index.mkdir(parents=True)
        self.write_json("sapiens-features.json", {"settings": self.settings, "inputs": {}})

    def write_json(self, name, document):
        (self.folder / name).write_text(json.dumps(document))

    def add(self, shard, samples, failed=(), finished=True, error=None):
        """Writes a shard of arrays by key, and afterwards failed keys."""
        lines = self._write(shard, samples)
        for key in failed:
            about = {"key": key, "shard": shard, "input": f"{shard}.tar/{key}.jpg"}
            lines.append({**about, "error": ERROR})
        path = self.index / f"{shard}.jsonl"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        if finished:
            record = {"shard": shard, "number": len(self.shards), "source": {}}
            record.update(done=len(samples), failed=len(failed), left_out=[])
            if error:
                record["error"] = error
            self.write_json(f"sapiens-index/{shard}.json", record)
        self.shards.append((shard, finished, len(samples), len(failed)))

    def merge(self):
        missing = [{"shard": shard} for shard, finished, *_ in self.shards if not finished]
        counts = [sum(shard[i] for shard in self.shards if shard[1]) for i in (2, 3)]
        merged = {"complete": not missing, "shards": len(self.shards), "missing": missing}
        merged.update(finished=len(self.shards) - len(missing), done=counts[0], failed=counts[1])
        self.write_json("sapiens-index.json", {**merged, "damaged": []})
        return self.folder

    def lines(self, shard):
        return [
            json.loads(line) for line in (self.index / f"{shard}.jsonl").read_text().splitlines()
        ]

    def rewrite(self, shard, lines):
        (self.index / f"{shard}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))

    def _write(self, shard, samples):
        arrays = []
        for key, values in samples.items():
            values = values if isinstance(values, dict) else {"": values}
            for name in self.names:
                for numbers, dtype, scale in stored(values[name], self.dtype):
                    arrays.append((key, name, numbers, dtype, scale))
        places = list(getattr(self, "_" + self.format.replace("-", "_"))(shard, arrays))
        lines = {}
        for (key, name, numbers, dtype, scale), (file, offset) in zip(arrays, places):
            about = {"key": key, "shard": shard, "input": f"{shard}.tar/{key}.jpg", "arrays": []}
            if self.format == "npy-shards":
                about["sidecars"] = {"txt": f"a caption of {key}", "cls": "3"}
            array = {"name": name, "layer": 2, "out_type": name or "featmap", "scale": scale}
            array.update(dtype=dtype, shape=list(numbers.shape), file=file, offset=offset)
            lines.setdefault(key, about)["arrays"].append(array)
        return list(lines.values())

    def _npy(self, shard, arrays):
        for key, name, numbers, dtype, scale in arrays:
            file = f"{shard}/{key}{'.' if name else ''}{name}{'.scale' if scale else ''}.npy"
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(npy(numbers, dtype))
            yield file, path.stat().st_size - numbers.nbytes

    def _webdataset(self, shard, arrays):
        path = self.folder / f"{shard}.tar"
        path.parent.mkdir(exist_ok=True)
        sizes = []
        with tarfile.open(path, "w") as tar:
            for key, name, numbers, dtype, scale in arrays:
                content = npy(numbers, dtype)
                ending = f"{'.' if name else ''}{name}{'.scale' if scale else ''}.npy"
                member = tarfile.TarInfo(key + ending)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
                sizes.append((len(content), numbers.nbytes))
        with tarfile.open(path) as tar:
            for member, (size, numbers) in zip(tar, sizes):
                yield f"{shard}.tar", member.offset_data + size - numbers

    def _npy_shards(self, shard, arrays):
        number = f"{len(self.shards):04}"
        columns = {}
        for _, name, numbers, dtype, scale in arrays:
            what = f"{name or 'img'}_emb{'_scale' if scale else ''}"
            file = f"{what}/{what}_{number}.npy"
            rows, _ = columns.setdefault(file, ([], dtype))
            yield file, 128 + len(rows) * numbers.nbytes
            rows.append(numbers)
        for file, (rows, dtype) in columns.items():
            path = self.folder / file
            path.parent.mkdir(exist_ok=True)
            content = npy(np.stack(rows), dtype)
            assert len(content) == 128 + len(rows) * rows[0].nbytes
            path.write_bytes(content)


def vectors(count, shape=(6,), seed=1):
    """Arrays by key."""
    values = np.random.default_rng(seed).normal(size=(count, *shape)).astype("f4")
    return {f"a/{i:06}": value for i, value in enumerate(values)}
