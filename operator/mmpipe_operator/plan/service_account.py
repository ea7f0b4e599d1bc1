"""The ServiceAccount of a pipeline's pods: an identity without a token, and without any right."""

from __future__ import annotations

from mmpipe.spec import MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.kinds import SERVICE_ACCOUNT, Manifest
from mmpipe_operator.plan.model import Context, metadata


def service_account(pipeline: MultimodalPipeline, context: Context) -> Manifest:
    """One for all processes."""
    return {
        "apiVersion": SERVICE_ACCOUNT.api_version,
        "kind": SERVICE_ACCOUNT.kind,
        "metadata": metadata(pipeline, context, names.services(pipeline.metadata.name)),
        "automountServiceAccountToken": False,
    }
