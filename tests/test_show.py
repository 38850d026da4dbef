"""`reidindex show` as a user meets it: any batch of a run, or a person, in a file or in the terminal."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console
from rich.text import Text

from indexer.cli import console
from sampler_runtime import PKBatchSampler, open_index
from tests import trees
from tests.pictures import with_pictures
from tests.populations import Sample, index_of

jsonschema = pytest.importorskip("jsonschema", reason="checks the schemas of docs/schemas: `make test` installs it")
SCHEMA = Path(__file__).parents[1] / "docs" / "schemas" / "show.json"


@pytest.fixture
def data(tmp_path, run):
    root = with_pictures(trees.orbench(tmp_path / "daten – ü"))
    assert run("build", root).returncode == 0
    return root


def rows_of(shown):
    return [[[sample["row"] for sample in cell["samples"]] for cell in row["cells"]] for row in shown["rows"]]


def conforms(document):
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    return document


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ([], {}),
        (["--each", "pair", "--seed", "7"], {"each": "pair", "seed": 7}),
        (["--epoch-is", "samples", "--on-short", "exclude"], {"epoch": "samples", "on_short": "exclude"}),
        (["--epoch-is", "9", "--weights", "sqrt"], {"epoch": 9, "weights": "sqrt"}),
        (["--prefer-complete"], {"prefer_complete": True}),
    ],
)
def test_the_rows_shown_are_those_that_the_sampler_draws(run_json, data, words, settings):
    train = open_index(data).select(split="train")
    sampler = PKBatchSampler(train, 2, 3, **settings)
    for epoch in (0, 4):
        for batch in {0, len(sampler) - 1}:
            shown = conforms(run_json("show", data, "-p", 2, "-k", 3, "--epoch", epoch, "--batch", batch, *words))
            drawn = sampler.batch(epoch, batch).tolist()
            assert rows_of(shown) == [[[row] for row in block] for block in drawn]
            assert [row["pid"] for row in shown["rows"]] == [train.value("pid", block[0]) for block in drawn]
            assert shown["batches"] == len(sampler)
            paths = [sample["path"] for row in shown["rows"] for cell in row["cells"] for sample in cell["samples"]]
            assert paths == [train.path_of(row) for block in drawn for row in block]


@pytest.mark.parametrize("takes", ["batches", "block"])
def test_every_rank_has_its_own_batch(run_json, data, takes):
    train = open_index(data).select(split="train")
    for rank in range(2):
        sampler = PKBatchSampler(train, 2, 2, epoch=4, rank=rank, world_size=2, split=takes)
        drawn = list(sampler)[1]
        of_rank = ["--rank", rank, "--world-size", 2, "--rank-takes", takes]
        shown = conforms(run_json("show", data, "-p", 2, "-k", 2, "--epoch-is", 4, "--batch", 1, *of_rank))
        assert [row for block in rows_of(shown) for cell in block for row in cell] == drawn
        assert shown["batch_of_all"] == (1 if takes == "block" else 2 + rank)


def test_composed_instances_tell_what_there_is_none_of(run_json, data):
    names = ("rgb", "nir", "sketch")
    train = open_index(data).select(split="train")
    drawn = PKBatchSampler(train, 2, 3, compose=names).batch(0, 0)

    shown = conforms(run_json("show", data, "-p", 2, "-k", 3, "--compose", ",".join(names)))

    cells = [cell for row in shown["rows"] for cell in row["cells"]]
    for cell, instance in zip(cells, drawn.reshape(-1, 3).tolist(), strict=True):
        assert [sample["row"] for sample in cell["samples"]] == [row for row in instance if row >= 0]
        assert cell["missing"] == [name for name, row in zip(names, instance, strict=True) if row < 0]


def test_a_batch_becomes_a_picture_a_page_and_words(run, data, tmp_path):
    done = run("show", data, "-p", 2, "-k", 4, "--each", "pair", "-o", tmp_path / "s.png", "--size", 48)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    with Image.open(tmp_path / "s.png") as image:
        assert done.stdout == (
            f"✓ {tmp_path}/s.png  epoch 0 · batch 0 of 1 · 8 cells · {image.width:,} × {image.height:,} pixels\n"
        )
    assert run("show", data, "-p", 2, "-o", tmp_path / "s.html").returncode == 0
    assert (tmp_path / "s.html").read_text(encoding="utf-8").count("<figure") == 8
    words = run("show", data, "-p", 2, "-k", 4, "--each", "pair").stdout
    assert words.splitlines()[0] == "epoch 0 · batch 0 of 1"
    assert "each=pair (rgb>=1, nir|sketch|cpencil>=1), seed 0" in words
    assert "rgb cam " in words
    assert words.count("pid ") == 2


def test_a_person_is_shown_by_pid_and_by_label_with_what_it_lacks(run, run_json, data, tmp_path):
    by_label = conforms(run_json("show", data, "--identity", "0005", "--split", "query"))
    pid = by_label["pids"][0]
    by_pid = conforms(run_json("show", data, "--pid", pid, "--split", "query"))

    assert by_label == by_pid
    assert by_label["samples"] == 8
    assert [row["cells"][0]["missing"] for row in by_label["rows"]] == [[], [], [], [], ["rgb"]]
    assert by_label["rows"][-1]["cells"][0]["samples"] == []
    everything = conforms(run_json("show", data, "--identity", "0005", "--most", 1))
    assert [row["more"] for row in everything["rows"]] == [1, 0, 2, 2, 0]
    assert everything["rows"][0]["lacks"] == []
    words = run("show", data, "--identity", "0005", "--split", "query").stdout
    assert "lacks rgb" in words
    assert "pid 2 · identity 0005 · 8 samples" in words


def test_a_label_of_two_people_shows_both_and_says_so(run, run_json, tmp_path):
    root = tmp_path / "d"
    lines = ["path,identity,modality,split,scope"]
    lines += [f"{s}/{i}.jpg,7,rgb,train,{s}" for s in ("a", "b") for i in range(2)]
    with_pictures(trees.write(root, [f"{s}/{i}.jpg" for s in ("a", "b") for i in range(2)]))
    (root / "list.csv").write_text("\n".join(lines) + "\n")
    assert run("build", root, "--layout", root / "list.csv").returncode == 0

    done = run("show", root, "--identity", "7")

    assert conforms(run_json("show", root, "--identity", "7"))["pids"] == [0, 1]
    assert "! identity 7 is the label of 2 people, all shown: pid 0: 2 samples, pid 1: 2 samples" in done.stderr
    assert run("show", root, "--identity", "7", "--quiet").stderr == ""


def test_pictures_that_cannot_be_shown_are_counted_and_named(run, run_json, data, tmp_path):
    for file in data.glob("sk/0003/*.jpg"):
        file.unlink()
    (data / "nir/0003").glob("*.jpg").__next__().write_bytes(b"no picture")

    done = run("show", data, "--identity", "0003", "-o", tmp_path / "s.png")

    assert done.returncode == 0
    assert (tmp_path / "s.png").stat().st_size > 1000
    assert "! 4 of 9 pictures cannot be shown: 1 not readable, 3 file missing" in done.stderr
    assert "_nir.jpg: no picture of a kind that Pillow knows" in done.stderr
    assert "… and 1 more (--verbose names them all)" in done.stderr
    assert run("show", data, "--identity", "0003", "--verbose").stderr.count("there is no such file") == 3
    shown = conforms(run_json("show", data, "--identity", "0003"))
    assert shown["unseen"] == {"file missing": 3, "not readable": 1}
    assert "sketch (file missing)" in run("show", data, "--identity", "0003").stdout


def test_a_dataset_that_is_not_there_at_all_still_shows_what_its_index_tells(run, data, tmp_path):
    index = (data / "reidindex.parquet").rename(tmp_path / "alone.parquet")

    done = run("show", index, "-p", 2, "-o", tmp_path / "s.jpg")

    assert done.returncode == 0, done.stderr
    assert "8 file missing" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["{data}", "-p", "2", "--batch", "1"], 2, "batch: an epoch has 1 batch, 0; found 1"),
        (["{data}", "-p", "1", "--batch", "9"], 2, "batch: an epoch has 2 batches, 0 … 1; found 9"),
        (["{data}", "--epoch", "samples"], 2, "what an epoch is goes into --epoch-is samples"),
        (["{data}", "--epoch", "-1"], 2, "--epoch: expected the number of an epoch, from 0, found '-1'"),
        (["{data}", "-p", "2", "--epoch", "99999999999"], 2, "--epoch: expected an int below 2**31"),
        (["{data}", "-p", "2", "--epoch-is", "days"], 2, "epoch: expected 'identities', 'samples' or a number"),
        (["{data}", "-p", "9"], 2, "P=9: 2 of 2 identities can serve each=any with K=4; use p=2 or less"),
        (["{data}", "--each", "pairs"], 2, "did you mean 'pair'?"),
        (["{data}", "--split", "trian"], 2, "did you mean 'train'?"),
        (["{data}", "--protocol", "trial3"], 2, "--protocol: no protocol 'trial3'; this index has none"),
        (["{data}", "-p", "2", "--rank", "2", "--world-size", "2"], 2, "expected 0 <= rank < world_size"),
        (["{data}", "-p", "2", "--rank-takes", "half"], 2, "--rank-takes: expected batches or block, found 'half'"),
        (["{data}", "-p", "2", "--world-size", "2"], 2, "no rank would get one"),
        (["{data}", "--pid", "3"], 2, "pid: no pid 3 among these samples (all); pids here lie in 0 … 2"),
        (["{data}", "--pid", "-1"], 2, "pid: no pid -1 among these samples (all)"),
        (["{data}", "--pid", "0", "--split", "query"], 2, "pid: no pid 0 among these samples (split query)"),
        (["{data}", "--identity", "5"], 2, "no identity '5' among these samples (all); did you mean '0005'?"),
        (["{data}", "--identity", "0005", "--split", "train"], 2, "no identity '0005' among these samples (split train)"),
        (["{data}", "--pid", "1", "--batch", "0"], 2, "--pid, --batch: expected a person or a batch, found both"),
        (["{data}", "--identity", "1", "--epoch", "0"], 2, "--identity, --epoch: expected a person or a batch"),
        (["{data}", "--pid", "1", "--identity", "0005"], 2, "--pid, --identity: expected one of them, found both"),
        (["{data}", "--compose", "rgb,sketsh"], 2, "did you mean 'sketch'?"),
        (["{data}", "-p", "2", "-o", "{tmp}/s.gif"], 2, "s.gif: a sheet is written as .png, .jpg, .jpeg, .html, .htm; found .gif"),
        (["{data}", "-p", "2", "-o", "{tmp}/sheet"], 2, "found no ending"),
        (["{data}", "-p", "2", "-o", "{tmp}/no/s.png"], 1, "the folder {tmp}/no does not exist; make it first"),
        (["{data}", "-p", "2", "-o", "{tmp}/folder.png"], 1, "something that is no file lies there"),
        (["{data}", "-p", "2", "-o", "{tmp}/foreign.png"], 1, "exists and is not a sheet of `reidindex show`"),
        (["{data}", "--pid", "1", "--rank", "1"], 2, "--pid, --rank: expected a person or a batch, found both"),
        (["{data}", "--identity", "0001", "-p", "8"], 2, "--identity, -p: expected a person or a batch, found both"),
        (["{data}", "--most", "24"], 2, "--most: goes with --pid and --identity"),
        (["{data}", "--identity", "\udcff"], 2, "--identity: expected UTF-8"),
        (["{tmp}"], 1, "no index (reidindex.parquet) in this folder"),
        (["{tmp}/nothing"], 1, "nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_one_clear_line_and_an_exit_code(run, data, tmp_path, words, code, message):
    (tmp_path / "folder.png").mkdir()
    Image.new("RGB", (5, 5)).save(tmp_path / "foreign.png")
    before = (tmp_path / "foreign.png").read_bytes()

    done = run("show", *(word.format(data=data, tmp=tmp_path) for word in words))

    assert done.returncode == code, done.stderr
    assert message.format(tmp=tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert (tmp_path / "foreign.png").read_bytes() == before


def test_a_sheet_replaces_a_sheet_and_by_force_anything(run, data, tmp_path):
    sheet = ["show", data, "-p", 2, "-o"]
    for name in ("s.png", "s.jpg", "s.html"):
        assert run(*sheet, tmp_path / name).returncode == 0
        first = (tmp_path / name).stat().st_ino
        assert run(*sheet, tmp_path / name).returncode == 0
        assert (tmp_path / name).stat().st_ino != first
    Image.new("RGB", (5, 5)).save(tmp_path / "s.png")
    assert run(*sheet, tmp_path / "s.png").returncode == 1
    assert run(*sheet, tmp_path / "s.png", "--force").returncode == 0
    (tmp_path / "link.png").symlink_to(tmp_path / "s.png")
    assert run(*sheet, tmp_path / "link.png").returncode == 0
    assert (tmp_path / "link.png").is_symlink()
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_read_only_folder_is_told_and_the_old_sheet_stays(run, data, tmp_path, monkeypatch):
    assert run("show", data, "-p", 2, "-o", tmp_path / "s.png").returncode == 0
    before = (tmp_path / "s.png").read_bytes()

    def refuse(*arguments, **settings):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Image.Image, "save", refuse)
    done = run("show", data, "-p", 2, "--seed", 5, "-o", tmp_path / "s.png")

    assert done.returncode == 1
    assert f"{tmp_path}/s.png: the sheet cannot be written there (Permission denied); name another file" in done.stderr
    assert (tmp_path / "s.png").read_bytes() == before


def test_nothing_but_words_goes_into_a_pipe(run, data):
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}

    done = run("show", data, "-p", 2, env=environment)

    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "▀" not in done.stdout


def in_a_terminal(run, monkeypatch, data, columns, *words):
    """What a terminal with colours, of so many columns, is sent."""
    sent = io.StringIO()
    plain = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    terminal = Console(
        file=sent, width=columns, force_terminal=True, color_system="truecolor", highlight=False, _environ=plain
    )
    monkeypatch.setattr(console, "out", lambda: terminal)
    assert run("show", data, *words).returncode == 0
    return sent.getvalue()


@pytest.mark.parametrize(
    "words", [["-p", 2, "-k", 2], ["-p", 2, "-k", 2, "--compose", "rgb,sketch,text"], ["--pid", 2]]
)
def test_a_terminal_with_colours_shows_pictures_and_others_words(run, monkeypatch, data, words):
    monkeypatch.delenv("NO_COLOR", raising=False)
    wide = in_a_terminal(run, monkeypatch, data, 180, *words)
    assert "▀" in wide
    assert max(len(Text.from_ansi(line).plain) for line in wide.splitlines()) <= 180
    assert "▀" not in in_a_terminal(run, monkeypatch, data, 40, *words)
    monkeypatch.setenv("NO_COLOR", "1")
    colourless = in_a_terminal(run, monkeypatch, data, 180, *words)
    assert "▀" not in colourless
    assert "38;2;" not in colourless
    assert "pid " in colourless


def test_a_terminal_too_narrow_for_pictures_says_what_draws_them(run, monkeypatch, data):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(
        console, "out", lambda: Console(file=io.StringIO(), width=40, force_terminal=True, color_system="truecolor")
    )

    assert "40 columns are too few for the pictures; -o sheet.png draws them" in run("show", data, "-p", 2).stderr


def test_a_label_cannot_move_the_cursor_from_the_line_that_says_where_the_sheet_is(run, tmp_path):
    index = index_of([Sample("a\u202e\x1b[2J\nb", ("rgb",))], tmp_path)

    done = run("show", index.path, "--pid", "0", "-o", tmp_path / "sheet.png")

    assert "identity a\\u202e\\x1b[2J\\nb · 1 sample · 1 cell" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_sheet_within_the_dataset_is_told_of(run, data, tmp_path):
    within = run("show", data, "-p", "2", "-o", data / "sheet.png")
    beside = run("show", data, "-p", "2", "-o", tmp_path / "sheet.png")

    assert "lies within the dataset: the tree now holds a file" in within.stderr
    assert "lies within" not in beside.stderr
