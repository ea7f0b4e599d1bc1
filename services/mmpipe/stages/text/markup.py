"""HTML to what a reader of the page would see, by a walk over the parsed tree.

Scripts, styles, comments and hidden elements go, entities are decoded (by the parser), blocks become lines. A fragment
is parsed as browsers do: there is no malformed HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

# Elements that show no text of their own (HTML Standard, 15.3.1), and fall-backs that a working page doesn't show.
_HIDDEN = (
    "head, script, style, template, noscript, iframe, object, svg, math, canvas, audio, video, select, textarea, "
    "datalist, [hidden], [aria-hidden=true], [style*='display:none'], [style*='display: none']"
)

# Elements that begin and end a line (HTML Standard, 15.3.3 to 15.3.10), and those with space around them.
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr"))
_SECTIONS = frozenset(("article", "aside", "body", "footer", "header", "hgroup", "main", "nav", "search", "section"))
_BOXES = frozenset(
    ("address", "details", "dialog", "div", "fieldset", "figcaption", "figure", "form", "legend", "summary")
)
_ITEMS = frozenset(("br", "caption", "dd", "dt", "li", "tr"))
_LINES = _SECTIONS | _BOXES | _ITEMS
_CELLS = frozenset(("td", "th"))
_BLANKS = re.compile(r"\s+")


def visible_text(html: str) -> str:
    """The visible text, one block to a line, blanks folded inside of lines; '' where nothing is visible."""
    tree = LexborHTMLParser(html)
    hidden = frozenset(node.mem_id for node in tree.css(_HIDDEN))
    return "".join(_pieces(tree.body, hidden)).strip() if tree.body else ""


def _pieces(root: LexborNode, hidden: frozenset[int]) -> Iterator[str]:
    """Texts and breaks in document order: a loop, because hostile pages nest deeper than Python recurses."""
    node: LexborNode | None = root
    while node is not None:
        shown = node.mem_id not in hidden
        if shown:
            yield _text(node) if node.is_text_node else _break(node)
        if shown and node.first_child is not None:
            node = node.first_child
            continue
        while node is not None and node.next is None:
            node = _parent_within(node, root)
            yield _break(node) if node is not None else ""
        node = node.next if node is not None and node.mem_id != root.mem_id else None


def _parent_within(node: LexborNode, root: LexborNode) -> LexborNode | None:
    # By identity: nodes compare equal by their serialised markup, which takes time with the size of the page.
    return None if node.mem_id == root.mem_id else node.parent


def _text(node: LexborNode) -> str:
    text = node.text_content or ""
    in_pre = node.parent is not None and node.parent.tag == "pre"
    return text if in_pre else _BLANKS.sub(" ", text)


def _break(node: LexborNode) -> str:
    tag = node.tag
    if tag in _PARAGRAPHS:
        return "\n\n"
    if tag in _LINES:
        return "\n"
    return "\t" if tag in _CELLS else ""
