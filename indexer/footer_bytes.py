"""The bytes of a Parquet footer -> what it tells of row groups and columns, under the names that Arrow has for them.

For files without a seal. Asked for a column of a footer with a flipped bit, Arrow ends the process (an exception of C++ that its
Python does not catch); reading a table catches it. So what has to be known before reading is read here: docs/format.md, "The page
header", tells the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from indexer.page_headers import Header
from indexer.seal import Bytes

_TAIL: Final = 8
_CODECS: Final = ("UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4 of Hadoop", "ZSTD", "LZ4")


@dataclass(frozen=True, slots=True)
class ColumnTold:
    """A column chunk."""

    compression: str
    num_values: int
    total_compressed_size: int
    data_page_offset: int
    dictionary_page_offset: int | None

    @property
    def has_dictionary_page(self) -> bool:
        """Whether there is a dictionary."""
        return self.dictionary_page_offset is not None


@dataclass(frozen=True, slots=True)
class GroupTold:
    """A row group."""

    num_rows: int
    columns: Sequence[ColumnTold]

    @property
    def num_columns(self) -> int:
        """Leaves of the schema."""
        return len(self.columns)

    def column(self, number: int) -> ColumnTold:
        """A leaf's chunk."""
        return self.columns[number]


@dataclass(frozen=True, slots=True)
class FooterTold:
    """A footer."""

    num_rows: int
    groups: Sequence[GroupTold]

    @property
    def num_row_groups(self) -> int:
        """How many row groups."""
        return len(self.groups)

    @property
    def num_columns(self) -> int:
        """Leaves of the schema."""
        return self.groups[0].num_columns if self.groups else 0

    def row_group(self, number: int) -> GroupTold:
        """A row group."""
        return self.groups[number]


def footer_told(content: Bytes, num_leaves: int) -> FooterTold:
    """Read a footer.

    Args:
        content: The whole file.
        num_leaves: Of its schema, as Arrow has read it.

    Raises:
        ValueError: It is none, or a row group has another number of columns.
    """
    start = content.size - _TAIL - int.from_bytes(content[-_TAIL:-4].tobytes(), "little")
    told = Header(content[: content.size - _TAIL], start).struct()
    groups = [_group(group) for group in _listed(told, 4)]
    if any(group.num_columns != num_leaves for group in groups):
        raise ValueError("its row groups differ in their columns")
    return FooterTold(_number(told, 3), groups)


def _group(told: Any) -> GroupTold:
    return GroupTold(_number(told, 3), [_column(chunk) for chunk in _listed(told, 1)])


def _column(chunk: Any) -> ColumnTold:
    told = chunk.get(3) if isinstance(chunk, dict) else None
    if not isinstance(told, dict):
        raise ValueError("its footer tells nothing of a column")
    codec = _number(told, 4)
    if not 0 <= codec < len(_CODECS):
        raise ValueError("its footer names a compression that does not exist")
    dictionary = _number(told, 11) if told.get(11) is not None else None
    return ColumnTold(_CODECS[codec], _number(told, 5), _number(told, 7), _number(told, 9), dictionary)


def _listed(told: Any, field: int) -> list[Any]:
    value = told.get(field) if isinstance(told, dict) else None
    if not isinstance(value, list):
        raise ValueError("its footer is broken")
    return value


def _number(told: Any, field: int) -> int:
    value = told.get(field) if isinstance(told, dict) else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("its footer is broken")
    return value
