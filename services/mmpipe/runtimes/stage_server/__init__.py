"""The stage server: the stages of one modality (or some of them) behind gRPC, one outcome for each item of a call.

::

    requests    what a call asks for, checked            (pure)
    lanes       who goes next                            (pure)
    batching    the queue in front of the threads that compute; a call waits in it
    work        what is done with a batch: stages, segments, fusing
    fetching    media by reference become media with bytes, before they queue
    servicers   the five services, and faults as statuses
    server      the process: health, reflection, warm-up, drain

It keeps no state between calls and knows no queue, store or sample. What it computes is what ``runtimes.path``
computes in one process, by the same stages; whoever drives samples through it is ``runtimes.remote_path``.
"""
