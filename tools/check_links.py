"""Every link between the project's own pages leads somewhere: the file is there, and so is the heading.

Pages are the Markdown files that git knows or would add. Addresses of other sites are left alone, since a check must
not need a network. Headings become anchors as GitHub makes them (github-slugger): lower case, without punctuation,
dashes for blanks, a number behind a repeated one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_NO_ANCHOR = re.compile(r"[^\w\- ]")


def main() -> int:
    """Print every broken link; 1 where there is one."""
    found = pages(Path())
    broken = [sentence for page in found for sentence in broken_links(page)]
    print("\n".join([*broken, f"{len(found)} pages, {len(broken)} broken links"]))
    return 1 if broken else 0


def pages(root: Path) -> list[Path]:
    """The Markdown files of a repository, sorted; what git ignores is none of them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout  # noqa: S603  # a fixed command
    return sorted({root / name for name in names.split("\0") if name and (root / name).exists()})


def broken_links(page: Path) -> Iterator[str]:
    """A sentence for each link of a page that leads nowhere."""
    for line, target in links(page.read_text(encoding="utf-8")):
        if fault := _fault(page, target):
            yield f"{page}:{line}: found a link to {target}, expected {fault}; mend the link or what it names"


def links(text: str) -> Iterator[tuple[int, str]]:
    """The links and pictures of a page with the line of the paragraph they stand in; code blocks have none."""
    for token in _MARKDOWN.parse(text):
        for child in token.children or ():
            if target := child.attrs.get("href") or child.attrs.get("src"):
                yield (token.map or [0])[0] + 1, str(target)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that a page's headings give."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _headings(_MARKDOWN.parse(page.read_text(encoding="utf-8"))):
        slug = _NO_ANCHOR.sub("", heading.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(found)


def _headings(tokens: list[Token]) -> Iterator[str]:
    """The words of each heading, without its marks."""
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            yield "".join(child.content for child in token.children or ())


def _fault(page: Path, target: str) -> str:
    """What a link should have led to, or nothing where it does."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return ""
    file = (page.parent / unquote(parts.path)) if parts.path else page
    if not file.exists():
        return "a file of that name"
    if parts.fragment and file.suffix == ".md" and unquote(parts.fragment) not in anchors(file):
        return f"a heading of that name in {file.name}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
