"""Who is who in two indexes: identities that came, went, were merged, split or renamed, and whose numbers changed.

An identity of the old index and one of the new are linked by the samples that they share. The rules are the same seen from
either side, so that a comparison the other way round tells the mirror image.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.index_file import IndexFile

Pids = NDArray[np.int64]


@dataclass(frozen=True)
class IdentityChanges:
    """What became of the identities. Everything by label, in the order of the pids."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    """Most of the old one's samples are most of the new one's, under another label."""
    merged: tuple[tuple[tuple[str, ...], str], ...]
    """Several, most of whose samples are one identity now."""
    split: tuple[tuple[str, tuple[str, ...]], ...]
    """One, whose samples are most of several identities now."""
    links: Pids
    """pid of the old index and pid of the new one, of everybody who is in both, shape (n, 2), ascending."""

    @property
    def renumbered(self) -> Pids:
        """The links of those whose number changed, shape (n, 2)."""
        return _unequal(self.links)

    @property
    def any(self) -> bool:
        """Whether people changed; their numbers aside."""
        return bool(self.added or self.removed or self.renamed or self.merged or self.split)


def _unequal(links: Pids) -> Pids:
    different: Pids = links[links[:, 0] != links[:, 1]]
    return different


@dataclass(frozen=True)
class People:
    """The identities of an index by pid."""

    names: list[str]
    """The label; of several with one label (in different scopes) from the second on with its number: `5 (2)`. Empty where
    the pid is nobody's, as kept pids may be."""
    samples: NDArray[np.int64]

    @property
    def pids(self) -> list[int]:
        """Those that are somebody's."""
        found: list[int] = np.flatnonzero(self.samples).tolist()
        return found

    @classmethod
    def of(cls, index: IndexFile) -> People:
        """Of an index."""
        pid = index.integers("pid").slice(0, index.num_rows)
        rows = np.flatnonzero(pid >= 0)
        pids, first = np.unique(pid[rows], return_index=True)
        labels = index.table(["identity"])["identity"].take(pa.array(rows[first])).cast(pa.string()).to_pylist()
        seen: Counter[str] = Counter()
        names = [""] * index.metadata.identities
        for number, label in zip(pids.tolist(), labels, strict=True):
            label = label if label is not None else "(none)"
            seen[label] += 1
            names[number] = label if seen[label] == 1 else f"{label} ({seen[label]})"
        return cls(names, np.bincount(pid[rows], minlength=index.metadata.identities).astype(np.int64))


def identity_changes(old: People, new: People, old_pid: Pids, new_pid: Pids) -> IdentityChanges:
    """What became of everybody.

    Args:
        old: The identities of the old index.
        new: Those of the new one.
        old_pid: Of each sample that both have, its pid in the old index; -1: nobody's.
        new_pid: Likewise in the new one.
    """
    a, b, shared = _overlaps(old_pid, new_pid, len(new.names))
    most_of_old, most_of_new = 2 * shared > old.samples[a], 2 * shared > new.samples[b]
    merged = _several(b[most_of_old], a[most_of_old])
    split = _several(a[most_of_new], b[most_of_new])
    in_merge = {x for parts in merged.values() for x in parts}
    in_split = {y for parts in split.values() for y in parts}
    told_old, told_new = in_merge | split.keys(), in_split | merged.keys()
    mutual = zip(a[most_of_old & most_of_new].tolist(), b[most_of_old & most_of_new].tolist(), strict=True)
    free = [(x, y) for x, y in mutual if x not in told_old and y not in told_new]
    renamed = [(x, y) for x, y in free if old.names[x] != new.names[y]]
    to, from_ = dict(renamed), {y: x for x, y in renamed}
    by_name = {new.names[y]: y for y in new.pids}
    links = list(renamed)
    for x in old.pids:
        y = by_name.get(old.names[x])
        if x not in to and y is not None and y not in from_:
            links.append((x, y))
    told_old, told_new = told_old | {x for x, _ in links}, told_new | {y for _, y in links}
    gone = [x for x in old.pids if x not in told_old]
    came = [y for y in new.pids if y not in told_new]
    return IdentityChanges(
        added=tuple(new.names[y] for y in came),
        removed=tuple(old.names[x] for x in gone),
        renamed=tuple((old.names[x], new.names[y]) for x, y in sorted(renamed)),
        merged=tuple((tuple(old.names[x] for x in parts), new.names[y]) for y, parts in sorted(merged.items())),
        split=tuple((old.names[x], tuple(new.names[y] for y in parts)) for x, parts in sorted(split.items())),
        links=np.array(sorted(links), np.int64).reshape(-1, 2),
    )


def _overlaps(old_pid: Pids, new_pid: Pids, size: int) -> tuple[Pids, Pids, Pids]:
    """Pids that share samples, and how many: three arrays of one length."""
    known = (old_pid >= 0) & (new_pid >= 0)
    pairs, shared = np.unique(old_pid[known].astype(np.int64) * max(size, 1) + new_pid[known], return_counts=True)
    return pairs // max(size, 1), pairs % max(size, 1), shared


def _several(whole: Pids, parts: Pids) -> dict[int, list[int]]:
    """Those who have two parts or more → the parts, ascending."""
    found: dict[int, list[int]] = {}
    for one, part in zip(whole.tolist(), parts.tolist(), strict=True):
        found.setdefault(one, []).append(part)
    return {one: sorted(these) for one, these in found.items() if len(these) > 1}
