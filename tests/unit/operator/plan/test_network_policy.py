from __future__ import annotations

import pytest
from tests.unit.operator.plan.scenes import CONTEXT, SCENES, pipeline

from mmpipe.spec import MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan import plan
from mmpipe_operator.plan.network_policy import ports_of

USUAL = {"nats": 4222, "postgresql": 5432}


def policies(of: MultimodalPipeline) -> dict[str, Manifest]:
    return {
        each["metadata"]["labels"][names.COMPONENT_LABEL]: each["spec"]
        for each in plan(of, CONTEXT).manifests
        if each["kind"] == "NetworkPolicy"
    }


def callers(policy: Manifest) -> dict[int, set[str]]:
    """Who may call, by port; everybody is a star."""
    return {
        port["port"]: {peer["podSelector"]["matchLabels"][names.COMPONENT_LABEL] for peer in rule.get("from", ())}
        or {"*"}
        for rule in policy["ingress"]
        for port in rule["ports"]
    }


def outside(policy: Manifest) -> set[int]:
    """Ports that may be called anywhere, names apart."""
    return {port["port"] for rule in policy["egress"] if "to" not in rule for port in rule["ports"]} - {53}


def test_everything_is_closed_but_for_named_flows() -> None:
    found = policies(SCENES["one-modality"].pipeline)

    assert all(set(each["policyTypes"]) == {"Ingress", "Egress"} for each in found.values())
    assert {process: callers(each) for process, each in found.items()} == {
        "gateway": {50050: {"*"}, 9464: {"*"}},
        "worker": {9464: {"*"}},
        "image": {50051: {"gateway", "worker"}, 9464: {"*"}},
        "fuse": {50051: {"worker"}, 9464: {"*"}},
    }


def test_a_process_may_call_the_stores_that_it_reads_of_and_no_other() -> None:
    found = policies(SCENES["one-modality"].pipeline)

    assert {process: outside(each) for process, each in found.items()} == {
        "gateway": {443, 4222, 5432, 9000, 19530},
        "worker": {443, 4222, 5432, 9000, 19530},
        "image": {443, 9000},
        "fuse": set(),
    }


def test_ports_that_uris_name_are_open() -> None:
    found = policies(SCENES["secured"].pipeline)

    assert outside(found["gateway"]) == {443, 4222, 6380, 6432, 9000}
    assert outside(found["worker"]) == {443, 4222, 6432, 9000}


def test_only_gateway_and_worker_call_processes_of_the_pipeline() -> None:
    found = policies(SCENES["one-modality"].pipeline)

    calling = {process for process, each in found.items() if any("to" in rule for rule in each["egress"])}
    assert calling == {"gateway", "worker"}


def test_references_open_the_web_only_for_what_fetches_them() -> None:
    spec = "\n  topology: PerStage\n  modalities: [{name: image}]\n"
    found = policies(pipeline(spec, stores=STORES))

    assert {process for process, each in found.items() if 80 in outside(each)} == {"worker", "image-decode"}
    assert {process for process, each in found.items() if 443 in outside(each)} == {"worker", "image-decode", "gateway"}


def test_uris_in_the_template_open_their_ports() -> None:
    found = policies(SCENES["overridden"].pipeline)

    assert {4317, 9001} <= outside(found["image"])
    assert not {4317, 9001} & outside(found["worker"])


@pytest.mark.parametrize(
    ("uri", "ports"),
    [
        ("nats://nats", {4222}),
        ("nats://a:1,nats://b:2", {1, 2}),
        ("nats://a:1,b:2", {1, 2}),
        ("postgresql://u@h1:5433,h2:5434/db?sslmode=require", {5433, 5434}),
        ("postgresql+psycopg://u@h/db", {5432}),
        ("postgresql://u@[2001:db8::1]/db", {5432}),
        ("postgresql://u@[2001:db8::1]:5433/db", {5433}),
        ("", set()),
        ("/a/folder", set()),
        ("gopher://somewhere", set()),
    ],
)
def test_ports_are_read_from_uris(uri: str, ports: set[int]) -> None:
    assert set(ports_of(uri, USUAL)) == ports


STORES = """
  source: {queue: {nats: {url: "nats://nats:4222"}}, references: {schemes: [http, https]}}
  sink: {milvus: {uri: "http://milvus:19530"}, objects: {uri: "gs://media"}, metadata: {uri: "postgresql://db/media"}}
"""
