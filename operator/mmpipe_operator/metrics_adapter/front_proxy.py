"""Who may speak for users: the API server's front proxy, as ``kube-system/extension-apiserver-authentication`` says.

A request that was forwarded comes with the proxy's client certificate, of an authority of its own, and names the user
in headers. Without that certificate the headers are anybody's claim. The ConfigMap is written by the API server and
changes when its operators change the authority, so it is read again every few seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mmpipe.errors import MmpipeError
from mmpipe_operator.cluster import Cluster, ClusterError
from mmpipe_operator.kinds import CONFIG_MAP, Manifest, Ref
from mmpipe_operator.metrics_adapter.problems import Stranger

CONFIGURATION = Ref(CONFIG_MAP, "kube-system", "extension-apiserver-authentication")
INTERVAL_S = 10.0
"""How often it is read."""
_PREFIX = "requestheader-"

_log = logging.getLogger(__name__)


class NoFrontProxy(MmpipeError):  # noqa: N818  # says what is the case
    """The API server does not say whom it sends."""


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """``authority`` (PEM) signs the proxy's certificate, ``allowed`` are its common names (any where empty)."""

    authority: str
    allowed: tuple[str, ...]
    users: tuple[str, ...]
    uids: tuple[str, ...]
    groups: tuple[str, ...]
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class User:
    """For whom the proxy speaks."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


async def keep(
    cluster: Cluster, use: Callable[[FrontProxy], None], fail: Callable[[str], None], interval_s: float = INTERVAL_S
) -> None:
    """Call ``use`` with the first configuration and with every other one. ``fail`` hears why there is none."""
    known: FrontProxy | None = None
    said = ""
    while True:
        problem = ""
        try:
            found = front_proxy(await cluster.get(CONFIGURATION))
        except (ClusterError, NoFrontProxy) as error:
            problem = str(error)
            fail(problem)
        else:
            if found != known:
                known = found
                use(found)
        if problem and problem != said:
            _log.warning("%s", problem)
        said = problem
        await asyncio.sleep(interval_s)


def front_proxy(config_map: Manifest | None) -> FrontProxy:
    """The front proxy of a cluster. Raises NoFrontProxy."""
    data: dict[str, str] = (config_map or {}).get("data") or {}
    authority = data.get(f"{_PREFIX}client-ca-file", "")
    if not authority:
        remedy = "start the API server with --requestheader-client-ca-file"
        raise NoFrontProxy(f"{CONFIGURATION}: found no {_PREFIX}client-ca-file, expected a certificate; {remedy}")
    return FrontProxy(
        authority,
        allowed=_list(data, "allowed-names"),
        users=_list(data, "username-headers"),
        uids=_list(data, "uid-headers"),
        groups=_list(data, "group-headers"),
        extras=_list(data, "extra-headers-prefix"),
    )


def user(proxy: FrontProxy, certificate: Mapping[str, Any] | None, headers: Iterable[tuple[str, str]]) -> User:
    """For whom a request speaks. ``certificate`` is verified, as ``ssl`` shows it. Raises Stranger."""
    if not certificate:
        remedy = "ask the API server, which forwards"
        raise Stranger(f"client certificate: found none, expected the one of the API server's front proxy; {remedy}")
    found = _common_name(certificate)
    if proxy.allowed and found not in proxy.allowed:
        expected = " or ".join(proxy.allowed)
        raise Stranger(f"client certificate: found the common name {found!r}, expected {expected}; ask the API server")
    said = _by_name(headers)
    name = _first(proxy.users, said)
    if not name:
        expected = " or ".join(proxy.users)
        raise Stranger(f"headers: found no user, expected one in {expected}; ask the API server, which sets it")
    groups = tuple(value for header in proxy.groups for value in said.get(header.lower(), ()))
    return User(name, _first(proxy.uids, said), groups, tuple(sorted(_extras(proxy.extras, said))))


def _list(data: dict[str, str], name: str) -> tuple[str, ...]:
    try:
        found = json.loads(data.get(_PREFIX + name) or "[]")
    except ValueError as error:
        raise NoFrontProxy(f"{CONFIGURATION}: {_PREFIX}{name}: {error}, expected a list in JSON; correct it") from error
    return tuple(map(str, found))


def _common_name(certificate: Mapping[str, Any]) -> str:
    parts = (part for relative in certificate.get("subject", ()) for part in relative)
    return next((str(value) for kind, value in parts if kind == "commonName"), "")


def _by_name(headers: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Values by the name in lower case, in their order."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in headers:
        found[name.lower()] = (*found.get(name.lower(), ()), value)
    return found


def _first(names: Iterable[str], said: Mapping[str, tuple[str, ...]]) -> str:
    return next((value for name in names for value in said.get(name.lower(), ()) if value), "")


def _extras(prefixes: Iterable[str], said: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Keys are escaped, as ``scopes.example.com%2Fview``, and lower case: headers know none."""
    for prefix in map(str.lower, prefixes):
        yield from ((unquote(name[len(prefix) :]), said[name]) for name in said if name.startswith(prefix))
