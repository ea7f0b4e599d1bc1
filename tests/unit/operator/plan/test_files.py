from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from pydantic import BaseModel
from tests.unit.operator.plan.anything import APIS, pipelines
from tests.unit.operator.plan.scenes import CONTEXT, KEDA, pipeline

from mmpipe.runtimes.home import recipe_of
from mmpipe.runtimes.parts import takes_sound_tracks
from mmpipe.spec import MultimodalPipeline, PipelineSpec, parse
from mmpipe.spec.model import ClusterOnly
from mmpipe_operator.names import COMPONENT_LABEL, CONFIG_HASH
from mmpipe_operator.plan import plan
from mmpipe_operator.plan.files import READ, Tree

MODEL = "tiny@sha256:0"
EVERYTHING = """
  modalities:
  - {name: text, clean: {html: Keep}, augment: {operations: [Masking]}}
  - {name: image, decode: {size: 112}, clean: {gates: {minSharpness: 20}, equalize: true}}
  - {name: video, decode: {audioTrack: Ignore, frames: 4}}
  - {name: audio, decode: {segmentSeconds: 10}}
  alignment: {minConfidence: 0.2}
  fusion: {weights: {text: 2}}
  reliability: {deadlineSeconds: 30, retry: {attempts: 2}}
  serving: {maxBatchItems: 8, drainSeconds: 30}
  gateway: {limits: {samplesPerSecond: 5}}
  worker: {maxSamples: 3}
"""


def files(of: MultimodalPipeline) -> dict[str, MultimodalPipeline]:
    """Each process with the pipeline that its file holds, as the process itself reads it."""
    found = plan(of, replace(KEDA, apis=APIS))
    assert not found.problems
    return {
        each["metadata"]["labels"][COMPONENT_LABEL]: parse(each["data"]["pipeline.yaml"])
        for each in found.manifests
        if each["kind"] == "ConfigMap" and "pipeline.yaml" in each["data"]
    }


def templates(of: MultimodalPipeline) -> dict[str, object]:
    """Each process with the template of its pods."""
    return {
        each["metadata"]["labels"][COMPONENT_LABEL]: each["spec"]["template"]
        for each in plan(of, CONTEXT).manifests
        if each["kind"] == "Deployment"
    }


def restarted(before: str, after: str) -> set[str]:
    """Whose pods an edit restarts."""
    old, new = templates(pipeline(before)), templates(pipeline(after))
    return {process for process in old if old[process] != new.get(process)}


def test_a_worker_computes_the_recipe_of_the_whole_pipeline() -> None:
    whole = pipeline(EVERYTHING)

    assert recipe_of(files(whole)["worker"].spec, MODEL) == recipe_of(whole.spec, MODEL)


def test_a_stage_server_has_its_stages_as_the_pipeline_has_them() -> None:
    whole = pipeline(EVERYTHING)

    for modality in whole.spec.modalities:
        (own,) = files(whole)[modality.name].spec.modalities
        assert (own.name, own.decode, own.clean, own.embed) == (
            modality.name,
            modality.decode,
            modality.clean,
            modality.embed,
        )
        assert files(whole)[modality.name].spec.serving == whole.spec.serving


def test_a_process_of_one_stage_has_that_stage_alone() -> None:
    whole = pipeline(EVERYTHING + "  topology: PerStage\n")
    image = whole.spec.modalities[1]

    decode, clean = (files(whole)[f"image-{stage}"].spec.modalities[0] for stage in ("decode", "clean"))
    assert (decode.decode, decode.clean) == (image.decode, type(image)().clean)
    assert (clean.decode, clean.clean) == (type(image)().decode, image.clean)


def test_fuse_fuses_as_the_pipeline_does() -> None:
    whole = pipeline(EVERYTHING)

    fuse = files(whole)["fuse"].spec
    assert (fuse.fusion, fuse.alignment) == (whole.spec.fusion, whole.spec.alignment)
    assert [each.name for each in fuse.modalities] == [each.name for each in whole.spec.modalities]


def test_a_gateway_has_its_door_its_stores_and_what_decides_over_a_query() -> None:
    whole = pipeline(EVERYTHING)

    gateway = files(whole)["gateway"].spec
    for block in ("authentication", "tls", "limits", "cache"):
        assert getattr(gateway.gateway, block) == getattr(whole.spec.gateway, block)
    assert (gateway.sink, gateway.reliability) == (whole.spec.sink, whole.spec.reliability)
    assert gateway.serving.drain_seconds == whole.spec.serving.drain_seconds
    assert [(each.name, each.embed.model) for each in gateway.modalities] == [
        (each.name, each.embed.model) for each in whole.spec.modalities
    ]
    assert takes_sound_tracks(gateway) == takes_sound_tracks(whole.spec)


@pytest.mark.parametrize("track", ["Embed", "Ignore"])
def test_gateway_and_worker_agree_on_the_sound_of_films(track: str) -> None:
    whole = pipeline(f"\n  modalities: [{{name: audio}}, {{name: video, decode: {{audioTrack: {track}}}}}]\n")

    for process in ("gateway", "worker"):
        assert takes_sound_tracks(files(whole)[process].spec) == (track == "Embed")


def test_every_field_that_acts_in_a_cluster_is_read_by_a_process() -> None:
    """A new field of the spec must be given to somebody, or said to be nobody's."""
    unread = {path for path in _acting(PipelineSpec) if not any(_has(tree, path) for tree in READ.values())}

    assert unread == {"source.files"}, "it is for mmpipe run"


def test_an_edit_of_one_modality_restarts_its_pods_and_the_worker_alone() -> None:
    before = "\n  modalities: [{name: image}, {name: text}]\n"

    assert restarted(before, before.replace("{name: image}", "{name: image, decode: {size: 112}}")) == {
        "image",
        "worker",  # whose recipe is of all stages
    }


def test_with_a_process_for_each_stage_an_edit_restarts_that_stage() -> None:
    before = "\n  topology: PerStage\n  modalities: [{name: image}]\n"

    after = before.replace("{name: image}", "{name: image, clean: {equalize: true}}")
    assert restarted(before, after) == {"image-clean", "worker"}


@pytest.mark.parametrize(
    "edit",
    [
        "scaling: {maxReplicas: 9, targetQueueDepth: 8}",
        "scaling: {mode: None}",
        "gateway: {service: {type: NodePort}}",
        "gateway: {scaling: {minReplicas: 2}}",
        "lifecycle: {state: Paused}",
        "lifecycle: {deletionPolicy: Delete}",
    ],
)
def test_scaling_and_its_like_restart_nobody(edit: str) -> None:
    assert restarted("\n  modalities: [{name: image}]\n", f"\n  modalities: [{{name: image}}]\n  {edit}\n") == set()


def test_a_changed_batch_size_restarts_stage_servers_and_a_changed_limit_the_gateway() -> None:
    assert restarted(
        "\n  modalities: [{name: image}]\n", "\n  modalities: [{name: image}]\n  serving: {maxBatchItems: 8}\n"
    ) == {"image", "fuse"}
    assert restarted(
        "\n  modalities: [{name: image}]\n",
        "\n  modalities: [{name: image}]\n  gateway: {limits: {samplesPerSecond: 5}}\n",
    ) == {"gateway"}


def test_another_template_of_one_modality_restarts_its_pods_alone() -> None:
    before = "\n  modalities: [{name: image}, {name: text}]\n"

    after = before.replace("{name: image}", "{name: image, template: {nodeSelector: {accelerator: l4}}}")
    assert restarted(before, after) == {"image"}


def test_a_changed_secret_restarts_whoever_reads_it() -> None:
    whole = pipeline(EVERYTHING)
    hashes = [
        {
            each["metadata"]["labels"][COMPONENT_LABEL]: each["spec"]["template"]["metadata"]["annotations"][
                CONFIG_HASH
            ]
            for each in plan(whole, replace(CONTEXT, digests={"Secret/db": digest})).manifests
            if each["kind"] == "Deployment"
        }
        for digest in ("old", "new")
    ]

    assert {process for process in hashes[0] if hashes[0][process] != hashes[1][process]} == {"gateway", "worker"}


def test_every_text_and_number_of_a_spec_comes_through() -> None:
    odd = r"""
  sink: {milvus: {database: "\U0001F514 1e5 \x7f \u2028 yes: # no"}}
  reliability: {breaker: {slowCallSeconds: 1.0e-9}}
"""
    whole = pipeline(odd, stores="")

    assert files(whole)["worker"].spec.sink == whole.spec.sink
    assert files(whole)["worker"].spec.reliability == whole.spec.reliability


def test_a_file_is_never_changed_but_gets_another_name() -> None:
    before, after = (
        next(
            each
            for each in plan(pipeline(spec), CONTEXT).manifests
            if each["metadata"]["name"].startswith("media-text")
        )
        for spec in ("\n  modalities: [{name: text}]\n", "\n  modalities: [{name: text, clean: {html: Keep}}]\n")
    )

    assert before["immutable"] is True
    assert before["metadata"]["name"] != after["metadata"]["name"]


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_no_file_says_what_is_kubernetes_business(any_pipeline: MultimodalPipeline) -> None:
    for each in files(any_pipeline).values():
        assert not list(_of_cluster(each.spec.model_dump(by_alias=True, exclude_defaults=True)))


def _of_cluster(block: object) -> Iterator[str]:
    """Fields that mean nothing to a process."""
    if isinstance(block, dict):
        yield from block.keys() & {"scaling", "template", "service", "lifecycle"}
        for inner in block.values():
            yield from _of_cluster(inner)
    elif isinstance(block, list | tuple):
        for inner in block:
            yield from _of_cluster(inner)


def _acting(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Fields of two levels, modalities' apart, that mean something to a process in a cluster."""
    for name, info in model.model_fields.items():
        place = f"{path}.{info.alias}".removeprefix(".")
        if any(type(mark) is ClusterOnly for mark in info.metadata) or name in {"modalities", "lifecycle"}:
            continue
        inner = info.annotation
        if not path and isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _acting(inner, place)
        else:
            yield place


def _has(tree: Tree | None, path: str) -> bool:
    step, _, rest = path.partition(".")
    if tree is None or not step:
        return True
    return step in tree and _has(tree[step], rest)
