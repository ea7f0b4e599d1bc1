"""What a pipeline's status says of its last close look: ``status.applied``, by which the next look can be a glance.

A close look plans, reads every child, and puts right what differs. When all is as planned, one digest of everything
that went into the plan and of the fingerprints of all children (``prints``) is written with the status. While that
digest stands, a plan would be the same and every child is as that look has left it, so there is nothing to plan, to
read or to write: also for an operator that has just started, since what happened while none ran is in the
fingerprints. It is no memory: without it, or with a wrong one, the look is a close one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mmpipe.records
import mmpipe.spec
import mmpipe_operator
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan import Context
from mmpipe_operator.status import Process

FIELD = "applied"
_PLANNERS = (mmpipe_operator, mmpipe.spec, mmpipe.records)
_WRITERS = ("pydantic", "PyYAML")
"""Libraries whose words stand in what is planned."""


def inputs(raw: Manifest, context: Context) -> str:
    """A digest of all that a plan for this pipeline is made from, this operator's own code included.

    And of the generation: a spec that has been another one meanwhile is looked at closely. What was applied of that
    within the second in which all was applied before has the same fingerprint.
    """
    metadata = raw["metadata"]
    who = [metadata["namespace"], metadata["name"], metadata.get("generation"), metadata.get("finalizers")]
    return _digest(_text([planner(), who, raw.get("spec"), asdict(context)]))


@cache
def planner() -> str:
    """A digest of the code that plans: another version of the operator looks closely at every pipeline once."""
    sources = (path for package in _PLANNERS for path in sorted(_folder(package).rglob("*.py")))
    versions = " ".join(version(name) for name in _WRITERS).encode()
    return _digest(versions, *(path.read_bytes() for path in sources))


def reads(status: Manifest) -> tuple[str, ...]:
    """Secrets and ConfigMaps whose content went into the record."""
    return tuple(status.get(FIELD, {}).get("reads", ()))


def holds(status: Manifest, given: str, children: str) -> bool:
    """Whether the record is of these inputs, these fingerprints, and the processes that the status has."""
    found = status.get(FIELD, {}).get("digest", "")
    return bool(children and found == _joined(given, children, status.get("processes", ())))


def record(given: str, children: str, processes: Iterable[Process], named: Iterable[str]) -> Mapping[str, Any]:
    """The record of a close look that found all as planned."""
    shown = [{"name": process.name, "endpoint": process.endpoint} for process in processes]
    said = list(named)
    return {"digest": _joined(given, children, shown)} | ({"reads": said} if said else {})


def _text(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=sorted).encode()


def _joined(given: str, children: str, processes: Iterable[Manifest]) -> str:
    """A glance takes the processes from the status, so it must have those of the plan."""
    shown = [[process["name"], process.get("endpoint", "")] for process in processes]
    return _digest(_text([given, children, shown]))


def _digest(*contents: bytes) -> str:
    whole = blake2b(digest_size=16)
    for content in contents:
        whole.update(content)
    return whole.hexdigest()


def _folder(package: object) -> Path:
    return Path(str(vars(package)["__file__"])).parent
