"""`reidindex merge`: several datasets in one index, and each of them still whole in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.errors import SettingsError
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.rework.concatenation import rebased
from indexer.rework.filter import filter_index
from indexer.rework.merge import common_root, merge_indexes, named_inputs
from indexer.rework.samples_of import samples_of
from indexer.table import build_table
from sampler_runtime import PKBatchSampler
from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import open_index
from tests import trees
from tests.effort import examples
from tests.populations import Sample, index_of, populations

SCHEMA = json.loads((Path(__file__).parents[1] / "docs/schemas/merge.json").read_text(encoding="utf-8"))
TOLD = (
    "identity",
    "role",
    "modality",
    "camera",
    "split",
    "tracklet",
    "frame",
    "clothes",
    "size",
    "mtime_ns",
    "captions",
)


def rows_by_path(index, folder=""):
    """path → what is told of a sample, in words: nothing that depends on the other samples of the index."""
    metadata = IndexFile(index).metadata
    found = {}
    for row in pq.read_table(index).to_pylist():
        told = {name: row[name] for name in TOLD}
        told["view"] = metadata.views[row["view"]]
        told["splits"] = {name for i, name in enumerate(metadata.splits) if row["splits"] >> i & 1}
        told["aligned"] = {one["modality"]: folder + one["path"] for one in row["aligned"] or ()}
        told["box"] = row.get("box")
        found[folder + row["path"], tuple(row.get("box") or ())] = told
    return found


def parted(index, column, folder=""):
    """Which samples share a number."""
    groups = {}
    for row in pq.read_table(index).to_pylist():
        groups.setdefault(row[column], set()).add((folder + row["path"], tuple(row.get("box") or ())))
    nobody = groups.pop(-1, set())
    return {frozenset(group) for group in groups.values()}, nobody


def two(tmp_path):
    """SYSU and ORBench, small: 6 and 3 people, captions, protocols of one of them."""
    folders = trees.sysu(tmp_path / "sets" / "sysu"), trees.orbench(tmp_path / "sets" / "órbench")
    return [build_index(folder).index for folder in folders]


def sources(inputs, out, **options):
    return merge_indexes(named_inputs(inputs, []), out, **options)


@examples(12)
@given(st.lists(populations(max_identities=6, splits=True), min_size=2, max_size=3))
def test_every_source_comes_back_out_of_the_joint_index_as_it_was(parts):
    inputs = {f"s{i}": index_of(part).path for i, part in enumerate(parts)}
    out = inputs["s0"].with_name("joint.parquet")

    report = merge_indexes(inputs, out)

    metadata = report.metadata
    every = [IndexFile(index) for index in inputs.values()]
    assert metadata.samples == sum(one.num_rows for one in every)
    assert metadata.identities == sum(one.metadata.identities for one in every)
    for name, index in inputs.items():
        back = out.with_name(f"{name}.parquet")
        filter_index(out, back, f"source == {name!r}")
        folder = report.parts[name].folder + "/"
        assert rows_by_path(back) == rows_by_path(index, folder)
        for column in ("pid", "camid"):
            assert parted(back, column) == parted(index, column, folder)


@examples(8)
@given(st.lists(populations(max_identities=5, splits=True), min_size=2, max_size=3))
def test_the_order_of_the_inputs_does_not_matter(parts):
    inputs = {f"s{i}": index_of(part).path for i, part in enumerate(parts)}
    one, other = (inputs["s0"].with_name(f"{name}.parquet") for name in ("one", "other"))

    merge_indexes(inputs, one)
    merge_indexes(dict(reversed(inputs.items())), other)

    first, second = IndexFile(one).metadata, IndexFile(other).metadata
    assert first.digest == second.digest
    assert first.fingerprint == second.fingerprint


def test_labels_and_cameras_that_agree_stay_two_people_and_two_cameras(tmp_path):
    parts = {name: index_of([Sample("7", ("rgb",), "1"), Sample("7", ("nir",), "1")]).path for name in ("a", "b")}

    report = merge_indexes(parts, tmp_path / "joint.parquet")

    rows = pq.read_table(report.index).to_pylist()
    assert {(r["source"], r["identity"], r["pid"], r["camera"], r["camid"]) for r in rows} == {
        ("a", "7", 0, "1", 0),
        ("b", "7", 1, "1", 1),
    }


def test_train_comes_first_over_all_sources(tmp_path):
    one = index_of([Sample("1", ("rgb",), split="query"), Sample("9", ("rgb",))]).path
    other = index_of([Sample("2", ("rgb",), split="query"), Sample("8", ("rgb",))]).path

    report = merge_indexes({"a": one, "b": other}, tmp_path / "joint.parquet")

    rows = pq.read_table(report.index).to_pylist()
    assert {r["identity"]: r["pid"] for r in rows} == {"8": 0, "9": 1, "1": 2, "2": 3}
    assert report.metadata.splits == ("train", "query")


def test_two_datasets_become_one_whose_paths_begin_in_the_common_folder(tmp_path, run_json):
    inputs = two(tmp_path)
    out = tmp_path / "elsewhere" / "joint.parquet"
    out.parent.mkdir()

    told = run_json("merge", *(index.parent for index in inputs), "-o", out)

    jsonschema.validate(told, SCHEMA)
    index = open_index(out)
    assert list(told["sources"]) == ["orbench", "sysu-mm01"]
    assert told["sources"]["orbench"]["folder"] == "órbench"
    assert index.root == (tmp_path / "sets").resolve()
    assert all((index.root / index.path_of(row)).is_file() for row in range(len(index)))
    assert index.modalities == ("rgb", "ir", "nir", "sketch", "cpencil", "text")
    assert index.metadata.layout == "orbench+sysu-mm01"
    assert index.metadata.made_by == "merge orbench sysu-mm01"
    assert index.metadata.fingerprint.startswith("merged:")
    assert index.labels("source", np.arange(len(index))).count("sysu-mm01") == IndexFile(inputs[0]).num_rows
    assert "orbench/llcm" in set(index.labels("source", np.arange(len(index))))


def test_the_joint_index_says_what_indexes_joined_in_memory_say(tmp_path):
    inputs = dict(zip(("sysu", "orbench"), two(tmp_path), strict=True))
    report = merge_indexes(inputs, tmp_path / "joint.parquet")
    joined = JointIndex({name: open_index(index) for name, index in inputs.items()})
    written = open_index(report.index)

    assert written.modalities == joined.modalities
    assert written.pairing == joined.pairing

    def samples(index, folders):
        return {
            (folders + index.path_of(row), index.modalities_of(row), index.value("frame", row))
            for row in range(len(index))
        }

    assert samples(written, "") == {
        (f"{folder}/{index.path_of(row)}", index.modalities_of(row), index.value("frame", row))
        for folder, index in zip(("sysu", "órbench"), joined.parts.values(), strict=True)
        for row in range(len(index))
    }
    assert len(written.pids) == len(joined.pids)


def test_a_sampler_takes_so_many_of_each_source(tmp_path):
    people = [Sample(str(i), ("rgb",)) for i in range(6) for _ in range(3)]
    report = merge_indexes({name: index_of(people).path for name in "ab"}, tmp_path / "joint.parquet")
    index = open_index(report.index)

    batch = next(iter(PKBatchSampler(index, p=4, k=2, per_source={"a": 1, "b": 3})))

    assert sorted(index.labels("source", np.array(batch))) == ["a"] * 2 + ["b"] * 6


def test_the_same_file_in_two_inputs_is_named_and_refused(tmp_path, run):
    index = two(tmp_path)[0]
    copy = shutil.copy(index, index.with_name("copy.parquet"))

    done = run("merge", index, copy, "-o", tmp_path / "joint.parquet")

    assert done.returncode == 2
    assert "sysu-mm01 and sysu-mm01-2 hold the same file cam1/0001/0001.jpg" in done.stderr
    assert not (tmp_path / "joint.parquet").exists()


def test_a_partner_that_another_input_has_as_a_sample_is_the_same_file(tmp_path):
    root = trees.rgbnt201(tmp_path / "data")
    whole = build_index(root, layout="rgbnt201").index
    parts = tmp_path / "data" / "parts.csv"
    parts.write_text("path,identity\ntrain_171/NI/000001_cam1_0_00.jpg,1\n")
    part = build_index(root, tmp_path / "part.parquet", layout=str(parts)).index

    with pytest.raises(SettingsError, match=r"a and b hold the same file train_171/NI/000001_cam1_0_00\.jpg"):
        merge_indexes({"a": whole, "b": part}, tmp_path / "joint.parquet")


def test_aligned_sets_move_as_a_whole(tmp_path):
    one = build_index(trees.rgbnt201(tmp_path / "nt"), layout="rgbnt201").index
    other = build_index(trees.sysu(tmp_path / "sysu")).index

    report = merge_indexes({"nt": one, "sysu": other}, tmp_path / "joint.parquet")

    rows = [row for row in pq.read_table(report.index).to_pylist() if row["aligned"]]
    assert len(rows) == 12
    for row in rows:
        for file in (row["path"], *(partner["path"] for partner in row["aligned"])):
            assert (tmp_path / file).is_file()
            assert file.startswith("nt/")


def with_queries(tmp_path, name, sets, boxes):
    """An index whose samples are the items of queries, or parts of one picture."""
    opened = samples_of(index_of([Sample(str(i), ("rgb",)) for i in range(3)]).file)
    samples = opened.samples
    if sets:
        from indexer.schema import QuerySet

        samples.queries, samples.query_sets = [[0], [0, 1], []], (QuerySet(sets, 0, 2),)
    if boxes:
        samples.path, samples.box = (
            pa.array(["x.jpg"] * 3),
            np.array([[1, 2, 3, 4], [0, 0, 0, 0], [5, 6, 7, 8]], np.int32),
        )
    made = build_table(samples)
    file = tmp_path / name / "reidindex.parquet"
    file.parent.mkdir()
    write_index(made.table, made.metadata("test"), file)
    return file


def test_queries_are_numbered_on_and_sets_of_one_name_bear_that_of_their_source(tmp_path):
    parts = {
        name: with_queries(tmp_path, name, own, own is None) for name, own in (("a", "T"), ("b", None), ("c", "T"))
    }

    report = merge_indexes(parts, tmp_path / "joint.parquet")

    assert [(one.name, one.first, one.last) for one in report.metadata.query_sets] == [("a/T", 0, 2), ("c/T", 2, 4)]
    rows = pq.read_table(report.index).to_pylist()
    told = {(row["source"], row["identity"]): (row["queries"], row["box"]) for row in rows}
    assert told == {
        ("a", "0"): ([0], None),
        ("a", "1"): ([0, 1], None),
        ("a", "2"): (None, None),
        ("b", "0"): (None, [1, 2, 3, 4]),
        ("b", "1"): (None, None),
        ("b", "2"): (None, [5, 6, 7, 8]),
        ("c", "0"): ([2], None),
        ("c", "1"): ([2, 3], None),
        ("c", "2"): (None, None),
    }


def test_what_was_found_in_the_files_stays_only_where_all_tell_it(tmp_path, run):
    inputs = {}
    for name, columns in (("a", ("width", "height")), ("b", ("width",))):
        opened = samples_of(index_of([Sample("0", ("rgb",))]).file)
        opened.samples.probed = {column: pa.array([7], pa.int32()) for column in columns}
        made = build_table(opened.samples)
        inputs[name] = tmp_path / f"{name}.parquet"
        (tmp_path / name).mkdir()
        inputs[name] = tmp_path / name / "reidindex.parquet"
        write_index(made.table, made.metadata("test"), inputs[name])

    done = run("merge", *inputs.values(), "-o", tmp_path / "joint.parquet")

    assert done.returncode == 0, done.stderr
    assert "left out, for not all of them tell it: height" in done.stderr
    index = IndexFile(tmp_path / "joint.parquet")
    assert (index.has("width"), index.has("height")) == (True, False)
    assert index.table(["width"])["width"].to_pylist() == [7, 7]


def test_names_are_the_users_or_those_of_the_layouts(tmp_path):
    sysu, orbench = two(tmp_path)

    assert named_inputs([sysu, orbench], []) == {"sysu-mm01": sysu, "orbench": orbench}
    assert named_inputs([sysu, orbench], ["sysu=day"]) == {"day": sysu, "orbench": orbench}
    assert named_inputs([sysu, orbench], [f"{sysu.parent}=orbench"]) == {"orbench": sysu, "orbench-2": orbench}
    assert named_inputs([sysu, sysu], []) == {"sysu-mm01": sysu, "sysu-mm01-2": sysu}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["sysu"], "expected INDEX=NAME"),
        (["sysu=a/b"], "expected INDEX=NAME"),
        (["sysu="], "expected INDEX=NAME"),
        (["sysuu=a"], "'sysuu' means none of the indexes; did you mean"),
        (["sysu=a", "órbench=a"], "two indexes have one name"),
        (["reidindex=a"], "'reidindex' means several of the indexes"),
    ],
)
def test_names_that_mean_nothing_are_refused(tmp_path, names, message):
    with pytest.raises(SettingsError, match=message):
        named_inputs(two(tmp_path), names)


def test_one_index_is_nothing_to_merge(tmp_path, run):
    done = run("merge", two(tmp_path)[0], "-o", tmp_path / "joint.parquet")

    assert done.returncode == 2
    assert "expected two indexes or more, found 1" in done.stderr


def test_several_drives_have_no_common_folder(monkeypatch):
    def commonpath(paths):
        raise ValueError("Paths don't have the same drive")

    monkeypatch.setattr("os.path.commonpath", commonpath)

    with pytest.raises(SettingsError, match=r"several drives \(a in .*x, b in .*y\)"):
        common_root({"a": Path("x"), "b": Path("y")})


def test_more_splits_than_an_index_holds_are_fewer_without_protocols(tmp_path, run):
    parts = [
        index_of([Sample("0", ("rgb",), split=s) for s in ("train", *(f"{n}{i}/query" for i in range(40)))])
        for n in "ab"
    ]
    words = [part.path for part in parts]

    done = run("merge", *words, "-o", tmp_path / "joint.parquet")

    assert done.returncode == 2
    assert "81 splits in all, an index holds at most 64; --plain leaves the splits of protocols" in done.stderr
    assert run("merge", *words, "--plain", "-o", tmp_path / "joint.parquet").returncode == 0
    assert IndexFile(tmp_path / "joint.parquet").metadata.splits == ("train",)


def test_an_input_is_never_written(tmp_path, run):
    sysu, orbench = two(tmp_path)
    content = sysu.read_bytes()

    done = run("merge", sysu, orbench, "-o", sysu.parent, "--force")

    assert done.returncode == 2
    assert "is the index that is read" in done.stderr
    assert sysu.read_bytes() == content


def test_a_path_of_a_dataset_in_the_common_folder_itself_stays(tmp_path):
    opened = samples_of(index_of([Sample("0", ("rgb",))]).file)
    before = opened.samples.path.to_pylist()

    assert rebased(opened.samples, ".").path.to_pylist() == before
    assert rebased(opened.samples, "a/b").path.to_pylist() == [f"a/b/{path}" for path in before]
