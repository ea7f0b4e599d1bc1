"""Every metric, in the order of the page ``docs/reference/telemetry.md``, which is generated from here.

A name is OpenTelemetry's where its conventions have one that is settled, otherwise ``mmpipe.<thing>``. The conventions
for messaging are in development and would be renamed under the operator's dashboards: the queue's are ours.

An attribute has few values, ever: no sample id, no URI, no tenant. They are in traces and logs. The operator's own
metrics are in ``operator_metrics``, the metrics adapter's in ``adapter_metrics``.
"""

from __future__ import annotations

from mmpipe.telemetry.catalogue.adapter_metrics import ADAPTER
from mmpipe.telemetry.catalogue.attributes import (
    DEPENDENCY,
    ERROR_TYPE,
    RPC_METHOD,
    RPC_STATUS,
    RPC_SYSTEM,
    SERVER_ADDRESS,
    SERVER_PORT,
)
from mmpipe.telemetry.catalogue.model import Attribute, Metric, MetricKind
from mmpipe.telemetry.catalogue.operator_metrics import OPERATOR

CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Boundaries that the RPC conventions ask for."""
STAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""From the embedding of a sentence to the decoding of a long film's segment."""
SAMPLE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""From an idle pipeline to a backlog of an hour."""
BATCH_ITEMS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
"""Powers of two; ``spec.serving.maxBatchItems`` is 32 by default."""

ENDS = ("stored", "unchanged", "quarantined", "dead", "superseded")
"""How a sample ends: unchanged where its rows were there already, superseded by a newer one of the same id."""
STAGE = Attribute("stage", "`decode`, `clean` or `embed` after its modality, such as `image.decode`; `fuse`")
LANE = Attribute("lane", "who waits: a search, or a sample", ("query", "ingest"))
MODALITY = Attribute("modality", "of the part", ("text", "image", "audio", "video", "depth", "unknown"))
ROW_MODALITY = Attribute("modality", "of the row", ("text", "image", "audio", "video", "depth", "fused"))
SCHEME = Attribute("scheme", "of the reference: `https`, `s3`, `object` ...")

_RPC = (RPC_SYSTEM, RPC_METHOD, RPC_STATUS, ERROR_TYPE)

ALL = (
    Metric(
        "rpc.server.call.duration",
        MetricKind.HISTOGRAM,
        "s",
        "Calls answered, from the first byte in to the status out; health checks are not among them.",
        _RPC,
        CALL_SECONDS,
    ),
    Metric(
        "rpc.client.call.duration",
        MetricKind.HISTOGRAM,
        "s",
        "Calls made, as the caller saw them: transparent retries of the channel are inside.",
        (*_RPC, SERVER_ADDRESS, SERVER_PORT),
        CALL_SECONDS,
    ),
    Metric(
        "mmpipe.accepted",
        MetricKind.COUNTER,
        "{sample}",
        "Samples at the gateway's door.",
        (
            Attribute(
                "outcome",
                "durable in the queue, durable there before, or sent back with a fault",
                ("accepted", "duplicate", "refused"),
            ),
        ),
    ),
    Metric(
        "mmpipe.queue.depth",
        MetricKind.OBSERVABLE_GAUGE,
        "{sample}",
        "Samples in the durable queue, waiting or with a worker, that have a part of the modality. Absent where the "
        "queue does not answer.",
        (MODALITY,),
    ),
    Metric(
        "mmpipe.queue.age",
        MetricKind.OBSERVABLE_GAUGE,
        "s",
        "How long the oldest sample has been in the durable queue.",
    ),
    Metric(
        "mmpipe.deliveries",
        MetricKind.COUNTER,
        "{delivery}",
        "Samples taken from the queue by a worker.",
        (
            Attribute("modalities", "of the sample's parts, such as `text-image`; `unknown` where none is recognised"),
            Attribute("redelivered", "whether an earlier delivery was not acknowledged", ("true", "false")),
        ),
    ),
    Metric(
        "mmpipe.worker.in_flight",
        MetricKind.UP_DOWN_COUNTER,
        "{sample}",
        "Samples that a worker has taken and not yet settled.",
    ),
    Metric(
        "mmpipe.worker.age",
        MetricKind.OBSERVABLE_GAUGE,
        "s",
        "How long a worker has had the oldest sample that it has not yet settled; 0 without one. The operator spares "
        "workers with long work when there are to be fewer.",
    ),
    Metric(
        "mmpipe.worker.duration",
        MetricKind.HISTOGRAM,
        "s",
        "One sample with a worker, from the seat it got there to its end, however that was; the queue is not in it.",
        (),
        SAMPLE_SECONDS,
    ),
    Metric(
        "mmpipe.samples",
        MetricKind.COUNTER,
        "{sample}",
        "Samples by what became of them. One that was given back to the queue counts as retried each time, one that "
        "was stored without a modality as degraded too.",
        (Attribute("outcome", "what became of the sample", (*ENDS, "retried", "degraded")),),
    ),
    Metric(
        "mmpipe.sample.duration",
        MetricKind.HISTOGRAM,
        "s",
        "From the gateway's acceptance to the end, the time in the queue included.",
        (Attribute("outcome", "how it ended", ENDS),),
        SAMPLE_SECONDS,
    ),
    Metric(
        "mmpipe.stage.duration",
        MetricKind.HISTOGRAM,
        "s",
        "One batch through one stage.",
        (STAGE,),
        STAGE_SECONDS,
    ),
    Metric(
        "mmpipe.stage.items",
        MetricKind.COUNTER,
        "{item}",
        "Items through one stage.",
        (STAGE, Attribute("outcome", "of the item", ("passed", "rejected", "failed"))),
    ),
    Metric(
        "mmpipe.stage.rejected",
        MetricKind.COUNTER,
        "{item}",
        "Items that a gate rejected.",
        (Attribute("gate", "dotted name of the setting or check, such as `image.clean.minEntropyBits`"),),
    ),
    Metric(
        "mmpipe.batch.size",
        MetricKind.HISTOGRAM,
        "{item}",
        "Items that went through the stages at once.",
        (STAGE,),
        BATCH_ITEMS,
    ),
    Metric(
        "mmpipe.batch.wait",
        MetricKind.HISTOGRAM,
        "s",
        "From a call's arrival at a stage server to the start of its batch.",
        (LANE,),
        STAGE_SECONDS,
    ),
    Metric(
        "mmpipe.server.queue.depth",
        MetricKind.OBSERVABLE_GAUGE,
        "{item}",
        "Items that wait in a stage server for a batch.",
        (LANE,),
    ),
    Metric(
        "mmpipe.server.in_flight",
        MetricKind.OBSERVABLE_GAUGE,
        "{call}",
        "Calls that a server has begun to answer and not ended: those that wait, those that are computed, and open "
        "streams. Health checks are not among them.",
    ),
    Metric(
        "mmpipe.breaker.state",
        MetricKind.OBSERVABLE_GAUGE,
        "{state}",
        "State of a circuit breaker: 0 closed, 1 half open, 2 open.",
        (DEPENDENCY,),
    ),
    Metric(
        "mmpipe.retries",
        MetricKind.COUNTER,
        "{retry}",
        "Calls made again, the first one not among them.",
        (DEPENDENCY,),
    ),
    Metric(
        "mmpipe.cache.requests",
        MetricKind.COUNTER,
        "{request}",
        "Questions to a cache.",
        (
            Attribute("cache", "answers to searches, or fetched media", ("search", "media")),
            Attribute("result", "`error`: the cache did not answer, and was done without", ("hit", "miss", "error")),
        ),
    ),
    Metric("mmpipe.fetch.bytes", MetricKind.COUNTER, "By", "Bytes of media fetched by reference.", (SCHEME,)),
    Metric(
        "mmpipe.fetch.duration",
        MetricKind.HISTOGRAM,
        "s",
        "Fetches of media by reference, redirects included.",
        (SCHEME, Attribute("outcome", "refused: by a rule; failed: no answer", ("fetched", "refused", "failed"))),
        CALL_SECONDS,
    ),
    Metric(
        "mmpipe.checkpoints",
        MetricKind.COUNTER,
        "{segment}",
        "Segments of long media whose vectors were kept before the sample was done, or found by a later delivery.",
        (Attribute("action", "kept or found", ("saved", "used")),),
    ),
    Metric(
        "mmpipe.sink.rows",
        MetricKind.COUNTER,
        "{row}",
        "Rows written to the vector store.",
        (ROW_MODALITY,),
    ),
    Metric(
        "mmpipe.sink.commit.duration",
        MetricKind.HISTOGRAM,
        "s",
        "One group of samples written to one store.",
        (Attribute("store", "which of the three", ("objects", "metadata", "vectors")),),
        CALL_SECONDS,
    ),
    Metric(
        "mmpipe.dead_letters",
        MetricKind.COUNTER,
        "{sample}",
        "Samples given up.",
        (Attribute("stage", "dotted stage that failed last, or `sink`"),),
    ),
    Metric("mmpipe.quarantined", MetricKind.COUNTER, "{item}", "Items put into quarantine.", (MODALITY,)),
    *OPERATOR,
    *ADAPTER,
)

METRICS = {metric.name: metric for metric in ALL}
