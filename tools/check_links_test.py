#!/usr/bin/env python3
"""Tests of check_links.py on small trees."""

import tempfile
import unittest
from pathlib import Path

import check_links


class CheckLinks(unittest.TestCase):
    def problems(self, text, **others):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "docs").mkdir()
            for name, content in others.items():
                (root / "docs" / f"{name}.md").write_text(content, encoding="utf-8")
            (root / "docs/page.md").write_text(text, encoding="utf-8")
            return check_links.check_tree(root)

    def accepts(self, text, **others):
        self.assertEqual(self.problems(text, **others), [])

    def refuses(self, text, **others):
        self.assertEqual(len(self.problems(text, **others)), 1)

    def test_follows_files_and_headings(self):
        self.accepts("[a](other.md) [b](other.md#two-words) [c](#here)\n\n## Here\n", other="# Two words\n")
        self.refuses("[a](missing.md)")
        self.refuses("[a](other.md#three-words)", other="# Two words\n")
        self.refuses("[a](#nowhere)")

    def test_a_link_over_two_lines_counts(self):
        self.refuses("[two\nwords](missing.md)")

    def test_makes_anchors_as_github_does(self):
        self.accepts("[a](#sapiens-pull-what-is--it)\n\n## `sapiens pull`: what *is* – it?\n")
        self.accepts("[a](#again) [b](#again-1)\n\n# Again\n\n# Again\n")
        self.refuses("[a](#again-2)\n\n# Again\n\n# Again\n")

    def test_code_holds_neither_links_nor_headings(self):
        self.accepts("`[a](missing.md)`\n\n```\n[b](missing.md)\n```\n")
        self.refuses("[a](#comment)\n\n```sh\n# comment\n```\n")

    def test_leaves_addresses_alone(self):
        self.accepts("[a](https://example.org/missing.md#x) [b](mailto:a@example.org)")

    def test_the_index_has_every_page(self):
        self.accepts("# X\n", README="[a](page.md#x)\n")
        self.refuses("# X\n", README="[a](other.md)\n", other="text")

    def test_stays_inside_of_the_repository(self):
        self.refuses("[a](../../somewhere.md)")


if __name__ == "__main__":
    unittest.main()
