"""What a change of pids does to a classifier's head, whose row i is the weight of training identity i."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.index_file import IndexFile

Pids = NDArray[np.int64]
_MOST_RUNS = 3


@dataclass(frozen=True)
class HeadChanges:
    """The classes of training before and after."""

    before: int
    after: int
    links: Pids
    """Old and new number of everybody who is trained in both, shape (n, 2), ascending."""
    new: Pids
    """Numbers, in the new index, of classes that were none before."""
    gone: Pids
    """Numbers, in the old index, of classes that are none any more."""

    @property
    def kept(self) -> int:
        """Classes whose number is as before."""
        return len(self.links) - len(self.moved)

    @property
    def moved(self) -> Pids:
        """Old and new number of the classes whose number changed, shape (n, 2)."""
        different: Pids = self.links[self.links[:, 0] != self.links[:, 1]]
        return different

    @property
    def fits(self) -> bool:
        """Whether a head trained on the old index is right for the new one as it is."""
        return not (len(self.moved) or len(self.new) or len(self.gone))

    def advice(self) -> str:
        """What to do with a checkpoint's head, in a sentence."""
        if not self.before and not self.after:
            return "neither index has training identities: no head depends on them"
        if self.fits:
            return f"a checkpoint's head of {_classes(self.before)} fits as it is: every class keeps its number"
        news = [f"{len(self.new):,} new"] if len(self.new) else []
        news += [f"{len(self.gone):,} gone"] if len(self.gone) else []
        if not len(self.moved) and not len(self.gone) and np.array_equal(self.new, np.arange(self.before, self.after)):
            return (
                f"a checkpoint's head of {_classes(self.before)} needs {len(self.new):,} more {'row' if len(self.new) == 1 else 'rows'} at its end; "
                "the rows that are there stay as they are"
            )
        if not len(self.moved) and not len(self.new) and len(self.links) and self.links[-1, 0] > self.gone[-1]:
            return (
                f"a checkpoint's head of {_classes(self.before)} stays right: every class keeps its number, "
                f"{_rows_of(len(self.gone))} of those who are gone {'is' if len(self.gone) == 1 else 'are'} nobody's"
            )
        what = ", ".join([*news, *self._shifts()])
        if self.before == self.after:
            return (
                f"a checkpoint's head of {_classes(self.before)} still loads, and is wrong: {what}; "
                "carry its rows over with --head FILE.csv"
            )
        return f"a checkpoint's head of {_classes(self.before)} no longer fits: {what}; carry its rows over with --head FILE.csv"

    def _shifts(self) -> list[str]:
        """`rows 100-394 shift by 3`, where few runs tell it all; else how many have another number."""
        moved = self.moved
        if not len(moved):
            return []
        by = moved[:, 1] - moved[:, 0]
        cuts = np.flatnonzero((np.diff(by) != 0) | (np.diff(moved[:, 0]) != 1)) + 1
        runs = list(pairwise([0, *cuts.tolist(), len(moved)]))
        if len(runs) > _MOST_RUNS:
            return [f"{len(moved):,} have another number"]
        return [_rows(int(moved[i, 0]), int(moved[j - 1, 0])) + f" by {int(by[i])}" for i, j in runs]


def _classes(number: int) -> str:
    return f"{number:,} class{'' if number == 1 else 'es'}"


def _rows_of(number: int) -> str:
    return "the row" if number == 1 else f"the {number:,} rows"


def _rows(first: int, last: int) -> str:
    return f"row {first} shifts" if first == last else f"rows {first}-{last} shift"


def classes(index: IndexFile) -> Pids:
    """The pids that training has a class for: those of `train`; of the whole index where it has no such split."""
    pid = index.integers("pid").slice(0, index.num_rows)
    if "train" in index.metadata.splits:
        bit = np.uint64(1 << index.metadata.splits.index("train"))
        pid = pid[(index.integers("splits").slice(0, index.num_rows) & bit) != 0]
    is_class = np.zeros(index.metadata.identities, bool)
    is_class[pid[pid >= 0]] = True
    return np.flatnonzero(is_class)


def head_changes(old: Pids, new: Pids, links: Pids) -> HeadChanges:
    """What becomes of the classes.

    Args:
        old: The classes of the old index.
        new: Those of the new one.
        links: Old and new pid of everybody who is in both, shape (n, 2).
    """
    both = links[np.isin(links[:, 0], old) & np.isin(links[:, 1], new)]
    return HeadChanges(len(old), len(new), both, np.setdiff1d(new, both[:, 1]), np.setdiff1d(old, both[:, 0]))
