"""How new pods take the place of old ones, in the terms of a Deployment's strategy (ADR 31)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmpipe.spec.model import SpecModel, broken_rule

type Pods = Annotated[int, Field(ge=0, le=1000)]

DEFAULT_SURGE, DEFAULT_UNAVAILABLE = 1, 0
"""A new pod comes up before an old one goes: a bad image or file stops nothing."""


class Rollout(SpecModel):
    """How new pods take the place of old ones, when what they are made of or read changes."""

    strategy: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    """`RollingUpdate` goes pod by pod. `Recreate` stops all old pods before it starts a new one, which needs no room
    beside them, such as a spare GPU; samples wait meanwhile."""
    max_surge: Pods | None = None
    """Pods beyond the number of replicas; absent, 1. 0 needs no room for another pod. Only with RollingUpdate."""
    max_unavailable: Pods | None = None
    """Pods that may be missing; absent, 0. Only with RollingUpdate."""

    @property
    def surge(self) -> int:
        """Pods beyond the number of replicas, while it goes pod by pod."""
        return DEFAULT_SURGE if self.max_surge is None else self.max_surge

    @property
    def unavailable(self) -> int:
        """Pods that may be missing, while it goes pod by pod."""
        return DEFAULT_UNAVAILABLE if self.max_unavailable is None else self.max_unavailable

    @model_validator(mode="after")
    def _bounds_of_its_strategy(self) -> Self:
        for path, given in (("maxSurge", self.max_surge), ("maxUnavailable", self.max_unavailable)):
            if given is not None and self.strategy != "RollingUpdate":
                expected = "it only with strategy RollingUpdate"
                raise broken_rule(path, f"it with strategy {self.strategy}", expected, f"remove {path}")
        return self

    @model_validator(mode="after")
    def _goes_on(self) -> Self:
        if not self.surge and not self.unavailable:
            raise broken_rule("maxUnavailable", "0 beside maxSurge 0", "one of them at least 1", "raise one of the two")
        return self
