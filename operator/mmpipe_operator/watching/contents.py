"""What the pods of a pipeline read beside their own file: Secrets and ConfigMaps that the spec names.

Read by name, one at a time, and again after a while; never listed or watched, so that the operator needs no right to
see all secrets of a namespace at once (ADR 21). A digest of each goes into the pods' template, so that a change rolls
them; values go to ``neighbours`` alone, and into nothing that is written.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mmpipe_operator.cluster import Cluster
from mmpipe_operator.kinds import CONFIG_MAP, SECRET, Manifest, Ref

_KINDS = {"Secret": SECRET, "ConfigMap": CONFIG_MAP}


@dataclass(frozen=True, slots=True)
class Contents:
    """``digests`` by `Secret/name` or `ConfigMap/name`, ``secrets`` by (name, key); what is not there is absent."""

    digests: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)


class ContentReader:
    """Remembers what it has read for ``fresh_s`` seconds, for all pipelines of a namespace together."""

    def __init__(self, cluster: Cluster, fresh_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.fresh_s = fresh_s
        self._cluster = cluster
        self._clock = clock
        self._read: dict[Ref, tuple[float, Manifest | None]] = {}

    async def read(self, namespace: str, references: Iterable[str]) -> Contents:
        """The contents of these. Raises ClusterError, Refused where the operator may not read one."""
        digests: dict[str, str] = {}
        secrets: dict[tuple[str, str], str] = {}
        for reference in references:
            kind, _, name = reference.partition("/")
            found = await self._fetch(Ref(_KINDS[kind], namespace, name))
            if found is not None:
                digests[reference] = _digest(found)
                secrets |= _values(found) if kind == "Secret" else {}
        return Contents(digests, secrets)

    async def _fetch(self, ref: Ref) -> Manifest | None:
        read_at, found = self._read.get(ref, (float("-inf"), None))
        if self._clock() - read_at >= self.fresh_s:
            found = await self._cluster.get(ref)
            self._read[ref] = self._clock(), found
        return found

    def forget_stale(self) -> None:
        """Let go of what nobody has asked for in a long while."""
        long_ago = self._clock() - 10 * self.fresh_s
        self._read = {ref: entry for ref, entry in self._read.items() if entry[0] > long_ago}


def _digest(manifest: Manifest) -> str:
    content = [manifest.get("data"), manifest.get("binaryData")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _values(secret: Manifest) -> dict[tuple[str, str], str]:
    name = secret["metadata"]["name"]
    return {
        (name, key): base64.b64decode(value).decode(errors="replace")
        for key, value in (secret.get("data") or {}).items()
    }
