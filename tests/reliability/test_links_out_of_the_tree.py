"""Nothing outside of the dataset folder is read, whatever links and paths say, unless the index was built so."""

from __future__ import annotations

import json
import ntpath
import os
import pickle  # noqa: TID251 - what spawn does
import posixpath
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.build import build_index
from indexer.checking import check_index
from indexer.cli import thumbnails
from indexer.errors import (
    AnnotationError,
    IndexFileError,
    LayoutError,
    LayoutFileError,
    LeadsOutError,
    SettingsError,
    TreeError,
)
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.layouts.files import Files
from indexer.sample_file import is_below, leads_out, opened, real_file
from indexer.scan import list_tree
from indexer.schema import schema_with
from indexer.update import update_index
from sampler_runtime.dataset import IndexDataset, SampleError
from sampler_runtime.mapped import open_index
from sampler_runtime.picture_sources import Source
from tests import trees
from tests.effort import times

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")

_watched: list[str] | None = None


def _watch(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and _watched is not None and isinstance(args[0], (str, bytes)):
        _watched.append(os.path.realpath(os.fsdecode(args[0])))


sys.addaudithook(_watch)


class Opened:
    """Every file that Python opens within the block, where it really lies."""

    def __enter__(self) -> list[str]:
        global _watched
        _watched = []
        return _watched

    def __exit__(self, *error: object) -> None:
        global _watched
        _watched = None


def below(files: list[str], folder: Path) -> list[str]:
    return [file for file in files if is_below(file, os.path.realpath(folder))]


def picture(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 16), (200, 10, 10)).save(file)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Nine people in folders, two pictures each; beside the dataset, a folder of somebody's."""
    for who in range(9):
        for number in range(2):
            picture(tmp_path / f"data/p{who}/{number}.jpg")
    for number in range(3):
        picture(tmp_path / f"elsewhere/{number}.jpg")
    return tmp_path / "data"


# ------------------------------------------------------------------------------------------------------- building


def test_a_link_that_leads_out_is_left_out_and_told_once_with_where_it_leads_and_what_to_do(data):
    (data / "p9").symlink_to(data.parent / "elsewhere")
    (data / "p1/9.jpg").symlink_to("../../elsewhere/0.jpg")

    report = build_index(data, layout="folders")

    told = {p.where: p for p in report.problems}
    assert set(told) == {"p9", "p1/9.jpg"}
    assert {p.kind for p in told.values()} == {"link"}
    assert f"leads out of the dataset, to {data.parent / 'elsewhere'}" in told["p9"].message
    assert "--links-outside" in told["p9"].message
    assert report.metadata.samples == 18
    assert report.metadata.links_outside is False
    assert b"links_outside" not in report.metadata.to_json()


def test_links_are_followed_where_the_user_says_so_and_update_and_check_go_by_it(data):
    (data / "p9").symlink_to(data.parent / "elsewhere")
    assert build_index(data, layout="folders").metadata.samples == 18

    report = build_index(data, layout="folders", links_outside=True)
    assert report.metadata.samples == 21
    assert report.problems == ()
    assert IndexFile(report.index).metadata.links_outside is True
    assert len({len(IndexDataset(open_index(data))[row]) for row in range(21)}) == 1
    assert check_index(data, deep=False, images="decode").findings == []
    assert update_index(data).build.up_to_date

    picture(data.parent / "elsewhere/7.jpg")
    assert update_index(data).changes.added == ("p9/7.jpg",)
    assert IndexFile(report.index).metadata.links_outside is True
    # a build without it would lose samples: not unasked
    with pytest.raises(
        IndexFileError,
        match="was built with --links-outside, and without it the samples behind such links would be lost",
    ):
        build_index(data, layout="folders")
    assert build_index(data, layout="folders", force=True).metadata.samples == 18


def test_an_index_that_was_built_the_other_way_is_not_up_to_date_though_the_files_are_the_same(data):
    assert not build_index(data, layout="folders").up_to_date
    assert build_index(data, layout="folders").up_to_date
    assert not build_index(data, layout="folders", links_outside=True).up_to_date
    assert open_index(data).metadata.links_outside


def test_the_command_line_names_the_link_and_takes_the_option(data, run):
    (data / "p9").symlink_to(data.parent / "elsewhere")

    first = run("build", data, "--layout", "folders")
    assert first.returncode == 0
    assert f"! link: p9: leads out of the dataset, to {data.parent / 'elsewhere'}" in first.stderr
    assert run("check", data, "--verbose").returncode == 0
    assert "21 samples" in run("build", data, "--layout", "folders", "--links-outside").stdout
    assert run("check", data).returncode == 0
    assert "has changed" not in run("stats", data).stderr
    assert "1 link leads" not in run("build", data, "--dry-run", "--links-outside").stderr
    assert "a link leads out of this folder" in run("build", data, "--dry-run").stderr


def test_where_too_little_remains_the_error_names_links_and_option(data):
    root = data.parent / "linked"
    root.mkdir()
    (root / "data").symlink_to(data)

    with pytest.raises(TreeError, match=r"no file to index.*a link leads out.*data → .*--links-outside"):
        build_index(root)
    (root / "readme.txt").write_text("")
    with pytest.raises(LayoutError, match=r"(?s)none of the 1 files is an image.*a link leads out.*--links-outside"):
        build_index(root)
    (root / "a.jpg").write_text("")
    with pytest.raises(LayoutError, match=r"(?s)no known layout fits.*a link leads out.*--links-outside"):
        build_index(root)
    assert build_index(root, layout="folders", links_outside=True).metadata.samples >= 18


def test_very_many_links_are_named_in_part_and_counted_in_all(data):
    for number in range(50):
        (data / f"p1/x{number:02d}.jpg").symlink_to(data.parent / "elsewhere/0.jpg")

    problems = list_tree(data).problems

    assert len(problems) == 21
    assert sum(p.count for p in problems) == 50


def test_links_within_the_folder_a_linked_root_and_hard_links_go_on_as_files(data):
    (data / "p9").mkdir()
    (data / "p9/0.jpg").symlink_to("../p0/0.jpg")
    (data / "p9/1.jpg").symlink_to(data / "p0/1.jpg")
    os.link(data.parent / "elsewhere/0.jpg", data / "p9/2.jpg")
    (data.parent / "name").symlink_to(data)
    other = data.parent / "other"
    other.symlink_to("name")

    report = build_index(other, layout="folders")

    assert report.problems == ()
    assert report.metadata.samples == 21
    dataset = IndexDataset(open_index(other))
    assert [dataset[row].image.size for row in range(21)] == [(8, 16)] * 21


def test_a_folder_whose_name_begins_like_the_roots_is_outside(data):
    picture(data.parent / "data-more/1.jpg")
    (data / "p9").symlink_to(data.parent / "data-more")

    assert [p.where for p in list_tree(data).problems] == ["p9"]


def test_reworked_indexes_read_what_the_old_one_read(data, run):
    (data / "p9").symlink_to(data.parent / "elsewhere")
    build_index(data, layout="folders", links_outside=True)

    out = data.parent / "some.parquet"
    assert run("filter", data, "size > 0", "-o", out).returncode == 0

    index = open_index(out)
    assert index.metadata.links_outside
    assert all(IndexDataset(index)[row].image is not None for row in range(len(index)))


# -------------------------------------------------------------------------------------------------------- reading


@pytest.fixture(params=["file", "folder", "folder above"])
def swapped(request, data):
    """An indexed dataset a sample of which has become a link that leads out, and its path."""
    (data / "deep").mkdir()
    (data / "p3").rename(data / "deep/p3")
    for row in range(2):  # elsewhere has the same names
        picture(data.parent / f"elsewhere/p3/{row}.jpg")
    build_index(data, layout="folders")
    victim = {"file": "deep/p3/1.jpg", "folder": "deep/p3", "folder above": "deep"}[request.param]
    target = {"file": "elsewhere/p3/1.jpg", "folder": "elsewhere/p3", "folder above": "elsewhere"}[request.param]
    (data / victim).rename(data.parent / "away")
    (data / victim).symlink_to(data.parent / target)
    return data, "deep/p3/1.jpg"


def test_a_dataset_refuses_a_sample_that_a_link_has_taken_out_of_the_tree(swapped):
    data, path = swapped
    dataset = IndexDataset(open_index(data))
    row = next(row for row in range(len(dataset)) if dataset.index.path_of(row) == path)

    with Opened() as files, pytest.raises(SampleError, match=r"a link leads out of the dataset, to .*--links-outside"):
        dataset[row]
    assert below(files, data.parent / "elsewhere") == []


def test_a_decoder_of_the_users_own_is_not_called_for_it(swapped):
    data, path = swapped
    asked: list[Path] = []
    dataset = IndexDataset(open_index(data), decoder=lambda file: asked.append(file) or 1)
    row = next(row for row in range(len(dataset)) if dataset.index.path_of(row) == path)

    with pytest.raises(SampleError, match="leads out"):
        dataset[row]
    assert asked == []


def test_no_command_opens_what_a_link_leads_to(swapped, run):
    data, path = swapped

    with Opened() as files:
        checked = check_index(data, deep=True)
        shown = run("show", data, "--identity", "deep", "-o", data.parent / "sheet.png")
        page = run("report", data, "-o", data.parent / "page.html", "--thumbnails", "20", "--no-check")
        in_cell = thumbnails._opened(Source(data, path))
        exported = run("export", data, "--to", "coco", "-o", data.parent / "coco.json")
        built = build_index(data, layout="folders", probe=True, hash=True, force=True)

    assert below(files, data.parent / "elsewhere") == []
    assert len(below(files, data)) > 10  # the watch sees what is opened
    assert {f.kind for f in checked.findings if f.where == path} & {"removed", "picture"}
    assert in_cell == (None, "leads out of the dataset: not read without --links-outside")
    assert (shown.returncode, page.returncode, exported.returncode) == (0, 0, 0)
    assert path not in json.dumps(json.loads((data.parent / "coco.json").read_text())["images"])
    assert [p.kind for p in built.problems] == ["link"]


def test_a_probe_of_a_trusted_manifest_opens_nothing_outside(data):
    manifest = data.parent / "m.jsonl"
    manifest.write_text('{"path": "p9/0.jpg", "identity": "9"}\n{"path": "p1/0.jpg", "identity": "1"}\n')
    (data / "p9").symlink_to(data.parent / "elsewhere")

    with Opened() as files:
        report = build_index(data, data.parent / "m.parquet", layout=str(manifest), trust=True, hash=True)

    assert below(files, data.parent / "elsewhere") == []
    (problem,) = report.problems
    assert (problem.kind, problem.where) == ("image", "p9/0.jpg")
    assert "leads out" in problem.message


def test_a_link_that_comes_between_the_look_and_the_opening_is_not_followed(data):
    file = Path(real_file(data, "p1/0.jpg", links_outside=False))
    file.unlink()
    file.symlink_to(data.parent / "elsewhere/0.jpg")

    with pytest.raises(OSError, match="symbolic links"):
        opened(file)


def test_a_list_that_becomes_a_link_after_the_listing_is_not_read(tmp_path):
    root = trees.sysu(tmp_path / "data")
    (tmp_path / "secret.txt").write_text("1,2,3")

    def swap(what, count):
        file = root / "exp/train_id.txt"
        if what == "reading names":
            file.unlink()
            file.symlink_to(tmp_path / "secret.txt")

    with Opened() as files, pytest.raises(LeadsOutError, match=r"exp/train_id\.txt"):
        build_index(root, on_progress=swap)
    assert str(tmp_path / "secret.txt") not in files


def test_a_list_that_becomes_a_fifo_after_the_listing_is_not_waited_for(tmp_path):
    root = trees.sysu(tmp_path / "data")
    files = Files(list_tree(root), "")
    (root / "exp/train_id.txt").unlink()
    os.mkfifo(root / "exp/train_id.txt")

    with pytest.raises(AnnotationError, match="not a file but a folder, FIFO or device"):
        files.path("exp/train_id.txt")


def test_folders_are_resolved_once_in_a_process_and_files_every_time(data, monkeypatch):
    asked = []
    really = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path, **more: asked.append(path) or really(path, **more))
    for _ in range(5):
        for number in range(2):
            real_file(data, f"p1/{number}.jpg", links_outside=False)

    assert len(asked) == 2  # the root, and the folder


# --------------------------------------------------------------------------------------------- paths of an index

_part = st.sampled_from(
    ["a", "b.jpg", "..", ".", "...", ".. ", "..  .", "", "C:", "C:b", "x:y", "\\", "..\\b", "\\\\host\\s\\x", "\0", "é"]
)
_path = st.lists(_part, max_size=5).map("/".join)


@settings(max_examples=times(200, 1_000, 20_000))
@given(_path)
def test_a_path_that_is_not_refused_stays_below_the_root_on_every_system(path):
    if not leads_out(path, windows=False):
        assert posixpath.normpath(posixpath.join("/data/root", path)).startswith("/data/root")
        assert "\0" not in path
    if not leads_out(path, windows=True):
        as_windows_does = "\\".join(
            part.rstrip(" .") or part[:2].strip() or part for part in path.replace("/", "\\").split("\\")
        )
        whole = ntpath.normpath(ntpath.join("D:\\data\\root", as_windows_does))
        assert whole.lower().startswith("d:\\data\\root")
        assert ":" not in whole[2:]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\0\\:"), min_size=1), min_size=1, max_size=4))
def test_an_honest_path_is_not_refused(parts):
    parts = [part for part in parts if not part.startswith(".")] or ["a"]

    assert not leads_out("/".join(parts), windows=False)
    assert not leads_out("/".join(parts), windows=True)


@pytest.mark.parametrize("follows", [False, True])
@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../elsewhere/0.jpg", "p1/../../elsewhere/0.jpg", "p1/\0.jpg", "p1", "."]
)
def test_an_index_that_names_such_a_path_reads_nothing(data, path, follows):
    report = build_index(data, layout="folders", links_outside=follows)
    table = pq.read_table(report.index).drop_columns(["path_end"])
    paths = table["path"].to_pylist()
    paths[0] = path
    hostile = data / "hostile.parquet"
    write_index(table.set_column(table.column_names.index("path"), "path", pa.array(paths)), report.metadata, hostile)
    dataset = IndexDataset(open_index(hostile))

    with Opened() as files, pytest.raises(SampleError):
        dataset[0]
    assert [file for file in files if not is_below(file, os.path.realpath(data))] == []


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../elsewhere/0.jpg", "p1/../../x.jpg", "C:x.jpg", "..\\x.jpg", "p1/\0.jpg"]
)
def test_a_manifest_that_names_such_a_path_is_refused_also_when_it_is_trusted(data, path):
    manifest = data.parent / "m.jsonl"
    manifest.write_text(json.dumps({"path": path, "identity": "1"}))

    for trust in (False, True):
        with pytest.raises(LayoutFileError, match="leads out of the dataset"):
            build_index(data, data.parent / "m.parquet", layout=str(manifest), trust=trust)


def test_a_list_of_the_dataset_that_names_such_paths_gets_nothing_for_them(tmp_path):
    """A list tells of files that were listed: what it names beyond is missing, and is not looked for on the disk."""
    layout = tmp_path / "mine.toml"
    layout.write_text(
        """title = "Mine"\n[[rule]]\nmatch = '(?P<identity>[^/]+)/[^/]+\\.jpg'\n"""
        '[[annotation]]\nfile = "list.txt"\nformat = "columns"\ncolumns = ["path", "camera"]\njoin = "path"\n'
    )
    picture(tmp_path / "data/p1/0.jpg")
    picture(tmp_path / "secret/0.jpg")
    (tmp_path / "data/list.txt").write_text("p1/0.jpg 1\n../secret/0.jpg 2\n/etc/passwd 3\n")

    with Opened() as files:
        report = build_index(tmp_path / "data", layout=str(layout), hash=True)

    assert [p.kind for p in report.problems] == ["listed-missing"]
    assert report.metadata.samples == 1
    assert below(files, tmp_path / "secret") == []
    assert "/etc/passwd" not in files


# ------------------------------------------------------------------------------- where the dataset lies, the user says


def test_the_user_can_say_where_the_dataset_lies_whatever_the_index_says(tmp_path):
    data, secret = trees.market(tmp_path / "data"), tmp_path / "secret"
    shutil.copytree(data, secret)
    build_index(data, tmp_path / "told.parquet")
    index = IndexFile(tmp_path / "told.parquet")
    table = index.table(schema_with().names).drop(["path_end"])
    write_index(table, replace(index.metadata, root="secret"), tmp_path / "forged.parquet")

    forged = open_index(tmp_path / "forged.parquet")
    told = open_index(tmp_path / "forged.parquet", root=data)

    assert forged.root == secret
    assert told.root == data
    view = pickle.loads(pickle.dumps(told.select(split="train")))
    assert view.root == data
    assert view.subset(rows=[0]).root == data
    assert view.path_of(0) == forged.select(split="train").path_of(0)
    for nowhere in (tmp_path / "nowhere", ""):
        with pytest.raises(SettingsError, match=r"open_index\(root=\): expected the dataset folder, found '"):
            open_index(data, root=nowhere)


def test_who_says_where_the_dataset_lies_follows_no_link_out_of_it_unasked(tmp_path):
    """An index of a stranger may say that links may be followed."""
    data, secret = trees.market(tmp_path / "data"), tmp_path / "secret.jpg"
    Image.new("RGB", (4, 4)).save(secret)
    picture = next((data / "bounding_box_train").iterdir())
    picture.unlink()
    picture.symlink_to(secret)
    build_index(data, links_outside=True)

    def read(**how):
        index = open_index(data, **how)
        row = next(row for row in range(len(index)) if index.path_of(row).endswith(picture.name))
        return IndexDataset(pickle.loads(pickle.dumps(index)))[row].image.size

    assert read() == read(links_outside=True) == read(root=data, links_outside=True) == (4, 4)
    for how in ({"root": data}, {"links_outside": False}):
        with pytest.raises(SampleError, match="a link leads out of the dataset"):
            read(**how)
