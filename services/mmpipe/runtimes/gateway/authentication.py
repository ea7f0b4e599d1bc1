"""Who calls: one of the three modes of ``spec.gateway.authentication``, decided once, before any method sees the call.

The answer is the tenant's name, which limits, records and telemetry use; it is empty where nobody is asked for a name.
Tokens are kept and compared as SHA-256 digests, all of them each time, so that the time an answer takes says nothing
about how much of a guess was right. Health stays open for probes that hold no credentials; reflection does not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.spec import Problem, SpecError
from mmpipe.spec.processes import Authentication
from mmpipe.v1 import error_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmpipe.runtimes.gateway.interception import Context

type Identify = Callable[[Context], str]
"""The tenant of a call. Raises Refusal NOT_AUTHENTICATED."""

_BEARER = "bearer "
_OPEN = "/grpc.health.v1.Health/"
_tenant: ContextVar[str] = ContextVar("mmpipe_tenant", default="")


def tenant() -> str:
    """Who sent the call that is being answered; empty without authentication."""
    return _tenant.get()


@contextmanager
def calling_as(name: str) -> Iterator[None]:
    """What happens within is done for this tenant."""
    token = _tenant.set(name)
    try:
        yield
    finally:
        _tenant.reset(token)


def identification(options: Authentication, tokens: str = "") -> Identify:
    """How callers are told apart; ``tokens`` is the secret of mode Tokens. Raises SpecError where it is of no use."""
    match options.mode:
        case "Tokens":
            return by_token(digests(tokens))
        case "MutualTls":
            return by_certificate
        case "None":
            return anyone


def is_open(method: str) -> bool:
    """Whether a method answers without authentication: only health does, which probes ask."""
    return method.startswith(_OPEN)


def anyone(context: Context) -> str:
    """Everybody is one tenant without a name."""
    del context
    return ""


def by_token(known: Mapping[bytes, str]) -> Identify:
    """The tenant whose token stands in ``authorization: Bearer TOKEN``; ``known`` are tenants by digest."""

    def identify(context: Context) -> str:
        given = hashlib.sha256(_bearer(context).encode()).digest()
        matches = [name for digest, name in known.items() if hmac.compare_digest(digest, given)]
        if not matches:
            raise _unauthenticated("an unknown token", "ask whoever runs this pipeline for a token of your own")
        return matches[0]

    return identify


def by_certificate(context: Context) -> str:
    """The common name of the client's certificate, which TLS has verified by then."""
    names = context.auth_context().get("x509_common_name", ())
    name = bytes(next(iter(names), b"")).decode("utf-8", "replace")
    if not name:
        raise _unauthenticated("no client certificate with a common name", "call with one signed by the authority")
    return name


def digests(secret: str) -> dict[bytes, str]:
    """Tenants by the SHA-256 of their tokens, from lines of ``tenant:token``; a tenant may have several tokens.

    Empty lines and ``#`` comments are skipped. Raises SpecError naming the line, never what it holds.
    """
    found: dict[bytes, str] = {}
    for number, line in enumerate(secret.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, token = (piece.strip() for piece in line.partition(":"))
        if not (name and colon and token):
            raise _bad_tokens(f"line {number} without tenant or token")
        if found.setdefault(hashlib.sha256(token.encode()).digest(), name) != name:
            raise _bad_tokens(f"line {number} with the token of another tenant")
    if not found:
        raise _bad_tokens("no token")
    return found


def _bearer(context: Context) -> str:
    metadata = dict(context.invocation_metadata() or ())
    value = str(metadata.get("authorization", ""))
    if not value.lower().startswith(_BEARER):
        raise _unauthenticated("no token", "send the metadata `authorization: Bearer TOKEN`")
    return value[len(_BEARER) :].strip()


def _unauthenticated(found: str, remedy: str) -> Refusal:
    message = f"authentication: found {found}; expected one that this gateway knows; {remedy}"
    return Refusal(error_pb2.REASON_NOT_AUTHENTICATED, message)


def _bad_tokens(found: str) -> SpecError:
    place, expected = "spec.gateway.authentication.tokensSecretRef", "lines of tenant:token, each token once"
    return SpecError([Problem(place, found, expected, "mend the secret")])
