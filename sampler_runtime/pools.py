"""A view of an index -> the rows of each identity, by kind, as offsets into it.

The file is sorted by identity and, within it, by modalities, so an identity's samples of one kind are a run of rows.
One pass finds where runs begin; nothing is stored per sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler_runtime.mapped import MappedIndex

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pools:
    """The runs of a view, identity by identity."""

    pids: NDArray[np.int32]
    """Shape `(identities,)`, ascending."""
    offsets: Rows
    """Shape `(identities + 1,)`: identity i has the runs `offsets[i]` to `offsets[i + 1]` (excluded)."""
    starts: Rows
    """Shape `(runs,)`: first position of each run."""
    sizes: Rows
    """Shape `(runs,)`: samples in each run."""
    kinds: NDArray[np.uint32]
    """Shape `(runs,)`: the modality bits that all samples of a run have."""
    rows: Rows | None = None
    """Position → row of the view, where the view is not sorted by identity; None: a position is a row."""

    @property
    def num_identities(self) -> int:
        """Identities that have samples in the view."""
        return len(self.pids)

    def modalities(self) -> NDArray[np.uint32]:
        """All modality bits of each identity, shape `(identities,)`."""
        if not len(self.pids):
            return np.empty(0, np.uint32)
        return np.bitwise_or.reduceat(self.kinds, self.offsets[:-1])

    def samples(self) -> Rows:
        """Samples of each identity, shape `(identities,)`."""
        if not len(self.pids):
            return np.empty(0, np.int64)
        return np.add.reduceat(self.sizes, self.offsets[:-1])


def find_pools(index: MappedIndex) -> Pools:
    """The pools of a view: one pass over its pids and modalities."""
    pids, kinds, starts = _boundaries(index)
    rows: Rows | None = None
    # A run may begin a second time where an identity is in several default splits (MSMT17's val has train's people).
    if np.any(np.diff(pids[pids >= 0]) < 0):
        rows = np.lexsort((index.column("modalities"), index.column("pid")))
        pids, kinds, starts = _runs(index.column("pid")[rows], index.column("modalities")[rows])
    sizes = np.diff(np.r_[starts, len(index)])
    somebody = pids >= 0
    pids, kinds, starts, sizes = pids[somebody], kinds[somebody], starts[somebody], sizes[somebody]
    firsts = np.flatnonzero(np.r_[True, pids[1:] != pids[:-1]]) if len(pids) else np.empty(0, np.int64)
    return Pools(pids[firsts], np.r_[firsts, len(pids)], starts, sizes, kinds, rows)


def _boundaries(index: MappedIndex) -> tuple[NDArray[np.int32], NDArray[np.uint32], Rows]:
    """Where pid or modalities change, piece by piece of the mapped columns."""
    parts = []
    position, last = 0, (None, None)
    for pid, masks in index.column_blocks("pid", "modalities"):
        if not len(pid):
            continue
        pids, kinds, starts = _runs(pid, masks)
        if (pids[0], kinds[0]) == last:  # the run goes on over the edge of a piece
            pids, kinds, starts = pids[1:], kinds[1:], starts[1:]
        parts.append((pids, kinds, starts + position))
        position, last = position + len(pid), (pid[-1], masks[-1])
    if not parts:
        return np.empty(0, np.int32), np.empty(0, np.uint32), np.empty(0, np.int64)
    a, b, c = zip(*parts, strict=True)
    return np.concatenate(a), np.concatenate(b), np.concatenate(c)


def _runs(pid: NDArray[np.int32], masks: NDArray[np.uint32]) -> tuple[NDArray[np.int32], NDArray[np.uint32], Rows]:
    begins = np.empty(len(pid), bool)
    begins[:1] = True
    np.not_equal(pid[1:], pid[:-1], out=begins[1:])
    begins[1:] |= masks[1:] != masks[:-1]
    starts = np.flatnonzero(begins)
    return pid[starts], masks[starts], starts
