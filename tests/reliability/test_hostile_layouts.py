"""Layout files as somebody may write them who means harm, or slips: one clear line each, soon, and little memory."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.errors import AnnotationError, LayoutError, LayoutFileError
from indexer.kept_pids import KnownPids
from indexer.layouts import load_layout
from indexer.layouts.definition import LARGEST_LAYOUT, parse_layout
from indexer.layouts.language.parts import fill_column
from indexer.vocabulary import natural_key
from tests.effort import examples, times
from tests.test_odd_layouts import PICTURES, RULE, built, listed, rows
from tests.trees import write

DRAW = RULE + "[[draw]]\nsplit = 'a'\n"
DEEP = ".".join(["a"] * 33)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        # patterns
        ("[[rule]]\nmatch = '(?P<identity>(?:a{1000}){1000})'", "repetition size: {1000}; it repeats at most 1,000 times"),
        ("[[rule]]\nmatch = '(?P<identity>x{100000})'", "it repeats at most 1,000 times, and the whole must stay small"),
        ("[[rule]]\nmatch = '(?P<identity>(?:\\pL{1,30}){1,33})'", "pattern too large"),
        ("[[rule]]\nmatch = '(?P<identity>" + "a" * 1_000_000 + ")'", "signs, at most 100,000 are read"),
        ("[[rule]]\nmatch = '(?P<identity>(?<=a)b)'", "invalid perl operator: (?<=; RE2 has no look-around"),
        ("[[rule]]\nmatch = '(?P<identity>a)\\1'", "invalid escape sequence: \\1; RE2 has no look-around and no back-references"),
        ("[[rule]]\nmatch = '(?P<identity>a)\\q'", "invalid escape sequence: \\q"),
        ("[[rule]]\nmatch = '(?P<identity>a)(?P<identity>b)'", "the group 'identity' twice"),
        ("[[rule]]\nmatch = '(?P<identity>a)'\ncamera = { from = 'cam' }", "the pattern has no group 'cam'"),
        ("[[rule]]\nmatch = '" + "".join(f"(?P<g{i}>a)" for i in range(101)) + "'", "the pattern has 101 groups, at most 100"),
        (RULE + "unless = '" + "(?:" * 2000 + "'", "RE2 refuses the pattern"),
        # keys and values
        (RULE + "cammera = 'x'", "did you mean 'camera'?"),
        (RULE + "camera = 3", "rule[0].camera: Input should be a valid string"),
        (RULE + "camera = 2020-01-01", "rule[0].camera: Input should be a valid string"),
        ("title = 'a'\ntitle = 'b'\n" + RULE, "not valid TOML"),
        ("", "rule: Field required"),
        ("a = 'x\0'", "not valid TOML"),
        (DEEP + " = 1\n" + RULE, "a key of more than 32 parts"),
        ("[" + DEEP + "]\n" + RULE, "a key of more than 32 parts"),
        ("[[ " + " . ".join(["'a'"] * 2000) + "]]\n" + RULE, "a key of more than 32 parts"),
        ("a = " + "{a = " * 5000, "lie too deep within each other"),
        ("a = " + "9" * 5000, "a number or date beyond all bounds"),
        (listed(more="skip = " + "9" * 400 + "\njoin = 'path'\n") + RULE, "skip: Input should be less than or equal to"),
        (DRAW + "take = 0x" + "f" * 10_000, "draw[0].take: Input should be less than or equal to"),
        (DRAW + "seed = '" + "9" * 5000 + "'", "draw[0].seed: String should have at most 1000 characters"),
        (RULE + "camera = '" + "x" * 1001 + "'", "at most 1000 characters"),
        (RULE + "camera = { from = 'frame', values = { '1' = '" + "x" * 1001 + "' } }", "becomes a word of more than 1,000 signs"),
        ("modalities = [" + "1," * 10_000 + "]\n" + RULE, "modalities[0]: Input should be a valid string"),
        (RULE * 1001, "rule: List should have at most 1000 items"),
        ("x" * 900_000 + " = 1\n" + RULE, "unknown key 'xxx"),
        # what leads elsewhere
        (RULE + listed("../../etc/passwd.csv"), "file: '../../etc/passwd.csv' leads out of the dataset"),
        (RULE + listed("/etc/passwd.csv"), "leads out of the dataset"),
        (RULE + listed("C:/l.csv"), "leads out of the dataset"),
        (RULE + listed("https://example.org/l.csv"), "leads out of the dataset"),
        (RULE + listed("a\\\\..\\\\l.csv"), "leads out of the dataset"),
        (RULE + listed(more='join = "path"\nonly = { file = "../n.txt", base = 0 }\n'), "only.file: '../n.txt' leads out"),
        (RULE + listed(more='join = "path"\nruns = { file = "/n", first = "path", last = "word", base = 0 }\n'), "runs.file: '/n' leads"),
        (RULE + "[[queries]]\nfile = '../q.json'\nsets = '(?P<items>.+)'", "file: '../q.json' leads out"),
        (RULE + listed("l.json", more='join = "path"\nat = "' + "*." * 40 + '*"\n'), "has more than 32 steps"),
    ],
)  # fmt: skip
def test_a_hostile_layout_is_refused_in_a_short_line(toml, message):
    with pytest.raises(LayoutFileError) as caught:
        parse_layout(toml, name="own", where="own.toml")

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2100


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff" + RULE.encode(), "a layout file is UTF-8 text, byte 0 is not"),
        (b" " * (LARGEST_LAYOUT + 1), "holds at most 1,048,576 bytes, this has more"),
        (RULE.encode("utf-16"), "a layout file is UTF-8 text"),
    ],
)
def test_bytes_that_are_no_layout_are_told(tmp_path, content, message):
    (tmp_path / "own.toml").write_bytes(content)
    with pytest.raises(LayoutFileError, match=message):
        load_layout(str(tmp_path / "own.toml"))


def test_marks_and_line_ends_of_other_systems_are_no_fault(tmp_path):
    (tmp_path / "own.toml").write_bytes(b"\xef\xbb\xbf" + RULE.replace("\n", "\r\n").encode())

    assert load_layout(str(tmp_path / "own.toml")).rule[0].match.groups == ("identity", "frame")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    """In a process of its own, which is ended if it waits."""
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "fifo.toml")
    (tmp_path / "device.toml").symlink_to("/dev/zero")
    (tmp_path / "link.toml").symlink_to("device.toml")
    names = sorted(str(file) for file in tmp_path.glob("*.toml"))
    done = subprocess.run([sys.executable, "-c", _LOAD_EACH, *names], capture_output=True, text=True, timeout=60)

    said = [line.partition(" (not a file but")[0] for line in done.stdout.splitlines()]
    assert said == [f"{name}: this layout file cannot be read" for name in names], done.stderr


_LOAD_EACH = """
import sys
from indexer.layouts import load_layout
for name in sys.argv[1:]:
    try:
        load_layout(name)
    except Exception as error:
        print(error)
"""
CATASTROPHES = ["(?:a+)+", "(?:a|a)*", "(?:(?:(?:a*)*)*)*", "(?:a|aa)+", "(?:.*)*x"]


@pytest.mark.parametrize("pattern", CATASTROPHES)
def test_no_pattern_takes_more_than_linear_time_wherever_it_stands(tmp_path, pattern):
    """Python's own patterns take 2^n steps for these: thirty signs would be an hour. No clock is asked, it just ends."""
    long = "a" * 200
    paths = [f"{long}{i}!/1.jpg" for i in range(20)]
    rule = f"[[rule]]\nmatch = '(?P<identity>{pattern})/(?P<frame>\\d+)\\.{{image}}'\n"
    rest = f"[[rule]]\nmatch = '(?P<identity>[^/]+)/(?P<frame>\\d+)\\.{{image}}'\nunless = '(?:{pattern})/1'\n"
    parse = f"""columns = ["path", "word"]\njoin = "path"\nparse = {{ word = '(?P<x>{pattern})|(?P<view>.*)' }}\n"""
    lists = f'[[annotation]]\nfile = "l.csv"\n{parse}[[aside]]\nmatch = \'{pattern}\'\nwhy = "none"\n'
    queries = f"[[queries]]\nfile = 'q.json'\nsets = '(?P<items>{pattern})'\n"
    (tmp_path / "d").mkdir()
    report = built(
        tmp_path,
        rest + lists + queries,
        {"l.csv": f"path,word\n{paths[0]},{'a' * 100_000}!\n", "q.json": f'{{"{"a" * 100_000}!": []}}'},
        rule=rule,
        pictures=paths,
    )

    assert report.metadata.samples == 20


def test_a_template_that_makes_gigabytes_is_refused_before_it_does():
    words = pa.repeat("x" * 1000, 100_000)
    with pytest.raises(
        LayoutError, match=r"makes 30,000,000,000 bytes of text for 100,000 entries; at most 2,147,483,647 fit"
    ):
        fill_column("{path}" * 300, {"path": words}, 100_000)


def test_pairs_and_runs_without_bound_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("indexer.layouts.joining.MOST_PAIRS", 5)
    monkeypatch.setattr("indexer.layouts.entries.MOST_LAID_OUT", 5)
    with pytest.raises(AnnotationError, match=r"l.csv: its 3 entries mean 6 pairs of an entry and a sample, at most 5"):
        built(
            tmp_path,
            listed(columns='["identity", "view"]', more='join = "identity"\n'),
            {"l.csv": "identity,view\n" + "a,x\n" * 3},
        )
    runs = 'runs = { file = "n.txt", first = "a", last = "b", base = 1 }\njoin = "path"\nkey = "{line}"\nsplit = "x"\n'
    with pytest.raises(
        AnnotationError, match=r"entry 2: the runs up to it stand for 6 lines of n.txt, which has 2; at most 5"
    ):
        built(
            tmp_path,
            listed(columns='["a", "b"]', more=runs),
            {"l.csv": "a,b\n" + "1,2\n" * 3, "n.txt": "a/1.jpg\nb/1.jpg\n"},
        )


@pytest.mark.parametrize("number", ["999999999999", "9" * 100, "-7", "2147483648"])
def test_numbers_beyond_their_column_are_unknown_and_told(tmp_path, number):
    rule = "[[rule]]\nmatch = '(?P<identity>[^/]+)/(?P<frame>-?\\d+)_(?P<clothes>-?\\d+)\\.{image}'\n"
    report = built(tmp_path, "", rule=rule, pictures=[f"a/{number}_{number}.jpg", "b/1_1.jpg"])

    assert sum(p.kind == "value" for p in report.problems) == 2
    found = rows(report)[(f"a/{number}_{number}.jpg",)]
    assert (found["frame"], found["clothes"]) == (-1, -1)


def test_a_label_of_thousands_of_digits_is_a_label(tmp_path):
    long = "9" * 5000
    report = built(
        tmp_path, listed(columns='["path", "identity"]'), {"l.csv": f"path,identity\na/1.jpg,{long}\na/2.jpg,1{long}\n"}
    )

    assert rows(report)[("a/1.jpg",)]["identity"] == long
    assert rows(report)[("a/1.jpg",)]["pid"] < rows(report)[("a/2.jpg",)]["pid"]


@examples(300)
@given(st.lists(st.text("0123a_", min_size=1, max_size=8), max_size=12, unique=True))
def test_the_natural_order_is_that_of_numbers(words):
    def by_numbers(word):
        parts, digits = [], ""
        for sign in word + "\0":
            if sign.isdigit() == bool(digits and digits[-1].isdigit()) and digits:
                digits += sign
            else:
                parts, digits = [*parts, digits], sign
        return [
            (0, int(part), part) if part.isdigit() else (1, 0, part.rstrip("\0"))
            for part in [*parts, digits.rstrip("\0")]
            if part
        ]

    assert sorted(words, key=natural_key) == sorted(words, key=by_numbers)


# ------------------------------------------------------------------------------------------- people who share a label


def by_files_as_it_was_defined(known, path, pid, kept):
    """Most files first, each person once: by looking through all that was found, again and again."""
    place = [known.path.to_pylist().index(p) if p in known.path.to_pylist() else -1 for p in path.to_pylist()]
    shared = {}
    for one, at in zip(pid.tolist(), place, strict=True):
        if one >= 0 and at >= 0 and kept[one] < 0 and known.pid[at] >= 0 and known.pid[at] not in kept.tolist():
            shared[one, int(known.pid[at])] = shared.get((one, int(known.pid[at])), 0) + 1
    found = {}
    for one, other in sorted(shared, key=lambda pair: (-shared[pair], pair[0], pair[1])):
        if one not in found and other not in found.values():
            found[one] = other
    return list(found.items())


@examples(200)
@given(st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 5)), min_size=1, max_size=30), st.sets(st.integers(0, 5)))
def test_people_who_share_a_label_are_told_apart_as_ever(files, known_already):
    before, now = (np.array(column, np.int32) for column in zip(*files, strict=True))
    path = pa.array([f"{i}.jpg" for i in range(len(files))])
    known = KnownPids(path, before, pa.repeat("x", len(files)), 6)
    kept = np.array([i if i in known_already else -1 for i in range(6)])

    assert known._by_files(path, now, kept) == by_files_as_it_was_defined(known, path, now, kept)


def test_whole_datasets_of_one_label_keep_their_pids():
    """A hundred thousand of them: by the square of their number it would be a minute."""
    many = times(20_000, 100_000, 300_000)
    path = pa.array([f"{i:07d}.jpg" for i in range(many)])
    before = np.arange(many, dtype=np.int32)
    known = KnownPids(path, before, pa.repeat("x", many), many)

    found = known._by_files(path, before[::-1].copy(), np.full(many, -1, np.int64))

    assert dict(found) == {i: many - 1 - i for i in range(many)}


def test_the_command_line_says_it_in_one_line(tmp_path, run):
    root = write(tmp_path / "d", PICTURES)
    (tmp_path / "own.toml").write_text(RULE + "camera = '" + "x" * 100_000 + "'")
    done = run("build", root, "--layout", tmp_path / "own.toml")

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert not (root / "reidindex.parquet").exists()
    build_index(root, layout="folders")
