#!/usr/bin/env python3
"""Collects the pages of the documentation site and writes the configuration that MkDocs builds it from.

    pages.py OUTPUT

OUTPUT/pages holds every page that check_links.py knows and every file that a page links to, at their places in the
repository, so that relative links hold in the site as they do there. OUTPUT/mkdocs.yml is mkdocs.yml beside this program
with the navigation that docs/README.md lays out: a section for each heading, an entry for each page linked in it.
"""

import json
import pathlib
import re
import shutil
import sys
import urllib.parse

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
sys.path.insert(0, str(root / "tools"))
import check_links  # noqa: E402


def linked_files(page):
    """What a page of the repository links to, as paths below the root."""
    for link in check_links.links(page.read_text(encoding="utf-8")):
        path = urllib.parse.unquote(link).partition("#")[0]
        if path and not re.match(r"[a-z][a-z0-9+.-]*:", link):
            yield (page.parent / path).resolve().relative_to(root)


def title(path):
    return check_links.HEADING.search((root / path).read_text(encoding="utf-8")).group(1).replace("`", "")


def navigation():
    nav = [{"Overview": "README.md"}, {"All pages": "docs/README.md"}]
    listed = {"README.md", "docs/README.md"}
    for line in (root / "docs/README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = []
            nav.append({line[3:]: section})
        elif line.startswith("- "):
            for path in check_links.LINK.findall(line):
                target = (root / "docs" / path.partition("#")[0]).resolve().relative_to(root).as_posix()
                if target.endswith(".md") and target not in listed:
                    listed.add(target)
                    section.append({title(target): target})
    nav.append({"API reference": "api.md"})
    return nav


def main(output):
    pages = output / "pages"
    wanted = {page.relative_to(root) for page in check_links.pages(root)}
    wanted |= {target for page in wanted for target in linked_files(root / page)}
    for path in sorted(wanted):
        if (root / path).is_file():
            (pages / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, pages / path)
    (pages / "api.md").write_text(
        "# API reference\n\n"
        "Made by Doxygen from the public headers.\n\n"
        "- [C++](api/cpp/index.html): `#include <sapiens/sapiens.hpp>`\n"
        "- [C](api/c/index.html): `#include <sapiens/sapiens.h>`; what holds for all of it: [the C API](docs/c-api.md)\n"
        "- Python: [the package](docs/python.md); `help(sapiens.Encoder)` and so on describe each class\n",
        encoding="utf-8")
    config = {"INHERIT": str(here / "mkdocs.yml"), "docs_dir": str(pages), "site_dir": str(output / "site"),
              "nav": navigation()}
    (output / "mkdocs.yml").write_text(json.dumps(config, indent=2), encoding="utf-8")


main(pathlib.Path(sys.argv[1]).resolve())
