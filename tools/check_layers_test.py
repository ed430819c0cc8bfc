#!/usr/bin/env python3
"""Tests of check_layers.py on small trees."""

import tempfile
import unittest
from pathlib import Path

import check_layers

TABLE = """# Architecture
## Who may include whom
| folder | layer | may include | why not more |
|--------|-------|-------------|--------------|
| core   | 0     | –           | |
| kernels | 1    | core (from `select`) | |
| checkpoint | 1 | core        | |
| model  | 3     | core, checkpoint (`state_dict.hpp`) | |
| engine | 6     | everything  | |
| apps, examples | 7 | –       | |
"""


class CheckLayers(unittest.TestCase):
    def problems(self, path, include):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "src").mkdir()
            (root / "ARCHITECTURE.md").write_text(TABLE, encoding="utf-8")
            file = root / path
            file.parent.mkdir(parents=True)
            file.write_text(f"#include {include}\n", encoding="utf-8")
            return check_layers.check_tree(root)[0]

    def accepts(self, path, include):
        self.assertEqual(self.problems(path, include), [])

    def refuses(self, path, include):
        self.assertEqual(len(self.problems(path, include)), 1)

    def test_follows_the_rows(self):
        self.accepts("src/checkpoint/zip.cpp", '"core/shape.hpp"')
        self.refuses("src/core/shape.cpp", '"checkpoint/zip.hpp"')

    def test_anyone_may_include_public_headers_and_its_own_folder(self):
        self.accepts("src/core/shape.cpp", '"sapiens/error.hpp"')
        self.accepts("src/core/shape.cpp", '"core/shape.hpp"')

    def test_parentheses_limit_headers_or_including_files(self):
        self.accepts("src/model/encoder.cpp", '"checkpoint/state_dict.hpp"')
        self.refuses("src/model/encoder.cpp", '"checkpoint/zip.hpp"')
        self.accepts("src/kernels/select.cpp", '"core/shape.hpp"')
        self.refuses("src/kernels/avx2/gemm.cpp", '"core/shape.hpp"')

    def test_programs_see_the_public_headers_only(self):
        self.accepts("apps/cli/main.cpp", "<sapiens/sapiens.hpp>")
        self.refuses("apps/cli/main.cpp", '"core/shape.hpp"')

    def test_everything_means_everything_below(self):
        self.accepts("src/engine/open.cpp", '"model/encoder.hpp"')
        self.refuses("src/engine/open.cpp", '"apps/cli.hpp"')

    def test_refuses_parent_paths_unknown_folders_and_stray_intrinsics(self):
        self.refuses("src/core/shape.cpp", '"../checkpoint/zip.hpp"')
        self.refuses("src/novel/x.cpp", "<vector>")
        self.refuses("src/model/encoder.cpp", "<immintrin.h>")
        self.refuses("src/core/shape.cpp", "<immintrin.h>")
        self.accepts("src/kernels/avx2/gemm.cpp", "<immintrin.h>")
        self.accepts("src/core/crc32.cpp", "<immintrin.h>")


if __name__ == "__main__":
    unittest.main()
