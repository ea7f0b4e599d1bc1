from __future__ import annotations

import subprocess
import sys

_IMPORTS = """
import sys
from mmpipe_operator.neighbours.lean import import_pymilvus
import_pymilvus()
from pymilvus import MilvusClient
print("pandas" in sys.modules, end=" ")
import pandas
print(pandas.DataFrame({"a": [1]}).shape)
"""


def test_milvus_is_asked_without_pandas_and_whoever_wants_pandas_gets_it() -> None:
    said = subprocess.run([sys.executable, "-c", _IMPORTS], check=True, capture_output=True, text=True)
    assert said.stdout == "False (1, 1)\n"
