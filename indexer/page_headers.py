"""The pages of a column chunk -> what decoding it would take, told before anything is decoded.

A few hundred bytes of Parquet can stand for gigabytes: pages that a codec blows up, a long text in a dictionary that a million rows
name. What a footer says of sizes is a claim like any other; the page headers are what a decoder goes by. They are Thrift structs in
the compact protocol (docs/format.md, "The page header").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from indexer.seal import Bytes

_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
_BY_DICTIONARY: Final = (2, 8)
_DELTA_BYTE_ARRAY: Final = 7
_DEEPEST: Final = 8
_LEVELS: Final = 16
"""Bytes of memory that a value takes at most, text itself aside: a number, an offset, levels, a place in a dictionary."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a chunk would become."""

    values: int
    """Values of its leaf, those of lists one by one and nulls too."""
    size: int
    """Bytes of memory at most."""


def decoded(chunk: Bytes, codec: str, *, as_dictionary: bool, most: int) -> Decoded:
    """What decoding a chunk would take.

    Args:
        chunk: Its bytes in the file.
        codec: What its pages are compressed by, as the footer names it.
        as_dictionary: It holds no text, or text that stays in the dictionary and is not written out row by row.
        most: More bytes than anybody will decode: beyond, no page is opened.

    Raises:
        ValueError: These are no pages, or they are written in a way whose size cannot be told.
    """
    at, values, size, named, longest = 0, 0, 0, 0, 0
    while at < chunk.size:
        header = Header(chunk, at)
        page = header.struct()
        kind, unpacked, packed = page.get(1), _count(page, 2), _count(page, 3)
        start, at = header.at, header.at + packed
        if at > chunk.size:
            raise ValueError("a page does not lie within its column")
        size += unpacked
        if kind in (_DATA, _DATA_2):
            told = page.get(5 if kind == _DATA else 8)
            if not isinstance(told, dict):
                raise ValueError("a page has no header")
            number, encoding = _count(told, 1), told.get(2 if kind == _DATA else 4)
            if encoding == _DELTA_BYTE_ARRAY:
                raise ValueError("it is delta-encoded text, whose size cannot be told")
            values, size = values + number, size + _LEVELS * number
            named += number * (encoding in _BY_DICTIONARY)
        elif kind == _DICTIONARY and not as_dictionary and size <= most:
            longest = max(longest, _longest(_unpacked(chunk[start:at], codec, unpacked)))
        if size + named * longest > most:
            break
    return Decoded(values, size + named * longest)


def _unpacked(page: Bytes, codec: str, size: int) -> bytes:
    if codec == "UNCOMPRESSED":
        return page.tobytes()
    name = "lz4_raw" if codec == "LZ4" else codec.lower()
    return bytes(pa.Codec(name).decompress(page.tobytes(), decompressed_size=size))


def _longest(words: bytes) -> int:
    """The longest text of a dictionary: each lies there after its length."""
    at, longest = 0, 0
    while at < len(words):
        length = int.from_bytes(words[at : at + 4], "little")
        longest, at = max(longest, length), at + 4 + length
    return longest


def _count(told: dict[int, Any], field: int) -> int:
    value = told.get(field)
    if not isinstance(value, int) or value < 0:
        raise ValueError("a page header is broken")
    return value


class Header:
    """A struct of the compact protocol, read from `at` on."""

    def __init__(self, content: Bytes, at: int) -> None:
        self._content, self.at = content, at

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Its fields by number. Of texts only the length; of lists their values."""
        fields: dict[int, Any] = {}
        number = 0
        while True:
            head = self._byte()
            if head == 0:
                return fields
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 15, depth + 1)

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 8:
            length = self._unsigned()
            self.at += length
            return length
        if kind == 7:
            self.at += 8
            return None
        if kind == 9 and depth < _DEEPEST:
            return self._list(depth)
        if kind == 12 and depth < _DEEPEST:
            return self.struct(depth)
        raise ValueError("a header is broken")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count, kind = head >> 4, head & 15
        if count == 15:
            count = self._unsigned()
        if count > self._content.size - self.at:  # each takes a byte at least
            raise ValueError("a header is cut off")
        if kind in (1, 2):  # in a list each has a byte of its own
            return [self._byte() == 1 for _ in range(count)]
        return [self._value(kind, depth + 1) for _ in range(count)]

    def _byte(self) -> int:
        if self.at >= self._content.size:
            raise ValueError("a header is cut off")
        self.at += 1
        return int(self._content[self.at - 1])

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a header is broken")

    def _signed(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)
