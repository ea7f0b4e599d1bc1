"""Calling the stage services: what a worker and a gateway know of decode, clean, embed and fuse.

``endpoints`` says where a service is, ``dependency`` calls one (channel, breaker, retries, deadline), ``clients``
speaks the protos, by modality or by stage. ``remote_path`` is what uses them; nothing here knows a sample.
"""

from mmpipe.runtimes.stage_clients.clients import Chained, StageClients, Stages
from mmpipe.runtimes.stage_clients.endpoints import Endpoints
from mmpipe.runtimes.stage_clients.errors import StageError, StageRefused, StageUnavailable

__all__ = ["Chained", "Endpoints", "StageClients", "StageError", "StageRefused", "StageUnavailable", "Stages"]
