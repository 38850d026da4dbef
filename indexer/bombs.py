"""A small file that would become a large one: refused by the sizes of its pages, before anything is decoded.

A seal is no signature, and an index may come from a stranger.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from indexer.page_headers import decoded
from indexer.seal import Bytes, Chunk

_MOST_TIMES: Final = 64
_MOST_BESIDES: Final = 1 << 24
"""A column may become 64 times as large as the file, and 16 MiB. A row of a sealed file has 64 bytes in it that nothing compresses, so
these are 4 KiB a row: five captions of a paragraph each, all alike."""


def most_memory(file: Bytes) -> int:
    """Bytes of memory that a column of a file may take."""
    return _MOST_TIMES * file.size + _MOST_BESIDES


def refuse_bombs(file: Bytes, parquet: Any, footer: Any, leaves: Iterable[int]) -> None:
    """See that columns can be decoded in memory that stands in a relation to the file.

    Args:
        file: Its bytes.
        parquet: Arrow's reader of it.
        footer: Arrow's, or `footer_bytes.FooterTold` of a file without a seal.
        leaves: Of its schema.

    Raises:
        ValueError: They cannot, or their pages are broken.
    """
    most = most_memory(file)
    schema = parquet.schema_arrow
    for leaf in leaves:
        found = parquet.schema.column(leaf)
        flat = found.path in schema.names and not found.max_repetition_level
        in_words = found.physical_type == "BYTE_ARRAY" and not (
            flat and pa.types.is_dictionary(schema.field(found.path).type)
        )
        size = 0
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            column = group.column(leaf)
            chunk = Chunk.of(column)
            if chunk.start < 0 or chunk.size < 0 or chunk.stop > file.size:
                raise ValueError(f"column {found.path}, row group {number} does not lie within the file")
            try:
                told = decoded(
                    file[chunk.start : chunk.stop], column.compression, as_dictionary=not in_words, most=most - size
                )
            except (ValueError, pa.ArrowException) as error:
                raise ValueError(f"column {found.path}, row group {number}: {error}") from None
            size += told.size
            if size > most:
                raise ValueError(
                    f"column {found.path} would take more than {most:,} bytes of memory, {_MOST_TIMES} times the file and more"
                )
            if told.values != column.num_values or (flat and told.values != group.num_rows):
                raise ValueError(
                    f"column {found.path}, row group {number} does not hold the values that its footer tells"
                )


def refuse_long_words(file: Bytes, table: pa.Table) -> None:
    """See that words of a dictionary can be written out row by row, as a digest does.

    Raises:
        ValueError: They cannot.
    """
    for name in table.column_names:
        column = table[name]
        if pa.types.is_dictionary(column.type):
            longest = [pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0 for chunk in column.chunks]
            if max(longest, default=0) * len(column) > most_memory(file):
                raise ValueError(f"column {name} has a word of {max(longest):,} bytes and {len(column):,} rows")
