"""The operator: keeps what a ``MultimodalPipeline`` asks for true in a Kubernetes cluster.

Level-based: events only say what to look at. ``reconcile`` observes, asks the pure ``plan`` what should be there, sends
what differs, and writes one status. ``handlers`` is the only importer of kopf, ``cluster`` the only importer of the
Kubernetes client, ``neighbours`` the only importer of mmpipe's adapters.
"""
