"""Whether a stored object is as planned: pure, and the reason why a steady cluster sees no write.

Three questions, all answered from the stored object alone, so that a restart forgets nothing:

* Does every planned value stand there? What others have added beside it does not matter: a list that Kubernetes merges
  by key may hold entries of others, any other list must be as planned.
* Does the operator still own a field that it no longer plans? The API server notes that in ``managedFields``. Such a
  field is given up by applying without it.
* Does the operator own every field that it plans? A value that somebody else has put there is as planned by chance, and
  nothing in the note of the operator's fields would tell that they change it again (``prints``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.watching.prints import applied

_MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Lists that the API server merges by key (``x-kubernetes-list-map-keys`` of its OpenAPI), as far as they are planned.
``ports`` goes by ``containerPort`` or ``port``, and protocol."""
_IDENTITY = {"apiVersion", "kind", "name", "namespace"}
"""What says which object it is; the API server notes no owner for it."""
_AMOUNT = re.compile(r"\.(requests|limits)\.[^.]+$|\.(sizeLimit|averageValue)$")
"""Paths of amounts, which the API server stores in its own words: `1000m` as `1`."""
_QUANTITY = re.compile(r"([+-]?[\d.]+)(?:e([+-]?\d+)|([numkMGTPE]i?|Ki))?", re.IGNORECASE | re.ASCII)
_SUFFIX = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def difference(planned: Manifest, stored: Manifest) -> str:
    """Path of the first field that is not as planned, such as ``spec.template.spec``; empty where all is."""
    owned = applied(stored).get("fieldsV1", {})
    found = chain(_differing(planned, stored, ""), _given_up(owned, planned, ""), _not_ours(planned, owned, ""))
    return next(found, "")


def _differing(planned: object, stored: object, path: str) -> Iterator[str]:
    if isinstance(planned, Mapping):
        yield from _differing_map(planned, stored, path)
    elif isinstance(planned, list):
        yield from _differing_list(planned, stored, path)
    elif planned != stored and not (_AMOUNT.search(path) and _same_quantity(planned, stored)):
        yield path


def _differing_map(planned: Mapping[str, Any], stored: object, path: str) -> Iterator[str]:
    if not isinstance(stored, Mapping):
        yield path
        return
    for name, value in planned.items():
        yield from _differing(value, stored.get(name), f"{path}.{name}".removeprefix("."))


def _differing_list(planned: Sequence[Any], stored: object, path: str) -> Iterator[str]:
    if not isinstance(stored, list):
        yield path
        return
    keys = merge_keys(path, planned)
    if keys:
        by_key = {_key(entry, keys): entry for entry in stored}
        for entry in planned:
            yield from _differing(entry, by_key.get(_key(entry, keys)), f"{path}[{entry[keys[0]]}]")
        return
    if len(planned) != len(stored):
        yield path
    for index, (entry, other) in enumerate(zip(planned, stored, strict=False)):
        yield from _differing(entry, other, f"{path}[{index}]")


def merge_keys(path: str, entries: Sequence[Any]) -> tuple[str, ...]:
    """The fields by which the API server merges a list's entries; none where the list is one whole."""
    name = path.rpartition(".")[2]
    if name == "ports" and entries and ".ingress" not in path and ".egress" not in path:
        return ("containerPort" if "containerPort" in entries[0] else "port", "protocol")
    return _MERGE_KEYS.get(name, ())


def _key(entry: Mapping[str, Any], keys: Sequence[str]) -> tuple[object, ...]:
    return tuple(entry.get(key) for key in keys)


def _given_up(owned: Mapping[str, Any], planned: object, path: str) -> Iterator[str]:
    """Fields that the operator owns and does not plan. ``f:`` names a field, ``k:`` an entry by its keys."""
    for step, inner in owned.items():
        if step.startswith("f:"):
            yield from _given_up_field(step[2:], inner, planned, path)
        elif step.startswith("k:"):
            yield from _given_up_entry(json.loads(step[2:]), inner, planned, path)


def _given_up_field(name: str, inner: Mapping[str, Any], planned: object, path: str) -> Iterator[str]:
    here = f"{path}.{name}".removeprefix(".")
    if not isinstance(planned, Mapping) or (name not in planned and name not in _IDENTITY):
        yield here
    else:
        yield from _given_up(inner, planned.get(name), here)


def _given_up_entry(keys: Mapping[str, Any], inner: Mapping[str, Any], planned: object, path: str) -> Iterator[str]:
    entries = planned if isinstance(planned, list) else []
    match = next((entry for entry in entries if all(entry.get(key) == value for key, value in keys.items())), None)
    if match is None:
        yield f"{path}[{next(iter(keys.values()))}]"
    else:
        yield from _given_up(inner, match, path)


def _not_ours(planned: object, owned: Mapping[str, Any], path: str) -> Iterator[str]:
    """Planned fields that the operator does not own. What has no step below it is owned as a whole."""
    if not owned and path:
        return
    if isinstance(planned, Mapping):
        for name, value in planned.items():
            if not (name in _IDENTITY and path in {"", "metadata"}):
                yield from _not_ours_below(owned.get(f"f:{name}"), value, f"{path}.{name}".removeprefix("."))
    elif isinstance(planned, list):
        entries = [(json.loads(step[2:]), inner) for step, inner in owned.items() if step.startswith("k:")]
        for index, entry in enumerate(planned):
            mine = (inner for keys, inner in entries if keys.items() <= entry.items())
            yield from _not_ours_below(next(mine, None), entry, f"{path}[{index}]")


def _not_ours_below(owned: Mapping[str, Any] | None, planned: object, path: str) -> Iterator[str]:
    if owned is None:
        yield path
    else:
        yield from _not_ours(planned, owned, path)


def _same_quantity(planned: object, stored: object) -> bool:
    amount = quantity(planned)
    return amount is not None and amount == quantity(stored)


def quantity(value: object) -> Decimal | None:
    """An amount as Kubernetes writes it (``1500m``, ``2Gi``, ``1e3``), or None where it is none."""
    found = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if found is None or found[1].count(".") > 1 or not found[1].strip("+-."):
        return None
    number, suffix = Decimal(found[1]), found[3] or ""
    if suffix in _BINARY:
        return number * (1 << 10 * _BINARY[suffix])
    if suffix and suffix not in _SUFFIX:
        return None
    return number.scaleb(int(found[2] or _SUFFIX.get(suffix, 0)))
