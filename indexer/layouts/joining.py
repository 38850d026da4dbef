"""Entries of a list -> the samples they mean: pairs (entry, row), whatever the list calls a sample by."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import AnnotationError
from indexer.layouts.language.annotation import Annotation
from indexer.layouts.language.parts import fill_column, filled, slots
from indexer.samples import FIELDS, Samples
from indexer.vocabulary import natural_key

Rows = NDArray[np.int64]

MOST_PAIRS: Final = 20_000_000
"""Pairs of an entry and a sample: a list that calls all samples alike, and is as long as they are many, would make their product."""


def match_entries(
    annotation: Annotation,
    columns: dict[str, pa.Array],
    samples: Samples,
    values: dict[str, str],
    size: int,
    where: str,
) -> tuple[Rows, Rows, pa.Array]:
    """All pairs of an entry and a row that it means, and what each entry calls its samples.

    Args:
        annotation: Its `join` and `key` say what is compared.
        columns: Of the list, as text.
        samples: Their paths relative to the dataset's folder.
        values: What stands for the slots of `each`.
        size: Number of entries.
        where: How messages call the list.

    Raises:
        AnnotationError: The pairs are too many to be meant.
    """
    ours = None if annotation.join == "prefix" else _of_samples(annotation, samples)
    best: tuple[Rows, Rows, pa.Array] | None = None
    for key in annotation.spellings():
        listed = _of_entries(annotation, filled(key, values), columns, size)
        if ours is None:
            pairs = _beginning_with(listed, samples.path, where)
        elif annotation.join == "path" and samples.box is None:
            pairs = _one_to_one(listed, ours)
        else:
            pairs = _equal(listed, ours, where)
        if best is None or (len(pairs[0]) and not len(best[0])):
            best = (*pairs, listed)
        if len(pairs[0]):
            break
    assert best is not None  # there is one key at least
    return best


def _of_entries(annotation: Annotation, key: str, columns: dict[str, pa.Array], size: int) -> pa.Array:
    """What each entry calls its samples, in one spelling."""
    listed = fill_column(key, columns, size)
    names_files = annotation.join in ("path", "name", "stem", "prefix") or {"path", "name", "stem"} & {
        *slots(annotation.join)
    }
    if names_files:
        listed = _in_our_spelling(listed)
    return _without_zeros(listed) if annotation.numeric else listed


def _in_our_spelling(paths: pa.Array) -> pa.Array:
    """`.\\a\\b` is `a/b`. Most lists have neither: looking costs less than replacing."""
    if pc.any(pc.match_substring(paths, "\\")).as_py():
        paths = pc.replace_substring(paths, "\\", "/")
    if pc.any(pc.starts_with(paths, "./")).as_py():
        paths = pc.replace_substring_regex(paths, r"^(?:\./)+", "")
    return paths


def _of_samples(annotation: Annotation, samples: Samples) -> pa.Array:
    """What the samples are called in the terms of `join`."""
    if annotation.join == "rank":
        return _ranks(samples.fields["identity"])
    template = annotation.join if slots(annotation.join) else "{" + annotation.join + "}"
    known = dict(samples.fields)
    for name in slots(template):
        if name not in FIELDS:
            known[name] = sample_word(name, samples.path)
    ours = fill_column(template, known, len(samples))
    return _without_zeros(ours) if annotation.numeric else ours


def sample_word(name: str, paths: pa.Array) -> pa.Array:
    """`path`, `name` or `stem` of each path."""
    if name == "path":
        return paths
    names = pc.replace_substring_regex(paths, r"(?s)^.*/", "")
    return names if name == "name" else pc.replace_substring_regex(names, r"\.[^.]*$", "")


def _without_zeros(values: pa.Array) -> pa.Array:
    encoded = values.dictionary_encode()
    return pc.replace_substring_regex(encoded.dictionary, r"^0+(\d)", r"\1").take(encoded.indices)


def _ranks(identity: pa.Array) -> pa.Array:
    """The place of each label among all, in natural order, from 1."""
    encoded = identity.dictionary_encode()
    labels = encoded.dictionary.to_pylist()
    place = {label: str(n) for n, label in enumerate(sorted(labels, key=natural_key), 1)}
    return pa.array([place[label] for label in labels], pa.string()).take(encoded.indices)


def _one_to_one(listed: pa.Array, ours: pa.Array) -> tuple[Rows, Rows]:
    """Pairs with equal text, where ours are sorted and no two are equal."""
    bounds = pc.min_max(listed)
    # most lists name files of one folder: the others need not be looked at
    first = len(ours) - (pc.sum(pc.greater_equal(ours, bounds["min"])).as_py() or 0)
    last = pc.sum(pc.less_equal(ours, bounds["max"])).as_py() or 0
    found = pc.index_in(listed, value_set=ours.slice(first, max(last - first, 0)), skip_nulls=True)
    entries = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
    return entries, found.drop_null().to_numpy().astype(np.int64) + first


def _equal(listed: pa.Array, ours: pa.Array, where: str) -> tuple[Rows, Rows]:
    """Pairs with equal text: either side may hold it several times. What is null is not called anything."""
    words = pc.unique(listed.drop_null())
    row_word = pc.index_in(ours, value_set=words, skip_nulls=True)
    rows = np.flatnonzero(row_word.is_valid().to_numpy(zero_copy_only=False))
    word_of_row = row_word.drop_null().to_numpy()
    by_word = np.argsort(word_of_row, kind="stable")
    first, last = (np.searchsorted(word_of_row[by_word], np.arange(len(words)), side=s) for s in ("left", "right"))
    entry_word = pc.index_in(listed, value_set=words, skip_nulls=True)
    entries = np.flatnonzero(entry_word.is_valid().to_numpy(zero_copy_only=False))
    word_of_entry = entry_word.drop_null().to_numpy()
    many = (last - first)[word_of_entry]
    _check_pairs(int(many.sum()), listed, where)
    own = np.repeat(word_of_entry, many)
    within = np.arange(len(own)) - np.repeat(np.cumsum(many) - many, many)
    return np.repeat(entries, many), rows[by_word[first[own] + within]]


def _beginning_with(listed: pa.Array, paths: pa.Array, where: str) -> tuple[Rows, Rows]:
    """Pairs where the path begins with what is listed: paths are sorted, so each has a run of them."""
    ours = paths.to_pylist()
    entries, rows, total = [], [], 0
    for entry, prefix in enumerate(listed.to_pylist()):
        if prefix:
            first = bisect_left(ours, prefix)
            last = bisect_left(ours, prefix + "\U0010ffff", first)
            total += last - first
            _check_pairs(total, listed, where)
            entries.append(np.full(last - first, entry))
            rows.append(np.arange(first, last))
    nothing = np.empty(0, np.int64)
    return np.concatenate([nothing, *entries]), np.concatenate([nothing, *rows])


def _check_pairs(pairs: int, listed: pa.Array, where: str) -> None:
    if pairs > MOST_PAIRS:
        raise AnnotationError(
            f"{where}: its {len(listed):,} entries mean {pairs:,} pairs of an entry and a sample, at most {MOST_PAIRS:,} are told: "
            "does `join` compare what tells samples apart?"
        )
