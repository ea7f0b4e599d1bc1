"""A sample through the stage services: parts at once, segments one by one, faults by what they mean."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from tests.unit.runtimes.scripted import ScriptedStages

from mmpipe.records import Embedded, Failed, Media, Modality, Part, Rejected, Result, Sample, Segment
from mmpipe.runtimes.remote_path import Done, Journey, Place, RemotePath
from mmpipe.runtimes.stage_clients import StageRefused, StageUnavailable
from mmpipe.runtimes.stage_clients.clients import Asked
from mmpipe.spec import PipelineSpec

CUTS = (Segment(0, 10), Segment(10, 20), Segment(20, 30))
DOWN = StageUnavailable("image", "connection refused", reached=False)


def test_every_part_gets_its_vector_and_the_sample_a_fused_one() -> None:
    result = _process(ScriptedStages(), _sample(Modality.TEXT, Modality.IMAGE))

    assert list(result.vectors) == [Modality.TEXT, Modality.IMAGE]
    assert result.vector is not None
    assert result.degraded == ()


def test_a_part_of_a_modality_that_the_pipeline_does_not_take_is_rejected() -> None:
    spec = PipelineSpec.model_validate({"modalities": [{"name": "text"}]})

    result = asyncio.run(RemotePath(spec, ScriptedStages()).process(_sample(Modality.TEXT, Modality.DEPTH), Journey()))

    assert [rejected.gate for rejected in result.rejected.values()] == ["modalities"]


def test_what_was_unreadable_is_in_the_result() -> None:
    sample = Sample("a", (), {}, {"file:///a.xyz": Rejected("input.format", "no format")})

    result = _process(ScriptedStages(), sample)

    assert list(result.rejected) == ["file:///a.xyz"]
    assert result.fusion is None


def test_the_sound_of_a_film_becomes_audio() -> None:
    stages = ScriptedStages(sounding=True)

    result = _process(stages, _sample(Modality.VIDEO))

    assert list(result.vectors) == [Modality.AUDIO, Modality.VIDEO]
    assert ("audio heard", None) in stages.asked


def test_a_sample_with_audio_of_its_own_needs_none_of_its_film() -> None:
    stages = ScriptedStages(sounding=True)

    _process(stages, _sample(Modality.VIDEO, Modality.AUDIO))

    assert ("audio heard", None) not in stages.asked


def test_a_long_recording_goes_segment_by_segment_each_kept_before_the_next() -> None:
    stages, kept = ScriptedStages(cuts={Modality.AUDIO: CUTS}), Kept()

    result = _process(stages, _sample(Modality.AUDIO), Journey(checkpoints=kept))

    assert [segment for _, segment in stages.asked] == list(CUTS)
    assert list(kept.done) == [Place(0, segment) for segment in CUTS]
    assert len(result.vectors[Modality.AUDIO]) == 3


def test_what_an_earlier_try_has_done_is_not_done_again() -> None:
    kept = Kept()
    first = ScriptedStages(cuts={Modality.VIDEO: CUTS[:2]}, sounding=True)
    before = _process(first, _sample(Modality.VIDEO), Journey(checkpoints=kept))

    again = ScriptedStages(cuts={Modality.VIDEO: CUTS}, sounding=True)
    after = _process(again, _sample(Modality.VIDEO), Journey(checkpoints=kept))

    assert again.asked == [("video", CUTS[2]), ("audio heard", None)]
    assert [embedded.modality for embedded in after.embedded[:4]] == [embedded.modality for embedded in before.embedded]


def test_a_fault_in_the_middle_of_a_film_leaves_what_was_done() -> None:
    stages, kept = _DiesAtTheThird(cuts={Modality.VIDEO: CUTS}), Kept()

    with pytest.raises(StageUnavailable):
        _process(stages, _sample(Modality.VIDEO), Journey(checkpoints=kept))

    assert list(kept.done) == [Place(0, segment) for segment in CUTS[:2]]


def test_media_that_cannot_be_cut_are_a_verdict() -> None:
    verdict = Rejected("video.decode", "no film")

    result = _process(ScriptedStages(cuts={Modality.VIDEO: verdict}), _sample(Modality.VIDEO))

    assert list(result.rejected.values()) == [verdict]


def test_a_fault_of_a_part_is_in_the_result_and_raises_nothing() -> None:
    failed = Failed("image.decode", "MemoryError")

    result = _process(ScriptedStages(outcomes={Modality.IMAGE: failed}), _sample(Modality.IMAGE, Modality.TEXT))

    assert failed in [embedded.outcome for embedded in result.embedded]


def test_a_service_that_is_away_fails_the_sample() -> None:
    with pytest.raises(StageUnavailable):
        _process(ScriptedStages(faults={"image": [DOWN]}), _sample(Modality.IMAGE, Modality.TEXT))


def test_a_pipeline_may_go_on_without_a_modality_and_says_so() -> None:
    stages = ScriptedStages(faults={"image": [DOWN]})

    result = _process(stages, _sample(Modality.IMAGE, Modality.TEXT), Journey(degrades=True))

    assert result.degraded == (Modality.IMAGE,)
    assert list(result.vectors) == [Modality.TEXT]


def test_without_any_modality_there_is_nothing_to_go_on_with() -> None:
    with pytest.raises(StageUnavailable):
        _process(ScriptedStages(faults={"image": [DOWN]}), _sample(Modality.IMAGE), Journey(degrades=True))


def test_a_server_that_died_of_the_part_is_no_reason_to_go_on_without_it() -> None:
    died = StageUnavailable("image", "the connection broke", reached=True)

    with pytest.raises(StageUnavailable) as caught:
        _process(
            ScriptedStages(faults={"image": [died]}), _sample(Modality.IMAGE, Modality.TEXT), Journey(degrades=True)
        )

    assert caught.value.reached


def test_of_several_faults_the_one_that_says_most_is_raised() -> None:
    faults: dict[str, list[Exception]] = {
        "image": [DOWN],
        "text": [StageRefused("text", "no such stage", "one", "add it")],
    }

    with pytest.raises(StageRefused):
        _process(ScriptedStages(faults=faults), _sample(Modality.IMAGE, Modality.TEXT))


def test_a_released_sample_goes_past_the_gates() -> None:
    stages = ScriptedStages()

    _process(stages, _sample(Modality.TEXT), Journey(Asked(ignore_gates=True)))

    assert stages.gates_ignored == [True]


class Kept:
    """Checkpoints in a dictionary."""

    def __init__(self) -> None:
        self.done: dict[Place, Done] = {}

    async def load(self) -> Mapping[Place, Done]:
        return self.done

    async def save(self, place: Place, done: Sequence[Embedded]) -> None:
        self.done[place] = done


class _DiesAtTheThird(ScriptedStages):
    """Its server dies at the third segment of a film."""

    def _fall(self, name: str) -> None:
        if len(self.asked) == 3:
            raise StageUnavailable(name, "the server died", reached=True)


def _process(stages: ScriptedStages, sample: Sample, journey: Journey | None = None) -> Result:
    return asyncio.run(RemotePath(PipelineSpec(), stages).process(sample, journey or Journey()))


def _sample(*modalities: Modality) -> Sample:
    parts = tuple(Part(one, Media(b"bytes", "test"), f"file:///a.{one}") for one in modalities)
    return Sample("a", parts)
