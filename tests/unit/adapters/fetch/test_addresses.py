"""Which addresses may be spoken to."""

from __future__ import annotations

import pytest

from mmpipe.adapters.fetch.addresses import address_of, where

GLOBAL = ["8.8.8.8", "192.0.1.1", "100.128.0.1", "2606:4700::1111", "2001:4860:4860::8888", "2001:200::1"]
LOCAL = [
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
    *("100.64.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "::1", "fc00::1", "fd12:3456::1"),
    *("2001:db8::1", "3fff::1"),
]
NEVER = [
    *("0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "168.63.129.16", "100.100.100.200", "192.0.0.192"),  # noqa: S104  # nothing is bound
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "fd00:ec2::254", "fd20:ce::254", "5f00::1", "4000::1"),
]


@pytest.mark.parametrize("address", GLOBAL)
def test_a_global_address_is_global(address: str) -> None:
    assert where(address_of(address))[0] == "Global"


@pytest.mark.parametrize("address", LOCAL)
def test_an_address_of_a_private_network_is_local(address: str) -> None:
    assert where(address_of(address))[0] == "Local"


@pytest.mark.parametrize("address", NEVER)
def test_metadata_link_local_multicast_and_reserved_addresses_are_never_spoken_to(address: str) -> None:
    assert where(address_of(address))[0] == "Never"


@pytest.mark.parametrize("prefix", ["::ffff:", "64:ff9b::"])
@pytest.mark.parametrize(
    ("inside", "expected"), [("8.8.8.8", "Global"), ("127.0.0.1", "Local"), ("169.254.169.254", "Never")]
)
def test_an_ipv6_address_that_stands_for_an_ipv4_one_leads_where_that_one_leads(
    prefix: str, inside: str, expected: str
) -> None:
    assert where(address_of(prefix + inside))[0] == expected


@pytest.mark.parametrize(
    "tunnel",
    ["2002:7f00:1::", "2002:808:808::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b:1::7f00:1", "::127.0.0.1"],
)
def test_a_tunnel_is_never_spoken_to_wherever_it_leads(tunnel: str) -> None:
    assert where(address_of(tunnel))[0] == "Never"
