from __future__ import annotations

from mmpipe_operator import names
from mmpipe_operator.kinds import CONFIG_MAP, DEPLOYMENT, PIPELINE, Manifest, Ref
from mmpipe_operator.watching.cache import Cache
from mmpipe_operator.watching.prints import label_of

KEY = ("team", "media")
OWNER = {"kind": names.KIND, "name": "media", "uid": "uid-media", "controller": True}


def pipeline(version: int = 1, **metadata: object) -> Manifest:
    found = {"namespace": "team", "name": "media", "resourceVersion": str(version), **metadata}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": found}


def deployment(version: int = 1, name: str = "media-image") -> Manifest:
    labels = {names.PIPELINE_LABEL: "media"}
    metadata = {"namespace": "team", "name": name, "labels": labels, "resourceVersion": str(version)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata | {"ownerReferences": [OWNER]}}


def config_map(version: int = 1, time: str = "noon", **parts: object) -> Manifest:
    entry = {"manager": names.FIELD_MANAGER, "operation": "Apply", "time": time, "fieldsV1": {"f:data": {}}}
    metadata = deployment(version)["metadata"] | {"uid": "uid", "managedFields": [entry]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **parts}


def test_children_go_by_the_pipeline_that_their_label_names() -> None:
    cache = Cache()

    assert cache.put(pipeline()) == KEY
    assert cache.put(deployment()) == KEY

    assert list(cache.children(KEY)) == [Ref(DEPLOYMENT, "team", "media-image")]
    assert list(cache.keys()) == [KEY]


def test_an_older_event_changes_nothing() -> None:
    cache = Cache()
    cache.put(deployment(version=10))

    assert cache.put(deployment(version=9)) is None
    assert cache.put(deployment(version=10)) is None
    assert cache.drop(deployment(version=9)) is None

    assert cache.children(KEY)


def test_versions_are_compared_as_numbers() -> None:
    cache = Cache()
    cache.put(deployment(version=9))

    assert cache.put({**deployment(version=10), "spec": {"replicas": 2}}) == KEY


def test_a_newer_version_of_which_nothing_matters_concerns_nobody() -> None:
    cache = Cache()
    cache.put({**deployment(version=9), "spec": {"replicas": 2}})

    assert cache.put({**deployment(version=10), "spec": {"replicas": 2, "minReadySeconds": 7}}) is None


def test_of_most_children_a_fingerprint_is_all_that_is_known() -> None:
    cache = Cache()
    ref = Ref(CONFIG_MAP, "team", "media-image")

    assert cache.put(config_map(version=1)) == KEY
    assert cache.child(KEY, ref) is None
    assert cache.print(KEY, label_of(ref))
    assert cache.put(config_map(version=2, data={"theirs": "in a field that is not ours"})) is None
    assert cache.put(config_map(version=3, time="later")) == KEY
    assert cache.surplus(KEY, frozenset()) == [CONFIG_MAP]
    assert cache.surplus(KEY, frozenset({label_of(ref)})) == []
    assert cache.drop(config_map(version=4)) == KEY
    assert cache.print(KEY, label_of(ref)) is None


def test_a_child_that_is_taken_from_its_pipeline_is_no_longer_one() -> None:
    cache = Cache()
    cache.put(config_map(version=1))
    taken = config_map(version=2)
    taken["metadata"]["ownerReferences"] = []

    assert cache.put(taken) == KEY
    assert cache.print(KEY, label_of(Ref(CONFIG_MAP, "team", "media-image"))) is None


def test_what_comes_late_does_not_bring_back_what_is_deleted() -> None:
    cache = Cache()
    cache.put(config_map(version=1))
    cache.drop(config_map(version=5))

    assert cache.put(config_map(version=4)) is None
    assert cache.put(config_map(version=6)) == KEY


def test_a_list_of_one_namespace_leaves_the_others_alone() -> None:
    cache = Cache()
    cache.put(deployment(version=3))
    cache.put(config_map(version=3))

    assert cache.replace(CONFIG_MAP, [], version=9, namespace="other") == set()
    assert cache.replace(CONFIG_MAP, [], version=2) == set()
    assert cache.replace(CONFIG_MAP, [], version=9, namespace="team") == {KEY}


def test_a_list_drops_what_is_gone_and_keeps_what_came_after_it() -> None:
    cache = Cache()
    cache.put(deployment(version=3, name="media-gone"))
    cache.put(deployment(version=8, name="media-new"))

    changed = cache.replace(DEPLOYMENT, [deployment(version=4, name="media-image")], version=5)

    assert changed == {KEY}
    assert {ref.name for ref in cache.children(KEY)} == {"media-new", "media-image"}


def test_a_list_that_says_nothing_new_concerns_nobody() -> None:
    cache = Cache()
    cache.put(deployment(version=3))

    assert cache.replace(DEPLOYMENT, [deployment(version=3)], version=5) == set()


def test_a_list_of_one_kind_leaves_the_others_alone() -> None:
    cache = Cache()
    cache.put(deployment(version=3))

    cache.replace(CONFIG_MAP, [], version=9)

    assert cache.children(KEY)


def test_an_object_without_our_label_is_not_remembered() -> None:
    stranger = deployment()
    stranger["metadata"]["labels"] = {}

    assert Cache().put(stranger) is None


def test_a_pipeline_that_is_gone_leaves_nothing_behind() -> None:
    cache = Cache()
    cache.put(pipeline())

    cache.drop(pipeline(version=2))

    assert cache.pipeline(KEY) is None
    assert not list(cache.keys())


def test_the_watch_of_a_kind_is_known_by_the_newest_version_it_brought() -> None:
    cache = Cache()

    cache.watched(PIPELINE, 7)
    cache.watched(PIPELINE, 5)

    assert cache.watched_version(PIPELINE) == 7
    assert cache.watched_version(DEPLOYMENT) == 0


def test_states_are_those_of_the_pipelines_that_are_there() -> None:
    cache = Cache()
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "observedGeneration": 1}
    for name, status in (("a", ready), ("b", {})):
        cache.put(pipeline_named(name, status))
    assert cache.states() == {"Ready": 1, "Unknown": 1}

    cache.drop(pipeline_named("b", {}))
    assert cache.states() == {"Ready": 1}
    cache.vanish(PIPELINE, set(), 100)
    assert cache.states() == {}
    assert cache.keys() == ()


def pipeline_named(name: str, status: dict[str, object]) -> Manifest:
    metadata = {"namespace": "team", "name": name, "uid": name, "resourceVersion": "5", "generation": 1}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": {}, "status": status}
