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
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

MAGIC: Final = b"RIDXSEAL"
_TAIL: Final = 8
_HEAD: Final = 4 + 32 + len(MAGIC)
_LARGEST_FOOTER: Final = 1 << 30  # a footer of 100 M rows is well below a megabyte

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


def read_seal(path: Path) -> Seal | None:
    """The seal of a file; None where it has none.

    Raises:
        ValueError: There is a seal, and it does not fit what it seals.
        OSError: The file cannot be read.
    """
    size = path.stat().st_size
    if size < _TAIL + _HEAD:
        return None
    with path.open("rb") as file:
        file.seek(size - _TAIL)
        length = int.from_bytes(file.read(4), "little")
        footer_start = size - _TAIL - length
        if length > _LARGEST_FOOTER or footer_start < _HEAD:
            return None
        file.seek(footer_start - _HEAD)
        head = file.read(_HEAD)
        if not head.endswith(MAGIC):
            return None
        end = file.read()
        count = int.from_bytes(head[:4], "little")
        if footer_start - _HEAD < 4 * count:
            raise ValueError("its seal is broken")
        file.seek(footer_start - _HEAD - 4 * count)
        numbers = file.read(4 * count) + head[:4]
    if hashlib.sha256(numbers + end).digest() != head[4:36]:
        raise ValueError("its footer is not the one that was sealed")
    return Seal(tuple(np.frombuffer(numbers, "<u4", count).tolist()))


def _footer(content: Bytes) -> tuple[int, bytes]:
    """Where the footer begins, and all bytes from there to the end."""
    length = int.from_bytes(content[-_TAIL:-4].tobytes(), "little")
    start = content.size - _TAIL - length
    return start, content[start:].tobytes()
