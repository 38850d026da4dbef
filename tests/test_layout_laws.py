"""What the engine of layouts must hold for any list and any tree: each law beside a slow, obvious reader."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

# what evaluation codes draw with: the law is about it
from random import Random  # noqa: TID251

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.errors import AnnotationError
from indexer.layouts.annotations import annotate
from indexer.layouts.definition import parse_layout
from indexer.layouts.draws import draw_splits
from indexer.layouts.files import Files
from indexer.layouts.joining import match_entries
from indexer.layouts.language.annotation import Annotation
from indexer.layouts.sources import text as text_source
from indexer.samples import FIELDS, Samples, SplitMarks, no_text
from indexer.scan.listing import Listing
from indexer.vocabulary import natural_key
from sampler_runtime import open_index
from tests.effort import examples

in_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

labels = st.sampled_from(["1", "01", "001", "2", "10", "ann", "ü", "0", "00", "-1", "1\n2", "a|b"])
paths = st.builds(
    lambda folder, name, ending: f"{folder}/{name}{ending}",
    st.sampled_from(["a", "b", "a/b", "ab", "ü", "a\nb", "a.x"]),
    st.sampled_from(["1", "01", "2", "x y", "n.m", ".h", "\n"]),
    st.sampled_from([".jpg", ".png", "", ".JPG"]),
)


def samples_of(paths, **fields):
    """Samples in path order."""
    order = sorted(range(len(paths)), key=lambda i: paths[i])
    columns = {name: no_text(len(paths)) for name in FIELDS}
    for name, words in fields.items():
        columns[name] = pa.array([words[i] for i in order], pa.string())
    none = np.full(len(paths), -1, np.int64)
    return Samples(pa.array([paths[i] for i in order], pa.string()), columns, SplitMarks(len(paths)), none, none.copy())


# ------------------------------------------------------------------------------------------------------- joins


def called(join, path, fields, identities):
    """What a sample is called in the terms of `join`; None: nothing."""
    name = path.split("/")[-1]
    words = {"path": path, "name": name, "stem": name.rpartition(".")[0] if "." in name else name, **fields}
    if join == "rank":
        known = sorted({i for i in identities if i is not None}, key=natural_key)
        return str(known.index(fields["identity"]) + 1) if fields["identity"] is not None else None
    wanted = re.findall(r"\{(\w+)\}", join) or [join]
    if any(words[w] is None for w in wanted):
        return None
    return re.sub(r"\{(\w+)\}", lambda slot: words[slot[1]], join) if "{" in join else words[join]


def spelt(word, join, numeric):
    """What an entry says, in our spelling."""
    if any(w in join for w in ("path", "name", "stem", "prefix")):
        word = re.sub(r"\A(?:\./)+", "", word.replace("\\", "/"))
    return re.sub(r"\A0+([0-9])", r"\1", word) if numeric else word


@given(st.data())
def test_a_join_finds_what_a_loop_over_all_pairs_finds(data):
    join = data.draw(
        st.sampled_from(["path", "name", "stem", "prefix", "rank", "identity", "camera", "{name}|{identity}"])
    )
    numeric = data.draw(st.booleans())
    known = data.draw(st.lists(paths, unique=True, min_size=1, max_size=8))
    identity, camera = (
        data.draw(st.lists(st.none() | labels, min_size=len(known), max_size=len(known))) for _ in range(2)
    )
    samples = samples_of(known, identity=identity, camera=camera)
    there = [
        (path, {"identity": i, "camera": c})
        for path, i, c in zip(
            samples.path.to_pylist(),
            samples.fields["identity"].to_pylist(),
            samples.fields["camera"].to_pylist(),
            strict=True,
        )
    ]
    words = st.one_of(
        st.none(),
        labels,
        paths,
        st.sampled_from(["", "a", "a/", ".\\a\\1.jpg", "././a/1.jpg", "1.jpg", "1.jpg|1", "3"]),
        st.sampled_from(known),
    )
    listed = data.draw(st.lists(words, max_size=8))
    prefixes = data.draw(st.sampled_from([("",), ("a/", ""), ("zz", "a/"), ("zz",)]))
    annotation = Annotation.model_validate(
        {
            "file": "l.csv",
            "columns": ["word"],
            "join": join,
            "key": [p + "{word}" for p in prefixes],
            "numeric": numeric,
        }
    )

    entries, rows, _ = match_entries(
        annotation, {"word": pa.array(listed, pa.string())}, samples, {}, len(listed), "l.csv"
    )

    expected = []
    for prefix in prefixes:
        says = [None if w is None else spelt(prefix + w, join, numeric) for w in listed]
        for entry, said in enumerate(says):
            for row, (path, fields) in enumerate(there):
                if said is None:
                    continue
                if join == "prefix":
                    fits = said != "" and path.startswith(said)
                else:
                    own = called(join, path, fields, [f["identity"] for _, f in there])
                    fits = own is not None and said == (re.sub(r"\A0+([0-9])", r"\1", own) if numeric else own)
                if fits:
                    expected.append((entry, row))
        if expected:
            break
    assert sorted(zip(entries.tolist(), rows.tolist(), strict=True)) == expected


# ------------------------------------------------------------------------------------------------------- draws


def drawn(toml, samples):
    layout = parse_layout("[[rule]]\nmatch = '(?P<identity>.*)'\n" + toml, name="own", where="own.toml")
    problems = draw_splits(layout, samples)
    splits = samples.splits
    return {name: np.flatnonzero(splits.rows_in(name)).tolist() for name in splits.names}, problems


people = st.lists(
    st.tuples(labels.filter(lambda w: "\n" not in w), st.sampled_from(["1", "2", "10", None])), min_size=1, max_size=12
)


@given(people, st.integers(0, 99), st.integers(1, 3), st.sampled_from([(), ("1",), ("1", "10")]), st.randoms())
def test_draws_are_those_of_pythons_own_generator_over_sorted_files(people, seed, take, cameras, order):
    listed = [(f"{i:02d}.jpg", who, camera) for i, (who, camera) in enumerate(people)]
    order.shuffle(listed)  # the order in which a system lists them is no part of it
    samples = samples_of(
        [p for p, _, _ in listed], identity=[w for _, w, _ in listed], camera=[c for _, _, c in listed]
    )
    origin = [row for row in range(len(listed)) if row % 3]
    samples.splits.mark(np.array(origin, np.int64), ["gallery"])
    where = f"where = {{ camera = {json.dumps(cameras)} }}\n" if cameras else ""

    found, problems = drawn(
        f'[[draw]]\nfrom = "gallery"\n{where}per = ["identity", "camera"]\ntake = {take}\nseed = "{seed}"\n'
        'split = "t/gallery"\nrest = "t/rest"\n',
        samples,
    )

    lot = Random(seed)
    groups = {}
    for row in origin:
        who, camera = people[row]
        if not cameras or camera in cameras:
            groups.setdefault((natural_key(who), natural_key(camera or "")), []).append(row)
    expected = []
    for key in sorted(groups):
        group = groups[key]
        if take == 1:
            expected.append(lot.choice(group))
            continue
        left = list(group)
        for _ in range(min(take, len(group))):
            i = left.index(lot.choice(left))
            expected.append(left[i])
            left[i] = left[-1]
            left.pop()
    pool = {row for group in groups.values() for row in group}
    assert found.get("t/gallery", []) == sorted(expected)
    assert set(found.get("t/rest", [])) == pool - set(expected)
    assert not problems


@given(people, st.integers(0, 99), st.integers(1, 4))
def test_identities_are_drawn_whole_or_not_at_all(people, seed, take):
    samples = samples_of([f"{i:02d}.jpg" for i in range(len(people))], identity=[who for who, _ in people])

    found, problems = drawn(
        f'[[draw]]\nof = "identity"\ntake = {take}\nseed = "{seed}"\nsplit = "t/test"\nrest = "t/train"\n', samples
    )

    whom = [who for who, _ in people]
    halves = {name: {whom[row] for row in rows} for name, rows in found.items()}
    if len(set(whom)) < take:
        assert (found, len(problems)) == ({}, 1)
        return
    assert len(halves["t/test"]) == take
    assert not halves["t/test"] & halves.get("t/train", set())
    assert sum(map(len, found.values())) == len(people)


def test_draws_are_the_same_in_every_process(tmp_path):
    for i in range(30):
        file = tmp_path / "d" / f"p{i % 5}" / f"{i}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "own.toml").write_text(
        "[[rule]]\nmatch = '(?P<identity>[^/]+)/.*'\n"
        '[[draw]]\neach = { t = "0..3" }\nper = ["identity"]\ntake = 2\nseed = "{t}"\nsplit = "t{t}/gallery"\n'
    )
    found = set()
    for seed in ("0", "1"):
        out = tmp_path / f"{seed}.parquet"
        command = [sys.executable, "-m", "indexer", "build", "d", "--layout", "own.toml", "-o", str(out), "--json"]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        found.add(json.loads(done.stdout)["digest"])

    assert len(found) == 1


# ------------------------------------------------------------------------------------------------------- entries

NAMES = [f"{who}/{n}.jpg" for who in "abc" for n in (1, 2, 3)]


def annotated(root, annotation, lists):
    """Rows of nine pictures after an annotation: path -> splits, and the samples."""
    for name, content in lists.items():
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    listing = Listing(root, sorted([*NAMES, *lists]), np.zeros(0, np.int64), np.zeros(0, np.int64))
    layout = parse_layout("[[rule]]\nmatch = '(?P<identity>.*)'\n" + annotation, name="own", where="own.toml")
    told = annotate(layout, samples_of(NAMES, identity=[n[0] for n in NAMES]), Files(listing, ""))
    return told


def paths_in(told, split):
    samples = told.samples
    if split not in samples.splits.names:
        return set()
    return {samples.path[int(row)].as_py() for row in np.flatnonzero(samples.splits.rows_in(split))}


@in_folder
@given(st.lists(st.sampled_from(NAMES), max_size=9), st.integers(1, 12), st.integers(0, 12))
def test_a_span_of_entries_is_a_slice(tmp_path, listed, first, more):
    told = annotated(
        tmp_path,
        f'[[annotation]]\nfile = "l.txt"\nformat = "values"\ncolumns = ["path"]\nentries = "{first}..{first + more}"\n'
        'join = "path"\nsplit = "train"\n',
        {"l.txt": "\n".join(listed)},
    )

    assert paths_in(told, "train") == {p for i, p in enumerate(listed, 1) if first <= i <= first + more}


@in_folder
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=9),
    st.lists(st.integers(-1, 10), max_size=6),
    st.sampled_from([0, 1]),
    st.sampled_from(["txt", "json"]),
)
def test_chosen_entries_are_those_with_the_numbers_or_an_error_names_the_wrong_one(
    tmp_path, listed, numbers, base, kind
):
    content = " ".join(map(str, numbers)) if kind == "txt" else json.dumps({"n": numbers})
    at = "" if kind == "txt" else ', at = "n"'
    toml = (
        f'[[annotation]]\nfile = "l.csv"\ncolumns = ["path", "caption"]\nonly = {{ file = "o.{kind}"{at}, base = {base} }}\n'
        'join = "path"\nsplit = "train"\n'
    )
    lists = {"l.csv": "path,caption\n" + "".join(f"{p},{i}\n" for i, p in enumerate(listed)), f"o.{kind}": content}
    if any(not 0 <= n - base < len(listed) for n in numbers):
        with pytest.raises(AnnotationError, match="chooses entry"):
            annotated(tmp_path, toml, lists)
        return

    told = annotated(tmp_path, toml, lists)

    chosen = dict.fromkeys(n - base for n in numbers)
    assert paths_in(told, "train") == {listed[i] for i in chosen}
    for row, path in enumerate(told.samples.path.to_pylist()):
        captions = told.samples.captions[row] if told.samples.captions else None
        assert (captions or []) == [str(i) for i in chosen if listed[i] == path]  # a number twice is one entry


@in_folder
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=9),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4),
    st.sampled_from([0, 1]),
)
def test_runs_are_the_lines_from_first_to_last_or_an_error(tmp_path, lines, bounds, base):
    toml = (
        '[[annotation]]\nfile = "r.txt"\nformat = "columns"\ncolumns = ["first", "last", "tracklet"]\n'
        f'runs = {{ file = "n.txt", first = "first", last = "last", base = {base} }}\njoin = "path"\nkey = "{{line}}"\n'
        'split = "train"\n'
    )
    lists = {"r.txt": "".join(f"{a} {b} T{i}\n" for i, (a, b) in enumerate(bounds)), "n.txt": "\n".join(lines)}
    if any(not 0 <= a - base <= b - base < len(lines) for a, b in bounds):
        with pytest.raises(AnnotationError, match="stands for lines"):
            annotated(tmp_path, toml, lists)
        return

    told = annotated(tmp_path, toml, lists)

    last = {}
    for i, (a, b) in enumerate(bounds):
        last.update(dict.fromkeys(lines[a - base : b - base + 1], f"T{i}"))
    samples = told.samples
    found = dict(zip(samples.path.to_pylist(), samples.fields["tracklet"].to_pylist(), strict=True))
    assert {p: t for p, t in found.items() if t is not None} == last
    assert paths_in(told, "train") == set(last)


# ------------------------------------------------------------------------------------------------------- texts

signs = st.sampled_from(
    [*'ab1,;|"', "'", "#", "\\", "/", "NA", "null", "1e5", "\t", " ", " ", "\n", "\n", "\r", "\r\n"]
)
rare = st.sampled_from(["\0", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u2028", "\u3000", "ü", "\ufeff", "\u200b"])
texts = st.lists(signs | signs | signs | rare, max_size=24).map("".join)


def regular(width, separator):
    """Lines that the quick reader takes, and one of any kind among them."""
    cell = st.text(st.sampled_from("ab1NA'\"#\\/.\0ü\u3000\t"), min_size=1, max_size=4)
    row = st.lists(cell, min_size=width, max_size=width).map((separator or " ").join)
    return st.lists(row | row | row | texts, min_size=1, max_size=5).map("\n".join)


def naive_columns(text, width, separator, skip):
    """Rows, or the number of the first line that is wrong."""
    rows = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if number <= skip or line.strip() == "":
            continue
        if separator is None:
            words = line.split()
            if len(words) < width:
                return number
            rest = line.strip()
            row = []
            for _ in range(width - 1):
                row.insert(0, rest.split()[-1])
                rest = rest[: len(rest) - len(row[0])].rstrip()
            row.insert(0, rest)
        else:
            row = [word.strip() for word in line.split(separator)]
        if len(row) != width:
            return number
        rows.append(row)
    return rows


@examples(300)
@given(st.data())
def test_the_quick_reader_of_columns_reads_what_a_loop_over_lines_reads(data):
    width = data.draw(st.integers(1, 3))
    separator = data.draw(st.sampled_from([None, ",", ";", "\t", "|", " ", '"', "::", "；"]))
    skip = data.draw(st.integers(0, 2))
    text = data.draw(texts | regular(width, separator))
    names = ["path", "one", "two"][:width]
    said = {"separator": separator} if separator else {}
    annotation = Annotation.model_validate(
        {"file": "l.txt", "format": "columns", "columns": names, "join": "path", "skip": skip, **said}
    )
    expected = naive_columns(text, width, separator, skip)

    try:
        found = text_source.from_columns(annotation, text, Path("l.txt"))
    except AnnotationError as error:
        assert isinstance(expected, int)
        assert f"line {expected}:" in str(error)
        return
    columns = [list(c) if isinstance(c, list) else c.to_pylist() for c in found.values()]
    assert [list(row) for row in zip(*columns, strict=True)] == expected


def test_the_quick_reader_is_taken_for_regular_lines():
    names = ("path", "label")
    assert text_source._at_once(names, " ", 0, "a/1.jpg 0\nb/2.jpg 1\n") is not None
    assert text_source._at_once(names, "\t", 1, "head\na b/1.jpg\t0\r\nNA\t1\r\n")["path"].to_pylist() == [
        "a b/1.jpg",
        "NA",
    ]
    assert text_source._at_once(names, " ", 0, "a/1.jpg\u30000 1\n") is None


@given(texts, st.integers(0, 2))
def test_plain_values_are_words(text, skip):
    lines = re.split(r"\r\n|\r|\n", text)[skip:]

    assert text_source.from_values("path", text, skip) == {
        "path": [w for line in lines for w in re.split(r"[\s,]+", line) if w]
    }


cells = st.text(st.sampled_from(["a", "b", "1", ",", '"', "\n", " ", "ü"]), max_size=4)


@given(st.lists(st.tuples(cells, cells, cells), max_size=6), st.sampled_from([",", ";", "\t"]))
def test_a_table_gives_the_cells_that_were_written(rows, separator):
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [("x", " p ", "y"), *rows]
    )
    said = {"separator": separator} if separator == ";" else {}
    annotation = Annotation.model_validate(
        {
            "file": "l.csv" if separator != "\t" else "l.tsv",
            "columns": {"path": "p", "view": "y"},
            "join": "path",
            **said,
        }
    )

    found = text_source.from_table(annotation, out.getvalue(), Path("l.csv"), separator)

    assert found == {"path": [p.strip() for _, p, _ in rows], "view": [y.strip() for _, _, y in rows]}


# ------------------------------------------------------------------------------------------------------- boxes

numbers = st.integers(-5, 5)
boxes = st.none() | st.just([]) | st.tuples(numbers, numbers, numbers, numbers).map(list)


@in_folder
@given(
    st.lists(st.tuples(st.sampled_from([*NAMES, "zz.jpg"]), boxes, st.sampled_from("pq")), max_size=9),
    st.lists(st.tuples(st.sampled_from(NAMES), boxes), max_size=4),
)
def test_every_box_is_one_row_of_its_picture(tmp_path, first, second):
    """A second list tells of boxes that are there, and adds those that are not."""
    told_first = [{"path": p, "box": b, "caption": f"{p} {b}"} for p, b, _ in first]
    toml = '[[annotation]]\nfile = "{}"\ncolumns = ["path", "box", "caption"]\njoin = "path"\nsplit = "{}"\n'
    toml = toml.format("one.json", "train") + toml.format("two.json", "query").replace(', "caption"', "")
    lists = {"one.json": json.dumps(told_first), "two.json": json.dumps([{"path": p, "box": b} for p, b in second])}
    expected = {}
    for split, listed in (("train", [(p, b) for p, b, _ in first]), ("query", second)):
        for path, box in listed:
            if path in NAMES and box and box[2] > 0 and box[3] > 0:
                expected.setdefault((path, *box), set()).add(split)
    if not expected:
        with pytest.raises(AnnotationError, match="nobody is boxed"):
            annotated(tmp_path, toml, lists)
        return

    told = annotated(tmp_path, toml, lists)

    samples = told.samples
    keys = [(path, *box) for path, box in zip(samples.path.to_pylist(), samples.box.tolist(), strict=True)]
    assert len(keys) == len(set(keys))
    assert keys == sorted(keys)
    assert set(keys) == set(expected)
    assert told.unboxed == len(NAMES) - len({key[0] for key in keys})
    for row, key in enumerate(keys):
        assert {s for s in samples.splits.names if samples.splits.rows_in(s)[row]} == expected[key]
        assert samples.fields["identity"][row].as_py() == key[0][0]
        captions = samples.captions[row] if samples.captions else None
        assert set(captions or ()) <= {f"{key[0]} {list(key[1:])}"}
        assert bool(captions) == ("train" in expected[key])


# ------------------------------------------------------------------------------------------------------- queries

ITEMS = ("TEXT", "RGB", "TEXT+RGB", "RGB+RGB")


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_query_holds_the_rows_that_its_items_name(tmp_path, data):
    sentences, files = st.sampled_from(["red", "blue", "ü"]), st.sampled_from([*NAMES, "zz.jpg"])
    label = st.sampled_from([1, 2, "x"])
    sets = data.draw(st.lists(st.sampled_from(ITEMS), unique=True, min_size=1))
    document = {"whom": [[1, "a/1.jpg"], [2, "b/1.jpg"]]}
    for name in sets:
        kinds = [sentences if word == "TEXT" else files for word in name.split("+")]
        document[name] = [list(q) for q in data.draw(st.lists(st.tuples(label, *kinds), max_size=4))]
    root = tmp_path / "d"
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "q.json").write_text(json.dumps(document))
    (tmp_path / "own.toml").write_text(
        "[[rule]]\nmatch = '(?P<identity>[^/]+)/.*\\.jpg'\n"
        "[[queries]]\nfile = 'q.json'\nsets = '(?P<items>(?:TEXT|RGB)(?:\\+RGB)?)'\nlabels = 'whom'\n"
    )

    report = build_index(root, layout=str(tmp_path / "own.toml"), force=True)

    index = open_index(report.index)
    rows = pq.read_table(report.index).to_pylist()
    whom = {1: "a", 2: "b"}
    said = set()
    for name in (name for name in sets if document[name]):
        expected = [q for q in document[name] if "zz.jpg" not in q]
        found = index.query_set(name)
        assert len(found) == len(expected)
        for query, numbers in zip(expected, found.rows, strict=True):
            words = []
            for word, item in zip(name.split("+"), query[1:], strict=True):
                words.append((whom.get(query[0]), item) if word == "TEXT" else item)
                said |= {words[-1]} if word == "TEXT" else set()
            items = [
                (rows[r]["identity"], rows[r]["captions"][0]) if rows[r]["modality"] == "text" else rows[r]["path"]
                for r in numbers.tolist()
            ]
            assert sorted(map(str, items)) == sorted(map(str, words))
    told = [(r["identity"], r["captions"][0]) for r in rows if r["modality"] == "text"]
    assert set(told) == said  # a query whose files are lost leaves no sentence behind
