"""What is planned, before a real API server: it takes all of it, and stores every value as it was written."""

from copy import deepcopy
from dataclasses import replace

import pytest
from e2e.cluster.client import APPLY, ApiError
from e2e.cluster.session import Cluster
from tests.unit.operator.plan.scenes import SCENES, Scene

from mmpipe_operator.kinds import DEPLOYMENT, OPTIONAL, PIPELINE, POD, SERVICE_ACCOUNT, Manifest, kind_of, ref_of
from mmpipe_operator.names import FIELD_MANAGER
from mmpipe_operator.reconciling.difference import difference


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest) -> Scene:
    """As a unit test's golden file shows it."""
    return SCENES[request.param]


def placed(scene: Scene, namespace: str) -> Scene:
    """The same in a namespace of the test."""
    document = deepcopy(scene.document)
    document["metadata"]["namespace"] = namespace
    return Scene(document, scene.context)


def planned(scene: Scene) -> list[Manifest]:
    """Of the kinds that every cluster has."""
    return [each for each in scene.manifests if kind_of(each) not in OPTIONAL]


@pytest.mark.usefixtures("crd")
def test_what_is_applied_is_stored_as_it_was_planned(cluster: Cluster, namespace: str, scene: Scene) -> None:
    """Without this, an operator would find its own writes wanting, and write for ever. Unknown fields are refused."""
    here = placed(scene, namespace)
    owner = cluster.client.apply(PIPELINE, here.document, "user")
    owned = replace(here, context=replace(here.context, uid=owner["metadata"]["uid"]))

    for manifest in planned(owned):
        path = kind_of(manifest).path(namespace, manifest["metadata"]["name"])
        cluster.client.call("PATCH", path, manifest, APPLY, fieldManager=FIELD_MANAGER, fieldValidation="Strict")
    for manifest in planned(owned):
        ref = ref_of(manifest)
        stored = {"apiVersion": ref.kind.api_version} | cluster.client.get(ref.kind, ref.namespace, ref.name)
        assert difference(manifest, stored) == "", ref


def test_pods_pass_the_restricted_profile(cluster: Cluster, namespace: str, scene: Scene) -> None:
    here = placed(scene, namespace)
    account = next(each for each in here.manifests if kind_of(each) is SERVICE_ACCOUNT)
    cluster.client.create(SERVICE_ACCOUNT, account | {"metadata": {**account["metadata"], "ownerReferences": []}})

    for deployment in planned(here):
        if kind_of(deployment) is DEPLOYMENT:
            cluster.client.create(POD, pod_of(deployment), dryRun="All")


def test_the_restricted_profile_is_in_force(cluster: Cluster, namespace: str) -> None:
    """Else the test above would say nothing."""
    here = placed(SCENES["one-modality"], namespace)
    pod = pod_of(next(each for each in here.manifests if kind_of(each) is DEPLOYMENT))
    del pod["spec"]["securityContext"], pod["spec"]["serviceAccountName"]

    with pytest.raises(ApiError, match="violates PodSecurity"):
        cluster.client.create(POD, pod, dryRun="All")


def pod_of(deployment: Manifest) -> Manifest:
    """A pod as its ReplicaSet would make it; a runtime class would have to be there."""
    template = deepcopy(deployment["spec"]["template"])
    template["spec"].pop("runtimeClassName", None)
    identity = {name: deployment["metadata"][name] for name in ("name", "namespace")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] | identity, "spec": template["spec"]}
