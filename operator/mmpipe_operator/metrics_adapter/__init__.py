"""The metrics adapter: ``custom.metrics.k8s.io/v1beta2``, the numbers that the HPAs of pipelines scale by.

::

    server        HTTPS: who may ask (access), what there is (discovery, openapi), and the values themselves
      access      the API server's front proxy alone, then a SubjectAccessReview for the user that it speaks for
      request     a path and a selector as a question: which pipeline, which metric, of which modality or process
      readings    its answer: from the queue's stream, from the pipeline's pods, never from a guess (ADR 27)
      problems    what can't be answered, as a Kubernetes Status
    certificates  what it serves with; registration: the APIService that makes the API server ask it (ADR 28)
    process       all of it, as the command ``mmpipe-operator adapter``

It reads, and writes nothing but what makes it reachable. Every replica answers: there is no leader.
"""
