"""`Chart.yaml`: what package managers and Artifact Hub show. The version is the package's, the example a file's."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import yaml

from chart.values import Values
from mmpipe_operator import names

HOME = "https://mmpipe.dev"
_EXAMPLE = Path("examples/pipelines/minimal.yaml")
_CHANGES = (
    "The operator of MultimodalPipelines, its CustomResourceDefinition and its rights",
    "Alerts with runbooks, dashboards, monitors, network policy and a round trip as test",
)


def chart() -> dict[str, Any]:
    """All of it. The chart has the version of what it installs."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "apiVersion": "v2",
        "name": "mmpipe",
        "description": "The operator of mmpipe: multimodal pipelines into Milvus, one object each.",
        "type": "application",
        "version": project["version"],
        "appVersion": project["version"],
        "kubeVersion": ">=1.30.0-0",
        "home": HOME,
        "keywords": ["operator", *project["keywords"]],
        "maintainers": [{"name": author["name"], "url": HOME} for author in project["authors"]],
        "annotations": _annotations(project["version"], project["license"]),
    }


def _annotations(version: str, licence: str) -> dict[str, str]:
    links = {"Documentation": f"{HOME}/docs/kubernetes.md", "Runbooks": f"{HOME}/docs/runbooks/README.md"}
    images = (Values().image.repository, Values().service_image.repository)
    crd = {
        "kind": names.KIND,
        "version": names.API_VERSION.rpartition("/")[2],
        "name": f"{names.PLURAL}.{names.GROUP}",
        "displayName": "Multimodal pipeline",
        "description": "One data path from raw media to vectors in Milvus.",
    }
    return {
        "artifacthub.io/license": licence,
        "artifacthub.io/category": "ai-machine-learning",
        "artifacthub.io/prerelease": "true",
        "artifacthub.io/operator": "true",
        "artifacthub.io/operatorCapabilities": "Deep Insights",
        "artifacthub.io/crds": _yaml([crd]),
        "artifacthub.io/crdsExamples": _yaml(list(yaml.safe_load_all(_EXAMPLE.read_text(encoding="utf-8")))),
        "artifacthub.io/images": _yaml([{"name": name, "image": f"{name}:{version}"} for name in images]),
        "artifacthub.io/links": _yaml([{"name": name, "url": url} for name, url in links.items()]),
        "artifacthub.io/changes": _yaml([{"kind": "added", "description": text} for text in _CHANGES]),
    }


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=120)
