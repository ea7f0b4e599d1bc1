"""A token that Milvus does not take. Two Milvus servers don't fit on one machine, so its answer is played.

Status and words are those of Milvus 2.3.5 with ``common.security.authorizationEnabled``.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.vectors import CollectionKeeper, Place

WORDS = "auth check failure, please check username and password are correct"


@pytest.fixture
def strict_milvus() -> Iterator[str]:
    from pymilvus.grpc_gen import milvus_pb2_grpc  # noqa: PLC0415  # slow to import

    class Strict(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]  # pymilvus ships no types
        def Connect(self, request: Any, context: grpc.ServicerContext) -> None:  # noqa: ANN401, N802
            del request
            context.abort(grpc.StatusCode.UNAUTHENTICATED, WORDS)

    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        milvus_pb2_grpc.add_MilvusServiceServicer_to_server(Strict(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"http://127.0.0.1:{port}"
        server.stop(None).wait()


def test_a_wrong_token_is_refused_and_not_taken_for_a_server_that_is_away(strict_milvus: str) -> None:
    with pytest.raises(StoreRefused, match=f"found {WORDS}; expected .* check its log, the token") as refusal:
        CollectionKeeper(Place(strict_milvus, "root:wrong-sesame"))
    assert "sesame" not in str(refusal.value)
