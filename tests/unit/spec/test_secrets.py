"""A secret never stands in the object, and never reaches a message."""

from __future__ import annotations

import pytest

from mmpipe.spec import SpecError, parse

HEAD = "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: media}\n"

URIS = [
    "postgresql://user:hunter2@db/media",
    "POSTGRESQL://user:hunter2@db/media",
    "postgresql://:hunter2@db/media",
    "postgresql://db/media?password=hunter2",
    "postgresql://db/media?sslmode=require&sslpassword=hunter2",
    "http://milvus:19530?token=hunter2",
    "s3://media?aws_secret_access_key=hunter2",
]
FIELDS = [
    "sink: {metadata: {uri: '%s'}}",
    "sink: {objects: {uri: '%s'}}",
    "sink: {milvus: {uri: '%s'}}",
    "source: {queue: {nats: {url: '%s'}}}",
]


@pytest.mark.parametrize("uri", URIS)
@pytest.mark.parametrize("field", FIELDS)
def test_a_password_in_a_uri_is_refused_without_being_said(field: str, uri: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(f"{HEAD}spec: {{{field % uri}}}")

    assert "found a URI with a password in it, expected a URI without a password" in str(error.value)
    assert "SecretRef" in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("uri", URIS)
def test_a_password_in_a_wrong_place_is_starred_out(uri: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(f"{HEAD}spec: {{sink: {{metadata: '{uri}'}}}}")

    assert "***" in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://user@db:5432/media",
        "http://milvus:19530",
        "s3://bucket/a@b:c",
        "sqlite:///a:b@c",
        "C:/data",
        "a:b@c",
    ],
)
def test_a_uri_without_a_password_is_accepted(uri: str) -> None:
    assert parse(f"{HEAD}spec: {{sink: {{metadata: {{uri: '{uri}'}}}}}}").spec.sink.metadata.uri == uri
