"""The ConfigMap with a process's file: immutable, named by its content."""

from __future__ import annotations

from mmpipe_operator.kinds import CONFIG_MAP, Manifest
from mmpipe_operator.plan import files
from mmpipe_operator.plan.model import Part, metadata_of


def config_map(part: Part) -> Manifest:
    """One file, ``pipeline.yaml``."""
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": metadata_of(part) | {"name": files.name_of(part)},
        "immutable": True,
        "data": {files.NAME: part.file},
    }
