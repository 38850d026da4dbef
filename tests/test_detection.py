"""No tree is taken for another dataset's: every tree at hand, whole and in pieces, through every layout.

A right answer is the layout's name, or "cannot tell"; a wrong name is never right.
"""

from __future__ import annotations

import shutil
from functools import cache

import numpy as np
import pytest

from indexer.layouts import known_layouts
from indexer.layouts.detection import find_layout
from indexer.scan.listing import Listing, list_tree
from tests.effort import some
from tests.layout_trees import Maker, all_trees
from tests.test_published_counts import GROUPED, LAYOUTS
from tests.trees import published, write

DROPPINGS = (
    "Thumbs.db",
    ".DS_Store",
    "desktop.ini",
    "__MACOSX/._0001.jpg",
    "@eaDir/0001.jpg",
    ".ipynb_checkpoints/a.jpg",
)


def answer(listing):
    """The names of the layouts that a tree may have: one, or those that nobody can tell apart, or none."""
    found = find_layout(known_layouts(), listing)
    if found.chosen is not None:
        return {found.chosen.layout.name}
    return {score.layout.name for score in found.alike}


def is_right(names, layout):
    """Its own name; its own among those that cannot be told apart; or none, which is said."""
    return names == {layout} or (len(names) != 1 and (not names or layout in names))


def with_paths(listing, paths):
    """The listing of a tree of these files."""
    return Listing(listing.root, sorted(paths), np.zeros(len(paths), np.int64), np.zeros(len(paths), np.int64))


@cache
def made(name, folder):
    """A tree of a layout, written once a run: its layout, what is expected of it, and its listing."""
    make = Maker(folder / "".join(c if c.isalnum() else "-" for c in name))
    all_trees()[name](make)
    return name.partition(":")[0], make, list_tree(make.root)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trees")


@pytest.mark.parametrize("name", all_trees())
def test_a_tree_is_recognised_alone_and_below_top_folders(name, folder):
    """The row of the matrix: who else takes these names, and that something tells them apart."""
    layout, make, listing = made(name, folder)
    layouts, twins = known_layouts(), {layout, *make.twins}

    found = find_layout(layouts, listing)

    assert {s.layout.name for s in ([found.chosen] if found.chosen else found.alike)} == twins
    strangers = {s.layout.name for s in found.scores if s.fits and not s.layout.detect.loose} - twins
    told_apart = {
        n for n in strangers if layout in layouts[n].detect.yields_to or n in layouts[layout].detect.yields_to
    }
    by_marks = {n for n in strangers if layouts[n].detect.marks or layouts[layout].detect.marks}
    assert not strangers - told_apart - by_marks
    assert answer(with_paths(listing, [f"archive/archive/{path}" for path in listing.paths])) == twins


@pytest.mark.parametrize("name", ["msmt17", "prw", "cuhk-pedes", "hitsz-vcm", "ipanda50"])
def test_droppings_change_nothing(name, tmp_path):
    make = Maker(tmp_path / "top" / "data")
    all_trees()[name](make)

    write(make.root, DROPPINGS)
    write(tmp_path / "top", DROPPINGS)

    assert answer(list_tree(tmp_path / "top")) == {name}


@pytest.mark.parametrize("name", some(all_trees()))
def test_half_a_tree_is_never_taken_for_another_dataset(name, folder):
    layout, make, listing = made(name, folder)
    gone = {path for row in make.rows[::2] for path in (row.path, *row.aligned.values())}

    assert is_right(answer(with_paths(listing, [path for path in listing.paths if path not in gone])), layout)


@pytest.mark.parametrize("name", some(all_trees()))
def test_a_tree_without_its_lists_is_never_taken_for_another_dataset(name, folder):
    layout, make, listing = made(name, folder)
    samples = {path for row in make.rows for path in (row.path, *row.aligned.values())}

    names = answer(with_paths(listing, [path for path in listing.paths if path in samples]))

    # Nothing but lists tells some datasets from plain folders of identities: then they are just that.
    assert is_right(names, layout) or names == {"folders"}


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("options", [(), ("--junk",)], ids=["plain", "junk"])
def test_trees_of_published_names_are_recognised(name, options, shared_trees, tmp_path):
    root, _ = published(name, shared_trees, "--limit", "1500", *options)

    assert answer(list_tree(root)) == {LAYOUTS[name]}
    inside = tmp_path / "data" / "archive"
    shutil.copytree(root, inside)
    assert answer(list_tree(tmp_path / "data")) == {LAYOUTS[name]}
    images = sorted(p for p in inside.rglob("*") if p.suffix in (".jpg", ".png", ".bmp"))
    for file in images[::2]:
        file.unlink()
    assert is_right(answer(list_tree(tmp_path / "data")), LAYOUTS[name])


def test_layouts_that_name_files_alike_say_what_would_tell_them_apart(tmp_path, run):
    names = [
        f"{part}/000{n}_c1_f000000{n}.jpg"
        for part in ("bounding_box_train", "query", "bounding_box_test")
        for n in range(9)
    ]
    root = write(tmp_path / "d", names)

    done = run("build", root)

    assert done.returncode == 1
    assert "cannot tell which of the layouts dukemtmc-reid and occluded-duke it is" in done.stderr
    assert "the tree has the published counts of none" in done.stderr
    assert "--layout dukemtmc-reid" in done.stderr


def test_a_dry_run_shows_the_ranking_and_examples_of_every_rule_and_writes_nothing(tmp_path, run, run_json):
    layout, make = "veri-776", Maker(tmp_path / "data")
    all_trees()[layout](make)
    before = sorted(p for p in make.root.rglob("*"))

    done = run("build", make.root, "--dry-run")
    told = run_json("build", make.root, "--dry-run")

    assert done.returncode == 0
    assert sorted(p for p in make.root.rglob("*")) == before
    assert "→ 100.0%  veri-776" in done.stdout
    assert told["layout"] == layout
    assert {"veri-776", "veid-weaving"} <= {s["layout"] for s in told["ranking"]}
    assert [len(r["examples"]) for r in told["rules"]] == [min(3, r["taken"]) for r in told["rules"]]
    example = told["rules"][0]["examples"][0]
    expected = next(row for row in make.rows if row.path == example["path"])
    assert (example["identity"], example["camera"]) == (expected.identity, expected.camera)


def test_a_dry_run_of_a_tree_that_nothing_fits_ranks_and_fails(tmp_path, run):
    root = write(tmp_path / "d", [f"x/{n}.jpg" for n in range(9)])

    done = run("build", root, "--dry-run")

    assert done.returncode == 1
    assert "no known layout fits this tree" in done.stderr
    assert "reidindex layouts --new" in done.stderr
    assert not (root / "reidindex.parquet").exists()


def test_a_dry_run_with_a_layout_of_ones_own_shows_its_rules(tmp_path, run):
    root = write(tmp_path / "d", ["a/1.jpg", "b/2.jpg"])
    (tmp_path / "own.toml").write_text("[[rule]]\nmatch = '(?P<identity>[a-z])/(?P<frame>\\d)\\.jpg'\n")

    done = run("build", root, "--dry-run", "--layout", tmp_path / "own.toml")

    assert done.returncode == 0
    assert "takes 2 files" in done.stdout
    assert "identity a  modality rgb  frame 1" in done.stdout or "identity a  frame 1" in done.stdout


def test_a_whole_tree_is_told_from_its_twin_by_the_published_counts(tmp_path, monkeypatch):
    make = Maker(tmp_path / "d")
    all_trees()["celeb-reid-light"](make)
    counts = {part: {"rgb": sum(part in row.splits for row in make.rows)} for part in ("train", "query", "gallery")}
    layouts = dict(known_layouts())
    layouts["celeb-reid-light"] = layouts["celeb-reid-light"].model_copy(update={"published": counts})
    listing = list_tree(make.root)

    assert {s.layout.name for s in find_layout(known_layouts(), listing).alike} == {"celeb-reid", "celeb-reid-light"}
    found = find_layout(layouts, listing).chosen
    assert found is not None
    assert found.layout.name == "celeb-reid-light"
    next(make.root.rglob("*.jpg")).unlink()
    assert find_layout(layouts, list_tree(make.root)).chosen is None


def test_a_dry_run_refuses_what_it_would_pass_over(tmp_path, run):
    root = write(tmp_path / "d", ["a/1.jpg"])

    done = run("build", root, "--dry-run", "--strict", "--protocol", "trial3")

    assert done.returncode == 2
    assert "so --strict and --protocol would do nothing" in done.stderr
