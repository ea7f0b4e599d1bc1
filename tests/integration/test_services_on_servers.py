"""The services over real servers: NATS, PostgreSQL, Milvus, S3 and Redis do what the embedded stores do."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from tests.integration.stack import stack_running
from tests.servers.s3 import S3

from mmpipe.adapters.inputs import InputLimits, open_input
from mmpipe.client import Client

pytestmark = pytest.mark.server

MEDIA = Path(__file__).parents[2] / "examples" / "media"
SPEC = """
apiVersion: mmpipe.dev/v1alpha1
kind: MultimodalPipeline
metadata: {{name: services-on-servers}}
spec:
  source: {{queue: {{nats: {{url: "{nats}"}}}}}}
  sink:
    milvus: {{uri: "{milvus}", alias: services_now}}
    metadata: {{uri: "{postgres}"}}
    objects: {{uri: "{s3}/services", credentialsSecretRef: {{name: s3, key: keys}}}}
  gateway:
    authentication: {{mode: Tokens, tokensSecretRef: {{name: door, key: tokens}}}}
    cache: {{redisUri: "{redis}"}}
"""
TOKEN = "open-sesame"  # noqa: S105  # of this test


def test_samples_go_through_servers_and_are_found_again(  # a server each
    tmp_path: Path, nats_url: str, milvus_uri: str, postgres_uri: str, s3: S3, redis_url: str
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.format(nats=nats_url, milvus=milvus_uri, postgres=postgres_uri, s3=s3.uri, redis=redis_url))
    secrets = {"MMPIPE_SECRET_S3_KEYS": json.dumps(s3.credentials), "MMPIPE_SECRET_DOOR_TOKENS": f"acme:{TOKEN}"}

    with (
        stack_running(tmp_path / "data", spec, secrets, "services-on-servers") as stack,
        Client(stack.gateway, token=TOKEN) as client,
    ):
        assert {"queue", "vectors"}.isdisjoint(stack.state())
        receipts = list(client.ingest(open_input(str(MEDIA), InputLimits())))
        states = {client.wait(receipt.sample_id, timeout_s=60).state for receipt in receipts}
        first, again = (client.search("a red bell", into=["image"], top=3) for _ in range(2))
        forgotten = client.delete(first.hits[0].sample_id)
        after = client.search("a red bell", into=["image"], top=3, where='uri != ""')

    assert states == {"stored", "quarantined"}
    assert (first.cached, again.cached) == (False, True)
    assert first.hits == again.hits
    assert forgotten.vectors > 0
    assert first.hits[0].sample_id not in [hit.sample_id for hit in after.hits]
    with psycopg.connect(postgres_uri) as database:
        counted = database.execute("SELECT count(*) FROM samples WHERE pipeline = 'services-on-servers'").fetchone()
    assert counted == (len(receipts) - 1,)
