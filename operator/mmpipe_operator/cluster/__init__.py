"""The Kubernetes API: the only importer of the Kubernetes client, in raw JSON.

``connection`` finds the API server and signs in, ``client`` asks and applies, ``faults`` says what can go wrong,
``lease`` decides which replica may write, ``bare`` keeps the client small. Nothing here knows what a pipeline needs.
"""

from mmpipe_operator.cluster.bare import keep_bare

keep_bare()  # before any of these imports the client

from mmpipe_operator.cluster.client import Cluster
from mmpipe_operator.cluster.connection import Connection, connected
from mmpipe_operator.cluster.events import Events
from mmpipe_operator.cluster.faults import ClusterError, Conflict, Expired, Gone, NotLeading, Refused, Unavailable
from mmpipe_operator.cluster.lease import Lease

__all__ = [
    "Cluster",
    "ClusterError",
    "Conflict",
    "Connection",
    "Events",
    "Expired",
    "Gone",
    "Lease",
    "NotLeading",
    "Refused",
    "Unavailable",
    "connected",
]
