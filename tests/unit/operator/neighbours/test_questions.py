import json
import subprocess
import sys
from typing import Any

import pytest

from mmpipe.adapters.vectors import Place
from mmpipe.models.locating import BUILTIN
from mmpipe.spec import MultimodalPipeline, from_object
from mmpipe_operator.neighbours.questions import LettersDatabase, Missing, QueueServer, questions

SECRETS = {("milvus", "token"): "t0ken", ("nats", "creds"): "cr3ds", ("db", "password"): "pa55"}
TINY = json.loads((BUILTIN / "tiny" / "package.json").read_text())


def a_pipeline(model: str = "builtin:tiny", **milvus: Any) -> MultimodalPipeline:  # noqa: ANN401  # JSON
    token = {"name": "milvus", "key": "token"}
    sink = {
        "milvus": {"uri": "http://milvus:19530", "database": "own", "tokenSecretRef": token} | milvus,
        "metadata": {"uri": "postgresql://db/mm", "passwordSecretRef": {"name": "db", "key": "password"}},
    }
    nats = {"url": "nats://nats:4222", "credentialsSecretRef": {"name": "nats", "key": "creds"}}
    modalities = [{"name": "text", "embed": {"model": {"uri": model}}}]
    return from_object(
        {
            "apiVersion": "mmpipe.dev/v1alpha1",
            "kind": "MultimodalPipeline",
            "metadata": {"name": "media", "namespace": "prod"},
            "spec": {"modalities": modalities, "source": {"queue": {"nats": nats}}, "sink": sink},
        }
    )


def test_each_neighbour_is_asked_at_its_address_with_its_credentials() -> None:
    asked = questions(a_pipeline(), SECRETS)
    assert asked.place == Place("http://milvus:19530", "t0ken", "own")
    assert asked.queue == QueueServer("nats://nats:4222", "cr3ds")
    assert asked.letters == LettersDatabase("postgresql://db/mm", "pa55")
    assert (asked.namespace, asked.name) == ("prod", "media")


def test_no_credential_is_in_the_text_of_a_question() -> None:
    assert not [value for value in SECRETS.values() if value in repr(questions(a_pipeline(), SECRETS))]


@pytest.mark.parametrize("gone", SECRETS)
def test_a_secret_or_key_that_is_not_there_is_named(gone: tuple[str, str]) -> None:
    asked = questions(a_pipeline(), {key: value for key, value in SECRETS.items() if key != gone})
    missing = [whom for whom in (asked.queue, asked.place, asked.letters) if isinstance(whom, Missing)]
    name, key = gone
    expected = f"Secret {name}, key {key}: found none, expected one in the pipeline's namespace; create it"
    assert missing == [Missing(expected)]


def test_an_empty_secret_is_one() -> None:
    assert questions(a_pipeline(), SECRETS | {("milvus", "token"): ""}).place == Place("http://milvus:19530", "", "own")


def test_a_shipped_model_tells_its_length_and_digest_without_being_loaded() -> None:
    asked = questions(a_pipeline(), SECRETS)
    assert asked.collection.dimension == TINY["dimension"]
    assert asked.model == f"tiny@{TINY['digest'][:12]}"


def test_the_operator_loads_no_network_and_no_client_of_milvus_to_know_that() -> None:
    code = """
import sys
from mmpipe.spec import default_pipeline
from mmpipe_operator.neighbours.questions import questions
assert questions(default_pipeline(), {}).collection.dimension == 128
print([name for name in ("onnxruntime", "pymilvus", "torch", "cv2") if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_another_model_is_as_long_as_the_spec_says() -> None:
    assert questions(a_pipeline("/models/clip", dimension=512), SECRETS).collection.dimension == 512


@pytest.mark.parametrize("uri", ["/models/clip", "builtin:unheard", "builtin:../../../etc"])
def test_nobody_knows_the_length_of_another_model(uri: str) -> None:
    asked = questions(a_pipeline(uri), SECRETS)
    assert (asked.collection.dimension, asked.model) == (0, "")


def test_the_collection_belongs_to_namespace_and_name_and_has_the_indexes_numbers() -> None:
    index = {"m": 8, "efConstruction": 50, "efSearch": 20}
    found = questions(a_pipeline(alias="films", index=index), SECRETS).collection
    assert (found.name, found.searched_as, found.namespace) == ("mmpipe_media_g1", "films", "prod")
    assert (found.m, found.ef_construction, found.ef_search) == (8, 50, 20)
