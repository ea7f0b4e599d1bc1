from __future__ import annotations

import subprocess
import sys

import pytest

_FIRST_OURS = """
import sys
import mmpipe_operator.cluster
print("kubernetes.client" in sys.modules, end=" ")
from kubernetes import client, config
print(client.V1Pod(kind="Pod").kind, config.__name__)
"""
_FIRST_THEIRS = """
import kubernetes
import mmpipe_operator.cluster
print(kubernetes.client.V1Pod(kind="Pod").kind, kubernetes.config.__name__)
"""


@pytest.mark.parametrize(
    ("imports", "expected"),
    [(_FIRST_OURS, "False Pod kubernetes.config\n"), (_FIRST_THEIRS, "Pod kubernetes.config\n")],
    ids=["ours first", "theirs first"],
)
def test_the_synchronous_client_is_there_for_whoever_imports_it_alone(imports: str, expected: str) -> None:
    said = subprocess.run([sys.executable, "-c", imports], check=True, capture_output=True, text=True)
    assert said.stdout == expected
