from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmpipe.models import package
from mmpipe.records import Modality

torch = pytest.importorskip("torch", reason="training needs the extra mmpipe[torch]")
pytest.importorskip("onnxscript", reason="export needs the extra mmpipe[torch]")
pytestmark = pytest.mark.filterwarnings("default")  # torch's exporter warns about its own internals

from mmpipe.models.tiny import augment, batch, evaluate, export, loss, train  # noqa: E402 - only with torch
from mmpipe.models.tiny.train import Plan  # noqa: E402

EVERY = torch.tensor([True, True])


def test_training_resumes_where_it_stopped_and_ends_in_a_package_that_loads(tmp_path: Path) -> None:
    plan = Plan(steps=2, batch=8, scenes=12, threads=1)
    train.train(Plan(steps=1, batch=8, scenes=12, threads=1), tmp_path / "work", report=lambda _: None)

    trained = train.train(plan, tmp_path / "work", resume=True, report=lambda _: None)
    export.export(trained, tmp_path / "out")
    report = evaluate.evaluate(package.load(tmp_path / "out"), 20)
    export.complete(tmp_path / "out", report)

    made = package.load(tmp_path / "out")
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["steps_done"] == 2
    assert len(record["loss_curve"]["mean_loss"]) == 2
    assert made.modalities == tuple(Modality)
    assert max(entry.parity for entry in made.manifest.towers.values()) <= export.TOLERANCE
    assert "| text -> image |" in (tmp_path / "out" / "MODEL_CARD.md").read_text()


def test_the_loss_is_lowest_for_embeddings_that_match_exactly_where_scenes_do() -> None:
    codes = torch.zeros((4, 8), dtype=torch.int64)
    codes[:, 0] = torch.arange(4)
    seen = {modality: torch.ones((4, 8), dtype=torch.bool) for modality in (Modality.IMAGE, Modality.TEXT)}
    criterion = loss.Criterion(4, prototype_weight=0.0)
    right, wrong = torch.eye(4), torch.eye(4).roll(1, 0)

    good = criterion({Modality.IMAGE: right, Modality.TEXT: right}, codes, seen)
    bad = criterion({Modality.IMAGE: right, Modality.TEXT: wrong}, codes, seen)

    assert good.item() < 0.1 < bad.item()


def test_equal_scenes_in_a_batch_are_no_negatives_of_each_other() -> None:
    codes = torch.tensor([[0, 1], [0, 1], [0, 2]])
    everything = torch.ones((3, 2), dtype=torch.bool)

    positive, comparable = loss.matches(codes, everything, everything)

    assert positive.tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    assert comparable.all()


def test_a_film_without_sound_shows_only_what_can_be_seen() -> None:
    mentions = torch.ones((2, 8), dtype=torch.bool)

    shown = batch.shown(mentions, torch.tensor([True, False]), EVERY, EVERY)[Modality.VIDEO]

    assert shown[0].all()
    assert shown[1].tolist() == [True, True, True, True, True, False, False, False]


def test_a_picture_or_film_without_its_colours_shows_none() -> None:
    mentions = torch.ones((2, 8), dtype=torch.bool)
    first_only = torch.tensor([True, False])

    shown = batch.shown(mentions, EVERY, first_only, ~first_only)

    assert shown[Modality.IMAGE].tolist() == [[True] * 4 + [False] * 4, [True, False, True, True] + [False] * 4]
    assert shown[Modality.VIDEO][:, 1].tolist() == [False, True]
    assert shown[Modality.TEXT].all()


def test_what_loses_its_colours_keeps_light_and_dark_and_the_others_stay_as_they_are() -> None:
    pixels = torch.arange(1, 25, dtype=torch.float32).reshape(2, 2, 2, 3)

    tinted = augment.without_colour(pixels, torch.tensor([True, False]), torch.Generator().manual_seed(1))

    light = pixels[0].mean(dim=-1)
    assert torch.allclose(tinted[0].amax(dim=-1), light)
    assert torch.allclose(tinted[0] / light[:, :, None], (tinted[0] / light[:, :, None])[0, 0].expand(2, 2, 3))
    assert torch.equal(tinted[1], pixels[1])


def test_the_learning_rate_warms_up_and_ends_low() -> None:
    plan = Plan(steps=1_000)

    rates = np.array([train.learning_rate(plan, step) for step in range(1_000)])

    assert rates[0] < 0.05 * plan.learning_rate
    assert 20 < rates.argmax() < 80
    assert rates[-1] < 0.02 * plan.learning_rate
