"""Settings of the operator, from the environment: ``MMPIPE_OPERATOR_<NAME>``. ``docs/operator.md`` lists them."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mmpipe.errors import MmpipeError

PREFIX = "MMPIPE_OPERATOR_"


class SettingsError(MmpipeError, ValueError):
    """A variable that can't be used; the message names it, what was found, and what was expected."""


def _parted(value: Any) -> Any:  # noqa: ANN401  # what the environment holds, or a tuple already
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _name_of_its_own() -> str:
    """Two processes of one host must not take each other's lease for their own; a pod's name is its own already."""
    return f"{socket.gethostname()}_{secrets.token_hex(4)}"


type Parted = Annotated[tuple[str, ...], BeforeValidator(_parted)]
type Port = Annotated[int, Field(ge=0, le=65_535)]
type Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseModel):
    """All of them; the docstring under each says what it does."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    namespaces: Parted = ()
    """Namespaces to serve, with commas; empty is the whole cluster."""
    namespace: str = "default"
    """The operator's own namespace, where its Lease is."""
    image: str = f"mmpipe:{version('mmpipe')}"
    """Image of the services, unless a template names another."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When nodes pull that image."""
    image_pull_secrets: Parted = ()
    """Secrets to pull it with, with commas; they must be in the pipeline's namespace."""
    service_monitors: bool = False
    """Whether each pipeline gets a ServiceMonitor, where the cluster has that kind."""
    scaler_address: str = ""
    """Where KEDA asks the metrics adapter, as `SERVICE.NAMESPACE.svc:PORT`; empty: mode KEDA is refused."""
    scaler_authority: str = ""
    """File with the authority (PEM) that signs the metrics adapter's certificate."""
    host: str = "0.0.0.0"  # noqa: S104  # a pod is probed and scraped from outside
    """Address of the two ports below."""
    health_port: Port = 8080
    """Port of `/healthz` and `/readyz`."""
    metrics_port: Port = 9464
    """Port of `/metrics`."""
    workers: Annotated[int, Field(ge=1, le=100)] = 8
    """Pipelines that are reconciled at once."""
    resync_seconds: Seconds = 600
    """How often everything is listed and looked at again, whatever the watches say."""
    secrets_seconds: Seconds = 60
    """How soon a changed Secret or ConfigMap is noticed."""
    probe_seconds: Seconds = 30
    """How often each NATS, Milvus and SQL server is asked."""
    sparing_seconds: Annotated[float, Field(ge=0)] = 10
    """How often the pods of processes that have several are asked how busy they are, so that idle ones are deleted
    first when there are to be fewer; 0 asks none."""
    metrics_service: str = ""
    """Service of the metrics adapter in that namespace. Where nothing answers behind it, its APIService is taken away,
    as no namespace of the cluster could be deleted; empty looks after none."""
    withdraw_seconds: Seconds = 30
    """How long it may be without an answer."""
    leader_election: Literal["Lease", "None"] = "Lease"
    """`None` is for a single replica outside a cluster."""
    lease_name: str = "mmpipe-operator"
    """Name of the Lease."""
    lease_seconds: Annotated[float, Field(ge=1)] = 15
    """How long a leader that has gone silent is waited for."""
    identity: str = Field(default_factory=_name_of_its_own)
    """Who holds the Lease: the pod's name. Two processes must never have the same."""
    drop_timeout_seconds: Seconds = 300
    """How long a deleted pipeline is held while its collection can't be dropped (`deletionPolicy: Delete`)."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least important lines that are logged."""


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises SettingsError naming every variable that can't be used."""
    return read(Settings, PREFIX, environ)


def read[S: BaseModel](model: type[S], prefix: str, environ: Mapping[str, str]) -> S:
    """A model whose fields are variables with this prefix. Raises SettingsError naming every one that can't be used."""
    given = {name.removeprefix(prefix).lower(): value for name, value in environ.items() if name.startswith(prefix)}
    try:
        return model.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        known = ", ".join(f"{prefix}{field}".upper() for field in model.model_fields)
        raise SettingsError("\n".join(_sentence(fault, prefix, known) for fault in error.errors())) from error


def _sentence(fault: Any, prefix: str, known: str) -> str:  # noqa: ANN401  # pydantic's ErrorDetails
    name = f"{prefix}{fault['loc'][0]}".upper()
    if fault["type"] == "extra_forbidden":
        return f"{name}: found an unknown variable; expected one of {known}; remove it"
    return f"{name}: found {fault['input']!r}; {fault['msg'].replace('Input', 'it')}; correct it"
