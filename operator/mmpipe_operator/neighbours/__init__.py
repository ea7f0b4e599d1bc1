"""The pipelines' neighbours as the operator sees them: queue, vector store, dead letters.

The only importer of mmpipe's adapters. ``questions`` says what is asked of whom, ``askers`` asks it over ``lines`` that
pipelines share, ``memory`` says what an answer changes, and ``neighbours`` when to ask and whom to tell.
``queue_depths`` asks queues alone, for who can't do with the last answer.

What a neighbour's adapter knows (the collection's schema, the stream's name) is taken from it and not written anew
(ADR 25).
"""

from mmpipe_operator.neighbours.neighbours import NeighbourError, Neighbours

__all__ = ["NeighbourError", "Neighbours"]
