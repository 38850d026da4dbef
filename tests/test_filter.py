"""`reidindex filter`: the samples for which an expression is true, as Python and pandas would find them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import pairwise
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
from indexer.inspection.statistics import statistics
from indexer.rework.compiler import compiled
from indexer.rework.facts import kinds_in
from indexer.rework.filter import filter_index, rows_where
from indexer.rework.samples_of import samples_of
from indexer.schema import QuerySet, mask_names
from indexer.table import build_table
from sampler_runtime import PKBatchSampler
from sampler_runtime.mapped import open_index
from tests import trees
from tests.effort import examples
from tests.populations import Sample, index_of, populations

SCHEMA = json.loads((Path(__file__).parents[1] / "docs/schemas/filter.json").read_text(encoding="utf-8"))
TEXTS = ("path", "identity", "role", "modality", "camera", "split", "source", "view")
NUMBERS = ("pid", "camid", "tracklet", "frame", "clothes", "size", "samples_of_identity", "cameras_of_identity")


def frame_of(index):
    """The index as a pandas user sees it, with what is told of identities beside."""
    pandas = pytest.importorskip("pandas", reason="`make test` installs it")
    rows = facts_by_hand(index)
    return pandas.DataFrame(rows, columns=list(rows[0]), dtype=object)


def facts_by_hand(index):
    """Row by row, by plain loops."""
    metadata = index.metadata
    rows = pq.read_table(index.path).to_pylist()
    for row in rows:
        mine = [other for other in rows if other["pid"] == row["pid"] >= 0]
        covered = {name for other in mine for name in mask_names(other["modalities"], metadata.modalities)}
        row["view"] = metadata.views[row["view"]] or None
        row["samples_of_identity"] = len(mine)
        row["cameras_of_identity"] = len({other["camid"] for other in mine} - {-1})
        row["pairable"] = metadata.pairing.anchor in covered and bool(covered & set(metadata.pairing.others))
        row["complete"] = covered == set(metadata.modalities)
        row["has"] = set(mask_names(row["modalities"], metadata.modalities))
        row["in_split"] = set(mask_names(row["splits"], metadata.splits))
    return rows


def as_python_finds(index, expression):
    """The rows for which Python itself says that an expression is true."""
    functions = {
        "startswith": lambda text, word: text is not None and text.startswith(word),
        "endswith": lambda text, word: text is not None and text.endswith(word),
        "contains": lambda text, word: text is not None and word in text,
    }

    def holds(row):
        names = {**row, **functions, "has": row["has"].__contains__, "in_split": row["in_split"].__contains__}
        return eval(expression, {"__builtins__": {}}, names)  # the expressions are our own

    return [number for number, row in enumerate(facts_by_hand(index)) if holds(row)]


numbers = st.integers(-2, 12).map(str)
arithmetic = st.recursive(
    st.sampled_from(NUMBERS) | numbers,
    lambda part: (
        st.tuples(part, st.sampled_from(["+", "-", "*"]), part).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
        | st.tuples(part, st.sampled_from(["//", "%"]), st.integers(1, 5)).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
        | part.map(lambda p: f"(-{p})")
    ),
    max_leaves=4,
)
orders = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
words = st.sampled_from(["'0'", "'1'", "'2'", "'3'", "'rgb1'", '"front"', "'é'"])
plain_texts = st.sampled_from(["identity", "camera", "view", "role", "source"])
of_numbers = st.tuples(arithmetic, orders, arithmetic).map(" ".join)
of_texts = st.tuples(plain_texts, st.sampled_from(["==", "!="]), words).map(" ".join)
of_lists = st.tuples(
    st.tuples(plain_texts, st.lists(words, min_size=1, max_size=3)) | st.tuples(st.sampled_from(NUMBERS), st.lists(numbers, min_size=1, max_size=3)),
    st.sampled_from(["in", "not in"]),
).map(lambda p: f"{p[0][0]} {p[1]} [{', '.join(p[0][1])}]")  # fmt: skip
# pandas does not know conditions that ask no column
of_columns = st.tuples(st.sampled_from(NUMBERS), orders, arithmetic).map(" ".join)
pandas_leaves = of_columns | of_texts | of_lists | st.sampled_from(["pairable", "complete"])
further_leaves = (
    of_numbers
    | st.tuples(arithmetic, orders, arithmetic, orders, arithmetic).map(" ".join)
    | st.tuples(plain_texts, st.sampled_from(["is None", "is not None"])).map(" ".join)
    | st.sampled_from(["has('rgb')", "startswith(path, '0000')", "endswith(path, 'rgb.jpg')", "contains(view, 'n')"])
    | st.sampled_from(["'0' <= identity < '3'", "pairable == True", "complete != pairable", "path > '00003'", "1 < 2"])
)


def joined(leaves):
    return st.recursive(
        leaves,
        lambda part: (
            st.tuples(part, st.sampled_from(["and", "or"]), part).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
            | part.map(lambda p: f"(not {p})")
        ),
        max_leaves=5,
    )


few_people = populations(max_identities=5, splits=True)


@examples(50)
@given(few_people, joined(pandas_leaves))
def test_a_filter_finds_what_a_query_of_pandas_finds(population, expression):
    index = index_of(population).file
    frame = frame_of(index)
    for name in NUMBERS:
        frame[name] = frame[name].astype("int64")
    for name in ("pairable", "complete"):
        frame[name] = frame[name].astype(bool)

    expected = frame.query(expression, engine="python").index.tolist() if len(frame) else []

    assert rows_where(index, expression).tolist() == expected


@examples(100)
@given(few_people, joined(pandas_leaves | further_leaves))
def test_a_filter_finds_what_python_finds(population, expression):
    index = index_of([Sample("anchor", ("rgb",)), *population]).file

    assert rows_where(index, expression).tolist() == as_python_finds(index, expression)


samples_only = joined(of_texts | st.tuples(st.sampled_from(["frame", "tracklet", "size"]), orders, numbers).map(" ".join)
                      | st.sampled_from(["startswith(path, '0000')", "contains(modality, 'nir')"]))  # fmt: skip


@examples(25)
@given(populations(max_identities=6, splits=True), samples_only, samples_only)
def test_two_filters_one_after_the_other_are_both_at_once(population, one, other):
    index = index_of(population).path
    out = [index.with_name(f"{name}.parquet") for name in ("both", "first", "second")]
    if not len(rows_where(IndexFile(index), f"({one}) and ({other})")):
        return

    filter_index(index, out[0], f"({one}) and ({other})")
    filter_index(index, out[1], one)
    filter_index(out[1], out[2], other)

    assert IndexFile(out[0]).metadata.digest == IndexFile(out[2]).metadata.digest


@examples(20)
@given(populations(splits=True), st.booleans())
def test_a_filter_that_is_true_for_every_sample_gives_the_same_digest(population, keep_pids):
    index = index_of(population).path

    report = filter_index(index, index.with_name("same.parquet"), "size >= -1", keep_pids=keep_pids)

    assert report.metadata.digest == IndexFile(index).metadata.digest


@pytest.mark.parametrize("name", sorted(trees.ALL))
def test_a_filter_that_is_true_for_every_sample_of_a_dataset_gives_the_same_digest(name, tmp_path):
    index = build_index(trees.ALL[name](tmp_path / "data")).index

    report = filter_index(index, tmp_path / "same.parquet", "True")

    before = IndexFile(index).metadata
    assert report.metadata.digest == before.digest
    assert report.metadata.pairing == before.pairing
    assert report.metadata.fingerprint == before.fingerprint


@examples(15)
@given(populations(max_identities=8, splits=True), st.integers(1, 7), st.integers(0, 6))
def test_kept_pids_are_the_old_ones_and_training_goes_on(population, every, rest):
    index = index_of([Sample("anchor", ("rgb",)), *population])
    expression = f"has('rgb') or pid % {every} == {rest % every}"
    if not len(rows_where(index.file, expression)):
        return
    out = index.path.with_name("kept.parquet")

    report = filter_index(index.path, out, expression, keep_pids=True)

    old = {row["path"]: row["pid"] for row in pq.read_table(index.path).to_pylist()}
    rows = pq.read_table(out).to_pylist()
    assert {row["path"]: row["pid"] for row in rows} == {row["path"]: old[row["path"]] for row in rows}
    assert report.metadata.kept_pids
    assert report.metadata.identities == max((row["pid"] for row in rows), default=-1) + 1
    runs = [(row["split"], row["pid"]) for row in rows]
    assert len([1 for a, b in pairwise(runs) if a != b]) == len(set(runs)) - 1  # one run each
    facts = statistics(IndexFile(out)).facts
    people = {row["pid"] for row in rows} - {-1}
    assert facts.identities == len(people)
    assert facts.samples == len(rows)
    view = open_index(out)
    if people:
        drawn = [row for batch in PKBatchSampler(view, p=1, k=2) for row in batch]
        assert {view.value("pid", row) for row in drawn} == people


# ------------------------------------------------------------------------------------------------ what goes with samples


def test_pids_and_cameras_count_from_0_again(tmp_path):
    index = index_of([Sample(str(i), ("rgb",), str(i)) for i in range(5)])

    report = filter_index(index.path, tmp_path / "new.parquet", "identity in ['1', '3']")

    rows = pq.read_table(report.index).to_pylist()
    assert [(row["identity"], row["pid"], row["camid"]) for row in rows] == [("1", 0, 0), ("3", 1, 1)]
    assert report.metadata.identities == 2


def test_modalities_and_splits_without_samples_go_and_queries_that_lost_an_item(tmp_path, run_json):
    index = build_index(trees.orbench(tmp_path / "data")).index

    told = run_json("filter", index, "not has('nir')", "-o", tmp_path / "new.parquet")

    jsonschema.validate(told, SCHEMA)
    assert told["modalities_dropped"] == ["nir"]
    assert told["queries_dropped"] > 0
    before, after = IndexFile(index), IndexFile(tmp_path / "new.parquet")
    assert after.metadata.modalities == tuple(m for m in before.metadata.modalities if m != "nir")
    assert after.metadata.pairing.others == ("sketch", "cpencil")
    assert [one.name for one in after.metadata.query_sets] == [
        one.name for one in before.metadata.query_sets if "NIR" not in one.name and one.last > one.first
    ] or not after.has("queries")
    only_train = filter_index(index, tmp_path / "train.parquet", "in_split('train')").metadata
    assert only_train.splits == ("train",)


def test_a_query_keeps_all_its_items_or_goes(tmp_path):
    opened = samples_of(index_of([Sample(str(i), ("rgb",)) for i in range(4)]).file)
    opened.samples.queries = [[0, 2], [0], [1], [3]]
    opened.samples.query_sets = (QuerySet("A", 0, 2), QuerySet("B", 2, 3), QuerySet("C", 3, 4), QuerySet("D", 4, 4))
    made = build_table(opened.samples)
    write_index(made.table, made.metadata("test"), tmp_path / "old.parquet")

    report = filter_index(tmp_path / "old.parquet", tmp_path / "new.parquet", "identity != '1'")

    assert report.queries_dropped == 1
    assert [(one.name, one.first, one.last) for one in report.metadata.query_sets] == [
        ("A", 0, 1), ("B", 1, 2), ("C", 2, 3), ("D", 3, 3)
    ]  # fmt: skip
    assert pq.read_table(report.index)["queries"].to_pylist() == [[1], [0], [2]]


def test_what_was_found_in_the_files_can_be_asked_and_stays(tmp_path):
    opened = samples_of(index_of([Sample(str(i), ("rgb",)) for i in range(3)]).file)
    opened.samples.probed = {
        "width": pa.array([10, None, 30], pa.int32()),
        "height": pa.array([20, None, 30], pa.int32()),
        "mode": pa.array(["RGB", None, "L"]),
    }
    made = build_table(opened.samples)
    write_index(made.table, made.metadata("test"), tmp_path / "old.parquet")
    index = IndexFile(tmp_path / "old.parquet")

    assert rows_where(index, "width * 2 <= height").tolist() == [0]
    assert rows_where(index, "width is None and mode is None").tolist() == [1]
    assert rows_where(index, "width != 10").tolist() == [1, 2]
    assert rows_where(index, "not width < 20").tolist() == [1, 2]
    report = filter_index(index.path, tmp_path / "new.parquet", "mode == 'L'")
    assert pq.read_table(report.index)["width"].to_pylist() == [30]


def test_words_for_modalities_and_splits_are_understood(tmp_path):
    index = IndexFile(build_index(trees.orbench(tmp_path / "data")).index)

    assert rows_where(index, "has('VIS')").tolist() == rows_where(index, "has('rgb')").tolist()
    assert len(rows_where(index, "has('infrared')")) == len(rows_where(index, "has('nir')")) > 0
    same = "modality == 'caption+visible'", "modality in ['rgb+text']", "'vis+txt' == modality"
    assert len({tuple(rows_where(index, one)) for one in same}) == 1
    assert len(rows_where(index, same[0])) > 0
    assert rows_where(index, "split == 'training'").tolist() == rows_where(index, "in_split('train')").tolist()


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("matches(path, r'0000[01]_rgb')", [0, 1]),
        (r"matches(path, '^\d{4}2')", [2]),
        ("matches(path, '(a+)+$')", []),
        ("tracklet is None", [0, 1, 2]),
        ("tracklet is not None", []),
        ("tracklet == -1 and size*2.5 == 0", [0, 1, 2]),
        ("size in [0.0, 2]", [0, 1, 2]),
        ("2 in [1, 2]", [0, 1, 2]),
        ("identity == '1' or camera == 'é'", [1, 2]),
        ("identity\n  ==\t'1'", [1]),
        ("'a' 'b' == 'ab'", [0, 1, 2]),
        ("+pid >= - -2", [2]),
        ("tracklet // 2 == -1 and tracklet % 5 == 4", [0, 1, 2]),
        ("-pid // 2 == -1", [1, 2]),
        ("(pid - 3) % 3 == 1", [1]),
        ("True", [0, 1, 2]),
        ("not True", []),
        ("(pid in (0, 2)) == True", [0, 2]),
        ("pid + 1795463501162217799 > 1.5e18", [0, 1, 2]),
        ("pid + 1795463501162217799 in [1.5, 2]", []),
        ("(pid * 0.5) % 1 == 0.5", [1]),
        ("(pid * -0.5) // 1 == -1", [1, 2]),
    ],
)
def test_small_words_mean_what_they_say(expression, rows):
    index = index_of([Sample("0", ("rgb",)), Sample("1", ("rgb",)), Sample("2", ("rgb",), "é")]).file

    assert rows_where(index, expression).tolist() == rows


# ------------------------------------------------------------------------------------------------ what makes no sense


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "expected an expression"),
        ("cmaera == '3'", "column 1: no column 'cmaera'; did you mean 'camera'"),
        ("size > 1 and camera == 3", "column 24: camera is text, 3 is a number; write '3'"),
        ("identity == 'ü' and camera == 3", "column 31: camera is text"),
        ("size > 'x'", "column 8: size is a number, 'x' is text: they cannot be compared"),
        ("pid in [1, 'x']", "column 12: pid is a number, 'x' is text"),
        ("size", "column 1: expected something true or false, found a number; compare it, as in size == …"),
        ("not camera", "column 5: expected something true or false, found text"),
        ("size = 3", "column 6: cannot be read"),
        ("size >", "cannot be read"),
        ("size == None", "column 9: None is asked with `is None`"),
        ("size is 3", "column 9: `is` asks for None only; write == or !="),
        ("3 is None", "column 1: expected a column before `is`"),
        ("pairable is None", "column 1: expected a column before `is`"),
        ("pairable > True", "column 1: pairable is true or false: there is no less or greater"),
        ("pairable in [True]", "column 1: pairable is true or false; write it by itself"),
        ("pid in []", "column 8: this list is empty"),
        ("pid in 3", "column 8: expected a list after `in`"),
        ("'a' in path", "contains(path, 'a') looks for a part of a text"),
        ("pid in [size]", "column 9: expected a text or a number in the list"),
        ("[1] == pid", "column 1: a list stands only after `in`"),
        ("path.startswith('a')", "column 1: names have no parts; write startswith(path, '…')"),
        ("foo(path)", "column 1: no function 'foo'"),
        ("startwith(path, 'a')", "did you mean 'startswith'"),
        ("startswith(path)", "column 1: expected startswith(path, 'cam1/')"),
        ("startswith(path, camera)", "column 18: expected a text between quotes"),
        ("startswith(size, 'a')", "column 12: expected a text, found size, which is a number"),
        ("has", "column 1: has is asked with brackets: has('rgb')"),
        ("has(rgb)", "column 5: expected a text between quotes"),
        ("has('nirr')", "column 5: this index has no modality 'nirr'; did you mean 'nir'"),
        ("has(*['nir'])", "column 1: expected has('rgb')"),
        ("modality == 'rgb+tir'", "column 13: this index has no modality 'tir'"),
        ("split == 'p/val'", "column 10: 'p/val' belongs to a protocol; write in_split('p/val')"),
        ("split in ['test']", "column 11: this index has no split 'test'"),
        ("in_split('trian')", "did you mean 'train'"),
        ("matches(path, '(')", "column 15: not a pattern of RE2"),
        (r"matches(path, r'(a)\1')", "not a pattern of RE2"),
        ("pid / 2 == 1", "write // for whole numbers"),
        ("pid // size == 1", "column 8: expected a whole number from 1 on, found size"),
        ("pid % 0 == 1", "column 7: expected a whole number from 1 on, found 0"),
        ("pid % 1.5 == 1", "expected a whole number from 1 on"),
        ("pid + 'a' == 1", "column 7: expected a number, found 'a', which is text"),
        ("(pid > 1) & (pid < 3)", "conditions are joined by `and` and `or`, not by & and |"),
        ("pid ** 2 == 1", "this operator is not known"),
        ("pid & 2 == 1", "write `and`"),
        ("pid == 9223372036854775808", "column 8: this number is larger than any in an index"),
        ("size == 1e999", "this number is larger than any"),
        ("size == 1j", "expected a text or a number"),
        ("path == b'x'", "only plain texts"),
        ("path == f'{path}'", "only plain texts"),
        ("path == 'a' if 1 < 2 else 1 < 2", "this is not understood"),
        ("(lambda: 1)() == 1", "no function"),
        ("[x for x in path] == 1", "this is not understood"),
        ("(pid := 3) == 1", "this is not understood"),
        ("path[0] == 'a'", "this is not understood"),
        ("__import__('os').system('true') == 0", "names have no parts"),
        ("path == '''a'''", "between single or double quotes"),
        ("path == '\\ud800'", "not valid Unicode"),
        ("pid == 1 # two", "cannot be read"),
        ("width > 3", "this index does not tell width; build it with `reidindex build --probe`"),
        ("size * 9223372036854775807 + pid + 3 > 0", None),
        ("(pid + 9223372036854775807) > 0", "a sum or product becomes too large"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(expression, message):
    index = index_of(
        [Sample("0", ("rgb",)), Sample("1", ("nir",), split="p/val"), Sample("1", ("rgb",), "3")]
    ).file  # fmt: skip
    if message is None:
        rows_where(index, expression)
        return
    if expression == "pid == 1 # two":
        assert rows_where(index, expression).tolist() == rows_where(index, "pid == 1").tolist()
        return

    with pytest.raises(SettingsError) as caught:
        rows_where(index, expression)

    assert message in str(caught.value)
    assert str(caught.value).startswith("filter")


def test_an_error_marks_the_place_below_the_text():
    index = index_of([Sample("0", ("rgb",))]).file

    with pytest.raises(SettingsError) as caught:
        rows_where(index, "identity == 'é' and cmaera in ['3']")

    lines = str(caught.value).splitlines()
    assert lines[1:] == ["    identity == 'é' and cmaera in ['3']", "                        ^^^^^^"]


HOSTILE = {
    "brackets": "(" * 100_000 + "1" + ")" * 100_000,
    "some brackets": "(" * 190 + "pid" + ")" * 190,
    "not": "not " * 4_000 + "True",
    "minus": "pid == " + "-" * 19_000 + "1",
    "sum": "pid == " + "+".join(["1"] * 9_000),
    "deep sum": "pid == " + "+".join(["1"] * 400),
    "lists": "[" * 15_000,
    "calls": "has(" * 4_000,
    "text within a text": 'path == f"' + "{1+1}" * 3_000 + '"',
    "hidden": "path == '' '\\' + " + "1+" * 5_000 + "1",
    "comment": "path == 'a' #' " + "+1" * 5_000,
    "comparisons": "0 " + "< 1 " * 5_000,
    "number": "pid == " + "9" * 15_000,
    "null": "pid == 1\0",
    "half a pair": "path == '\ud800'",
    "attributes": "a" + ".a" * 9_000,
    "unicode": "ｐｉｄ == 1" + " and ｐｉｄ == 1" * 1_200,
    "arrow": "pid == 1" + " or pid == 1" * 400 + " or",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_is_an_error_and_nothing_worse(kind):
    index = index_of([Sample("0", ("rgb",))]).file

    with pytest.raises(SettingsError) as caught:
        rows_where(index, HOSTILE[kind])

    assert len(str(caught.value)) < 1_000


def test_hostile_text_does_not_end_the_process(tmp_path):
    index = index_of([Sample("0", ("rgb",))])
    for expression in ("(" * 50_000 + "1", "not " * 4_900 + "True"):
        done = subprocess.run(
            [sys.executable, "-m", "indexer", "filter", index.path, expression, "--count"], capture_output=True, text=True
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("error: filter")


@given(st.text(alphabet="pid'\"()[]{}<>=! andotr#\\\n.,:0123é+-*/%@&|", max_size=60))
def test_whatever_is_written_is_read_or_refused(text):
    try:
        compiled(text, {"pid": "number", "path": "text"}, ("rgb",), ("train",))
    except SettingsError as error:
        assert "filter" in str(error)


def test_many_conditions_are_read():
    index = index_of([Sample(str(i), ("rgb",)) for i in range(3)]).file
    listed = ", ".join(f"'{i:05d}'" for i in range(1, 2_000))

    assert rows_where(index, " or ".join(f"identity == '{i}'" for i in range(1, 400))).tolist() == [1, 2]
    assert rows_where(index, f"identity not in [{listed}]").tolist() == [0, 1, 2]


def test_names_that_can_be_asked_are_those_of_the_index(tmp_path):
    index = index_of([Sample("0", ("rgb",))]).file

    assert {"pid", "path", "pairable"} <= set(kinds_in(index))
    assert not {"width", "height", "mode", "box", "pid_end"} & set(kinds_in(index))


# ------------------------------------------------------------------------------------------------ the command


def test_an_empty_result_is_refused_and_tells_what_there_is(tmp_path, run):
    index = build_index(trees.sysu(tmp_path / "data")).index
    out = tmp_path / "new.parquet"

    done = run("filter", index, "modality == 'ir' and camera == '1'", "-o", out)

    assert done.returncode == 2
    assert "true for none of 24 samples, nothing was written" in done.stderr
    assert "camera is '1', '2', '3', '4', '6' here" in done.stderr
    assert not out.exists()


def test_count_writes_nothing(tmp_path, run, run_json):
    index = build_index(trees.sysu(tmp_path / "data")).index
    before = sorted(tmp_path.rglob("*"))

    told = run_json("filter", index.parent, "has('ir')", "--count")

    jsonschema.validate(told, SCHEMA)
    assert (told["index"], told["digest"]) == (None, None)
    assert told["samples"] == 8
    assert run("filter", index, "pid == 77", "--count").stdout.startswith("0 of ")
    assert sorted(tmp_path.rglob("*")) == before


def test_either_a_file_or_a_count_is_asked_for(tmp_path, run):
    index = build_index(trees.sysu(tmp_path / "data")).index

    for options in ([], ["--count", "-o", tmp_path / "new.parquet"]):
        done = run("filter", index, "True", *options)
        assert done.returncode == 2
        assert "expected -o FILE to write an index, or --count" in done.stderr


def test_the_new_index_knows_its_tree_and_how_it_was_made(tmp_path, run):
    index = build_index(trees.sysu(tmp_path / "dä ta")).index
    out = tmp_path / "sub" / "new.parquet"
    out.parent.mkdir()

    done = run("filter", index.parent, "has('ir') and camera == '3'", "-o", out)

    assert done.returncode == 0, done.stderr
    assert "pids count from 0 again" in done.stderr
    metadata = IndexFile(out, verify="full").metadata
    assert metadata.made_by == "filter \"has('ir') and camera == '3'\""
    assert metadata.root == "../dä ta"
    view = open_index(out)
    assert all((view.root / view.path_of(row)).is_file() for row in range(len(view)))
    again = run("filter", out, "True", "--keep-pids", "-o", tmp_path / "more.parquet")
    assert "pids" not in again.stderr
    chain = "filter \"has('ir') and camera == '3'\"; filter True --keep-pids"
    assert IndexFile(tmp_path / "more.parquet").metadata.made_by == chain


def test_a_build_does_not_take_a_filtered_index_for_its_own(tmp_path, run):
    root = trees.sysu(tmp_path / "data")
    index = build_index(root).index
    run("filter", index, "has('ir')", "-o", tmp_path / "new.parquet")
    shutil.copy(tmp_path / "new.parquet", tmp_path / "copy.parquet")

    done = run("build", root, "-o", tmp_path / "new.parquet")

    assert done.returncode != 0
    assert "made by `filter" in done.stderr
    assert (tmp_path / "new.parquet").read_bytes() == (tmp_path / "copy.parquet").read_bytes()


def test_the_protocol_of_the_plain_splits_goes_with_its_last_sample(tmp_path):
    index = build_index(trees.regdb(tmp_path / "data")).index
    protocol = IndexFile(index).metadata.protocol
    assert protocol

    kept = filter_index(index, tmp_path / "kept.parquet", f"in_split('{protocol}/train')")

    assert kept.metadata.protocol == protocol
    assert np.array_equal(
        rows_where(IndexFile(kept.index), "in_split('train')"),
        rows_where(IndexFile(kept.index), f"in_split('{protocol}/train')"),
    )
