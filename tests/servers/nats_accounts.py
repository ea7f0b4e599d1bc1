"""A NATS server that lets in by credentials files: an operator, one account with JetStream, one user, made for a test.

JWT by nkeys as in https://docs.nats.io (decentralised authentication): what `nsc` would write.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass

import nkeys

_UNLIMITED = {
    "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1,
    "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Accounts:
    """``configuration`` for the server; ``credentials`` is the content of the user's file."""

    configuration: str
    credentials: str


def accounts() -> Accounts:
    operator, user = _seed(nkeys.PREFIX_BYTE_OPERATOR), _seed(nkeys.PREFIX_BYTE_USER)
    system, account = _seed(nkeys.PREFIX_BYTE_ACCOUNT), _seed(nkeys.PREFIX_BYTE_ACCOUNT)
    tokens = {
        "operator": _jwt(operator, operator, {"type": "operator", "system_account": _public(system)}),
        "system": _jwt(operator, system, {"type": "account", "limits": {}}),
        "account": _jwt(operator, account, {"type": "account", "limits": _UNLIMITED}),
        "user": _jwt(account, user, {"type": "user", "subs": -1, "data": -1, "payload": -1}),
    }
    preload = f"{{ {_public(system)}: {tokens['system']}, {_public(account)}: {tokens['account']} }}"
    configuration = f"operator: {tokens['operator']}\nresolver: MEMORY\nresolver_preload: {preload}\n"
    return Accounts(configuration, _credentials(tokens["user"], user))


def _seed(prefix: int) -> bytes:
    return bytes(nkeys.encode_seed(os.urandom(32), prefix))


def _public(seed: bytes) -> str:
    return bytes(nkeys.from_seed(bytearray(seed)).public_key).decode()


def _jwt(issuer: bytes, subject: bytes, claims: dict[str, object]) -> str:
    body = {"jti": "test", "iat": 1, "iss": _public(issuer), "name": "test", "sub": _public(subject)}
    parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body | {"nats": claims | {"version": 2}}]
    signed = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_base64(nkeys.from_seed(bytearray(issuer)).sign(signed.encode()))}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _credentials(token: str, seed: bytes) -> str:
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed.decode()}\n------END USER NKEY SEED------\n"
    )
