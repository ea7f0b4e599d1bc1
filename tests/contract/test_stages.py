"""The stage contract (head of ``mmpipe.records``), kept by every stage of every modality."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from mmpipe.models.package import load, resolve
from mmpipe.records import Clip, Item, Media, Modality, Rejected
from mmpipe.runtimes import chain
from mmpipe.spec import default_pipeline

SPEC = default_pipeline().spec
GARBAGE = b"\x00garbage\xff" * 64


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (90 + 20 * seed, 120, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def sound(seed: int) -> bytes:
    seconds = np.arange(8_000 * (1 + seed)) / 8_000
    stream = io.BytesIO()
    soundfile.write(stream, 0.3 * np.sin(2 * np.pi * (300 + 100 * seed) * seconds), 8_000, format="WAV")
    return stream.getvalue()


def film(seed: int) -> bytes:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        noise = np.random.default_rng(seed)
        for _ in range(10 + 5 * seed):
            frame = av.VideoFrame.from_ndarray(noise.integers(0, 255, (64, 96, 3), np.uint8))
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return stream.getvalue()


def relief(seed: int) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.random.default_rng(seed).uniform(1, 9, (40 + seed, 60)).astype(np.float32))
    return stream.getvalue()


def prose(seed: int) -> bytes:
    return " ".join(["A red bell rings near a blue drum."] * (1 + seed)).encode()


MAKERS: dict[Modality, tuple[str, Callable[[int], bytes]]] = {
    Modality.TEXT: ("txt", prose),
    Modality.IMAGE: ("jpeg", picture),
    Modality.AUDIO: ("wav", sound),
    Modality.VIDEO: ("mp4", film),
    Modality.DEPTH: ("npy", relief),
}
BROKEN = {Modality.TEXT: Media(b'{"text": ', "json")}
every_modality = pytest.mark.parametrize("modality", list(Modality))
every_stage = pytest.mark.parametrize("verb", range(3), ids=["decode", "clean", "embed"])


@pytest.fixture(scope="module")
def chains() -> dict[Modality, tuple[chain.NamedStage, ...]]:
    package = load(resolve("builtin:tiny"))
    return {Modality(options.name): chain.build(options, package) for options in SPEC.modalities}


def media(modality: Modality) -> list[Item[Any]]:
    name, make = MAKERS[modality]
    return [Item(f"item-{seed}", Media(make(seed), name)) for seed in range(3)]


def before(stages: Sequence[chain.NamedStage], verb: int, modality: Modality) -> list[Item[Any]]:
    """What reaches the stage: real media through the stages in front of it."""
    fates = chain.run(stages[:verb], media(modality))
    assert all(isinstance(fate, Item) for fate in fates), fates
    return [fate for fate in fates if isinstance(fate, Item)]


def arrays(payload: Any) -> list[np.ndarray[Any, Any]]:  # noqa: ANN401  # a payload of any modality
    if isinstance(payload, Clip):
        return [payload.frames, payload.timestamps_s]
    vector = getattr(payload, "vector", payload)
    return [vector] if isinstance(vector, np.ndarray) else []


@every_modality
@every_stage
def test_one_outcome_for_each_item_in_order(
    chains: dict[Modality, tuple[chain.NamedStage, ...]], modality: Modality, verb: int
) -> None:
    items = before(chains[modality], verb, modality)
    outcomes = chains[modality][verb].stage(items)
    assert [outcome.id for outcome in outcomes if isinstance(outcome, Item)] == [item.id for item in items]


@every_modality
@every_stage
def test_no_items_no_outcomes(
    chains: dict[Modality, tuple[chain.NamedStage, ...]], modality: Modality, verb: int
) -> None:
    assert list(chains[modality][verb].stage([])) == []


@every_modality
@every_stage
def test_the_size_of_a_batch_never_changes_an_answer(
    chains: dict[Modality, tuple[chain.NamedStage, ...]], modality: Modality, verb: int
) -> None:
    stage, items = chains[modality][verb].stage, before(chains[modality], verb, modality)
    together = stage(items)
    alone = [stage([item])[0] for item in items]
    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, Item)
        assert isinstance(other, Item)
        assert one.quality == pytest.approx(other.quality, abs=1e-6)
        for a, b in zip(arrays(one.payload), arrays(other.payload), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4, equal_nan=True)


@every_modality
@every_stage
def test_a_stage_leaves_its_items_as_they_were(
    chains: dict[Modality, tuple[chain.NamedStage, ...]], modality: Modality, verb: int
) -> None:
    items = before(chains[modality], verb, modality)
    copies = [[array.copy() for array in arrays(item.payload)] for item in items]
    chains[modality][verb].stage(items)
    for item, kept in zip(items, copies, strict=True):
        for now, then in zip(arrays(item.payload), kept, strict=True):
            np.testing.assert_array_equal(now, then)


@every_modality
def test_bytes_that_do_not_decode_are_rejected_and_harm_no_neighbour(
    chains: dict[Modality, tuple[chain.NamedStage, ...]], modality: Modality
) -> None:
    good = media(modality)
    bad = Item("bad", BROKEN.get(modality, Media(GARBAGE, MAKERS[modality][0])))
    first, outcome, last = chains[modality][0].stage([good[0], bad, good[1]])
    assert isinstance(outcome, Rejected)
    assert outcome.gate.startswith(f"{modality}.")
    assert outcome.reason
    assert isinstance(first, Item)
    assert isinstance(last, Item)


@every_modality
def test_a_vector_has_length_one_and_names_its_model(
    chains: dict[Modality, tuple[chain.NamedStage, ...]], modality: Modality
) -> None:
    for fate in chain.run(chains[modality], media(modality)):
        assert isinstance(fate, Item)
        assert fate.payload.vector.dtype == np.float32
        assert np.linalg.norm(fate.payload.vector) == pytest.approx(1, abs=1e-5)
        assert fate.payload.model.startswith("tiny@")
        assert 0 <= fate.quality <= 1
