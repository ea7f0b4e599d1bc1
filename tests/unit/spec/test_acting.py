"""What does not act in this release is refused with its sentence; what only a cluster needs is named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from mmpipe.spec import default_pipeline, parse, refused, without_effect
from mmpipe.spec.model import ClusterOnly, Later
from mmpipe.spec.walk import settings

HEAD = "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: media}\n"

LATER = {
    "modalities.text.clean.gates.languages": "{modalities: [{name: text, clean: {gates: {languages: [en]}}}]}",
    "modalities.text.clean.gates.maxRepetition": "{modalities: [{name: text, clean: {gates: {maxRepetition: 0.5}}}]}",
    "modalities.text.clean.repair": "{modalities: [{name: text, clean: {repair: Mojibake}}]}",
    "modalities.text.augment.operations": "{modalities: [{name: text, augment: {operations: [Masking]}}]}",
    "modalities.text.embed.precision": "{modalities: [{name: text, embed: {precision: Int8}}]}",
    "modalities.text.embed.device": "{modalities: [{name: text, embed: {device: Cuda}}]}",
    "modalities.image.clean.denoise": "{modalities: [{name: image, clean: {denoise: NonLocalMeans}}]}",
    "modalities.image.clean.equalize": "{modalities: [{name: image, clean: {equalize: true}}]}",
    "modalities.image.augment.operations": "{modalities: [{name: image, augment: {operations: [Flip, CutMix]}}]}",
    "modalities.image.embed.precision": "{modalities: [{name: image, embed: {precision: Int8}}]}",
    "modalities.image.embed.device": "{modalities: [{name: image, embed: {device: Cuda}}]}",
    "modalities.audio.clean.vad": "{modalities: [{name: audio, clean: {vad: Energy}}]}",
    "modalities.audio.clean.denoise": "{modalities: [{name: audio, clean: {denoise: Wiener}}]}",
    "modalities.audio.clean.padding": "{modalities: [{name: audio, clean: {padding: Loop}}]}",
    "modalities.audio.augment.operations": "{modalities: [{name: audio, augment: {operations: [Noise]}}]}",
    "modalities.audio.embed.precision": "{modalities: [{name: audio, embed: {precision: Int8}}]}",
    "modalities.audio.embed.device": "{modalities: [{name: audio, embed: {device: Cuda}}]}",
    "modalities.video.clean.gates.maxFrozenRatio": (
        "{modalities: [{name: video, clean: {gates: {maxFrozenRatio: 0.5}}}]}"
    ),
    "modalities.video.augment.operations": "{modalities: [{name: video, augment: {operations: [Flip]}}]}",
    "modalities.video.embed.precision": "{modalities: [{name: video, embed: {precision: Int8}}]}",
    "modalities.video.embed.device": "{modalities: [{name: video, embed: {device: Cuda}}]}",
    "modalities.depth.clean.fillHoles": "{modalities: [{name: depth, clean: {fillHoles: Nearest}}]}",
    "modalities.depth.augment.operations": "{modalities: [{name: depth, augment: {operations: [Noise]}}]}",
    "modalities.depth.embed.precision": "{modalities: [{name: depth, embed: {precision: Int8}}]}",
    "modalities.depth.embed.device": "{modalities: [{name: depth, embed: {device: Cuda}}]}",
    "alignment.temporal": "{alignment: {temporal: Dtw}}",
    "alignment.semantic": "{alignment: {semantic: Projection}}",
    "fusion.strategy": "{fusion: {strategy: Early}}",
    "sink.milvus.rollbackWindowSeconds": "{sink: {milvus: {rollbackWindowSeconds: 5}}}",
}
"""Every setting that does not act yet, with a spec that asks for it."""

CLUSTER_ONLY = {
    "scaling": "{scaling: {mode: KEDA}}",
    "topology": "{topology: PerStage}",
    "serving": "{serving: {maxBatchItems: 8}}",
    "gateway.scaling": "{gateway: {scaling: {maxReplicas: 2}}}",
    "gateway.service": "{gateway: {service: {type: LoadBalancer}}}",
    "gateway.rollout": "{gateway: {rollout: {maxSurge: 0, maxUnavailable: 1}}}",
    "gateway.template": "{gateway: {template: {labels: {a: b}}}}",
    "gateway.authentication": "{gateway: {authentication: {mode: Tokens, tokensSecretRef: {name: a, key: b}}}}",
    "gateway.tls": (
        "{gateway: {tls: {certificateSecretRef: {name: a, key: b}, privateKeySecretRef: {name: a, key: c}}}}"
    ),
    "gateway.limits": "{gateway: {limits: {samplesPerSecond: 5}}}",
    "gateway.cache": "{gateway: {cache: {ttlSeconds: 0}}}",
    "fusion.scaling": "{fusion: {scaling: {maxReplicas: 2}}}",
    "fusion.rollout": "{fusion: {rollout: {maxSurge: 2}}}",
    "fusion.template": "{fusion: {template: {labels: {a: b}}}}",
    "worker.scaling": "{worker: {scaling: {maxReplicas: 2}}}",
    "worker.rollout": "{worker: {rollout: {strategy: Recreate}}}",
    "worker.template": "{worker: {template: {labels: {a: b}}}}",
    "worker.maxSamples": "{worker: {maxSamples: 8}}",
    "worker.maxBytes": "{worker: {maxBytes: 1000}}",
    "source.queue": "{source: {queue: {nats: {url: 'nats://n:4222'}}}}",
    "source.references": "{source: {references: {schemes: []}}}",
    "reliability.deadlineSeconds": "{reliability: {deadlineSeconds: 5}}",
    "reliability.whenUnavailable": "{reliability: {whenUnavailable: Degrade}}",
    "reliability.breaker": "{reliability: {breaker: {openSeconds: 1}}}",
    "reliability.maxDeliveries": "{reliability: {maxDeliveries: 1}}",
    "lifecycle.state": "{lifecycle: {state: Paused}}",
    "lifecycle.deletionPolicy": "{lifecycle: {deletionPolicy: Delete}}",
    "modalities.depth.scaling": "{modalities: [{name: depth, scaling: {minReplicas: 2}}]}",
    "modalities.depth.rollout": "{modalities: [{name: depth, rollout: {maxUnavailable: 1}}]}",
    "modalities.depth.template": "{modalities: [{name: depth, template: {runtimeClassName: gvisor}}]}",
}


def _marked(kind: type[Later | ClusterOnly]) -> Iterator[str]:
    """Paths of the default object whose field carries the marker."""
    for setting in settings(default_pipeline()):
        if setting.marker(kind):
            yield setting.path.removeprefix("spec.")


@pytest.mark.parametrize(("path", "spec"), LATER.items(), ids=LATER)
def test_what_does_not_act_yet_is_refused_with_its_sentence(path: str, spec: str) -> None:
    (problem,) = refused(parse(f"{HEAD}spec: {spec}"))

    assert problem.path == f"spec.{path}"
    assert problem.expected.startswith("a value that acts in this release (default ")
    assert "come" in problem.remedy
    assert problem.remedy.split("; ")[-1].split()[0] in {"set", "leave"}


def test_the_refusals_above_are_all_that_the_spec_marks() -> None:
    assert set(_marked(Later)) == set(LATER)


def test_a_queue_of_kafka_is_refused_until_it_acts() -> None:
    (problem,) = refused(parse(f"{HEAD}spec: {{source: {{queue: {{kafka: {{bootstrapServers: 'k:9', topic: t}}}}}}}}"))

    assert problem.path == "spec.source.queue.kafka"
    assert problem.remedy == "Kafka comes with the ingest release; leave kafka out and name a NATS server"


def test_a_refusal_reads_as_one_sentence() -> None:
    (problem,) = refused(parse(f"{HEAD}spec: {{alignment: {{temporal: Dtw}}}}"))

    assert str(problem) == (
        "spec.alignment.temporal: found 'Dtw', expected a value that acts in this release (default None); "
        "temporal alignment comes with the alignment release; set temporal to None"
    )


@pytest.mark.parametrize("strategy", ["None", "Late", "Gated"])
def test_a_value_that_acts_is_not_refused(strategy: str) -> None:
    assert refused(parse(f"{HEAD}spec: {{fusion: {{strategy: {strategy}}}}}")) == ()


@pytest.mark.parametrize(("path", "spec"), CLUSTER_ONLY.items(), ids=CLUSTER_ONLY)
def test_what_only_a_cluster_needs_is_named(path: str, spec: str) -> None:
    assert without_effect(parse(f"{HEAD}spec: {spec}")) == (f"spec.{path}",)


def test_the_cluster_settings_above_are_all_that_the_spec_marks() -> None:
    in_every_modality = {f"modalities.depth.{block}" for block in ("scaling", "rollout", "template")}
    marked = {path for path in _marked(ClusterOnly) if not path.startswith("modalities.") or path in in_every_modality}

    assert marked == set(CLUSTER_ONLY)


@pytest.mark.parametrize(
    ("spec", "idle"),
    [
        ("{topology: PerStage}", ()),
        ("{worker: {maxSamples: 8}}", ()),
        ("{scaling: {mode: KEDA}, worker: {maxSamples: 8}}", ("spec.scaling",)),
        ("{lifecycle: {state: Paused}}", ("spec.lifecycle.state",)),
    ],
)
def test_what_services_have_a_use_for_is_not_named_to_them(spec: str, idle: tuple[str, ...]) -> None:
    assert without_effect(parse(f"{HEAD}spec: {spec}"), services=True) == idle


def test_a_cluster_setting_at_its_default_is_not_named() -> None:
    assert without_effect(parse(f"{HEAD}spec: {{scaling: {{mode: HPA}}, topology: PerModality}}")) == ()


def test_every_field_of_the_object_is_walked() -> None:
    walked = {setting.path for setting in settings(default_pipeline())}

    assert {"metadata.name", "spec.modalities.video.clean.gates.maxBlackRatio", "spec.sink.milvus.index.m"} <= walked
    assert len(walked) > sum(len(type(block).model_fields) for block in _top_blocks())


def _top_blocks() -> Iterator[BaseModel]:
    spec = default_pipeline().spec
    yield from (spec, spec.sink, spec.reliability, spec.source)
