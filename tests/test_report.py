"""The page itself: whole, the same again, safe with any name, and written where it may be."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import struct
import zlib
from base64 import b64decode
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from indexer.build import build_index
from indexer.demo import write_demo
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.report.figures import Combination, grid, upset
from indexer.report.markup import tag, text
from indexer.schema import schema_with
from tests import trees
from tests.populations import Sample, index_of
from tests.report_page import read_page
from tests.trees import write

SECTIONS = ["dataset", "coverage", "amounts", "cameras", "splits", "batches", "pictures", "problems"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp("report") / "demo"
    write_demo(root, identities=12, seed=0)
    build_index(root)
    return root


def report(run, data, out, *options):
    done = run("report", data, "-o", out, *options)
    assert done.returncode == 0, done.stderr
    return read_page(out)


def attributes(page, name):
    return [told for tag, told in page.tags if tag == name]


def test_the_page_is_whole_and_needs_nothing_beside_it(run, demo, tmp_path):
    page = report(run, demo, tmp_path / "page.html")
    source = (tmp_path / "page.html").read_text()

    assert not page.unclosed
    assert [t["id"] for t in attributes(page, "h2")] == SECTIONS
    assert len(page.ids) == len(set(page.ids))
    assert attributes(page, "html")[0]["lang"] == "en"
    assert "script" not in {tag for tag, _ in page.tags}
    assert not {"link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    assert all(t["href"].startswith("#") and t["href"][1:] in page.ids for t in attributes(page, "a"))
    assert all(t["src"].startswith("data:image/jpeg;base64,") for t in attributes(page, "img"))
    assert not re.search(r"url\(|@import", source)
    assert not any(name.startswith("on") for _, told in page.tags for name in told)
    assert len(source) < 400_000


def test_headings_are_in_order_tables_have_scopes_and_figures_say_what_they_show(run, demo, tmp_path):
    page = report(run, demo, tmp_path / "page.html")

    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in pairwise(levels))
    assert all(told.get("scope") in ("col", "row") for told in attributes(page, "th"))
    assert len(attributes(page, "caption")) == len(page.tables) > 8
    figures = attributes(page, "svg")
    assert all(told["role"] == "img" and told["aria-labelledby"].split()[0] in page.ids for told in figures)
    assert len(page.figures) == len(figures) >= 8
    for title, description in page.figures.values():
        assert title
        assert len(description) > 5
    assert all(told["alt"] for told in attributes(page, "img"))


def test_the_same_index_gives_the_same_bytes_wherever_it_lies(run, demo, tmp_path):
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    report(run, demo, first)
    moved = tmp_path / "größer" / "d\u00e9mo"
    moved.parent.mkdir()
    demo.rename(moved)
    try:
        report(run, moved, second)
    finally:
        moved.rename(demo)

    assert first.read_bytes() == second.read_bytes()
    assert str(tmp_path) not in second.read_text()


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\u202e\x01'


def test_hostile_names_are_text(run, tmp_path):
    index = index_of([Sample(HOSTILE, (m,), camera=HOSTILE) for m in ("rgb", "nir")], tmp_path)

    page = report(run, index.path, tmp_path / "page.html", "--title", HOSTILE, "-p", "1")

    source = (tmp_path / "page.html").read_text()
    assert "<script" not in source
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, told in page.tags for name in told)
    assert "\u202e" not in source
    assert "\x01" not in source
    assert page.headings[0][1].startswith('"><script>alert(1)</script>')
    assert '"><script>alert(1)' in page.text
    assert next(iter(page.rows("table-cameras"))).startswith('"><script>')


def test_markup_escapes_whatever_is_no_markup():
    assert tag("td", "<i>", [tag("b", "x"), None, 1234], title='"&\ud800') == (
        '<td title="&quot;&amp;\N{REPLACEMENT CHARACTER}">&lt;i&gt;<b>x</b>1,234</td>'
    )
    assert text(text("<")) == "&lt;"


def test_settings_that_cannot_work_are_on_the_page_and_the_command_succeeds(run, demo, tmp_path):
    page = report(run, demo, tmp_path / "page.html", "-p", 500)

    assert "These settings cannot work on train, with each=pair." in page.text
    assert "use p=" in page.text
    assert "figure-coverage" not in page.ids
    assert "figure-serving" in page.ids


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--each", "rgbb>=1"], "no modality 'rgbb'"),
        (["--split", "tran"], "did you mean 'train'?"),
        (["--protocol", "trial3"], "--protocol: no protocol 'trial3'"),
        (["--pair", "rgb"], "--pair: expected ANCHOR:OTHER"),
    ],
)
def test_settings_that_make_no_sense_are_told_and_nothing_is_written(run, demo, tmp_path, options, message):
    done = run("report", demo, "-o", tmp_path / "page.html", *options)

    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_the_pairing_that_was_asked_for_is_what_batches_are_drawn_for(run, demo, tmp_path):
    page = report(run, demo, tmp_path / "page.html", "--pair", "rgb:sketch", "-p", "2")

    assert "are pairable: they have rgb and sketch." in page.text
    assert "with each=rgb>=1, sketch>=1" in page.text


def test_pictures_show_a_row_an_identity_and_what_is_missing_as_such(run, demo, tmp_path):
    page = report(run, demo, tmp_path / "page.html", "--thumbnails", "5")

    rows = page.tables["table-pictures"]
    assert rows[0] == ["identity", "rgb", "nir", "sketch", "cpencil", "text"]
    assert len(rows) == 6
    assert any("none" in row for row in rows)
    assert len(attributes(page, "img")) == sum(cell == "" for row in rows[1:] for cell in row[1:5])
    assert all(int(told["width"]) <= 88 and int(told["height"]) <= 144 for told in attributes(page, "img"))


@pytest.mark.parametrize("options", [["--no-thumbnails"], ["--thumbnails", "0"]])
def test_without_pictures_no_sample_is_opened(run, demo, tmp_path, monkeypatch, options):
    monkeypatch.setattr(Image, "open", lambda *a, **k: pytest.fail("a sample was opened"))

    page = report(run, demo, tmp_path / "page.html", *options)

    assert "No pictures were asked for." in page.text


def bomb():
    """A PNG file that says it has 900 million pixels."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "PNG")
    head = b"IHDR" + struct.pack(">II", 30_000, 30_000) + file.getvalue()[24:29]
    return file.getvalue()[:12] + head + struct.pack(">I", zlib.crc32(head)) + file.getvalue()[33:]


def test_files_that_cannot_be_shown_are_told_in_their_cell(run, tmp_path):
    names = ["vis/a/1.png", "vis/b/1.png", "vis/c/1.png", "vis/d/1.png", "thermal/a/1.png", "thermal/b/1.png"]
    root = write(tmp_path / "d", names)
    for i in range(5, 14):  # folders look like identities where there are some of them
        write(root, [f"vis/{i}/1.png", f"thermal/{i}/1.png"])
    Image.new("RGB", (60, 120), "red").save(root / "vis/a/1.png")
    build_index(root)
    (root / "vis/c/1.png").write_bytes(bomb())
    (root / "vis/d/1.png").unlink()
    (root / "thermal/a/1.png").unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "thermal/a/1.png")  # opened, it would never end
    else:
        (root / "thermal/a/1.png").mkdir()

    page = report(run, root, tmp_path / "page.html", "--thumbnails", "20", "--no-check")

    rows = page.rows("table-pictures")
    told = {name.removesuffix("rgb+tir").removesuffix("rgb"): cells for name, cells in rows.items()}
    assert told["a"] == ["", "cannot be read"]
    assert told["b"] == ["cannot be read", "cannot be read"]
    assert told["c"][0] == "cannot be read"
    assert told["d"][0] == "file missing"
    assert told["d"][1] == "none"
    assert len(attributes(page, "img")) == 1


def test_a_dataset_that_is_not_there_leaves_the_rest_of_the_page(run, demo, tmp_path):
    out = tmp_path / "elsewhere"
    out.mkdir()
    index = IndexFile(demo / "reidindex.parquet")
    table = index.table(schema_with().names).drop(["path_end"])
    write_index(table, replace(index.metadata, root="gone", query_sets=()), out / "reidindex.parquet")

    page = report(run, out / "reidindex.parquet", tmp_path / "page.html")

    assert "The dataset is not where the index looks for it" in page.text
    assert "table-pictures" not in page.tables
    assert page.numbers("table-splits")["all samples"]["samples"] == index.num_rows


def test_a_folder_of_which_nothing_but_the_index_is_left_still_has_a_page(run, tmp_path):
    root = trees.sysu(tmp_path / "sysu")
    build_index(root)
    for folder in root.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)

    page = report(run, root, tmp_path / "page.html", "-p", "1")

    assert "The tree has changed since the index was made." in page.text
    assert "None of these files could be read" in page.text


def test_a_path_that_leads_out_of_the_dataset_is_not_followed(run, tmp_path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "secret.png")
    (tmp_path / "d").mkdir()
    plain = index_of([Sample("a", ("rgb",)), Sample("a", ("nir",))], tmp_path / "d")
    table = plain.file.table(schema_with().names).drop(["path_end"])
    path = tmp_path / "d" / "evil.parquet"
    write_index(
        table.set_column(0, "path", pa.array(["../secret.png", str(tmp_path / "secret.png")])), plain.metadata, path
    )

    page = report(run, path, tmp_path / "page.html", "-p", "1")

    assert page.text.count("leads out of the dataset: not read without --links-outside") == 2
    assert not attributes(page, "img")


def test_boxes_are_cut_out_and_pictures_that_show_several_are_taken_apart(run, tmp_path):
    root = tmp_path / "d"
    root.mkdir()
    plain = index_of([Sample("a", ("rgb",)), Sample("b", ("rgb",))], root)
    picture = Image.new("RGB", (100, 100), "blue")
    picture.paste("red", (20, 10, 50, 90))
    picture.save(root / "frame.png")
    table = plain.file.table(schema_with().names).drop(["path_end"])
    table = table.set_column(0, "path", pa.array(["frame.png", "frame.png"]))
    boxes = pa.array([[20, 10, 30, 80], [200, 0, 5, 5]], pa.list_(pa.int32()))
    write_index(table.append_column("box", boxes), plain.metadata, root / "reidindex.parquet")

    page = report(run, root / "reidindex.parquet", tmp_path / "page.html", "-p", "1")

    (image,) = attributes(page, "img")
    assert (image["width"], image["height"]) == ("30", "80")
    assert shown(image).mean((0, 1)).tolist() == pytest.approx([254, 0, 0], abs=3)
    assert "its box lies outside of the picture" in page.text

    together = index_of([Sample("a", ("rgb", "nir"))], root)
    side = Image.new("RGB", (120, 90), "blue")
    side.paste("red", (60, 0, 120, 90))
    side.save(root / "both.png")
    table = together.file.table(schema_with().names).drop(["path_end"])
    partner = pa.array([[{"modality": "nir", "path": "both.png"}]], table.schema.field("aligned").type)
    table = table.set_column(0, "path", pa.array(["both.png"]))
    table = table.set_column(table.schema.get_field_index("aligned"), "aligned", partner)
    write_index(table, together.metadata, root / "reidindex.parquet")

    page = report(run, root / "reidindex.parquet", tmp_path / "page.html", "-p", "1")

    first, second = attributes(page, "img")
    assert shown(first).mean((0, 1))[2] > 250 > shown(first).mean((0, 1))[0] + 200
    assert shown(second).mean((0, 1))[0] > 250 > shown(second).mean((0, 1))[2] + 200


def shown(image):
    return np.asarray(Image.open(io.BytesIO(b64decode(image["src"].partition(",")[2]))))


def test_a_tree_that_has_changed_is_told_and_one_that_has_not_is_not(run, tmp_path):
    root = trees.sysu(tmp_path / "sysu")
    build_index(root)
    same = report(run, root, tmp_path / "a.html", "-p", "1")
    unseen = report(run, root, tmp_path / "b.html", "-p", "1", "--no-check")
    write(root, ["cam1/0001/0009.jpg"])
    changed = report(run, root, tmp_path / "c.html", "-p", "1")

    assert "has changed since" not in same.text
    assert "was not compared" not in same.text
    assert "was not compared" in unseen.text
    assert "The tree has changed since the index was made." in changed.text


def test_leaks_hidden_people_and_lone_samples_are_named(run, tmp_path):
    population = [
        Sample("a", ("rgb",), "1"), Sample("a", ("nir",), "2"), Sample("b", ("rgb",), "1"),
        Sample("c", ("rgb",), "1"), Sample("c", ("rgb",), "1"),
        Sample("q", ("rgb",), "1", "query"), Sample("a", ("rgb",), "1", "query"), Sample("a", ("nir",), "2", "gallery"),
        Sample(None, ("rgb",), "1", "val"), Sample("0000", ("rgb",), "1", "gallery", role="distractor"),
        Sample("n", ("rgb",), "1", None),
    ]  # fmt: skip
    page = report(run, index_of(population, tmp_path).path, tmp_path / "page.html", "-p", "1", "--no-thumbnails")

    problems = page.text.rpartition("What to look at")[2]
    for told in (
        "train and query share 1 identity.",
        "train and gallery share 1 identity.",
        "1 identity of query have no sample in gallery.",
        "The split val has no identities.",
        "1 sample in no split.",
        "3 identities with a single sample",
        "4 identities seen by one camera only",
        "4 identities that cannot be paired",
        "1 sample with hidden identity",
        "1 distractor sample:",
    ):
        assert told in problems
    assert "1 identity of train also in query; 1 identity of train also in gallery." in page.text
    assert page.text.count("a model trained on train has seen") == 2


def test_a_dataset_without_cameras_splits_or_sources_says_so(run, tmp_path):
    index = index_of([Sample("a", ("rgb",), split=None), Sample("a", ("nir",), split=None)], tmp_path)

    page = report(run, index.path, tmp_path / "page.html", "-p", "1")

    for told in (
        "This dataset tells no cameras.",
        "This dataset has no splits.",
        "the index holds no digests of files; reidindex build --hash",
        "The index names no source of its samples",
        "an epoch from all samples",
    ):
        assert told in page.text
    assert "figure-cameras" not in page.ids


def test_nobody_at_all_is_no_fault_of_the_page(run, tmp_path):
    index = index_of([Sample(None, ("rgb",), role=None)], tmp_path)

    page = report(run, index.path, tmp_path / "page.html")

    assert "no sample here has an identity" in page.text
    assert "These settings cannot work" in page.text
    assert page.numbers("table-splits")["all samples"]["identities"] == 0


def test_a_protocol_shows_its_own_splits_and_draws_from_its_training_set(run, tmp_path):
    root = trees.regdb(tmp_path / "regdb")
    build_index(root)

    page = report(run, root, tmp_path / "page.html", "--protocol", "trial3", "-p", "1", "--no-thumbnails")

    assert list(page.rows("table-pairable"))[:3] == ["trial3/train", "trial3/query", "trial3/gallery"]
    assert "an epoch from trial3/train" in page.text


def test_a_small_tree_of_any_layout_has_a_page(run, any_tree, tmp_path):
    name, root = any_tree
    built = build_index(root)

    page = report(run, root, tmp_path / "page.html", "-p", "1", "-k", "2")

    assert not page.unclosed
    assert page.numbers("table-splits")["all samples"]["samples"] == built.metadata.samples
    assert f"Layout{name}" in page.text
    assert "cannot be read" in page.text  # the files of these trees are empty


def test_without_a_training_split_there_is_nothing_to_leak(run, tmp_path):
    index = index_of([Sample("a", ("rgb",), split="query"), Sample("a", ("rgb",), split="gallery")], tmp_path)

    page = report(run, index.path, tmp_path / "page.html", "-p", "1", "--no-thumbnails")

    assert "There is no training split beside one that is held out" in page.text


def test_many_cameras_and_combinations_are_gathered_and_none_is_lost(run, tmp_path):
    population = [Sample(f"{i % 7}", ("rgb",), camera=f"c{i:03d}") for i in range(60) for _ in range(1 + i % 3)]
    index = index_of(population, tmp_path)

    page = report(run, index.path, tmp_path / "page.html", "-p", "1", "--no-thumbnails")

    _, description = page.figures["figure-cameras"]
    assert "40 others rgb" in description
    told = re.findall(r"(\S+) rgb (\d+)", description)
    assert sum(int(number) for _, number in told) == len(population)
    assert len(page.rows("table-cameras")) == 60


def test_figures_of_very_many_columns_scroll_within_themselves():
    names = [f"modality{i}" for i in range(32)]
    many = grid("g", "t", names, ["a"], [[1] * 32], unit="n")
    dots = upset("u", "t", names, [Combination(tuple(names), 3, "3", True)])
    few = grid("g", "t", ["rgb", "nir"], ["a"], [[1, 2]], unit="n")

    assert all("min-width" in figure and 'tabindex="0"' in figure for figure in (many, dots))
    assert "min-width" not in few


# ------------------------------------------------------------------------------------------ where it is written


def test_it_says_where_it_went_and_its_own_page_is_replaced(run, demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    done = run("report", demo, "-p", 2, "--no-thumbnails")
    again = run("report", demo, "-p", 2, "--no-thumbnails", "-q")

    assert done.returncode == again.returncode == 0
    assert done.stdout.startswith("✓ demo-report.html  ")
    assert done.stderr == ""
    assert [p.name for p in tmp_path.iterdir()] == ["demo-report.html"]


@pytest.mark.parametrize("content", [b"<!doctype html><title>mine</title>", b"notes", b"PAR1"])
def test_what_is_no_report_is_kept_but_with_force(run, demo, tmp_path, content):
    out = tmp_path / "mine.html"
    out.write_bytes(content)

    refused = run("report", demo, "-o", out, "--no-thumbnails")

    assert refused.returncode == 1
    assert "exists and is no report of reidindex; name another file with -o, or --force" in refused.stderr
    assert out.read_bytes() == content
    assert run("report", demo, "-o", out, "--no-thumbnails", "--force").returncode == 0
    assert read_page(out).headings


def test_an_index_is_never_taken_for_a_report(run, demo):
    before = (demo / "reidindex.parquet").read_bytes()

    done = run("report", demo, "-o", demo / "reidindex.parquet")

    assert done.returncode == 1
    assert (demo / "reidindex.parquet").read_bytes() == before


def test_a_page_of_its_own_accord_is_never_put_into_the_dataset(run, demo, monkeypatch):
    monkeypatch.chdir(demo / "vis")
    before = sorted(demo.rglob("*"))

    done = run("report", demo)

    assert done.returncode == 2
    assert "the current folder belongs to the dataset" in done.stderr
    assert sorted(demo.rglob("*")) == before


def test_places_that_cannot_be_written_are_told(run, demo, tmp_path):
    missing = run("report", demo, "-o", tmp_path / "no" / "page.html")
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "page.html").mkdir()
    folder = run("report", demo, "-o", closed / "page.html", "--no-thumbnails")

    assert missing.returncode == 1
    assert "does not exist; make it first" in missing.stderr
    assert folder.returncode == 0  # a folder is a place for the page
    assert (closed / "page.html" / "demo-report.html").exists()
    if os.name != "nt" and os.geteuid() != 0:
        closed.chmod(stat.S_IRUSR | stat.S_IXUSR)
        refused = run("report", demo, "-o", closed / "other.html", "--no-thumbnails")
        closed.chmod(stat.S_IRWXU)
        assert refused.returncode == 1
        assert "cannot be written there" in refused.stderr


def test_a_write_that_fails_leaves_what_was_there(run, demo, tmp_path, monkeypatch):
    out = tmp_path / "page.html"
    report(run, demo, out, "--no-thumbnails")
    before = out.read_bytes()
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )

    done = run("report", demo, "-o", out, "-p", "2", "--no-thumbnails")

    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert out.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_an_index_with_splits_of_protocols_only_is_not_said_to_have_none(run, tmp_path):
    samples = [Sample(name, (kind,), split="trial1/train") for name in "abc" for kind in ("rgb", "nir")]
    index = index_of(samples, tmp_path)

    page = report(run, index.path, tmp_path / "page.html", "-p", "1")

    assert "Splits of protocols only: trial1. A report with --protocol" in page.text
    assert "no splits" not in page.text
    assert "in no split" not in page.text


def test_where_nobody_has_an_identity_the_cameras_are_still_told(run, tmp_path):
    index = index_of([Sample(None, ("rgb",), camera="3", role="junk")], tmp_path)

    page = report(run, index.path, tmp_path / "page.html")

    assert "No camera is told" not in page.text
    assert "1 camera." in page.text


def test_ten_epochs_are_no_epoches_and_everybody_alike_is_told_in_few_words(run, tmp_path):
    index = index_of([Sample(name, ("rgb",)) for name in "ab" for _ in range(3)], tmp_path)

    done = run("report", index.path, "-o", tmp_path / "page.html", "-p", "1")
    page = read_page(tmp_path / "page.html")

    assert "After 10 epochs " in page.text
    assert "Every identity has 3 samples." in page.text
    assert "6 samples · 2 identities" in done.stdout


@pytest.mark.parametrize(
    ("index", "name"),
    [("Market-1501-v15.09.15/reidindex.parquet", "Market-1501-v15.09.15"), ("small.parquet", "small")],
)
def test_what_is_made_of_an_index_is_called_after_the_folder_or_the_name_it_has_of_its_own(
    run, tmp_path, monkeypatch, index, name
):
    root = trees.market(tmp_path / "Market-1501-v15.09.15")
    assert run("build", root, "-o", tmp_path / index).returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    run("report", tmp_path / index, "--no-thumbnails")
    run("export", tmp_path / index, "--to", "csv")

    assert {file.name for file in elsewhere.iterdir()} == {f"{name}-report.html", f"{name}.csv"}


def test_many_modalities_of_an_identity_are_counted_and_names_keep_their_ends(run, tmp_path):
    names = [f"kind{number}" for number in range(8)]
    index = index_of([Sample("a", (name,), camera=f"a long name of a camera {name}") for name in names], tmp_path)

    page = report(run, index.path, tmp_path / "page.html", "-p", "1")

    assert "8 modalities" in page.tables["table-pictures"][1][0]
    assert "a long n…a kind7" in page.text
