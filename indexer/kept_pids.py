"""Known identities keep their pids when an index is made anew: a classifier that was trained on them stays right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.index_file import IndexFile
from indexer.samples import Samples

Pids = NDArray[np.int32]


@dataclass(frozen=True)
class KnownPids:
    """The pids of an earlier index."""

    path: pa.Array
    pid: Pids
    label: pa.Array
    """Source and label of each row."""
    identities: int

    @classmethod
    def of(cls, index: IndexFile) -> KnownPids:
        """Those of an index."""
        table = index.table(["path", "identity", "source"])
        label = _labels(table["identity"].combine_chunks(), table["source"].combine_chunks())
        pid = index.integers("pid").slice(0, index.num_rows).astype(np.int32)
        return cls(table["path"].combine_chunks(), pid, label, index.metadata.identities)

    def keep(self, samples: Samples, pid: Pids, identities: int) -> tuple[Pids, int]:
        """Give known identities their earlier numbers, and new ones those after.

        An identity is known by its label. Where several people share one, they are known by the files that most show them.

        Args:
            samples: All of them.
            pid: Their new numbers, shape `(samples,)`; -1 for nobody.
            identities: How many there are.

        Returns:
            The kept numbers, same shape, and the number that all are below.
        """
        label = _labels(samples.fields["identity"], samples.fields["source"])
        kept = np.full(identities, -1, np.int64)
        new, old = _by_label(_label_of(label, pid, identities), _label_of(self.label, self.pid, self.identities))
        kept[new] = old
        for one, other in self._by_files(samples.path, pid, kept):
            kept[one] = other
        fresh = np.flatnonzero(kept < 0)
        kept[fresh] = self.identities + np.arange(len(fresh))
        numbers = np.where(pid >= 0, np.append(kept, -1)[pid], -1).astype(np.int32)
        return numbers, self.identities + len(fresh)

    def _by_files(self, path: pa.Array, pid: Pids, kept: NDArray[np.int64]) -> list[tuple[int, int]]:
        """(new, old) of those that share files, most files first, each person once."""
        place = pc.fill_null(pc.index_in(path, value_set=self.path), -1).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero((pid >= 0) & (place >= 0))
        new, old = pid[rows], self.pid[place[rows]]
        free = (kept[new] < 0) & (old >= 0) & ~np.isin(old, kept)
        pairs, shared = np.unique(np.stack([new[free], old[free]], 1), axis=0, return_counts=True)
        found: dict[int, int] = {}
        taken: set[int] = set()
        for one, other in pairs[np.lexsort((pairs[:, 1], pairs[:, 0], -shared))].tolist():
            if one not in found and other not in taken:
                found[one] = other
                taken.add(other)
        return list(found.items())


def _labels(identity: pa.Array, source: pa.Array) -> pa.Array:
    words = [pc.fill_null(values.cast(pa.string()), "") for values in (source, identity)]
    return pc.binary_join_element_wise(*words, "\x1f")


def _label_of(label: pa.Array, pid: Pids, identities: int) -> pa.Array:
    """The label of each pid; null for a pid that nobody has."""
    first = np.full(identities, -1, np.int64)
    known = np.flatnonzero(pid >= 0)
    first[pid[known[::-1]]] = known[::-1]
    return label.take(pa.array(first, mask=first < 0))


def _by_label(new: pa.Array, old: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pids of the labels that one person has, before and now."""
    alone = [_alone(new), _alone(old)]
    place = pc.fill_null(pc.index_in(new, value_set=old, skip_nulls=True), -1).to_numpy(zero_copy_only=False)
    both = np.flatnonzero((place >= 0) & alone[0] & alone[1][place])
    return both, np.asarray(place[both], np.int64)


def _alone(labels: pa.Array) -> NDArray[np.bool_]:
    """Which labels occur once."""
    counts = pc.value_counts(labels)
    seldom = counts.field("values").filter(pc.equal(counts.field("counts"), 1))
    found = pc.and_(pc.is_in(labels, value_set=seldom.drop_null()), pc.is_valid(labels))
    return np.asarray(found.to_numpy(zero_copy_only=False))
