"""What a cluster needs and one machine has by itself, in CEL: the rules of ``mmpipe.spec.in_cluster``."""

from __future__ import annotations

from collections.abc import Mapping

from mmpipe.spec.acting import MAX_NAME, NAME_EXPECTED, NAME_PATTERN, NAME_REMEDY, SHARED_REMEDY, SHARED_URIS, SharedUri
from mmpipe_operator.crd.rule import Rule, given, nested, text


def _name() -> Rule:
    return Rule(
        expression=f"self.metadata.name.size() <= {MAX_NAME} && self.metadata.name.matches({text(NAME_PATTERN)})",
        shown="self.metadata.name",
        expected=NAME_EXPECTED,
        remedy=NAME_REMEDY,
        accepted={"metadata": {"name": "a" * MAX_NAME}},
        rejected={"metadata": {"name": "a" * (MAX_NAME + 1)}},
        field=".metadata.name",
    )


def _shared(shared: SharedUri) -> Rule:
    uri = given(shared.path)
    first, *_ = shared.schemes
    return Rule(
        expression=f"{uri}.matches({text(f'^({"|".join(shared.schemes)})://')})",
        found="nothing that all pods share",
        expected=shared.expected,
        remedy=SHARED_REMEDY,
        accepted=nested(shared.path, f"{first}://store.example:1234"),
        rejected=nested(shared.path, "file:///var/lib/mmpipe"),
        field=f".{shared.path}",
    )


NEEDS: Mapping[str, tuple[Rule, ...]] = {
    "MultimodalPipeline": (_name(),),
    "PipelineSpec": tuple(_shared(shared) for shared in SHARED_URIS),
}
"""By the name of the model that they are about."""
