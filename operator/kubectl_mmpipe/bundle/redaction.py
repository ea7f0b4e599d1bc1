"""What is starred out before anything is written: values of Secrets, variables that look like secrets, passwords. Pure.

It errs on the side of stars. What cannot be told from a harmless word (a password in a sentence) passes, so a bundle is
looked through before it is sent; the manifest says so too.
"""

from __future__ import annotations

import re
from typing import Any

from mmpipe.telemetry.secrets import starred

STARS = "***"

_SOUNDS = r"(?:pass(?:word|wd|phrase)|secret|token|(?:api|access|private)[_-]?key|credentials?)"
_SECRET_NAME = re.compile(rf"{_SOUNDS}$|headers$|^authorization$|_DSN$|_KEY$", re.IGNORECASE)
"""Names of variables and fields: OTEL_EXPORTER_OTLP_HEADERS holds tokens too."""
_VALUE = r"""(?!\*\*\*)[^\s"',;{}]+"""
_ASSIGNED = re.compile(
    rf"""([\w.-]*{_SOUNDS}["']?[ \t]*[:=][ \t]*["']?|--[\w-]*{_SOUNDS}[ \t]+){_VALUE}""", re.IGNORECASE
)
"""``password=...``, ``"token": "..."``, ``--api-key ...`` in a line. The word ends the name: not ``tokenize``."""
_PEM = re.compile(r"-----BEGIN [^-\n]*(?:KEY|SEED|JWT)[^-\n]*-----.*?(?:------?END [^-\n]*------?|\Z)", re.DOTALL)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_NKEY = re.compile(r"\bS[UAOCNX][A-Z2-7]{56}\b")
"""A seed of NATS (docs.nats.io, NKeys)."""
_RANDOM = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[A-Za-z0-9+/_=-]{24,}")
"""A value that nobody would type: long, without blanks, of small and capital letters and digits."""
_REPEATED = ("managedFields", "kubectl.kubernetes.io/last-applied-configuration")
"""What says again what the object says, in a form that is harder to star."""


def document(value: Any, name: str = "") -> Any:  # noqa: ANN401  # any JSON in, the same without secrets out
    """A JSON value without secrets; ``name`` is the field that holds it."""
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return [document(each) for each in value]
    if not isinstance(value, str):
        return value
    return STARS if value and _SECRET_NAME.search(name) else text(value)


def text(words: str) -> str:
    """A text, such as a log, without what opens a door."""
    for pattern in (_PEM, _JWT, _NKEY):
        words = pattern.sub(STARS, words)
    return _ASSIGNED.sub(rf"\1{STARS}", starred(words))


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if name not in _REPEATED}
    if fields.get("kind") == "Secret":
        return {
            name: _starred_values(value) if name in {"data", "stringData"} else value for name, value in kept.items()
        }
    if isinstance(fields.get("name"), str) and isinstance(fields.get("value"), str):
        return kept | {"value": _variable(fields["name"], fields["value"])}
    return {name: document(value, name) for name, value in kept.items()}


def _starred_values(data: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(data, STARS)


def _variable(name: str, value: str) -> str:
    """The value of an environment variable, starred where its name or its look says secret."""
    is_secret = _SECRET_NAME.search(name) or _RANDOM.fullmatch(value)
    return STARS if value and is_secret else text(value)
