"""Who is let in: whom the API server's front proxy vouches for, and for a metric only whom the API server lets read it.

What there is may be seen by everybody who comes through the API server, which asks its own rules before it forwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmpipe_operator.metrics_adapter.authorization import Authorizer
from mmpipe_operator.metrics_adapter.front_proxy import FrontProxy, User, user
from mmpipe_operator.metrics_adapter.problems import Unreadable
from mmpipe_operator.metrics_adapter.request import Question


class Access:
    """Belongs to one event loop. ``proxy`` is whom to believe, once that is known."""

    def __init__(self, authorizer: Authorizer) -> None:
        self.proxy: FrontProxy | None = None
        self._authorizer = authorizer

    def identify(self, certificate: Mapping[str, Any] | None, headers: Iterable[tuple[str, str]]) -> User:
        """Who asks. Raises Stranger, or Unreadable where the front proxy is not known yet."""
        if self.proxy is None:
            raise Unreadable("front proxy: found none known yet, expected the API server's; ask again in a moment")
        return user(self.proxy, certificate, headers)

    async def check(self, user: User, asked: Question) -> None:
        """Raises Forbidden, or Unreadable where the API server does not say."""
        await self._authorizer.check(user, asked)
