"""The samples of a dataset as a layout or a manifest tells them: columns of text, before anything is numbered.

What stands between reading a dataset's own conventions (`layouts/`) and the canonical table (`table.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import LayoutError
from indexer.schema import BY_NAME, MAX_SPLITS, QuerySet

FIELDS = ("identity", "scope", "camera", "modality", "view", "tracklet", "frame", "clothes", "source", "role")
"""The columns of text, each null where the dataset does not tell."""


class SplitMarks:
    """Which splits each sample is in, as bits; names get their bit when they are first met."""

    def __init__(self, size: int) -> None:
        """No sample in any split."""
        self.names: list[str] = []
        self.masks: NDArray[np.uint64] = np.zeros(size, np.uint64)

    def mark(self, rows: NDArray[np.int64], names: Iterable[str]) -> None:
        """Put the samples at `rows` into splits."""
        for name in names:
            if name not in self.names:
                if not name or "+" in name:
                    raise LayoutError(f"split {name!r}: a split has a name, and no '+' in it ('train+val' means both)")
                if not all(name.split("/")):
                    raise LayoutError(
                        f"split {name!r}: a protocol's split has a name on both sides of '/', as trial1/train"
                    )
                if len(self.names) == MAX_SPLITS:
                    raise LayoutError(f"more than {MAX_SPLITS} splits: an index holds at most that many; drop some")
                self.names.append(name)
            self.masks[rows] |= np.uint64(1 << self.names.index(name))

    def clear(self, rows: NDArray[np.int64]) -> None:
        """Take the samples at `rows` out of every split."""
        self.masks[rows] = 0

    def leave(self, rows: NDArray[np.int64], beside: Iterable[str]) -> None:
        """Take the samples at `rows` out of the splits of the protocols that some splits belong to."""
        protocols = {name.rpartition("/")[0] for name in beside}
        bits = sum(1 << i for i, name in enumerate(self.names) if name.rpartition("/")[0] in protocols)
        self.masks[rows] &= ~np.uint64(bits)

    def empty(self, name: str) -> None:
        """Take every sample out of a split, if there is such a split."""
        if name in self.names:
            self.masks &= ~np.uint64(1 << self.names.index(name))

    def rows_in(self, name: str) -> NDArray[np.bool_]:
        """Which samples are in a split."""
        bit = np.uint64(1 << self.names.index(name))
        return np.asarray((self.masks & bit) != 0)

    def take(self, rows: NDArray[np.int64]) -> SplitMarks:
        """The marks of the samples at `rows`."""
        taken = SplitMarks(0)
        taken.names, taken.masks = list(self.names), self.masks[rows]
        return taken


@dataclass
class Samples:
    """Samples in path order, one a file until `align` joins those that were shot together."""

    path: pa.Array
    fields: dict[str, pa.Array]
    splits: SplitMarks
    size: NDArray[np.int64]
    mtime_ns: NDArray[np.int64]
    group: pa.Array | None = None
    """Samples with the same text here are one aligned set."""
    aligned: pa.Array | None = None
    captions: list[list[str] | None] = field(default_factory=list)
    """Empty where no sample has any."""
    box: NDArray[np.int32] | None = None
    """x, y, width, height in pixels, shape (samples, 4); a width of 0: the whole picture. None: no sample has one."""
    queries: list[list[int]] = field(default_factory=list)
    """Numbers of the queries a sample is an item of. Empty where there are none."""
    query_sets: tuple[QuerySet, ...] = ()
    composite: list[tuple[str, ...]] = field(default_factory=list)
    """Modalities that a picture shows side by side, left to right. Empty where none does."""
    probed: dict[str, pa.Array] = field(default_factory=dict)
    """What was found in the files: `width`, `height`, `mode`, `content_hash`. Empty where none was opened."""

    def __len__(self) -> int:
        return len(self.path)

    def take(self, rows: NDArray[np.int64]) -> Samples:
        """The samples at `rows`, in that order."""
        at = pa.array(rows)
        return Samples(
            self.path.take(at),
            {name: values.take(at) for name, values in self.fields.items()},
            self.splits.take(rows),
            self.size[rows],
            self.mtime_ns[rows],
            self.group.take(at) if self.group is not None else None,
            self.aligned.take(at) if self.aligned is not None else None,
            [self.captions[row] for row in rows] if self.captions else [],
            self.box[rows] if self.box is not None else None,
            [self.queries[row] for row in rows] if self.queries else [],
            self.query_sets,
            [self.composite[row] for row in rows] if self.composite else [],
            {name: values.take(at) for name, values in self.probed.items()},
        )

    def add_captions(self, rows: Sequence[int], captions: Iterable[Sequence[str]]) -> None:
        """Append sentences to the samples at `rows`."""
        self.captions = self.captions or [None] * len(self)
        for row, sentences in zip(rows, captions, strict=True):
            self.captions[row] = [*(self.captions[row] or ()), *sentences]

    def identity_keys(self) -> pa.Array:
        """A text that two samples share exactly if they show the same person: label and scope; null: nobody known."""
        scope = pc.fill_null(self.fields["scope"], "")
        return pc.binary_join_element_wise(self.fields["identity"], scope, "\x1f")


def no_text(size: int) -> pa.Array:
    """A column that tells nothing."""
    return pa.nulls(size, pa.string())


def join_aligned(samples: Samples, order: Sequence[str]) -> tuple[Samples, int]:
    """Make one sample of each aligned set.

    Args:
        samples: With `group` set where a sample belongs to a set.
        order: Modalities in bit order: the first that a set has gives the sample its path.

    Returns:
        The samples, path order kept, and how many sets lack a modality that others have. `aligned` holds the other
        files of each set.

    Raises:
        LayoutError: A set has one modality twice, or shows two people.
    """
    if samples.group is None:
        return (_with_parts(samples) if samples.composite else samples), 0
    single = pc.binary_join_element_wise("\x1e", samples.path, "")  # a sample in no set is a set of its own
    codes = pc.fill_null(samples.group, single).dictionary_encode().indices.to_numpy()
    words = samples.fields["modality"].dictionary_encode()
    rank = np.array([order.index(word) for word in words.dictionary.to_pylist()])[words.indices.to_numpy()]
    by_set = np.lexsort((rank, codes))
    codes, rank = codes[by_set], rank[by_set]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    twice = np.flatnonzero((codes[1:] == codes[:-1]) & (rank[1:] == rank[:-1]))
    if len(twice):
        a, b = (samples.path[int(by_set[twice[0] + i])].as_py() for i in (0, 1))
        raise LayoutError(
            f"{a} and {b}: one aligned set has two files of the same modality; correct the manifest's `group` or the layout's `aligned`"
        )
    sizes = np.diff(np.r_[starts, len(codes)])
    _check_one_person(samples, by_set, np.repeat(by_set[starts], sizes))
    others = np.delete(by_set, starts)
    in_set = pc.is_valid(samples.group).to_numpy(zero_copy_only=False)[by_set[starts]]
    lacking = int(np.count_nonzero(sizes[in_set] < sizes.max(initial=0)))
    partners = pa.ListArray.from_arrays(
        pa.array(np.r_[0, np.cumsum(sizes - 1)].astype(np.int32)),
        pa.StructArray.from_arrays(
            [samples.fields["modality"].take(pa.array(others)), samples.path.take(pa.array(others))],
            fields=list(BY_NAME["aligned"].type.value_type),
        ),
    )
    # a row without partners is null, not an empty list
    partners = pc.if_else(pa.array(sizes > 1), partners, pa.nulls(len(sizes), partners.type))
    first = by_set[starts]
    joined = samples.take(first)
    joined.aligned = partners
    joined.splits.masks = np.bitwise_or.reduceat(samples.splits.masks[by_set], starts)
    joined.group = None
    if samples.captions:
        members = np.split(by_set, starts[1:])
        joined.captions = [[s for row in rows for s in samples.captions[row] or ()] or None for rows in members]
    return joined.take(np.argsort(first)), lacking


def _with_parts(samples: Samples) -> Samples:
    """The further modalities of a composite picture, as partners that lie in the same file."""
    kind = BY_NAME["aligned"].type
    partners = [
        [{"modality": name, "path": path} for name in shown[1:]] or None
        for shown, path in zip(samples.composite, samples.path.to_pylist(), strict=True)
    ]
    samples.aligned, samples.composite = pa.array(partners, kind), []
    return samples


def _check_one_person(samples: Samples, rows: NDArray[np.int64], firsts: NDArray[np.int64]) -> None:
    keys = pc.fill_null(samples.identity_keys(), "")
    differs = pc.not_equal(keys.take(pa.array(rows)), keys.take(pa.array(firsts))).to_numpy(zero_copy_only=False)
    for at in np.flatnonzero(differs)[:1]:
        a, b = samples.path[int(firsts[at])].as_py(), samples.path[int(rows[at])].as_py()
        raise LayoutError(
            f"{a} and {b}: one aligned set, but two identities; correct the manifest's `group` or the layout's `aligned`"
        )
