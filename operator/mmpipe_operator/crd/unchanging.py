"""What may not change once a pipeline is there, since its vectors would be left behind, in CEL.

One collection holds vectors of one model, at one place. The API server alone can hold this: only it knows the object
before.
"""

from __future__ import annotations

from collections.abc import Mapping

from mmpipe_operator.crd.rule import Rule, given

_REMEDY = (
    "the vectors would be left behind: make a second pipeline, or delete this one (deletionPolicy Retain keeps the "
    "vectors) and apply it anew"
)
_EXPECTED = "what it was"


def _model() -> Rule:
    now, before = "self.modalities[0].embed.model", "oldSelf.modalities[0].embed.model"
    other = {"name": "text", "embed": {"model": {"uri": "/models/clip"}}}
    return Rule(
        expression=f"{now}.uri == {before}.uri && {given('revision', root=now)} == {given('revision', root=before)}",
        shown=f"{now}.uri",
        expected="the embed.model that it had",
        remedy=_REMEDY,
        before={"modalities": [other]},
        accepted={"modalities": [other, other | {"name": "image"}]},
        rejected={"modalities": [{"name": "text"}]},
        field=".modalities",
        reason="FieldValueForbidden",
    )


def _text(name: str, before: str, after: str) -> Rule:
    return Rule(
        expression=f"{given(name)} == {given(name, root='oldSelf')}",
        found="another value",
        expected=_EXPECTED,
        remedy=_REMEDY,
        before={name: before},
        accepted={name: before, "index": {"efSearch": 64}},
        rejected={name: after},
        field=f".{name}",
        reason="FieldValueForbidden",
    )


def _dimension() -> Rule:
    return Rule(
        expression="!has(oldSelf.dimension) || has(self.dimension) && self.dimension == oldSelf.dimension",
        found="another one, or nothing",
        expected=_EXPECTED,
        remedy=_REMEDY,
        before={"dimension": 128},
        accepted={"dimension": 128, "index": {"efSearch": 64}},
        rejected={},
        field=".dimension",
        reason="FieldValueForbidden",
    )


UNCHANGING: Mapping[str, tuple[Rule, ...]] = {
    "PipelineSpec": (_model(),),
    "Milvus": (
        _text("uri", "http://milvus:19530", "http://other:19530"),
        _text("alias", "media", "other"),
        _text("database", "media", "other"),
        _dimension(),
    ),
}
"""By the name of the model that they are about."""
