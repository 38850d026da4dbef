"""Five ways to one number: the page, `stats --json`, `plan --json`, SQL over the file, and plain pandas."""

from __future__ import annotations

import json

import duckdb
import pandas as pd
import pytest

from indexer.build import build_index
from indexer.index_file import IndexFile
from indexer.schema import modality_mask
from tests import trees
from tests.report_page import read_page

WHOLE = {"sysu": "sysu-mm01", "regdb": "regdb", "orbench": "orbench", "market1501": "market1501"}
SMALL = {"sysu": trees.sysu, "regdb": trees.regdb, "orbench": trees.orbench, "market1501": trees.market}
NUMBERS = ("samples", "identities", "pairable", "complete")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    from indexer.demo import write_demo

    root = tmp_path_factory.mktemp("numbers") / "demo"
    write_demo(root, identities=16, seed=0)
    return build_index(root).index


@pytest.fixture(params=["demo", *SMALL])
def small(request, tmp_path):
    if request.param == "demo":
        return request.getfixturevalue("demo")
    return build_index(SMALL[request.param](tmp_path / request.param)).index


def by_sql(index, split=None):
    """The numbers of a split as SQL tells them, from the Parquet file alone."""
    metadata = index.metadata
    pairing, every = metadata.pairing, metadata.modalities
    where = "true" if split is None else f"(splits & {1 << metadata.splits.index(split)}) <> 0"
    anchor, others = modality_mask([pairing.anchor], every), modality_mask(pairing.others, every)
    read = f"SELECT * FROM read_parquet('{index.path}') WHERE {where}"
    samples, *by_modality = duckdb.sql(
        f"SELECT count(*), {', '.join(f'count(*) FILTER ((modalities & {1 << i}) <> 0)' for i in range(len(every)))} FROM ({read})"
    ).fetchall()[0]
    identities, pairable, complete = duckdb.sql(
        f"""SELECT count(*), count(*) FILTER ((m & {anchor}) <> 0 AND (m & {others}) <> 0), count(*) FILTER (m = {2 ** len(every) - 1})
        FROM (SELECT pid, bit_or(modalities) AS m FROM ({read}) WHERE pid >= 0 GROUP BY pid)"""
    ).fetchall()[0]
    return dict(zip(NUMBERS, (samples, identities, pairable, complete), strict=True)), dict(
        zip(every, by_modality, strict=True)
    )


def by_pandas(index, split=None):
    """Likewise, from the readable columns: words, no bits."""
    frame = pd.read_parquet(index.path, columns=["pid", "modality", "split"]).astype(object)
    if split is not None:
        frame = frame[[split in str(words or "").split("+") for words in frame["split"]]]
    words = frame["modality"].map(lambda told: set(told.split("+")))
    people = words[frame["pid"] >= 0].groupby(frame["pid"].astype(int)).agg(lambda sets: set().union(*sets))
    pairing, every = index.metadata.pairing, index.metadata.modalities
    pairable = [m for m in people if pairing.anchor in m and m & set(pairing.others)]
    complete = [m for m in people if m == set(every)]
    counted = dict(zip(NUMBERS, (len(frame), len(people), len(pairable), len(complete)), strict=True))
    return counted, {m: sum(m in told for told in words) for m in every}


def from_stats(facts, modalities):
    numbers = {"pairable": facts["pairable"]["identities"], "complete": facts["complete"]["identities"]}
    counted = {**{name: facts[name] for name in ("samples", "identities")}, **numbers}
    return counted, {m: facts["modalities"].get(m, {"samples": 0})["samples"] for m in modalities}


def from_page(page, row, modalities):
    splits, pairable = page.numbers("table-splits")[row], page.numbers("table-pairable")[row]
    assert splits["identities"] == pairable["identities"]
    counted = {name: (splits if name in splits else pairable)[name] for name in NUMBERS}
    return counted, {m: splits[m] for m in modalities}


def report_of(run, index, out, *options):
    done = run("report", index, "-o", out, "--no-thumbnails", "--no-check", *options)
    assert done.returncode == 0, done.stderr
    return read_page(out)


def compare_splits(index, page, stats, *, with_pandas=True):
    every = index.metadata.modalities
    shown = [name for name in index.metadata.splits if "/" not in name]
    for split, facts in [(None, stats), *((name, stats["splits"][name]) for name in shown)]:
        found = from_page(page, split or "all samples", every)
        assert found == from_stats(facts, every) == by_sql(index, split)
        if with_pandas:
            assert found == by_pandas(index, split)
    assert set(page.rows("table-splits")) == {*shown, "all samples"}


def compare_cameras(index, page, stats):
    """`source/camera` as the page calls it, against SQL."""
    every = [m for m in index.metadata.modalities if m != "text"]
    counts = ", ".join(
        f"count(*) FILTER ((modalities & {1 << index.metadata.modalities.index(m)}) <> 0)" for m in every
    )
    rows = duckdb.sql(
        f"""SELECT CASE WHEN camera IS NULL THEN 'none told' WHEN source IS NULL THEN camera ELSE source || '/' || camera END AS name,
        {counts} FROM read_parquet('{index.path}') GROUP BY name"""
    ).fetchall()
    told = {name: {m: n for m, n in zip(every, numbers, strict=True) if n} for name, *numbers in rows}
    told = {name: row for name, row in told.items() if row}
    assert stats["cameras"] == told
    if set(told) != {"none told"}:
        found = page.numbers("table-cameras")
        assert {name: {m: n for m, n in row.items() if n and m in every} for name, row in found.items()} == told
        assert {name: row["together"] for name, row in found.items()} == {n: sum(r.values()) for n, r in told.items()}


def compare_combinations(page, stats, index):
    found = {name: row["identities"] for name, row in page.numbers("table-combinations").items()}
    words = pd.read_parquet(index.path, columns=["pid", "modality"]).astype(object).query("pid >= 0")
    order = index.metadata.modalities
    sets = words.groupby("pid")["modality"].agg(
        lambda told: "+".join(m for m in order if m in set("+".join(told).split("+")))
    )
    assert found == stats["combinations"] == sets.value_counts().to_dict()
    bins = [[b["from"], b["to"], b["identities"]] for b in stats["samples_per_identity"]["histogram"]]
    told = [[name, int(cells[0].replace(",", ""))] for name, *cells in page.tables["table-histogram"][1:]]
    assert told == [[f"{a:,}" if a == b else f"{a:,}–{b:,}", n] for a, b, n in bins]
    sizes = words.groupby("pid").size()
    assert [n for *_, n in bins] == [int(((sizes >= a) & (sizes <= b)).sum()) for a, b, _ in bins]


def compare_overlaps(index, page):
    shown = [name for name in index.metadata.splits if "/" not in name]
    bit = {name: 1 << index.metadata.splits.index(name) for name in shown}
    for pair, row in page.numbers("table-overlaps").items():
        first, second = pair.split(" and ")
        both = duckdb.sql(
            f"SELECT count(*) FROM read_parquet('{index.path}') WHERE (splits & {bit[first] | bit[second]}) = {bit[first] | bit[second]}"
        ).fetchall()[0][0]
        people = duckdb.sql(
            f"""SELECT count(*) FROM (SELECT pid FROM read_parquet('{index.path}') WHERE pid >= 0 GROUP BY pid
            HAVING (bit_or(splits) & {bit[first] | bit[second]}) = {bit[first] | bit[second]})"""
        ).fetchall()[0][0]
        assert row == {"identities": people, "samples": both}, pair


def compare_plan(run, index, page, *, p, k, each):
    done = run("plan", index, "-p", p, "-k", k, "--each", each, "--epochs", 10, "--json")
    if done.returncode == 2:
        assert "table-coverage" not in page.tables
        assert "These settings cannot work" in page.text
        return
    plan = json.loads(done.stdout)
    told = page.numbers("table-coverage")
    assert list(told) == [str(n) for n in range(1, 11)]
    for after in plan["coverage"]:
        row = told[str(after["epochs"])]
        assert (row["identities"], row["samples"]) == (after["identities"], after["samples"])
    assert f"{plan['repeats']:,} of {plan['drawn']:,} rows" in page.text
    assert f"{plan['identities']:,} of" in page.text
    if plan["left_out"]:
        assert {n: row["identities"] for n, row in page.numbers("table-left-out").items()} == plan["left_out"]
    words = "1 batch" if plan["batches"] == 1 else f"{plan['batches']:,} batches"
    assert f"{words} an epoch from {plan['split']}" in page.text


def test_every_way_to_count_a_small_dataset_tells_the_same(small, run, run_json, tmp_path):
    index, each = IndexFile(small), "pair" if IndexFile(small).metadata.pairing.others else "any"
    page = report_of(run, small, tmp_path / "page.html", "-p", 2, "-k", 2)
    stats = run_json("stats", small, "--no-check")

    compare_splits(index, page, stats)
    compare_cameras(index, page, stats)
    compare_combinations(page, stats, index)
    compare_overlaps(index, page)
    compare_plan(run, small, page, p=2, k=2, each=each)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in WHOLE])
def test_every_way_to_count_a_whole_dataset_tells_the_same(name, shared_trees, run, run_json, tmp_path):
    built, _, _ = trees.whole(name, shared_trees)
    index = IndexFile(built.index)
    page = report_of(run, built.index, tmp_path / "page.html")
    stats = run_json("stats", built.index, "--no-check")

    compare_splits(index, page, stats)
    compare_cameras(index, page, stats)
    compare_combinations(page, stats, index)
    compare_overlaps(index, page)
    compare_plan(run, built.index, page, p=8, k=4, each="pair" if index.metadata.pairing.others else "any")
    assert f"all {len(built.published)} counts that its source publishes were found" in page.text


@pytest.mark.xdist_group("orbench")
def test_the_sources_of_a_composite_dataset_are_counted(shared_trees, run, tmp_path):
    built, _, _ = trees.whole("orbench", shared_trees)
    frame = pd.read_parquet(built.index, columns=["pid", "source", "split"]).astype(object).dropna()

    page = report_of(run, built.index, tmp_path / "page.html")

    told = page.numbers("table-sources")
    assert set(told) == {"llcm", "sysu"}
    for source, row in told.items():
        for split, number in row.items():
            own = frame[(frame["source"] == source) & (frame["split"] == split)]
            assert number == own["pid"].nunique() > 0
    assert "identities of SYSU-MM01 (source sysu) are trained on here" in page.text
