"""The errors that mmpipe raises on purpose: expected faults of an input, a spec, a model or a store, never bugs.

    MmpipeError
     ├── spec.SpecError            the pipeline object cannot be used              exit code 2
     ├── inputs.InputError         the input cannot be read                        exit code 2
     ├── search.QueryError         the query cannot be answered                    exit code 2
     ├── models.ModelError         the model package cannot be had or used         exit code 2
     ├── client.GatewayError       a gateway refuses, or stays away                exit code 2 or 3
     └── adapters.StoreError       a store cannot be reached or refuses            exit code 3

Each message names the thing, what was found, what was expected, and the remedy. What is wrong with a single item is no
error but an outcome (``records.Rejected``, ``records.Failed``).
"""

from __future__ import annotations


class MmpipeError(Exception):
    """An expected fault. ``exit_code`` is what the command line ends with."""

    exit_code = 2
