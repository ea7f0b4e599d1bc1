"""What is planned for mode KEDA, before KEDA's own kinds and webhooks: taken as it is, and stored as it was written."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from e2e.cluster.client import APPLY
from e2e.cluster.session import Cluster
from e2e.control_plane.test_manifests import placed
from e2e.keda import manifests
from tests.unit.operator.plan.scenes import SCENES, Scene

from mmpipe.spec.acting import MAX_NAME
from mmpipe_operator import externalscaler
from mmpipe_operator.kinds import DEPLOYMENT, PIPELINE, SCALED_OBJECT, TRIGGER_AUTHENTICATION, kind_of, ref_of
from mmpipe_operator.names import FIELD_MANAGER
from mmpipe_operator.reconciling.difference import difference

KINDS = (DEPLOYMENT, TRIGGER_AUTHENTICATION, SCALED_OBJECT)


@pytest.mark.usefixtures("crd", "keda")
@pytest.mark.parametrize("length", [5, MAX_NAME])
def test_what_is_applied_is_stored_as_it_was_planned(cluster: Cluster, namespace: str, length: int) -> None:
    """Also with the longest name: KEDA's webhook bounds what is made of it. Unknown fields are refused."""
    here = placed(named(SCENES["keda"], "m" * length), namespace)
    owner = cluster.client.apply(PIPELINE, here.document, "user")
    owned = replace(here, context=replace(here.context, uid=owner["metadata"]["uid"]))
    planned = [each for each in owned.manifests if kind_of(each) in KINDS]

    for manifest in planned:
        path = kind_of(manifest).path(namespace, manifest["metadata"]["name"])
        cluster.client.call("PATCH", path, manifest, APPLY, fieldManager=FIELD_MANAGER, fieldValidation="Strict")
    for manifest in planned:
        ref = ref_of(manifest)
        stored = {"apiVersion": ref.kind.api_version} | cluster.client.get(ref.kind, ref.namespace, ref.name)
        assert difference(manifest, stored) == "", ref


def named(scene: Scene, name: str) -> Scene:
    document = deepcopy(scene.document)
    document["metadata"]["name"] = name
    return Scene(document, scene.context)


def test_our_copy_of_kedas_contract_is_kedas() -> None:
    ours = Path(externalscaler.__file__).with_name("externalscaler.proto").read_text(encoding="utf-8")

    assert ours.partition("\n\n")[2] == manifests.contract()
