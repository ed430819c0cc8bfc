#!/usr/bin/env python3
"""Tests of tools/fuzz with programs that answer as libFuzzer does."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import tempfile
import unittest
import zipfile
from pathlib import Path

TOOL = Path(__file__).with_name("fuzz")
loader = importlib.machinery.SourceFileLoader("fuzz_tool", str(TOOL))
spec = importlib.util.spec_from_loader("fuzz_tool", loader)
fuzz = importlib.util.module_from_spec(spec)
loader.exec_module(fuzz)

QUIET = """
echo "#2 INITED cov: 5 ft: 6 corp: 1/10b exec/s: 0 rss: 30Mb" >&2
echo "#9 DONE cov: 40 ft: 70 corp: 3/20b lim: 4 exec/s: 9 rss: 30Mb" >&2
echo "stat::number_of_executed_units: 1000" >&2
"""
CRASH = "echo 'stat::number_of_executed_units: 7' >&2; exit 77"
COVERAGE = """
echo "COVERED_FUNC: hits: 3 edges: 2/3 sapiens::write(int) /src/a/writer.cpp:1" >&2
echo "COVERED_FUNC: hits: 3 edges: 4/10 sapiens::read(int) /src/a/reader.cpp:12" >&2
echo "UNCOVERED_FUNC: hits: 0 edges: 0/5 sapiens::other(int) /src/a/reader.cpp:40" >&2
echo "COVERED_FUNC: hits: 3 edges: 9/9 sapiens::elsewhere() /src/b/other.cpp:2" >&2
"""
MERGE = """
for last; do :; done
folder=$(echo "$@" | tr ' ' '\\n' | tail -2 | head -1)
cp "$last"/* "$folder"
"""


class FuzzTool(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.build = self.root / "build"
        (self.build / "bin").mkdir(parents=True)
        before = fuzz.FUZZ, fuzz.PACKED_BYTES
        self.addCleanup(
            lambda: (setattr(fuzz, "FUZZ", before[0]), setattr(fuzz, "PACKED_BYTES", before[1]))
        )
        fuzz.FUZZ = self.root / "fuzz"
        fuzz.FUZZ.mkdir()

    def add(self, name, script, **target):
        program = self.build / "bin" / f"fuzz_{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        (fuzz.FUZZ / f"{name}_fuzzer.cpp").touch()
        targets = fuzz.read_json(fuzz.FUZZ / "targets.json", {})
        targets[name] = target
        (fuzz.FUZZ / "targets.json").write_text(json.dumps(targets))

    def fuzzers(self):
        return fuzz.Fuzzers(self.build)

    def quietly(self, action):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            return action(), said.getvalue()

    def record(self):
        return json.loads((self.build / "record.json").read_text())

    def test_counts_what_every_fuzzer_executed(self):
        self.add("one", QUIET)
        self.add("two", QUIET)
        fuzzers = self.fuzzers()
        clean, said = self.quietly(lambda: fuzzers.run(fuzzers.names(), 0.1, 2))
        self.assertTrue(clean)
        self.assertEqual(
            {name: done["executions"] for name, done in self.record().items()},
            {"one": 1000, "two": 1000},
        )
        self.assertIn("40 edges", said)

    def test_never_runs_one_fuzzer_twice_at_once(self):
        busy, twice = self.root / "busy", self.root / "twice"
        self.add("one", f"mkdir {busy} || touch {twice}; sleep 0.05; rmdir {busy}; {QUIET}")
        fuzzers = self.fuzzers()
        self.quietly(lambda: fuzzers.run(["one"], 4 * fuzz.SLICE_SECONDS / 60 / 3, 3))
        self.assertEqual(self.record()["one"]["executions"], 4000)
        self.assertFalse(twice.exists())

    def test_runs_what_sources_name_and_is_built(self):
        self.add("built", QUIET)
        self.add("stale", QUIET)
        (fuzz.FUZZ / "stale_fuzzer.cpp").unlink()
        (fuzz.FUZZ / "absent_fuzzer.cpp").touch()
        self.assertEqual(self.fuzzers().sources(), ["absent", "built"])
        self.assertEqual(self.fuzzers().names(), ["built"])

    def test_goes_on_behind_a_crash_and_says_so(self):
        self.add("bad", CRASH)
        self.add("good", QUIET)
        fuzzers = self.fuzzers()
        clean, said = self.quietly(lambda: fuzzers.run(fuzzers.names(), 0.1, 1))
        self.assertFalse(clean)
        self.assertEqual(self.record()["bad"], {"executions": 7, "cpu_seconds": 0, "crashes": 1})
        self.assertEqual(self.record()["good"]["executions"], 1000)
        self.assertIn("bad: CRASH", said)
        self.assertEqual(len(list((self.build / "logs").glob("bad-*.crash.log"))), 1)

    def test_leaves_a_fuzzer_that_crashes_every_time(self):
        self.add("bad", CRASH)
        fuzzers = self.fuzzers()
        rounds = fuzz.MAX_CRASHES + 4
        self.quietly(lambda: fuzzers.run(["bad"], rounds * fuzz.SLICE_SECONDS / 60, 1))
        self.assertEqual(self.record()["bad"]["crashes"], fuzz.MAX_CRASHES)

    def test_adds_to_the_counter_once(self):
        self.add("one", QUIET + COVERAGE, files=["src/a/", "!src/a/writer"])
        (fuzz.FUZZ / "record.json").write_text('{"one": {"executions": 500, "cpu_seconds": 2}}')
        self.quietly(lambda: self.fuzzers().run(["one"], 0.1, 1))
        for _ in range(2):  # the second time there is nothing new
            self.quietly(lambda: self.fuzzers().add_to_counter(["one"]))
            counter = json.loads((fuzz.FUZZ / "record.json").read_text())["one"]
            self.assertEqual(counter["executions"], 1500)
            self.assertEqual((counter["edges"], counter["edges_total"]), (4, 15))

    def test_begins_with_the_inputs_of_the_repository(self):
        self.add("one", QUIET)
        (fuzz.FUZZ / "corpora").mkdir()
        with zipfile.ZipFile(fuzz.FUZZ / "corpora" / "one.zip", "w") as archive:
            archive.writestr("known", b"input")
        self.assertEqual((self.fuzzers().corpus("one") / "known").read_bytes(), b"input")

    def test_packs_small_inputs_first_and_the_same_bytes_each_time(self):
        fuzz.PACKED_BYTES = 700
        self.add("one", MERGE)
        corpus = self.fuzzers().corpus("one")
        for name, size in (("large", 900), ("a", 10), ("b", 20)):
            (corpus / name).write_bytes(b"x" * size)
        packed = fuzz.FUZZ / "corpora" / "one.zip"
        self.quietly(lambda: self.fuzzers().minimise("one"))
        first = packed.read_bytes()
        with zipfile.ZipFile(packed) as archive:
            self.assertEqual(archive.namelist(), ["a", "b"])
        self.quietly(lambda: self.fuzzers().minimise("one"))
        self.assertEqual(packed.read_bytes(), first)

    def test_prints_shares_and_the_sum(self):
        self.add("one", QUIET, reads="things", findings=["Zip.Refuses"])
        counter = {"executions": 5_000_000, "cpu_seconds": 7200, "edges": 1, "edges_total": 4}
        (fuzz.FUZZ / "record.json").write_text(json.dumps({"one": counter}))
        _, said = self.quietly(fuzz.table)
        self.assertIn(
            "| `one` | things | 5,000,000 | 2.000 | 1 of 4 (25 %) | `Zip.Refuses` |", said
        )
        self.assertIn("5,000,000 executions in 2.00 hours", said)
        self.assertIn("0.5 % of the goal", said)


if __name__ == "__main__":
    unittest.main()
