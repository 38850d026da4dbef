"""Some of the samples: what they leave empty goes, what was empty before stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.rework.samples_of import Opened
from indexer.samples import Samples
from indexer.schema import QuerySet
from indexer.vocabulary import TEXT

Rows = NDArray[np.int64]


def selected(opened: Opened, rows: Rows) -> tuple[Opened, tuple[str, ...]]:
    """The samples at `rows`, in that order.

    A modality, a split, a set of queries that had samples and has none any more goes; a query that lost one of its items is
    no query any more, as in a tree where a file of it is missing.

    Returns:
        The samples, and the modalities in bit order.
    """
    before = opened.samples
    after = before.take(rows)
    had, has = _modalities(before), _modalities(after)
    modalities = tuple(name for name in opened.metadata.modalities if name in has or name not in had)
    _drop_emptied_splits(before, after)
    if TEXT not in has and not any(after.captions):
        after.captions = []
    if after.aligned is not None and after.aligned.null_count == len(after):
        after.aligned = None
    if before.box is not None and after.box is not None and before.box[:, 2].any() and not after.box[:, 2].any():
        after.box = None
    if before.queries:
        _drop_broken_queries(before, after)
    return Opened(after, opened.pid[rows], opened.modalities[rows], opened.row[rows], opened.metadata), modalities


def _modalities(samples: Samples) -> set[str]:
    """Those that any sample shows, partners and captions included."""
    found = set(pc.unique(samples.fields["modality"]).to_pylist())
    if samples.aligned is not None:
        found |= set(pc.unique(pc.struct_field(samples.aligned.flatten(), "modality")).to_pylist())
    return found | ({TEXT} if any(samples.captions) else set())


def _drop_emptied_splits(before: Samples, after: Samples) -> None:
    bits = np.bitwise_or.reduce(before.splits.masks, initial=0), np.bitwise_or.reduce(after.splits.masks, initial=0)
    had, has = (int(mask) for mask in bits)
    keep = [i for i in range(len(before.splits.names)) if has >> i & 1 or not had >> i & 1]
    keep_bits(after, keep)


def keep_bits(samples: Samples, keep: Sequence[int]) -> None:
    """Forget all splits but those at some positions."""
    old, names = samples.splits.masks, samples.splits.names
    samples.splits.names = [names[i] for i in keep]
    samples.splits.masks = np.zeros(len(samples), np.uint64)
    for new, i in enumerate(keep):
        samples.splits.masks |= (old >> np.uint64(i) & np.uint64(1)) << np.uint64(new)


def _drop_broken_queries(before: Samples, after: Samples) -> None:
    total = max((one.last for one in before.query_sets), default=0)
    items, left = _items(before, total), _items(after, total)
    whole = items == left
    number = np.cumsum(whole) - 1
    sets, first = [], 0
    for one in before.query_sets:
        count = int(np.count_nonzero(whole[one.first : one.last]))
        if count or one.last == one.first:
            sets.append(QuerySet(one.name, first, first + count))
            first += count
    after.query_sets = tuple(sets)
    after.queries = [[int(number[q]) for q in own if whole[q]] for own in after.queries] if sets else []


def _items(samples: Samples, total: int) -> NDArray[np.int64]:
    """How many items each query has."""
    return np.bincount(np.array([q for own in samples.queries for q in own], np.int64), minlength=total)
