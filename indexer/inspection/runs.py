"""An index -> its runs: rows after rows of one identity, with the same modalities and in the same splits.

The file is sorted by split, identity and modalities, so ten million rows are a few hundred thousand runs; whatever is counted by
split, identity or modality is counted over them. One pass over three mapped columns, a piece at a time: what is made on the
way stays in the processor's cache, and no column is copied whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.index_file import IndexFile

_PIECE: Final = 1 << 16


@dataclass(frozen=True)
class Runs:
    """The runs of an index, in the order of its rows."""

    index: IndexFile
    pid: NDArray[np.int32]
    """Shape `(runs,)`; -1: nobody."""
    modalities: NDArray[np.uint32]
    """Shape `(runs,)`: the bits that each row of the run has."""
    splits: NDArray[np.uint64]
    """Shape `(runs,)`."""
    starts: NDArray[np.int64]
    """Shape `(runs + 1,)`: first row of each, and the number of rows last."""

    def __len__(self) -> int:
        return len(self.pid)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each run, shape `(runs,)`."""
        return np.diff(self.starts)

    def among(self, splits: Sequence[str]) -> NDArray[np.bool_]:
        """Which runs are in any of the splits, shape `(runs,)`; no splits: all."""
        if not splits:
            return np.ones(len(self), bool)
        names = self.index.metadata.splits
        return np.asarray((self.splits & np.uint64(sum(1 << names.index(name) for name in splits))) != 0)

    def rows(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The rows of some runs, ascending."""
        sizes = self.sizes[chosen]
        before = np.cumsum(sizes) - sizes
        return np.repeat(self.starts[:-1][chosen] - before, sizes) + np.arange(sizes.sum())


def find_runs(index: IndexFile) -> Runs:
    """The runs of an index."""
    found: list[tuple[NDArray[Any], ...]] = []
    starts: list[NDArray[np.int64]] = []
    last: tuple[Any, ...] | None = None
    for first, columns in pieces(index, "pid", "modalities", "splits"):
        new = np.zeros(len(columns[0]), bool)
        for column in columns:
            new[1:] |= column[1:] != column[:-1]
        new[0] = last is None or any(column[0] != value for column, value in zip(columns, last, strict=True))
        last = tuple(column[-1] for column in columns)
        at = np.flatnonzero(new)
        starts.append(at + first)
        found.append(tuple(column[at] for column in columns))
    if not found:
        return Runs(index, np.empty(0, np.int32), np.empty(0, np.uint32), np.empty(0, np.uint64), np.zeros(1, np.int64))
    pid, modalities, splits = (np.concatenate(column) for column in zip(*found, strict=True))
    return Runs(index, pid, modalities, splits, np.concatenate([*starts, [index.num_rows]]))


def pieces(index: IndexFile, *names: str) -> Iterator[tuple[int, tuple[NDArray[Any], ...]]]:
    """Integer columns in pieces that a cache holds: the first row of each, and copies of the columns there."""
    index.compare(names)
    first = 0
    for blocks in zip(*(index.integers(name).blocks(0, index.num_rows) for name in names), strict=True):
        for start in range(0, len(blocks[0]), _PIECE):
            # A mapped column starts at any byte; arithmetic on a copy that does not is several times as fast.
            columns = tuple(block[start : start + _PIECE].copy() for block in blocks)
            yield first, columns
            first += len(columns[0])
