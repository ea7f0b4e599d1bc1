"""Edits of a running pipeline while samples flow through real services: none is lost, none done twice, none refused.

Every process is the real one, over a real NATS, Milvus, PostgreSQL and S3. Pods have no ``preStop`` here, which is
stricter than a cluster: they are told to stop at the moment at which their endpoints begin to go.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from e2e.control_plane.served import NEXT_IMAGE, Books, Flow, Served

from mmpipe_operator.kinds import Manifest

TEXT_AND_IMAGE = ({"name": "text"}, {"name": "image"})
AND_DEPTH = (*TEXT_AND_IMAGE, {"name": "depth"})
KINDS = "text,image,image+text"


@pytest.mark.parametrize(("before", "after"), [("PerModality", "PerStage"), ("PerStage", "PerModality")])
def test_a_topology_changes_under_load(served: Served, before: str, after: str) -> None:
    served.apply(modalities=TEXT_AND_IMAGE, topology=before).roll_out()
    repeated = served.books().repeated

    with served.flowing(KINDS) as flow:
        served.apply(modalities=TEXT_AND_IMAGE, topology=after).roll_out()

    all_is_stored_once(served, flow, repeated)


def test_a_modality_is_added_under_load(served: Served) -> None:
    served.apply(modalities=TEXT_AND_IMAGE).roll_out()
    repeated = served.books().repeated

    with served.flowing(KINDS) as flow:
        served.apply(modalities=AND_DEPTH).roll_out()
        deep = served.hand_in("depth+text", 5)

    books = all_is_stored_once(served, flow, repeated)
    assert all(books.rows[sample_id, "depth"] == 1 for sample_id in deep)


def test_a_modality_is_removed_while_its_samples_wait(served: Served) -> None:
    served.apply(modalities=AND_DEPTH).roll_out()
    repeated = served.books().repeated

    with served.flowing(KINDS) as flow:
        with served.frozen("depth"):
            waiting = [*served.hand_in("depth", 5), *served.hand_in("depth+text", 5)]
            old_workers = served.pods_of("worker")
            served.apply(modalities=TEXT_AND_IMAGE).wait_until_gone("worker", old_workers)
        served.roll_out()

    books = ended(served, flow)
    assert not books.letters
    for sample_id in waiting:
        assert books.quarantined[sample_id] == (
            "the pipeline takes text, image and no depth; add it to spec.modalities"
        )
        assert books.rows[sample_id, "text"] == sample_id.startswith("depth+text"), "the other part is stored"
    assert {books.states[sample_id] for sample_id in flow.accepted} == {"stored"}
    assert books.repeated - repeated <= len(waiting), "what a worker had in its hands when it was to stop"


def test_image_and_resources_change_under_load(served: Served) -> None:
    served.apply(modalities=TEXT_AND_IMAGE).roll_out()
    repeated = served.books().repeated

    with served.flowing(KINDS) as flow:
        of_the_next_release = {"template": {"image": NEXT_IMAGE}}
        larger = {"template": {"resources": {"requests": {"cpu": "750m"}}}}
        served.apply(
            modalities=[{"name": "text", **of_the_next_release}, {"name": "image", **larger}],
            worker=of_the_next_release,
            gateway=of_the_next_release,
        ).roll_out()

    all_is_stored_once(served, flow, repeated)
    assert {images(served, process) for process in ("worker", "gateway", "text")} == {(NEXT_IMAGE,)}


def test_recreate_needs_no_room_for_a_second_pod_and_samples_wait(served: Served) -> None:
    scarce: Manifest = {"name": "image", "rollout": {"strategy": "Recreate"}}
    served.apply(modalities=[{"name": "text"}, scarce]).roll_out()
    repeated = served.books().repeated
    (before,) = served.pipeline.pods("image")

    with served.flowing(KINDS) as flow, counting_pods(served, "image") as most:
        larger = {"template": {"resources": {"requests": {"cpu": "900m"}}}}
        served.apply(modalities=[{"name": "text"}, scarce | larger]).roll_out()

    all_is_stored_once(served, flow, repeated)
    (after,) = served.pipeline.pods("image")
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert max(most) == 1


def all_is_stored_once(served: Served, flow: Flow, repeated: int) -> Books:
    """No sample was refused, lost, given up, or given to a worker twice; each part has one vector."""
    books = ended(served, flow)
    assert not books.letters
    assert {books.states[sample_id] for sample_id in flow.accepted} == {"stored"}
    assert books.repeated == repeated
    for sample_id in flow.accepted:
        for modality in sample_id.rpartition("-")[0].split("+"):
            assert books.rows[sample_id, modality] == 1, f"{sample_id}: {modality}"
    assert set(books.rows.values()) == {1}
    return books


def ended(served: Served, flow: Flow) -> Books:
    """The books, once every accepted sample has ended."""
    assert not flow.refused
    assert len(flow.accepted) == len(set(flow.accepted)) > 0
    return served.books()


def images(served: Served, process: str) -> tuple[str, ...]:
    return tuple({pod["spec"]["containers"][0]["image"] for pod in served.pipeline.pods(process)})


@contextmanager
def counting_pods(served: Served, process: str) -> Iterator[Sequence[int]]:
    """How many pods of a process there were at each look, those that were going among them."""
    counts: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            counts.append(len(served.pipeline.pods(process)))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield counts
    finally:
        over.set()
        looking.join()
