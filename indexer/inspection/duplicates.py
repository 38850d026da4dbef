"""Files of the same content: in two splits they give the test away, under two identities one of the labels is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
import pyarrow as pa

from indexer.inspection.runs import Runs

_MOST_EXAMPLES: Final = 5


@dataclass(frozen=True)
class Copies:
    """One content that several files have."""

    paths: tuple[str, ...]
    splits: tuple[str, ...]
    """Of those that were asked about: in which the files are."""
    identities: int
    """Different pids among them."""


@dataclass(frozen=True)
class Duplicates:
    """The files of an index that have the content of another one."""

    contents: int
    """Contents that two or more files have."""
    files: int
    """Files that have one of them."""
    across_splits: int
    """Of the contents: in training and held out."""
    across_identities: int
    """Of the contents: under two or more identities."""
    unreadable: int
    """Samples whose file could not be read when the index was made."""
    examples: tuple[Copies, ...]
    """The first of those that matter: across splits, then across identities, then others."""


def duplicates(runs: Runs, splits: Sequence[str]) -> Duplicates | None:
    """Files of equal content, by the index's column of digests; None: it has none.

    Boxes of one picture and sentences of one list share a file: they are no copies of each other.

    Args:
        runs: Of the index.
        splits: Which splits to tell apart.
    """
    index = runs.index
    if not index.has("content_hash"):
        return None
    column = index.table(["content_hash"])["content_hash"]
    found = copied(runs, column, splits)
    across = [copies for copies in found if gives_away(copies.splits)]
    mislabelled = [copies for copies in found if copies.identities > 1]
    first = dict.fromkeys([*across, *mislabelled, *found])
    return Duplicates(
        len(found), sum(len(copies.paths) for copies in found), len(across), len(mislabelled), column.null_count,
        tuple(first)[:_MOST_EXAMPLES],
    )  # fmt: skip


def copied(runs: Runs, digests: pa.ChunkedArray, splits: Sequence[str]) -> list[Copies]:
    """The contents that several files have.

    Args:
        runs: Of the index.
        digests: Of each row's file, 16 bytes; null where unknown.
        splits: Which splits to tell apart.
    """
    index, rows = runs.index, _candidates(digests)
    which = np.searchsorted(runs.starts, rows, side="right") - 1
    columns = (
        digests.take(pa.array(rows)).to_pylist(),
        rows.tolist(),
        runs.pid[which].tolist(),
        runs.splits[which].tolist(),
    )
    bits = {name: 1 << index.metadata.splits.index(name) for name in splits}
    found = []
    for _, group in groupby(sorted(zip(*columns, strict=True), key=lambda row: row[0]), key=lambda row: row[0]):
        members = list(group)
        paths = dict.fromkeys(index.paths[row] for _, row, _, _ in members)
        if len(paths) > 1:
            marks = int(np.bitwise_or.reduce([m for *_, m in members]))
            named = tuple(name for name, bit in bits.items() if marks & bit)
            found.append(Copies(tuple(paths), named, len({pid for _, _, pid, _ in members if pid >= 0})))
    return found


def gives_away(splits: Sequence[str]) -> bool:
    """Whether one of them trains and another one is held out."""
    kinds = {name.rpartition("/")[2] for name in splits}
    return "train" in kinds and len(kinds) > 1


def _candidates(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows whose digest begins as another one's does: half a digest is a number, and numbers are soon sorted."""
    heads, there = [], []
    for chunk in column.chunks:
        whole = np.frombuffer(chunk.buffers()[1], np.uint64)  # no slice: a chunk of a file begins at its buffer
        heads.append(whole[chunk.offset * 2 : (chunk.offset + len(chunk)) * 2 : 2])
        there.append(np.asarray(chunk.is_valid().to_numpy(zero_copy_only=False), bool))
    if not heads:
        return np.empty(0, np.int64)
    head, told = np.concatenate(heads), np.flatnonzero(np.concatenate(there))
    order = told[np.argsort(head[told], kind="stable")]
    same = head[order][1:] == head[order][:-1]
    twice = np.zeros(len(order), bool)
    twice[1:] |= same
    twice[:-1] |= same
    return np.sort(order[twice])
