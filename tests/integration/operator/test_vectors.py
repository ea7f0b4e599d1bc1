"""The operator owns each pipeline's collection, index and alias in Milvus, and touches nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.asynchronous import asynchronous
from tests.integration.operator.asking import a_pipeline, asking, gate_to

from mmpipe.adapters.errors import StoreMismatch, StoreRefused
from mmpipe.adapters.vectors import Collection, CollectionKeeper, Place, VectorRow, Vectors
from mmpipe.spec import MultimodalPipeline
from mmpipe.testing import MODEL, vector_of
from mmpipe_operator.neighbours import NeighbourError
from mmpipe_operator.status import Report

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def client(milvus_uri: str) -> Iterator[Any]:
    from pymilvus import MilvusClient  # noqa: PLC0415  # slow to import

    client = MilvusClient(milvus_uri)
    yield client
    client.close()


def known(report: Report) -> bool:
    return report.vectors.state != "Unknown"


def a_keeper(uri: str) -> CollectionKeeper:
    return CollectionKeeper(Place(uri))


def in_milvus(name: str, uri: str, **changed: object) -> MultimodalPipeline:
    return a_pipeline(name, milvus={"uri": uri, **changed})


@asynchronous
async def test_a_new_pipeline_has_its_collection_index_and_alias_made(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    pipeline = in_milvus("made-new", milvus_uri, alias="made_alias", index={"m": 8, "efConstruction": 100})
    async with asking() as one:
        report = await one.until(pipeline, known)

    assert (report.vectors.state, report.vectors.message) == ("Reachable", "")
    assert (report.collection, report.alias, report.dimension) == ("mmpipe_made_new_g1", "made_alias", 128)
    assert report.model.startswith("tiny@")
    assert client.describe_alias("made_alias")["collection_name"] == "mmpipe_made_new_g1"
    index = client.describe_index("mmpipe_made_new_g1", "vector")
    assert {name: index[name] for name in ("index_type", "metric_type", "M", "efConstruction")} == {
        "index_type": "HNSW",
        "metric_type": "COSINE",
        "M": "8",
        "efConstruction": "100",
    }


@asynchronous
async def test_a_collection_takes_no_memory_of_the_server_before_its_pods_start(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    async with asking() as one:
        await one.until(in_milvus("not-loaded", milvus_uri), known)
    assert client.get_load_state("mmpipe_not_loaded_g1")["state"].name == "NotLoad"


@asynchronous
async def test_what_is_dropped_by_hand_is_made_again(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    pipeline = in_milvus("made-again", milvus_uri)
    async with asking() as one:
        await one.until(pipeline, known)
        client.drop_alias("made_again")
        client.drop_collection("mmpipe_made_again_g1")
    async with asking() as one:
        await one.until(pipeline, known)
        client.drop_alias("made_again")
        client.drop_index("mmpipe_made_again_g1", "vector")
    async with asking() as one:
        assert (await one.until(pipeline, known)).vectors.state == "Reachable"
    assert client.list_aliases("mmpipe_made_again_g1")["aliases"] == ["made_again"]
    assert client.list_indexes("mmpipe_made_again_g1") == ["vector"]


@asynchronous
async def test_a_worker_takes_what_the_operator_made_as_its_own(milvus_uri: str) -> None:
    async with asking() as one:
        milvus = {"uri": milvus_uri, "dimension": 16, "alias": "shared"}
        await one.until(a_pipeline("shared-shape", model="/models/own", milvus=milvus), known)
    row = VectorRow("a", "sample", "text", vector_of("a", 16), None, "", MODEL, 0.5)
    with Vectors(Place(milvus_uri), Collection("shared-shape", 16, "shared")) as vectors:
        vectors.upsert([row])
        assert vectors.count() == 1


@asynchronous
async def test_another_dimension_is_a_mismatch_that_names_both_and_the_remedy(milvus_uri: str) -> None:
    a_keeper(milvus_uri).keep(Collection("other-length", 64))
    async with asking() as one:
        probe = (await one.until(in_milvus("other-length", milvus_uri), known)).vectors
    assert probe.state == "Mismatch"
    assert "vectors of dimension 64; expected 128" in probe.message
    assert "give this pipeline another name, or take its old data away" in probe.message


@asynchronous
async def test_another_index_is_a_mismatch_that_names_both(milvus_uri: str) -> None:
    a_keeper(milvus_uri).keep(Collection("other-index", 128, m=8))
    async with asking() as one:
        probe = (await one.until(in_milvus("other-index", milvus_uri), known)).vectors
    assert probe.state == "Mismatch"
    assert "HNSW with M 8 and efConstruction 200; expected HNSW with M 16 and efConstruction 200" in probe.message


@asynchronous
async def test_an_alias_on_another_collection_is_a_mismatch_and_stays_there(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    a_keeper(milvus_uri).keep(Collection("alias-holder", 8, "wanted_by_two"))
    async with asking() as one:
        probe = (await one.until(in_milvus("alias-wisher", milvus_uri, alias="wanted_by_two"), known)).vectors
    assert probe.state == "Mismatch"
    assert "alias wanted_by_two" in probe.message
    assert "set sink.milvus.alias to another name" in probe.message
    assert client.describe_alias("wanted_by_two")["collection_name"] == "mmpipe_alias_holder_g1"


@asynchronous
async def test_a_pipeline_of_the_same_name_elsewhere_does_not_get_the_collection(milvus_uri: str) -> None:
    staging = a_pipeline("same-name", "staging", milvus={"uri": milvus_uri})
    async with asking() as one:
        await one.until(in_milvus("same-name", milvus_uri), known)
        probe = (await one.until(staging, known)).vectors
    assert probe.state == "Mismatch"
    assert "found it to belong to the pipeline prod/same-name" in probe.message


@asynchronous
async def test_a_model_of_unknown_length_leaves_the_making_to_a_worker(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    pipeline = a_pipeline("own-model", model="/models/clip", milvus={"uri": milvus_uri})
    async with asking() as one:
        before = await one.until(pipeline, known)
        assert (before.vectors.state, before.dimension, before.model) == ("Reachable", None, "")
        assert not client.has_collection("mmpipe_own_model_g1")
        a_keeper(milvus_uri).keep(Collection("own-model", 24))
        assert (await one.until(pipeline, lambda report: report.dimension is not None)).dimension == 24


@asynchronous
async def test_a_database_that_is_not_there_is_refused(milvus_uri: str) -> None:
    async with asking() as one:
        probe = (await one.until(in_milvus("no-database", milvus_uri, database="nowhere"), known)).vectors
    assert probe.state == "Refused"
    assert "nowhere" in probe.message


@asynchronous
async def test_a_server_that_goes_and_comes_back_is_reported_so(milvus_uri: str) -> None:
    async with gate_to(milvus_uri) as gate, asking() as one:
        pipeline = in_milvus("comes-back", f"http://127.0.0.1:{gate.port}")
        await one.until(pipeline, lambda report: report.vectors.state == "Reachable")
        await gate.shut()
        away = await one.until(pipeline, lambda report: report.vectors.state == "Unreachable")
        assert "see that Milvus runs" in away.vectors.message
        await gate.open()
        await one.until(pipeline, lambda report: report.vectors.state == "Reachable")


@asynchronous
async def test_a_server_that_says_nothing_costs_a_report_and_leaves_no_thread_behind(milvus_uri: str) -> None:
    before = set(threading.enumerate())
    async with gate_to(milvus_uri) as gate, asking() as one:
        pipeline = in_milvus("says-nothing", f"http://127.0.0.1:{gate.port}")
        await one.until(pipeline, lambda report: report.vectors.state == "Reachable")
        gate.swallow()
        await one.until(pipeline, lambda report: report.vectors.state == "Unreachable")
        with pytest.raises(NeighbourError):
            await one.neighbours.drop_vectors(pipeline, {})
        await one.neighbours.close()
        left = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("mmpipe-")}
    assert not left


@asynchronous
async def test_dropping_takes_collection_and_aliases_and_may_be_repeated(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    pipeline = in_milvus("dropped", milvus_uri)
    async with asking() as one:
        await one.until(pipeline, known)
        client.create_alias("mmpipe_dropped_g1", "made_by_hand")
        await one.neighbours.drop_vectors(pipeline, {})
        assert not client.has_collection("mmpipe_dropped_g1")
        assert not client.has_collection("dropped")
        await one.neighbours.drop_vectors(pipeline, {})


@asynchronous
async def test_a_token_that_went_before_its_pipeline_still_serves_to_drop(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    pipeline = in_milvus("token-gone", milvus_uri, tokenSecretRef={"name": "milvus", "key": "token"})
    async with asking() as one:
        await one.until(pipeline, lambda report: report.vectors.state == "Reachable", {("milvus", "token"): "any"})
        await one.neighbours.drop_vectors(pipeline, {})
        assert not client.has_collection("mmpipe_token_gone_g1")
        await one.neighbours.drop_vectors(pipeline, {})
        one.neighbours.forget("prod", "token-gone")
        with pytest.raises(NeighbourError, match="Secret milvus, key token"):
            await one.neighbours.drop_vectors(pipeline, {})


@asynchronous
async def test_a_collection_that_mmpipe_has_not_made_is_not_dropped(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    client.create_collection("mmpipe_foreign_g1", dimension=8)
    async with asking() as one:
        with pytest.raises(NeighbourError, match="expected a collection made by mmpipe"):
            await one.neighbours.drop_vectors(in_milvus("foreign", milvus_uri), {})
    assert client.has_collection("mmpipe_foreign_g1")


@asynchronous
async def test_the_collection_of_another_namespace_is_not_dropped(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    staging = a_pipeline("kept-apart", "staging", milvus={"uri": milvus_uri})
    async with asking() as one:
        await one.until(in_milvus("kept-apart", milvus_uri), known)
        one.neighbours.forget("prod", "kept-apart")
        with pytest.raises(NeighbourError, match="prod/kept-apart"):
            await one.neighbours.drop_vectors(staging, {})
    assert client.has_collection("mmpipe_kept_apart_g1")


@asynchronous
async def test_a_collection_that_another_pipeline_uses_is_not_dropped(milvus_uri: str, client: Any) -> None:  # noqa: ANN401
    a_keeper(milvus_uri).keep(Collection("used-by-two", 128))  # nobody's: a laptop has made it
    staging = a_pipeline("used-by-two", "staging", milvus={"uri": milvus_uri})
    async with asking() as one:
        await one.until(in_milvus("used-by-two", milvus_uri), known)
        with pytest.raises(NeighbourError, match="used by the pipeline prod/used-by-two too"):
            await one.neighbours.drop_vectors(staging, {})
    assert client.has_collection("mmpipe_used_by_two_g1")


@asynchronous
async def test_vectors_of_a_server_that_is_away_are_not_dropped_and_the_error_says_so(milvus_uri: str) -> None:
    async with gate_to(milvus_uri) as gate, asking() as one:
        await gate.shut()
        with pytest.raises(NeighbourError, match="see that Milvus runs"):
            await one.neighbours.drop_vectors(in_milvus("away", f"http://127.0.0.1:{gate.port}"), {})


def test_a_keeper_refuses_an_embedded_store_rather_than_start_one(tmp_path: Any) -> None:  # noqa: ANN401
    for uri in ("", str(tmp_path / "vectors"), "unix:/run/milvus"):
        with pytest.raises(StoreRefused, match="expected http://host:19530"):
            CollectionKeeper(Place(uri))


def test_a_collection_without_an_owner_is_taken_by_whoever_asks_first(milvus_uri: str) -> None:
    keeper = a_keeper(milvus_uri)
    keeper.keep(Collection("nobodys", 8))
    assert keeper.keep(Collection("nobodys", 8, namespace="prod")) == 8
    keeper.keep(Collection("somebodys", 8, namespace="prod"))
    assert keeper.keep(Collection("somebodys", 8)) == 8
    with pytest.raises(StoreMismatch, match="prod/somebodys"):
        keeper.keep(Collection("somebodys", 8, namespace="staging"))
