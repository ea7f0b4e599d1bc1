"""What a stream must be like before samples are trusted to it."""

from __future__ import annotations

import pytest
from nats.js.api import StreamConfig

from mmpipe.adapters.errors import StoreMismatch
from mmpipe.adapters.queue.stream import DEFAULTS, Names, Settings, consumer, stream, verify

NAMES = Names("default", "media")


def test_everything_of_a_pipeline_is_called_after_it() -> None:
    assert NAMES.stream == "MMPIPE_default_media"
    assert NAMES.subject("text-image") == "mmpipe.default.media.text-image"
    assert NAMES.lane(NAMES.subject("text-image")) == "text-image"


def test_a_consumer_takes_exactly_its_lane_and_never_gives_up() -> None:
    config = consumer(NAMES, "text", DEFAULTS, lease_s=30)
    assert (config.filter_subject, config.ack_wait, config.max_deliver) == ("mmpipe.default.media.text", 30, -1)


def test_a_stream_as_we_make_it_fits_whatever_its_size() -> None:
    verify(stream(NAMES, Settings(max_bytes=1)), stream(NAMES, DEFAULTS), "nats://host")


@pytest.mark.parametrize(
    "wrong",
    [
        {"subjects": ["mmpipe.>"]},
        {"retention": "limits"},
        {"storage": "memory"},
        {"discard": "old"},
        {"no_ack": True},
        {"sealed": True},
        {"persist_mode": "async"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_stream_that_would_lose_samples_or_take_those_of_others_does_not_fit(wrong: dict[str, object]) -> None:
    expected = stream(NAMES, DEFAULTS)
    found = StreamConfig.from_response(expected.as_dict() | wrong)
    with pytest.raises(StoreMismatch, match=f"MMPIPE_default_media at nats://host: {next(iter(wrong))}: found"):
        verify(found, expected, "nats://host")
