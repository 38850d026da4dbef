"""Two states of a tree -> what happened in between, file by file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.listed import ListedFiles
from indexer.scan.listing import Listing

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Changes:
    """What happened to the files of a tree since an index was made."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    """Another size or time."""
    moved: tuple[tuple[str, str], ...] = ()
    """Old and new path: the only file of its size and time, before and now."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.rewritten or self.moved)

    def counts(self) -> dict[str, int]:
        """How many files, by what happened to them; only what did happen."""
        found = {name: len(getattr(self, name)) for name in ("added", "removed", "rewritten", "moved")}
        return {name: number for name, number in found.items() if number}


def changes(then: ListedFiles, now: Listing) -> Changes:
    """What happened between an index and a listing."""
    before = _positions(now.arrow, then.path)
    stayed, added = np.flatnonzero(before >= 0), np.flatnonzero(before < 0)
    old = before[stayed]
    same = (then.size[old] == now.sizes[stayed]) & (then.mtime_ns[old] == now.mtimes_ns[stayed])
    gone = np.ones(len(then), bool)
    gone[old] = False
    removed = np.flatnonzero(gone)
    sources, targets = _moves(then, now, removed, added)
    removed, added = np.setdiff1d(removed, sources), np.setdiff1d(added, targets)
    return Changes(
        _words(now.arrow, added),
        _words(then.path, removed),
        _words(now.arrow, stayed[~same]),
        tuple(zip(_words(then.path, sources), _words(now.arrow, targets), strict=True)),
    )


def unchanged(then: ListedFiles, now: Listing) -> tuple[Positions, Positions]:
    """The files that have the same path, size and time: where they are then, and now."""
    before = _positions(now.arrow, then.path)
    stayed = np.flatnonzero(before >= 0)
    old = before[stayed]
    same = (then.size[old] == now.sizes[stayed]) & (then.mtime_ns[old] == now.mtimes_ns[stayed])
    return old[same], stayed[same]


def _moves(then: ListedFiles, now: Listing, removed: Positions, added: Positions) -> tuple[Positions, Positions]:
    """Which removed file is which added one."""
    old = _only_ones(then.size[removed], then.mtime_ns[removed])
    new = _only_ones(now.sizes[added], now.mtimes_ns[added])
    pairs = sorted((old[key], new[key]) for key in old.keys() & new.keys())
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return removed[found[:, 0]], added[found[:, 1]]


def _only_ones(sizes: NDArray[np.int64], times: NDArray[np.int64]) -> dict[tuple[int, int], int]:
    """(size, time) → place, of those that one file has alone. Empty files are all alike."""
    places: dict[tuple[int, int], int] = {}
    for place, key in enumerate(zip(sizes.tolist(), times.tolist(), strict=True)):
        places[key] = -1 if key in places else place
    return {key: place for key, place in places.items() if place >= 0 and key[0] > 0}


def _positions(paths: pa.Array, among: pa.Array) -> Positions:
    return np.asarray(pc.fill_null(pc.index_in(paths, value_set=among), -1).to_numpy(zero_copy_only=False), np.int64)


def _words(paths: pa.Array, rows: Positions) -> tuple[str, ...]:
    return tuple(paths.take(pa.array(rows)).to_pylist())
