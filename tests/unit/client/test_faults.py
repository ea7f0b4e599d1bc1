"""What can go wrong with a call: which error it becomes, and whether it is tried again first."""

from collections.abc import Callable

import pytest

from mmpipe.adapters.rpc_faults import CallFault, fault, status_of
from mmpipe.client import (
    BadRequest,
    Busy,
    Client,
    Damaged,
    GatewayBug,
    GatewayError,
    NotAuthenticated,
    NotFound,
    NotHere,
    OtherModel,
    TimedOut,
    TooLarge,
    Unavailable,
)
from mmpipe.client.errors import error_of
from mmpipe.client.testing import FakeGateway
from mmpipe.errors import MmpipeError
from mmpipe.spec.delivery import Retry
from mmpipe.v1.error_pb2 import Reason

DOOR_WORD = "right"

type Connect = Callable[..., Client]
type NapsOf = Callable[[Client], list[float]]

BELL = {"id": "bell", "text": "a red bell"}
CLASSES = {
    "BAD_FIELD": BadRequest,
    "TOO_LARGE": TooLarge,
    "NOT_AUTHENTICATED": NotAuthenticated,
    "RATE_LIMITED": Busy,
    "QUEUE_FULL": Busy,
    "NOT_SERVING": Unavailable,
    "DEPENDENCY_DOWN": Unavailable,
    "NOT_FOUND": NotFound,
    "NOT_HERE": NotHere,
    "OTHER_MODEL": OtherModel,
    "REFERENCE_REFUSED": BadRequest,
    "QUERY_REJECTED": BadRequest,
    "DIGEST_MISMATCH": Damaged,
    "BUG": GatewayBug,
}


def a_fault(name: str, retry_after_s: float | None = None, field: str = "") -> CallFault:
    reason = Reason.Value(f"REASON_{name}")
    return fault(status_of(reason), reason, f"about {name}", field, retry_after_s)


def test_every_reason_of_the_catalogue_has_its_error() -> None:
    published = {name.removeprefix("REASON_") for name in Reason.keys()}  # noqa: SIM118  # an enum, no mapping
    assert set(CLASSES) == published - {"UNSPECIFIED"}


@pytest.mark.parametrize("name", CLASSES)
def test_a_fault_becomes_the_error_of_its_reason(connect: Connect, gateway: FakeGateway, name: str) -> None:
    client = connect(gateway.address, retry=Retry(attempts=1))
    gateway.fault("Submit", *[a_fault(name, field="sample.id")] * 2)
    with pytest.raises(GatewayError, match=f"{gateway.address}: about {name}") as caught:
        client.submit(BELL)
    assert type(caught.value) is CLASSES[name]
    assert (caught.value.reason, caught.value.field) == (name, "sample.id")


def test_all_errors_are_of_one_tree() -> None:
    assert all(issubclass(kind, GatewayError) for kind in CLASSES.values())
    assert issubclass(GatewayError, MmpipeError)
    assert {kind.__name__ for kind in CLASSES.values() if kind.exit_code == 3} == {
        "Busy",
        "Unavailable",
        "Damaged",
        "GatewayBug",
    }


def test_where_nobody_listens_the_error_says_where_and_what_to_do(connect: Connect) -> None:
    client = connect("127.0.0.1:1", retry=Retry(attempts=1))
    with pytest.raises(Unavailable, match=r"gateway 127\.0\.0\.1:1: .*mmpipe gateway") as caught:
        client.sample("a")
    assert caught.value.reason == "UNAVAILABLE"


def test_a_token_opens_the_door(connect: Connect) -> None:
    with FakeGateway(DOOR_WORD) as gateway:
        with pytest.raises(NotAuthenticated):
            connect(gateway.address, token=DOOR_WORD[1:]).submit(BELL)
        assert connect(gateway.address, token=DOOR_WORD).submit(BELL).accepted


@pytest.mark.parametrize("name", ["RATE_LIMITED", "QUEUE_FULL", "DEPENDENCY_DOWN"])
def test_a_busy_gateway_is_left_alone_for_as_long_as_it_asks(
    client: Client, gateway: FakeGateway, naps: list[float], name: str
) -> None:
    gateway.fault("Submit", a_fault(name, 3.5), a_fault(name, 0.25))
    assert client.submit(BELL).accepted
    assert naps == [3.5, 0.25]


def test_a_gateway_that_is_away_is_tried_again_with_growing_pauses(connect: Connect, naps_of: NapsOf) -> None:
    client = connect("127.0.0.1:1", retry=Retry(attempts=4, initial_backoff_seconds=1, max_backoff_seconds=2))
    naps = naps_of(client)
    with pytest.raises(Unavailable):
        client.sample("a")
    assert len(naps) == 3
    assert all(0 <= nap <= most for nap, most in zip(naps, (1, 2, 2), strict=True))


def test_the_deadline_ends_the_tries(connect: Connect, naps_of: NapsOf, gateway: FakeGateway) -> None:
    client = connect(gateway.address, timeout_s=5)
    naps = naps_of(client)
    gateway.fault("Submit", a_fault("QUEUE_FULL", 3600))
    with pytest.raises(Busy) as caught:
        client.submit(BELL)
    assert naps == []
    assert caught.value.retry_after_s == 3600


def test_a_client_error_is_not_tried_again(client: Client, gateway: FakeGateway, naps: list[float]) -> None:
    with pytest.raises(BadRequest, match=r"sample\.parts") as caught:
        client.submit({"id": "empty"})
    assert caught.value.field == "sample.parts"
    assert (naps, list(gateway.calls)) == ([], ["Submit"])


def test_a_redrive_that_broke_off_is_not_begun_anew(client: Client, gateway: FakeGateway, naps: list[float]) -> None:
    gateway.fault("RedriveDeadLetters", a_fault("DEPENDENCY_DOWN", 1.0))
    assert list(client.redrive()) == []
    assert naps == [1.0]


def test_a_medium_that_is_too_large_is_refused_before_its_bytes_travel(connect: Connect) -> None:
    with FakeGateway(max_upload_bytes=1024 * 1024) as gateway:
        with pytest.raises(TooLarge, match="8388608 bytes"):
            connect(gateway.address).upload(bytes(8 * 1024 * 1024))
        assert gateway.shelf.received_bytes == 0


def test_an_upload_is_sent_anew_as_a_whole(client: Client, gateway: FakeGateway, naps: list[float]) -> None:
    gateway.fault("Upload", a_fault("DEPENDENCY_DOWN", 0.5))
    content = bytes(range(256)) * 8_192
    reference = client.upload(content)
    assert gateway.shelf.objects[reference.sha256] == content
    assert naps == [0.5]


def test_a_message_above_grpcs_own_limit_is_too_large_and_not_busy() -> None:
    assert type(error_of("Received message larger than max", code="RESOURCE_EXHAUSTED")) is TooLarge
    assert type(error_of("slow down", code="RESOURCE_EXHAUSTED", retry_after_s=1.0)) is Busy


def test_a_code_without_a_reason_has_its_error_too() -> None:
    assert type(error_of("", code="DEADLINE_EXCEEDED")) is TimedOut
    assert type(error_of("", code="UNKNOWN")) is GatewayBug
