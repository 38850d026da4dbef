"""From what a layout tells to the canonical table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given

from indexer.errors import LayoutError
from indexer.schema import mask_names
from indexer.table import build_table
from indexer.vocabulary import natural_key
from tests.populations import Sample, populations, samples_of


@given(populations(splits=True))
def test_rows_are_sorted_by_split_pid_modalities_camera_and_path(population):
    made = build_table(samples_of(population))
    rows = made.table.to_pylist()
    split_rank = {name: i for i, name in enumerate([*made.splits, None])}

    keys = [(split_rank[r["split"]], r["pid"], r["modalities"], r["camid"], r["path"]) for r in rows]

    assert keys == sorted(keys)
    assert [r["split"] for r in rows] == [
        "+".join(run.splits) or None for run in made.split_runs for _ in range(run.start, run.stop)
    ]


@given(populations(splits=True))
def test_pids_are_contiguous_and_those_of_train_come_first_in_natural_order(population):
    made = build_table(samples_of(population))
    rows = made.table.to_pylist()
    label = {r["pid"]: r["identity"] for r in rows if r["pid"] >= 0}

    assert sorted(label) == list(range(made.identities))
    assert len(set(label.values())) == made.identities
    assert all((r["pid"] == -1) == (r["role"] is not None) for r in rows)
    train = sorted({r["pid"] for r in rows if r["split"] == "train" and r["pid"] >= 0})
    assert train == list(range(len(train)))
    assert [label[pid] for pid in train] == sorted((label[pid] for pid in train), key=natural_key)


@given(populations(splits=True))
def test_readable_columns_say_what_the_numbers_say(population):
    made = build_table(samples_of(population))

    for row in made.table.to_pylist():
        assert row["modality"] == "+".join(mask_names(row["modalities"], made.modalities))
        names = mask_names(row["splits"], made.splits)
        assert row["split"] == ("+".join(names) or None)
        assert (row["camid"] == -1) == (row["camera"] is None)
        partners = {p["modality"] for p in row["aligned"] or ()}
        text = {"text"} if row["captions"] else set()
        assert len(partners | text) + 1 == len(row["modality"].split("+"))


def test_identities_with_one_label_in_two_scopes_are_two_pids():
    samples = samples_of([Sample("0001", ("rgb",)), Sample("0001", ("rgb",), split="query")])
    samples.fields["scope"] = pa.array(["train", "test"])

    made = build_table(samples)

    assert made.identities == 2
    assert made.table["pid"].to_pylist() == [0, 1]


def test_labels_that_differ_in_leading_zeros_are_two_people():
    made = build_table(samples_of([Sample("1", ("rgb",)), Sample("0001", ("rgb",)), Sample("10", ("rgb",))]))

    assert made.table["identity"].to_pylist() == ["0001", "1", "10"]
    assert made.table["pid"].to_pylist() == [0, 1, 2]


def test_a_camera_is_the_camera_of_its_source():
    samples = samples_of([Sample("a", ("rgb",), "3"), Sample("a", ("rgb",), "3"), Sample("a", ("rgb",), "10")])
    samples.fields["source"] = pa.array(["x", "y", "x"])

    assert build_table(samples).table["camid"].to_pylist() == [0, 1, 2]


def test_numbers_too_large_are_unknown_and_told():
    samples = samples_of([Sample("a", ("rgb",)), Sample("b", ("rgb",)), Sample("c", ("rgb",))])
    samples.fields["frame"] = pa.array(["7", "99999999999", "9" * 40])

    made = build_table(samples)

    assert made.table["frame"].to_pylist() == [7, -1, -1]
    assert [(p.kind, p.where, p.count) for p in made.problems] == [("value", "frame", 2)]


def test_one_odd_value_does_not_change_what_the_others_mean():
    samples = samples_of([Sample(c, ("rgb",)) for c in "abc"])
    samples.fields["clothes"] = pa.array(["x", "70000", "2"])

    made = build_table(samples)

    assert made.table["clothes"].to_pylist() == [-1, -1, 2]
    assert made.problems[0].count == 2


def test_an_aligned_set_of_two_people_is_an_error_and_captions_of_all_members_are_kept():
    samples = samples_of([Sample("a", ("rgb", "nir")), Sample("b", ("rgb",))])
    samples.add_captions([0, 1], [["of the nir"], ["of the rgb"]])
    assert build_table(samples).table["captions"].to_pylist() == [["of the rgb", "of the nir"], None]

    samples = samples_of([Sample("a", ("rgb",)), Sample("b", ("nir",))])
    samples.group = pa.array(["same"] * 2)
    with pytest.raises(LayoutError, match="one aligned set, but two identities"):
        build_table(samples)


@pytest.mark.parametrize(("field", "word"), [("modality", "a b"), ("role", "ghost")])
def test_words_that_cannot_be_are_told(field, word):
    samples = samples_of([Sample("a", ("rgb",))])
    samples.fields[field] = pa.array([word])

    with pytest.raises(LayoutError, match=f"{field} '{word}'"):
        build_table(samples)


def test_tracklets_that_are_words_are_numbered_in_natural_order():
    samples = samples_of([Sample(c, ("rgb",)) for c in "abc"])
    samples.fields["tracklet"] = pa.array(["T10", "T9", None])

    assert build_table(samples).table["tracklet"].to_pylist() == [1, 0, -1]


def test_a_set_with_one_modality_twice_is_an_error():
    samples = samples_of([Sample("a", ("rgb", "nir")), Sample("a", ("rgb", "nir"))])
    samples.group = pa.array(["same"] * 4)

    with pytest.raises(LayoutError, match="one aligned set has two files of the same modality"):
        build_table(samples)


def test_splits_of_the_default_protocol_are_the_plain_ones():
    samples = samples_of([Sample("a", ("rgb",), split=None)])
    samples.splits.mark(np.array([0]), ["trial10/train", "trial2/train", "trial2/gallery"])

    made = build_table(samples, default_protocol="trial2")

    assert made.splits == ("train", "gallery", "trial2/train", "trial2/gallery", "trial10/train")
    assert made.table["split"].to_pylist() == ["train+gallery"]
    assert pc.sum(made.table["splits"]).as_py() == 0b11111
