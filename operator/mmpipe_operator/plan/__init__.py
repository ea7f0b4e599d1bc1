"""From a pipeline to the Kubernetes objects that make it run: pure, one module per kind.

``processes`` says what runs, ``files`` what each process reads, ``pod`` what its pods look like; ``pipeline`` puts the
objects together in the order in which they are applied. Fields are written as the API server stores them, and others'
fields are left out, so that ``difference`` finds none where nothing has changed.
"""

from mmpipe_operator.plan.model import GATEWAY, WORKER, Context, Plan, Process, Scaler
from mmpipe_operator.plan.pipeline import plan
from mmpipe_operator.plan.secrets import references

__all__ = ["GATEWAY", "WORKER", "Context", "Plan", "Process", "Scaler", "plan", "references"]
