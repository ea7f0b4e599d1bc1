"""``kubectl mmpipe deadletters``: the commands of ``mmpipe deadletter`` against a gateway behind a forwarded port."""

import json
from collections.abc import Iterator

import pytest
from tests.unit.kubectl_mmpipe.objects import PIPELINES, pipeline
from tests.unit.kubectl_mmpipe.scripted import Cluster, Run

from mmpipe.client import Client
from mmpipe.client.testing import FakeGateway

SERVICE = "service/media-gateway"


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as started, Client(started.address) as client:
        for sample_id, stage in (("a", "image.decode"), ("b", "sink")):
            client.submit({"id": sample_id, "text": "words"})
            started.give_up(sample_id, stage, "a timeout")
        yield started


@pytest.fixture
def forwarded(cluster: Cluster, gateway: FakeGateway) -> Cluster:
    cluster.has(PIPELINES, pipeline())
    cluster.answer("port-forward", SERVICE, out=f"Forwarding from {gateway.address} -> 50050\n", stays=True)
    return cluster


def test_dead_letters_come_through_a_forwarded_port(mmpipe: Run, forwarded: Cluster) -> None:
    done = mmpipe("deadletters", "media", "-n", "prod", "list", "--where", "stage=image", "--json")

    assert done.code == 0
    assert [letter["sample_id"] for letter in json.loads(done.out)] == ["a"]
    assert forwarded.calls[-1] == ["port-forward", SERVICE, ":50050", "--address=127.0.0.1", "--namespace=prod"]


@pytest.mark.usefixtures("forwarded")
def test_without_a_command_they_are_listed(mmpipe: Run) -> None:
    assert [line.split()[0] for line in mmpipe("deadletters", "media").out.splitlines()] == ["sample", "b", "a"]


@pytest.mark.usefixtures("forwarded")
def test_redriving_ends_as_mmpipe_does(mmpipe: Run, gateway: FakeGateway) -> None:
    gateway.give_up("b", "sink", "again", redrives=3)

    done = mmpipe("deadletters", "media", "redrive", "--rate", "100", "-n", "prod")

    assert done.code == 1
    assert "a: redriven" in done.out
    assert gateway.queued[-1] == "a"


def test_a_given_gateway_needs_no_cluster(mmpipe: Run, cluster: Cluster, gateway: FakeGateway) -> None:
    done = mmpipe("deadletters", "media", "show", "b", "--gateway", gateway.address)

    assert done.out.startswith("b: given up in sink")
    assert cluster.calls == []


@pytest.mark.usefixtures("forwarded")
def test_a_gateway_of_the_environment_is_not_taken_for_the_pipelines(
    mmpipe: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMPIPE_GATEWAY", "127.0.0.1:1")

    assert mmpipe("deadletters", "media").code == 0


def test_a_port_that_is_not_forwarded_says_why(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline())
    cluster.answer("port-forward", SERVICE, err="error: unable to forward port because pod is not running")

    done = mmpipe("deadletters", "media")

    assert done.code == 3
    assert "kubectl port-forward service/media-gateway" in done.err
    assert "pod is not running" in done.err


def test_a_gateway_that_is_not_there_yet_leads_to_the_status(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline())
    cluster.answer("port-forward", SERVICE, err='Error from server (NotFound): services "media-gateway" not found')

    done = mmpipe("deadletters", "media")

    assert done.code == 2
    assert "media: found no service/media-gateway; expected its gateway; kubectl mmpipe status media" in done.err


def test_a_paused_pipeline_has_no_gateway(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline() | {"spec": {"lifecycle": {"state": "Paused"}}})

    done = mmpipe("deadletters", "media")

    assert done.code == 2
    assert "kubectl mmpipe resume media" in done.err


def test_a_gateway_with_tls_asks_for_its_authority(mmpipe: Run, cluster: Cluster) -> None:
    tls = {"certificateSecretRef": {"name": "door", "key": "tls.crt"}}
    cluster.has(PIPELINES, pipeline() | {"spec": {"gateway": {"tls": tls}}})

    assert "MMPIPE_TLS_CA" in mmpipe("deadletters", "media").err


def test_a_wrong_option_is_refused_as_mmpipe_refuses_it(mmpipe: Run, gateway: FakeGateway) -> None:
    assert mmpipe("deadletters", "media", "list", "--wher", "x", "--gateway", gateway.address).code == 2
