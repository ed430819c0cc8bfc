#!/usr/bin/env python3
"""Made-up persons, found persons, and what pycocotools says of them.

    pip install numpy pycocotools      # made with numpy 2.4 and pycocotools 2.0.11
    python3 tests/data/coco_eval/make_fixtures.py

Every case is a pair of files as COCO has them; expected.json holds pycocotools' ten numbers.
"""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = Path(__file__).resolve().parent
POINTS = 17
SIDES = {"small": (10, 28), "medium": (40, 90), "large": (110, 260)}


def person(rng, number, image, size):
    """A labelled person; some of its points are hidden or not labelled."""
    width, height = (float(side) for side in rng.integers(*SIDES[size], 2))
    x, y = (float(at) for at in rng.integers(0, 300, 2))
    visibility = rng.choice([0, 1, 2], POINTS, p=[0.3, 0.2, 0.5])
    points = []
    for v in visibility:
        at = [round(x + width * rng.random()), round(y + height * rng.random())]
        points += [*at, int(v)] if v else [0, 0, 0]
    return {
        "id": number, "image_id": image, "category_id": 1, "iscrowd": 0,
        "bbox": [x, y, width, height], "area": round(width * height * rng.uniform(0.4, 0.9), 2),
        "num_keypoints": int(np.count_nonzero(visibility)), "keypoints": points,
    }


def without_points(labelled):
    return labelled | {"num_keypoints": 0, "keypoints": [0] * (3 * POINTS)}


def found(rng, labelled, spread):
    """The same person as a model might see it. Scores have one digit, so that many are equal."""
    x, y, width, height = labelled["bbox"]
    points = []
    for k in range(POINTS):
        px, py, v = labelled["keypoints"][3 * k:3 * k + 3]
        if not v:
            px, py = x + width * rng.random(), y + height * rng.random()
        noise = rng.normal(0, spread * np.sqrt(labelled["area"]), 2)
        points += [round(px + noise[0], 2), round(py + noise[1], 2), 1]
    return {"image_id": labelled["image_id"], "category_id": 1, "keypoints": points,
            "score": round(float(rng.random()), 1)}


def dataset(images, persons):
    return {
        "images": [{"id": i, "file_name": f"{i:012}.jpg", "width": 640, "height": 480} for i in images],
        "annotations": persons,
        "categories": [{"id": 1, "name": "person"}],
    }


def mixed(seed):
    """Several persons of all sizes; crowds, persons without points, an image with nobody, one in
    which nothing is found, one with far more than 20 found, and found persons twice over."""
    rng = np.random.default_rng(seed)
    images = [int(i) for i in rng.permutation(np.arange(1, 11)) * 7]
    persons, results = [], []
    for image in images[:-1]:  # the last has nobody
        for size in rng.choice(list(SIDES), rng.integers(1, 4)):
            persons.append(person(rng, len(persons) + 1, image, size))
        if rng.random() < 0.4:
            crowd = without_points(person(rng, len(persons) + 1, image, "large"))
            persons.append(crowd | {"iscrowd": 1})
            results.append(found(rng, crowd, 0.3))
            results.append(found(rng, crowd, 0.3))
        if rng.random() < 0.4:
            persons.append(without_points(person(rng, len(persons) + 1, image, "medium")))
    rng.shuffle(persons)
    for labelled in persons:
        if labelled["image_id"] == images[0] or rng.random() < 0.1:
            continue  # nothing is found in the first
        copies = 24 if labelled["image_id"] == images[1] else rng.integers(1, 3)
        for _ in range(copies):
            results.append(found(rng, labelled, rng.choice([0.02, 0.08, 0.2])))
    stranger = person(rng, 0, images[-1], "large")
    results += [found(rng, stranger, 0.1), dict(results[0])]
    rng.shuffle(results)
    return dataset(images, persons), results


def one_size():
    """Only small persons: nothing is medium or large."""
    rng = np.random.default_rng(5)
    persons = [person(rng, i + 1, i + 1, "small") for i in range(4)]
    return dataset([1, 2, 3, 4], persons), [found(rng, p, 0.05) for p in persons[:3]]


def nothing_found():
    """pycocotools takes no empty list, so one person is found where the annotations have nobody."""
    rng = np.random.default_rng(6)
    persons = [person(rng, i + 1, 1, "medium") for i in range(3)]
    stranger = found(rng, person(rng, 0, 2, "medium"), 0.1)
    return dataset([1, 2], persons), [stranger]


def all_right():
    rng = np.random.default_rng(7)
    persons = [person(rng, i + 1, i // 2 + 1, size) for i, size in enumerate([*SIDES] * 2)]
    return dataset([1, 2, 3], persons), [found(rng, p, 0) for p in persons]


def ten_numbers(truth, results):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(truth))
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(json.loads(json.dumps(results))), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(number) for number in evaluation.stats]


def main():
    cases = {"mixed_1": mixed(1), "mixed_2": mixed(2), "mixed_3": mixed(3), "one_size": one_size(),
             "nothing_found": nothing_found(), "all_right": all_right()}
    expected = {}
    for name, (truth, results) in cases.items():
        (HERE / f"{name}.annotations.json").write_text(json.dumps(truth) + "\n")
        (HERE / f"{name}.results.json").write_text(json.dumps(results) + "\n")
        expected[name] = ten_numbers(truth, results)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
