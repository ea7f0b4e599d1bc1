"""The whole object: `MultimodalPipeline`, mmpipe.dev/v1alpha1.

This typed model is the single source: the CRD's schema, the reference page and the errors of the command line come
from it. The rules here cross fields; those of one field stand beside the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from mmpipe.records import Modality
from mmpipe.spec.audio import AudioModality
from mmpipe.spec.delivery import Lifecycle, Reliability, Source
from mmpipe.spec.depth import DepthModality
from mmpipe.spec.image import ImageModality
from mmpipe.spec.joint import Alignment, Fusion
from mmpipe.spec.model import ClusterOnly, Keyed, ServicesOnly, SpecModel, broken_rule
from mmpipe.spec.processes import Gateway, Serving, Worker
from mmpipe.spec.scaling import Scaling, ScalingOverride
from mmpipe.spec.sink import Sink
from mmpipe.spec.text import TextModality
from mmpipe.spec.video import VideoModality

type ModalitySpec = TextModality | ImageModality | AudioModality | VideoModality | DepthModality

MODALITY_SPECS: dict[Modality, type[ModalitySpec]] = {
    Modality.TEXT: TextModality,
    Modality.IMAGE: ImageModality,
    Modality.AUDIO: AudioModality,
    Modality.VIDEO: VideoModality,
    Modality.DEPTH: DepthModality,
}

DIMENSIONS = {"builtin:tiny": 128}
"""Lengths of the vectors of shipped models; a test holds them against the models."""


class PipelineSpec(SpecModel):
    """What the pipeline does with its samples."""

    modalities: Annotated[
        tuple[Annotated[ModalitySpec, Field(discriminator="name")], ...],
        Field(min_length=1, max_length=5),
        Keyed("name"),
    ] = tuple(spec() for spec in MODALITY_SPECS.values())
    """The modalities it takes; parts of others are quarantined."""
    alignment: Alignment = Alignment()
    fusion: Fusion = Fusion()
    source: Source = Source()
    sink: Sink = Sink()
    reliability: Reliability = Reliability()
    scaling: Annotated[Scaling, ClusterOnly()] = Scaling()
    topology: Annotated[Literal["PerModality", "PerStage"], ServicesOnly()] = "PerModality"
    """Whether the stages of a modality share a process (a pod) or each stage has its own."""
    serving: Annotated[Serving, ServicesOnly()] = Serving()
    gateway: Gateway = Gateway()
    worker: Worker = Worker()
    lifecycle: Lifecycle = Lifecycle()

    def modality(self, name: Modality) -> ModalitySpec | None:
        """The options of one modality, or None where the pipeline does not take it."""
        return next((modality for modality in self.modalities if modality.name == name), None)

    @model_validator(mode="after")
    def _one_space(self) -> Self:
        models = sorted({(modality.embed.model.uri, modality.embed.model.revision) for modality in self.modalities})
        if len(models) > 1:
            found = ", ".join("@".join(filter(None, model)) for model in models)
            expected = "one embed.model for all modalities"
            raise broken_rule("modalities", found, expected, "vectors of different models share no space; name one")
        return self

    @model_validator(mode="after")
    def _weights_of_its_modalities(self) -> Self:
        names = [modality.name for modality in self.modalities]
        for stranger in sorted(set(self.fusion.weights) - set(names)):
            expected = f"a modality of this pipeline ({', '.join(names)})"
            raise broken_rule("fusion.weights", stranger, expected, "remove the weight or add the modality")
        return self

    @model_validator(mode="after")
    def _replicas_in_order(self) -> Self:
        for place, scaling in self._scalings():
            fewest, most = self._bounds(scaling)
            if fewest > most:
                expected = f"at most maxReplicas ({most})"
                raise broken_rule(f"{place}.minReplicas", fewest, expected, "raise maxReplicas")
        return self

    @model_validator(mode="after")
    def _dimension_of_the_model(self) -> Self:
        uri, given = self.modalities[0].embed.model.uri, self.sink.milvus.dimension
        known = DIMENSIONS.get(uri)
        if given is not None and known is not None and given != known:
            expected = f"{known}, that of {uri}"
            raise broken_rule("sink.milvus.dimension", given, expected, "leave it out, or name another model")
        return self

    def _scalings(self) -> Iterator[tuple[str, ScalingOverride]]:
        yield "scaling", ScalingOverride()
        yield "gateway.scaling", self.gateway.scaling
        yield "worker.scaling", self.worker.scaling
        yield "fusion.scaling", self.fusion.scaling
        yield from ((f"modalities.{modality.name}.scaling", modality.scaling) for modality in self.modalities)

    def _bounds(self, own: ScalingOverride) -> tuple[int, int]:
        """Fewest and most replicas of a process with this override."""
        fewest, most = own.min_replicas, own.max_replicas
        return (
            self.scaling.min_replicas if fewest is None else fewest,
            self.scaling.max_replicas if most is None else most,
        )


class ObjectMeta(SpecModel):
    """The part of Kubernetes' metadata that mmpipe reads; the rest is Kubernetes' own and passes."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the pipeline: lower-case letters, digits and dashes (RFC 1123)."""
    namespace: str = "default"
    """Namespace of the object."""
    labels: dict[str, str] = {}
    """Labels of the object."""
    annotations: dict[str, str] = {}
    """Annotations of the object."""


class MultimodalPipeline(SpecModel):
    """Raw text, images, audio, video and depth maps become clean, aligned, fused vectors in Milvus."""

    model_config = ConfigDict(title="MultimodalPipeline")

    api_version: Literal["mmpipe.dev/v1alpha1"]
    """Version of this schema."""
    kind: Literal["MultimodalPipeline"]
    """Kind of the object."""
    metadata: ObjectMeta
    spec: PipelineSpec = PipelineSpec()


def default_pipeline(name: str = "default", modalities: tuple[Modality, ...] = tuple(Modality)) -> MultimodalPipeline:
    """The pipeline that runs where no file says otherwise: every modality with its defaults."""
    return MultimodalPipeline(
        api_version="mmpipe.dev/v1alpha1",
        kind="MultimodalPipeline",
        metadata=ObjectMeta(name=name),
        spec=PipelineSpec(modalities=tuple(MODALITY_SPECS[modality]() for modality in modalities)),
    )
