"""The operator at scale: what 1 to 5,000 settled pipelines cost it, beside a plain kopf operator on the same servers.

::

    plane      a real API server over etcd, without controllers and nodes
    template   one pipeline, settled by the operator itself  ->  copies   thousands like it, put straight into etcd
    naive      the operator that one would write first
    contender  one of the two as a process  ->  measuring   start-up, memory, edits, calls, idle writes

Putting 110,000 objects there through the API server would take the better part of an hour; copies differ from what the
operator has made in names, uids and digests alone, and the measurement checks that they are as it would make them.
"""
