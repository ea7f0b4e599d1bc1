from __future__ import annotations

from tests.unit.operator.plan.looking import container, pods
from tests.unit.operator.plan.scenes import CONTEXT, SCENES, pipeline

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan import plan


def image(template: str) -> Manifest:
    """The pod spec of a modality with this template."""
    return pods(pipeline(f"\n  modalities: [{{name: image, template: {template}}}]\n"))["image"]


def test_lists_are_merged_by_their_keys() -> None:
    pod = pods(SCENES["overridden"].pipeline)["image"]

    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes.keys() == {"config", "data", "tmp", "models", "shm", "certificates"}
    assert volumes["data"] == {"name": "data", "persistentVolumeClaim": {"claimName": "media-cache"}}
    mounts = [mount["mountPath"] for mount in container(pod)["volumeMounts"]]
    assert mounts[:3] == ["/etc/mmpipe", "/var/lib/mmpipe", "/tmp"]  # noqa: S108  # in a pod
    assert len(set(mounts)) == len(mounts)


def test_a_mount_at_a_known_path_takes_the_place_of_ours() -> None:
    pod = image("{volumes: [{name: big, emptyDir: {}}], volumeMounts: [{name: big, mountPath: /tmp}]}")

    at_tmp = [mount["name"] for mount in container(pod)["volumeMounts"] if mount["mountPath"] == "/tmp"]  # noqa: S108
    assert at_tmp == ["big"]


def test_a_variable_of_ones_own_comes_before_that_of_a_secret() -> None:
    spec = "\n  worker: {template: {env: [{name: MMPIPE_SECRET_DB_PASSWORD, value: open}]}}\n"
    (variable,) = container(pods(pipeline(spec))["worker"])["env"]

    assert variable == {"name": "MMPIPE_SECRET_DB_PASSWORD", "value": "open"}


def test_resources_that_are_named_are_ones_own_and_the_rest_stay() -> None:
    resources = container(image("{resources: {requests: {memory: 6Gi}}}"))["resources"]

    assert resources == {
        "requests": {"cpu": "500m", "memory": "6Gi", "ephemeral-storage": "1Gi"},
        "limits": {"ephemeral-storage": "24Gi"},
    }


def test_tolerations_and_selectors_of_nodes_and_affinity_are_ones_own() -> None:
    pod = image("{tolerations: [{operator: Exists}], nodeSelector: {a: ''}, runtimeClassName: gvisor}")

    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["nodeSelector"] == {"a": ""}
    assert pod["runtimeClassName"] == "gvisor"


def test_pull_secrets_of_the_operator_and_of_the_template_are_both_used() -> None:
    pod = next(
        each["spec"]["template"]["spec"]
        for each in SCENES["overridden"].manifests
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "media-image")
    )

    assert [each["name"] for each in pod["imagePullSecrets"]] == ["pull", "registry"]


def test_empty_texts_are_left_out_where_the_api_server_stores_none() -> None:
    pod = image("{env: [{name: EMPTY, value: ''}], tolerations: [{key: spot, operator: Equal, value: ''}]}")

    assert {"name": "EMPTY"} in container(pod)["env"]
    assert pod["tolerations"] == [{"key": "spot", "operator": "Equal"}]


def test_labels_and_annotations_are_added_to_ours() -> None:
    found = plan(SCENES["overridden"].pipeline, CONTEXT).manifests
    deployment = next(
        each for each in found if (each["kind"], each["metadata"]["name"]) == ("Deployment", "media-image")
    )

    metadata = deployment["spec"]["template"]["metadata"]
    assert metadata["labels"] == names.labels("media", "image") | {"team": "vision", "empty": ""}
    assert metadata["annotations"].keys() == {"example.com/scrape", names.CONFIG_HASH}
    assert "team" not in deployment["spec"]["selector"]["matchLabels"]
