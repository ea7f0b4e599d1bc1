"""What can go wrong between the operator and the API server.

::

    ClusterError
    ├── Unavailable    no answer, or "not now" (429, 5xx): the same request may work later
    │   └── Expired    what was asked for is of too old a version (410): list anew
    ├── Conflict       the object has changed, or is another one (409): observe again
    ├── Gone           the object, or its namespace, is not there (404)
    ├── Refused        the request will not work as it is (400, 401, 403, 422): somebody must change something
    └── NotLeading     this replica has lost the lease: it must not write
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from mmpipe.errors import MmpipeError

LONGEST_AGAIN_S = 60.0
"""No longer than an own pause, whatever a server or what stands before it asks for."""
_TERMINATING = "NamespaceTerminating"
"""Cause of a 403 that means: the namespace is being deleted, nothing more goes in."""
_NOT_YET_KNOWN = "no matches for kind"
"""In a 403 of OwnerReferencesPermissionEnforcement: this admission plugin learns of a kind half a minute late."""


class ClusterError(MmpipeError):
    """A request to the API server that did not do what it was for. ``reason`` is Kubernetes' own, such as `Invalid`.

    ``again_s`` is how long the API server asks to be left alone (``Retry-After``), 0 where it does not.
    """

    again_s = 0.0

    def __init__(self, what: str, reason: str, message: str) -> None:
        self.reason = reason
        self.message = message
        super().__init__(f"{what}: {message}")


class Unavailable(ClusterError):  # noqa: N818  # says what is the case
    """No answer, or "not now"."""


class Expired(Unavailable):
    """The API server no longer knows what was at that version."""


class Conflict(ClusterError):  # noqa: N818  # as above
    """The object is not what the request took it for."""


class Gone(ClusterError):  # noqa: N818  # as above
    """Not there, or no longer."""


class Refused(ClusterError):  # noqa: N818  # as above
    """The API server will not take it."""


class NotLeading(ClusterError):  # noqa: N818  # as above
    """The replica does not hold the lease."""


def fault_of(what: str, status: int, body: bytes, retry_after: str = "") -> ClusterError:
    """The answer of the API server as an error: its own reason and message where it gives them."""
    said = _status(body)
    reason = said.get("reason") or str(status)
    message = said.get("message") or body.decode(errors="replace")[:300] or f"status {status} without a word"
    fault = _kind(status, said)(what, reason, message)
    if retry_after.isdecimal():
        fault.again_s = min(float(retry_after), LONGEST_AGAIN_S)
    return fault


def _kind(status: int, said: dict[str, Any]) -> type[ClusterError]:
    if status == HTTPStatus.NOT_FOUND or _TERMINATING in json.dumps(said.get("details", "")):
        return Gone
    if status == HTTPStatus.CONFLICT:
        return Conflict
    if status == HTTPStatus.GONE:
        return Expired
    not_now = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    not_yet = status == HTTPStatus.FORBIDDEN and _NOT_YET_KNOWN in str(said.get("message"))
    return Unavailable if not_now or not_yet else Refused


def _status(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:  # a proxy's page
        return {}
    return said if isinstance(said, dict) else {}
