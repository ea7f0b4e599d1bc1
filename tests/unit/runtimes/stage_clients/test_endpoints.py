"""Where the services of a pipeline are."""

from __future__ import annotations

import pytest

from mmpipe.runtimes.stage_clients.endpoints import EndpointError, Endpoints
from mmpipe.spec import default_pipeline

MEDIA = default_pipeline("media")


def test_an_address_is_the_one_that_was_told() -> None:
    endpoints = Endpoints.parse(["image=127.0.0.1:1", "audio.decode=ipv4:127.0.0.1:2,127.0.0.1:3"], MEDIA)

    assert endpoints.of("image") == "127.0.0.1:1"
    assert endpoints.of("audio.decode") == "ipv4:127.0.0.1:2,127.0.0.1:3"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("image", "dns:///media-image.default:50051"),
        ("image.decode", "dns:///media-image-decode.default:50051"),
        ("fuse", "dns:///media-fuse.default:50051"),
    ],
)
def test_an_address_that_was_not_told_is_that_of_the_headless_service(name: str, address: str) -> None:
    assert Endpoints.parse([], MEDIA).of(name) == address


@pytest.mark.parametrize("option", ["image", "image=", "picture=127.0.0.1:1", "image.fuse=127.0.0.1:1", "=x"])
def test_an_option_that_names_no_service_or_no_address_is_refused(option: str) -> None:
    with pytest.raises(EndpointError, match="NAME=ADDRESS"):
        Endpoints.parse([option], MEDIA)
