from __future__ import annotations

from dataclasses import replace

from tests.unit.operator.plan.looking import of
from tests.unit.operator.plan.scenes import CONTEXT, SCENES, pipeline

from mmpipe_operator import names
from mmpipe_operator.kinds import DISRUPTION_BUDGET, SERVICE, SERVICE_ACCOUNT, SERVICE_MONITOR, Manifest
from mmpipe_operator.plan import plan

MONITORED = replace(CONTEXT, service_monitors=True, apis=frozenset({"monitoring.coreos.com/v1"}))


def ports(service: Manifest) -> dict[str, int]:
    return {each["name"]: each["port"] for each in service["spec"]["ports"]}


def test_metrics_are_never_behind_a_service_that_is_reached_from_outside() -> None:
    services = of(SERVICE, SCENES["secured"].manifests)

    door = services["media-gateway"]
    assert door["spec"]["type"] == "LoadBalancer"
    assert door["metadata"]["annotations"] == {"example.com/internal": "true"}
    assert ports(door) == {"grpc": 50050}
    assert ports(services["media-gateway-headless"]) == {"grpc": 50050, "metrics": 9464}
    assert [name for name, each in services.items() if each["spec"].get("clusterIP") != "None"] == ["media-gateway"]


def test_a_worker_is_called_by_nobody_but_scraped() -> None:
    assert ports(of(SERVICE, SCENES["one-modality"].manifests)["media-worker"]) == {"metrics": 9464}


def test_nodes_drain_one_pod_at_a_time_and_broken_ones_at_once() -> None:
    for budget in of(DISRUPTION_BUDGET, SCENES["one-modality"].manifests).values():
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_account_of_the_pods_brings_no_token() -> None:
    (account,) = of(SERVICE_ACCOUNT, SCENES["one-modality"].manifests).values()

    assert account["automountServiceAccountToken"] is False
    assert not account.keys() & {"secrets", "imagePullSecrets"}


def test_a_monitor_scrapes_the_metrics_of_all_services() -> None:
    found = plan(pipeline(), MONITORED).manifests
    (monitor,) = of(SERVICE_MONITOR, found).values()

    assert monitor["spec"]["endpoints"] == [{"port": "metrics"}]
    selected = monitor["spec"]["selector"]["matchLabels"].items()
    processes = {
        each["metadata"]["labels"][names.COMPONENT_LABEL]
        for each in of(SERVICE, found).values()
        if selected <= each["metadata"]["labels"].items() and "metrics" in ports(each)
    }
    assert processes == {process.name for process in plan(pipeline(), MONITORED).processes}


def test_a_monitor_is_only_there_where_it_is_wanted_and_known() -> None:
    for context in (replace(MONITORED, service_monitors=False), replace(MONITORED, apis=frozenset())):
        assert not of(SERVICE_MONITOR, plan(pipeline(), context).manifests)
