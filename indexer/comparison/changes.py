"""Two indexes → everything that differs between them. Pure: opens nothing but the two files it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.comparison.head import HeadChanges, classes, head_changes
from indexer.comparison.identities import IdentityChanges, People, identity_changes
from indexer.comparison.matching import Matching, Rows, match
from indexer.distinct import distinct
from indexer.index_file import IndexFile
from indexer.schema import mask_names

_WORDS: Final = ("identity", "role", "camera", "source")
_NUMBERS: Final = ("tracklet", "frame", "clothes")
FIELDS: Final = ("identity", "camera", "modality", "split", "role", "source", "view", *_NUMBERS, "captions", "aligned", "queries")  # fmt: skip
"""What is told of a sample, and can change."""
_ALIKE: Final = 0.1
"""Two indexes with less than this share of samples in common are of two datasets."""


@dataclass(frozen=True)
class WordChanges:
    """Modalities, splits or views: the words that bits and small numbers stand for."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renumbered: tuple[str, ...]

    @classmethod
    def between(cls, old: Sequence[str], new: Sequence[str]) -> WordChanges:
        """From one list of words to another."""
        return cls(
            tuple(w for w in new if w not in old),
            tuple(w for w in old if w not in new),
            tuple(w for w in old if w in new and old.index(w) != new.index(w)),
        )

    @property
    def any(self) -> bool:
        """Whether any word has changed."""
        return bool(self.added or self.removed or self.renumbered)


@dataclass(frozen=True)
class Comparison:
    """What differs between an old index and a new one."""

    old: IndexFile
    new: IndexFile
    people: tuple[People, People]
    matching: Matching
    relabelled: dict[str, Rows]
    """Field → positions in the pairs of `matching` whose samples are told otherwise; only fields that have some."""
    rewritten: Rows
    """Positions in the pairs, of the same path, whose file has another size or time."""
    resized: Rows
    """Those of `rewritten` with another size; the others may have been copied or touched only."""
    identities: IdentityChanges
    modalities: WordChanges
    splits: WordChanges
    views: WordChanges
    query_sets: WordChanges
    settings: tuple[str, ...]
    """Of `pairing` and `protocol`, those that differ."""
    head: HeadChanges

    @property
    def same_batches(self) -> bool:
        """Whether the content is the same, and so are the batches of any sampler."""
        return self.old.metadata.digest == self.new.metadata.digest

    @property
    def nothing(self) -> bool:
        """Whether nothing at all differs."""
        words = (self.modalities, self.splits, self.views, self.query_sets)
        return (
            self.same_batches
            and not (len(self.matching.added) or len(self.matching.removed) or self.matching.moved.any())
            and not (self.relabelled or len(self.rewritten) or self.settings or self.identities.any)
            and not (len(self.identities.renumbered) or any(w.any for w in words) or not self.head.fits)
        )

    @property
    def other_dataset(self) -> bool:
        """Whether the two hardly share a sample."""
        fewest = min(self.old.num_rows, self.new.num_rows)
        return fewest > 0 and len(self.matching.old) < max(1, _ALIKE * fewest)

    @property
    def relabelled_samples(self) -> Rows:
        """Positions in the pairs of all that are told otherwise in any way."""
        found = [*self.relabelled.values()]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)


def compare(old: IndexFile, new: IndexFile) -> Comparison:
    """What differs.

    Raises:
        IndexDamagedError: One of them does not hold what was written.
    """
    matching = match(old, new)
    people = People.of(old), People.of(new)
    pids = old.integers("pid").take(matching.old), new.integers("pid").take(matching.new)
    identities = identity_changes(*people, *(pid.astype(np.int64) for pid in pids))
    rewritten, resized = _rewritten(old, new, matching)
    a, b = old.metadata, new.metadata
    return Comparison(
        old,
        new,
        people,
        matching,
        _relabelled(old, new, matching),
        rewritten,
        resized,
        identities,
        WordChanges.between(a.modalities, b.modalities),
        WordChanges.between(a.splits, b.splits),
        WordChanges.between(a.views[1:], b.views[1:]),
        WordChanges.between([q.name for q in a.query_sets], [q.name for q in b.query_sets]),
        tuple(name for name in ("pairing", "protocol") if getattr(a, name) != getattr(b, name)),
        head_changes(classes(old), classes(new), identities.links),
    )


def told(index: IndexFile, field: str, rows: Rows) -> list[Any]:
    """What an index tells of some samples in one of `FIELDS`, readable."""
    if field in ("modality", "split"):
        words = "modalities" if field == "modality" else "splits"
        names = getattr(index.metadata, words)
        return ["+".join(mask_names(mask, names)) or None for mask in index.integers(words).take(rows).tolist()]
    if field == "view":
        return [index.metadata.views[view] or None for view in index.integers("view").take(rows).tolist()]
    if field in _NUMBERS:
        return [number if number >= 0 else None for number in index.integers(field).take(rows).tolist()]
    values: list[Any] = index.take([field], rows)[field].to_pylist()
    return values


def _rewritten(old: IndexFile, new: IndexFile, matching: Matching) -> tuple[Rows, Rows]:
    """What -1 stands for is unknown, and no change."""
    sizes = old.integers("size").take(matching.old), new.integers("size").take(matching.new)
    times = old.integers("mtime_ns").take(matching.old), new.integers("mtime_ns").take(matching.new)
    resized = (sizes[0] != sizes[1]) & (sizes[0] >= 0) & (sizes[1] >= 0) & ~matching.moved
    touched = (times[0] != times[1]) & (times[0] >= 0) & (times[1] >= 0) & ~matching.moved
    return np.flatnonzero(resized | touched), np.flatnonzero(resized)


def _relabelled(old: IndexFile, new: IndexFile, matching: Matching) -> dict[str, Rows]:
    differs: dict[str, NDArray[np.bool_]] = {}
    for name in _WORDS:
        differs[name] = _texts_differ(*(t.cast(pa.large_string()) for t in _pairs(old, new, matching, name)))
    for name in _NUMBERS:
        differs[name] = old.integers(name).take(matching.old) != new.integers(name).take(matching.new)
    for name, words in (("modality", "modalities"), ("split", "splits")):
        sides = ((old, matching.old, getattr(old.metadata, words)), (new, matching.new, getattr(new.metadata, words)))
        texts = [_masks_as_text(i.integers(words).take(rows), names) for i, rows, names in sides]
        differs[name] = _texts_differ(*texts)
    views = [np.array([*i.metadata.views], object)[i.integers("view").take(rows)] for i, rows in _sides(old, new, matching)]  # fmt: skip
    differs["view"] = np.asarray(views[0] != views[1], bool)
    for name in ("captions", "aligned"):
        differs[name] = _lists_differ(*_pairs(old, new, matching, name))
    if old.has("queries") and new.has("queries") and old.metadata.query_sets == new.metadata.query_sets:
        # with other sets of queries all the numbers are others, and mean the same
        differs["queries"] = _lists_differ(*_pairs(old, new, matching, "queries"))
    return {name: np.flatnonzero(differs[name]) for name in FIELDS if name in differs and differs[name].any()}


def _sides(old: IndexFile, new: IndexFile, matching: Matching) -> tuple[tuple[IndexFile, Rows], ...]:
    return (old, matching.old), (new, matching.new)


def _pairs(old: IndexFile, new: IndexFile, matching: Matching, name: str) -> list[Any]:
    columns = []
    for index, rows in _sides(old, new, matching):
        taken = index.table([name])[name].take(pa.array(rows))
        columns.append(taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken)
    return columns


def _masks_as_text(masks: NDArray[Any], names: Sequence[str]) -> pa.Array:
    found, codes = distinct(masks)
    # sorted: two indexes may number the same words differently
    words = ["+".join(sorted(mask_names(int(mask), names))) for mask in found]
    return pa.array(words, pa.large_string()).take(pa.array(codes))


def _texts_differ(a: pa.Array, b: pa.Array) -> NDArray[np.bool_]:
    """Where two columns of words differ; null is a word of its own."""
    unequal = pc.fill_null(pc.not_equal(a, b), False).to_numpy(zero_copy_only=False)
    nulls = [x.is_null().to_numpy(zero_copy_only=False) for x in (a, b)]
    return np.asarray(unequal | (nulls[0] != nulls[1]))


def _lists_differ(a: pa.Array, b: pa.Array) -> NDArray[np.bool_]:
    """Where two columns of lists differ, in their lengths or in anything they hold."""
    if not len(a):
        return np.zeros(0, bool)
    lengths = [pc.fill_null(pc.list_value_length(x), -1).to_numpy(zero_copy_only=False) for x in (a, b)]
    differs = np.asarray(lengths[0] != lengths[1])
    rows = np.flatnonzero(~differs & (lengths[0] > 0))
    owner = np.repeat(rows, lengths[0][rows])
    items = [x.take(pa.array(rows)).flatten() for x in (a, b)]
    if pa.types.is_struct(items[0].type):
        leaves = [(pc.struct_field(items[0], [i]), pc.struct_field(items[1], [i])) for i in range(items[0].type.num_fields)]  # fmt: skip
    else:
        leaves = [(items[0], items[1])]
    for x, y in leaves:
        differs[owner[_texts_differ(x, y)]] = True
    return differs
