"""Words for a pipeline whose pods really serve: its gateway takes samples, its stores are servers, names resolve.

Given one (``serving``), while samples flow (``flowing``), then every one of them has ended once (``Books``).
Neighbours: ``pipelines`` has the words for its objects, ``load`` is the client, ``e2e.cluster.resolver`` knows names.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
import psycopg
from e2e.cluster.children import Child
from e2e.cluster.containers import Image
from e2e.cluster.operators import Operators, installed
from e2e.cluster.resolver import answering, resolving
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline, Stores
from pymilvus import MilvusClient
from tests.servers.s3 import S3

from mmpipe_operator.kinds import DEPLOYMENT, SECRET, Manifest
from mmpipe_operator.names import child

IMAGE = "mmpipe.test/served:1"
NEXT_IMAGE = "mmpipe.test/served:2"
"""The same program by another name."""
ROLLED_OUT_S = 240.0
SETTLED_S = 120.0
_PROGRAMS = Path(sys.executable).parent
_ENDED = "SELECT id FROM samples WHERE pipeline = %s AND state IN ('stored', 'quarantined', 'failed')"


@dataclass(frozen=True, slots=True)
class Servers:
    """The stores of a pipeline that serves."""

    nats: str
    milvus: str
    postgres: str
    s3: S3


@dataclass(slots=True)
class Flow:
    """Samples on their way in."""

    client: Child

    @property
    def said(self) -> list[dict[str, str]]:
        """What the client has said of each sample."""
        lines = self.client.output.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    @property
    def accepted(self) -> list[str]:
        return [line["accepted"] for line in self.said if "accepted" in line]

    @property
    def refused(self) -> list[str]:
        """Those that a client with patience could not hand in."""
        return [line["error"] for line in self.said if "refused" in line]

    def wait_for(self, more: int) -> None:
        """Until so many more samples are accepted."""
        wanted = len(self.accepted) + more
        wait_for(lambda: len(self.accepted) >= wanted, ROLLED_OUT_S, self.client.said)

    def end(self) -> list[str]:
        """No more of them; the ids of those that were accepted."""
        code = self.client.stop(90)
        assert code == 0, f"the client ended with {code}; it said:\n{self.client.said()}"
        return self.accepted


@dataclass(frozen=True, slots=True)
class Books:
    """What the stores say of all samples so far, by id. ``deliveries`` counts each time that a worker was given one."""

    accepted: list[str]
    states: dict[str, str]
    letters: dict[str, str]
    quarantined: dict[str, str]
    rows: Counter[tuple[str, str]]
    deliveries: int

    @property
    def repeated(self) -> int:
        """How often a sample was given to a worker again."""
        return self.deliveries - len(self.accepted)


@dataclass(slots=True)
class Served:
    """A pipeline that serves, with the operator that keeps it."""

    pipeline: Pipeline
    operators: Operators
    servers: Servers
    folder: Path
    programs: Path
    names: str
    flows: list[Flow] = field(default_factory=list)

    def apply(self, **spec: object) -> Served:
        """Make the spec so, and nothing else; what the stores are stays."""
        self.pipeline.apply(**{**self._stores(), **spec})
        return self

    def roll_out(self) -> None:
        """Wait until only pods of the newest templates are there, and nothing that is no longer planned."""
        self.pipeline.wait("Ready", timeout_s=ROLLED_OUT_S)
        self.pipeline.settle(ROLLED_OUT_S)
        wait_for(lambda: all(map(_is_ready, self.pipeline.pods())), ROLLED_OUT_S)

    def pods_of(self, process: str) -> set[str]:
        """Their names."""
        return {pod["metadata"]["name"] for pod in self.pipeline.pods(process)}

    def wait_until_gone(self, process: str, pods: set[str]) -> None:
        """Wait until none of these pods is left."""
        wait_for(lambda: not pods & self.pods_of(process), ROLLED_OUT_S)

    @contextmanager
    def flowing(self, kinds: str) -> Iterator[Flow]:
        """Samples of these kinds come in, inside the block."""
        flow = self._client(kinds)
        try:
            flow.wait_for(5)
            yield flow
        finally:
            flow.client.stop(60)

    def hand_in(self, kind: str, count: int) -> list[str]:
        """So many samples; their ids, once all are accepted."""
        flow = self._client(kind, str(count))
        assert flow.client.wait(60) == 0, flow.client.said()
        assert not flow.refused
        return flow.accepted

    def _client(self, *arguments: str) -> Flow:
        output = self.folder / f"load-{len(self.flows)}.log"
        program = resolving(Path(sys.executable), self.names, self.folder / "bin")
        address = f"dns:///{self.pipeline.name}-gateway-headless.{self.pipeline.namespace}:50050"
        self.flows.append(Flow(Child([program, "-m", "e2e.control_plane.load", address, *arguments], output)))
        return self.flows[-1]

    @contextmanager
    def frozen(self, process: str) -> Iterator[None]:
        """The pods of a process that are there now get no turn, inside the block: what was asked of them waits."""
        pids = [pid for pod in self.pipeline.pods(process) for pid in _pids(pod["metadata"]["uid"])]
        assert pids, f"{process}: found no process of its pods, expected one"
        try:
            _signal(pids, signal.SIGSTOP)
            yield
        finally:
            _signal(pids, signal.SIGCONT)

    def scale(self, process: str, replicas: int) -> None:
        """As ``kubectl scale`` does it."""
        ref = DEPLOYMENT, self.pipeline.namespace, child(self.pipeline.name, process)
        self.pipeline.cluster.client.patch(*ref, {"spec": {"replicas": replicas}})

    def ready(self, process: str) -> list[Manifest]:
        """Its pods that serve and are to stay."""
        return [pod for pod in self.pipeline.pods(process) if _is_ready(pod)]

    def books(self) -> Books:
        """What became of all samples, once none waits."""
        accepted = [sample_id for flow in self.flows for sample_id in flow.accepted]
        wait_for(lambda: self._ended() >= set(accepted), SETTLED_S, lambda: f"waits: {set(accepted) - self._ended()}")
        return Books(
            accepted=accepted,
            states=dict(self._ask("SELECT id, state FROM samples WHERE pipeline = %s")),
            letters=self._letters(),
            quarantined=dict(self._ask("SELECT sample_id, reason FROM quarantine WHERE pipeline = %s")),
            rows=self._rows(),
            deliveries=self.deliveries(),
        )

    def deliveries(self) -> int:
        """How often a worker was given a sample so far, by the queue's own count."""
        return asyncio.run(self._deliveries())

    def _letters(self) -> dict[str, str]:
        """Dead letters by sample, with their reasons."""
        return dict(self._ask("SELECT sample_id, reason FROM dead_letters WHERE pipeline = %s"))

    def _ended(self) -> set[str]:
        ended = {sample_id for (sample_id,) in self._ask(_ENDED)}
        return ended | self._letters().keys()

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.servers.postgres) as database:
            return database.execute(query, [self.pipeline.name]).fetchall()

    def _rows(self) -> Counter[tuple[str, str]]:
        """Vectors by sample and modality, as Milvus counts them."""
        collection = self.pipeline.status["vectors"]["collection"]
        with closing(MilvusClient(self.servers.milvus, timeout=10)) as client:
            found = client.query(
                collection, 'id != ""', ["sample_id", "modality"], limit=16_384, consistency_level="Strong"
            )
        return Counter((row["sample_id"], row["modality"]) for row in found)

    async def _deliveries(self) -> int:
        stream = f"MMPIPE_{self.pipeline.namespace}_{self.pipeline.name}"
        connection = await nats.connect(self.servers.nats)
        try:
            consumers = await connection.jetstream().consumers_info(stream)
        finally:
            await connection.close()
        return sum(each.delivered.consumer_seq for each in consumers if each.delivered)

    def _stores(self) -> dict[str, object]:
        return {
            "scaling": {"mode": "None"},
            "sink": {
                "milvus": {"uri": self.servers.milvus},
                "objects": {
                    "uri": f"{self.servers.s3.uri}/{self.pipeline.name}",
                    "credentialsSecretRef": {"name": "s3", "key": "keys"},
                },
                "metadata": {"uri": self.servers.postgres},
            },
        }


@contextmanager
def serving(cluster: Cluster, servers: Servers, about: str, folder: Path) -> Iterator[Served]:
    """A pipeline of a namespace of its own, not applied yet, which an operator keeps inside the block."""
    namespace = cluster.new_namespace(about)
    names = cluster.kubelet.addresses.of(f"names-of-{namespace}")
    with ExitStack() as opened:
        opened.enter_context(answering(cluster.client, names))
        operators = opened.enter_context(installed(cluster, [namespace]))
        program = resolving(_PROGRAMS / "mmpipe", names, folder / "programs")
        for image in (IMAGE, NEXT_IMAGE):
            cluster.kubelet.run(image, Image(programs=program.parent))
        secret = {"keys": b64encode(json.dumps(servers.s3.credentials).encode()).decode()}
        metadata = {"name": "s3", "namespace": namespace}
        cluster.client.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": secret})
        operators(image=IMAGE, probe_seconds=2, sparing_seconds=1)
        pipeline = Pipeline(cluster, namespace, f"live-{uuid.uuid4().hex[:6]}", Stores(servers.nats, servers.milvus))
        yield Served(pipeline, operators, servers, folder, program.parent, names)
        pipeline.delete()
        wait_for(lambda: not pipeline.pods(), ROLLED_OUT_S)


def _is_ready(pod: Manifest) -> bool:
    conditions = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", ())}
    return "deletionTimestamp" not in pod["metadata"] and conditions.get("Ready") == "True"


def _pids(uid: str) -> Iterator[int]:
    """The processes of a pod: its folder is among their arguments."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"/{uid}/".encode() in (process / "cmdline").read_bytes():
                yield int(process.name)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
