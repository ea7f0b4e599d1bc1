"""What never gets into a support bundle."""

import json

import pytest

from kubectl_mmpipe.bundle import redaction

HIDDEN = "hunter2hunter2"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"
JWT = "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"
SEED = "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4"


@pytest.mark.parametrize(
    "line",
    [
        f"connecting to postgresql://mmpipe:{HIDDEN}@db/media",
        f"--token={HIDDEN}",
        f"mmpipe gateway --api-key {HIDDEN} --port 1",
        f'{{"password": "{HIDDEN}"}}',
        f"MMPIPE_SECRET_MILVUS_TOKEN={HIDDEN}",
        f"authorization: Bearer {HIDDEN}",
        f"https://bucket/key?X-Amz-Signature={HIDDEN}",
        f"secret: {HIDDEN}",
    ],
)
def test_a_line_of_a_log_loses_what_opens_a_door(line: str) -> None:
    assert HIDDEN not in redaction.text(line)


@pytest.mark.parametrize(
    "words", [PEM, SEED, PEM.replace("\n", "\\n"), PEM[:50], "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"]
)
def test_keys_seeds_and_tokens_are_known_by_their_look(words: str) -> None:
    assert redaction.text(f"found {words}") == "found ***"


@pytest.mark.parametrize(
    "line",
    [
        '{"tokensSecretRef": {"name": "door", "key": "tokens"}}',
        "tokenize: true",
        "secretName: media-store",
        "samples waiting: 40, key: image",
    ],
)
def test_names_of_secrets_and_harmless_words_stay(line: str) -> None:
    assert redaction.text(line) == line


def test_values_of_a_secret_are_starred_and_its_keys_stay() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "door"}, "data": {"token": "aHVudGVyMg==", "user": "amFuZQ=="}}

    assert redaction.document(secret)["data"] == {"token": "***", "user": "***"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DB_PASSWORD", "short", "***"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x=y", "***"),
        ("MILVUS", "aB3dEfGh1jKlMn0pQrStUvWx", "***"),
        ("DSN", f"redis://:{HIDDEN}@cache:6379", "redis://:***@cache:6379"),
        ("MMPIPE_LOG_LEVEL", "DEBUG", "DEBUG"),
        ("TOKENIZERS_PARALLELISM", "false", "false"),
    ],
)
def test_variables_that_look_like_secrets_are_starred(name: str, value: str, expected: str) -> None:
    pod = {"spec": {"containers": [{"env": [{"name": name, "value": value}]}]}}

    assert redaction.document(pod)["spec"]["containers"][0]["env"] == [{"name": name, "value": expected}]


def test_references_to_secrets_stay() -> None:
    env = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}

    assert redaction.document([env]) == [env]


def test_what_repeats_the_object_is_left_out() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"env": HIDDEN}), "kept": "yes"}
    manifest = {"metadata": {"managedFields": [{}], "annotations": applied}}

    assert redaction.document(manifest) == {"metadata": {"annotations": {"kept": "yes"}}}
