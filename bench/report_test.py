#!/usr/bin/env python3
"""Tests of report.py on made-up documents."""

import copy
import json
import tempfile
import unittest
from pathlib import Path

import report


def timing(seconds, spread=0.1):
    return {"median": seconds, "min": seconds * (1 - spread), "max": seconds * (1 + spread)}


def operator(name, seconds, **work):
    rate = {key + suffix: value / seconds for key, value in work.items() if key in ("gflop", "gbytes")
            for suffix in ["s" if key == "gflop" else "_per_second"]}
    return {"name": name, "samples": 3, "seconds": timing(seconds), "share": seconds, **work, **rate}


RUN = {
    "model": {"arch": "tiny", "width": 32, "depth": 2}, "size": [128, 128], "batch": 1, "repeat": 3,
    "isa": "reference+avx2", "precision": "bf16", "threads": 2, "seconds": timing(1), "gflops": 100,
    "stages": [{"name": "open", "samples": 1, "seconds": timing(0.01)}],
    "operators": [operator("qkv", 0.5, arithmetic="bf16", gflop=50), operator("layer_norm", 0.1, gbytes=1)],
    "rest": {"samples": 3, "seconds": timing(0.02)},
}
CEILINGS = {"threads": 2, "levels": {"avx2": {"fp32": 200, "bf16": 0, "int8": 400, "memory": 20}}}


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def compare(self, before, after):
        return report.report([self.write("before.json", before), self.write("after.json", after)])

    def with_ceilings(self, run, ceilings=CEILINGS):
        return report.report([self.write("run.json", run)], self.write("ceilings.json", ceilings))

    def test_measures_operators_against_the_ceiling_of_their_arithmetic(self):
        text = self.with_ceilings(RUN)
        self.assertRegex(text, r"qkv +50 % +100 +50 % of fp32")  # bf16 operands, widened
        self.assertRegex(text, r"layer_norm +10 % +10 +50 % of memory")
        self.assertRegex(text, r"whole pass +100 +25 %")

    def test_tells_of_a_task_what_its_linears_reach(self):
        run = {**RUN, "task": "seg", "image": [40, 50]}
        run["operators"] = RUN["operators"] + [operator("deconv", 0.2, arithmetic="int8", gflop=20)]
        self.assertIn("encoder 50 % of the ceiling, head 25 %", self.with_ceilings(run))

    def test_refuses_ceilings_of_other_threads_or_levels(self):
        for ceilings in ({**CEILINGS, "threads": 1}, {**CEILINGS, "levels": {}}):
            with self.assertRaises(report.ReportError):
                self.with_ceilings(RUN, ceilings)

    def test_a_document_beside_itself_shows_no_change(self):
        self.assertIn("no change beyond the spread", self.compare(RUN, RUN))

    def test_marks_what_no_repeat_reached(self):
        slower = copy.deepcopy(RUN)
        slower["operators"][0]["seconds"] = timing(1.0)
        self.assertRegex(self.compare(RUN, slower), r"qkv +500 +1000 +2.000  slower")
        self.assertRegex(self.compare(slower, RUN), r"qkv +1000 +500 +0.500  faster")
        slower["operators"][0]["samples"] = 1
        self.assertIn("no change beyond the spread", self.compare(RUN, slower))

    def test_matches_several_runs_by_level_and_precision(self):
        fp32 = {**RUN, "precision": "fp32"}
        text = self.compare({"runs": [RUN, fp32]}, {"runs": [fp32]})
        self.assertIn("before  fp32", text)
        self.assertNotIn("bf16", text)
        with self.assertRaises(report.ReportError):
            self.compare({"runs": [RUN]}, {"runs": [fp32, fp32]})

    def test_refuses_other_sizes_and_tasks(self):
        for other in ({"size": [64, 64]}, {"batch": 2}, {"task": "seg", "image": [40, 50]}):
            with self.assertRaises(report.ReportError):
                self.compare(RUN, {**RUN, **other})

    def test_tells_families_apart(self):
        named = {**RUN, "model": {"family": "sapiens", **RUN["model"]}}
        self.assertIn("no change beyond the spread", self.compare(RUN, named))
        with self.assertRaises(report.ReportError):
            self.compare(RUN, {**RUN, "model": {"family": "sapiens2", **RUN["model"]}})

    def test_refuses_what_is_no_document(self):
        for content in ("", "not JSON", "[]", "3", "{}", '{"runs": []}', '{"runs": 3}', '{"runs": [{}]}',
                        '{"error": {}}'):
            with self.assertRaises(report.ReportError, msg=content):
                self.compare(content, RUN)
        with self.assertRaises(report.ReportError):
            report.read_runs(self.folder / "none.json")


if __name__ == "__main__":
    unittest.main()
