"""The CustomResourceDefinition, generated from ``mmpipe.spec``: pure, so that a field is written once, in the model.

``resolving`` and ``modalities`` make one tree of pydantic's JSON Schema, ``structural`` turns it into what the API
server takes, ``placing`` adds the CEL rules, which are written in ``crossing``, ``needs`` and ``unchanging`` or follow
from the tree (``belonging``, ``settling``); ``document`` has the whole. Nothing here talks to a cluster.
"""

from mmpipe_operator.crd.document import COLUMNS, document, rules
from mmpipe_operator.crd.rule import Placed, Rule

__all__ = ["COLUMNS", "Placed", "Rule", "document", "rules"]
