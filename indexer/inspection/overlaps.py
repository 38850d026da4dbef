"""Splits that share identities or samples: which do by design, and which leak what is trained on into a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.distinct import distinct
from indexer.inspection.runs import Runs

_HELD_OUT: Final = ("val", "query", "gallery", "test")


@dataclass(frozen=True)
class Overlap:
    """What two splits share; of a split with itself, what it holds."""

    first: str
    second: str
    identities: int
    samples: int

    @property
    def leaks(self) -> bool:
        """Whether people of a training split are among those it is tested on."""
        protocol, _, one = self.first.rpartition("/")
        other_protocol, _, other = self.second.rpartition("/")
        return self.identities > 0 and protocol == other_protocol and one == "train" and other in _HELD_OUT


def overlaps(runs: Runs, splits: Sequence[str]) -> tuple[Overlap, ...]:
    """What each two of some splits share, and each with itself, in their order."""
    known = runs.pid >= 0
    marks = np.zeros(runs.index.metadata.identities, np.uint64)
    np.bitwise_or.at(marks, runs.pid[known], runs.splits[known])
    of_identities = _by_marks(marks, np.ones(len(marks), np.int64))
    of_samples = _by_marks(runs.splits, runs.sizes)
    names = runs.index.metadata.splits

    def shared(of: dict[int, int], one: str, other: str) -> int:
        both = 1 << names.index(one) | 1 << names.index(other)
        return sum(number for marks, number in of.items() if marks & both == both)

    return tuple(
        Overlap(one, other, shared(of_identities, one, other), shared(of_samples, one, other))
        for one, other in combinations_with_replacement(splits, 2)
    )


def unmatched_queries(runs: Runs, query: str, gallery: str) -> int:
    """Identities of the query split of which the gallery has no sample."""
    asked, there = (
        np.unique(pid[pid >= 0]) for pid in (runs.pid[runs.among([query])], runs.pid[runs.among([gallery])])
    )
    return len(np.setdiff1d(asked, there, assume_unique=True))


def _by_marks(marks: NDArray[np.uint64], weights: NDArray[np.int64]) -> dict[int, int]:
    """Which splits → how many (identities, samples) are in just these."""
    if not len(marks):
        return {}
    found, which = distinct(marks)
    numbers = np.bincount(which, weights=weights, minlength=len(found)).astype(np.int64)
    return dict(zip(found.tolist(), numbers.tolist(), strict=True))
