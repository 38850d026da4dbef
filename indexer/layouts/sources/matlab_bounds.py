"""What a MATLAB file would unpack to, before anything is unpacked: kilobytes may stand for gigabytes, or for a nest without end.

Of version 5 the headers are read as SciPy reads them, one after the other, and no value. Of HDF5 each list is asked for its size
first, and for whether it lies in this file at all: HDF5 can lead to others.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any, Final

LARGEST: Final = 128 << 20
"""Bytes that a MATLAB file may unpack to. The largest of a known dataset takes 30 million; as Python's values they are ten times more."""
_DEEPEST: Final = 64
_HEAD: Final = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCTURE, _OBJECT, _CHARACTERS, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_COMPLEX: Final = 0x800
_TYPES: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18})
"""Numbers and letters, by the numbers that stand for their types."""


class BeyondBoundsError(Exception):
    """A file would unpack to more than anybody means."""


def _too_large() -> BeyondBoundsError:
    return BeyondBoundsError(f"it unpacks to more than {LARGEST:,} bytes; no list of a dataset is as large")


def check_version_5(content: bytes) -> None:
    """Look at the headers of a file of version 5. Of what is malformed, SciPy tells.

    Raises:
        BeyondBoundsError: It unpacks to too much, or lies too deep.
        ValueError: It is of no such version.
        struct.error: A header is cut off.
    """
    if content[126:128] not in (b"IM", b"MI") or 0 in content[:4]:  # SciPy takes the zero for a sign of version 4
        raise ValueError("expected version 5 or 7.3; MATLAB 7 and later write them")
    order = "<" if content[126:128] == b"IM" else ">"
    at, left = _HEAD, LARGEST
    while at + 8 <= len(content):
        kind, size = struct.unpack_from(order + "II", content, at)
        element = content[at : at + 8 + size]
        if kind == _COMPRESSED:
            element = _unpacked(element[8:], left)
        left -= len(element)
        if left < 0:
            raise _too_large()
        _Headers(element, order).check()
        at += 8 + size


def _unpacked(packed: bytes, most: int) -> bytes:
    try:
        unpacked = zlib.decompressobj().decompress(packed, most + 1)
    except zlib.error as error:
        raise ValueError(f"a damaged part: {error}") from None
    if len(unpacked) > most:
        raise _too_large()
    return unpacked


class _Headers:
    """The headers of one variable."""

    def __init__(self, element: bytes, order: str) -> None:
        self.element, self.order, self.at = element, order, 0

    def check(self) -> None:
        open_matrices = [1]  # matrices that are still to come, at each depth
        while open_matrices:
            if not open_matrices[-1]:
                open_matrices.pop()
                continue
            open_matrices[-1] -= 1
            within = self._matrix()
            if within:
                open_matrices.append(within)
            if len(open_matrices) > _DEEPEST:
                raise BeyondBoundsError(f"its cells lie more than {_DEEPEST} deep within each other")

    def _matrix(self) -> int:
        """Pass over a matrix, up to those that lie in it; how many these are."""
        kind, size = self._take("II")
        if kind != _MATRIX:
            raise ValueError(f"a matrix was expected, found an element of type {kind}")
        if not size:
            return 0
        _, _, flags, _ = self._take("IIII")
        group = flags & 0xFF
        if not _CELL <= group <= _OPAQUE:
            raise ValueError(f"a matrix of class {group}, which there is not")
        if group == _OPAQUE:
            for _ in range(3):
                self._part()
            return 1
        amount = 1
        for (number,) in struct.iter_unpack(self.order + "i", self._part()):
            amount *= abs(number)
        if amount > len(self.element) and group != _SPARSE:
            raise BeyondBoundsError(f"a matrix of {amount:,} values in {len(self.element):,} bytes")
        self._part()  # its name
        if group == _FUNCTION:
            return 1
        if group == _CELL:
            return self._that_fit(amount)
        if group in (_STRUCTURE, _OBJECT):
            if group == _OBJECT:
                self._part()
            length = struct.unpack(self.order + "i", self._part()[:4])[0]
            return self._that_fit(amount * (len(self._part()) // max(length, 1)))
        for _ in range((1 if group != _SPARSE else 3) + (flags & _COMPLEX != 0)):
            self._part()
        return 0

    def _that_fit(self, matrices: int) -> int:
        if 8 * matrices > len(self.element) - self.at:
            raise BeyondBoundsError(f"{matrices:,} cells in {len(self.element) - self.at:,} bytes")
        return matrices

    def _part(self) -> bytes:
        """The next element that is no matrix, padded to eight bytes."""
        (first,) = self._take("I")
        if (first & 0xFFFF if first >> 16 else first) not in _TYPES:
            raise ValueError(f"values of type {first}, which there is not")  # SciPy would end the process
        if first >> 16:  # a small one: its size and its type in one word
            found = self.element[self.at : self.at + (first >> 16)]
            self.at += 4
            return found
        (size,) = self._take("I")
        found = self.element[self.at : self.at + size]
        self.at += size + -size % 8
        return found

    def _take(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(self.order + form, self.element, self.at)
        self.at += struct.calcsize(self.order + form)
        return found


class Hdf5Bounds:
    """What was unpacked of an HDF5 file so far."""

    _LEAST: Final = 64
    """Bytes that anything counts for, were it empty."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._left = LARGEST
        self._known: dict[int, tuple[Any, int]] = {}

    def once(self, address: int, read: Callable[[], Any]) -> Any:
        """What lies at an address: read once, and counted as often as it is met. Ten cells of ten cells of ten … are few to
        read, and more than anybody holds.

        Raises:
            BeyondBoundsError: It is too much together.
        """
        if address in self._known:
            value, size = self._known[address]
            self._spend(size)
            return value
        before = self._left
        value = read()
        self._known[address] = value, before - self._left
        return value

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _too_large()

    def check(self, item: Any) -> None:
        """Count a group or a list, before it is read.

        Raises:
            BeyondBoundsError: It is too much together, or lies in another file.
        """
        size = self._LEAST
        if hasattr(item, "shape"):
            if item.external or item.is_virtual:
                raise BeyondBoundsError(f"its list {item.name!r:.80} lies in another file, which is not read")
            chunk = 1
            for length in item.chunks or ():
                chunk *= length
            size += item.dtype.itemsize * max(item.size or 0, chunk)
        self._spend(size)

    @staticmethod
    def check_links(group: Any) -> None:
        """No member of a group lies in another file.

        Raises:
            BeyondBoundsError: One does.
        """
        import h5py

        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise BeyondBoundsError(
                    f"its {name!r:.80} leads to another file, {link.filename!r:.80}, which is not read"
                )
