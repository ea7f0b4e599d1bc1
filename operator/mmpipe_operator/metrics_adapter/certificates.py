"""What the adapter serves with, kept good: in one Secret that all replicas share, or in files that you mount (ADR 28).

The Secret holds an authority and the certificate that it signs; whoever finds something due writes the next, with the
version that it has read, and the others take over what is there. Nothing is ever served that the API server was not
told to trust before: a new authority is handed over first, what it signs ``PUBLISHED_S`` later.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from mmpipe.errors import MmpipeError
from mmpipe.telemetry import metrics
from mmpipe_operator.cluster import Cluster, ClusterError, Conflict, Refused
from mmpipe_operator.kinds import SECRET, Manifest, Ref
from mmpipe_operator.metrics_adapter.issuing import (
    Lifetimes,
    Material,
    certificates,
    covers,
    ends,
    fits,
    hosts,
    renewed,
)
from mmpipe_operator.metrics_adapter.settings import AdapterSettings

LOOK_S = 60.0
"""How soon another replica's certificate, or a changed file, is taken over."""
PUBLISHED_S = 15.0
"""From telling the API server of a new authority (``registration`` takes half a second) to what that has signed."""
_LOOKS = 30
"""In the life of a certificate, where that is short."""
_AGAIN_S = 1.0
_TRIES = 5
_FILES = ("tls.crt", "tls.key", "ca.crt", "ca.key")

_log = logging.getLogger(__name__)


class CertificateError(MmpipeError):
    """Files or a Secret that can't be served with; the message names what was found, what was expected, the remedy."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What to serve with, in PEM."""

    chain: bytes
    key: bytes = field(repr=False)
    authority: bytes
    """Certificates that the API server must trust."""


class Source(Protocol):
    """Where it comes from."""

    async def look(self) -> Serving:
        """What should be served with now. Raises CertificateError or ClusterError."""
        ...


async def keep(cluster: Cluster, settings: AdapterSettings, use: Callable[[Serving], None]) -> None:
    """Call ``use`` with the first certificate as soon as there is one, and again on each change, until cancelled.

    Raises CertificateError where the files of the settings can't be used from the start; later faults are logged.
    """
    source: Source = Files(settings) if settings.tls_folder else Kept(cluster, settings)
    if settings.tls_folder:
        await source.look()
    await Keeper(source, use, settings.serving_seconds).keep()


class Keeper:
    """Hands over what a source has, in an order in which nobody is served what is not trusted yet."""

    def __init__(self, source: Source, use: Callable[[Serving], None], life_s: float) -> None:
        self._source = source
        self._use = use
        self._look_s = min(LOOK_S, life_s / _LOOKS)
        self._published_s = min(PUBLISHED_S, life_s / _LOOKS * 5)
        self._used: Serving | None = None
        self._said = ""

    async def keep(self) -> None:
        """Until cancelled."""
        forget = metrics.observe("mmpipe.adapter.certificate.remaining", self._remaining)
        try:
            while True:
                await self.look()
                await asyncio.sleep(self._look_s if self._used else _AGAIN_S)
        finally:
            forget()

    async def look(self) -> None:
        """Take over what there is."""
        problem = ""
        try:
            found = await self._source.look()
        except (ClusterError, CertificateError) as error:
            problem = str(error)
        else:
            await self._turn_to(found)
        if problem and problem != self._said:
            _log.error("%s", problem)
        self._said = problem

    async def _turn_to(self, found: Serving) -> None:
        if found == self._used:
            return
        if (
            self._used is not None
            and found.chain != self._used.chain
            and not covers(self._used.authority, found.authority)
        ):
            self._use(replace(self._used, authority=found.authority))
            await asyncio.sleep(self._published_s)
        self._used = found
        self._use(found)
        _log.info("serving with a certificate that is good until %s", ends(found.chain).isoformat())

    def _remaining(self) -> list[tuple[float, dict[str, str]]]:
        left = (ends(self._used.chain) - datetime.now(UTC)).total_seconds() if self._used else 0.0
        return [(left, {})] if self._used else []


class Kept:
    """In a Secret, made and renewed here."""

    def __init__(
        self, cluster: Cluster, settings: AdapterSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._cluster = cluster
        self._ref = Ref(SECRET, settings.namespace, settings.tls_secret)
        self._host = host_of(settings)
        self._lives = Lifetimes(
            timedelta(seconds=settings.serving_seconds), timedelta(seconds=settings.authority_seconds)
        )
        self._clock = clock

    async def look(self) -> Serving:
        """What is in the Secret, after what is due was made anew there. Raises ClusterError."""
        for _ in range(_TRIES):
            secret = await self._cluster.get(self._ref)
            held = _material(secret)
            wanted = renewed(held, self._host, self._lives, self._clock())
            if wanted == held:
                return Serving(wanted.chain, wanted.key, wanted.authority)
            try:
                await self._write(secret, wanted)
            except Conflict:  # another replica was first: its certificate is as good
                continue
            return Serving(wanted.chain, wanted.key, wanted.authority)
        raise Conflict(str(self._ref), "Conflict", f"found it changing {_TRIES} times, expected it to rest")

    async def _write(self, secret: Manifest | None, material: Material) -> None:
        values = (material.chain, material.key, material.authority, material.authority_key)
        data = {name: base64.b64encode(value).decode() for name, value in zip(_FILES, values, strict=True)}
        if secret is None:
            await self._create(data)
        else:
            version = secret["metadata"]["resourceVersion"]
            await self._cluster.merge(self._ref, {"metadata": {"resourceVersion": version}, "data": data})
        _log.info("%s: written anew", self._ref)

    async def _create(self, data: dict[str, str]) -> None:
        metadata = {"namespace": self._ref.namespace, "name": self._ref.name}
        new = {"apiVersion": SECRET.api_version, "kind": SECRET.kind, "metadata": metadata, "type": "Opaque"}
        try:
            await self._cluster.create(SECRET, new | {"data": data})
        except Refused as error:
            remedy = "the chart brings it, without data: run helm upgrade"
            raise CertificateError(
                f"{self._ref}: found none, and it may not be made ({error.reason}); {remedy}"
            ) from error


class Files:
    """In a folder that is mounted: cert-manager's, or your own."""

    def __init__(self, settings: AdapterSettings) -> None:
        self._folder = Path(settings.tls_folder)
        self._host = host_of(settings)

    async def look(self) -> Serving:
        """What the files hold now. Raises CertificateError."""
        chain, key, authority = (self._read(name) for name in _FILES[:3])
        if self._host not in hosts(chain):
            found = ", ".join(hosts(chain)) or "no certificate with a name"
            raise CertificateError(
                f"{self._folder / 'tls.crt'}: found {found}, expected one for {self._host}; "
                "add it to the certificate's DNS names"
            )
        if not fits(chain, key):
            raise CertificateError(
                f"{self._folder / 'tls.key'}: found the key of another certificate, expected that of tls.crt; "
                "put both there from one issue"
            )
        if not certificates(authority):
            raise CertificateError(
                f"{self._folder / 'ca.crt'}: found no certificate, expected the authority's in PEM; "
                "the API server trusts the adapter by it"
            )
        return Serving(chain, key, authority)

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            expected = "expected the keys tls.crt, tls.key and ca.crt in the Secret"
            raise CertificateError(f"{self._folder / name}: found {error.strerror}, {expected}; add it") from error


def host_of(settings: AdapterSettings) -> str:
    """The name by which the API server calls the Service."""
    return f"{settings.service}.{settings.namespace}.svc"


def _material(secret: Manifest | None) -> Material | None:
    """What a Secret holds; what is not there, or is no base64, is empty, and made anew."""
    if secret is None:
        return None
    data = secret.get("data") or {}
    try:
        return Material(*(base64.b64decode(data.get(name, ""), validate=True) for name in _FILES))
    except binascii.Error:
        return None
