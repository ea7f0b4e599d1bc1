"""Every span, in the order in which a sample meets them; ``docs/reference/telemetry.md`` is generated from here.

One sample is one trace: its submission, the time in the queue, every delivery, the stages and the three stores. The
worker's span has the submission's as its parent (which keeps one trace id) and as a link (which is how the messaging
conventions tie a consumer to its producer, and what stays readable where a backend shows links only).

Work that is shared by several samples, a batch or a group commit, is recorded once in the trace of each.
"""

from __future__ import annotations

from dataclasses import replace

from mmpipe.telemetry.catalogue.attributes import (
    DB_COLLECTION,
    DB_OPERATION,
    DB_SYSTEM,
    ERROR_TYPE,
    RPC_METHOD,
    RPC_STATUS,
    RPC_SYSTEM,
    SAMPLE_ID,
    SERVER_ADDRESS,
    SERVER_PORT,
)
from mmpipe.telemetry.catalogue.model import Attribute, Span, SpanKind

LATE_STATUS = replace(RPC_STATUS, optional=True)
"""Known when the call ends."""
STAGE = Attribute("mmpipe.stage", "dotted stage, such as `image.decode`; `fuse`")
MODALITY = Attribute("mmpipe.modality", "of the part", ("text", "image", "audio", "video", "depth"))
BATCH_ITEMS = Attribute("mmpipe.batch_items", "items in the batch, those of other calls included")
GROUP_SAMPLES = Attribute("mmpipe.group_samples", "samples that shared the commit", optional=True)
ROWS = Attribute("mmpipe.rows", "rows written or found", optional=True)
MESSAGING = (
    Attribute("messaging.system", "`nats`, or `memory` in tests", ("nats", "memory")),
    Attribute("messaging.operation.type", "as the conventions name it", ("send", "process")),
)

ALL = (
    Span(
        "rpc.client",
        SpanKind.CLIENT,
        "One call made.",
        "the span around the call",
        (RPC_SYSTEM, RPC_METHOD, SERVER_ADDRESS, SERVER_PORT, LATE_STATUS, ERROR_TYPE),
        titled_by="rpc.method",
    ),
    Span(
        "rpc.server",
        SpanKind.SERVER,
        "One call answered; health checks and reflection have none.",
        "`traceparent` of the call's metadata",
        (RPC_SYSTEM, RPC_METHOD, LATE_STATUS, ERROR_TYPE),
        titled_by="rpc.method",
    ),
    Span(
        "mmpipe.gateway.accept",
        SpanKind.PRODUCER,
        "One sample made durable: claim check and queue. Its `traceparent` travels in the envelope.",
        "`rpc.server` of Submit; for Ingest a trace of its own, linked to the stream's span",
        (SAMPLE_ID, *MESSAGING),
    ),
    Span(
        "mmpipe.worker.sample",
        SpanKind.CONSUMER,
        "One delivery of a sample to a worker, until it is settled.",
        "`mmpipe.gateway.accept`, linked as well",
        (
            SAMPLE_ID,
            *MESSAGING,
            Attribute("mmpipe.modalities", "of the sample's parts, such as `text-image`"),
            Attribute("mmpipe.attempt", "1 for the first delivery"),
            Attribute("mmpipe.outcome", "as that of `mmpipe.samples`", optional=True),
        ),
    ),
    Span(
        "mmpipe.worker.part",
        SpanKind.INTERNAL,
        "One part of the sample through its stages, retries included.",
        "`mmpipe.worker.sample`",
        (MODALITY, Attribute("mmpipe.segments", "how many segments it has", optional=True)),
    ),
    Span(
        "mmpipe.fetch",
        SpanKind.CLIENT,
        "One medium fetched by reference.",
        "the call that needs it",
        (
            Attribute("mmpipe.scheme", "of the reference; the URI itself is nowhere"),
            Attribute("mmpipe.bytes", "bytes fetched", optional=True),
        ),
    ),
    Span(
        "mmpipe.stage.wait",
        SpanKind.INTERNAL,
        "The items of one call waiting in a stage server for a batch.",
        "`rpc.server`",
        (Attribute("mmpipe.lane", "who waits", ("query", "ingest")),),
    ),
    Span(
        "mmpipe.stage.run",
        SpanKind.INTERNAL,
        "One batch through one stage.",
        "`rpc.server` of each call in the batch",
        (STAGE, BATCH_ITEMS),
    ),
    Span(
        "mmpipe.sink.write",
        SpanKind.INTERNAL,
        "One sample through the sink, from its hand-over to its durable commit.",
        "`mmpipe.worker.sample`",
        (),
    ),
    Span(
        "mmpipe.sink.objects",
        SpanKind.CLIENT,
        "Originals put into the object store.",
        "`mmpipe.sink.write` of each sample of the group",
        (GROUP_SAMPLES,),
    ),
    Span(
        "mmpipe.sink.metadata",
        SpanKind.CLIENT,
        "One transaction of the metadata store.",
        "`mmpipe.sink.write` of each sample of the group",
        (DB_SYSTEM, DB_OPERATION, GROUP_SAMPLES),
    ),
    Span(
        "mmpipe.sink.vectors",
        SpanKind.CLIENT,
        "One upsert into Milvus.",
        "`mmpipe.sink.write` of each sample of the group",
        (DB_SYSTEM, DB_OPERATION, DB_COLLECTION, GROUP_SAMPLES, ROWS),
    ),
    Span(
        "mmpipe.search.vectors",
        SpanKind.CLIENT,
        "One search in Milvus.",
        "`rpc.server` of Search",
        (DB_SYSTEM, DB_OPERATION, DB_COLLECTION, ROWS),
    ),
)

SPANS = {span.name: span for span in ALL}
