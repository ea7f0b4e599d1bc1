"""A gateway in memory, for tests of programs that use the client: a real gRPC server on loopback, without the pipeline.

It keeps the contract of ``GatewayService`` (``tests/contract/test_gateway_client.py`` asks both the same questions).
What workers would do to a sample, a test does: :meth:`FakeGateway.settle`, :meth:`~FakeGateway.give_up` and
:meth:`~FakeGateway.reject`. ``_servicer`` answers the calls; the state outlives :meth:`~FakeGateway.restart`, as a
durable queue would.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition
from typing import Self

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from mmpipe.adapters.rpc_faults import CallFault
from mmpipe.v1 import gateway_pb2, item_pb2, media_pb2, sample_pb2

_THREADS = 16


@dataclass(slots=True)
class Shelf:
    """What the gateway knows. ``changed`` guards all of it and tells whoever watches."""

    token: str
    max_upload_bytes: int
    samples: dict[str, sample_pb2.Sample] = field(default_factory=dict)
    statuses: dict[str, sample_pb2.SampleStatus] = field(default_factory=dict)
    dead_letters: list[gateway_pb2.DeadLetter] = field(default_factory=list)
    redrives: dict[str, int] = field(default_factory=dict)
    quarantine: list[gateway_pb2.QuarantinedItem] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    queued: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    packs: list[int] = field(default_factory=list)
    pack_bytes: list[int] = field(default_factory=list)
    received_bytes: int = 0
    faults: defaultdict[str, deque[CallFault]] = field(default_factory=lambda: defaultdict(deque))
    changed: Condition = field(default_factory=Condition)
    stopping: bool = False
    on_pack: Callable[[int], None] = lambda _: None


class FakeGateway:
    """``with FakeGateway() as gateway: Client(gateway.address)``.

    With a ``token``, every call must bring it. ``queued`` has an id for each time a sample went into the queue,
    ``calls`` the method of each call, ``packs`` the size of each pack that came in.
    """

    def __init__(self, token: str = "", *, max_upload_bytes: int = 64 * 1024 * 1024) -> None:
        self.shelf = Shelf(token, max_upload_bytes)
        self._port = 0
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where it listens; the same after a restart."""
        return f"127.0.0.1:{self._port}"

    @property
    def queued(self) -> Sequence[str]:
        """An id for each time a sample went into the queue."""
        return self.shelf.queued

    @property
    def calls(self) -> Sequence[str]:
        """The method of each call, in order."""
        return self.shelf.calls

    def start(self) -> None:
        """Listen: on a free port at first, on the same one again later."""
        from mmpipe.client._servicer import add_to  # noqa: PLC0415  # it needs the Shelf of this module

        self.shelf.stopping = False
        self._server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.so_reuseport", 0)])
        add_to(self._server, self.shelf)
        self._port = self._server.add_insecure_port(self.address)
        self._server.start()

    def stop(self) -> None:
        """As a kill would: calls under way fail, what was accepted stays."""
        with self.shelf.changed:
            self.shelf.stopping = True
            self.shelf.changed.notify_all()
        if self._server is not None:
            self._server.stop(grace=None).wait()

    def restart(self) -> None:
        """Stop and start again, with everything that was accepted."""
        self.stop()
        self.start()

    def on_pack(self, act: Callable[[int], None]) -> None:
        """Let ``act`` happen whenever a pack has come in, before it is accepted; it is told how many there were."""
        self.shelf.on_pack = act

    def fault(self, method: str, *faults: CallFault) -> None:
        """Let the next calls of a method fail, once for each fault; for ``Ingest``, each pack counts as one."""
        self.shelf.faults[method].extend(faults)

    def settle(self, sample_id: str, state: sample_pb2.SampleState.ValueType = sample_pb2.SAMPLE_STATE_STORED) -> None:
        """Change a sample's state, as a worker would: to stored, if no other is given."""
        with self.shelf.changed:
            status = self.shelf.statuses[sample_id]
            status.state = state
            status.written_at.CopyFrom(_now())
            self.shelf.changed.notify_all()

    def give_up(self, sample_id: str, stage: str, reason: str, *, redrives: int | None = None) -> None:
        """Make a sample a dead letter, redriven as often as it was if ``redrives`` does not say otherwise."""
        now = _now()
        letter = gateway_pb2.DeadLetter(
            sample_id=sample_id,
            stage=stage,
            reason=reason,
            attempts=5,
            redrives=self.shelf.redrives.get(sample_id, 0) if redrives is None else redrives,
            trace_id="0af7651916cd43dd8448eb211c80319c",
            first_seen=now,
            last_seen=now,
            modalities=[part.modality for part in self.shelf.samples[sample_id].parts],
        )
        with self.shelf.changed:
            self.shelf.dead_letters.insert(0, letter)
            self.shelf.statuses[sample_id].reason = reason
        self.settle(sample_id, sample_pb2.SAMPLE_STATE_DEAD)

    def reject(self, sample_id: str, gate: str, reason: str) -> None:
        """Put the first part of a sample into quarantine."""
        part = self.shelf.samples[sample_id].parts[0]
        item = gateway_pb2.QuarantinedItem(
            sample_id=sample_id,
            modality=part.modality,
            uri=part.uri or "sample:0",
            segment=media_pb2.Segment(start_s=0.0, end_s=1.0),
            rejected=item_pb2.Rejected(gate=gate, reason=reason, score=0.5, threshold=1.5),
            rejected_at=_now(),
        )
        with self.shelf.changed:
            self.shelf.quarantine.insert(0, item)
        self.settle(sample_id, sample_pb2.SAMPLE_STATE_QUARANTINED)


def _now() -> Timestamp:
    stamp = Timestamp()
    stamp.GetCurrentTime()
    return stamp
