"""The object: what a file gives, what it leaves to defaults, and that it survives being written down again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mmpipe.records import Modality
from mmpipe.spec import ModalitySpec, MultimodalPipeline, default_pipeline, load, parse, refused, without_effect
from mmpipe.spec.image import ImageDecode, ImageModality
from mmpipe.spec.pipeline import MODALITY_SPECS

WHOLE = """
apiVersion: mmpipe.dev/v1alpha1
kind: MultimodalPipeline
metadata: {name: media, labels: {team: search}, resourceVersion: "17"}
spec:
  modalities:
  - name: image
    decode: {maxPixels: 50000000, size: 224}
    clean: {gates: {minEntropyBits: 1.5, minSharpness: 20}, denoise: None, equalize: false}
    embed: {model: {uri: builtin:tiny}, precision: Float32, device: Cpu}
    scaling: {maxReplicas: 8}
    template: {nodeSelector: {disk: fast}}
  - name: text
  alignment: {temporal: None, minConfidence: 0.2}
  fusion: {strategy: Gated, whenMissing: Renormalize, weights: {image: 2}}
  source: {queue: {nats: {url: nats://nats:4222}}}
  sink:
    milvus: {uri: "http://milvus:19530", alias: media}
    objects: {uri: s3://media}
    metadata: {uri: postgresql://db/media, passwordSecretRef: {name: db, key: password}}
  reliability: {deadlineSeconds: 60, retry: {attempts: 4}, breaker: {failureRatio: 0.5}, maxDeliveries: 5}
  scaling: {mode: HPA, minReplicas: 1, maxReplicas: 4, targetQueueDepth: 32}
  topology: PerModality
  lifecycle: {state: Running, deletionPolicy: Retain}
"""
"""The example of the design, with the settings that act in this release."""


def test_the_whole_example_is_read() -> None:
    spec = parse(WHOLE).spec

    image = spec.modality(Modality.IMAGE)
    assert isinstance(image, ImageModality)
    assert image.decode.max_pixels == 50_000_000
    assert image.clean.gates.min_sharpness == 20
    assert spec.fusion.weights == {Modality.IMAGE: 2}
    assert spec.alignment.min_confidence == 0.2
    assert spec.sink.metadata.uri == "postgresql://db/media"


def test_the_whole_example_acts_and_names_what_only_a_cluster_needs() -> None:
    pipeline = parse(WHOLE)

    assert refused(pipeline) == ()
    assert without_effect(pipeline) == (
        "spec.modalities.image.scaling",
        "spec.modalities.image.template",
        "spec.source.queue",
    )


def test_what_a_file_leaves_out_has_its_default() -> None:
    bare = parse("{apiVersion: mmpipe.dev/v1alpha1, kind: MultimodalPipeline, metadata: {name: default}}")

    assert bare == default_pipeline()
    assert [modality.name for modality in bare.spec.modalities] == ["text", "image", "audio", "video", "depth"]


def test_a_default_pipeline_can_take_fewer_modalities() -> None:
    pipeline = default_pipeline("two", (Modality.AUDIO, Modality.TEXT))

    assert [modality.name for modality in pipeline.spec.modalities] == ["audio", "text"]
    assert pipeline.spec.modality(Modality.DEPTH) is None


def test_a_default_pipeline_acts_entirely_on_one_machine() -> None:
    assert refused(default_pipeline()) == ()
    assert without_effect(default_pipeline()) == ()


def test_kubernetes_own_metadata_passes() -> None:
    pipeline = parse(WHOLE)

    assert pipeline.metadata.name == "media"
    assert pipeline.metadata.labels == {"team": "search"}


def test_a_json_file_is_read_as_yaml_is(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.json"
    file.write_text(json.dumps(yaml.safe_load(WHOLE)), encoding="utf-8")

    assert load(file) == parse(WHOLE)


def test_the_object_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        default_pipeline().spec.fusion.strategy = "Late"


def test_an_anchor_is_merged_and_what_stands_beside_it_wins() -> None:
    text = """
apiVersion: mmpipe.dev/v1alpha1
kind: MultimodalPipeline
metadata: {name: media}
spec:
  reliability:
    retry: {attempts: 9, initialBackoffSeconds: 2}
  sink: {milvus: {index: {m: 32}}}
"""
    merged = text.replace("attempts: 9", "<<: {attempts: 3}, attempts: 9")

    assert parse(merged) == parse(text)


def _changed(modality: Modality, size: int, attempts: int) -> ModalitySpec:
    spec = MODALITY_SPECS[modality]()
    if isinstance(spec, ImageModality):
        spec = ImageModality(decode=ImageDecode(size=size))
    return spec.model_copy(update={"embed": spec.embed.model_copy(update={"batch_size": attempts})})


QUANTITIES = ("1", "0.5", "100m", "2Gi", "1e3", "12E2")
modalities = st.lists(st.sampled_from(list(Modality)), min_size=1, unique=True).flatmap(
    lambda names: st.tuples(
        *(st.builds(_changed, st.just(n), st.integers(16, 4096), st.integers(1, 1024)) for n in names)
    )
)
blocks = st.fixed_dictionaries(
    {},
    optional={
        "alignment": st.fixed_dictionaries({"minConfidence": st.floats(0, 1)}),
        "fusion": st.fixed_dictionaries({"strategy": st.sampled_from(["None", "Late", "Gated", "Early", "Hybrid"])}),
        "topology": st.sampled_from(["PerModality", "PerStage"]),
        "scaling": st.fixed_dictionaries({"minReplicas": st.integers(0, 4), "maxReplicas": st.integers(4, 1000)}),
        "gateway": st.fixed_dictionaries(
            {
                "template": st.fixed_dictionaries(
                    {"annotations": st.dictionaries(st.text(min_size=1), st.text(), max_size=3)}
                )
            }
        ),
        "worker": st.fixed_dictionaries(
            {
                "template": st.fixed_dictionaries(
                    {
                        "resources": st.fixed_dictionaries(
                            {"limits": st.dictionaries(st.text(min_size=1), st.sampled_from(QUANTITIES), max_size=3)}
                        )
                    }
                )
            }
        ),
        "sink": st.fixed_dictionaries(
            {"milvus": st.fixed_dictionaries({"alias": st.from_regex(r"[a-z_]{0,9}", fullmatch=True)})}
        ),
    },
)


@settings(max_examples=40)  # PyYAML writes and reads some 20 ms for each
@given(names=modalities, rest=blocks, name=st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True))
def test_any_valid_object_survives_being_written_as_yaml(
    names: tuple[ModalitySpec, ...], rest: dict[str, object], name: str
) -> None:
    document = {
        "apiVersion": "mmpipe.dev/v1alpha1",
        "kind": "MultimodalPipeline",
        "metadata": {"name": name},
        "spec": {"modalities": [entry.model_dump(mode="json", by_alias=True) for entry in names], **rest},
    }

    first = parse(yaml.safe_dump(document, allow_unicode=True))
    again = parse(yaml.safe_dump(_dumped(first), allow_unicode=True))

    assert again == first
    assert again.spec.modalities == names


def _dumped(pipeline: MultimodalPipeline) -> dict[str, object]:
    dumped: dict[str, object] = pipeline.model_dump(mode="json", by_alias=True)
    return dumped
