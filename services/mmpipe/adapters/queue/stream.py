"""The stream and the consumers of one pipeline, as data: how they are called, made, and what an old one must be like.

Neighbours: ``jetstream`` asks the server for them. Nothing here speaks to anyone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from mmpipe.adapters.errors import StoreMismatch
from mmpipe.adapters.queue.protocol import DUPLICATE_WINDOW_S, Lane
from mmpipe.adapters.queue.server import MAX_PAYLOAD_BYTES

HEADROOM_BYTES = 4096
"""Of the largest message: for headers, which count as well."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one may want to choose. A stream that is there already keeps what it was made with."""

    max_bytes: int = 1024**3
    """All that may wait. JetStream reserves it; when it is used up, publishing is refused."""
    replicas: int = 1
    """Servers of a cluster that hold each message; 3 survives the loss of one."""
    duplicate_window_s: float = DUPLICATE_WINDOW_S
    """How long an id is known."""
    max_in_flight: int = 10_000
    """Messages of one lane that may be leased or delayed at once, over all workers; more wait in the stream."""
    patience_s: float = 5.0
    """Longest wait for any answer of the server, a reconnection included."""


DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Names:
    """How everything of a pipeline is called."""

    namespace: str
    pipeline: str

    @property
    def stream(self) -> str:
        """Kubernetes names hold no `_`, so no two pipelines share one."""
        return f"MMPIPE_{self.namespace}_{self.pipeline}"

    @property
    def prefix(self) -> str:
        """What all subjects begin with."""
        return f"mmpipe.{self.namespace}.{self.pipeline}."

    @property
    def subjects(self) -> str:
        """All subjects, as a filter."""
        return f"{self.prefix}>"

    def subject(self, lane: Lane) -> str:
        """Of one lane."""
        return self.prefix + lane

    def lane(self, subject: str) -> Lane:
        """The other way."""
        return subject.removeprefix(self.prefix)


def stream(names: Names, settings: Settings) -> StreamConfig:
    """A work queue on disk: a message is there until it is acknowledged, and a full one refuses."""
    return StreamConfig(
        name=names.stream,
        description="Accepted samples of a mmpipe pipeline that are not yet stored",
        subjects=[names.subjects],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_bytes=settings.max_bytes,
        max_msg_size=MAX_PAYLOAD_BYTES,
        duplicate_window=settings.duplicate_window_s,
        num_replicas=settings.replicas,
        allow_direct=False,
    )


def consumer(names: Names, lane: Lane, settings: Settings, lease_s: float) -> ConsumerConfig:
    """One for each lane, with exactly its subject: those of a work queue must not overlap."""
    return ConsumerConfig(
        name=lane,
        durable_name=lane,
        filter_subject=names.subject(lane),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=lease_s,
        max_deliver=-1,  # the worker gives up, JetStream never does
        max_ack_pending=settings.max_in_flight,
    )


def verify(found: StreamConfig, expected: StreamConfig, server: str) -> None:
    """Raises StoreMismatch where the stream that is there would lose samples or take those of others."""
    remedy = f"let workers empty it, then remove it with `nats stream rm {expected.name}`; it is made anew"
    for what, is_so, should in _essentials(found, expected):
        if is_so != should:
            name = f"stream {expected.name} at {server}: {what}"
            raise StoreMismatch(name, repr(is_so), repr(should), remedy)


def _essentials(found: StreamConfig, expected: StreamConfig) -> Iterator[tuple[str, object, object]]:
    yield "subjects", found.subjects, expected.subjects
    for name in ("retention", "storage", "discard"):
        yield name, _plain(getattr(found, name)), _plain(getattr(expected, name))
    yield "no_ack", bool(found.no_ack), False
    yield "sealed", bool(found.sealed), False
    yield "persist_mode", _plain(found.persist_mode) or "default", "default"


def _plain(value: object) -> object:
    """nats-py answers with strings where it takes enumerations."""
    return getattr(value, "value", value)
