"""The processes: how stage servers batch, what the gateway lets in, how much a worker takes on."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmpipe.spec.model import GIB, MIB, ClusterOnly, ServicesOnly, SpecModel, broken_rule
from mmpipe.spec.scaling import Process
from mmpipe.spec.sink import SecretRef, StoreUri
from mmpipe.spec.template import Annotations


class Serving(SpecModel):
    """How a stage server gathers calls into batches, and when it says that it is full."""

    max_batch_items: Annotated[int, Field(ge=1, le=4096)] = 32
    """Most items that a stage is given at once."""
    max_batch_bytes: Annotated[int, Field(ge=1)] = 64 * MIB
    """Most bytes of media in one batch; a larger single item goes alone."""
    max_wait_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Longest wait for a batch to fill while every core is busy. An idle core never waits."""
    max_queued_items: Annotated[int, Field(ge=1)] = 256
    """Items that may wait; a call beyond them is answered RESOURCE_EXHAUSTED at once."""
    ageing_seconds: Annotated[float, Field(gt=0)] = 2.0
    """A waiting sample goes before a newer query once it has waited this much longer: neither lane starves."""
    drain_seconds: Annotated[float, Field(ge=0)] = 20.0
    """Longest time that a stopping process takes to finish what it has begun."""


class Limits(SpecModel):
    """What one tenant may send; without authentication everybody is one tenant."""

    samples_per_second: Annotated[float, Field(gt=0)] = 10_000.0
    """Samples and queries that may come in, averaged over a second; more are answered RESOURCE_EXHAUSTED with a time to
    wait."""
    bytes_per_second: Annotated[float, Field(gt=0)] = 1.0 * GIB
    """Bytes that may come in, uploads included."""
    max_sample_bytes: Annotated[int, Field(ge=1)] = 3 * MIB
    """Most bytes of one sample in one call; larger media are uploaded first."""
    max_upload_bytes: Annotated[int, Field(ge=1)] = 16 * GIB
    """Largest uploaded medium."""


class Authentication(SpecModel):
    """Who may call the gateway."""

    mode: Literal["None", "Tokens", "MutualTls"] = "None"
    """`Tokens` asks for `authorization: Bearer TOKEN`, `MutualTls` for a client certificate, whose common name is the
    tenant."""
    tokens_secret_ref: SecretRef | None = None
    """Lines of `tenant:token`."""

    @model_validator(mode="after")
    def _tokens_where_asked(self) -> Self:
        if (self.mode == "Tokens") != (self.tokens_secret_ref is not None):
            found = f"mode {self.mode} with{'' if self.tokens_secret_ref else 'out'} tokensSecretRef"
            raise broken_rule("tokensSecretRef", found, "it with mode Tokens and only then", "set both or neither")
        return self


class Tls(SpecModel):
    """Certificates in PEM, each a key of a Secret."""

    certificate_secret_ref: SecretRef | None = None
    """The server's certificate chain; absent, the server speaks plain text."""
    private_key_secret_ref: SecretRef | None = None
    """The server's private key."""
    client_authority_secret_ref: SecretRef | None = None
    """The authority that signs clients' certificates; needed for `MutualTls`."""

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.certificate_secret_ref is None) != (self.private_key_secret_ref is None):
            raise broken_rule("privateKeySecretRef", "one of certificate and key", "both or neither", "set the other")
        return self


class Cache(SpecModel):
    """Remembered answers to searches."""

    redis_uri: StoreUri = ""
    """`redis://host:6379/0`; empty remembers in the gateway's own memory."""
    password_secret_ref: SecretRef | None = None
    """Password of the Redis user."""
    ttl_seconds: Annotated[float, Field(ge=0)] = 10.0
    """How long an answer is remembered; 0 switches the cache off."""
    max_entries: Annotated[int, Field(ge=1)] = 10_000
    """Most answers in the gateway's own memory."""


class Service(SpecModel):
    """How the gateway is reached."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Type of its Service."""
    annotations: Annotations = {}
    """Annotations of its Service, which load balancers read."""


class Gateway(Process):
    """The door of the pipeline."""

    service: Annotated[Service, ClusterOnly()] = Service()

    authentication: Annotated[Authentication, ServicesOnly()] = Authentication()
    tls: Annotated[Tls, ServicesOnly()] = Tls()
    limits: Annotated[Limits, ServicesOnly()] = Limits()
    cache: Annotated[Cache, ServicesOnly()] = Cache()

    @model_validator(mode="after")
    def _mutual_tls_with_authority(self) -> Self:
        complete = self.tls.client_authority_secret_ref and self.tls.certificate_secret_ref
        if self.authentication.mode == "MutualTls" and not complete:
            found = "MutualTls without an authority or a certificate"
            expected = "tls.clientAuthoritySecretRef and the server's certificate"
            raise broken_rule("authentication.mode", found, expected, "name their secrets")
        return self


class Worker(Process):
    """The process that takes samples through the stages."""

    max_samples: Annotated[int, Field(ge=1, le=10_000), ServicesOnly()] = 64
    """Most samples in flight in one worker."""
    max_bytes: Annotated[int, Field(ge=1), ServicesOnly()] = 256 * MIB
    """Most bytes of media in flight in one worker; a larger single sample goes alone."""
