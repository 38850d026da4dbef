"""`verify="full"` finds whatever breaks a promise of docs/format.md: each is broken once, in a file that is whole otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from indexer.errors import IndexDamagedError
from indexer.index_file import IndexFile
from indexer.promises import PROMISES
from indexer.schema import SplitRun
from tests.reliability.forged import forge, put, with_values
from tests.reliability.whole_indexes import files_beside, table_and_metadata


def first(table, **values):
    """The first row that holds these values; None is null."""
    for row, found in enumerate(table.select(list(values)).to_pylist()):
        if found == values:
            return row
    raise LookupError(values)


def of_paths(table, metadata):
    return with_values(table, "path", put(0, "../secret.jpg")), metadata


def of_empty_paths(table, metadata):
    return with_values(table, "path", put(5, "")), metadata


def of_absolute_partners(table, metadata):
    row = first(table, modality="rgb+nir+tir")
    changed = [{"modality": "nir", "path": "a/b.jpg"}, {"modality": "tir", "path": "/etc/passwd"}]
    return with_values(table, "aligned", put(row, changed)), metadata


def of_uniqueness(table, metadata):
    row = first(table, modality="nir", pid=0)
    return with_values(table, "path", put(row + 1, table["path"][row].as_py())), metadata


def of_path_end(table, metadata):
    ends = np.cumsum([len(path) for path in table["path"].to_pylist()])
    ends[3] += 1
    return table.append_column(pa.field("path_end", pa.int64(), nullable=False), [pa.array(ends)]), metadata


def of_runs(table, metadata):
    one, two = metadata.split_runs
    moved = (SplitRun(one.splits, 0, one.stop - 1), SplitRun(two.splits, one.stop - 1, two.stop))
    return table, replace(metadata, split_runs=moved)


def of_order_of_runs(table, metadata):
    one, two = metadata.split_runs
    rows = [*range(two.start, two.stop), *range(one.start, one.stop)]
    size = two.stop - two.start
    turned = (SplitRun(two.splits, 0, size), SplitRun(one.splits, size, two.stop))
    return table.take(rows), replace(metadata, split_runs=turned)


def swapped(row):
    def change(table, metadata):
        rows = [*range(len(table))]
        rows[row], rows[row + 1] = row + 1, row
        return table.take(rows), metadata

    return change


def of_identities(table, metadata):
    return table, replace(metadata, identities=metadata.identities + 1)


def in_column(name, row, value):
    return lambda table, metadata: (with_values(table, name, put(row, value)), metadata)


def in_row(name, value, **where):
    return lambda table, metadata: (with_values(table, name, put(first(table, **where), value)), metadata)


SET = "aligned tells the other modalities of a set, and nothing of a single image"
BROKEN = [
    ("path_end is the running sum of the lengths of path", of_path_end),
    ("every path is relative, leads nowhere outside and is not empty", of_paths),
    ("every path is relative, leads nowhere outside and is not empty", of_empty_paths),
    ("every path is relative, leads nowhere outside and is not empty", of_absolute_partners),
    ("every path is told once, but for boxes and sentences", of_uniqueness),
    ("split_runs are the runs of equal default splits, in their order", of_runs),
    ("split_runs are the runs of equal default splits, in their order", of_order_of_runs),
    ("rows are sorted by split, pid, modalities, camid and path", swapped(3)),
    ("rows are sorted by split, pid, modalities, camid and path", swapped(9)),
    ("pids are contiguous from 0", of_identities),
    ("pid is -1 where there is a role or no identity, and only there", in_row("pid", 0, role="distractor")),
    ("pid is -1 where there is a role or no identity, and only there", in_column("pid", 0, -1)),
    ("role is distractor or junk", in_row("role", "judge", role="distractor")),
    ("a pid has one identity", in_column("identity", 2, "p1")),
    ("camids are contiguous from 0", in_row("camid", 9, pid=2)),
    ("a camid has one camera, and -1 none", in_column("camera", 3, "7")),
    ("a camid has one camera, and -1 none", in_column("camera", 3, None)),
    ("modality spells modalities", in_column("modality", 0, "sketch")),
    ("split spells splits", in_column("split", 0, "val")),
    (SET, in_row("aligned", None, modality="rgb+nir+tir")),
    (SET, in_row("aligned", [], modality="rgb+nir+tir")),
    (SET, in_row("aligned", [{"modality": "tir", "path": "x.jpg"}] * 2, modality="rgb+nir+tir")),
    (SET, in_row("aligned", [{"modality": None, "path": "x.jpg"}], modality="rgb+nir+tir")),
    (SET, in_row("aligned", [{"modality": "nir", "path": "x.jpg"}], modality="nir")),
    ("captions are sentences, and their samples have the modality text", in_row("captions", ["?"], modality="nir")),
    ("captions are sentences, and their samples have the modality text", in_row("captions", [], modality="text")),
    ("captions are sentences, and their samples have the modality text", in_row("captions", [None], modality="text")),
    ("a box is four numbers, and is not empty", in_row("box", [1, 2, 3], box=[0, 1, 9, 30])),
    ("a box is four numbers, and is not empty", in_row("box", [1, 2, 3, 0], box=[0, 1, 9, 30])),
    ("queries are those of query_sets", in_row("queries", [6], modality="text")),
    ("queries are those of query_sets", in_row("queries", [-1], modality="text")),
    ("queries are those of query_sets", in_row("queries", [], modality="text")),
    ("width and height are above 0", in_column("height", 1, 0)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("promise", "broken"), BROKEN, ids=[f"{number}: {promise}" for number, (promise, _) in enumerate(BROKEN)]
)
def test_a_broken_promise_is_found(tmp_path, promise, broken):
    table, metadata = broken(*table_and_metadata())
    index = forge(tmp_path / "index.parquet", table, metadata)

    assert f"not so: {promise}" in list(IndexFile(index).contradictions())
    with pytest.raises(IndexDamagedError, match="damaged or not an index"):
        IndexFile(index, verify="full")


def test_files_beside_that_are_not_sorted_are_found(tmp_path):
    table, metadata = table_and_metadata()
    index = forge(tmp_path / "index.parquet", table, metadata, beside=files_beside().take([1, 0]))

    assert list(IndexFile(index).contradictions()) == ["not so: files beside are sorted by path and told once"]


def test_every_promise_is_broken_once_here():
    assert {promise for promise, _ in BROKEN} | {"files beside are sorted by path and told once"} == set(PROMISES)


def test_an_honest_index_keeps_every_promise(tmp_path):
    table, metadata = table_and_metadata()
    index = forge(tmp_path / "index.parquet", table, metadata, beside=files_beside())

    assert list(IndexFile(index, verify="full").contradictions()) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pid", 6), ("pid", 2**31 - 1), ("pid", -2), ("pid", -(2**31)), ("modalities", 0), ("modalities", 16),
        ("modalities", 2**32 - 1), ("camid", -2), ("splits", 8), ("splits", 2**63), ("view", 2), ("view", 255), ("tracklet", -2),
        ("frame", -2), ("clothes", -7), ("size", -2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("row", [0, 61])
def test_a_number_that_the_metadata_does_not_allow_is_refused_when_its_column_is_first_used(
    tmp_path, column, value, row
):
    table, metadata = table_and_metadata()
    index = forge(tmp_path / "index.parquet", with_values(table, column, put(row, value)), metadata)

    with pytest.raises(IndexDamagedError, match=rf"column {column} holds {value}, its metadata allows"):
        IndexFile(index).integers(column)
    with pytest.raises(IndexDamagedError, match=rf"column {column} holds {value}"):
        IndexFile(index, verify="full")
