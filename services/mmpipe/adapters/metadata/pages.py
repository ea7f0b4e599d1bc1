"""Pages of a long list, by key: a page begins after the last row of the one before, however many were added since.

A token is that row's key. It is opaque to clients and holds nothing they may not know: they have seen the row.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_

from mmpipe.adapters.errors import TokenRefused

type Key = tuple[Any, ...]
"""A moment, then what tells rows of that moment apart."""


def token_of(key: Key) -> str:
    """The token of the page after the row with this key."""
    at, *rest = key
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), *rest]).encode()).decode()


def key_of(token: str, *kinds: type) -> Key:
    """The key in a token: a moment and values of these kinds. Raises TokenRefused where it is no token of ours."""
    try:
        at, *rest = json.loads(base64.urlsafe_b64decode(token.encode()))
        key = (datetime.fromisoformat(at), *rest)
        fits = key[0].tzinfo is not None and len(rest) == len(kinds)
        if fits and all(isinstance(value, kind) for value, kind in zip(rest, kinds, strict=True)):
            return key
    except (ValueError, TypeError):
        pass  # as below
    expected = "the next_page_token of a page before, or none for the first"
    raise TokenRefused("page token", repr(token), expected, "ask for the first page again")


def newest_first(columns: Sequence[Any]) -> list[ColumnElement[Any]]:
    """The order: the moment backwards, the rest forwards."""
    return [columns[0].desc(), *columns[1:]]


def after(columns: Sequence[Any], key: Key) -> ColumnElement[bool]:
    """Whether a row comes after the one with this key, in that order."""
    conditions = [columns[0] < key[0]]
    for place in range(1, len(columns)):
        before = [column == value for column, value in zip(columns[:place], key[:place], strict=True)]
        conditions.append(and_(*before, columns[place] > key[place]))
    return or_(false(), *conditions)
