"""The golden cases of tests/data, and how their checkpoints are opened."""

import json
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "data" / "golden"


class GoldenCase:
    """A golden case: its arrays, and how its checkpoint is opened."""

    def __init__(self, name):
        self.name = name
        self.folder = GOLDEN / name
        self.facts = json.loads((self.folder / "case.json").read_text())

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
