#!/usr/bin/env python3
"""Checks that the relative links of README.md, the other pages beside it and docs/*.md lead to files and headings, and
that docs/README.md, the index, has a link to every page of its folder.

    check_links.py [ROOT]

Anchors are GitHub's: the heading in lower case without punctuation, spaces as hyphens, a number behind repetitions.
Code, in fences or between backquotes, holds no links. Addresses with a scheme are not looked at.
"""

import pathlib
import re
import sys
import urllib.parse

FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)(`+)(?!`)(?:.|\n(?!\n))*?(?<!`)\1(?!`)")
HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)? *$", re.MULTILINE)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(<?([^)<>\s]+)>?(?: \"[^\"]*\")?\)")


def slug(heading):
    """What GitHub makes of a heading: its text without the marks of links, code and emphasis."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def anchors(text):
    found = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        anchor = name = slug(heading)
        count = 0
        while anchor in found:
            count += 1
            anchor = f"{name}-{count}"
        found.add(anchor)
    return found


def links(text):
    return LINK.findall(CODE.sub("", FENCE.sub("", text)))


def pages(root):
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("models/*/README.md"),
                   *root.glob("samples/README.md"), *root.glob("tools/*/README.md")])


def check_page(page, root):
    problems = []
    for link in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = urllib.parse.unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page.resolve()
        if not target.is_relative_to(root.resolve()):
            problems.append(f"{link}: outside of the repository")
        elif not target.exists():
            problems.append(f"{link}: no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            problems.append(f"{link}: no such heading")
    return [f"{page.relative_to(root)}: {problem}" for problem in problems]


def check_index(root):
    index = root / "docs/README.md"
    if not index.exists():
        return []
    listed = {link.partition("#")[0] for link in links(index.read_text(encoding="utf-8"))}
    return [f"docs/README.md: has no link to {page.name}"
            for page in sorted(root.glob("docs/*.md")) if page != index and page.name not in listed]


def check_tree(root):
    return [problem for page in pages(root) for problem in check_page(page, root)] + check_index(root)


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    problems = check_tree(root)
    print("\n".join(problems) or f"links: {len(pages(root))} pages lead where they say")
    sys.exit(1 if problems else 0)
