"""The model card: what the tiny model is, what it saw, how good it is, and what it must not be used for.

The sections follow Mitchell et al., *Model Cards for Model Reporting*, 2019. Every result comes from the training
record or the evaluation; none is typed by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmpipe.models.tiny.evaluate import Report
from mmpipe.models.tiny.retrieval import Scores

CARD = """\
# tiny

Five small towers (text, image, audio, video, depth) into one space of 128 dimensions, so that a text finds a picture,
a sound finds a depth map, and so on. It ships with mmpipe to make the pipeline run, be tested and be understood without
a download. **It knows one small world and nothing else; it is no substitute for CLIP or CLAP.**

## What it knows

Synthetic scenes of one thing: eight kinds (bell, drum, whistle, siren, clock, guitar, horn, kettle), eight colours,
four patterns, three sizes, six motions, two pitches, three rhythms, two distances. Each modality shows a part:

| Modality | shows |
|---|---|
| text | what it mentions |
| image | kind, colour, pattern, size |
| audio | kind, pitch, rhythm, distance |
| video | all of them |
| depth | kind, size, distance |

All training data is rendered and synthesised by this repository (`mmpipe.models.tiny`): no third party's media, no
personal data.

## Training

{steps} steps of {batch} scenes from {scenes}, seed {seed}, {minutes:.0f} minutes on a CPU with two threads; InfoNCE
over all pairs of modalities, every true match in the batch a positive. Parameters: {parameters}. Weights are stored in
half precision. `training.json` has the record. `mmpipe model train-tiny --out DIR` makes it again.

## Evaluation

{evaluated} scenes with combinations of values that never occur in training, rendered anew{codecs}, embedded
through this package. A candidate is a match if it agrees on every attribute that both sides show. R@1: a match is
first. mAP: mean average precision over all matches. Reading every shared attribute without error gives 1.00 in both.
Exact: the very scene is first; its limit is what that perfect reader reaches by guessing among equals.

| Query -> candidates | R@1 | R@5 | mAP | exact@1 | limit |
|---|---|---|---|---|---|
{rows}

## Use and limits

For demonstrations, tests and benchmarks of the data path. Real photographs, speech and everyday sentences get vectors
too, but those mean little. Don't use it to judge people or anything of consequence.

Licence: Apache-2.0, weights included.
"""


def text(record: Mapping[str, Any], report: Report) -> str:
    """The card, in Markdown, from ``training.json`` and the evaluation."""
    plan = record["plan"]
    return CARD.format(
        steps=record["steps_done"],
        batch=plan["batch"],
        scenes=plan["scenes"],
        seed=plan["seed"],
        minutes=record["training_seconds"] / 60,
        parameters=", ".join(f"{name} {count:,}" for name, count in record["parameters"].items()),
        evaluated=report.scenes,
        codecs=", sent through JPEG, MP3, H.264 and 16-bit PNG" if report.through_codecs else "",
        rows="\n".join(row(f"{query} -> {candidate}", scores) for (query, candidate), scores in report.pairs.items()),
    )


def row(name: str, scores: Scores) -> str:
    """One line of the table of results."""
    figures = (
        scores.recall_at_1,
        scores.recall_at_5,
        scores.mean_average_precision,
        scores.exact_at_1,
        scores.exact_limit,
    )
    return " | ".join(["| " + name, *(f"{figure:.2f}" for figure in figures)]) + " |"
