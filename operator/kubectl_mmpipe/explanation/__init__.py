"""Why a process has as many pods as it has: what ``explain-scaling`` says, put together from what the cluster says.

::

    case          the objects of one process, and where its settings stand
    signals       what it is scaled by, and where the API server answers that
    asking        the only module here that asks: depths, and metrics of pods
    arithmetic    how many pods a depth asks for, as Kubernetes reckons it
    service_time  how long an item takes, from what pods say
    rules, keda   what bounds an autoscaler, and what holds it back just now
    account       all of it for one process, as ``--json`` prints it
    text          the same for a person

Everything but ``asking`` is pure. What nobody could read is None and says why, never 0.
"""
