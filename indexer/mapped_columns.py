"""Pieces of a mapped file -> columns: integers as arrays, paths one by one.

A column lies in the file as one plain array for each row group (docs/format.md, "Mapped columns"). Nothing is copied but what
is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexDamagedError


@dataclass(frozen=True, slots=True)
class IntegerColumn:
    """A column of integers as the pieces it is mapped in, one a row group."""

    pieces: tuple[NDArray[Any], ...]
    starts: NDArray[np.int64]
    """First row of each piece, and the number of rows last."""

    def __len__(self) -> int:
        return int(self.starts[-1])

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The values at `rows`, shape of `rows`."""
        if len(self.pieces) == 1:
            return self.pieces[0][rows]  # not np.take: it copies the whole of an unaligned array
        which = np.searchsorted(self.starts, rows, side="right") - 1
        out = np.empty(rows.shape, self.pieces[0].dtype)
        for piece in np.unique(which):
            here = which == piece
            out[here] = self.pieces[piece][rows[here] - self.starts[piece]]
        return out

    def blocks(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """The values of rows `start` to `stop` (excluded), a piece at a time: a pass without a copy of the whole."""
        for first, piece in zip(self.starts, self.pieces, strict=False):
            low, high = max(start - first, 0), min(stop - first, len(piece))
            if low < high:
                yield piece[low:high]

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """The values of rows `start` to `stop` (excluded): a view where they lie in one piece."""
        blocks = list(self.blocks(start, stop))
        if len(blocks) == 1:
            return blocks[0]
        return np.concatenate(blocks) if blocks else self.pieces[0][:0]


class PathColumn:
    """The paths, read one by one from the map: constant memory however many there are."""

    def __init__(
        self, index: Path, file: NDArray[np.uint8], pages: tuple[tuple[int, int], ...], ends: IntegerColumn
    ) -> None:
        """From the bytes of the file, where each page of paths starts and stops, and the running sum of their lengths."""
        self._index, self._file, self._pages, self._ends = index, file, pages, ends

    def __getitem__(self, row: int) -> str:
        """The path of a row (counted from 0)."""
        starts = self._ends.starts
        group = int(np.searchsorted(starts, row, side="right")) - 1
        local, ends = row - int(starts[group]), self._ends.pieces[group]
        base = int(self._ends.pieces[group - 1][-1]) if group else 0
        size = int(ends[local]) - (int(ends[local - 1]) if local else base)
        # PLAIN strings lie as (length, bytes) after (length, bytes) up to the end of the page: count from there.
        behind = len(ends) - local - 1
        first, last = self._pages[group]
        stop = last - (int(ends[-1]) - int(ends[local])) - 4 * behind
        start = stop - size - 4
        found = bytes(self._file[start : start + 4 + size]) if size >= 0 and first <= start and stop <= last else b""
        if len(found) != 4 + size or int.from_bytes(found[:4], "little") != size:
            raise IndexDamagedError(f"{self._index}: damaged: the path of row {row} does not lie where it should")
        try:
            return found[4:].decode()
        except UnicodeDecodeError:
            raise IndexDamagedError(f"{self._index}: damaged: the path of row {row} is not text") from None
