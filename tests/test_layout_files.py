"""Layout files: what they may say, and how a wrong one is told."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from indexer.build import build_index
from indexer.errors import LayoutError, LayoutFileError, SettingsError
from indexer.layouts import known_layouts, load_layout
from indexer.layouts.definition import parse_layout
from tests.trees import write

GOOD = """
modalities = ["rgb", "nir"]
[[rule]]
match = '(?P<modality>day|night)/(?P<identity>[a-z]+)-(?P<camera>\\d)-(?P<frame>\\d+)\\.png'
[values.modality]
day = "rgb"
night = "nir"
[[annotation]]
file = "lists/held-out.txt"
format = "values"
columns = ["identity"]
join = "identity"
split = "val"
"""


def test_a_layout_of_ones_own_reads_a_tree_of_ones_own(tmp_path):
    write(tmp_path / "d", ["day/ann-1-1.png", "night/ann-2-2.png", "day/bob-1-3.png"])
    write(tmp_path / "d", ["lists/held-out.txt"], b"bob\n")
    (tmp_path / "mine.toml").write_text(GOOD)

    report = build_index(tmp_path / "d", layout=str(tmp_path / "mine.toml"))

    assert report.layout == "mine"
    assert report.statistics.facts.combinations == {"rgb+nir": 1, "rgb": 1}
    assert report.statistics.splits["val"].identities == 1
    assert not report.problems
    assert not report.unmatched


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("modalities =", "modalites ="), "unknown key 'modalites'; did you mean 'modalities'?"),
        (("match =", "macth ="), "unknown key 'rule[0].macth'; did you mean 'match'?"),
        (("columns =", "colums ="), "unknown key 'annotation[0].colums'; did you mean 'columns'?"),
        (("day|night", "day|night("), "RE2 refuses the pattern"),
        (("(?P<identity>", "(?=x)(?P<identity>"), "RE2 has no look-around and no back-references"),
        (("(?P<identity>[a-z]+)", "([a-z]+)"), "name every group"),
        (("(?P<identity>[a-z]+)", "[a-z]+"), "no rule has a group 'identity', written (?P<identity>…)"),
        (('day = "rgb"', "day = 3"), "values.modality.day"),
        (("[values.modality]", "[values.colour]"), "values: there is no field 'colour'"),
        (('"nir"]', '"near_infrared"]'), "'near_infrared' is not a standard name; use 'nir'"),
        (('"values"', '"excel"'), "annotation[0].format: Input should be 'values', 'columns', 'csv'"),
        (('join = "identity"', 'join = "path"'), "join = 'path' needs a column 'path'; columns: identity"),
        (("[[annotation]]", "[[annotation"), "not valid TOML"),
        (("[[rule]]", "[[rule]]\naligned = ['name']"), "the pattern has no group 'name'; did you mean"),
        (("[[rule]]", "[[rule]]\ncamera = { from = 'cam' }"), "the pattern has no group 'cam'; did you mean 'camera'?"),
        (("[[rule]]", "[[rule]]\ncamera = { form = 'camera' }"), "unknown key 'rule[0].camera.form'; did you mean 'from'?"),
        (("[[rule]]", "[[rule]]\nsource = ''"), "rule[0].source: String should have at least 1 character"),
        (('night = "nir"', "night = []"), "values of modality: 'night' should become one word, found ()"),
        (('night = "nir"', "night = ['nir', 'ir']"), "values of modality: 'night' should become one word"),
        (("-(?P<camera>", "-(?P<identity>"), "the pattern has the group 'identity' twice"),
        (("[[rule]]", "rule = 3\n[[other]]"), "rule: Input should be a list"),
        (('split = "val"', 'split = { from = "part" }'), "split.from = 'part' is no column of the file and no field"),
        (("modalities =", "name = 'x'\nmodalities ="), "unknown key 'name'; a layout is called by its file, mine"),
        (("[values.modality]", "[published]\ntrain = { persons = 3 }\n[values.modality]"), "nothing is counted as 'persons'"),
        (('split = "val"', 'split = "val"\neach = { t = "3..1" }'), "each.t: expected a span such as '1..10' or words"),
    ],
)  # fmt: skip
def test_a_wrong_layout_file_names_the_key_and_what_to_do(change, message):
    text = GOOD.replace(*change)
    assert text != GOOD

    with pytest.raises(LayoutFileError) as caught:
        parse_layout(text, name="mine", where="mine.toml")

    assert str(caught.value).startswith("mine.toml: ")
    assert message in str(caught.value)


def test_a_list_can_tell_what_names_do_not(tmp_path):
    """Identity and camera stand in a CSV only, beside names without extension; one of them is nobody."""
    write(tmp_path / "d", ["image/1.jpg", "image/2.jpg", "image/3.jpg"])
    write(tmp_path / "d", ["labels.csv"], b"img,who,cam\n1,ann,a\n2,ann,\n3,none,b\n")
    (tmp_path / "listed.toml").write_text("""
        [roles]
        distractor = ["none"]
        [[rule]]
        match = 'image/(?P<frame>\\d+)\\.jpg'
        [[annotation]]
        file = "labels.csv"
        format = "csv"
        columns = { name = "img", identity = "who", camera = "cam" }
        join = "name"
        key = "{name}.jpg"
        split = "train"
        """)

    report = build_index(tmp_path / "d", layout=str(tmp_path / "listed.toml"))

    found = pq.read_table(report.index).to_pylist()
    assert [(r["path"][6:], r["identity"], r["camera"], r["role"], r["pid"]) for r in found] == [
        ("3.jpg", "none", "b", "distractor", -1),
        ("2.jpg", "ann", None, None, 0),
        ("1.jpg", "ann", "a", None, 0),
    ]


def test_unknown_layouts_and_files_that_are_not_there_are_told(tmp_path):
    with pytest.raises(SettingsError, match=r"unknown layout 'market'; did you mean 'market1501'\?"):
        load_layout("market")
    with pytest.raises(LayoutFileError, match=r"nowhere.toml: this layout file cannot be read"):
        load_layout(str(tmp_path / "nowhere.toml"))
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(LayoutFileError, match="a layout file is UTF-8 text, byte 5 is not"):
        load_layout(str(tmp_path / "latin.toml"))


def test_a_catastrophic_pattern_takes_linear_time(tmp_path):
    """`(a+)+$` takes a backtracking engine for ever on 255 letters."""
    write(tmp_path / "d", ["a" * 250 + "!.jpg", "b/x.jpg"])
    (tmp_path / "evil.toml").write_text(
        "[[rule]]\nmatch = '(a+)+b(?P<identity>c)'\n[[rule]]\nmatch = '(?P<identity>b)/x.jpg'"
    )

    with pytest.raises(LayoutFileError, match="name every group"):
        load_layout(str(tmp_path / "evil.toml"))
    (tmp_path / "evil.toml").write_text(
        "[[rule]]\nmatch = '(?:a+)+b(?P<identity>c)'\n[[rule]]\nmatch = '(?P<identity>b)/x.jpg'"
    )

    assert len(build_index(tmp_path / "d", layout=str(tmp_path / "evil.toml")).unmatched) == 1


def test_more_splits_than_an_index_holds_is_an_error(tmp_path):
    write(tmp_path / "d", [f"s{i}/a/1.jpg" for i in range(65)])
    (tmp_path / "many.toml").write_text("[[rule]]\nmatch = '(?P<split>s\\d+)/(?P<identity>a)/1.jpg'")

    with pytest.raises(LayoutError, match="more than 64 splits"):
        build_index(tmp_path / "d", layout=str(tmp_path / "many.toml"))


@pytest.mark.parametrize("name", sorted(known_layouts()))
def test_every_shipped_layout_tells_what_it_is(name):
    layout = known_layouts()[name]

    assert layout.title
    assert layout.about
    assert layout.source or layout.detect.loose
    assert layout.published or layout.counted or layout.kind == "any"
