"""Thousands of settled pipelines from one: copies of all that etcd has of it, with their own names, uids and digests.

What the operator would plan for a copy is planned here too, so that file names, hashes and the record of the last look
are those that it would have written.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from mmpipe.spec import from_object
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest, ref_of
from mmpipe_operator.plan import Context, plan
from mmpipe_operator.reconciling import record
from mmpipe_operator.reconciling.difference import difference
from mmpipe_operator.status import known_processes
from mmpipe_operator.watching.prints import digest, label_of, print_of

type Stored = dict[str, Manifest]
"""Objects by their key in etcd."""


@dataclass(frozen=True, slots=True)
class Template:
    """A settled pipeline, all its objects, and the settings of the operator that has made it."""

    name: str
    uid: str
    image: str
    stored: Stored

    @classmethod
    def of(cls, pipeline: Manifest, image: str, stored: dict[str, str]) -> Template:
        """From what the API server says of it and what etcd has."""
        metadata = pipeline["metadata"]
        return cls(metadata["name"], metadata["uid"], image, {key: json.loads(value) for key, value in stored.items()})

    def copy(self, name: str) -> Iterator[tuple[str, str]]:
        """Keys and values of a pipeline of another name."""
        uid = str(uuid.uuid4())
        made = {
            key.replace(self.name, name): json.loads(json.dumps(value).replace(self.name, name).replace(self.uid, uid))
            for key, value in self.stored.items()
        }
        pipeline = next(each for each in made.values() if each["kind"] == names.KIND)
        children = self._planned(made, pipeline, uid)
        self._record(pipeline, uid, children)
        for key, value in made.items():
            yield key, json.dumps(value)

    def _planned(self, made: Stored, pipeline: Manifest, uid: str) -> list[Manifest]:
        """The copy's children with hashes of their own, each checked against its plan."""
        wanted = {ref_of(each): each for each in plan(from_object(pipeline), self._context(uid)).manifests}
        files = {names_of(ref.name): ref.name for ref in wanted if ref.kind.kind == "ConfigMap"}
        hashes: dict[str, str] = {}
        for key, child in [(key, each) for key, each in made.items() if each["kind"] != names.KIND]:
            child["metadata"]["uid"] = str(uuid.uuid4())
            if child["kind"] == "ConfigMap":
                made[key.replace(child["metadata"]["name"], files[names_of(child["metadata"]["name"])])] = made.pop(key)
                hashes[child["metadata"]["name"]] = files[names_of(child["metadata"]["name"])]
        _rename(made, hashes)
        children = [each for each in made.values() if each["kind"] != names.KIND]
        for child in children:
            planned = wanted[ref_of(child)]
            if child["kind"] == "Deployment":
                annotations = planned["spec"]["template"]["metadata"]["annotations"]
                child["spec"]["template"]["metadata"]["annotations"] |= annotations
            if path := difference(planned, child):
                raise ValueError(
                    f"{ref_of(child)}: found {path} unlike its plan, expected a faithful copy; mend _planned"
                )
        return children

    def _record(self, pipeline: Manifest, uid: str, children: list[Manifest]) -> None:
        pipeline["metadata"]["uid"] = uid
        prints = digest((label_of(ref_of(child)), print_of(child)) for child in children)
        given, shown = record.inputs(pipeline, self._context(uid)), known_processes(pipeline)
        pipeline["status"][record.FIELD] = record.record(given, prints, shown, ())

    def _context(self, uid: str) -> Context:
        return Context(uid=uid, image=self.image)


def names_of(config_map: str) -> str:
    """The name of a ConfigMap without the digest of its content."""
    return config_map.rpartition("-")[0]


def _rename(made: Stored, hashes: dict[str, str]) -> None:
    for child in made.values():
        if child["kind"] == "ConfigMap":
            child["metadata"]["name"] = hashes[child["metadata"]["name"]]
        if child["kind"] == "Deployment":
            config = child["spec"]["template"]["spec"]["volumes"][0]["configMap"]
            config["name"] = hashes[config["name"]]
