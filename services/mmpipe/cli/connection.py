"""From the options of a command to a connection to a gateway: address, token, TLS.

Tokens and keys are never on a command line, where every user of the machine could read them: the environment names
them. ``MMPIPE_TLS_CA`` is a PEM file of the authority that signed the gateway's certificate, or ``system`` for the
machine's own; ``MMPIPE_TLS_CERTIFICATE`` and ``MMPIPE_TLS_KEY`` are PEM files of one's own, for mutual TLS.
``MMPIPE_TLS_SERVER_NAME`` is the name in the gateway's certificate where the address has another, as that of a
forwarded port has.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmpipe.cli.options import TOKEN_ENV
from mmpipe.errors import MmpipeError

if TYPE_CHECKING:
    from mmpipe.client import Client, Credentials

_CA, _CERTIFICATE, _KEY = "MMPIPE_TLS_CA", "MMPIPE_TLS_CERTIFICATE", "MMPIPE_TLS_KEY"
_SERVER_NAME = "MMPIPE_TLS_SERVER_NAME"


class NoConnection(MmpipeError):  # noqa: N818  # says what is the case, like the errors of the client
    """The options do not say how to reach a gateway."""


def connect(address: str | None, token_env: str) -> Client:
    """A client for the gateway at ``address``. Raises NoConnection naming what is missing."""
    if not address:
        raise NoConnection("--gateway: found nothing; expected host:port; give it, or set MMPIPE_GATEWAY")
    from mmpipe.client import Client

    return Client(address, token=_token(token_env), credentials=_credentials())


def _token(name: str) -> str:
    """The token in that variable; none is fine where nobody named the variable."""
    token = os.environ.get(name, "")
    if not token and name != TOKEN_ENV:
        raise NoConnection(f"--token-env: found no variable {name}; expected one that holds the token; set it")
    return token


def _credentials() -> Credentials | None:
    from mmpipe.client import Credentials

    authority, certificate, key = (os.environ.get(name, "") for name in (_CA, _CERTIFICATE, _KEY))
    if bool(certificate) != bool(key):
        raise NoConnection(f"{_CERTIFICATE}, {_KEY}: found one of them; expected both or neither; set the other")
    if not (authority or certificate):
        return None
    return Credentials(
        authority=_pem(_CA, authority) if authority not in {"", "system"} else None,
        certificate=_pem(_CERTIFICATE, certificate) if certificate else None,
        key=_pem(_KEY, key) if key else None,
        server_name=os.environ.get(_SERVER_NAME, ""),
    )


def _pem(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise NoConnection(f"{name}: found {path} ({error.strerror}); expected a PEM file; correct it") from error
