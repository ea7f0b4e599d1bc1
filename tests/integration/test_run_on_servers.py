"""One spec, three real servers: PostgreSQL, Milvus and S3 take what the embedded stores take, and give it back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.server

MMPIPE = str(Path(sys.executable).with_name("mmpipe"))
SPEC = """
apiVersion: mmpipe.dev/v1alpha1
kind: MultimodalPipeline
metadata: {{name: on-servers}}
spec:
  modalities: [{{name: text}}, {{name: image}}]
  sink:
    milvus: {{uri: "{milvus}", alias: on_servers_now}}
    metadata: {{uri: "{postgres}"}}
    objects: {{uri: "{s3}", credentialsSecretRef: {{name: s3, key: keys}}}}
"""


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    noise = np.random.default_rng(5)
    for number in range(6):
        Image.fromarray(noise.integers(0, 255, (64, 64, 3), np.uint8)).save(folder / f"s{number}.png")
        (folder / f"s{number}.txt").write_text(f"a red bell, number {number}")
    (folder / "s5.json").write_text('{"year": 2021}')
    Image.new("RGB", (64, 64)).save(folder / "blank.png")
    return folder


def mmpipe(*arguments: object, secrets: dict[str, str] | None = None, code: int = 0) -> Any:  # noqa: ANN401  # JSON
    environment = {**os.environ, "MMPIPE_SECRET_S3_KEYS": json.dumps(secrets)} if secrets else dict(os.environ)
    command = [MMPIPE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_the_same_run_on_servers_gives_the_same_rows(
    media: Path,
    tmp_path: Path,
    milvus_uri: str,
    postgres_uri: str,
    s3: Any,  # noqa: ANN401  # conftest's record
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.format(milvus=milvus_uri, postgres=postgres_uri, s3=f"{s3.uri}/run"))
    keys = s3.credentials
    first = mmpipe("run", spec, media, "--data", tmp_path / "s", "--json", secrets=keys)
    assert first["samples"] == {"stored": 6, "duplicates": 0, "quarantined": 1, "failed": 0}
    assert first["verified"]
    again = mmpipe("run", spec, media, "--data", tmp_path / "s", "--json", secrets=keys)
    assert (again["vectors"], again["samples"]["duplicates"]) == (0, 7)

    mmpipe("run", media, "--data", tmp_path / "e", "--json")
    for query in (["a red bell, number 3"], ["--image", str(media / "s2.png")]):
        on_servers = mmpipe("search", *query, "--data", tmp_path / "s", "--json", secrets=keys)
        embedded = mmpipe("search", *query, "--data", tmp_path / "e", "--json")
        assert [hit["sample_id"] for hit in on_servers] == [hit["sample_id"] for hit in embedded]
        np.testing.assert_allclose([h["score"] for h in on_servers], [h["score"] for h in embedded], atol=1e-4)

    where = 'attributes["year"] > 2020'
    (hit,) = mmpipe("search", "a bell", "--where", where, "--data", tmp_path / "s", "--json", secrets=keys)
    assert hit["sample_id"].endswith("/s5")
    (rejected,) = mmpipe("quarantine", "--data", tmp_path / "s", "--json", secrets=keys)
    assert rejected["object_uri"].startswith(s3.uri)


def test_a_secret_that_is_not_set_is_named(media: Path, tmp_path: Path, milvus_uri: str, postgres_uri: str) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.format(milvus=milvus_uri, postgres=postgres_uri, s3="s3://media/run"))
    said = mmpipe("run", spec, media, "--data", tmp_path, code=2)
    assert "export MMPIPE_SECRET_S3_KEYS=" in said
