"""Which pods go first when there are to be fewer: those without work (ADR 30).

A ReplicaSet that shrinks deletes the pods with the lowest ``controller.kubernetes.io/pod-deletion-cost`` first.
``rounds`` asks the pods of each process that has several how busy they are (``reading``), and writes that annotation;
``cost`` says what work is worth, and ``steadiness`` keeps writes rare. Nothing else is done to pods.
"""

from mmpipe_operator.sparing.reading import asking
from mmpipe_operator.sparing.rounds import Sparing

__all__ = ["Sparing", "asking"]
