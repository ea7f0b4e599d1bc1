from __future__ import annotations

import pytest

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.queue.connection import Connection


@pytest.mark.parametrize(
    "url", ["nats://nats:4222a", "nats://nats:99999", "nats://nats:0", "nats://", "nats://[::1", "nats://a:4222,b:c"]
)
def test_an_address_that_is_none_is_refused_before_anything_is_connected(url: str) -> None:
    with pytest.raises(StoreRefused, match=r"nats://host:4222; mend spec\.source\.queue\.nats\.url"):
        Connection(url, "", patience_s=1)


@pytest.mark.parametrize("url", ["nats://nats:4222", "nats", "nats:4222", "tls://a,wss://b", "nats://[::1]:4222"])
def test_an_address_is_taken_as_nats_takes_it(url: str) -> None:
    assert Connection(url, "", patience_s=1).name
