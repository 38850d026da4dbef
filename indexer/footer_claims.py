"""What a footer claims -> whether it can be: rows, columns and places that fit into the file.

A seal vouches that the footer is the one that was written, not that an honest writer wrote it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.schema import BY_NAME, COLUMNS, MAPPED, MAPPED_INTEGERS, IndexMetadata
from indexer.seal import Chunk, Seal, end_of_columns, lost_its_seal

_LENGTH_OF_A_PATH: Final = 4
_LEAST_OF_A_ROW: Final = _LENGTH_OF_A_PATH + sum(BY_NAME[name].itemsize for name in MAPPED_INTEGERS)


def check_shape(
    parquet: Any, footer: Any, metadata: IndexMetadata, seal: Seal | None, content: NDArray[np.uint8]
) -> None:
    """Compare a footer with the metadata document, the seal, the schema and the size of the file.

    Args:
        parquet: Arrow's reader of the file.
        footer: Arrow's, or `footer_bytes.FooterTold` of a file without a seal.
        metadata: Its document.
        seal: None where another tool has written it.
        content: The whole file.

    Raises:
        ValueError: They contradict each other.
    """
    rows = footer.num_rows
    leaves = {parquet.schema.column(i).path: i for i in range(len(parquet.schema))}
    if rows != metadata.samples:
        raise ValueError(f"it holds {rows} rows, its metadata tells {metadata.samples}")
    if len(leaves) < len(parquet.schema):
        raise ValueError("two columns have one name")
    if seal is None:
        if lost_its_seal(content, footer, [leaves.get(name) for name in MAPPED]):
            raise ValueError("its seal is gone, and no other tool has written it anew")
    else:
        _check_sealed(footer, metadata, seal, content.size, len(leaves))
    if metadata.query_sets and metadata.query_sets[-1].last > _items(footer, leaves.get("queries.list.element")):
        raise ValueError("query_sets tell more queries than samples are items of")
    _check_columns(parquet.schema_arrow)


def mapped_chunks(parquet: Any, name: str, leaf: int, num_rows: int, size: int) -> list[tuple[int, Chunk]]:
    """Rows and place of a mapped column in each row group, after it was found to be a plain array within the file.

    Args:
        parquet: Arrow's reader of the file.
        name: Of the column.
        leaf: Its place among the schema's leaves.
        num_rows: Of the index.
        size: Bytes of the file.

    Raises:
        ValueError: It is not.
    """
    footer, least_bytes = parquet.metadata, _LENGTH_OF_A_PATH if name == "path" else BY_NAME[name].itemsize
    as_written = "BYTE_ARRAY" if name == "path" else f"INT{8 * least_bytes}"
    found = []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        rows, column = group.num_rows, group.column(leaf)
        chunk = Chunk.of(column)
        if not (chunk.start >= 0 and chunk.stop <= size and rows * least_bytes <= chunk.size):
            raise ValueError(f"column {name}, row group {number} does not lie within the file")
        plain = column.compression == "UNCOMPRESSED" and not column.has_dictionary_page
        optional = parquet.schema.column(leaf).max_definition_level
        if not plain or column.physical_type != as_written or optional:
            raise ValueError(f"column {name}, row group {number} is no plain array")
        if rows < (footer.num_row_groups > 1):
            raise ValueError(f"row group {number} has {rows} rows")
        found.append((rows, chunk))
    if (told := sum(rows for rows, _ in found)) != num_rows:
        raise ValueError(f"its row groups hold {told} rows, its metadata tells {num_rows}")
    return found


def _check_sealed(footer: Any, metadata: IndexMetadata, seal: Seal, size: int, num_leaves: int) -> None:
    if footer.num_rows * _LEAST_OF_A_ROW > size:
        raise ValueError(f"{footer.num_rows} rows do not fit into its {size:,} bytes")
    if footer.num_row_groups * num_leaves != len(seal.checksums):
        raise ValueError("its seal is that of another number of columns")
    place, end = metadata.beside, end_of_columns(footer)
    if place is not None:
        end = place.start + place.size if place.start == end else -1
    if end != seal.start:
        raise ValueError("its seal does not begin where its content ends")


def _check_columns(schema: pa.Schema) -> None:
    for column in COLUMNS:
        found = schema.field(column.name).type if column.name in schema.names else None
        if found is None and column.optional:
            continue
        if found is not None and pa.types.is_dictionary(column.type) and _is_text(found):
            continue  # a tool that rewrote the file may have dropped Arrow's own schema
        if found != column.type and not (found is not None and _is_text(column.type) and _is_text(found)):
            raise ValueError(f"column {column.name} should be {column.type}, found {found or 'none'}")


def _items(footer: Any, leaf: int | None) -> int:
    """Values of a leaf, as the footer tells."""
    groups = range(footer.num_row_groups) if leaf is not None else ()
    return sum(int(footer.row_group(number).column(leaf).num_values) for number in groups)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
