"""What is counted over runs, piece by piece, equals what plain loops over the rows count."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.inspection import runs as runs_module
from indexer.inspection.choice import choose_identities
from indexer.inspection.duplicates import duplicates
from indexer.inspection.overlaps import overlaps, unmatched_queries
from indexer.inspection.people import rare_identities
from indexer.inspection.probed import probed
from indexer.inspection.runs import find_runs, pieces
from indexer.inspection.sources import sources
from indexer.inspection.statistics import distributions, statistics
from indexer.schema import METADATA_KEY, schema_with
from tests import trees
from tests.effort import examples
from tests.populations import Sample, index_of, populations

COLUMNS = ["pid", "modalities", "splits", "camid"]


@pytest.fixture(autouse=True, scope="module")
def small_pieces():
    """Pieces of five rows, so that runs go over from one to the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_module, "_PIECE", 5)
        yield


def rows_of(index):
    return index.table(COLUMNS).to_pylist()


def in_splits(row, index, names):
    return not names or any(row["splits"] >> index.metadata.splits.index(name) & 1 for name in names)


@st.composite
def indexes(draw):
    """An index in row groups of a few rows, and some of its splits; samples may be in two splits."""
    index = index_of(
        draw(populations(max_identities=8, splits=True)), rows_per_group=draw(st.sampled_from([3, 7, 1 << 20]))
    ).file
    chosen = draw(st.lists(st.sampled_from(index.metadata.splits), unique=True)) if index.metadata.splits else []
    return index, chosen


@given(indexes())
@examples(30)
def test_runs_hold_every_row_and_neighbours_differ(case):
    index, chosen = case
    runs, rows = find_runs(index), rows_of(index)

    for name in ("pid", "modalities", "splits"):
        assert np.repeat(getattr(runs, name), runs.sizes).tolist() == [row[name] for row in rows]
    told = list(zip(runs.pid.tolist(), runs.modalities.tolist(), runs.splits.tolist(), strict=True))
    assert all(a != b for a, b in pairwise(told))
    mine = [number for number, row in enumerate(rows) if in_splits(row, index, chosen)]
    assert runs.rows(runs.among(chosen)).tolist() == mine


@given(indexes())
@examples(20)
def test_pieces_are_the_columns(case):
    index, _ = case
    found, at = [], 0
    for first, (pid, camid) in pieces(index, "pid", "camid"):
        assert first == at
        at += len(pid)
        found += zip(pid.tolist(), camid.tolist(), strict=True)

    assert found == [(row["pid"], row["camid"]) for row in rows_of(index)]


@given(indexes())
@examples(30)
def test_people_of_one_sample_or_one_camera_are_counted_as_a_loop_counts_them(case):
    index, chosen = case
    samples, cameras = Counter(), {}
    for row in rows_of(index):
        if row["pid"] >= 0 and in_splits(row, index, chosen):
            samples[row["pid"]] += 1
            if row["camid"] >= 0:
                cameras.setdefault(row["pid"], set()).add(row["camid"])

    found = rare_identities(index, find_runs(index), chosen)

    assert found.single_sample == sum(n == 1 for n in samples.values())
    assert found.one_camera == (sum(len(c) == 1 for c in cameras.values()) if cameras else None)


@given(indexes())
@examples(30)
def test_what_splits_share_is_what_a_loop_finds(case):
    index, _ = case
    names = index.metadata.splits
    people = {
        name: {r["pid"] for r in rows_of(index) if r["pid"] >= 0 and in_splits(r, index, [name])} for name in names
    }
    runs = find_runs(index)

    for one in overlaps(runs, names):
        both = [r for r in rows_of(index) if in_splits(r, index, [one.first]) and in_splits(r, index, [one.second])]
        assert (one.identities, one.samples) == (len(people[one.first] & people[one.second]), len(both))
        assert one.leaks == (
            bool(people[one.first] & people[one.second]) and {one.first, one.second} == {"train", "val"}
        )
    for one in names:
        for other in names:
            assert unmatched_queries(runs, one, other) == len(people[one] - people[other])


@given(indexes())
@examples(20)
def test_samples_of_an_identity_by_modality_are_those_of_a_loop(case):
    index, chosen = case
    names = index.metadata.modalities

    found = distributions(find_runs(index), chosen)

    for bit, name in enumerate(names):
        counts = Counter(
            r["pid"]
            for r in rows_of(index)
            if r["pid"] >= 0 and r["modalities"] >> bit & 1 and in_splits(r, index, chosen)
        )
        if counts:
            assert found[name].mean == pytest.approx(np.mean(list(counts.values())))
            assert found[name].quartiles[-1] == max(counts.values())
            assert sum(n for *_, n in found[name].histogram) == len(counts)


@given(indexes(), st.integers(0, 12))
@examples(40)
def test_identities_to_look_at_are_spread_and_their_rows_are_theirs(case, number):
    index, chosen = case
    rows = rows_of(index)
    own = {}
    for row in rows:
        if row["pid"] >= 0 and in_splits(row, index, chosen):
            own[row["pid"]] = own.get(row["pid"], 0) | row["modalities"]

    found = choose_identities(find_runs(index), chosen, number)

    assert len(found) == len({one.pid for one in found}) == min(number, len(own))
    assert {own[one.pid] for one in found} == set(own.values()) or len(found) < len(set(own.values()))
    taken, room = Counter(own[one.pid] for one in found), Counter(own.values())
    for mask in taken:  # nobody's second before everybody's first
        assert all(taken[other] >= min(taken[mask] - 1, room[other]) for other in room)
    for one in found:
        names = [m for bit, m in enumerate(index.metadata.modalities) if own[one.pid] >> bit & 1]
        assert list(one.rows) == names
        for name, row in one.rows.items():
            assert rows[row]["pid"] == one.pid
            assert in_splits(rows[row], index, chosen)
            assert rows[row]["modalities"] >> index.metadata.modalities.index(name) & 1
    assert found == choose_identities(find_runs(index), chosen, number)


def with_digests(index, contents):
    """The index with a column of digests: of each row its content, or None."""
    table = index.table(schema_with().names)
    column = [None if word is None else hashlib.sha256(word.encode()).digest()[:16] for word in contents]
    table = table.append_column("content_hash", pa.array(column, pa.binary(16))).drop(["path_end"])
    path = index.path.with_name("digests.parquet")
    write_index(table, replace(index.metadata, digest=""), path, rows_per_group=4)
    return IndexFile(path)


@given(populations(max_identities=8, splits=True), st.data())
@examples(30)
def test_files_of_the_same_content_are_those_a_loop_finds(population, data):
    plain = index_of(population).file
    size = plain.num_rows
    words = data.draw(
        st.lists(st.sampled_from(["a", "b", "c", "d", None, *map(str, range(20))]), min_size=size, max_size=size)
    )
    index = with_digests(plain, words)
    names = index.metadata.splits
    groups = {}
    for word, row in zip(words, rows_of(plain), strict=True):
        if word is not None:
            groups.setdefault(word, []).append(row)
    groups = {word: rows for word, rows in groups.items() if len(rows) > 1}

    found = duplicates(find_runs(index), names)

    def splits(rows):
        return {name for name in names if any(in_splits(r, plain, [name]) for r in rows)}

    assert (found.contents, found.files) == (len(groups), sum(map(len, groups.values())))
    assert found.across_identities == sum(len({r["pid"] for r in rows} - {-1}) > 1 for rows in groups.values())
    assert found.across_splits == sum("train" in splits(rows) and len(splits(rows)) > 1 for rows in groups.values())
    assert found.unreadable == words.count(None)
    assert len(found.examples) == min(len(groups), 5)


def test_boxes_of_one_picture_are_no_copies_of_each_other():
    plain = index_of([Sample("a", ("rgb",)), Sample("b", ("rgb",)), Sample("c", ("rgb",))]).file
    table = plain.table(schema_with().names)
    same = table.set_column(0, "path", pa.array(["one.jpg", "one.jpg", "two.jpg"])).drop(["path_end"])
    told = hashlib.sha256(b"picture").digest()[:16]

    def found(digests):
        path = plain.path.with_name(f"boxes-{len(set(digests))}.parquet")
        write_index(same.append_column("content_hash", pa.array(digests, pa.binary(16))), plain.metadata, path)
        return duplicates(find_runs(IndexFile(path)), ["train"])

    assert found([told, told, bytes(16)]).contents == 0
    assert found([told, told, told]).files == 2


def test_what_a_probe_found_is_summed_up_and_sentences_are_no_broken_pictures():
    plain = index_of([Sample("a", ("rgb", "text")), Sample("a", ("nir",)), Sample("b", ("nir",))]).file
    table = plain.table(schema_with().names).drop(["path_end"])
    masks = table["modalities"].to_pylist()
    sentence = next(row for row, mask in enumerate(masks) if mask & 1 << plain.metadata.modalities.index("text"))
    picture = (sentence + 1) % 3
    masks[sentence] = 1 << plain.metadata.modalities.index("text")  # a sentence alone, as a query is

    def found(*unreadable):
        told = {
            "width": pa.array([None if row in unreadable else 64 + row for row in range(3)], pa.int32()),
            "height": pa.array([None if row in unreadable else 128 for row in range(3)], pa.int32()),
            "mode": pa.array([None if row in unreadable else "RGB" for row in range(3)]).cast(
                schema_with(["mode"]).field("mode").type
            ),
        }
        wide = table.set_column(table.schema.get_field_index("modalities"), "modalities", pa.array(masks, pa.uint32()))
        for name, column in told.items():
            wide = wide.append_column(name, column)
        path = plain.path.with_name(f"probed-{len(unreadable)}-{sum(unreadable)}.parquet")
        write_index(wide, plain.metadata, path)
        return probed(find_runs(IndexFile(path)))

    assert found(sentence).unreadable == 0
    assert found(picture).unreadable == found(sentence, picture).unreadable == 1
    assert (found().widths, found().heights, found().modes) == ((64, 66), (128, 128), {"RGB": 3})
    assert found(0, 1, 2).widths is None
    assert probed(find_runs(plain)) is None


def test_no_digests_are_told_apart_from_no_copies():
    index = index_of([Sample("a", ("rgb",)), Sample("b", ("rgb",))]).file

    assert duplicates(find_runs(index), ["train"]) is None
    assert duplicates(find_runs(with_digests(index, ["a", "b"])), ["train"]).contents == 0


def test_sources_are_counted_in_a_file_that_another_tool_wrote_anew(tmp_path):
    index = IndexFile(build_index(trees.orbench(tmp_path / "d")).index)
    names = index.metadata.splits
    found = sources(find_runs(index), names)

    told = pq.read_table(index.path)
    plain = [f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in told.schema]
    pq.write_table(
        told.cast(pa.schema(plain, metadata={METADATA_KEY: index.metadata.to_json()})), tmp_path / "anew.parquet"
    )
    anew = IndexFile(tmp_path / "anew.parquet")

    assert found.names == ("llcm", "sysu")
    assert found.counts["train"]["llcm"].identities == found.counts["train"]["sysu"].identities == 1
    assert sources(find_runs(anew), names) == found
    assert statistics(anew).facts == statistics(index).facts


def test_an_index_of_one_source_tells_none(sysu_index):
    assert sources(find_runs(sysu_index.file), ["train"]).names == ()
