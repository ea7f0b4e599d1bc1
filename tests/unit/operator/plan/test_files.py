from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from tests.unit.operator.plan.anything import pipelines
from tests.unit.operator.plan.scenes import CONTEXT, pipeline

from mmpipe.runtimes.gateway.assembly import listening
from mmpipe.runtimes.home import recipe_of
from mmpipe.spec import MultimodalPipeline, parse
from mmpipe_operator.names import COMPONENT_LABEL, CONFIG_HASH
from mmpipe_operator.plan import plan

MODEL = "tiny@sha256:0"
EVERYTHING = """
  modalities:
  - {name: text, clean: {html: Keep}}
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
    found = plan(of, CONTEXT)
    assert not found.problems
    return {
        each["metadata"]["labels"][COMPONENT_LABEL]: parse(each["data"]["pipeline.yaml"])
        for each in found.manifests
        if each["kind"] == "ConfigMap"
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

    gateway = files(whole)["gateway"]
    assert listening(assembled(gateway)) == listening(assembled(whole))
    assert gateway.spec.sink == whole.spec.sink
    assert gateway.spec.reliability == whole.spec.reliability
    assert [each.embed.model for each in gateway.spec.modalities] == [each.embed.model for each in whole.spec.modalities]
    assert gateway.spec.modalities[2].decode.audio_track == "Ignore"  # type: ignore[union-attr]  # it is video's


def assembled(of: MultimodalPipeline) -> object:
    return of


@settings(deadline=None, max_examples=40)
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
