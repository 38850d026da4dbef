"""Which row of one index is which row of another: by path and place in it, then by content for files that moved.

Works on whole columns; a million rows on each side take about a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.index_file import IndexFile
from indexer.schema import modality_mask
from indexer.vocabulary import TEXT

Rows = NDArray[np.int64]
_END = pa.scalar("\x1f", pa.large_string())
_END_BYTES = pa.scalar(b"\x1f", pa.large_binary())


@dataclass(frozen=True)
class Matching:
    """The same samples in two indexes. Rows of the old file and of the new one, as arrays of the same length."""

    old: Rows
    new: Rows
    """Pairs: row `old[i]` of the old file is row `new[i]` of the new one. Ordered by `new`."""
    moved: NDArray[np.bool_]
    """Pairs whose paths differ."""
    removed: Rows
    added: Rows
    counted: int
    """Samples of both files that share path and place with another of the same file: told apart by their order only."""


def match(old: IndexFile, new: IndexFile) -> Matching:
    """Pair the samples of two indexes."""
    keys, places, counted = zip(*(_keys(index) for index in (old, new)), strict=True)
    found = pc.index_in(keys[1], value_set=keys[0])
    there = found.is_valid().to_numpy(zero_copy_only=False)
    pairs_new = np.flatnonzero(there)
    pairs_old = found.drop_null().to_numpy().astype(np.int64)
    gone = np.ones(old.num_rows, bool)
    gone[pairs_old] = False
    removed, added = np.flatnonzero(gone), np.flatnonzero(~there)
    from_, to = _moved(old, new, removed, added, places)
    both_old, both_new = np.concatenate([pairs_old, from_]), np.concatenate([pairs_new, to])
    moved = np.r_[np.zeros(len(pairs_old), bool), np.ones(len(from_), bool)]
    order = np.argsort(both_new, kind="stable")
    return Matching(
        both_old[order], both_new[order], moved[order], np.setdiff1d(removed, from_), np.setdiff1d(added, to),
        sum(counted),
    )  # fmt: skip


def _keys(index: IndexFile) -> tuple[pa.Array, pa.Array, int]:
    """Of each sample: what nothing else in its file has, and its place within its file ("" for the whole of it)."""
    path = index.table(["path"])["path"].combine_chunks().cast(pa.large_string())
    place = _places(index)
    keys = pc.binary_join_element_wise(path, place, _END)
    ordinals, counted = _ordinals(keys)
    if counted:
        keys = pc.binary_join_element_wise(keys, pa.array(ordinals).cast(pa.large_string()), _END)
    else:
        keys = pc.binary_join_element_wise(keys, pa.scalar("0", pa.large_string()), _END)
    return keys, place, counted


def _places(index: IndexFile) -> pa.Array:
    """The box of a part of a picture; the sentences of a sample that is nothing but text; otherwise nothing."""
    place = pa.repeat(pa.scalar("", pa.large_string()), index.num_rows)
    if index.has("box"):
        boxes = index.table(["box"])["box"].combine_chunks()
        place = _joined(boxes, place)
    if TEXT in index.metadata.modalities:
        text = np.uint32(modality_mask([TEXT], index.metadata.modalities))
        only = index.integers("modalities").slice(0, index.num_rows) == text
        if only.any():
            captions = index.table(["captions"])["captions"].combine_chunks()
            place = _joined(pc.if_else(pa.array(only), captions, pa.nulls(len(captions), captions.type)), place)
    return place


def _joined(lists: pa.Array, otherwise: pa.Array) -> pa.Array:
    """The values of each list as one text; `otherwise` where there is no list."""
    rows = np.flatnonzero(lists.is_valid().to_numpy(zero_copy_only=False))
    if not len(rows):
        return otherwise
    told = lists.take(pa.array(rows))
    ends = np.cumsum(pc.list_value_length(told).to_numpy(zero_copy_only=False))
    words = pa.ListArray.from_arrays(pa.array(np.r_[0, ends].astype(np.int32)), told.flatten().cast(pa.string()))
    at = np.full(len(lists), -1)
    at[rows] = np.arange(len(rows))
    texts = pc.binary_join(words, " ").cast(pa.large_string()).take(pa.array(at, mask=at < 0))
    return pc.coalesce(texts, otherwise)


def _ordinals(keys: pa.Array) -> tuple[Rows, int]:
    """How many rows before each have its key, and how many rows share theirs."""
    encoded = keys.dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    ordinals = np.zeros(len(codes), np.int64)
    if len(encoded.dictionary) == len(codes):
        return ordinals, 0
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, codes[order][1:] != codes[order][:-1]])
    sizes = np.diff(np.r_[starts, len(codes)])
    ordinals[order] = np.arange(len(codes)) - np.repeat(starts, sizes)
    return ordinals, int(sizes[sizes > 1].sum())


def _moved(
    old: IndexFile, new: IndexFile, removed: Rows, added: Rows, places: tuple[pa.Array, ...]
) -> tuple[Rows, Rows]:
    """Pairs among what seems removed and added: of the same content, or else of the same size and name."""
    from_, to = np.empty(0, np.int64), np.empty(0, np.int64)
    if len(removed) and len(added) and old.has("content_hash") and new.has("content_hash"):
        tokens = [_by_content(i, r, p) for i, r, p in ((old, removed, places[0]), (new, added, places[1]))]
        from_, to = _same(tokens, removed, added)
    removed, added = np.setdiff1d(removed, from_), np.setdiff1d(added, to)
    if len(removed) and len(added):
        tokens = [_by_size_and_name(i, r, p) for i, r, p in ((old, removed, places[0]), (new, added, places[1]))]
        tokens = [pc.if_else(pa.array(_is_once(t)), t, None) for t in tokens]  # of several, nobody knows which
        more_from, more_to = _same(tokens, removed, added)
        from_, to = np.concatenate([from_, more_from]), np.concatenate([to, more_to])
    return from_, to


def _by_content(index: IndexFile, rows: Rows, place: pa.Array) -> pa.Array:
    """Equal pictures are as good as each other: the k-th goes with the k-th."""
    at = pa.array(rows)
    content = index.table(["content_hash"])["content_hash"].take(at).combine_chunks().cast(pa.large_binary())
    token = pc.binary_join_element_wise(content, place.take(at).cast(pa.large_binary()), _END_BYTES)
    ordinals, _ = _ordinals(token)
    return pc.binary_join_element_wise(
        token, pa.array(ordinals).cast(pa.large_string()).cast(pa.large_binary()), _END_BYTES
    )


def _by_size_and_name(index: IndexFile, rows: Rows, place: pa.Array) -> pa.Array:
    at = pa.array(rows)
    size = index.integers("size").take(rows)
    path = index.table(["path"])["path"].take(at).combine_chunks().cast(pa.large_string())
    name = pc.replace_substring_regex(path, r"(?s)^.*/", "")
    sizes = pc.if_else(pa.array(size >= 0), pa.array(size), None).cast(pa.large_string())
    return pc.binary_join_element_wise(sizes, name, place.take(at), _END)


def _is_once(tokens: pa.Array) -> NDArray[np.bool_]:
    codes = tokens.dictionary_encode().indices
    known = np.asarray(pc.fill_null(codes, -1).to_numpy(zero_copy_only=False))
    times = np.bincount(known[known >= 0], minlength=1)
    return np.asarray((known >= 0) & (times[np.maximum(known, 0)] == 1))


def _same(tokens: list[Any], removed: Rows, added: Rows) -> tuple[Rows, Rows]:
    found = pc.index_in(tokens[1], value_set=tokens[0], skip_nulls=True)
    there = found.is_valid().to_numpy(zero_copy_only=False)
    return removed[found.drop_null().to_numpy().astype(np.int64)], added[there]
