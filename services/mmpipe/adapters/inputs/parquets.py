"""Manifests in Parquet: one row per sample, values in Parquet's own types.

Beside paths, a modality's column may hold the media themselves, as binary or as ``{bytes, path}`` (the way of Hugging
Face ``datasets``). Arrow is imported only when a Parquet file is met. Rows come in small batches, so memory follows the
row group that is open, not the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from mmpipe.adapters.inputs.errors import InputBombError
from mmpipe.adapters.inputs.limits import InputLimits
from mmpipe.adapters.inputs.rows import RESERVED_COLUMNS, BadRow, Row, check_columns, damaged
from mmpipe.adapters.inputs.uris import Origin, readable

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_BATCH_ROWS = 64


def parquet_rows(file: BinaryIO, origin: Origin, limits: InputLimits) -> Iterator[Row | BadRow]:
    """The rows of a manifest; where the file breaks off later, a last bad row says so.

    Raises DamagedInputError where it can't be opened or its columns can't be used, InputBombError where it unpacks to
    too much.
    """
    with _opened(file, origin) as table:
        check_columns(table.schema_arrow.names, origin, "schema")
        _check_types(table, origin)
        _check_ratio(table, origin, limits)
        yield from _rows(table)


def _opened(file: BinaryIO, origin: Origin) -> ParquetFile:
    import pyarrow as pa  # noqa: PLC0415  # 150 ms that only a Parquet file is worth
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    try:
        return ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise damaged(origin, "footer", str(error), "a complete Parquet file", "write it again") from error


def _rows(table: ParquetFile) -> Iterator[Row | BadRow]:
    import pyarrow as pa  # noqa: PLC0415

    number = 0
    try:
        for batch in table.iter_batches(_BATCH_ROWS):
            for cells in batch.to_pylist():
                number += 1
                yield Row(number, f"row {number}", _filled(cells))
    except (pa.ArrowException, OSError) as error:
        yield BadRow(number + 1, f"row {number + 1} and all after it", str(error), "a complete Parquet file")


def _filled(cells: dict[str, Any]) -> dict[str, object]:
    return {column: cell for column, cell in cells.items() if cell is not None}


def _check_types(table: ParquetFile, origin: Origin) -> None:
    """Binary columns that mean nothing would be attributes, and no attribute is binary: say so once, not per row."""
    import pyarrow as pa  # noqa: PLC0415

    for field in table.schema_arrow:
        is_binary = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
        if is_binary and field.name not in RESERVED_COLUMNS:
            found = f"column {readable(field.name)} holds {field.type}"
            remedy = "name it after the modality it holds, or drop it"
            raise damaged(origin, "schema", found, "attributes of JSON's types", remedy)


def _check_ratio(table: ParquetFile, origin: Origin, limits: InputLimits) -> None:
    for index in range(table.num_row_groups):
        group = table.metadata.row_group(index)
        packed = sum(group.column(column).total_compressed_size for column in range(group.num_columns))
        if not limits.allows_ratio(group.total_byte_size, packed):
            raise InputBombError(
                f"{readable(origin.name)}, row group {index}",
                f"unpacks {packed} bytes to {group.total_byte_size}",
                f"at most {limits.max_decompression_ratio:g} bytes per byte",
                "raise source.files.maxDecompressionRatio if you trust it",
            )
