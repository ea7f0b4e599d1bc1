"""What can't be answered, as the API server's clients expect it: a ``Status`` with code, reason and message.

::

    ApiProblem
    ├── BadQuestion     400  the request makes no sense as it is
    ├── Stranger        401  nobody that the API server's front proxy vouches for
    ├── Forbidden       403  somebody who may not read this metric
    ├── Unknown         404  no such pipeline, metric, modality or process
    ├── OnlyRead        405  another verb than GET
    ├── OtherForm       406  asked for in a form that is not served
    └── Unreadable      503  the queue or a pod did not answer: never taken for 0

An autoscaler that gets any of them leaves its replicas as they are, or at most adds some by its other metrics.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from mmpipe.errors import MmpipeError
from mmpipe_operator.kinds import Manifest


class ApiProblem(MmpipeError):  # noqa: N818  # says what is the case, as those below
    """The base: ``status`` is the HTTP status, ``reason`` as Kubernetes calls it."""

    status: ClassVar[HTTPStatus]
    reason: ClassVar[str]


class BadQuestion(ApiProblem):
    """The request can't be understood."""

    status = HTTPStatus.BAD_REQUEST
    reason = "BadRequest"


class Stranger(ApiProblem):
    """It did not come through the API server."""

    status = HTTPStatus.UNAUTHORIZED
    reason = "Unauthorized"


class Forbidden(ApiProblem):
    """The user may not."""

    status = HTTPStatus.FORBIDDEN
    reason = "Forbidden"


class Unknown(ApiProblem):
    """There is none of that name."""

    status = HTTPStatus.NOT_FOUND
    reason = "NotFound"


class OnlyRead(ApiProblem):
    """Metrics are read, and nothing else."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    reason = "MethodNotAllowed"


class OtherForm(ApiProblem):
    """Not in the form that was asked for."""

    status = HTTPStatus.NOT_ACCEPTABLE
    reason = "NotAcceptable"


class Unreadable(ApiProblem):
    """A reading failed; the next one may not."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    reason = "ServiceUnavailable"


def document(status: HTTPStatus, reason: str, message: str) -> Manifest:
    """The ``Status`` of an answer that is no success."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status.value,
    }
