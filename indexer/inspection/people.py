"""Identities that are hard to learn from or to test with: of a single sample, or seen by one camera only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from indexer.index_file import IndexFile
from indexer.inspection.runs import Runs, pieces
from indexer.inspection.statistics import of_identities

_NONE: Final = 1 << 30


@dataclass(frozen=True)
class Rare:
    """How many identities of some splits are of that kind."""

    single_sample: int
    one_camera: int | None
    """None: of no identity a camera is told."""


def rare_identities(index: IndexFile, runs: Runs, splits: Sequence[str]) -> Rare:
    """The identities with one sample, and those all of whose samples with a camera have the same; no splits: of all.

    A single sample has one camera, too: such an identity counts in both.
    """
    metadata = index.metadata
    bits = np.uint64(sum(1 << metadata.splits.index(name) for name in splits))
    lowest = np.full(metadata.identities, _NONE, np.int32)
    highest = np.full(metadata.identities, -1, np.int32)
    for _, (pid, camid, marks) in pieces(index, "pid", "camid", "splits"):
        told = (pid >= 0) & (camid >= 0)
        if splits:
            told &= (marks & bits) != 0
        pid, camid = pid[told], camid[told]
        if not len(pid):
            continue
        at = np.flatnonzero(np.concatenate([[True], pid[1:] != pid[:-1]]))
        # an identity may come back in another split: several runs of it in one piece
        np.minimum.at(lowest, pid[at], np.minimum.reduceat(camid, at))
        np.maximum.at(highest, pid[at], np.maximum.reduceat(camid, at))
    told_of = highest >= 0
    _, per_pid = of_identities(runs, runs.among(splits))
    one = int(np.count_nonzero(told_of & (lowest == highest))) if told_of.any() else None
    return Rare(int(np.count_nonzero(per_pid == 1)), one)
