"""The status of a pipeline, in the terms of kstatus: pure, from what was observed to the document and its news.

::

    reports      the records that go in
    conditions   the catalogue of conditions and reasons          schema   what may come out
    failures     why pods do not run  ->  rollout   how far each Deployment is  ->  facts
    verdicts     conditions that look at one thing  ->  summary   those that are drawn from them
    document     the whole status                   ->  news      what has changed with it

Nothing here asks anybody anything.
"""

from mmpipe_operator.status.conditions import CONDITIONS, REASONS
from mmpipe_operator.status.document import status
from mmpipe_operator.status.news import STATES, state_of, transitions
from mmpipe_operator.status.reports import Fault, Observed, Probe, Process, Report, Transition, known_processes
from mmpipe_operator.status.rollout import settled
from mmpipe_operator.status.schema import STATUS_SCHEMA

__all__ = [
    "CONDITIONS",
    "REASONS",
    "STATES",
    "STATUS_SCHEMA",
    "Fault",
    "Observed",
    "Probe",
    "Process",
    "Report",
    "Transition",
    "known_processes",
    "settled",
    "state_of",
    "status",
    "transitions",
]
