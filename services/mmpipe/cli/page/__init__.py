"""The search result as one self-contained HTML file: previews, players, scores, and nothing loaded from anywhere.

``shown`` is what comes in and ``document.render`` what goes out; ``decoding``, ``previews``, ``cards`` and the template
lie between, in this order. It neither searches nor fetches: ``cli.search`` hands it hits with their media.
"""

from mmpipe.cli.page.document import render
from mmpipe.cli.page.shown import Query, Shown, ShownPart

__all__ = ["Query", "Shown", "ShownPart", "render"]
