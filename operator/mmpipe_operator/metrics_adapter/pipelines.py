"""The pipelines that metrics are asked of, as the API server has them: read when asked for, and again after a moment.

Nothing is listed or watched: a replica reads what its half of the autoscalers ask for, and an answer can't come from a
pipeline that was deleted, or moved to another queue, longer than that moment ago.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline, SpecError, from_object
from mmpipe_operator.cluster import Cluster, ClusterError
from mmpipe_operator.kinds import PIPELINE, Ref
from mmpipe_operator.metrics_adapter.freshness import Fresh
from mmpipe_operator.metrics_adapter.problems import Unknown, Unreadable
from mmpipe_operator.plan.processes import processes
from mmpipe_operator.watching.contents import ContentReader


@dataclass(frozen=True, slots=True)
class Known:
    """One pipeline: its spec, what it consists of, and the values of the Secret that its queue needs."""

    pipeline: MultimodalPipeline
    processes: frozenset[str]
    modalities: frozenset[Modality]
    secrets: Mapping[tuple[str, str], str] = field(repr=False)


class Pipelines:
    """Belongs to one event loop."""

    def __init__(
        self,
        cluster: Cluster,
        fresh_s: float,
        secrets_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._contents = ContentReader(cluster, secrets_s, clock)
        self._known: Fresh[tuple[str, str], Known] = Fresh(fresh_s, clock)

    async def get(self, namespace: str, name: str) -> Known:
        """One pipeline. Raises Unknown where there is none, Unreadable where that or its spec can't be told."""
        return await self._known.of((namespace, name), lambda: self._read(namespace, name))

    def forget_stale(self) -> None:
        """Let go of Secrets that nobody has asked for in a long while."""
        self._contents.forget_stale()

    async def close(self) -> None:
        """Wait for no answer any more."""
        await self._known.close()

    async def _read(self, namespace: str, name: str) -> Known:
        ref = Ref(PIPELINE, namespace, name)
        try:
            raw = await self._cluster.get(ref)
            if raw is None:
                raise Unknown(f"{ref}: found none of that name, expected one; see kubectl get {PIPELINE.plural}")
            pipeline = from_object(raw)
            secrets = (await self._contents.read(namespace, _credentials(pipeline))).secrets
        except ClusterError as error:
            raise Unreadable(str(error)) from error
        except SpecError as error:
            found = "; ".join(str(problem) for problem in error.problems)
            raise Unreadable(f"{ref}: its spec can't be used: {found}") from error
        modalities = frozenset(Modality(modality.name) for modality in pipeline.spec.modalities)
        return Known(pipeline, frozenset(each.name for each in processes(pipeline)), modalities, secrets)


def _credentials(pipeline: MultimodalPipeline) -> tuple[str, ...]:
    queue = pipeline.spec.source.queue
    reference = queue.nats.credentials_secret_ref if queue and queue.nats else None
    return (f"Secret/{reference.name}",) if reference else ()
