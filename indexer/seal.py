"""Checksums of a whole Parquet file, laid where Parquet leaves room: just before its footer.

A Parquet page can carry a checksum, but nothing guards the footer that says where the pages are: with one bit flipped
there a reader takes other bytes for a column, or ends the process. The seal closes that gap. Every reader of Parquet
finds the footer from the end of the file and the columns from the footer, so bytes between them disturb nobody.

    … columns … │ crc32 of each column chunk (u32 each) │ their number (u32) │ sha256 (32) │ "RIDXSEAL" │ footer │ tail

The SHA-256 is over the checksums, their number, the footer and the 8 bytes of the tail (footer length, "PAR1").
Numbers are little-endian. A file without the magic word has no seal: another tool has written it anew.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

MAGIC: Final = b"RIDXSEAL"
_PARQUET: Final = b"PAR1"
_TAIL: Final = 8
_HEAD: Final = 4 + 32 + len(MAGIC)
LARGEST_FOOTER: Final = 1 << 24
"""A billion rows are 954 row groups of 26 leaves at most. A leaf takes some 65 bytes of the footer, and its least and greatest
values, where it has them, what they are long: 1.4 KB a row group in a usual index, 5 KB where captions are long, so 5 MB. What a
parser makes of a footer can be a few hundred times as large."""
_LEAST_OF_A_CHUNK: Final = 16  # bytes that a footer tells of one, at least

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The bytes of one column in one row group."""

    start: int
    size: int

    @property
    def stop(self) -> int:
        """First byte after it."""
        return self.start + self.size

    @classmethod
    def of(cls, column: Any) -> Chunk:
        """From `pyarrow.parquet.ColumnChunkMetaData`: a dictionary page, where there is one, lies before the data."""
        first = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
        return cls(first, column.total_compressed_size)

    def checksum(self, file: Bytes) -> int:
        """CRC-32 of the bytes in the file."""
        return zlib.crc32(file[self.start : self.stop].data)


def chunks_of(footer: Any) -> list[Chunk]:
    """Every column chunk of a file, row group by row group: of `pyarrow.parquet.FileMetaData`."""
    groups = map(footer.row_group, range(footer.num_row_groups))
    return [Chunk.of(group.column(i)) for group in groups for i in range(group.num_columns)]


@dataclass(frozen=True, slots=True)
class Seal:
    """What a seal says, after it was found to be whole."""

    checksums: tuple[int, ...]
    """Of the column chunks, row group by row group, in the order of the schema's leaves."""
    start: int
    """Its first byte: what it seals lies before."""


def write_seal(file: IO[bytes], chunks: list[Chunk]) -> None:
    """Seal a complete Parquet file that is open for reading and writing."""
    size = file.seek(0, os.SEEK_END)
    content: Bytes = np.memmap(file, np.uint8, mode="r", shape=(size,))
    footer_start, end = _footer(content)
    numbers = np.array([chunk.checksum(content) for chunk in chunks], "<u4").tobytes() + len(chunks).to_bytes(
        4, "little"
    )
    sealed = numbers + hashlib.sha256(numbers + end).digest() + MAGIC
    del content
    file.seek(footer_start)
    file.write(sealed + end)


def read_seal(file: IO[bytes]) -> Seal | None:
    """The seal of a file that is open for reading; None where it has none.

    Raises:
        ValueError: There is a seal, and it does not fit what it seals.
        OSError: The file cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    if size < _TAIL + _HEAD:
        return None
    file.seek(size - _TAIL)
    length, last = int.from_bytes(file.read(4), "little"), file.read(4)
    footer_start = size - _TAIL - length
    if footer_start < _HEAD or last != _PARQUET:
        return None
    if length > LARGEST_FOOTER:
        raise ValueError(f"its footer has {length:,} bytes, that of a billion rows has fewer than {LARGEST_FOOTER:,}")
    file.seek(footer_start - _HEAD)
    head = file.read(_HEAD)
    if not head.endswith(MAGIC):
        return None
    end = file.read()
    count = int.from_bytes(head[:4], "little")
    if footer_start - _HEAD < 4 * count or length < count * _LEAST_OF_A_CHUNK:
        raise ValueError("its seal is broken")
    file.seek(footer_start - _HEAD - 4 * count)
    numbers = file.read(4 * count) + head[:4]
    if hashlib.sha256(numbers + end).digest() != head[4:36]:
        raise ValueError("its footer is not the one that was sealed")
    return Seal(tuple(np.frombuffer(numbers, "<u4", count).tolist()), footer_start - _HEAD - 4 * count)


def end_of_columns(footer: Any) -> int:
    """First byte behind the columns of a file: of `pyarrow.parquet.FileMetaData`."""
    if not footer.num_row_groups:
        return len(_PARQUET)
    last = footer.row_group(footer.num_row_groups - 1)
    return max(Chunk.of(last.column(i)).stop for i in range(last.num_columns))


def lost_its_seal(content: Bytes, footer: Any, plain: list[int | None]) -> bool:
    """Whether a file without a seal is one that was sealed, and no other tool's.

    Its columns lie as ours do, and a seal would have room before the footer, where other tools leave none.

    Args:
        content: The file.
        footer: Of the file.
        plain: Leaves that our writer neither compresses nor gives a dictionary.
    """
    room = _footer_start(content) - end_of_columns(footer)
    if not footer.num_row_groups or room < _HEAD + 4 * footer.num_row_groups * footer.num_columns:
        return False
    columns = [footer.row_group(0).column(leaf) for leaf in plain if leaf is not None]
    return all(column.compression == "UNCOMPRESSED" and not column.has_dictionary_page for column in columns)


def _footer_start(content: Bytes) -> int:
    return content.size - _TAIL - int.from_bytes(content[-_TAIL:-4].tobytes(), "little")


def _footer(content: Bytes) -> tuple[int, bytes]:
    """Where the footer begins, and all bytes from there to the end."""
    start = _footer_start(content)
    return start, content[start:].tobytes()
