import logging

import pytest
from tests.asynchronous import asynchronous

from mmpipe.adapters.errors import StoreMismatch, StoreRefused, StoreUnreachable
from mmpipe.adapters.vectors import Place
from mmpipe_operator.neighbours.askers import probed, told
from mmpipe_operator.neighbours.questions import LettersDatabase, Missing, QueueServer

SERVER = QueueServer("nats://nats:4222", "")


async def three(_: QueueServer) -> int:
    return 3


@asynchronous
async def test_an_answer_brings_its_number() -> None:
    probe, figure = await probed("queue", SERVER, three)
    assert (probe.state, probe.message, figure) == ("Reachable", "", 3)


@pytest.mark.parametrize(
    ("fault", "state"), [(StoreUnreachable, "Unreachable"), (StoreRefused, "Refused"), (StoreMismatch, "Mismatch")]
)
@asynchronous
async def test_each_fault_is_a_state_with_its_words(fault: type[StoreUnreachable], state: str) -> None:
    async def fail(_: QueueServer) -> int:
        raise fault("nats://nats:4222", "that", "this", "mend it")

    probe, figure = await probed("queue", SERVER, fail)
    assert (probe.state, figure) == (state, None)
    assert probe.message == "nats://nats:4222: found that; expected this; mend it"


@asynchronous
async def test_a_missing_secret_is_refused_and_nobody_is_asked() -> None:
    whom: QueueServer | Missing = Missing("Secret nats, key creds: found none")
    probe, figure = await probed("queue", whom, three)
    assert (probe.state, probe.message, figure) == ("Refused", "Secret nats, key creds: found none", None)


@asynchronous
async def test_a_fault_that_nobody_expected_is_logged_and_does_not_end_the_asking(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stumble(_: QueueServer) -> int:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        probe, _ = await probed("queue", SERVER, stumble)
    assert probe.state == "Unreachable"
    assert "ZeroDivisionError; see the operator's log" in probe.message
    assert caplog.records[0].exc_info


@pytest.mark.parametrize(
    "whom",
    [
        QueueServer("nats://nats:4222", "user:s3cret-word"),
        Place("http://milvus:19530", "user:s3cret-word"),
        LettersDatabase("postgresql://db/x", "s3cret-word"),
    ],
)
def test_no_credential_is_in_a_message_whoever_put_it_there(whom: QueueServer | Place | LettersDatabase) -> None:
    message = told(Exception("auth check failure for user:s3cret-word, nats://me:s3cret-word@nats"), whom)
    assert "s3cret-word" not in message
    assert "auth check failure" in message


def test_a_message_is_no_longer_than_a_status_bears() -> None:
    assert len(told(Exception("x" * 10_000), SERVER)) == 500
