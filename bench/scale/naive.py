"""The operator that one would write first: kopf's create and update handlers, which apply all children. For comparison.

It plans with the same ``plan`` and applies with the same client, so what differs is the machinery around: kopf's own
record of what was handled last, in an annotation of each object. It never looks at children, so it heals none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any

import kopf

from mmpipe.spec import from_object
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, connected
from mmpipe_operator.plan import Context, plan


async def run(image: str, seen: Path) -> None:
    """Until it is told to stop; ``seen`` is a file that gets a byte for each pipeline that was looked at once."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
    async with connected() as client:
        cluster = Cluster(client)

        async def apply(body: kopf.Body, **_: Any) -> None:  # noqa: ANN401  # kopf's words
            pipeline = from_object({**body, "apiVersion": names.API_VERSION, "kind": names.KIND})
            for manifest in plan(pipeline, Context(uid=body["metadata"]["uid"], image=image)).manifests:
                await cluster.apply(manifest)

        what = (names.GROUP, "v1alpha1", names.PLURAL)
        kopf.on.create(*what, registry=registry)(apply)
        kopf.on.update(*what, field="spec", registry=registry)(apply)
        with seen.open("ab", buffering=0) as told:

            async def see(**_: Any) -> None:  # noqa: ANN401  # as above
                told.write(b".")

            kopf.on.event(*what, registry=registry)(see)
            await kopf.operator(registry=registry, settings=_settings(), standalone=True, clusterwide=True)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.chunk_size = 500
    return settings


if __name__ == "__main__":
    logging.getLogger("kopf").setLevel(logging.WARNING)
    asyncio.run(run(sys.argv[1], Path(os.environ["NAIVE_SEEN"])))
