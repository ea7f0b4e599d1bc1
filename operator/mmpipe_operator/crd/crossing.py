"""Rules of the model that cross fields, in CEL: each mirrors a validator of ``mmpipe.spec``, with the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmpipe.spec.depth import DepthGates
from mmpipe.spec.model import SpecModel
from mmpipe.spec.pipeline import DIMENSIONS
from mmpipe.spec.rollout import DEFAULT_SURGE, DEFAULT_UNAVAILABLE
from mmpipe.spec.template import ValueFrom, Volume
from mmpipe_operator.crd.modalities import ENTRY
from mmpipe_operator.crd.rule import Rule, given, literal

_SECRET = {"name": "media", "key": "value"}
_FIRST = "self.modalities[0].embed.model"


def _one_space() -> Rule:
    other = {"name": "image", "embed": {"model": {"uri": "/models/clip"}}}
    revision = "embed.model.revision"
    return Rule(
        expression=f"self.modalities.all(each, each.embed.model.uri == {_FIRST}.uri && "
        f"{given(revision, root='each')} == {given('revision', root=_FIRST)})",
        found="several",
        expected="one embed.model for all modalities",
        remedy="vectors of different models share no space; name one",
        accepted={"modalities": [other, other | {"name": "text"}]},
        rejected={"modalities": [{"name": "text"}, other]},
        field=".modalities",
    )


def _weights() -> Rule:
    return Rule(
        expression="!has(self.fusion.weights) || "
        "self.fusion.weights.all(name, self.modalities.exists(each, each.name == name))",
        found="weights of others",
        expected="modalities of this pipeline",
        remedy="remove the weight or add the modality",
        accepted={"modalities": [{"name": "text"}], "fusion": {"weights": {"text": 2}}},
        rejected={"modalities": [{"name": "text"}], "fusion": {"weights": {"image": 2}}},
        field=".fusion.weights",
    )


def _own_replicas(process: str) -> Rule:
    fewest, most = _bounds(f"self.{process}")
    return Rule(
        expression=f"{fewest} <= {most}",
        expected="at most maxReplicas, its own or that of spec.scaling",
        remedy="raise maxReplicas",
        accepted={process: {"scaling": {"minReplicas": 4}}},
        rejected={process: {"scaling": {"minReplicas": 5}}},
        field=f".{process}.scaling.minReplicas",
    )


def _replicas_of_modalities() -> Rule:
    fewest, most = _bounds("each")
    return Rule(
        expression=f"self.modalities.all(each, {fewest} <= {most})",
        expected="scaling.minReplicas to be at most maxReplicas, its own or that of spec.scaling",
        remedy="raise maxReplicas",
        accepted={"modalities": [{"name": "text", "scaling": {"minReplicas": 4}}]},
        rejected={"modalities": [{"name": "text", "scaling": {"minReplicas": 5}}]},
        field=".modalities",
    )


def _bounds(owner: str) -> tuple[str, str]:
    """CEL: fewest and most replicas of a process that overrides ``spec.scaling``."""
    first, _, rest = owner.partition(".")
    own = f"{first}.?{rest}.?scaling" if rest else f"{first}.?scaling"
    return tuple(f"{own}.?{name}.orValue(self.scaling.{name})" for name in ("minReplicas", "maxReplicas"))  # type: ignore[return-value]  # two


def _dimension(uri: str, known: int) -> Rule:
    return Rule(
        expression=f"{_FIRST}.uri != {literal(uri)} || !has(self.sink.milvus.dimension) || "
        f"self.sink.milvus.dimension == {known}",
        expected=f"{known}, that of {uri}",
        remedy="leave it out, or name another model",
        accepted={"sink": {"milvus": {"dimension": known}}},
        rejected={"sink": {"milvus": {"dimension": known + 1}}},
        field=".sink.milvus.dimension",
    )


def _replicas() -> Rule:
    return Rule(
        expression="self.minReplicas <= self.maxReplicas",
        expected="at most maxReplicas",
        remedy="raise maxReplicas",
        accepted={"minReplicas": 5, "maxReplicas": 5},
        rejected={"minReplicas": 5},
        field=".minReplicas",
    )


def _keda() -> Rule:
    return Rule(
        expression="self.mode == 'KEDA' || !has(self.keda)",
        shown="'it with mode ' + self.mode",
        expected="it only with mode KEDA",
        remedy="remove keda",
        accepted={"mode": "KEDA", "keda": {}},
        rejected={"mode": "HPA", "keda": {}},
        field=".keda",
        reason="FieldValueForbidden",
    )


def _of_rolling(bound: str) -> Rule:
    return Rule(
        expression=f"self.strategy == 'RollingUpdate' || !has(self.{bound})",
        shown="'it with strategy ' + self.strategy",
        expected="it only with strategy RollingUpdate",
        remedy=f"remove {bound}",
        accepted={"strategy": "RollingUpdate", bound: 1},
        rejected={"strategy": "Recreate", bound: 1},
        field=f".{bound}",
        reason="FieldValueForbidden",
    )


def _goes_on() -> Rule:
    surge, unavailable = (
        given(name, literal(default))
        for name, default in (("maxSurge", DEFAULT_SURGE), ("maxUnavailable", DEFAULT_UNAVAILABLE))
    )
    return Rule(
        expression=f"{surge} + {unavailable} > 0",
        found="0 beside maxSurge 0",
        expected="one of them at least 1",
        remedy="raise one of the two",
        accepted={"maxSurge": 0, "maxUnavailable": 1},
        rejected={"maxSurge": 0},
        field=".maxUnavailable",
    )


def _tokens() -> Rule:
    return Rule(
        expression="(self.mode == 'Tokens') == has(self.tokensSecretRef)",
        shown="'mode ' + self.mode + (has(self.tokensSecretRef) ? ' with' : ' without') + ' tokensSecretRef'",
        expected="it with mode Tokens and only then",
        remedy="set both or neither",
        accepted={"mode": "Tokens", "tokensSecretRef": _SECRET},
        rejected={"mode": "Tokens"},
        field=".tokensSecretRef",
    )


def _certificate() -> Rule:
    return Rule(
        expression="has(self.certificateSecretRef) == has(self.privateKeySecretRef)",
        found="one of certificate and key",
        expected="both or neither",
        remedy="set the other",
        accepted={"certificateSecretRef": _SECRET, "privateKeySecretRef": _SECRET},
        rejected={"certificateSecretRef": _SECRET},
        field=".privateKeySecretRef",
    )


def _authority() -> Rule:
    certificate = {"certificateSecretRef": _SECRET, "privateKeySecretRef": _SECRET}
    mode = {"authentication": {"mode": "MutualTls"}}
    return Rule(
        expression="self.authentication.mode != 'MutualTls' || "
        "self.?tls.?clientAuthoritySecretRef.hasValue() && self.?tls.?certificateSecretRef.hasValue()",
        found="MutualTls without an authority or a certificate",
        expected="tls.clientAuthoritySecretRef and the server's certificate",
        remedy="name their secrets",
        accepted=mode | {"tls": certificate | {"clientAuthoritySecretRef": _SECRET}},
        rejected=mode | {"tls": certificate},
        field=".authentication.mode",
    )


def _one_value() -> Rule:
    return Rule(
        expression="!has(self.value) || !has(self.valueFrom)",
        found="it beside value",
        expected="value or valueFrom, not both",
        remedy="keep one",
        accepted={"name": "A", "valueFrom": {"secretKeyRef": _SECRET}},
        rejected={"name": "A", "value": "a", "valueFrom": {"secretKeyRef": _SECRET}},
        field=".valueFrom",
    )


def _one_source(model: type[SpecModel], what: str, accepted: Mapping[str, object]) -> Rule:
    sources = [info.alias or name for name, info in model.model_fields.items() if name != "name"]
    sources_given = f"[{', '.join(f'has(self.{source})' for source in sources)}].filter(each, each).size()"
    return Rule(
        expression=f"{sources_given} == 1",
        expected=f"exactly one source of {what}",
        remedy="keep one",
        accepted=dict(accepted),
        rejected={name: value for name, value in accepted.items() if name == "name"},
    )


def _depths() -> Rule:
    default = DepthGates()
    nearest = f"self.?clean.?gates.?minMetres.orValue({default.min_metres})"
    farthest = f"self.?clean.?gates.?maxMetres.orValue({default.max_metres})"
    return Rule(
        expression=f"{nearest} < {farthest}",
        expected="less than maxMetres",
        remedy="lower it",
        accepted={"name": "depth", "clean": {"gates": {"minMetres": 1, "maxMetres": 2}}},
        rejected={"name": "depth", "clean": {"gates": {"minMetres": 2, "maxMetres": 2}}},
        field=".clean.gates.minMetres",
    )


def _of_the_spec() -> Iterator[Rule]:
    yield _one_space()
    yield _weights()
    yield _own_replicas("fusion")
    yield _own_replicas("gateway")
    yield _own_replicas("worker")
    yield _replicas_of_modalities()
    yield from (_dimension(uri, known) for uri, known in DIMENSIONS.items())


CROSSING: Mapping[str, tuple[Rule, ...]] = {
    "PipelineSpec": tuple(_of_the_spec()),
    "Scaling": (_replicas(), _keda()),
    "Rollout": (_of_rolling("maxSurge"), _of_rolling("maxUnavailable"), _goes_on()),
    "Authentication": (_tokens(),),
    "Tls": (_certificate(),),
    "Gateway": (_authority(),),
    "Variable": (_one_value(),),
    "ValueFrom": (_one_source(ValueFrom, "valueFrom", {"secretKeyRef": _SECRET}),),
    "Volume": (_one_source(Volume, "the volume", {"name": "models", "emptyDir": {}}),),
    ENTRY: (_depths(),),
}
"""By the name of the model that has the validator."""
