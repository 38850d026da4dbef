"""`reidindex split`: nobody on both sides, exact counts, the same lots for ever."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.errors import IndexFileError, SettingsError
from indexer.index_file import IndexFile
from indexer.rework.deal import NEITHER, TRAIN, VAL, Pool, deal, how_many, parsed_share
from indexer.rework.filter import filter_index
from indexer.rework.lots import apportioned, lots
from indexer.rework.queries import query_rows
from indexer.rework.split import SplitSettings, parsed_strata, split_index
from sampler_runtime.mapped import open_index
from tests import trees
from tests.effort import examples
from tests.populations import Sample, index_of, populations

SCHEMA = json.loads((Path(__file__).parents[1] / "docs/schemas/split.json").read_text(encoding="utf-8"))


@st.composite
def pools(draw, min_identities=2, untold=True):
    """Samples of some people: modalities, frames, cameras, or none."""
    people = draw(st.integers(min_identities, 14))
    cameras = draw(st.integers(0, 4))
    least = -1 if untold else 0
    rows = [
        (who, draw(st.integers(1, 7)), draw(st.integers(least, 30)), draw(st.integers(-1, cameras - 1)))
        for who in range(people)
        for _ in range(draw(st.integers(1, 6)))
    ]
    who, masks, frame, camera = np.array(rows, np.int64).T
    names = tuple(f"person {i}" for i in range(people))
    return Pool(who, names, masks.astype(np.uint32), frame, camera, tuple(f"c{i}" for i in range(cameras)))


def shuffled(pool, seed):
    """The same samples and people in another order, and where each sample stood."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(pool.who))
    people = np.random.Generator(np.random.PCG64(seed + 1)).permutation(len(pool.people))
    place = np.argsort(people)
    names = tuple(pool.people[i] for i in people)
    return (
        Pool(
            place[pool.who[order]], names, pool.modalities[order], pool.frame[order], pool.camera[order], pool.cameras
        ),
        order,
    )


shares = st.fractions(Fraction(1, 100), Fraction(99, 100), max_denominator=100) | st.integers(1, 13)


# ------------------------------------------------------------------------------------------------ who goes where


@given(pools(), shares, st.sampled_from([(), ("modalities",), ("size",), ("modalities", "size")]), st.integers(0, 99))
def test_by_lot_every_identity_is_on_one_side_and_the_counts_are_exact(pool, share, stratify, seed):
    assume(not isinstance(share, int) or share < len(pool.people))
    count = share if isinstance(share, int) else int(share * len(pool.people) + Fraction(1, 2))
    assume(0 < count < len(pool.people))

    dealt = deal(pool, share, by="identity", stratify=stratify, seed=seed)

    assert np.count_nonzero(dealt.of_identity == VAL) == count
    assert set(dealt.side.tolist()) == {TRAIN, VAL}
    assert (dealt.side == dealt.of_identity[pool.who]).all()


@given(pools(), st.integers(1, 13), st.integers(0, 99))
def test_a_larger_share_of_one_seed_holds_a_smaller_one(pool, count, seed):
    assume(count + 1 < len(pool.people))

    smaller, larger = (deal(pool, n, by="identity", seed=seed).of_identity for n in (count, count + 1))

    assert (larger >= smaller).all()


@given(pools(min_identities=3), st.integers(1, 12), st.integers(0, 99))
def test_without_one_identity_at_most_one_other_changes_sides(pool, count, seed):
    assume(count < len(pool.people) - 1)
    whole = deal(pool, count, by="identity", seed=seed).of_identity
    last = len(pool.people) - 1
    keep = pool.who != last
    less = Pool(
        pool.who[keep], pool.people[:-1], pool.modalities[keep], pool.frame[keep], pool.camera[keep], pool.cameras
    )

    now = deal(less, count, by="identity", seed=seed).of_identity

    assert np.count_nonzero(now != whole[:-1]) == (whole[last] == VAL)


@given(pools(untold=False), shares, st.sampled_from(["identity", "time", "camera"]), st.integers(0, 99))
def test_the_order_of_samples_and_people_does_not_matter(pool, share, by, seed):
    try:
        dealt = deal(pool, share, by=by, seed=seed)
    except SettingsError:
        assume(False)
    other, order = shuffled(pool, seed)

    again = deal(other, share, by=by, seed=seed)

    assert (again.side == dealt.side[order]).all()
    assert again.held_out == dealt.held_out


@given(pools(), st.sampled_from([("modalities",), ("size",)]), st.integers(0, 99))
def test_each_stratum_is_split_alike(pool, stratify, seed):
    count = len(pool.people) // 2
    dealt = deal(pool, count, by="identity", stratify=stratify, seed=seed)
    kinds = {}
    for person in range(len(pool.people)):
        mine = pool.who == person
        kind = np.bitwise_or.reduce(pool.modalities[mine]) if stratify == ("modalities",) else len(bin(mine.sum()))
        kinds.setdefault(int(kind), []).append(int(dealt.of_identity[person]))

    for sides in kinds.values():
        assert abs(sum(sides) - count * len(sides) / len(pool.people)) < 1


@given(pools(untold=False), shares, st.integers(0, 99))
def test_by_time_nobody_in_train_appears_after_somebody_in_val(pool, share, seed):
    try:
        count = how_many(share, len(pool.people))
        dealt = deal(pool, share, by="time", seed=seed)
    except SettingsError:
        assume(False)
    first = [pool.frame[pool.who == person].min() for person in range(len(pool.people))]
    train, val = ([f for f, side in zip(first, dealt.of_identity, strict=True) if side == s] for s in (TRAIN, VAL))

    assert len(val) == count
    assert max(train) <= min(val)


def test_by_time_people_without_frames_train_and_are_counted():
    pool = Pool(np.arange(4), tuple("abcd"), np.ones(4, np.uint32), np.array([5, -1, 9, 7]), np.full(4, -1), ())

    dealt = deal(pool, 2, by="time")

    assert dealt.of_identity.tolist() == [TRAIN, TRAIN, VAL, VAL]
    assert dealt.untimed == 1


@given(pools(), shares, st.integers(0, 99))
def test_by_camera_a_side_has_its_own_cameras_and_its_own_people(pool, share, seed):
    try:
        dealt = deal(pool, share, by="camera", seed=seed)
    except SettingsError:
        assume(False)
    held = {pool.cameras.index(name) for name in dealt.held_out}
    at = {side: np.flatnonzero(dealt.side == side) for side in (TRAIN, VAL, NEITHER)}

    assert len(at[TRAIN])
    assert set(pool.camera[at[VAL]].tolist()) <= held
    assert not set(pool.camera[at[TRAIN]].tolist()) & (held | {-1})
    assert not set(pool.who[at[TRAIN]].tolist()) & set(pool.who[at[VAL]].tolist())
    for person in range(len(pool.people)):
        seen = [int(c) in held for c in pool.camera[pool.who == person] if c >= 0]
        if 2 * sum(seen) != len(seen):
            assert dealt.of_identity[person] == (VAL if 2 * sum(seen) > len(seen) else TRAIN)
        elif not seen:
            assert dealt.of_identity[person] == NEITHER


def test_lots_are_the_same_for_ever():
    assert lots(0, ["0002", "0007"]).tolist() == [8866633107477254788, 11806407429633288923]
    assert lots(7, ["héllo"]).tolist() == [10727801086836678103]
    pool = Pool(
        np.arange(10), tuple(f"{i:04d}" for i in range(10)), np.ones(10, np.uint32), np.arange(10), np.arange(10) % 3, tuple("xyz")
    )  # fmt: skip

    sides = {
        by: "".join(str(s) for s in deal(pool, Fraction("0.3"), by=by, seed=4).of_identity)
        for by in ("identity", "time", "camera")
    }

    assert sides == {"identity": "0100101000", "time": "0000000111", "camera": "1001001001"}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9), st.data())
def test_shares_by_largest_remainder_are_exact_and_near_the_quota(sizes, data):
    total = data.draw(st.integers(0, sum(sizes)))

    found = apportioned(total, np.array(sizes))

    assert found.sum() == total
    assert all(abs(n - total * size / sum(sizes)) < 1 for n, size in zip(found.tolist(), sizes, strict=True))


@pytest.mark.parametrize(("text", "share"), [("0.2", Fraction(1, 5)), ("50", 50), ("1", 1), (".5", Fraction(1, 2))])
def test_a_share_is_read_exactly(text, share):
    assert parsed_share(text) == share


@pytest.mark.parametrize(
    "text", ["0", "1.0", "-1", "-0.2", "1.5", "x", "", "nan", "inf", "1/5", "2e", "1_0", "٣", "1e999"]
)
def test_a_share_that_is_none_is_refused(text):
    with pytest.raises(SettingsError, match="--val: expected a share between 0 and 1"):
        parsed_share(text)


@pytest.mark.parametrize(("share", "side"), [(Fraction(1, 100), "val"), (Fraction(99, 100), "train"), (4, "train")])
def test_a_share_that_leaves_a_side_empty_says_what_would_not(share, side):
    with pytest.raises(SettingsError, match=rf"of 4 leaves nobody in {side}; use a number from 1 to 3"):
        how_many(share, 4)


# ------------------------------------------------------------------------------------------------ queries


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), max_size=40),
    st.integers(0, 99),
)
def test_every_query_has_a_match_from_another_camera_and_there_is_one_a_camera(rows, seed):
    who, place = np.array(rows, np.int64).reshape(-1, 2).T
    told = place >= 0
    lot = lots(seed, map(str, range(len(rows))))

    queries = query_rows(who, place, lot, told=told)

    pairs = [(int(who[q]), int(place[q])) for q in queries]
    assert len(set(pairs)) == len(pairs)
    gallery = np.setdiff1d(np.arange(len(rows)), queries)
    for q in queries:
        others = gallery[who[gallery] == who[q]]
        assert len(others)
        assert (place[others] != place[q]).any() or not told[q]
    for person in set(who.tolist()):  # and no query more can be asked for
        places = sorted({int(p) for p in place[who == person]})
        asked = [p for w, p in pairs if w == person]
        if len(places) > 1:
            assert len(asked) >= len(places) - 1


def test_queries_do_not_depend_on_the_order_of_samples():
    who, place = np.array([0, 0, 0, 1, 1, 1, 1]), np.array([1, 1, 2, 1, 2, 2, 3])
    lot = lots(3, map(str, range(7)))
    order = np.array([6, 2, 0, 5, 1, 4, 3])

    found = query_rows(who, place, lot, told=place >= 0)
    again = query_rows(who[order], place[order], lot[order], told=place[order] >= 0)

    assert set(order[again].tolist()) == set(found.tolist())


# ------------------------------------------------------------------------------------------------ whole indexes


def members(index, split):
    """path → pid of a split."""
    table = pq.read_table(index)
    bit = IndexFile(index).metadata.splits.index(split)
    return {r["path"]: r["pid"] for r in table.to_pylist() if r["splits"] >> bit & 1}


@examples(25)
@given(populations(max_identities=10, splits=True), st.data())
def test_the_new_splits_are_disjoint_and_together_are_what_was_split(population, data):
    index = index_of(population)
    split = data.draw(st.sampled_from(list(index.splits) or [None]))
    old = members(index.path, split) if split else dict.fromkeys(())
    people = {pid for pid in old.values() if pid >= 0}
    assume(split and len(people) > 1)
    count = data.draw(st.integers(1, len(people) - 1))
    out = index.path.with_name("new.parquet")

    report = split_index(index.path, out, SplitSettings(str(count), of=split, name="mine", query=False))

    train, val = members(out, "mine/train"), members(out, "mine/val")
    assert {**train, **val} == {path: pid for path, pid in old.items() if pid >= 0}
    assert not set(train.values()) & set(val.values())
    assert len(set(val.values())) == count == report.splits["mine/val"].identities
    # all else is as it was
    assert index.splits == report.metadata.splits[: len(index.splits)]
    mine = pq.read_table(out).drop_columns(["splits"])
    assert mine.equals(pq.read_table(index.path).drop_columns(["splits"]))


def market_index(tmp_path):
    """Seven people by three cameras, two samples each; a distractor."""
    names = [
        f"bounding_box_train/{i:04d}_c{c}s1_{i:04d}{c}{n}_00.jpg"
        for i in range(2, 9)
        for c in (1, 2, 3)
        for n in (1, 2)
    ]
    root = trees.write(tmp_path / "market", names)
    trees.write(root, [f"query/{i:04d}_c1s1_001051_00.jpg" for i in (11, 12, 13)])
    trees.write(root, [f"bounding_box_test/{i:04d}_c2s1_001051_01.jpg" for i in (11, 12, 13)])
    trees.write(root, ["bounding_box_test/0000_c1s1_000151_01.jpg", "bounding_box_test/-1_c1s1_000401_03.jpg"])
    return build_index(root, layout="market1501").index


def test_a_protocol_of_its_own_leaves_the_plain_splits_and_all_pids_alone(tmp_path, run, run_json):
    index = market_index(tmp_path)
    out = tmp_path / "new.parquet"

    told = run_json("split", index.parent, "--val", "0.3", "--query", "-o", out)

    jsonschema.validate(told, SCHEMA)
    assert told["name"] == "val30-seed0"
    before, after = IndexFile(index).metadata, IndexFile(out).metadata
    assert after.made_by == "split --val 0.3 --query --seed 0"
    assert (after.layout, after.fingerprint, after.protocol) == (before.layout, before.fingerprint, before.protocol)
    assert members(index, "train") == members(out, "train")
    assert told["splits"]["val30-seed0/val"]["identities"] == 2
    query, gallery = members(out, "val30-seed0/query"), members(out, "val30-seed0/gallery")
    assert len(query) == 6
    assert len(gallery) == 6
    assert {**query, **gallery} == members(out, "val30-seed0/val")
    shown = run("stats", out, "--protocol", "val30-seed0")
    assert shown.returncode == 0
    assert open_index(out).root == index.parent.resolve()


def test_pids_that_were_kept_with_gaps_stay_as_they_are(tmp_path):
    index = index_of([Sample(str(i), ("rgb",)) for i in range(8)])
    kept = filter_index(index.path, tmp_path / "kept.parquet", "pid in [1, 4, 6]", keep_pids=True).index

    report = split_index(kept, tmp_path / "new.parquet", SplitSettings("1", name="mine"))

    assert {**members(report.index, "mine/train"), **members(report.index, "mine/val")} == members(kept, "train")
    assert set(members(kept, "train").values()) == {1, 4, 6}
    assert report.metadata.kept_pids
    assert report.metadata.identities == 7


def test_default_makes_the_new_splits_the_plain_ones_and_numbers_train_first(tmp_path, run_json):
    index = market_index(tmp_path)
    out = tmp_path / "new.parquet"

    run_json("split", index, "--val", "2", "--name", "mine", "--default", "-o", out)

    metadata = IndexFile(out).metadata
    assert metadata.protocol == "mine"
    assert members(out, "train") == members(out, "mine/train")
    assert members(out, "val") == members(out, "mine/val")
    assert sorted(set(members(out, "train").values())) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--query", "--default"], "the plain split query of this index would be lost"),
        (["--of", "query+gallery", "--default"], "the plain split train of this index would be lost"),
        (["--name", "a/b"], "--name: expected one word"),
        (["--name", "a b"], "--name: expected one word"),
        (["--name", ""], "--name: expected one word"),
        (["--of", "trian"], "no split 'trian'; did you mean 'train'"),
        (["--by", "tiem"], "--by: expected identity, time or camera, found 'tiem'; did you mean 'time'"),
        (["--stratify", "sizes"], "did you mean 'size'"),
        (["--by", "time", "--stratify", "size"], "--stratify goes with --by identity"),
        (["--val", "7"], "7 identities of 7 leaves nobody in train"),
        (["--val", "20%"], "--val: expected a share"),
    ],
)
def test_what_cannot_be_split_so_says_why_and_writes_nothing(tmp_path, run, options, message):
    index = market_index(tmp_path)
    out = tmp_path / "new.parquet"
    val = [] if "--val" in options else ["--val", "0.3"]

    done = run("split", index, *val, *options, "-o", out)

    assert done.returncode == 2
    assert message in done.stderr
    assert not out.exists()


def test_a_name_is_taken_once(tmp_path, run):
    index = market_index(tmp_path)
    run("split", index, "--val", "0.3", "-o", tmp_path / "a.parquet")

    done = run("split", tmp_path / "a.parquet", "--val", "0.3", "-o", tmp_path / "b.parquet")

    assert done.returncode == 2
    assert "has a protocol 'val30-seed0' already; name another" in done.stderr
    more = run("split", tmp_path / "a.parquet", "--val", "0.3", "--seed", "1", "-o", tmp_path / "b.parquet")
    assert more.returncode == 0
    assert IndexFile(tmp_path / "b.parquet").metadata.made_by == "split --val 0.3 --seed 0; split --val 0.3 --seed 1"


def test_more_splits_than_an_index_holds_are_refused(tmp_path, run):
    population = [Sample(str(i), ("rgb",), split=f"p{i}/train") for i in range(63)]
    index = index_of([*population, Sample("a", ("rgb",)), Sample("b", ("rgb",))])

    done = run("split", index.path, "--val", "1", "-o", tmp_path / "new.parquet")

    assert done.returncode == 2
    assert "64 splits, 2 more are more than the 64 an index can hold" in done.stderr


def test_an_index_without_frames_or_cameras_is_not_split_by_them(tmp_path):
    index = index_of([Sample(str(i), ("rgb",)) for i in range(5)])

    for by, message in (("time", "tells no frames"), ("camera", "tell no cameras, it takes two")):
        with pytest.raises(SettingsError, match=message):
            split_index(index.path, tmp_path / "new.parquet", SplitSettings("0.4", by=by))


def test_people_of_whom_one_camera_tells_ask_nothing(tmp_path):
    index = index_of([Sample(str(i), ("rgb",), "1") for i in range(5) for _ in range(3)])

    with pytest.raises(SettingsError, match="--query: nobody of the 2 identities in val has samples of two cameras"):
        split_index(index.path, tmp_path / "new.parquet", SplitSettings("0.4", query=True))


def test_distractors_go_to_the_gallery_and_nowhere_else(tmp_path, run_json):
    people = [Sample(str(i), ("rgb",), c) for i in range(6) for c in "12" for _ in range(2)]
    index = index_of([*people, Sample("0000", ("rgb",), "1", role="distractor")])
    out = tmp_path / "new.parquet"

    told = run_json("split", index.path, "--val", "0.5", "--query", "--name", "n", "-o", out)

    extra = {path for path, pid in members(out, "train").items() if pid < 0}
    assert len(extra) == 1
    assert [split for split in told["splits"] if extra & set(members(out, split))] == ["n/gallery"]
    assert told["of_nobody"] == 1


def test_an_index_without_splits_is_split_as_a_whole(tmp_path, run):
    root = trees.folders(tmp_path / "data")
    index = build_index(root).index

    done = run("split", root, "--val", "0.34", "--default", "-o", tmp_path / "new.parquet")

    assert done.returncode == 0, done.stderr
    assert "9 identities of all split by identity" in done.stdout
    train, val = (members(tmp_path / "new.parquet", name) for name in ("train", "val"))
    assert len(train) + len(val) == IndexFile(index).num_rows
    assert sorted(set(val.values())) == [6, 7, 8]


def test_the_index_that_is_read_is_never_written(tmp_path, run):
    index = market_index(tmp_path)
    link = tmp_path / "link.parquet"
    link.symlink_to(index)
    content = index.read_bytes()

    for out in (index, index.parent, link):
        done = run("split", index, "--val", "0.3", "-o", out, "--force")
        assert done.returncode == 2
        assert "is the index that is read; name another file" in done.stderr
    assert index.read_bytes() == content


def test_a_file_of_somebody_is_replaced_by_force_only(tmp_path, run):
    index = market_index(tmp_path)
    out = tmp_path / "notes ü.parquet"
    out.write_text("mine")

    assert run("split", index, "--val", "0.3", "-o", out).returncode == 1
    assert out.read_text() == "mine"
    assert run("split", index, "--val", "0.3", "-o", out, "--force").returncode == 0
    assert IndexFile(out).metadata.made_by
    assert run("split", index, "--val", "0.4", "-o", out).returncode == 0
    missing = run("split", index, "--val", "0.4", "-o", tmp_path / "no" / "out.parquet")
    assert missing.returncode == 1
    assert "does not exist; make it first" in missing.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path):
    index = market_index(tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)

    with pytest.raises(IndexFileError, match="cannot be written there"):
        split_index(index, closed / "new.parquet", SplitSettings("0.3"))


def test_strata_are_read_in_any_order():
    assert parsed_strata("size, modalities") == ("modalities", "size")
    assert parsed_strata(None) == ()
