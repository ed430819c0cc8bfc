"""What a process does with the package: every task, models that come and go, files that are refused.

    python_work.py FILES SHARE SECONDS

FILES is a folder that soak.py has made. A line of JSON for every five seconds says how many calls
were made, and which gave another result than the first time.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import random
import sys
import threading
import time
import warnings

import numpy
import sapiens

from measure import Answers, Pace

FILES = pathlib.Path(sys.argv[1])


def digest(result: object) -> object:
    """Equal for equal results, of bounded size."""
    if isinstance(result, numpy.ndarray):
        data = numpy.ascontiguousarray(result).tobytes()
        return str(result.dtype), result.shape, hashlib.sha256(data).hexdigest()
    if isinstance(result, dict):
        return tuple((key, digest(result[key])) for key in result)
    if isinstance(result, (list, tuple)):
        return tuple(digest(each) for each in result)
    if isinstance(result, bytes):
        return hashlib.sha256(result).hexdigest()
    return hashlib.sha256(repr(result).encode()).hexdigest()


class Work:
    def __init__(self) -> None:
        self.answers, self._lock = Answers(), threading.Lock()
        models = {path.stem: path for path in (FILES / "models").iterdir()}
        self.models = models
        self.images = sorted((FILES / "images").iterdir())
        self.bad_images = sorted((FILES / "bad_images").iterdir())
        self.damaged = sorted((FILES / "checkpoints").iterdir())
        self.encoder = sapiens.Encoder(models["encoder"], threads=2)
        self.pose = sapiens.Pose(models["pose"], threads=2)
        self.segmenter = sapiens.Segmenter(models["seg"], threads=2)
        self.depth = sapiens.Depth(models["depth"], threads=2)
        self.normals = sapiens.Normals(models["normal"], threads=2)
        self.photo = sapiens.read_image(FILES / "images" / "person.jpg")

    def check(self, name: str, call) -> None:
        """The result of a call, or what it raises, is what it was the first time."""
        try:
            result = digest(call())
        except (sapiens.Error, ValueError, TypeError, OSError) as error:
            result = type(error).__name__, str(error)
            if name.startswith("valid"):
                self.answers.faults.append(f"{name}: {result}")
        with self._lock:
            self.answers.check(name, result)

    def calls(self) -> list:
        made = [
            *self._of_images(),
            *self._of_features(),
            *self._of_models(),
            *self._refused(),
            ("threads", self._threads),
        ]
        return [(name, call) for name, call in made]

    def _of_images(self):
        for path in self.images:
            name = path.name
            yield f"valid read {name}", lambda path=path: sapiens.read_image(path)
            yield f"valid features {name}", lambda path=path: self.encoder.features(path)
            yield f"valid pose {name}", lambda path=path: self.pose.keypoints(path)
            yield f"valid seg {name}", lambda path=path: self.segmenter.segment(path)
            yield f"valid depth {name}", lambda path=path: self.depth.depth(path)
            yield f"valid normals {name}", lambda path=path: self.normals.normals(path)
        photo = self.photo
        yield "valid drawn pose", lambda: self.pose.draw(photo, self.pose.keypoints(photo))
        yield "valid drawn classes", lambda: self.segmenter.draw(
            photo, self.segmenter.segment(photo)
        )
        yield "valid drawn depth", lambda: self.depth.draw(photo, self.depth.depth(photo))
        yield "valid drawn normals", lambda: self.normals.draw(photo, self.normals.normals(photo))
        yield "valid drawn features", lambda: self.encoder.draw(photo, self.encoder.features(photo))
        yield "valid crop", lambda: sapiens.crop_person(photo, (3, 4, 50, 60), (64, 48))

    def _of_features(self):
        photo, features = self.photo, self.encoder.features
        several = self.images[:7]
        mask = numpy.zeros(photo.shape[:2], bool)
        mask[40:200, 30:120] = True
        boxes = [(0, 0, 50, 80), (10, 20, 100, 100)]
        for how, pool in {
            "mean": "mean",
            "grid": ("grid", 2, 2),
            "mask": mask,
            "boxes": boxes,
        }.items():
            yield f"valid pooled by {how}", lambda pool=pool: features(photo, pool=pool)
        forms = ["featmap", "raw", "cls_token", "avg_featmap"]
        yield "valid forms", lambda: features(photo, forms, [0, -1], norm=True)
        for batch in (1, 2, 3, 7):
            yield f"valid batch {batch}", lambda batch=batch: features(several, batch=batch)
        inputs = numpy.stack([self.encoder.preprocess(path) for path in several[:2]])
        yield "valid forward", lambda: self.encoder.forward(inputs)
        yield "valid stored run", self._stored_run

    def _stored_run(self):
        stored = sapiens.open_features(FILES / "run")
        return {key: value for key, value in stored.items()}

    def _of_models(self):
        models, photo, scratch = self.models, self.photo, FILES / "scratch"
        scratch.mkdir(exist_ok=True)
        for precision in ("fp32", "bf16", "int8"):
            for name in ("encoder", "sapiens2"):
                yield f"valid new {name} {precision}", lambda precision=precision, name=name: (
                    sapiens.Encoder(models[name], precision=precision, threads=3).features(photo)
                )
            yield f"valid new pose {precision}", lambda precision=precision: (
                sapiens.Pose(models["pose"], precision=precision, threads=1).keypoints(photo)
            )
        for kind, task in ((sapiens.Depth, "depth"), (sapiens.Normals, "normal")):
            yield f"valid new {task}", lambda kind=kind, task=task: kind(models[task]).size
        yield "valid new detector", lambda: sapiens.Detector(models["detector"]).persons(photo)
        yield "valid new autoencoder", lambda: sapiens.Reconstructor(
            models["autoencoder"]
        ).reconstruct(photo, seed=4)
        for name, path in sorted(models.items()):
            yield f"valid inspect {name}", lambda path=path: str(sapiens.inspect(path))
            yield f"valid verify {name}", lambda path=path: dataclasses.astuple(
                sapiens.verify_checkpoint(path)
            )
        yield "valid state", lambda: sapiens.load_state_dict(models["encoder"], "clean")

        def written(name, write):
            write(scratch / name)
            return (scratch / name).read_bytes()

        yield "valid convert", lambda: written(
            "a.pth", lambda path: sapiens.convert(models["seg"], path, dtype="float16")
        )
        yield "valid synthesize", lambda: written("b.safetensors", sapiens.synthesize)
        yield "valid onnx", lambda: written(
            "c.onnx", lambda path: sapiens.convert_to_onnx(models["pose"], path)
        )

    def _refused(self):
        for path in self.damaged:
            name = path.name
            yield f"refused inspect {name}", lambda path=path: str(sapiens.inspect(path))
            yield f"refused verify {name}", lambda path=path: str(sapiens.verify_checkpoint(path))
            yield f"refused open {name}", lambda path=path: sapiens.Encoder(path).size
        for path in self.bad_images:
            yield f"refused image {path.name}", lambda path=path: self.encoder.features(path)
        photo, models = self.photo, self.models
        wrong = {
            "missing": lambda: sapiens.Encoder(FILES / "none.pth"),
            "task": lambda: sapiens.Depth(models["pose"]),
            "head": lambda: sapiens.Pose(models["encoder"]),
            "precision": lambda: sapiens.Encoder(models["encoder"], precision="fp8"),
            "form": lambda: self.encoder.features(photo, "all"),
            "layer": lambda: self.encoder.features(photo, layers=99),
            "type": lambda: self.encoder.features(photo.astype(numpy.float32)),
            "axes": lambda: self.encoder.features(photo[0]),
            "boxes": lambda: self.pose.keypoints(photo, [(1, 2)]),
            "grid": lambda: self.encoder.features(photo, pool=("grid", 900, 900)),
            "shape": lambda: self.encoder.forward(numpy.zeros((1, 2, 32, 32), numpy.float32)),
            "folder": lambda: sapiens.open_features(FILES / "images"),
            "decoder": lambda: sapiens.Reconstructor(models["pose"]),
            "place": lambda: sapiens.convert(models["pose"], FILES / "none" / "a.pth"),
        }
        for name, call in wrong.items():
            yield f"refused {name}", call

    def _threads(self) -> None:
        """Threads that share models, open their own, and end."""

        def work(number: int) -> None:
            path = self.images[number]
            self.check(f"valid features {path.name}", lambda: self.encoder.features(path))
            self.check(f"valid depth {path.name}", lambda: self.depth.depth(path))
            own = lambda: sapiens.Segmenter(self.models["seg"], threads=1).segment(path)
            self.check(f"valid seg {path.name}", own)
            self.check("refused missing", lambda: sapiens.Encoder(FILES / "none.pth"))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main() -> None:
    warnings.simplefilter("ignore")
    share, end = float(sys.argv[2]), time.monotonic() + float(sys.argv[3])
    work, order, told = Work(), random.Random(2), 0.0
    pace = Pace(os.getpid(), share)
    while time.monotonic() < end:
        calls = work.calls()
        order.shuffle(calls)
        for name, call in calls:
            if name == "threads":
                call()
            else:
                work.check(name, call)
            pace.rest()
            if time.monotonic() > min(end, told + 5):
                told = time.monotonic()
                answers = work.answers
                line = {"calls": answers.calls, "faults": answers.faults}
                print(json.dumps({**line, "kinds": len(answers.first)}), flush=True)
            if time.monotonic() > end:
                break


if __name__ == "__main__":
    main()
