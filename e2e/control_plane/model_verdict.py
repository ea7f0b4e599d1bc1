"""What the model of the spec says of an object that is meant for a cluster: the CRD must say the same."""

from __future__ import annotations

from mmpipe.spec import SpecError, from_object, in_cluster, refused
from mmpipe_operator.kinds import Manifest


def of_the_model(document: Manifest) -> str:
    """Why the model does not take the object; empty where it does."""
    try:
        pipeline = from_object(document)
    except SpecError as error:
        return str(error)
    return "\n".join(map(str, (*refused(pipeline), *in_cluster(pipeline))))


def takes(document: Manifest) -> bool:
    """Whether the model takes the object."""
    return of_the_model(document) == ""


def parses(document: Manifest) -> bool:
    """Whether the model knows the object, though something in it may not act yet."""
    try:
        from_object(document)
    except SpecError:
        return False
    return True
