"""Folders, globs, archives, manifests and standard input as one iterator of samples.

::

    opening ──▶ folders ─────────────┐                       what was typed, to the reader it gets
       │                             ▼
       ├──────▶ selections ──▶ entries ──▶ samples           files ──▶ one sample per stem
       │            │            ▲
       └────────▶ containers ──▶ tars, zips
                    │  └───────▶ jsonlines, csvs, parquets ──▶ manifests   rows ──▶ one sample per row
                    └──────────▶ compression                 gzip, bzip2, xz, zstd, watched for bombs

All of it streams: what is in memory is one sample, the names of one folder, the index of one archive. Nothing is
decoded here and nothing is fetched; what an input is, its content says, and what is wrong with it is in the samples
(:attr:`mmpipe.records.Sample.unreadable`) or, before the first of them, an :class:`InputError`.
"""

from __future__ import annotations

from mmpipe.adapters.inputs.errors import (
    DamagedInputError,
    InputBombError,
    InputError,
    InputMissingError,
    InputRefusedError,
    SpoolError,
)
from mmpipe.adapters.inputs.limits import InputLimits
from mmpipe.adapters.inputs.opening import open_input, source_of

__all__ = [
    "DamagedInputError",
    "InputBombError",
    "InputError",
    "InputLimits",
    "InputMissingError",
    "InputRefusedError",
    "SpoolError",
    "open_input",
    "source_of",
]
