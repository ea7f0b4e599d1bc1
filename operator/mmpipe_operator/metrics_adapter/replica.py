"""One replica: it keeps what it serves with, answers once that is there, and stops unnoticed.

Told to stop, it first says that it is not ready and goes on answering: the API server sends requests until it has heard
that this replica has gone from the Service.
"""

from __future__ import annotations

import asyncio
import logging
import ssl

from mmpipe_operator.cluster import Cluster
from mmpipe_operator.metrics_adapter import certificates, external_scaler, front_proxy, registration
from mmpipe_operator.metrics_adapter.access import Access
from mmpipe_operator.metrics_adapter.authorization import Authorizer
from mmpipe_operator.metrics_adapter.certificates import Serving
from mmpipe_operator.metrics_adapter.front_proxy import FrontProxy
from mmpipe_operator.metrics_adapter.handshakes import Handshakes
from mmpipe_operator.metrics_adapter.readiness import Readiness
from mmpipe_operator.metrics_adapter.server import Answer, MetricsApi
from mmpipe_operator.metrics_adapter.settings import AdapterSettings
from mmpipe_operator.running.stopping import first

FRONT_PROXY, CERTIFICATE, APISERVICE, PROCESS = "front proxy", "certificate", "APIService", "process"
"""What a replica needs before it should be asked."""
_WITHDRAWAL_S = 3.0
"""At the least, however short the drain is."""

_log = logging.getLogger(__name__)


class Replica:
    """Belongs to one event loop. ``readiness`` hears what it lacks."""

    def __init__(self, settings: AdapterSettings, cluster: Cluster, answer: Answer) -> None:
        self.readiness = Readiness(FRONT_PROXY, CERTIFICATE)
        self._settings = settings
        self._cluster = cluster
        self._answer = answer
        self._access = Access(Authorizer(cluster))
        self._handshakes = Handshakes()
        self._api = MetricsApi(self._access, answer)
        self._serving: Serving | None = None
        self._complete = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until told to stop. Raises OSError for a port that is taken, CertificateError for unusable files."""
        settings, cluster = self._settings, self._cluster
        async with self._api.serving(self._handshakes, settings.host, settings.port):
            await first(
                self._until(stop),
                front_proxy.keep(cluster, self._believe, self._doubt),
                certificates.keep(cluster, settings, self._show),
                self._register(),
                self._push(),
            )

    async def _until(self, stop: asyncio.Event) -> None:
        """Return when nobody is sent here any more."""
        await stop.wait()
        self.readiness.tell(PROCESS, "stopping")
        _log.info("stopping in %.0f s", self._settings.drain_seconds)
        within_s = max(self._settings.drain_seconds, _WITHDRAWAL_S)
        await asyncio.gather(
            registration.withdraw_on_exit(self._cluster, self._settings, within_s),
            asyncio.sleep(self._settings.drain_seconds),
        )

    async def _register(self) -> None:
        await self._complete.wait()

        def tell(problem: str) -> None:
            self.readiness.tell(APISERVICE, problem)

        await registration.keep(self._cluster, self._settings, lambda: self._shown.authority, tell)

    async def _push(self) -> None:
        """For KEDA."""
        await self._complete.wait()
        address = f"{self._settings.host}:{self._settings.scaler_port}"
        await external_scaler.serve(address, self._answer, lambda: self._shown, self._settings.push_seconds)

    @property
    def _shown(self) -> Serving:
        """Once complete."""
        if self._serving is None:
            raise RuntimeError("certificate: found none, expected one by now")
        return self._serving

    def _show(self, serving: Serving) -> None:
        self._handshakes.show(serving.chain, serving.key)
        self._serving = serving
        self.readiness.tell(CERTIFICATE)
        self._complete_if_ready()

    def _believe(self, proxy: FrontProxy) -> None:
        """Whom the API server sends, from now on."""
        try:
            self._handshakes.believe(proxy.authority)
        except ssl.SSLError as error:
            self._doubt(f"{front_proxy.CONFIGURATION}: found a certificate that can't be used, {error}")
            return
        self._access.proxy = proxy
        self._api.part()
        self.readiness.tell(FRONT_PROXY)
        self._complete_if_ready()
        _log.info("letting in whom the API server's front proxy vouches for")

    def _doubt(self, problem: str) -> None:
        """What was believed stays so: the API server may only be away for a moment."""
        if self._access.proxy is None:
            self.readiness.tell(FRONT_PROXY, problem)

    def _complete_if_ready(self) -> None:
        if self._handshakes.ready:
            self._complete.set()
