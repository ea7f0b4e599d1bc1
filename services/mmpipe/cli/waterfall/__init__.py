"""The trace of one sample as a waterfall: one row for each span, in the order of their parents.

::

    recorded   span files (OTLP JSON lines) into spans, and which of them are one trace
    rows       what stands in which row, the time in the queue among them
    axis       time to place; long stretches in which nothing happened are shortened
    drawing    a self-contained SVG
    lines      the same for a terminal

Nothing here knows mmpipe's catalogue by heart: any OTLP file can be drawn.
"""

from mmpipe.cli.waterfall.drawing import drawing
from mmpipe.cli.waterfall.lines import lines
from mmpipe.cli.waterfall.recorded import NoTraceError, Recorded, chosen, read
from mmpipe.cli.waterfall.rows import rows

__all__ = ["NoTraceError", "Recorded", "chosen", "drawing", "lines", "read", "rows"]
