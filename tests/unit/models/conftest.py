from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmpipe.models import package
from mmpipe.models.package import ModelPackage


@pytest.fixture(scope="session")
def tiny() -> ModelPackage:
    return package.load(package.resolve("builtin:tiny"))


@pytest.fixture
def copied_package(tmp_path: Path) -> Path:
    return Path(shutil.copytree(package.resolve("builtin:tiny"), tmp_path / "tiny"))
