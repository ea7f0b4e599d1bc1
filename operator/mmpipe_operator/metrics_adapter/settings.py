"""Settings of the metrics adapter, from the environment: ``MMPIPE_ADAPTER_<NAME>``. ``docs/operator.md`` lists them."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mmpipe_operator.running.settings import Port, Seconds, read

PREFIX = "MMPIPE_ADAPTER_"


class AdapterSettings(BaseModel):
    """All of them; the docstring under each says what it does."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    namespace: str = "default"
    """The adapter's own namespace, where its Service is."""
    service: str = "mmpipe-metrics-adapter"
    """Name of that Service: the API server asks there."""
    service_port: Port = 443
    """Port of that Service."""
    owner: str = ""
    """ClusterRole that owns the APIService, which goes with it; empty is none."""
    tls_secret: str = "mmpipe-metrics-adapter-tls"  # noqa: S105  # a name
    """Secret in which replicas keep an authority and the certificate that they serve with."""
    tls_folder: str = ""
    """Folder with `tls.crt`, `tls.key` and `ca.crt` of your own; set, nothing is made and that Secret is not read."""
    serving_seconds: Seconds = 7_776_000
    """How long a certificate to serve with is good (90 days); a new one is made after two thirds of it."""
    authority_seconds: Seconds = 315_360_000
    """How long an authority is good (10 years); the same, and the old one is trusted to its end."""
    host: str = "0.0.0.0"  # noqa: S104  # the API server, the kubelet and Prometheus ask from outside the pod
    """Address of the four ports below."""
    port: Port = 6443
    """Port of the metrics API, over TLS."""
    scaler_port: Port = 6444
    """Port of KEDA's questions, gRPC over TLS."""
    push_seconds: Seconds = 1
    """How soon KEDA is told that something waits."""
    health_port: Port = 8080
    """Port of `/healthz` and `/readyz`."""
    metrics_port: Port = 9464
    """Port of `/metrics`."""
    scrape_port: Port = 9464
    """Port at which pods of pipelines serve their own metrics."""
    fresh_seconds: Annotated[float, Field(ge=0)] = 1
    """How long a reading answers for others who ask the same."""
    pipeline_seconds: Annotated[float, Field(ge=0)] = 5
    """How soon a changed or deleted pipeline is noticed."""
    secrets_seconds: Seconds = 60
    """How soon a changed Secret with credentials of a queue is noticed."""
    timeout_seconds: Seconds = 3
    """How long a queue or a pod is waited for; a pod is asked twice."""
    drain_seconds: Annotated[float, Field(ge=0)] = 5
    """How long it goes on answering after it was told to stop, until nobody is sent to it any more."""
    identity: str = Field(default_factory=socket.gethostname)
    """Name of the pod, for its log."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least important lines that are logged."""


def from_environment(environ: Mapping[str, str] = os.environ) -> AdapterSettings:
    """The settings of this process. Raises SettingsError naming every variable that can't be used."""
    return read(AdapterSettings, PREFIX, environ)
