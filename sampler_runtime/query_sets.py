"""Queries of several items each, as a benchmark lists them: `index.query_set("TEXT+NIR")`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError, did_you_mean

if TYPE_CHECKING:
    from sampler_runtime.mapped import MappedIndex


@dataclass(frozen=True)
class QuerySet:
    """The queries of one set, those all of whose items are in the view."""

    name: str
    rows: tuple[NDArray[np.int64], ...]
    """Rows of each query's items, by modality in bit order."""
    pids: NDArray[np.int32]
    """Whom each query asks for; -1: hidden. Shape `(len(rows),)`."""

    def __len__(self) -> int:
        """Number of queries."""
        return len(self.rows)


def query_set(index: MappedIndex, name: str) -> QuerySet:
    """The queries of a set.

    Args:
        index: A view.
        name: As the benchmark calls it.

    Raises:
        SettingsError: The dataset has no such set.
    """
    sets = {one.name: one for one in index.metadata.query_sets}
    if name not in sets:
        raise SettingsError(f"query_set(name): no query set {name!r}; {did_you_mean(name, list(sets) or ['(none)'])}")
    first, last = sets[name].first, sets[name].last
    every = index.file.table(["queries"])["queries"].combine_chunks()
    numbers = every.flatten().to_numpy()
    owners = np.repeat(np.arange(len(every)), np.diff(every.offsets.to_numpy()))
    wanted = (numbers >= first) & (numbers < last)
    numbers, owners = numbers[wanted] - first, owners[wanted]
    size = np.bincount(numbers, minlength=last - first)
    # from rows of the file to rows of the view, -1 where it has none
    place = np.full(len(every), -1, np.int64)
    place[index.index_rows(np.arange(len(index)))] = np.arange(len(index))
    rows = place[owners]
    whole = np.bincount(numbers[rows >= 0], minlength=last - first) == size
    keep = (rows >= 0) & whole[numbers]
    numbers, rows = numbers[keep], rows[keep]
    kinds = index.column("modalities")[rows]
    order = np.lexsort((rows, kinds, numbers))
    numbers, rows = numbers[order], rows[order]
    starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]]) if len(numbers) else np.empty(0, np.int64)
    pids = np.asarray(index.column("pid")[rows[starts]], np.int32)
    return QuerySet(name, tuple(np.split(rows, starts[1:])) if len(starts) else (), pids)
