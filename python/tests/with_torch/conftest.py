"""Golden cases as modules. What is here needs PyTorch, which `./test --with-peers` installs."""

import json
from pathlib import Path

import numpy as np
import pytest

try:
    import torch

    import sapiens.torch
except ImportError:
    collect_ignore_glob = ["test_*.py"]

GOLDEN = Path(__file__).resolve().parents[3] / "tests" / "data" / "golden"


class Case:
    """A golden case: its arrays, and how its checkpoint is opened."""

    def __init__(self, name):
        self.name = name
        self.folder = GOLDEN / name
        self.facts = json.loads((self.folder / "case.json").read_text())

    def tensor(self, name):
        return torch.from_numpy(np.load(self.path_of(f"{name}.npy")))

    def path_of(self, file):
        """Cases that differ in options alone share their files."""
        path = self.folder / file
        return path if path.exists() else GOLDEN / self.name.removesuffix("_pad2") / file

    def names(self, pattern):
        """Arrays that match, without the suffix."""
        return sorted(path.stem for path in self.folder.glob(f"{pattern}.npy"))

    @property
    def options(self):
        """What the weights of this case do not tell."""
        facts = self.facts
        if facts.get("family") == "sapiens2":
            return {"size": tuple(facts["img_size"])} if "img_size" in facts else {}
        if facts["kind"] == "mae":
            return {
                "heads": facts["arch"]["num_heads"],
                "decoder_heads": facts["decoder"]["num_heads"],
            }
        encoder = facts.get("backbone", facts)
        options = {"heads": encoder["arch"]["num_heads"], "size": tuple(encoder["img_size"])}
        for name in ("checkpoint_grid", "grid_of_model", "grid"):
            if facts.get(name):
                options["grid"] = tuple(facts[name])
                break
        else:
            options["grid"] = tuple(side // 16 for side in options["size"])
        padding = facts.get("patch_padding") or (encoder.get("patch_cfg") or {}).get("padding")
        if facts["kind"] in ("encoder", "backbone"):
            options["patch_padding"] = padding or 0
        if facts["kind"] == "backbone":
            options["task"] = "backbone"
        return options

    @property
    def checkpoint(self):
        return self.path_of(self.facts["checkpoint"])

    def load(self, **options):
        options = {"dtype": torch.float32, **self.options, **options}
        return sapiens.torch.load(self.checkpoint, **options)


@pytest.fixture(scope="session")
def case():
    return Case


@pytest.fixture(scope="session")
def models(models):
    """Tiny checkpoints by their task, and by the name of a golden case."""

    class Models:
        def __getitem__(self, name):
            return Case(name).checkpoint if name.startswith("sapiens2") else models[name]

    return Models()


@pytest.fixture
def inputs():
    """Normalised images (2, 3, 64, 48)."""
    return torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(1))
