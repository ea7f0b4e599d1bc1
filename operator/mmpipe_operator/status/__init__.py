"""The status of a pipeline, in the terms of kstatus: pure, from what was observed to the document and its news.

``conditions`` is the catalogue, ``reports`` the records that go in, ``schema`` what may come out. Nothing here asks
anybody anything.
"""

from mmpipe_operator.status.conditions import CONDITIONS, REASONS
from mmpipe_operator.status.reports import Fault, Observed, Probe, Report, Transition
from mmpipe_operator.status.schema import STATUS_SCHEMA

__all__ = ["CONDITIONS", "REASONS", "STATUS_SCHEMA", "Fault", "Observed", "Probe", "Report", "Transition"]
