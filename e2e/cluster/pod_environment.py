"""A container's variables: literal, from fields of the pod, and from Secrets and ConfigMaps."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from e2e.cluster.client import Client

from mmpipe_operator.kinds import CONFIG_MAP, SECRET, Kind, Manifest

_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_IN_BRACKETS = re.compile(r"(.+)\['(.+)'\]")


def environment(client: Client, pod: Manifest, container: Manifest) -> dict[str, str]:
    """By name; what an optional reference does not find is absent."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        reference = source.get("secretRef") or source["configMapRef"]
        kind = SECRET if "secretRef" in source else CONFIG_MAP
        for key, value in _data(client, pod, kind, reference["name"]).items():
            found[source.get("prefix", "") + key] = value
    for variable in container.get("env", ()):
        text = _value(client, pod, container, variable)
        found |= {} if text is None else {variable["name"]: text}
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """``$(NAME)`` as Kubernetes fills it in; an unknown name stays as it is."""
    return _REFERENCE.sub(lambda match: variables.get(match[1], match[0]), text)


def field_of(pod: Manifest, path: str) -> str:
    """``metadata.name``, ``metadata.labels['key']`` and the like."""
    bracket = _IN_BRACKETS.fullmatch(path)
    if bracket is not None:
        section = bracket[1].removeprefix("metadata.")
        return str(pod["metadata"].get(section, {}).get(bracket[2], ""))
    found: object = pod
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return str(found)


def _value(client: Client, pod: Manifest, container: Manifest, variable: Manifest) -> str | None:
    source = variable.get("valueFrom")
    if source is None:
        return str(variable.get("value", ""))
    if "fieldRef" in source:
        return field_of(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        kind, _, resource = source["resourceFieldRef"]["resource"].partition(".")
        return str(container.get("resources", {}).get(kind, {}).get(resource, "0"))
    reference = source.get("secretKeyRef") or source["configMapKeyRef"]
    kind_of_it = SECRET if "secretKeyRef" in source else CONFIG_MAP
    return _data(client, pod, kind_of_it, reference["name"]).get(reference["key"])


def _data(client: Client, pod: Manifest, kind: Kind, name: str) -> dict[str, str]:
    found = client.find(kind, pod["metadata"]["namespace"], name) or {}
    data: dict[str, str] = found.get("data", {})
    return {key: base64.b64decode(value).decode() for key, value in data.items()} if kind is SECRET else data
