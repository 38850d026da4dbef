"""Some identities to look at, chosen by nobody: spread over the combinations of modalities, and over each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.inspection.runs import Runs
from indexer.schema import mask_names


@dataclass(frozen=True)
class Chosen:
    """One identity."""

    pid: int
    rows: dict[str, int]
    """Modality → a row of the file that has it; those that the identity lacks are not there."""


def choose_identities(runs: Runs, splits: Sequence[str], number: int) -> list[Chosen]:
    """Identities of some splits, the same of the same index; no splits: of all.

    The combinations take turns, the most frequent first; of each, those taken lie evenly apart.

    Args:
        runs: Of the index.
        splits: Of which samples.
        number: How many, where there are so many.
    """
    chosen = runs.among(splits) & (runs.pid >= 0)
    covered = np.zeros(runs.index.metadata.identities, np.uint32)
    np.bitwise_or.at(covered, runs.pid[chosen], runs.modalities[chosen])
    masks, numbers = np.unique(covered[covered != 0], return_counts=True)
    taken = dict.fromkeys(masks.tolist(), 0)
    order = [mask for _, mask in sorted(zip((-numbers).tolist(), masks.tolist(), strict=True))]
    room = dict(zip(masks.tolist(), numbers.tolist(), strict=True))
    left = min(number, int(numbers.sum()))
    while left:
        for mask in order:
            if left and taken[mask] < room[mask]:
                taken[mask] += 1
                left -= 1
    found = []
    for mask in order:
        pids = np.flatnonzero(covered == mask)
        # the middle of as many equal parts as are taken
        found += pids[((np.arange(taken[mask]) + 0.5) * len(pids) / max(taken[mask], 1)).astype(np.int64)].tolist()
    return [Chosen(pid, _rows(runs, chosen, pid)) for pid in found]


def _rows(runs: Runs, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], pid: int) -> dict[str, int]:
    rows: dict[str, int] = {}
    names = runs.index.metadata.modalities
    for run in np.flatnonzero(chosen & (runs.pid == pid)).tolist():
        for name in mask_names(int(runs.modalities[run]), names):
            rows.setdefault(name, int(runs.starts[run]))
    return {name: rows[name] for name in names if name in rows}
