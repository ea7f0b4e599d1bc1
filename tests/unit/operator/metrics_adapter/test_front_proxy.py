from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.fake_cluster import FakeCluster

from mmpipe_operator.cluster import Cluster, Refused
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.metrics_adapter.front_proxy import (
    CONFIGURATION,
    FrontProxy,
    NoFrontProxy,
    User,
    front_proxy,
    keep,
    user,
)
from mmpipe_operator.metrics_adapter.problems import Stranger

CERTIFICATE = {"subject": ((("organizationName", "any"),), (("commonName", "front-proxy-client"),))}
HEADERS = [
    ("x-remote-user", "system:serviceaccount:kube-system:horizontal-pod-autoscaler"),
    ("X-Remote-Uid", "u-1"),
    ("X-Remote-Group", "system:serviceaccounts"),
    ("X-Remote-Group", "system:authenticated"),
    ("X-Remote-Extra-Scopes.example.com%2fView", "a"),
    ("X-Remote-Extra-Scopes.example.com%2fView", "b"),
    ("Accept", "*/*"),
]


def config_map(**changed: str) -> Manifest:
    data = {
        "client-ca-file": "the users' authority",
        "requestheader-client-ca-file": "PEM",
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-uid-headers": '["X-Remote-Uid"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }
    named = {f"requestheader-{name.replace('_', '-')}": value for name, value in changed.items()}
    metadata = {"namespace": "kube-system", "name": CONFIGURATION.name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data | named}


def test_the_config_map_says_whom_to_believe_and_how_they_speak() -> None:
    assert front_proxy(config_map()) == FrontProxy(
        "PEM", ("front-proxy-client",), ("X-Remote-User",), ("X-Remote-Uid",), ("X-Remote-Group",), ("X-Remote-Extra-",)
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "found no requestheader-client-ca-file, expected a certificate"),
        ({"data": {}}, "start the API server with --requestheader-client-ca-file"),
        (config_map(client_ca_file=""), "found no requestheader-client-ca-file"),
        (config_map(allowed_names="front-proxy-client"), "requestheader-allowed-names.*expected a list in JSON"),
    ],
)
def test_a_cluster_without_a_front_proxy_is_told_what_it_lacks(found: Manifest | None, said: str) -> None:
    with pytest.raises(NoFrontProxy, match=said):
        front_proxy(found)


def test_the_user_is_whom_the_proxy_names() -> None:
    assert user(front_proxy(config_map()), CERTIFICATE, HEADERS) == User(
        "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
        "u-1",
        ("system:serviceaccounts", "system:authenticated"),
        (("scopes.example.com/view", ("a", "b")),),
    )


def test_any_common_name_will_do_where_none_is_named() -> None:
    assert user(front_proxy(config_map(allowed_names="[]")), {"subject": ()}, HEADERS).uid == "u-1"


@pytest.mark.parametrize(
    ("certificate", "headers", "said"),
    [
        (None, HEADERS, "client certificate: found none"),
        ({"subject": ((("commonName", "admin"),),)}, HEADERS, "common name 'admin', expected front-proxy-client"),
        (CERTIFICATE, [], "found no user, expected one in X-Remote-User"),
        (CERTIFICATE, [("X-Remote-User", "")], "found no user"),
    ],
)
def test_a_stranger_is_refused_whatever_he_claims(
    certificate: dict[str, Any] | None, headers: list[tuple[str, str]], said: str
) -> None:
    with pytest.raises(Stranger, match=said):
        user(front_proxy(config_map()), certificate, headers)


@asynchronous
async def test_a_change_is_taken_over_once_and_a_fault_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    cluster = FakeCluster()
    used: asyncio.Queue[FrontProxy] = asyncio.Queue()
    told: asyncio.Queue[str] = asyncio.Queue()
    refusal = Refused(str(CONFIGURATION), "Forbidden", "you may not")
    cluster.refuse = lambda _, __: refusal
    looking = keep(cast("Cluster", cluster), used.put_nowait, told.put_nowait, 0.001)
    with caplog.at_level(logging.WARNING):
        keeping = asyncio.create_task(looking)
        async with asyncio.timeout(10):
            for _ in range(3):
                assert "you may not" in await told.get()
            cluster.refuse = lambda _, __: None
            cluster.objects[CONFIGURATION] = config_map()
            assert (await used.get()).authority == "PEM"
            cluster.objects[CONFIGURATION] = config_map(client_ca_file="another")
            assert (await used.get()).authority == "another"
            read = cluster.reads
            while cluster.reads < read + 3:  # noqa: ASYNC110  # that nothing comes of it is the point
                await asyncio.sleep(0.001)
        keeping.cancel()
    assert used.empty()
    assert len(caplog.records) == 1
