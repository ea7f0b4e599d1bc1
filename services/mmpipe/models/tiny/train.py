"""The training loop of the tiny model: seeded, resumable from its last checkpoint, and recorded (torch).

Everything random in step *n* is drawn from the seed and *n*, so a run that was interrupted and resumed sees the same
batches as one that was not.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from mmpipe.models.tiny import batch, captions, dataset, tokens, towers, world
from mmpipe.models.tiny.loss import Criterion

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHECKPOINT_EVERY_STEPS = 100
TOKENIZER_CAPTIONS = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train: two runs of equal plans on one machine end in equal weights."""

    seed: int = 1
    steps: int = 5_000
    batch: int = 64
    scenes: int = 12_000
    learning_rate: float = 2e-3
    weight_decay: float = 0.03
    threads: int = 2


@dataclass(slots=True)
class Run:
    """The moving parts of a training run: the one mutable state, saved in every checkpoint."""

    towers: nn.ModuleDict
    criterion: Criterion
    optimizer: torch.optim.Optimizer
    step: int
    losses: list[float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Trained:
    """What training leaves behind: towers in evaluation mode, their tokenizer, and the record for ``training.json``."""

    towers: nn.ModuleDict
    tokenizer: Tokenizer
    record: dict[str, object]


def train(plan: Plan, folder: Path, *, resume: bool = False, report: Callable[[str], None] = print) -> Trained:
    """Train as planned, with scenes and checkpoints in ``folder``; with ``resume``, go on from the last checkpoint."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    data = {name: torch.from_numpy(column) for name, column in _dataset(plan, folder).items()}
    tokenizer = tokenizer_for(plan)
    run = start(plan, tokenizer.get_vocab_size())
    checkpoint = folder / "checkpoint.pt"
    if resume and checkpoint.exists():
        restore(run, checkpoint)
    for losses in _steps(plan, run, data, tokenizer):
        if run.step % CHECKPOINT_EVERY_STEPS == 0 or run.step == plan.steps:
            save(run, checkpoint)
            recent = float(np.mean(losses[-CHECKPOINT_EVERY_STEPS:]))
            report(f"step {run.step}/{plan.steps}  loss {recent:.4f}  {run.seconds:.0f} s")
    return Trained(run.towers.eval(), tokenizer, record(plan, run))


def tokenizer_for(plan: Plan) -> Tokenizer:
    """The tokenizer learnt from captions of training scenes."""
    rng = world.generator(plan.seed, "tokenizer")
    texts = [captions.render(scene, rng) for scene in islice(world.scenes(rng, held_out=False), TOKENIZER_CAPTIONS)]
    return tokens.learn(texts)


def start(plan: Plan, vocabulary: int) -> Run:
    """A run at step 0."""
    networks, criterion = towers.build(vocabulary), Criterion(towers.DIMENSION)
    parameters = [*networks.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(parameters, plan.learning_rate, weight_decay=plan.weight_decay)
    return Run(networks, criterion, optimizer, 0, [], 0.0)


def save(run: Run, file: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    state = {name: getattr(run, name).state_dict() for name in ("towers", "criterion", "optimizer")}
    torch.save(
        {**state, "step": run.step, "losses": run.losses, "seconds": run.seconds}, part := file.with_suffix(".part")
    )
    part.rename(file)


def restore(run: Run, file: Path) -> None:
    """Take a run to where a checkpoint was written."""
    state = torch.load(file, weights_only=True)
    for name in ("towers", "criterion", "optimizer"):
        getattr(run, name).load_state_dict(state[name])
    run.step, run.losses, run.seconds = state["step"], state["losses"], state["seconds"]


def record(plan: Plan, run: Run) -> dict[str, object]:
    """The training record: plan, versions, time, and the loss at up to fifty points on the way."""
    every = max(len(run.losses) // 50, 1)
    curve = [round(float(np.mean(run.losses[at : at + every])), 4) for at in range(0, len(run.losses), every)]
    return {
        "plan": asdict(plan),
        "steps_done": run.step,
        "training_seconds": round(run.seconds, 1),
        "loss_curve": {"steps_per_point": every, "mean_loss": curve},
        "parameters": {name: sum(p.numel() for p in tower.parameters()) for name, tower in run.towers.items()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }


def write_record(trained: Trained, file: Path) -> None:
    """The record as JSON."""
    file.write_text(json.dumps(trained.record, indent=2) + "\n")


def _dataset(plan: Plan, folder: Path) -> dataset.Columns:
    return dataset.load(dataset.Recipe(plan.seed, plan.scenes), folder / "scenes", plan.threads)


def _steps(plan: Plan, run: Run, data: dict[str, Tensor], tokenizer: Tokenizer) -> Iterator[list[float]]:
    """Take one step after another up to the planned number; yields the losses so far after each."""
    run.towers.train()
    while run.step < plan.steps:
        began = time.perf_counter()
        loss = _loss(plan, run, data, tokenizer)
        run.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(run.towers.parameters(), 5.0)
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(plan, run.step)
        run.optimizer.step()
        run.step += 1
        run.losses.append(float(loss.detach()))
        run.seconds += time.perf_counter() - began
        yield run.losses


def learning_rate(plan: Plan, step: int) -> float:
    """A short linear warm-up, then half a cosine down to nearly nothing (Loshchilov & Hutter, 2017)."""
    warm = min((step + 1) / (0.05 * plan.steps + 1), 1.0)
    return plan.learning_rate * warm * (0.01 + 0.99 * (1 + float(np.cos(np.pi * step / plan.steps))) / 2)


def _loss(plan: Plan, run: Run, data: dict[str, Tensor], tokenizer: Tokenizer) -> Tensor:
    rng = torch.Generator().manual_seed(plan.seed * 1_000_003 + run.step)
    rows = torch.randint(0, plan.scenes, (plan.batch,), generator=rng)
    drawn = batch.draw(data, rows, tokenizer, rng, world.generator(plan.seed, run.step, "captions"))
    embeddings = {modality: run.towers[modality.value](**values) for modality, values in drawn.arrays.items()}
    loss: Tensor = run.criterion(embeddings, data["codes"][rows], drawn.shown)
    return loss
