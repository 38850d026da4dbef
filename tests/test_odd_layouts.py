"""Layouts, lists and trees as nobody should write them: each is told in one line, and never becomes a wrong index."""

from __future__ import annotations

import copy
import io
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.errors import AnnotationError, LayoutError, LayoutFileError, ReidIndexError
from tests.effort import examples
from tests.trees import write

RULE = "[[rule]]\nmatch = '(?P<identity>[^/]+)/(?P<frame>\\d+)\\.{image}'\n"
PICTURES = ["a/1.jpg", "a/2.jpg", "b/1.jpg", "c/3.jpg"]


def built(tmp_path, toml, lists=(), rule=RULE, pictures=PICTURES):
    write(tmp_path / "d", pictures)
    for name, content in dict(lists).items():
        write(tmp_path / "d", [name], content if isinstance(content, bytes) else content.encode())
    (tmp_path / "own.toml").write_text(rule + toml, encoding="utf-8")
    return build_index(tmp_path / "d", layout=str(tmp_path / "own.toml"), force=True)


def rows(report):
    return {(r["path"], *(r.get("box") or ())): r for r in pq.read_table(report.index).to_pylist()}


def told(report, kind):
    return [str(p) for p in report.problems if p.kind == kind]


def listed(file="l.csv", columns='["path", "word"]', more='join = "path"\n'):
    return f'[[annotation]]\nfile = "{file}"\ncolumns = {columns}\n{more}'


# ------------------------------------------------------------------------------------------- what a layout may not say


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('"a b" = 3\n' + RULE, "unknown key 'a b'; known: title"),
        ("a = " + "[" * 5000 + "]" * 5000, "not valid TOML: "),
        (RULE + '"x-y" = 1', "unknown key 'rule[0].x-y'; known: match"),
        (RULE.replace("'(?P<id", "[] #"), "rule[0].match: a pattern is a text"),
        (RULE + "camera = '{frame'", "rule[0]: camera: nothing fills '{frame'"),
        (RULE + "camera = { from = 'frame', else = '' }", "rule[0].camera.else: String should have at least 1 character"),
        ("[[rule]]\nmatch = '(?<identity>[^/]+)/.*'", "groups that are not written (?P<name>…)"),
        ("[[rule]]\nmatch = '(?P<identity>a)/\\(?P<x>.*'", "groups that are not written (?P<name>…)"),
        ('modalities = ["rgb", "rgb"]\n' + RULE, "modalities: one of them is there twice"),
        (RULE + "aligned = ['frame']\n" + RULE + "composite = ['rgb', 'nir']", "aligned and composite"),
        (RULE + "[published]\ntrain = { samples = -5 }", "published.train.samples: Input should be greater than or equal to 0"),
        (RULE + listed(columns="[]"), "columns: expected different names, found none"),
        (RULE + listed(columns='["path", "x", "x"]'), "columns: expected different names, found 'x' twice"),
        (RULE + listed(columns='["path", "x", "y", "width"]'), "columns: expected x, y, width, height or x, y, right, bottom"),
        (RULE + listed("l{trail}.csv"), "file: nothing fills '{trail}'; known: (none)"),
        (RULE + '[[annotation]]\nfile = []\ncolumns = ["path"]\njoin = "path"', "annotation[0].file: "),
        (RULE + listed(more='join = "path"\nsplit = "trial{t}/train"'), "split: nothing fills '{t}'"),
        (RULE + listed(more='join = "path"\nsplit = { from = "split" }'), "split.from = 'split' is no column of the file"),
        (RULE + listed(more='join = "path"\nsplit = { from = "word", values = { x = [] } }'), "values of split: 'x' should become"),
        (RULE + listed(more='join = "path"\nsplit = { from = "word", else = "" }'), "split.else: String should have at least"),
        (RULE + listed(more='join = "path"\neach = { word = "1..2" }'), "each.word: a column is called so, too"),
        (RULE + listed(more='join = "path"\neach = { t = "1..999999999999" }'), "each.t: more than 1,000 rounds"),
        (RULE + listed(more='join = "path"\nwhere = { word = [] }'), "annotation[0].where.word: "),
        (RULE + listed(more='join = "path"\nkey = "{caption}"', columns='["caption"]'), "needs a column 'caption'"),
        (RULE + listed(more='join = "path"\ntell = { view = "{box}" }', columns='["path", "box"]'), "tell.view: there is no column 'box'"),
        (RULE + listed(more='join = "path"\nseparator = "::"'), "separator: '::' separates nothing in csv"),
        (RULE + listed("l.json", more='join = "path"\nseparator = ";"'), "separator: ';' separates nothing in json"),
        (RULE + listed(more='join = "path"\nruns = { file = "n.txt", first = "s", last = "e", base = 1 }'), "runs: there is no column 's'"),
        (RULE + listed(more='join = "path"\nonly = { base = 1 }'), "only: expected a `file` of numbers, or a place `at`"),
        (RULE + listed(more='join = "path"\nonly = { at = "x", base = 1 }'), "only: no list of numbers at 'x' in csv"),
        (RULE + listed(more='join = "path"\nonly = { file = "o.csv", base = 1 }'), "only: no list of numbers in csv"),
        (RULE + listed(more='join = "path"\nentries = "1..2"\nonly = { file = "o.txt", base = 1 }'), "entries: `only` says already"),
        (RULE + listed("own.csv", more='join = "own"'), 'file: join = "own" expects one template with {path}, {name} or {stem}'),
        (RULE + listed("{identity}.csv", more='join = "own"'), 'file: join = "own" expects one template'),
        (RULE + '[[draw]]\nsplit = { from = "nope" }', "split.from = 'nope' is no column of the file and no field"),
        (RULE + '[[draw]]\nfrom = "{t}"\nsplit = "x"', "from: nothing fills '{t}'"),
        (RULE + '[[draw]]\neach = { t = "0..9" }\nseed = "{t}"\nsplit = "x/train"', "split: expected {t} in it"),
        (RULE + '[[draw]]\nwhere = { camera = [] }\nsplit = "x"', "where.camera: expected words, found none"),
        (RULE + "[[queries]]\nfile = 'q.json'\nsets = '[A-Z]+'", "sets: expected a group (?P<items>…)"),
        (RULE + "[[queries]]\nfile = 'q.json'\nsets = '(?P<items>.+)'\npath = 'x'", "path: expected a template with {item}"),
        (RULE + "[[queries]]\nfile = 'q.json'\nsets = '(?P<items>.+)'\nset_key = 'x'", "set_key and items_key go together"),
    ],
)  # fmt: skip
def test_a_layout_that_cannot_be_meant_is_told_before_anything_is_read(tmp_path, toml, message):
    with pytest.raises(LayoutFileError) as caught:
        built(tmp_path, toml, rule="")

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------------- lists that are not right

JSON = listed("l.json", '["path", "box"]', 'join = "path"\n')
QUERIES = "[[queries]]\nfile = 'q.json'\nsets = '(?P<items>[A-Z+]+)'\n"
XML = listed("l.xml", '{ path = "n" }', 'at = "Item"\njoin = "path"\n')


@pytest.mark.parametrize(
    ("toml", "name", "content", "message"),
    [
        (listed(), "l.csv", "path,word\na/1.jpg,red, and blue\n", "l.csv, line 2: more columns than the header"),
        (listed(), "l.csv", "path,word,word\na/1.jpg,x,y\n", "line 1: the column 'word' is there 2 times"),
        (listed(more='join = "path"\nencoding = "undefined"\n'), "l.csv", "path,word\n", "not undefined text"),
        (JSON, "l.json", '[{"path": "a/1.jpg", "box": [[1], [2, 3]]}]', "expected a box x, y, width, height"),
        (JSON, "l.json", '[{"path": "a/1.jpg", "box": [NaN, 1, 2, 3]}]', "expected a box x, y, width, height"),
        (JSON, "l.json", '[{"path": "a/1.jpg", "box": [4294967297, 1, 2, 3]}]', "expected a box x, y, width, height"),
        (JSON, "l.json", '[{"path": "a/1.jpg", "box": "1 2 3 4"}]', "expected a box x, y, width, height"),
        (JSON, "l.json", "[]", "nobody is boxed in any picture that is there (read: l.json)"),
        (JSON, "l.json", '[{"path": "a/1.jpg", "box": null}]', "nobody is boxed in any picture"),
        (listed(columns='["path", "x", "y", "right", "bottom"]'), "l.csv",
         "path,x,y,right,bottom\na/1.jpg,-2147483647,0,2147483647,9\n", "expected a box x, y, right, bottom"),
        (listed(columns='["path", "x", "y", "width", "height"]'), "l.csv",
         "path,x,y,width,height\na/1.jpg,1,,,\n", "entry 0: expected a box x, y, width, height"),
        (listed("l.json", '{ path = "i.f" }', 'at = "a"\nlookup = { i = "images" }\njoin = "path"\n'), "l.json",
         '{"images": [{"id": [1], "f": "a/1.jpg"}], "a": [{"i": [1]}]}', "'a', entry 0: expected ['i.f']"),
        (XML, "l.xml", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y "z">]><a>&y;</a>', "has a document type"),
        (XML, "l.xml", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y "z">]><a>&y;</a>'.encode("utf-16-le"), "holds zero bytes"),
        (XML, "l.xml", b'<?xml version="1.0" encoding="utf-7"?>' + "<!DOCTYPE x><a/>".encode("utf-7"), "has a document type"),
        (XML, "l.xml", b'<?xml version="1.0" encoding="utf-7"?><a><Item n="+2AA-"/></a>', "not valid XML"),
        (QUERIES, "q.json", '{"RGB": [[1, "a/1.jpg", "a/2.jpg"]]}', "'RGB': expected RGB, found ['a/1.jpg', 'a/2.jpg']"),
        (QUERIES, "q.json", '{"RGB+TEXT": [[1, "a/1.jpg"]]}', "'RGB+TEXT': expected RGB, TEXT, found ['a/1.jpg']"),
        (QUERIES, "q.json", '{"TEXT": [[1, null]]}', "'TEXT': expected TEXT, found [None]"),
        (QUERIES, "q.json", '{"TEXT": [[1, "\\ud800"]]}', "holds text that is not valid Unicode"),
        (QUERIES, "q.json", '{"TEXT": [[[1], "x"]]}', "'TEXT', entry 0: expected [label, item, …]"),
        (QUERIES + "labels = 'G'\n", "q.json", '{"TEXT": [[1, "x"]], "G": 3}', "expected a list 'G' of [label, path]"),
        (QUERIES + "labels = 'G'\n", "q.json", '{"G": [[[1], "x"]]}', "'G', entry 0: expected [label, path]"),
        (QUERIES + QUERIES, "q.json", '{"TEXT": [[1, "x"]]}', "'TEXT': another list of queries has a set of this name"),
    ],
)  # fmt: skip
def test_a_list_that_is_not_what_it_should_be_stops_the_build_and_the_old_index_stays(
    tmp_path, toml, name, content, message
):
    old = built(tmp_path, "").index.read_bytes()

    with pytest.raises(AnnotationError) as caught:
        built(tmp_path, toml, {name: content})

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "d/reidindex.parquet").read_bytes() == old


@pytest.mark.parametrize("split", ["/", "a/", "/train", "a//train"])
def test_a_split_has_a_name_on_both_sides_of_the_slash(tmp_path, split):
    with pytest.raises(LayoutError, match="has a name on both sides"):
        built(tmp_path, listed(more=f'join = "path"\nsplit = "{split}"\n'), {"l.csv": "path,word\na/1.jpg,\n"})


def test_deep_markup_and_deep_json_hang_nothing(tmp_path):
    deep = built(tmp_path, XML, {"l.xml": "<a>" * 100_000 + "</a>" * 100_000})

    assert told(deep, "annotation-missing") == ["l.xml: has no list 'Item'"]
    with pytest.raises(AnnotationError, match="not valid JSON"):
        built(tmp_path, JSON, {"l.json": '{"a":' * 100_000 + "1" + "}" * 100_000})


# ------------------------------------------------------------------------------------------- nothing wrong in silence


def test_two_values_told_of_one_sample_are_a_contradiction(tmp_path):
    """A name that stands in two folders, or a file that is listed twice: the last one counts, and it is told."""
    by_name = listed(columns='["name", "identity"]', more='join = "name"\n')
    report = built(tmp_path, by_name, {"l.csv": "name,identity\n1.jpg,x\n2.jpg,y\n1.jpg,z\n2.jpg,y\n3.jpg,\n3.jpg,w\n"})

    assert told(report, "contradiction") == [
        "l.csv: tells two values of identity of 2 samples (first: a/1.jpg): the last one counts"
    ]
    assert {p[0]: r["identity"] for p, r in rows(report).items()} == {
        "a/1.jpg": "z", "a/2.jpg": "y", "b/1.jpg": "z", "c/3.jpg": "w"
    }  # fmt: skip


def test_a_constant_may_be_told_in_any_spelling(tmp_path):
    tell = listed(more='join = "path"\ntell = { modality = "NIR", camera = "{word}" }\n')
    constant = listed(columns='["word"]', more='join = "path"\nkey = "b/1.jpg"\nsplit = "val"\n')
    report = built(tmp_path, tell + constant, {"l.csv": "path,word\na/1.jpg,7\n"})

    found = rows(report)
    assert [found["a/1.jpg",][k] for k in ("modality", "camera", "split")] == ["nir", "7", None]
    assert [found["b/1.jpg",][k] for k in ("modality", "camera", "split")] == ["rgb", None, "val"]


def test_captions_of_regular_columns_are_captions(tmp_path):
    toml = listed("l.txt", '["path", "caption"]', 'format = "columns"\nseparator = ";"\njoin = "path"\n')
    report = built(tmp_path, toml, {"l.txt": "a/1.jpg;a red coat\nb/1.jpg;NA\n"})

    assert [r["captions"] for _, r in sorted(rows(report).items())] == [["a red coat"], None, ["NA"], None]


def test_what_is_no_number_tells_nothing(tmp_path):
    toml = listed("l.json", '["path", "identity"]')
    content = '[["a/1.jpg", NaN], ["a/2.jpg", 3.0], ["b/1.jpg", null], ["c/3.jpg", Infinity]]'
    report = built(tmp_path, toml, {"l.json": content})

    assert [r["identity"] for _, r in sorted(rows(report).items())] == ["a", "3", "b", "c"]


def test_labels_are_the_same_with_blanks_around_them(tmp_path):
    toml = listed(columns='{ path = "path", identity = "who" }')
    report = built(tmp_path, toml, {"l.csv": "path, who \na/1.jpg, ann\nb/1.jpg,ann \n"})

    assert report.metadata.identities == 3
    assert rows(report)["a/1.jpg",]["identity"] == rows(report)["b/1.jpg",]["identity"] == "ann"


def test_splits_that_replace_others_leave_other_protocols_alone(tmp_path):
    gallery = listed(more='each = { t = "1..2" }\njoin = "path"\nsplit = "t{t}/gallery"\n')
    query = listed("q{t}.csv", more='each = { t = "1..2" }\njoin = "path"\nsplit = "t{t}/query"\nreplaces = true\n')
    lists = {
        "l.csv": "path,word\na/1.jpg,\na/2.jpg,\n",
        "q1.csv": "path,word\na/1.jpg,\n",
        "q2.csv": "path,word\na/2.jpg,\n",
    }
    report = built(tmp_path, gallery + query, lists)

    names = report.metadata.splits
    found = {p[0]: {s for i, s in enumerate(names) if r["splits"] >> i & 1} for p, r in rows(report).items()}
    assert found["a/1.jpg"] == {"t1/query", "t2/gallery"}
    assert found["a/2.jpg"] == {"t1/gallery", "t2/query"}


def test_who_is_told_no_split_leaves_none(tmp_path):
    toml = listed(more='join = "path"\nsplit = "gallery"\n')
    toml += listed("q.csv", more='join = "path"\nsplit = { from = "word" }\nreplaces = true\n')
    report = built(
        tmp_path, toml, {"l.csv": "path,word\na/1.jpg,\na/2.jpg,\n", "q.csv": "path,word\na/1.jpg,query\na/2.jpg,\n"}
    )

    assert [rows(report)[p,]["split"] for p in ("a/1.jpg", "a/2.jpg")] == ["query", "gallery"]


def test_empty_cells_of_a_box_box_nobody(tmp_path):
    toml = listed(columns='["path", "x", "y", "right", "bottom", "width"]')
    content = "path,x,y,right,bottom,width\na/1.jpg,1,2,4,6,9\na/1.jpg,,,,,\na/2.jpg,,,,,\n"
    report = built(tmp_path, toml, {"l.csv": content})

    assert list(rows(report)) == [("a/1.jpg", 1, 2, 3, 4)]
    assert report.set_aside == {"pictures in which nobody is boxed": 3}


def test_a_draw_asks_for_modalities_in_any_spelling_told_or_not(tmp_path):
    report = built(
        tmp_path, '[[draw]]\nwhere = { modality = ["visible"] }\nof = "identity"\ntake = 1\nsplit = "t/test"\n'
    )

    assert report.statistics.splits["t/test"].identities == 1


def test_numbers_with_leading_zeros_are_of_one_width(tmp_path):
    toml = listed("l{n}.csv", more='each = { n = "09..10" }\njoin = "path"\nsplit = "t{n}/train"\n')
    report = built(tmp_path, toml, {"l09.csv": "path,word\na/1.jpg,\n", "l10.csv": "path,word\na/2.jpg,\n"})

    assert report.metadata.splits == ("t09/train", "t10/train")
    assert not report.problems


def test_names_with_line_ends_are_names(tmp_path):
    toml = listed("l.json", '["name", "camera"]', 'join = "name"\n')
    rule = "[[rule]]\nmatch = '(?P<identity>[^/]+)/.*\\.jpg'\n"
    report = built(tmp_path, toml, {"l.json": '[["1\\n2.jpg", "x"]]'}, rule=rule, pictures=["a\nb/1\n2.jpg", "c/1.jpg"])

    assert {p[0]: r["camera"] for p, r in rows(report).items()} == {"a\nb/1\n2.jpg": "x", "c/1.jpg": None}
    assert not report.problems


def test_a_query_that_is_lost_leaves_no_sentence(tmp_path):
    report = built(tmp_path, QUERIES, {"q.json": '{"TEXT+RGB": [[1, "red", "zz.jpg"], [1, "blue", "a/1.jpg"]]}'})

    assert [r["captions"] for p, r in rows(report).items() if p[0] == "q.json"] == [["blue"]]
    assert told(report, "listed-missing") == ["q.json: 1 queries name files that are not in the tree (first: zz.jpg)"]


def test_a_sentence_is_about_the_person_of_its_scope(tmp_path):
    rule = "[[rule]]\nmatch = '(?P<scope>[^/]+)/(?P<identity>\\d)\\.jpg'\n"
    content = '{"TEXT": [[5, "red"]], "G": [[5, "b/1.jpg"]]}'
    report = built(tmp_path, QUERIES + "labels = 'G'\n", {"q.json": content}, rule=rule)

    pids = {p[0]: r["pid"] for p, r in rows(report).items()}
    assert report.metadata.identities == 4
    assert pids["q.json"] == pids["b/1.jpg"] != pids["a/1.jpg"]


def test_half_of_the_own_files_is_told_once(tmp_path):
    toml = listed("ann/{path}.txt", '["view", "number"]', 'format = "columns"\njoin = "own"\n')
    report = built(tmp_path, toml, {"ann/a/1.jpg.txt": "front 1\n", "ann/b/1.jpg.txt": "back 2\n"})

    views = {p[0]: report.metadata.views[r["view"]] for p, r in rows(report).items()}
    assert views == {"a/1.jpg": "front", "a/2.jpg": "", "b/1.jpg": "back", "c/3.jpg": ""}
    assert told(report, "annotation-missing") == ["ann/{path}.txt: 2 are not in the tree (first: ann/a/2.jpg.txt)"]


def test_own_files_without_the_list_are_told_once(tmp_path):
    toml = listed("{stem}.json", '["view"]', 'at = "things"\njoin = "own"\n')
    report = built(tmp_path, toml, {"1.json": '{"things": ["front"]}', "2.json": "{}", "3.json": "{}"})

    assert told(report, "annotation-missing") == ["{stem}.json: 2 have no list 'things' (first: 2.json)"]


def test_a_span_beyond_the_list_is_told(tmp_path):
    toml = listed(more='entries = "5..9"\njoin = "path"\nsplit = "train"\n')
    report = built(tmp_path, toml, {"l.csv": "path,word\na/1.jpg,\n"})

    assert told(report, "annotation-missing") == ["l.csv: has 1 entries, and none of 5..9"]


@pytest.mark.parametrize("step", ["1", "*"])
def test_a_list_of_one_object_is_a_list(tmp_path, step):
    toml = listed("l.json", '["path"]', f'at = "{step}.x"\njoin = "path"\nsplit = "train"\n')
    report = built(tmp_path, toml, {"l.json": '[{"x": ["a/1.jpg"]}]'})

    assert rows(report)["a/1.jpg",]["split"] == "train"
    assert not report.problems


def test_elements_may_have_one_of_several_tags(tmp_path):
    toml = XML.replace('"Item"', '"Thing|Item"')
    report = built(tmp_path, toml + 'split = "train"\n', {"l.xml": "<a><Item n='a/1.jpg'/></a>"})

    assert rows(report)["a/1.jpg",]["split"] == "train"
    assert not report.problems


# ------------------------------------------------------------------------------------------- MATLAB's classes


def cells(*values):
    return np.array([*values, None], dtype=object)[:-1][:, None]


def version_5(**variables):
    out = io.BytesIO()
    pytest.importorskip("scipy.io").savemat(out, variables)
    return out.getvalue()


def structures(pairs):
    found = np.zeros((len(pairs), 1), dtype=[("f", object), ("w", object)])
    for row, pair in enumerate(pairs):
        found[row, 0] = pair
    return found


MATLAB = listed("l.mat", '{ path = "f", identity = "w" }')


@pytest.mark.parametrize(
    ("variables", "more", "expected"),
    [
        ({"f": cells("a/1.jpg", "a/2.jpg"), "w": np.array([[7.0], [8.0]])}, "", {"a/1.jpg": "7", "a/2.jpg": "8"}),
        ({"f": np.array(["a/1.jpg", "b/1.jpg"]), "w": cells("x", "y")}, "", {"a/1.jpg": "x", "b/1.jpg": "y"}),
        ({"f": "a/1.jpg", "w": 7.0}, "", {"a/1.jpg": "7"}),
        ({"f": cells("a/1.jpg", np.zeros((0, 0))), "w": cells("x", "y")}, "", {"a/1.jpg": "x"}),
        ({"f": cells("a/1.jpg", "a/2.jpg"), "w": np.array([[np.nan], [8.0]])}, "", {"a/1.jpg": "a", "a/2.jpg": "8"}),
        ({"s": structures([("a/1.jpg", 7.0), ("a/2.jpg", 8.0)])}, 'at = "s"\n', {"a/1.jpg": "7", "a/2.jpg": "8"}),
        ({"s": {"f": "a/1.jpg", "w": 7.0}}, 'at = "s"\n', {"a/1.jpg": "7"}),
        ({"f": np.zeros((0, 0)), "w": np.zeros((0, 0))}, "", {}),
    ],
    ids=["cells", "character matrix", "alone", "empty cell", "nan", "structures", "structure", "empty"],
)
def test_matlab_files_of_any_shape_are_read(tmp_path, variables, more, expected):
    report = built(tmp_path, MATLAB + more, {"l.mat": version_5(**variables)})

    found = {p[0]: r["identity"] for p, r in rows(report).items()}
    assert found == {p: expected.get(p, p[0]) for p in PICTURES}


def test_logical_columns_choose_entries(tmp_path):
    toml = listed("l.mat", '{ path = "f", keep = "k" }', 'where = { keep = "1" }\njoin = "path"\nsplit = "train"\n')
    report = built(tmp_path, toml, {"l.mat": version_5(f=cells("a/1.jpg", "a/2.jpg"), k=np.array([[True], [False]]))})

    assert [rows(report)[p,]["split"] for p in ("a/1.jpg", "a/2.jpg")] == ["train", None]


def test_matlab_classes_without_words_are_told(tmp_path):
    sparse = pytest.importorskip("scipy.sparse").csc_matrix([[1.0]])

    for value, message in (
        (sparse, "expected a list 'w', found a c"),
        (1 + 2j, "expected a list 'w', found a "),
    ):
        with pytest.raises(AnnotationError) as caught:
            built(tmp_path, MATLAB, {"l.mat": version_5(f=cells("a/1.jpg"), w=value)})
        assert message in str(caught.value) or "expected a word" in str(caught.value)
        assert "\n" not in str(caught.value)


def version_73(fill):
    h5py = pytest.importorskip("h5py", reason="MATLAB 7.3 lists need h5py: pip install 'reidindex[mat]'")
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        fill(h5py, file)
    return out.getvalue()


def text(file, where, *lines):
    stored = file.create_dataset(where, data=np.array([list(map(ord, line)) for line in lines], np.uint16).T)
    stored.attrs["MATLAB_class"] = np.bytes_("char")
    return stored


def test_structures_and_character_matrices_of_version_73_are_those_of_version_5(tmp_path):
    def fill(h5py, file):
        texts = [text(file, f"#refs#/{i}", name).ref for i, name in enumerate(("a/1.jpg", "a/2.jpg"))]
        numbers = [file.create_dataset(f"#refs#/n{i}", data=np.array([[7.0 + i]])).ref for i in range(2)]
        file.create_dataset("s/f", data=np.array([texts], dtype=h5py.ref_dtype))
        file.create_dataset("s/w", data=np.array([numbers], dtype=h5py.ref_dtype))
        text(file, "f", "b/1.jpg", "c/3.jpg")
        file.create_dataset("w", data=np.array([[9.0, 10.0]]))

    toml = MATLAB + 'at = "s"\n' + MATLAB
    report = built(tmp_path, toml, {"l.mat": version_73(fill)})

    assert [r["identity"] for _, r in sorted(rows(report).items())] == ["7", "8", "9", "10"]


def test_an_empty_matrix_of_version_73_is_not_its_size(tmp_path):
    def fill(h5py, file):
        names = [text(file, f"#refs#/{i}", name).ref for i, name in enumerate(("a/1.jpg", "a/2.jpg"))]
        file.create_dataset("f", data=np.array([names], dtype=h5py.ref_dtype))
        file.create_dataset("w", data=np.array([0, 0], np.uint64)).attrs["MATLAB_empty"] = np.uint8(1)

    with pytest.raises(AnnotationError, match="differ in length: f 2, w 0"):
        built(tmp_path, MATLAB, {"l.mat": version_73(fill)})


# ------------------------------------------------------------------------------------------- the command line


def test_the_command_line_tells_each_in_one_line(tmp_path, run):
    root = write(tmp_path / "d", ["x\ny/\x1b[31m1.jpg"])
    write(tmp_path / "none", ["x.txt"])
    (tmp_path / "empty").mkdir()
    for words, code, message in [
        (("build", tmp_path / "none"), 1, "none of the 1 files is an image"),
        (("build", tmp_path / "none", "--dry-run"), 1, "none of the 1 files is an image"),
        (("build", tmp_path / "empty", "--dry-run"), 1, "no file to index"),
        (("build", root, "--dry-run", "--layout", "x.csv"), 2, "a manifest names its samples itself"),
        (("build", root, "--layout", ""), 2, "unknown layout ''"),
        (("build", root, "--layout", "folders", "--protocol", "x"), 2, "no protocol 'x'; this dataset has none"),
        (("build", root, "--layout", "folders", "--protocol", ""), 2, "no protocol ''"),
        (("layouts", "--new", tmp_path / "none"), 1, "none of the 1 files is an image"),
        (("layouts", "--new", tmp_path / "none/x.txt"), 1, "a dataset folder was expected"),
        (("layouts", "--new", tmp_path / "missing"), 1, "no such folder"),
        (("layouts", "market1501", "--new", root), 2, "either the NAME of a layout or --new DATA"),
        (("layouts", "--toml"), 2, "the file of which layout?"),
    ]:
        done = run(*words)
        assert done.returncode == code, words
        assert message in done.stderr, words
        assert done.stderr.count("\n") == 1, words
    assert not (root / "reidindex.parquet").exists()
    shown = run("build", root, "--dry-run", "--layout", "folders").stdout
    assert "x\\ny/\\x1b[31m1.jpg" in shown
    assert "\x1b" not in shown


# ------------------------------------------------------------------------------------------- anything at all

GOOD = {
    "modalities": ["rgb"],
    "default_protocol": "t1",
    "values": {"split": {"x": ["query", "gallery"]}, "modality": {"day": "rgb"}},
    "roles": {"junk": ["c"]},
    "rule": [
        {
            "match": "(?P<identity>[^/]+)/(?P<frame>\\d+)\\.{image}",
            "tracklet": "{identity}T{frame}",
            "camera": {"from": "frame", "values": {"1": "one"}, "else": "two"},
        }
    ],
    "annotation": [
        {
            "file": ["no.csv", "l.csv"], "columns": {"path": "p", "identity": "i", "caption": "c"}, "join": "path",
            "key": ["x/{path}", "{path}"], "split": {"from": "identity", "values": {"a": "train"}, "else": "x"},
            "where": {"identity": ["a", "b"]},
        },
        {
            "file": "l{n}.txt", "each": {"n": "1..2"}, "format": "columns", "columns": ["path", "num"], "separator": ";",
            "skip": 1, "join": "name", "key": "{path}", "parse": {"num": "(?P<view>\\d)(?P<rest>.*)"},
            "tell": {"source": "{view}{n}"}, "split": "t{n}/train", "replaces": True, "reach": "identity",
        },
        {
            "file": "d.json", "at": "anns", "lookup": {"im": "images"}, "join": "path", "split": "gallery",
            "columns": {"path": "im.f", "box": "b", "clothes": "k"},
        },
        {
            "file": "r.txt", "format": "columns", "columns": ["s", "e"], "only": {"file": "o.txt", "base": 0},
            "runs": {"file": "n.txt", "first": "s", "last": "e", "base": 1}, "join": "path", "key": "{line}", "split": "val",
        },
        {"file": "{stem}.xml", "at": "o", "columns": {"view": "v"}, "join": "own", "optional": True},
    ],
    "queries": [{"file": "q.json", "sets": "(?P<items>[A-Z+]+)", "path": "{item}", "labels": "gal", "split": "query"}],
    "draw": [
        {
            "each": {"t": "1..2"}, "from": "gallery", "where": {"camera": ["one"]}, "per": ["identity"], "take": 1,
            "seed": "{t}", "split": "d{t}/gallery", "rest": "d{t}/rest",
        }
    ],
    "aside": [{"match": ".*txt", "why": "w"}],
    "published": {"train": {"identities": 3}},
}  # fmt: skip
LISTS = {
    "l.csv": "p,i,c\na/1.jpg,a,hello\nb/1.jpg,b,\nzz.jpg,a,x\n",
    "l1.txt": "head\n1.jpg;1x\n2.jpg;2\n",
    "l2.txt": "head\n3.jpg;3y\n",
    "d.json": json.dumps(
        {
            "images": [{"id": 1, "f": "a/1.jpg"}, {"id": 2, "f": "b/1.jpg"}],
            "anns": [{"im": 1, "b": [1, 2, 3, 4], "k": 1}, {"im": 1, "b": [5, 2, 3, 4], "k": 2}, {"im": 2, "b": None}],
        }
    ),
    "r.txt": "1 2\n3 3\n",
    "o.txt": "0",
    "n.txt": "a/1.jpg\na/2.jpg\nb/1.jpg\n",
    "q.json": json.dumps({"TEXT": [[1, "hi"]], "RGB+TEXT": [[1, "a/1.jpg", "hi"]], "gal": [[1, "a/1.jpg"]]}),
    "1.xml": "<a><o v='front'/></a>",
}


def toml_of(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) and "." in repr(value) else "nan" if math.isnan(value) else "inf"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_of, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_of(k)} = {toml_of(v)}" for k, v in value.items()) + "}"
    return str(value)


def places(value, at=()):
    """Every place of a nested document."""
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, key))


def put(document, at, value):
    """Another value at a place, if the place is still there."""
    try:
        for key in at[:-1]:
            document = document[key]
        document[at[-1]] = value
    except (KeyError, IndexError, TypeError):
        pass


WORDS = [
    "", " ", "\0", "\n", "ü", "a/b", "/", "+", "train+val", "..", "1..3", "0..2", "3..1", "1..99999999999", "path", "name", "stem",
    "prefix", "rank", "own", "identity", "split", "box", "caption", "line", "modality", "text", "rgb", "csv", "json", "mat", "xml",
    "values", "columns", "l.csv", "d.json", "l1.txt", "q.json", "images", "anns.*", "*", "1", "-1", "a|b", "(", ".*", "{x}", "{n}",
    "{path}", "{identity}", "{", "}", "{name}|{identity}", "(?P<identity>.*)", "utf-16", "idna",
]  # fmt: skip
anything = st.recursive(
    st.none().map(lambda _: "") | st.sampled_from(WORDS) | st.integers(-3, 70) | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=2),
    max_leaves=4,
)
anywhere = [at for at in places(GOOD) if at]


def one_line_or_an_index(root, document):
    """Either an index or one line that says why not."""
    own = root.parent / "own.toml"
    own.write_text("\n".join(f"{key} = {toml_of(value)}" for key, value in document.items()), encoding="utf-8")
    try:
        return build_index(root, layout=str(own), force=True)
    except ReidIndexError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
        return None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A tree with every list that `GOOD` reads."""
    root = write(tmp_path_factory.mktemp("odd") / "d", PICTURES)
    for name, content in LISTS.items():
        write(root, [name], content.encode())
    assert one_line_or_an_index(root, GOOD) is not None
    return root


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(anywhere), anything), min_size=1, max_size=3))
def test_a_layout_with_anything_anywhere_is_read_or_told(whole, changes):
    document = copy.deepcopy(GOOD)
    for at, value in changes:
        put(document, at, value)

    one_line_or_an_index(whole, document)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.just(2**70)
    | st.floats()
    | st.sampled_from([*WORDS[:5], "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "f", "TEXT", "gal"]), inner),
    max_leaves=6,
)
noise = st.text(st.sampled_from("ab1/.jpg;,\" \t\r\n\0\u3000\x85ü2<>'=o"), max_size=12)


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_list_with_anything_anywhere_is_read_or_told(whole, data):
    name = data.draw(st.sampled_from(sorted(LISTS)))
    if name.endswith(".json"):
        document = json.loads(LISTS[name])
        put(document, data.draw(st.sampled_from([at for at in places(document) if at])), data.draw(json_values))
        content = json.dumps(document)
    else:
        first, last = sorted(data.draw(st.integers(0, len(LISTS[name]))) for _ in range(2))
        content = LISTS[name][:first] + data.draw(noise) + LISTS[name][last:]
    (whole / name).write_text(content, encoding="utf-8", newline="")
    try:
        one_line_or_an_index(whole, GOOD)
    finally:
        (whole / name).write_text(LISTS[name])
