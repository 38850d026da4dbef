"""A view of an index -> the rows of each identity, by kind, as offsets into it.

The file is sorted by identity and, within it, by modalities and camera, so an identity's samples of one kind are a run of
rows. One pass finds where runs begin; nothing is stored per sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.schema import BY_NAME
from sampler_runtime.view import IndexView

Rows = NDArray[np.int64]
Columns = tuple[NDArray[Any], ...]

_PASS = 1 << 16
"""Rows looked at together: what is made on the way stays in the processor's cache, and does not add up."""


@dataclass(frozen=True)
class Pools:
    """The runs of a view, identity by identity."""

    pids: NDArray[np.int32]
    """Shape `(identities,)`, ascending."""
    offsets: NDArray[np.int32]
    """Shape `(identities + 1,)`: identity i has the runs `offsets[i]` to `offsets[i + 1]` (excluded)."""
    starts: NDArray[Any]
    """Shape `(runs,)`: first position of each run; 4 bytes where they suffice."""
    sizes: NDArray[np.int32]
    """Shape `(runs,)`: samples in each run."""
    kinds: NDArray[np.uint32]
    """Shape `(runs,)`: the modality bits that all samples of a run have."""
    told: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Further columns that tell runs apart, e.g. `camid`, each of shape `(runs,)`."""
    rows: Rows | None = None
    """Position → row of the view, where the view is not sorted by identity; None: a position is a row."""

    @property
    def num_identities(self) -> int:
        """Identities that have samples in the view."""
        return len(self.pids)

    @property
    def owners(self) -> NDArray[np.int32]:
        """Shape `(runs,)`: whose each run is, as a position in `pids`."""
        return np.repeat(np.arange(self.num_identities, dtype=np.int32), np.diff(self.offsets))

    def samples(self) -> Rows:
        """Samples of each identity, shape `(identities,)`."""
        if not len(self.pids):
            return np.empty(0, np.int64)
        return np.add.reduceat(self.sizes, self.offsets[:-1], dtype=np.int64)

    def without(self, pids: NDArray[np.int32]) -> Pools:
        """The pools of everybody else."""
        if not len(pids):
            return self
        stay = ~np.isin(self.pids, pids)
        runs = np.repeat(stay, np.diff(self.offsets))
        offsets = np.concatenate([[0], np.cumsum(np.diff(self.offsets)[stay])]).astype(np.int32)
        told = {name: column[runs] for name, column in self.told.items()}
        return Pools(self.pids[stay], offsets, self.starts[runs], self.sizes[runs], self.kinds[runs], told, self.rows)


def find_pools(index: IndexView, *further: str) -> Pools:
    """The pools of a view: one pass over its pids and modalities.

    Args:
        index: The view.
        further: Columns besides `modalities` in which the samples of a run must agree.
    """
    names = ("pid", "modalities", *further)
    dtypes = [BY_NAME[name].dtype for name in names]
    starts, columns, sorted_by_pid = _runs(index.column_blocks(*names), dtypes, len(index))
    rows: Rows | None = None
    if (
        not sorted_by_pid
    ):  # an identity in several default splits begins a second time (MSMT17's val has train's people)
        whole = [index.column(name) for name in names]
        rows = np.lexsort(whole[::-1])
        starts, columns, _ = _runs(iter([tuple(column[rows] for column in whole)]), dtypes, len(index))
    sizes = np.diff(starts, append=len(index)).astype(np.int32)
    pids = columns[0]
    if len(pids) and pids.min() < 0:
        somebody = pids >= 0
        starts, sizes, columns = starts[somebody], sizes[somebody], tuple(column[somebody] for column in columns)
        pids = columns[0]
    firsts = np.flatnonzero(pids[1:] != pids[:-1]) + 1 if len(pids) else np.empty(0, np.int64)
    offsets = np.concatenate([np.zeros(min(1, len(pids)), np.int32), firsts, [len(pids)]]).astype(np.int32)
    told = dict(zip(further, columns[2:], strict=True))
    return Pools(pids[offsets[:-1]], offsets, starts, sizes, columns[1], told, rows)


def _runs(blocks: Iterator[Columns], dtypes: Sequence[Any], size: int) -> tuple[NDArray[Any], Columns, bool]:
    """Where runs begin, what their samples are, and whether no pid comes back after another."""
    # As long as they can get: memory that is never touched is never given, and the rest goes back at the end.
    starts = np.empty(size, np.int32 if size < 1 << 31 else np.int64)
    values = tuple(np.empty(size, dtype) for dtype in dtypes)
    runs, position, highest, sorted_by_pid = 0, 0, -1, True
    last: tuple[Any, ...] = ()
    for columns in _in_passes(blocks):
        begins = np.empty(len(columns[0]), bool)
        begins[0] = tuple(column[0] for column in columns) != last
        np.not_equal(columns[0][1:], columns[0][:-1], out=begins[1:])
        for column in columns[1:]:
            begins[1:] |= column[1:] != column[:-1]
        found = np.flatnonzero(begins)
        new = slice(runs, runs + len(found))
        np.add(found, position, out=starts[new], casting="same_kind")
        for value, column in zip(values, columns, strict=True):
            np.take(column, found, out=value[new])
        pids = values[0][new]
        if not np.all(pids[1:] >= pids[:-1]) or (len(pids) and pids[0] < highest):
            named = pids[pids >= 0]
            sorted_by_pid &= bool(np.all(np.diff(named, prepend=highest) >= 0))
        if len(pids):
            highest = max(highest, int(pids.max()))
        runs, position, last = new.stop, position + len(begins), tuple(column[-1] for column in columns)
    for array in (starts, *values):
        array.resize(runs, refcheck=False)
    return starts, values, sorted_by_pid


def _in_passes(blocks: Iterator[Columns]) -> Iterator[Columns]:
    for columns in blocks:
        for start in range(0, len(columns[0]), _PASS):
            # Copied: a mapped column begins at any byte, and NumPy is slow on what is not aligned.
            yield tuple(np.array(column[start : start + _PASS]) for column in columns)
