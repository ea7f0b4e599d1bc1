"""A client of a pipeline, as a program: ``python -m e2e.control_plane.load ADDRESS KIND[,KIND...] [COUNT]``.

It hands in small samples one after another, of each kind in turn (`text`, `image+text`), and says of each what became
of it, a line of JSON each. Without a count it goes on until SIGTERM, which ends it after the sample that it is at: what
it has said is all there is.
Neighbours: ``served`` starts it where names of Services are known.
"""

from __future__ import annotations

import json
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from threading import Event

import numpy as np

from mmpipe.client import Client
from mmpipe.client.errors import GatewayError

_PAUSE_S = 0.1
_EDGE = 64
_PATIENCE_S = 60.0


def samples(kinds: list[str]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Ids with samples, for ever; no two have the same content."""
    random = np.random.default_rng()
    for kind in cycle(kinds):
        sample_id = f"{kind}-{uuid.uuid4().hex[:12]}"
        parts = {modality: _part(modality, sample_id, random) for modality in kind.split("+")}
        yield sample_id, {"id": sample_id, **parts}


def _part(modality: str, sample_id: str, random: np.random.Generator) -> object:
    match modality:
        case "text":
            return f"a red bell that rings at {sample_id}"
        case "image":
            return random.integers(0, 255, (_EDGE, _EDGE, 3), np.uint8)
        case "depth":
            return random.uniform(1, 5, (_EDGE, _EDGE)).astype(np.float32)
    raise ValueError(f"{modality}: found no way to make one, expected text, image or depth")


def main(address: str, kinds: str, count: str = "") -> None:
    over = Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with Client(address, timeout_s=_PATIENCE_S) as client:
        for sample_id, sample in islice(samples(kinds.split(",")), int(count) if count else None):
            if over.is_set():
                return
            _say(**_handed_in(client, sample_id, sample))
            over.wait(_PAUSE_S)


def _handed_in(client: Client, sample_id: str, sample: Mapping[str, object]) -> dict[str, str]:
    try:
        client.submit(sample)
    except GatewayError as error:
        return {"refused": sample_id, "error": str(error)}
    return {"accepted": sample_id}


def _say(**what: str) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
