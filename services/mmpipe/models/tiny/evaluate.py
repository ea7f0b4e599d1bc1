"""How good the tiny model is: held-out scenes, every pair of modalities, through the path that users take.

Payloads are rendered from scenes whose combinations training never saw, optionally written to real files and read
back (:data:`CODECS`), prepared and embedded by the loaded package: neither torch nor a training shortcut is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice, permutations
from types import MappingProxyType

import numpy as np

from mmpipe.models.package import ModelPackage
from mmpipe.models.tiny import captions, codecs, depths, films, pictures, retrieval, sounds, world
from mmpipe.models.tiny.retrieval import Mask, Scores
from mmpipe.models.tiny.world import ATTRIBUTES, OBSERVABLE, Scene
from mmpipe.models.tower import Payload
from mmpipe.records import Floats, Modality

SCENES = 400
SEED = 2_026
CHUNK_SCENES = 20

type Render = Callable[[Scene, np.random.Generator], Payload]


@dataclass(frozen=True, slots=True)
class Report:
    """The scores of every ordered pair (query modality, candidate modality), and how they were measured."""

    model: str
    scenes: int
    seed: int
    through_codecs: bool
    pairs: Mapping[tuple[Modality, Modality], Scores]

    def as_json(self) -> dict[str, object]:
        """The report for ``evaluation.json`` and ``mmpipe model evaluate --json``; pairs are named ``text->image``."""
        pairs = {f"{query}->{candidate}": _rounded(scores) for (query, candidate), scores in self.pairs.items()}
        return {
            "model": self.model,
            "scenes": self.scenes,
            "seed": self.seed,
            "throughCodecs": self.through_codecs,
            "pairs": pairs,
        }


RENDER: Mapping[Modality, Render] = MappingProxyType(
    {
        Modality.IMAGE: pictures.render,
        Modality.AUDIO: sounds.render,
        Modality.VIDEO: films.render,
        Modality.DEPTH: depths.render,
    }
)
"""How a scene becomes a payload; texts need to know what to mention, see :func:`mentions`."""

CODECS: Mapping[Modality, Render] = MappingProxyType(
    {
        Modality.IMAGE: lambda scene, rng: codecs.read_picture(codecs.jpeg(pictures.render(scene, rng), 85)),
        Modality.AUDIO: lambda scene, rng: codecs.read_sound(codecs.sound(sounds.render(scene, rng), codecs.MP3)),
        Modality.VIDEO: lambda scene, rng: codecs.read_film(codecs.film(films.render(scene, rng), codecs.H264)),
        Modality.DEPTH: lambda scene, rng: codecs.read_depth_png(codecs.depth_png(depths.render(scene, rng))),
    }
)
"""The same through JPEG at quality 85, MP3 at 96 kbit/s, H.264 with AAC in MP4, and 16-bit PNG in millimetres."""


def evaluate(package: ModelPackage, count: int = SCENES, seed: int = SEED, *, through_codecs: bool = False) -> Report:
    """Score a package on ``count`` held-out scenes; the same arguments give the same report."""
    chosen = held_out_scenes(count, seed)
    codes = np.array([world.codes(scene) for scene in chosen], np.int64)
    vectors = {
        modality: embedded(package, modality, chosen, seed, through_codecs=through_codecs) for modality in Modality
    }
    seen = {modality: shown(modality, count, seed) for modality in Modality}
    pairs = {
        (a, b): retrieval.score(vectors[a], vectors[b], retrieval.shared_attributes(codes, seen[a], seen[b]))
        for a, b in permutations(Modality, 2)
    }
    return Report(package.identity, count, seed, through_codecs, pairs)


def held_out_scenes(count: int, seed: int) -> list[Scene]:
    """Scenes with combinations that training never saw."""
    return list(islice(world.scenes(world.generator(seed, "held out"), held_out=True), count))


def embedded(
    package: ModelPackage, modality: Modality, chosen: list[Scene], seed: int, *, through_codecs: bool
) -> Floats:
    """The vectors of all scenes in one modality, float32 [scenes, dimension]; rendered in chunks to bound memory."""
    tower = package.tower(modality)
    render = partial(payload, modality, seed=seed, through_codecs=through_codecs)
    chunks = [
        tower([render(scene, number=start + at) for at, scene in enumerate(chosen[start : start + CHUNK_SCENES])])
        for start in range(0, len(chosen), CHUNK_SCENES)
    ]
    return np.concatenate(chunks)


def payload(modality: Modality, scene: Scene, *, number: int, seed: int, through_codecs: bool = False) -> Payload:
    """One scene in one modality, as evaluation renders it."""
    rng = world.generator(seed, number, modality.value)
    if modality is Modality.TEXT:
        return captions.compose(scene, mentions(number, seed), rng)
    return (CODECS if through_codecs else RENDER)[modality](scene, rng)


def mentions(number: int, seed: int) -> frozenset[str]:
    """What the caption of one scene mentions; always its kind, so that every query asks for something."""
    return captions.choose_mentions(world.generator(seed, number, "mentions")) | {"kind"}


def shown(modality: Modality, count: int, seed: int) -> Mask:
    """Which attributes each scene shows in a modality: bool [scenes, attributes]."""
    if modality is Modality.TEXT:
        return np.array([[name in mentions(number, seed) for name in ATTRIBUTES] for number in range(count)])
    return np.tile([name in OBSERVABLE[modality] for name in ATTRIBUTES], (count, 1))


def _rounded(scores: Scores) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(scores).items()}
