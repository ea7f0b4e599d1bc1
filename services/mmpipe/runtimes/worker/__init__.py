"""The worker: takes samples from the durable queue through the stage services into the stores.

``process`` opens what it needs and runs until it is told to stop; ``lanes`` pulls, fairly between modality sets, into a
bounded ``room``; ``courier`` takes one delivery through, from ``arrival`` (envelope to sample) over ``remote_path`` to
``commits`` (groups for the sink), while ``lease`` keeps the delivery; ``verdicts`` says what a fault means. The message
is acknowledged last, so that a worker may be killed at any moment.
"""
