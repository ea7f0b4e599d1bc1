"""``kubectl mmpipe``: look at pipelines and steer them, with the user's own kubectl and its rights.

::

    main          the commands and their exit codes
    kubectl       the only module that starts a program: kubectl
    faults        what kubectl complained about, as a sentence with a remedy
    snapshot      what is read for a status
    pods, scaling, state   pure: objects of the cluster into what a person wants to know
    tree, backlog          pure: that as text
    status, lag, explain_scaling, deadletters, lifecycle, support_bundle   one command each
    explanation/  why a process has as many pods as it has
    bundle/       what a support bundle holds, and what is starred out of it

It has no client of the Kubernetes API, no credentials and no state of its own. Of the operator it shares ``names``,
``kinds``, ``exposition`` and the catalogue of conditions, of the data plane the code of ``mmpipe deadletter`` and what
stars secrets.
"""
