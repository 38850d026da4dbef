"""A Parquet column chunk -> the place of its values in the file, when they lie there as a plain array.

Arrow's reader always decodes into private memory. But a required column that is written PLAIN, uncompressed and as a
single page is a contiguous array in the file (docs/format.md, "Mapped columns"). This file alone knows how such a
page looks; it believes nothing the footer says before the page's own header and the index's metadata confirm it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_HEADER_LIMIT: Final = 256  # a data page header without statistics is about 30 bytes
_DATA_PAGE: Final = 0
_PLAIN: Final = 0
_I32: Final = 5
_STRUCT: Final = 12


@dataclass(frozen=True, slots=True)
class PlainPage:
    """Where the values of one column chunk lie."""

    start: int
    """Offset of the first value in the file."""
    size: int
    """Bytes of all values."""
    num_values: int
    crc: int
    """CRC-32 of the values, from the page header."""


def find_plain_page(file: NDArray[np.uint8], chunk: Any, *, max_definition_level: int) -> PlainPage | None:
    """The single PLAIN page of a column chunk, or None if the chunk has not that shape.

    Args:
        file: The whole file as bytes.
        chunk: `pyarrow.parquet.ColumnChunkMetaData`.
        max_definition_level: 0 for a required column; anything else has levels before its values.
    """
    if max_definition_level or chunk.compression != "UNCOMPRESSED" or chunk.has_dictionary_page:
        return None
    first, length = chunk.data_page_offset, chunk.total_compressed_size
    if not (first >= 0 and length > 0 and first + length <= file.size):
        return None
    header = _page_header(bytes(file[first : first + min(length, _HEADER_LIMIT)]))
    if header is None:
        return None
    fields, header_size = header
    inner = fields.get(5)
    plain = (
        fields.get(1) == _DATA_PAGE
        and isinstance(inner, dict)
        and inner.get(1) == chunk.num_values
        and inner.get(2) == _PLAIN
        and fields.get(2) == fields.get(3) == length - header_size  # one page fills the chunk
    )
    crc = fields.get(4)
    if not plain or not isinstance(crc, int):
        return None
    return PlainPage(first + header_size, length - header_size, chunk.num_values, crc & 0xFFFFFFFF)


Fields = dict[int, Any]
"""Field id → its integer, or the fields of the struct that it is."""


def _page_header(data: bytes) -> tuple[Fields, int] | None:
    """A Thrift compact `PageHeader` and its length, or None if the bytes are no such thing."""
    try:
        return _struct(data, 0, depth=3)
    except (IndexError, ValueError):
        return None


def _struct(data: bytes, position: int, *, depth: int) -> tuple[Fields, int]:
    fields: Fields = {}
    number = 0
    while (head := data[position]) != 0:  # 0 is the stop field
        position += 1
        number += head >> 4
        kind = head & 15
        if kind == _I32:
            raw, position = _varint(data, position)
            fields[number] = (raw >> 1) ^ -(raw & 1)
        elif kind == _STRUCT and depth > 1:
            fields[number], position = _struct(data, position, depth=depth - 1)
        else:
            raise ValueError(f"no page header of ours has a field of type {kind}")
    return fields, position + 1


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 35:
            raise ValueError("an integer of more than 32 bits")
