"""The networks that sessions give their pods."""

import subprocess
import sys

import pytest
from e2e.cluster.addresses import Addresses, claimed

HOLDS = "from e2e.cluster.addresses import claimed\nwith claimed() as own: print(own[1], flush=True); input()"


def test_two_sessions_have_different_networks_while_they_last() -> None:
    with claimed() as one, claimed() as other:
        assert not one.overlaps(other)
        assert str(one[1]) in on_loopback()
    assert str(one[1]) not in on_loopback()
    assert str(other[1]) not in on_loopback()


def test_the_network_of_a_killed_session_is_taken_away_by_the_next() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
        assert session.stdout is not None
        left = session.stdout.readline().decode().strip()
        session.kill()
    assert left in on_loopback()

    with claimed():
        pass

    assert left not in on_loopback()


def test_a_session_that_lasts_keeps_its_network() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
        assert session.stdout is not None
        kept = session.stdout.readline().decode().strip()
        with claimed():
            assert kept in on_loopback()
        session.communicate(b"\n")
    assert kept not in on_loopback()


def test_a_pod_keeps_its_address_until_it_is_gone_and_the_next_has_another() -> None:
    with claimed() as network:
        addresses = Addresses(network)
        first = addresses.of("a")
        assert addresses.of("a") == first
        addresses.give_back("a")
        assert addresses.of("b") != first


def test_a_full_network_is_said_to_be_full() -> None:
    with claimed() as network:
        addresses = Addresses(next(network.subnets(new_prefix=30)))
        addresses.of("a")
        with pytest.raises(AssertionError, match="run fewer pods"):
            addresses.of("b")


def on_loopback() -> list[str]:
    command = ["ip", "-oneline", "-4", "address", "show", "dev", "lo"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [word.partition("/")[0] for word in said.split()]
