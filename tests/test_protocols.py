"""Datasets that are evaluated in several ways: protocols in the index, on the command line, and drawn by lot."""

from __future__ import annotations

from random import Random  # noqa: TID251 - the law is that ours draws as Python's does

import pyarrow.parquet as pq
import pytest

from indexer.build import build_index
from indexer.errors import SettingsError
from indexer.layouts import known_layouts
from indexer.layouts.catalogue import splits_of
from indexer.layouts.language.parts import rounds
from indexer.schema import MAX_SPLITS
from sampler_runtime import open_index
from tests import trees


def members(index, split):
    view = index.select(split=split)
    return [view.path_of(row) for row in range(len(view))]


def test_the_protocol_a_user_wants_has_the_plain_splits_and_the_first_pids(tmp_path):
    root = trees.regdb(tmp_path / "d")
    usual = open_index(build_index(root, tmp_path / "a.parquet").index)
    third = open_index(build_index(root, tmp_path / "b.parquet", protocol="trial3").index)

    assert members(usual, "train") == members(usual, "trial1/train")
    assert sorted(members(third, "train")) == sorted(members(usual, "trial3/train"))
    assert third.select(split="train").pids.tolist() == [0, 1]
    assert usual.select(split="trial3/train").pids.tolist() != [0, 1]


def test_another_protocol_is_another_index_and_the_same_one_is_up_to_date(tmp_path):
    root = trees.regdb(tmp_path / "d")
    build_index(root)

    assert build_index(root).up_to_date
    assert not build_index(root, protocol="trial3").up_to_date
    assert build_index(root, protocol="trial3").up_to_date
    assert not build_index(root).up_to_date


def test_a_protocol_replaces_the_plain_splits_it_has_and_leaves_the_others(tmp_path):
    root = trees.sysu(tmp_path / "d")
    index = open_index(build_index(root, protocol="indoor0").index)

    assert members(index, "gallery") == members(index, "indoor0/gallery")
    assert {path.split("/")[0] for path in members(index, "gallery")} == {"cam1"}
    assert len(index.select(split="train")) == 10


def test_an_unknown_protocol_tells_the_near_one(tmp_path, run):
    root = trees.regdb(tmp_path / "d")
    build_index(root)

    with pytest.raises(SettingsError, match="--protocol: no protocol 'trail3'; did you mean 'trial3'"):
        build_index(root, protocol="trail3", force=True)
    for command in ("stats", "plan"):
        done = run(command, root, "--protocol", "trail3")
        assert (done.returncode, "did you mean 'trial3'" in done.stderr) == (2, True)
    assert "this dataset has none" in run("build", trees.market(tmp_path / "m"), "--protocol", "x").stderr


def test_stats_and_plan_take_the_splits_of_a_protocol(tmp_path, run, run_json):
    root = trees.regdb(tmp_path / "d")
    build_index(root)

    assert run_json("stats", root, "--protocol", "trial3", "--split", "train")["split"] == "trial3/train"
    assert run_json("stats", root, "--protocol", "trial3")["split"] == "trial3/train+trial3/query+trial3/gallery"
    assert "trial3/train" in run("plan", root, "--protocol", "trial3", "-p", "2", "-k", "2").stdout


def test_sysu_galleries_are_those_that_evaluation_code_draws(tmp_path):
    """As public code does: the trial seeds the generator; for each person, for each camera, one of the sorted files."""
    cameras = {4: "1245", 7: "14", 12: "25"}
    names = [f"cam{c}/{i:04d}/{n:04d}.jpg" for i, cs in cameras.items() for c in cs for n in range(1, 8)]
    root = trees.write(tmp_path / "d", [*names, *(f"cam3/{i:04d}/0001.jpg" for i in cameras)])
    trees.write(root, ["exp/test_id.txt"], b"4,7,12")
    trees.write(root, ["exp/train_id.txt", "exp/val_id.txt"], b"")
    index = open_index(build_index(root).index)

    for mode, seen in (("all", "1245"), ("indoor", "12")):
        for trial in range(10):
            lot, expected = Random(trial), []
            for identity, own in cameras.items():
                for camera in [c for c in seen if c in own]:
                    files = sorted(n for n in names if n.startswith(f"cam{camera}/{identity:04d}/"))
                    expected.append(lot.choice(files))
            assert sorted(members(index, f"{mode}{trial}/gallery")) == sorted(expected)
            assert len(members(index, f"{mode}{trial}/query")) == 3


def test_a_tree_with_too_few_people_to_draw_says_so_and_has_no_such_splits(tmp_path):
    names = [f"photo/{i}_0{c}_001.jpg" for i in range(1, 9) for c in (1, 2)] + [f"sketch/{i}.jpg" for i in range(1, 9)]
    report = build_index(trees.write(tmp_path / "d", names), layout="pku-sketch")

    told = {p.kind for p in report.problems}
    assert "draw" in told
    assert not [s for s in pq.read_table(report.index)["split"].to_pylist() if s]


def test_the_splits_of_all_protocols_fit_an_index():
    for layout in known_layouts().values():
        most = max([len(rounds(part.each)) for part in (*layout.annotation, *layout.draw)], default=1)
        names = splits_of(layout)
        drawn = [name for name in names if "{" in name]
        assert len(drawn) * most + len(names) - len(drawn) <= MAX_SPLITS, layout.name
