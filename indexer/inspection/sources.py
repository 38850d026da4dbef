"""Where the people of each split come from: the datasets that a composite or merged one was put together from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.inspection.runs import Runs
from indexer.inspection.statistics import Counts


@dataclass(frozen=True)
class Sources:
    """Identities and samples by source and split."""

    names: tuple[str, ...]
    """By name; empty: the index tells none."""
    counts: dict[str, dict[str, Counts]]
    """Split → source → how many. Samples of no source, such as sentences that lie in a list, are in none."""


def sources(runs: Runs, splits: Sequence[str]) -> Sources:
    """Which sources the identities and samples of some splits come from."""
    column = runs.index.table(["source"])["source"]
    if column.null_count == len(column):
        return Sources((), {})
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()  # another tool has written the file anew
    # a word of a dictionary may be one that no row has
    words = sorted({str(word) for chunk in column.chunks for word in chunk.dictionary.to_pylist() if word is not None})
    number = _numbers(column, words)
    names = [
        word for word, rows in zip(words, np.bincount(number + 1, minlength=len(words) + 1)[1:], strict=True) if rows
    ]
    number = np.append(np.array([names.index(word) if word in names else -1 for word in words], np.int16), -1)[number]
    owner = np.repeat(runs.pid, runs.sizes)
    marks = np.repeat(runs.splits, runs.sizes)
    counts: dict[str, dict[str, Counts]] = {}
    for split in splits:
        bit = np.uint64(1 << runs.index.metadata.splits.index(split))
        here = (marks & bit) != 0
        counts[split] = {}
        for place, name in enumerate(names):
            own = here & (number == place)
            pid = owner[own]
            if len(pid):
                # sorted by pid within a split, so that who comes next is somebody else
                counts[split][name] = Counts(len(np.unique(pid[pid >= 0])), len(pid))
    return Sources(tuple(names), counts)


def _numbers(column: pa.ChunkedArray, names: Sequence[str]) -> NDArray[np.int16]:
    """Position in `names` of each row's source, -1 where there is none; shape `(rows,)`."""
    found = []
    for chunk in column.chunks:
        place = pc.index_in(chunk.dictionary.cast(pa.string()), value_set=pa.array(names, pa.string()))
        of_code = np.append(np.asarray(pc.fill_null(place, -1).to_numpy(zero_copy_only=False), np.int16), -1)
        found.append(of_code[pc.fill_null(chunk.indices, len(of_code) - 1).to_numpy(zero_copy_only=False)])
    return np.concatenate(found).astype(np.int16)
