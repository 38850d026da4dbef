"""A view of an index -> the rows of each identity, by kind, as offsets into it.

The file is sorted by identity and, within it, by modalities and camera, so an identity's samples of one kind are a run of
rows. One pass finds where runs begin; nothing is stored per sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
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
class Stretches:
    """Identities, and where their rows lie."""

    pids: NDArray[np.int32]
    """Shape `(identities,)`, ascending."""
    offsets: NDArray[np.int32]
    """Shape `(identities + 1,)`: identity i has the stretches `offsets[i]` to `offsets[i + 1]` (excluded)."""
    starts: NDArray[Any]
    """Shape `(stretches,)`: first position of each stretch; 4 bytes where they suffice."""
    sizes: NDArray[np.int32]
    """Shape `(stretches,)`: samples in each."""
    rows: Rows | None = field(default=None, kw_only=True)
    """Position → row of the view, where the view is not sorted by identity; None: a position is a row."""

    @property
    def num_identities(self) -> int:
        """How many identities these are."""
        return len(self.pids)

    @property
    def owners(self) -> NDArray[np.int32]:
        """Shape `(stretches,)`: whose each stretch is, as a position in `pids`."""
        return np.repeat(np.arange(self.num_identities, dtype=np.int32), np.diff(self.offsets))

    def samples(self) -> Rows:
        """Samples of each identity, shape `(identities,)`."""
        if not len(self.pids):
            return np.empty(0, np.int64)
        return np.add.reduceat(self.sizes, self.offsets[:-1], dtype=np.int64)

    def first_rows(self) -> Rows:
        """A row of each identity, shape `(identities,)`."""
        first = self.starts[self.offsets[:-1]].astype(np.int64)
        return first if self.rows is None else self.rows[first]


@dataclass(frozen=True)
class Pools(Stretches):
    """The runs of a view, identity by identity: stretches of rows of one kind."""

    kinds: NDArray[np.uint32]
    """Shape `(runs,)`: the modality bits that all samples of a run have."""
    told: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Further columns that tell runs apart, e.g. `camid`, each of shape `(runs,)`."""

    def without(self, pids: NDArray[np.int32]) -> Pools:
        """The pools of everybody else."""
        return self.only(~np.isin(self.pids, pids)) if len(pids) else self

    def only(self, stay: NDArray[np.bool_]) -> Pools:
        """The pools of some identities, shape `(identities,)`."""
        many = np.diff(self.offsets)
        runs = np.repeat(stay, many)
        offsets = np.concatenate([[0], np.cumsum(many[stay])]).astype(np.int32)
        told = {name: column[runs] for name, column in self.told.items()}
        own = self.starts[runs], self.sizes[runs], self.kinds[runs]
        return Pools(self.pids[stay], offsets, *own, told, rows=self.rows)


def find_pools(index: IndexView, *further: str) -> Pools:
    """The pools of a view: one pass over its pids and modalities.

    Args:
        index: The view.
        further: Columns besides `modalities` in which the samples of a run must agree.
    """
    names = ("pid", "modalities", *further)
    pools = _in_one_pass(index.column_blocks(*names), names, len(index))
    somebody = pools.pids >= 0
    named = pools.pids if somebody.all() else pools.pids[somebody]
    if not np.all(named[1:] > named[:-1]):
        # An identity in several default splits begins a second time (MSMT17's val has train's people).
        whole = [index.column(name) for name in names]
        rows = np.lexsort(whole[::-1])
        pools = _in_one_pass(iter([tuple(column[rows] for column in whole)]), names, len(index))
        pools, somebody = replace(pools, rows=rows), pools.pids >= 0
    return pools if somebody.all() else pools.only(somebody)


def _in_one_pass(blocks: Iterator[Columns], names: Sequence[str], size: int) -> Pools:
    """The runs of rows that agree in all columns, and whose they are: whoever comes back counts anew.

    Whatever is made by run is written once, straight where it stays: in a first pass memory costs more than arithmetic.
    """
    # As long as they can get: memory that is never touched is never given, and the rest goes back at the end.
    starts = np.empty(size, np.int32 if size < 1 << 31 else np.int64)
    values = [np.empty(size, BY_NAME[name].dtype) for name in names[1:]]
    pids, offsets = np.empty(size, np.int32), np.empty(size + 1, np.int32)
    runs, identities, position = 0, 0, 0
    for found in map(_look_through, _in_pieces(blocks)):
        new, who = slice(runs, runs + len(found.starts)), slice(identities, identities + len(found.first))
        np.add(found.starts, position, out=starts[new], casting="same_kind")
        for value, of_piece in zip(values, found.values, strict=True):
            value[new] = of_piece
        np.add(found.first, runs, out=offsets[who], casting="same_kind")
        pids[who] = found.pids
        runs, identities, position = new.stop, who.stop, position + found.size
    offsets[identities] = runs
    for array, length in ((pids, identities), (offsets, identities + 1), *((a, runs) for a in (starts, *values))):
        array.resize(length, refcheck=False)
    sizes = np.empty(runs, np.int32)
    np.subtract(starts[1:], starts[:-1], out=sizes[:-1], casting="same_kind")
    sizes[-1:] = size - starts[-1:]
    return Pools(pids, offsets, starts, sizes, values[0], dict(zip(names[2:], values[1:], strict=True)))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some rows."""

    columns: Columns
    before: tuple[Any, ...] | None
    """What the row before them has."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The runs of a piece."""

    size: int
    starts: Rows
    """Where runs begin in the piece."""
    values: Columns
    """What they agree in, besides the pid."""
    first: Rows
    """Where identities begin among the runs."""
    pids: NDArray[np.int32]


def _in_pieces(blocks: Iterator[Columns]) -> Iterator[_Piece]:
    before: tuple[Any, ...] | None = None
    for columns in blocks:
        for start in range(0, len(columns[0]), _PASS):
            piece = tuple(column[start : start + _PASS] for column in columns)
            yield _Piece(piece, before)
            before = tuple(column[-1] for column in piece)


def _look_through(piece: _Piece) -> _Found:
    # Copied: a mapped column begins at any byte, and NumPy is slow on what is not aligned.
    columns = [np.array(column) for column in piece.columns]
    changes = [np.empty(len(column), bool) for column in columns]
    for number, (change, column) in enumerate(zip(changes, columns, strict=True)):
        np.not_equal(column[1:], column[:-1], out=change[1:])
        change[0] = piece.before is None or column[0] != piece.before[number]
    starts = np.flatnonzero(reduce(np.logical_or, changes))
    first = np.flatnonzero(changes[0].take(starts))
    values = tuple(column.take(starts) for column in columns[1:])
    return _Found(len(columns[0]), starts, values, first, columns[0].take(starts.take(first)))
