"""Two objects for every bound of a structural schema: one that just keeps it, and one that just breaks it.

The bounds are read from the schema alone, so one that is added later is tested without a word here. Where a field needs
others around it, the model of the spec chooses among the surroundings in ``AROUND``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from e2e.control_plane.model_verdict import parses, takes
from e2e.control_plane.schema_values import REJECTED_TEXTS, of_length, other_type, smallest, too_long

from mmpipe_operator.kinds import Manifest

type Steps = tuple[str, ...]
"""Way to a node: names of fields, ``[]`` into a list, ``{}`` into a map."""
type Pair = tuple[Any, Any]

NAME = "bounds"
MODALITIES = ("text", "image", "audio", "video", "depth")
KEY = "text"
"""The name that an entry of a map gets: one that `fusion.weights` takes too."""

BASE: Manifest = {
    "apiVersion": "mmpipe.dev/v1alpha1",
    "kind": "MultimodalPipeline",
    "metadata": {"name": NAME},
    "spec": {
        "modalities": [{"name": "image"}],
        "source": {"queue": {"nats": {"url": "nats://nats:4222"}}},
        "sink": {
            "milvus": {"uri": "http://milvus:19530"},
            "objects": {"uri": "s3://media"},
            "metadata": {"uri": "postgresql://db/media"},
        },
    },
}
"""A pipeline that a cluster takes."""

_REF = {"name": "secret", "key": "key"}
_PAIR = {"certificateSecretRef": _REF, "privateKeySecretRef": _REF}
AROUND: tuple[Manifest, ...] = (
    {},
    {"modalities": [{"name": each} for each in MODALITIES]},
    {"modalities": [{"name": "image", "embed": {"model": {"uri": "acme/clip"}}}]},
    {"scaling": {"mode": "KEDA"}},
    {"scaling": {"maxReplicas": 1000}},
    {"gateway": {"authentication": {"mode": "Tokens", "tokensSecretRef": _REF}}},
    {"gateway": {"tls": _PAIR}},
    {"gateway": {"tls": {**_PAIR, "clientAuthoritySecretRef": _REF}}},
    *({process: {"rollout": {"maxUnavailable": 1}}} for process in ("gateway", "worker", "fusion")),
    {"modalities": [{"name": "image", "rollout": {"maxUnavailable": 1}}]},
    *({"modalities": [{"name": name}]} for name in MODALITIES),
    *({"modalities": [{"name": name, "scaling": {"maxReplicas": 1000}}]} for name in MODALITIES),
)
"""What else a spec may have to say, so that a field is taken."""


@dataclass(frozen=True, slots=True)
class Case:
    """One bound of one field. ``acts`` is whether the model takes the object that keeps it."""

    path: str
    bound: str
    kept: Manifest
    broken: Manifest
    acts: bool


@dataclass(frozen=True, slots=True)
class Place:
    """One bound before it is made into objects, which takes some milliseconds each."""

    top: Manifest
    steps: Steps
    bound: str
    pair: Pair

    def case(self) -> Case:
        """As two objects."""
        return _case(self.top, self.steps, self.bound, self.pair)


def cases(schema: Manifest, root: str) -> list[Case]:
    """Of every node at and below a field of the object, such as ``spec``."""
    return [place.case() for place in places(schema, root)]


def places(schema: Manifest, root: str) -> list[Place]:
    """Every bound of every node at and below a field of the object."""
    top: Manifest = {"type": "object", "properties": {root: schema["properties"][root]}}
    return [
        Place(top, steps, bound, pair)
        for steps, node in nodes(top["properties"][root], (root,))
        for bound, pair in bounds(node)
    ]


def nodes(schema: Manifest, steps: Steps) -> Iterator[tuple[Steps, Manifest]]:
    """Every node of the schema with the way to it, outer before inner."""
    yield steps, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, (*steps, name))
    if "items" in schema:
        yield from nodes(schema["items"], (*steps, "[]"))
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], (*steps, "{}"))


def bounds(node: Manifest) -> Iterator[tuple[str, Pair]]:
    """Each bound with a value that keeps it and one that breaks it."""
    yield "type", (node.get("default", smallest(node)), other_type(node))
    if "enum" in node:
        kept = node.get("default", node["enum"][0])
        yield "enum", (kept, "Absurd")
    of_type = {"string": _of_text, "array": _of_list, "object": _of_object}
    yield from of_type.get(node["type"], _of_number)(node)


def _of_number(node: Manifest) -> Iterator[tuple[str, Pair]]:
    step = 1 if node["type"] == "integer" else 0.001
    for bound, towards in (("minimum", 1), ("maximum", -1)):
        if bound not in node:
            continue
        value = node[bound]
        if node.get(f"exclusive{bound.capitalize()}"):
            yield f"exclusive{bound.capitalize()}", (value + towards * step, value)
        else:
            yield bound, (value, value - towards * step)


def _of_text(node: Manifest) -> Iterator[tuple[str, Pair]]:
    if "maxLength" in node:
        yield "maxLength", (of_length(node, node["maxLength"]), too_long(node))
    if node.get("minLength"):
        yield "minLength", (of_length(node, node["minLength"]), of_length({}, node["minLength"] - 1))
    if "pattern" in node:
        yield "pattern", (smallest(node), REJECTED_TEXTS[node["pattern"]])


def _of_list(node: Manifest) -> Iterator[tuple[str, Pair]]:
    entry = smallest(node["items"])
    if node.get("minItems"):
        yield "minItems", ([entry], [])
    if node["x-kubernetes-list-type"] == "map":
        yield "x-kubernetes-list-type", ([entry], [entry, entry])
    most = node["maxItems"]
    yield "maxItems", (_distinct(node, most), _distinct(node, most + 1))


def _of_object(node: Manifest) -> Iterator[tuple[str, Pair]]:
    least = smallest(node)
    if "maxProperties" in node:
        value = smallest(node["additionalProperties"])
        names = [*MODALITIES, *(f"{KEY}{each}" for each in range(node["maxProperties"]))]
        pair = [dict.fromkeys(names[: node["maxProperties"] + more], value) for more in (0, 1)]
        yield "maxProperties", (pair[0], pair[1])
    if "properties" in node:
        yield "unknown", (least, {**least, "zzz": 1})
    for name in node.get("required", ()):
        yield f"required {name}", (least, dict(least))


def _distinct(node: Manifest, count: int) -> list[Any]:
    """So many entries; those of a list-map differ in their key."""
    entry = smallest(node["items"])
    if node["x-kubernetes-list-type"] != "map":
        return [entry] * count
    (key,) = node["x-kubernetes-list-map-keys"]
    values = node["items"]["properties"][key].get("enum")
    if values:
        return [{**entry, key: value} for value in (values * 2)[:count]]
    return [{**entry, key: f"{entry[key]}{place}"} for place in range(count)]


def _case(top: Manifest, steps: Steps, bound: str, pair: Pair) -> Case:
    kept, broken = (_beside(found_in_base(steps), value) for value in pair)
    if bound.startswith("required ") and isinstance(broken, dict):
        del broken[bound.removeprefix("required ")]
    chosen = _around(top, steps, kept, takes) or _around(top, steps, kept, parses) or {}
    says = indexed(steps) + _below(bound)
    good, bad = (_object(top, steps, value, chosen) for value in (kept, broken))
    return Case(says, bound, good, bad, takes(good))


def _below(bound: str) -> str:
    """Where the fault is, below the node that has the bound."""
    if bound.startswith("required "):
        return f".{bound.removeprefix('required ')}"
    return {"unknown": ".zzz", "x-kubernetes-list-type": "[1]"}.get(bound, "")


def found_in_base(steps: Steps) -> Any:  # noqa: ANN401  # JSON
    """What the pipeline that a cluster takes has there."""
    found: Any = BASE
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _beside(found: Any, value: Any) -> Any:  # noqa: ANN401  # JSON
    """The value with what is there: a block keeps its fields, a URI its beginning."""
    if isinstance(found, dict) and isinstance(value, dict):
        return {**value, **found}
    if isinstance(found, str) and isinstance(value, str) and value:
        return found + value[len(found) :]
    return value


def with_value(schema: Manifest, steps: Steps, value: Any, around: Manifest) -> Manifest:  # noqa: ANN401  # JSON
    """A pipeline that a cluster takes, with that value at the end of the way; blocks are merged into what is there."""
    return _object(schema, steps, merged(found_in_base(steps), value), around)


def merged(base: Any, value: Any) -> Any:  # noqa: ANN401  # JSON
    """The value over what is there: blocks are merged field by field, all else is replaced."""
    if not (isinstance(base, dict) and isinstance(value, dict)):
        return value
    return base | {name: merged(base.get(name), inner) for name, inner in value.items()}


def _object(top: Manifest, steps: Steps, value: Any, around: Manifest) -> Manifest:  # noqa: ANN401  # JSON
    document = copy.deepcopy(merged(BASE, {"spec": around}))
    return _set(document, top, steps, value)  # type: ignore[no-any-return]  # an object, as its first step names a field


def _set(found: Any, schema: Manifest, steps: Steps, value: Any) -> Any:  # noqa: ANN401  # JSON
    """What was found, with the value at the end of the way, and on the way what the schema requires."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step == "[]":
        entry = found[0] if found else smallest(schema["items"])
        return [_set(entry, schema["items"], rest, value)]
    if step == "{}":
        return {KEY: _set(None, schema["additionalProperties"], rest, value)}
    block = found if isinstance(found, dict) else smallest(schema)
    inner = schema["properties"].get(step, {})
    known = block.get(step)
    return _alone(block, step) | {step: _set(known, inner, rest, value)}


_SOURCES = {
    "emptyDir",
    "persistentVolumeClaim",
    "configMap",
    "secret",
    "image",
    "csi",
    "secretKeyRef",
    "configMapKeyRef",
}
_SOURCES |= {"fieldRef", "resourceFieldRef"}


def _alone(block: Manifest, step: str) -> Manifest:
    """The block without what may not stand beside the field."""
    if step in _SOURCES:
        return {name: value for name, value in block.items() if name not in _SOURCES}
    if step == "valueFrom":
        return {name: value for name, value in block.items() if name != "value"}
    return block


def _around(top: Manifest, steps: Steps, value: Any, fits: Callable[[Manifest], bool]) -> Manifest | None:  # noqa: ANN401  # JSON
    """The first surroundings in which the model is content with the value."""
    return next((each for each in AROUND if fits(_object(top, steps, value, each))), None)


def indexed(steps: Steps) -> str:
    """As the API server says it."""
    text = ""
    for step in steps:
        text += "[0]" if step == "[]" else f".{KEY}" if step == "{}" else f".{step}"
    return re.sub(r"^\.", "", text)
