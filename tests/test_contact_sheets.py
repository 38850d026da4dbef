"""Contact sheets by themselves: where things go, what is read, what is drawn; and what notebooks show."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader, Subset

from indexer.build import build_index
from indexer.errors import ReidIndexError, SettingsError
from indexer.index_file import IndexFile
from indexer.inspection.statistics import statistics
from sampler_runtime import IndexDataset, JointIndex, PKBatchSampler, open_index, show_batch
from sampler_runtime.picture_sources import Source
from sampler_runtime.run import resolve
from sampler_runtime.settings import PKSettings
from sampler_runtime.shard import Shard
from sampler_runtime.showing.arrangement import Measures, Rectangle, arrange, fitted, panels_in, picture_place
from sampler_runtime.showing.batches import batch_sheet
from sampler_runtime.showing.cards import pids_of_rows
from sampler_runtime.showing.contact_sheet import ContactSheet, is_sheet
from sampler_runtime.showing.drawing import PAPER, draw_sheet, fonts, measures_of
from sampler_runtime.showing.lettering import Lettering
from sampler_runtime.showing.palette import COLOURS, OTHER, colour_of
from sampler_runtime.showing.people import person_sheet, rows_of_identity, rows_of_pid
from sampler_runtime.showing.pictures import Unseen, read_pictures
from sampler_runtime.showing.samples import samples_at
from sampler_runtime.showing.sheet import Cell, SheetRow, wrapped
from sampler_runtime.showing.steps import find_step
from sampler_runtime.showing.terminal import half_blocks
from tests import trees
from tests.pictures import COLOUR_OF_FOLDER, with_pictures

PLANS = {}
"""Batches an epoch → a plan with so many."""


@pytest.fixture(scope="module")
def orbench(tmp_path_factory):
    root = with_pictures(trees.orbench(tmp_path_factory.mktemp("o") / "data"))
    build_index(root)
    return open_index(root)


@pytest.fixture(scope="module", autouse=True)
def plans(orbench):
    train = orbench.select(split="train")
    PLANS.update({n: resolve(train, PKSettings(2, 2, epoch=n)).plan(train) for n in range(1, 10)})


@pytest.fixture(scope="module")
def rgbnt201(tmp_path_factory):
    root = with_pictures(trees.rgbnt201(tmp_path_factory.mktemp("r") / "data"))
    build_index(root)
    return open_index(root)


# ------------------------------------------------------------------------------------------------- where things go

small = st.integers(1, 40)
measures = st.builds(
    Measures, picture=st.tuples(small, small), panels=st.integers(1, 5), band=small, frame=st.integers(0, 4), line=small,
    head=small, tail=st.integers(0, 40), title=small, gap=st.integers(0, 9),
)  # fmt: skip


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), max_size=6), measures)
def test_everything_has_a_place_of_its_own_within_the_sheet(rows, measures):
    plan = arrange([cells for cells, _ in rows], [lines for _, lines in rows], measures)

    everything = [plan.title, *plan.heads, *(cell for row in plan.cells for cell in row), *plan.tails]
    there = [one for one in everything if one.width > 0]
    assert [len(row) for row in plan.cells] == [cells for cells, _ in rows]
    assert len(plan.heads) == len(plan.tails) == len(rows)
    for one in there:
        assert one.left >= 0
        assert one.right <= plan.width
        assert one.top >= 0
        assert one.bottom <= plan.height
    assert not [(a, b) for i, a in enumerate(there) for b in there[:i] if overlap(a, b)]


@given(measures, st.data())
def test_panels_share_out_their_cell_without_gaps(measures, data):
    count = data.draw(st.integers(1, measures.panels))
    (cell,) = arrange([1], [2], measures).cells[0]

    panels = panels_in(cell, count, measures)

    assert len(panels) == count
    assert panels[0].left == cell.left
    assert panels[-1].right == cell.right
    assert all(a.right == b.left for a, b in itertools.pairwise(panels))
    assert all(panel.bottom <= cell.bottom and panel.width >= measures.panel[0] for panel in panels)


@given(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), st.integers(1, 300), st.integers(1, 300))
def test_a_picture_fits_its_room_and_touches_two_of_its_sides(size, width, height):
    room = Rectangle(3, 4, width, height)

    spot = fitted(size, room)

    assert room.left <= spot.left
    assert spot.right <= room.right
    assert room.top <= spot.top
    assert spot.bottom <= room.bottom
    assert spot.width == width or spot.height == height


@given(st.lists(st.tuples(st.integers(1, 9000), st.integers(1, 9000)), max_size=9), st.integers(16, 2048))
def test_the_place_of_pictures_is_as_large_as_was_asked(sizes, longest):
    assert max(picture_place(sizes, longest, 10)) == longest


cells = st.lists(st.builds(Cell, panels=st.just(()), repeats=st.booleans(), tells_split=st.booleans()), max_size=20)
sheet_rows = st.lists(st.builds(SheetRow, head=st.just(("head",)), cells=cells.map(tuple)), max_size=5)


@given(sheet_rows, st.integers(1, 9))
def test_rows_that_are_too_long_go_on_and_lose_nothing(rows, most):
    found = wrapped(rows, most)

    assert all(len(row.cells) <= most for row in found)
    assert [cell for row in found for cell in row.cells] == [cell for row in rows for cell in row.cells]
    assert [row.head for row in found if not row.continues] == [row.head for row in rows]
    assert not any(row.head or row.remarks for row in found if row.continues)


def test_a_sheet_that_no_program_would_open_is_refused_with_advice():
    plain = Measures((100, 200), 1, 18, 3, 14, 100, 0, 40, 10)

    with pytest.raises(
        SettingsError, match=r"the sheet would have .* pixels.* make the pictures smaller, or show fewer"
    ):
        arrange([16] * 400, [0] * 400, plain)


# ---------------------------------------------------------------------------------------------------------- words


@given(st.text(max_size=60), st.integers(12, 300), st.integers(1, 4))
def test_any_text_becomes_lines_that_fit(text, room, most):
    letters = Lettering(12)

    clipped = letters.clipped(text, room)
    lines = letters.lines(text, room, most)

    assert letters.width(clipped) <= room
    assert len(lines) <= most
    assert all(letters.width(line) <= room for line in lines if len(line) > 1)
    assert bool(lines) == bool(text.split())


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=12), min_size=1, max_size=20))
def test_a_text_that_has_room_keeps_every_word(words):
    assert " ".join(Lettering(12).lines(" ".join(words), 120, 99)).split() == words


def test_what_the_font_lacks_is_written_as_escapes():
    letters = Lettering(12)

    assert letters.known("0017") == "0017"
    assert letters.known("行人 7") == "\\u884c\\u4eba 7"
    assert letters.known("a\x1b[2J\ud800") == "a\\x1b[2J\\ud800"
    assert letters.clipped("0026_llcm_0017_c04_s131055_f19019_vis.jpg", 90, keep_end=True).endswith("vis.jpg")


def test_a_pillow_without_freetype_draws_with_its_bitmap_font(orbench, monkeypatch):
    from PIL import ImageFont
    from PIL._util import DeferredError

    from sampler_runtime.showing import lettering

    monkeypatch.setattr(ImageFont, "core", DeferredError.new(ImportError("made without FreeType")))
    lettering._font.cache_clear()
    try:
        assert Lettering(12).known("7 行") == "7 \\u884c"
        assert ContactSheet(batch_sheet(orbench, np.arange(3), title="行 ×")).image.size[0] > 100
    finally:
        lettering._font.cache_clear()


def test_the_colours_of_modalities_bear_white_words_and_differ_in_lightness_or_hue():
    def luminance(colour):
        values = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
        return 0.2126 * values[0] + 0.7152 * values[1] + 0.0722 * values[2]

    for colour in (*COLOURS.values(), OTHER):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5
    assert len(set(COLOURS.values())) == len(COLOURS) - 1  # an `ir` and a `nir` are never in one dataset's pair
    assert colour_of("ir") == colour_of("nir")


# ---------------------------------------------------------------------------------------------------- what is seen


def panels_as_arrays(view, row):
    panels = samples_at(view, [row])[row].panels
    pictures = read_pictures([p.source for p in panels if p.source is not None], (4096, 4096))
    return {p.modality: np.asarray(pictures[p.source]) for p in panels if p.source is not None}


def seen_by_training(view, row):
    image = IndexDataset(view)[row].image
    if image is None:
        return {}
    images = image if isinstance(image, dict) else {next(m for m in view.modalities_of(row) if m != "text"): image}
    return {name: np.asarray(one) for name, one in images.items()}


def same_pictures(view):
    for row in range(len(view)):
        shown, trained = panels_as_arrays(view, row), seen_by_training(view, row)
        assert list(shown) == list(trained)
        assert all(np.array_equal(shown[name], trained[name]) for name in shown)


def test_a_sheet_shows_what_training_sees(orbench, rgbnt201):
    same_pictures(orbench)
    same_pictures(rgbnt201)


def test_pictures_that_stand_side_by_side_in_one_file_are_parted_as_training_parts_them(tmp_path):
    for part, pid in (("bounding_box_train", 501), ("query", 502), ("bounding_box_test", 502)):
        (tmp_path / "rgbir" / part).mkdir(parents=True)
        picture = Image.effect_noise((24, 4), 90).convert("RGB")
        picture.save(tmp_path / "rgbir" / part / f"{pid:04d}_c0001_001.jpg")
    build_index(tmp_path, layout="rgbnt100")
    view = open_index(tmp_path)

    same_pictures(view)
    assert [panel.source.part for panel in samples_at(view, [0])[0].panels] == [(0, 3), (1, 3), (2, 3)]


def test_boxes_are_cut_as_training_cuts_them(tmp_path):
    (tmp_path / "d" / "frames").mkdir(parents=True)
    Image.effect_noise((40, 20), 90).convert("RGB").save(tmp_path / "d" / "frames" / "0.png")
    entries = [{"file": "0.png", "who": w, "bbox": b} for w, b in (("anna", (2, 3, 5, 10)), ("bo", (30, 10, 15, 15)))]
    entries.append({"file": "0.png", "who": "out", "bbox": (50, 50, 5, 5)})
    (tmp_path / "d" / "boxes.json").write_text(json.dumps(entries))
    (tmp_path / "boxes.toml").write_text(
        "[[rule]]\nmatch = 'frames/(?P<frame>\\d+)\\.png'\n[[annotation]]\nfile = \"boxes.json\"\n"
        'columns = { name = "file", identity = "who", box = "bbox" }\njoin = "name"\n'
    )
    build_index(tmp_path / "d", layout=str(tmp_path / "boxes.toml"))
    view = open_index(tmp_path / "d")

    same_pictures(view.subset(rows=[0, 1]))
    contact = ContactSheet(batch_sheet(view, np.arange(3), title="boxes"))
    assert contact.unseen["not readable"][0].startswith("frames/0.png: the box (50, 50, 5, 5) lies outside")


def test_a_missing_a_broken_and_a_huge_picture_are_told_and_hide_nothing_else(tmp_path, monkeypatch):
    root = with_pictures(trees.market(tmp_path / "data"))
    build_index(root)
    view = open_index(root).select(split="train")
    paths = [view.path_of(row) for row in range(4)]
    (root / paths[0]).unlink()
    (root / paths[1]).write_bytes(b"no picture")
    Image.new("RGB", (300, 300)).save(root / paths[2])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 300 - 1)

    contact = ContactSheet(batch_sheet(view, np.arange(4), title="four"))

    assert [told.partition(":")[0] for told in contact.unseen["file missing"]] == [paths[0]]
    assert sorted(told.partition(":")[0] for told in contact.unseen["not readable"]) == sorted(paths[1:3])
    panels = list(contact.sheet.every_panel())
    assert [contact.seen(panel) for panel in panels] == ["missing", "unreadable", "unreadable", "picture"]
    assert "file missing" in contact._repr_html_()
    assert contact.image.size[0] > 100


def test_a_name_that_no_file_can_have_is_not_readable_and_stops_nothing(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    sources = [Source(tmp_path, path) for path in ("n" * 300, "nul\0", "a.png/b", "a.png")]

    long, nul, below, fine = (read_pictures(sources, (9, 9))[source] for source in sources)

    assert isinstance(long, Unseen)
    assert isinstance(nul, Unseen)
    assert isinstance(below, Unseen)
    assert isinstance(fine, Image.Image)


def test_a_path_that_leads_out_of_the_dataset_is_not_opened(tmp_path):

    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    (tmp_path / "data").mkdir()
    sources = [Source(tmp_path / "data", path) for path in ("../secret.png", str(tmp_path / "secret.png"))]

    assert set(read_pictures(sources, (9, 9)).values()) == {
        Unseen("not readable", "leads out of the dataset: not read without --links-outside")
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system with FIFOs")
def test_a_fifo_in_the_place_of_a_picture_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")

    assert read_pictures([Source(tmp_path, "a.jpg")], (9, 9)) == {
        Source(tmp_path, "a.jpg"): Unseen("not readable", "not a file but a folder, FIFO or device")
    }


def test_who_interrupts_does_not_wait_for_all_pictures(tmp_path):
    trees.write(tmp_path, [f"{n}.jpg" for n in range(50)])

    def interrupt(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_pictures([Source(tmp_path, f"{n}.jpg") for n in range(50)], (9, 9), on_progress=interrupt)


def test_a_file_is_read_once_whatever_is_cut_out_of_it(tmp_path, monkeypatch):
    from sampler_runtime.showing import pictures

    Image.new("RGB", (40, 20)).save(tmp_path / "a.png")
    opened = []
    plain = pictures.decoder_of("pillow")
    monkeypatch.setattr(pictures, "decoder_of", lambda name: lambda file: opened.append(file) or plain(file))

    found = read_pictures([Source(tmp_path, "a.png", box=(x, 0, 5, 5)) for x in range(6)], (9, 9))

    assert len(opened) == 1
    assert {picture.size for picture in found.values()} == {(5, 5)}


# ---------------------------------------------------------------------------------------------------------- sheets


def test_a_sheet_of_a_batch_has_its_rows_in_order_and_tells_what_is_missing(orbench):
    train = orbench.select(split="train")
    sampler = PKBatchSampler(train, 2, 4, each="pair", seed=5)
    for epoch in range(3):
        rows = sampler.batch(epoch, 0)

        sheet = batch_sheet(train, rows.reshape(-1), title="t")

        assert [[cell.samples[0].row for cell in row.cells] for row in sheet.rows] == rows.tolist()
        for row, block in zip(sheet.rows, rows.tolist(), strict=True):
            shown = {name for one in block for name in train.modalities_of(one)}
            assert row.pid == train.value("pid", block[0])
            assert row.lacks == ()
            assert set(row.without) == set(train.modalities) - shown


def test_rows_that_a_block_repeats_are_marked(orbench):
    sheet = batch_sheet(orbench, np.array([0, 1, 0]), title="t")

    assert [cell.repeats for row in sheet.rows for cell in row.cells] == [False, False, True]
    assert sheet.rows[0].cells[2].note.startswith("repeated")


def test_composed_instances_show_each_place_and_say_what_there_is_none_of(orbench):
    train = orbench.select(split="train")
    rgb, sketch = (int(np.flatnonzero(train.column("modalities") & bit)[0]) for bit in (1, 4))

    sheet = batch_sheet(
        train, np.array([[rgb, -1, rgb], [-1, sketch, -1]]), compose=("rgb", "sketch", "text"), title="t"
    )

    first, second = sheet.rows[0].cells
    assert [panel.source is not None for panel in first.panels] == [True, False, False]
    assert first.panels[2].sentence == "A person, 0003."
    assert [panel.modality for panel in second.panels if panel.source is None] == ["rgb", "text"]
    assert [panel.camera for panel in first.panels] == [first.samples[0].camera, None, None]
    assert first.samples[0].camera is not None
    html = ContactSheet(sheet)._repr_html_()
    assert "no sketch" in html
    assert "no text" in html


def test_a_person_has_a_row_for_each_kind_and_one_for_each_modality_it_lacks(orbench):
    query = orbench.select(split="query")
    pid = int(query.pids[0])

    sheet = person_sheet(query, {pid: rows_of_pid(query, pid)}, most=2, title="t")

    kinds = {row.head[0]: (row.head[1], len(row.cells), row.more) for row in sheet.rows}
    assert kinds == {
        "nir": ("1 sample", 1, 0),
        "sketch": ("3 samples", 2, 1),
        "cpencil": ("3 samples", 2, 1),
        "text": ("1 sample", 1, 0),
        "rgb": ("none", 1, 0),
    }
    assert sheet.rows[-1].cells[0].samples == ()
    assert [remark.words for remark in sheet.rows[-1].remarks] == ["lacks rgb"]
    assert sheet.rows[3].cells[0].panels[0].sentence == "A person, 0005."


def test_many_samples_of_a_kind_go_on_in_further_rows(orbench):
    contact = ContactSheet(batch_sheet(orbench, np.zeros(20, np.int64), title="t"))

    assert [(len(row.cells), row.continues) for row in contact.sheet.rows] == [(16, False), (4, True)]


def test_a_label_of_two_people_finds_both(tmp_path):
    root = tmp_path / "d"
    root.mkdir()
    lines = ["path,identity,modality,split,scope"]
    lines += [f"{s}/{i}.jpg,7,rgb,train,{s}" for s in ("a", "b") for i in range(2)]
    (root / "list.csv").write_text("\n".join(lines) + "\n")
    trees.write(root, [f"{s}/{i}.jpg" for s in ("a", "b") for i in range(2)])
    build_index(root, layout=str(root / "list.csv"))
    view = open_index(root)

    rows_of = rows_of_identity(view, "7")

    assert {pid: len(rows) for pid, rows in rows_of.items()} == {0: 2, 1: 2}
    sheet = person_sheet(view, rows_of, most=9, title="t")
    assert [row.head[2] for row in sheet.rows] == ["pid 0", "pid 1"]


def test_a_picture_of_a_sheet_has_the_size_of_its_plan_and_frames_in_the_colours_of_modalities(orbench):
    train = orbench.select(split="train")
    rows = PKBatchSampler(train, 2, 4, each="pair").batch(0, 0).reshape(-1)
    contact = ContactSheet(batch_sheet(train, rows, title="t"), max_size=64)
    image, sheet = contact.image, contact.sheet

    m = measures_of(sheet, contact.pictures, 64, fonts())
    left, top = m.gap + m.head + m.gap, m.gap + m.title + m.gap
    for number, cell in enumerate(sheet.rows[0].cells):
        corner = left + number * (m.panel[0] + m.gap)
        assert image.getpixel((corner, top)) == colour_of(cell.panels[0].modality)
        assert image.getpixel((corner, top + m.panel[1] - 1)) == colour_of(cell.panels[0].modality)
        assert image.getpixel((corner - 1, top)) == PAPER
        # the middle of the picture: JPEG changes colours a little
        middle = image.getpixel((corner + m.panel[0] // 2, top + m.frame + m.band + m.picture[1] // 2))
        expected = COLOUR_OF_FOLDER[cell.samples[0].path.split("/")[0]]
        assert np.allclose(middle, expected, atol=6)
    assert image.width == left + 4 * (m.panel[0] + m.gap) + (m.tail + m.gap if m.tail else 0)


def test_small_pictures_make_a_small_sheet_even_if_words_are_cut(orbench):
    sheet = batch_sheet(orbench, np.arange(6), title="t")

    assert measures_of(sheet, {}, 20, fonts()).picture == (20, 20)
    assert ContactSheet(sheet, 20).image.width < ContactSheet(sheet, 160).image.width


def test_drawing_is_deterministic(orbench):
    sheet = batch_sheet(orbench, np.arange(6), title="t")

    assert draw_sheet(sheet, ContactSheet(sheet).pictures, 50).tobytes() == ContactSheet(sheet, 50).image.tobytes()


# ------------------------------------------------------------------------------------------------------------ HTML


class Reader(HTMLParser):
    """Every tag closed, every address kept."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.alts, self.tags = [], [], [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in ("meta", "img", "br", "link", "input"):
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "srcset", "poster", "data"):
                self.addresses.append(value)
            if name == "alt":
                self.alts.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_a_page_holds_all_of_itself_and_names_every_picture(orbench, tmp_path):
    contact = ContactSheet(batch_sheet(orbench, np.arange(8), title="t"))
    contact.save(tmp_path / "s.html")
    page = (tmp_path / "s.html").read_text(encoding="utf-8")

    found = read(page)

    pictures = sum(contact.seen(panel) == "picture" for panel in contact.sheet.every_panel())
    assert len(found.addresses) == len(found.alts) == pictures > 0
    assert all(address.startswith("data:image/jpeg;base64,") for address in found.addresses)
    assert all(found.alts)
    assert "script" not in found.tags
    assert "url(" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_hostile_labels_are_words_and_nothing_else(tmp_path):
    hostile = "<script>alert(1)</script>&\"'"
    root = tmp_path / "d"
    root.mkdir()
    quoted = hostile.replace('"', '""')
    (root / "list.csv").write_text(f'path,identity,modality,camera\n"a.jpg","{quoted}",rgb,"{quoted}"\n')
    trees.write(root, ["a.jpg"])
    build_index(root, layout=str(root / "list.csv"))
    view = open_index(root)

    for html in (
        ContactSheet(batch_sheet(view, np.array([0]), title=hostile, lines=[hostile]))._repr_html_(),
        view._repr_html_(),
        PKBatchSampler(view, 1, 1)._repr_html_(),
    ):
        assert "script" not in read(html).tags
    assert ContactSheet(batch_sheet(view, np.array([0]), title=hostile)).image.size[1] > 50


# ---------------------------------------------------------------------------------------------------------- saving


@pytest.mark.parametrize(("name", "kind"), [("s.png", "PNG"), ("s.JPG", "JPEG"), ("s.jpeg", "JPEG")])
def test_a_saved_picture_is_one_and_known_as_ours(orbench, tmp_path, name, kind):
    contact = show_batch(orbench, [0, 1])

    contact.save(tmp_path / name)
    contact.save(tmp_path / name)  # replaces

    with Image.open(tmp_path / name) as image:
        assert (image.format, image.size) == (kind, contact.image.size)
        image.load()
    assert is_sheet(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_pictures_and_pages_of_others_are_not_taken_for_ours(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    (tmp_path / "a.html").write_text("<!DOCTYPE html><p>about reidindex show</p>")
    (tmp_path / "empty.png").write_bytes(b"")

    assert [is_sheet(tmp_path / name) for name in ("a.png", "a.jpg", "a.html", "empty.png")] == [
        False,
        False,
        False,
        True,
    ]


def test_a_sheet_says_where_it_cannot_be_saved(orbench, tmp_path):
    contact = show_batch(orbench, [0])

    with pytest.raises(
        SettingsError, match=r"a\.gif: a sheet is written as \.png, \.jpg, \.jpeg, \.html, \.htm; found \.gif"
    ):
        contact.save(tmp_path / "a.gif")
    with pytest.raises(ReidIndexError, match=r"nowhere/a\.png: the sheet cannot be written there \(No such file"):
        contact.save(tmp_path / "nowhere" / "a.png")


def test_half_blocks_are_the_picture_two_pixels_a_letter():
    image = Image.new("RGB", (4, 4), (255, 0, 0))
    image.paste((0, 0, 255), (0, 2, 4, 4))

    text = half_blocks(image, 4)

    assert text.plain == "▀▀▀▀\n▀▀▀▀"
    assert [str(span.style) for span in text.spans] == ["#ff0000 on #ff0000"] * 4 + ["#0000ff on #0000ff"] * 4


# ------------------------------------------------------------------------------------------------------- show_batch


def rows_on(contact):
    return [sample.row for row in contact.sheet.rows for cell in row.cells for sample in cell.samples]


def test_what_a_sampler_yielded_is_shown_in_its_order(orbench):
    train = orbench.select(split="train")
    sampler = PKBatchSampler(train, 2, 4, each="pair", seed=2)
    batch = next(iter(sampler))

    assert rows_on(show_batch(train, batch)) == batch
    assert rows_on(show_batch(sampler, batch)) == batch
    assert rows_on(show_batch(IndexDataset(train), np.array(batch).reshape(2, 4))) == batch
    assert rows_on(show_batch(sampler, epoch=0, batch=0)) == batch
    assert rows_on(show_batch(DataLoader(IndexDataset(train), batch_sampler=sampler), epoch=0)) == batch
    assert rows_on(show_batch(sampler.flat(), batch)) == batch
    assert "<img" in show_batch(sampler)._repr_html_()
    assert repr(show_batch(sampler, batch)) == "<contact sheet: 8 rows, 2 rows, 8 cells>"


@pytest.mark.parametrize("split", ["batches", "block"])
def test_every_rank_is_shown_its_own_batches(orbench, split):
    train = orbench.select(split="train")
    for rank in range(2):
        sampler = PKBatchSampler(train, 2, 3, epoch=6, seed=1, rank=rank, world_size=2, split=split)
        sampler.set_epoch(3)
        drawn = list(sampler)
        assert [rows_on(show_batch(sampler, epoch=3, batch=b)) for b in range(len(drawn))] == drawn


@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 1 << 20), st.booleans())
def test_the_steps_of_all_ranks_are_the_stream_up_to_its_last_full_round(epoch_is, ranks, epoch, by_block):
    plan, split = PLANS[epoch_is], "block" if by_block else "batches"
    if by_block:
        ranks = {3: 2, 4: 2}.get(ranks, ranks)  # P=2 is shared out by one or two

    def steps(rank):
        shard = Shard(rank, ranks, split)
        return [find_step(plan, shard, epoch, b) for b in range(shard.count(plan.num_batches))]

    of_ranks = [steps(rank) for rank in range(ranks)]

    drawn = [row for at_once in zip(*of_ranks, strict=True) for step in at_once for row in step.instances.tolist()]
    rounds = epoch_is if by_block else epoch_is // ranks * ranks
    assert drawn == plan.batches(epoch, np.arange(rounds)).reshape(-1).tolist()
    for rank in range(ranks):
        with pytest.raises(SettingsError, match="an epoch"):
            find_step(plan, Shard(rank, ranks, split), epoch, len(of_ranks[rank]))


def test_positions_in_an_order_of_ones_own_are_mapped_back(orbench):
    train = orbench.select(split="train")
    # sketches alone: no two of them share a path
    rows = np.roll(np.flatnonzero(train.column("modalities") & 4), 2)
    paths = [train.path_of(int(row)) for row in rows]
    sampler = PKBatchSampler(train, 2, 2, order=paths)
    batch = next(iter(sampler))

    contact = show_batch(sampler, batch)

    shown = [sample.path for row in contact.sheet.rows for cell in row.cells for sample in cell.samples]
    assert shown == [paths[position] for position in batch]
    subset = Subset(IndexDataset(train), rows.tolist())
    contact = show_batch(subset, batch)
    shown = [sample.path for row in contact.sheet.rows for cell in row.cells for sample in cell.samples]
    assert shown == [paths[position] for position in batch]
    some = [4, 0, 3, 1]
    contact = show_batch(Subset(subset, some), [0, 1, 2, 3])
    shown = [sample.path for row in contact.sheet.rows for cell in row.cells for sample in cell.samples]
    assert shown == [paths[position] for position in some]


def test_what_a_loader_made_of_samples_and_of_instances_is_shown(orbench):
    train = orbench.select(split="train")
    nothing = {"transform": lambda image: np.zeros(3, np.float32)}
    sampler = PKBatchSampler(train, 2, 2, each={"sketch": 2})
    drawn = list(DataLoader(IndexDataset(train, **nothing), batch_sampler=sampler))

    assert rows_on(show_batch(train, drawn[0])) == sampler.batch(0, 0).reshape(-1).tolist()

    composed = PKBatchSampler(train, 2, 2, compose=("rgb", "sketch"))
    data = IndexDataset(train, compose=composed.compose, **nothing)
    drawn = list(DataLoader(data, batch_sampler=composed))
    expected = [row for instance in composed.batch(0, 0).reshape(-1, 2).tolist() for row in instance]
    assert rows_on(show_batch(data, drawn[0])) == expected
    assert rows_on(show_batch(composed, next(iter(PKBatchSampler(train, 2, 2, compose=("rgb", "sketch")))))) == expected


def test_joint_indexes_are_shown_with_their_own_pids_and_cameras(orbench, rgbnt201):
    both = JointIndex({"o": orbench, "r": rgbnt201})
    row = len(orbench)

    sample = samples_at(both, [0, row])[row]

    assert (sample.path, sample.pid) == (rgbnt201.path_of(0), both.value("pid", row))
    assert sample.camera is not None
    assert sample.camera.startswith("r/")
    assert [panel.modality for panel in sample.panels] == ["rgb", "nir", "tir"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "MappedIndex does not know which batch; give the rows, or pass the sampler"),
        ({"rows": [10_000]}, r"rows lie in 0 … \d+, found 10000"),
        ({"rows": [-1]}, r"rows lie in 0 … \d+, found -1"),
        ({"rows": ["a.jpg"]}, "expected rows as ints"),
        ({"rows": "a.jpg"}, "expected rows, found"),
        ({"rows": 3}, "expected a list of rows, found 3"),
        ({"rows": [0.5]}, "expected rows as ints"),
        ({"rows": [0], "epoch": 1}, "expected either rows or epoch= and batch=, found both"),
        ({"rows": [0], "max_size": 4}, "max_size: expected an int >= 16, found 4"),
        ({"rows": [[[0]]]}, "composed instances; pass the sampler"),
    ],
)
def test_what_cannot_be_shown_says_why(orbench, words, message):
    with pytest.raises(SettingsError, match=message):
        show_batch(orbench, **words)


def test_other_things_than_samplers_and_indexes_are_refused(orbench):
    with pytest.raises(
        SettingsError, match="expected a sampler, an index, an IndexDataset or a Subset of one, found list"
    ):
        show_batch([1, 2], [0])
    sampler = PKBatchSampler(orbench.select(split="train"), 2, 2, epoch=3)
    with pytest.raises(SettingsError, match="an epoch has 3 batches, 0 … 2; found 3"):
        show_batch(sampler, batch=3)


def test_no_rows_make_an_empty_sheet(orbench):
    contact = show_batch(orbench, [])

    assert contact.sheet.rows == ()
    assert contact.image.size[0] > 0
    read(contact._repr_html_())


# ----------------------------------------------------------------------------------------------------------- cards


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.inside = [], False

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")
        if self.inside:
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")


def cells_of(html):
    read(html)
    cells = Cells()
    cells.feed(html)
    return cells.rows


def test_an_index_shows_the_counts_of_its_splits(orbench):
    rows = cells_of(orbench._repr_html_())

    found = statistics(IndexFile(orbench.path))
    facts = {"all": found.facts, **found.splits}
    assert rows[0] == ["split", "samples", "identities", *orbench.modalities]
    assert len(rows) == 1 + len(facts)
    for name, samples, identities, *counts in rows[1:]:
        expected = [facts[name].modalities[m].samples if m in facts[name].modalities else 0 for m in orbench.modalities]
        assert [int(samples), int(identities)] == [facts[name].samples, facts[name].identities]
        assert [int(count) for count in counts] == expected


def test_a_sampler_shows_its_settings_and_who_is_left_out(sysu_index):
    train = sysu_index.select(split="train")
    sampler = PKBatchSampler(train, 1, 2, each="pair", seed=9, rank=0, world_size=1)

    rows = dict(cells_of(sampler._repr_html_()))

    assert rows["left out"] == "1 without ir"
    assert rows["seed"] == "9"
    assert rows["batches an epoch"] == "1"
    assert rows["each block"] == "pair (rgb>=1, ir>=1)"
    next(iter(sampler))
    assert dict(cells_of(sampler._repr_html_()))["epoch"] == "0, begun"


@pytest.mark.parametrize("settings", [{"each": "pair"}, {"compose": ("rgb", "sketch", "text")}, {"each": "cameras>=2"}])
def test_a_plan_shows_whose_its_first_blocks_are(orbench, settings):
    train = orbench.select(split="train")
    plan = PKBatchSampler(train, 2, 2, **settings).plan()
    rows = plan.batches(0, np.array([0]))[0].reshape(2, -1)

    cells = cells_of(plan._repr_html_())

    first = [int(block[block >= 0][0]) for block in rows]
    assert [int(row[1]) for row in cells[1:3]] == [train.value("pid", row) for row in first]
    assert pids_of_rows(plan.blocks, np.array(first)).tolist() == [train.value("pid", row) for row in first]


def test_pids_of_rows_are_those_of_the_index_where_rows_are_not_sorted_by_identity(orbench):
    everything = PKBatchSampler(orbench, 2, 2)  # identities of the test half lie in query and gallery

    rows = everything.batch(0, 0).reshape(-1)

    assert pids_of_rows(everything.plan().blocks, rows).tolist() == [orbench.value("pid", int(row)) for row in rows]


def test_joint_indexes_show_what_each_gives(orbench, rgbnt201):
    both = JointIndex({"o": orbench, "r": rgbnt201.select(split="train")})

    rows = cells_of(both._repr_html_())

    assert [row[:3] for row in rows[1:]] == [["o", "all", str(len(orbench))], ["r", "split train", "8"]]


def test_an_index_and_a_plan_are_shown_without_torch(orbench):
    code = (
        "import sys\nfrom sampler_runtime import open_index, show_batch\n"
        "from sampler_runtime.run import resolve\nfrom sampler_runtime.settings import PKSettings\n"
        f"view = open_index({str(orbench.path)!r}).select(split='train')\n"
        "assert 'orbench' in view._repr_html_()\n"
        "assert 'Plan' in resolve(view, PKSettings(2, 2)).plan(view)._repr_html_()\n"
        "assert show_batch(view, [0, 1]).image\n"
        "print('torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_sheet_that_would_be_too_large_is_refused_before_anything_is_read(orbench, monkeypatch):
    from sampler_runtime.showing import contact_sheet

    monkeypatch.setattr(contact_sheet, "read_pictures", lambda *arguments, **settings: pytest.fail("read"))

    with pytest.raises(
        SettingsError, match=r"would have 70 pictures, at 2048 pixels each .* make the pictures smaller"
    ):
        show_batch(orbench, [0] * 70, max_size=2048)
