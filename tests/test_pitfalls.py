"""What real datasets do to those who read them: 25 pitfalls, each with its test."""

from __future__ import annotations

import builtins
import io
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from indexer.build import build_index
from indexer.errors import AnnotationError, LayoutError
from indexer.layouts import known_layouts
from indexer.layouts.detection import find_layout
from indexer.scan.listing import list_tree
from sampler_runtime import PKBatchSampler, open_index
from tests import trees
from tests.layout_trees import Maker, all_trees
from tests.trees import write


def rows(report):
    return {r["path"]: r for r in pq.read_table(report.index).to_pylist()}


def tree(name, root):
    make = Maker(root)
    all_trees()[name](make)
    return make


def own(tmp_path, toml, names):
    """A tree of one's own with a layout of one's own, built."""
    write(tmp_path / "d", names)
    (tmp_path / "own.toml").write_text(toml, encoding="utf-8")
    return build_index(tmp_path / "d", layout=str(tmp_path / "own.toml"), force=True)


PLAIN = "[[rule]]\nmatch = '(?P<identity>[^/]+)/(?P<frame>\\d+)\\.{image}'\n"


def test_01_leading_zeros_make_another_label_and_lists_may_leave_them_out(tmp_path):
    report = own(tmp_path, PLAIN, ["1/1.jpg", "01/1.jpg", "001/1.jpg"])

    assert report.metadata.identities == 3
    sysu = rows(build_index(trees.sysu(tmp_path / "sysu")))
    assert {r["identity"] for r in sysu.values() if r["split"] == "train"} == {"0001", "0002"}


@pytest.mark.parametrize("name", ["msmt17", "celeb-reid", "lpw", "cuhk03"])
def test_02_one_label_in_two_scopes_is_two_people(name, tmp_path):
    make = tree(name, tmp_path / "d")
    labels = {e.identity for e in make.rows if e.role is None}
    people = {e.who or e.identity for e in make.rows if e.role is None}

    report = build_index(make.root, layout=name)

    assert len(labels) < len(people) == report.metadata.identities


def test_03_a_label_in_a_list_is_no_identity(tmp_path):
    report = build_index(trees.regdb(tmp_path / "d"))
    trains = {r["identity"] for r in rows(report).values() if r["split"] == "train"}
    index = open_index(report.index)

    assert len(report.statistics.splits["trial1/train"].combinations) == 1
    assert trains == {"2", "3"}  # the folders; the labels beside the paths are 0 and 1, in the test lists too
    assert index.select(split="train").pids.tolist() == [0, 1]  # labels for training are made from the split


@pytest.mark.parametrize(
    ("name", "label", "role"),
    [
        ("market1501", "-1", "junk"),
        ("market1501", "0000", "distractor"),
        ("mars", "00-1", "junk"),
        ("mars", "0000", "distractor"),
        ("grid", "0", "distractor"),
        ("last", "000000", "distractor"),
        ("msmt17", "0000", None),
    ],
)
def test_04_junk_is_what_the_layout_says_and_somebody_elsewhere(name, label, role, tmp_path):
    make = tree(name, tmp_path / "d")
    found = list(rows(build_index(make.root, layout=name)).values())
    mine = [r for r in found if r["identity"] is not None and r["identity"].lstrip("0") == label.lstrip("0")]

    assert mine
    assert {r["role"] for r in mine} == {role}
    assert {r["pid"] == -1 for r in mine} == {role is not None}


def test_05_a_name_that_begins_with_a_dash_is_no_option(tmp_path):
    root = trees.market(tmp_path / "-1_data")
    done = subprocess.run(
        [sys.executable, "-m", "indexer", "build", "--json", "--", root.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert any(path.startswith("bounding_box_test/-1_") for path in rows(build_index(root)))


def test_06_gallery_only_people_are_people(tmp_path):
    names = [
        "bounding_box_train/0001_c1_f0000001.jpg",
        "query/0002_c1_f0000002.jpg",
        "bounding_box_test/0002_c2_f0000003.jpg",
        "bounding_box_test/7139_c2_f0000004.jpg",
    ]
    report = build_index(write(tmp_path / "d", names), layout="dukemtmc-reid")

    only = rows(report)[names[3]]
    assert (only["role"], only["split"]) == (None, "gallery")
    assert report.statistics.splits["gallery"].identities == 2


def test_07_a_file_may_stand_in_two_roles(tmp_path):
    report = build_index(trees.rgbnt201(tmp_path / "a"))
    wild = tree("veri-wild", tmp_path / "b")
    several = [e for e in wild.rows if len(e.splits) > 1]

    assert {r["split"] for p, r in rows(report).items() if p.startswith("test/")} == {"query+gallery"}
    assert several
    assert build_index(wild.root).metadata.samples == len(wild.rows)  # one row a file, however many sets it is in


@pytest.mark.parametrize(
    ("name", "same"), [("msmt17", True), ("prcc", True), ("sysu-mm01", False), ("rstpreid", False)]
)
def test_08_val_holds_other_people_or_the_same(name, same, tmp_path):
    make = tree(name, tmp_path / "d")
    index = open_index(build_index(make.root, layout=name).index)
    train, val = (set(index.select(split=part).pids.tolist()) for part in ("train", "val"))

    assert val
    assert bool(train & val) is same


def test_09_a_file_in_no_split_is_in_none(tmp_path):
    found = rows(build_index(trees.sysu(tmp_path / "d")))
    root = trees.orbench(tmp_path / "orbench")
    for name in ("train_annos.json", "test_gallery_and_queries.json"):
        (root / name).unlink()

    assert {r["split"] for r in found.values() if r["identity"] == "0005"} == {None}
    assert {r["split"] for r in rows(build_index(root)).values()} == {None}


@pytest.mark.parametrize(
    ("name", "modalities"),
    [
        ("regdb", {"rgb", "tir"}),  # a folder
        ("msvr310", {"rgb+nir+tir"}),  # a folder below the identity, and one sample of three files
        ("sysu-mm01", {"rgb", "ir"}),  # the camera's number
        ("orbench", {"rgb+text", "rgb", "nir", "sketch", "cpencil", "text"}),  # a suffix that is not the folder's word
        ("rgbnt100", {"rgb+nir+tir"}),  # a third of one picture
        ("hitsz-vcm", {"rgb", "ir"}),  # a folder, and a digit in a code
        ("cuhk-pedes", {"rgb+text", "rgb"}),  # a document
    ],
)
def test_10_modality_is_told_in_many_ways(name, modalities, tmp_path):
    make = tree(name, tmp_path / "d")

    found = {r["modality"] for r in rows(build_index(make.root, layout=name)).values()}
    assert found == {e.modality for e in make.rows}
    assert found <= modalities


def test_11_the_same_base_name_is_another_sample_or_the_same_one(tmp_path):
    sysu = rows(build_index(trees.sysu(tmp_path / "sysu")))
    sets = build_index(trees.rgbnt201(tmp_path / "rgbnt201"))

    assert sum(path.endswith("/0001.jpg") for path in sysu) == 12  # twelve samples called 0001.jpg
    assert all(len(r["aligned"]) == 2 for r in rows(sets).values())  # three files of one name are one sample


@pytest.mark.parametrize("name", ["vehicleid", "last", "celeb-reid"])
def test_12_a_camera_that_is_not_told_is_none_and_counts_within_its_source(name, tmp_path):
    make = tree(name, tmp_path / "d")
    found = rows(build_index(make.root, layout=name)).values()
    of_two = rows(build_index(trees.orbench(tmp_path / "orbench"))).values()

    assert {(r["camera"], r["camid"]) for r in found} == {(None, -1)}
    cameras = {(r["source"], r["camera"]): r["camid"] for r in of_two if r["camera"] is not None}
    assert len(set(cameras.values())) == len(cameras)


def test_13_an_identity_without_a_modality_is_normal_and_an_orphan_is_told(tmp_path):
    report = build_index(trees.sysu(tmp_path / "sysu"))
    root = trees.rgbnt201(tmp_path / "rgbnt201")
    next((root / "train_171/NI").iterdir()).unlink()

    assert report.statistics.splits["train"].combinations == {"rgb+ir": 1, "rgb": 1}
    assert {p.kind for p in build_index(root).problems} >= {"incomplete-set"}


@pytest.mark.parametrize("name", ["market1501", "pku-sketch", "bupt-campus", "market1501-pytorch"])
def test_14_derived_folders_are_set_aside_and_do_not_double_the_data(name, tmp_path):
    make = tree(name, tmp_path / "d")
    report = build_index(make.root, layout=name)

    assert report.metadata.samples == len(make.rows)
    assert sum(report.set_aside.values()) > 0
    assert not report.unmatched


def test_15_extensions_mix_double_and_change_their_case(tmp_path):
    report = own(tmp_path, PLAIN, ["a/1.jpg", "a/2.JPG", "a/3.jpeg", "a/4.Bmp", "a/5.PNG", "a/6.tif"])
    doubled = trees.market(tmp_path / "market")

    assert report.metadata.samples == 6
    assert "query/1488_c1s6_023021_00.jpg.jpg" in rows(build_index(doubled))


def test_16_what_systems_leave_behind_is_never_a_sample(tmp_path):
    root = trees.market(tmp_path / "d")
    clean = build_index(root).statistics.facts
    left = ["Thumbs.db", "query/.DS_Store", "query/desktop.ini", "query/._0001_c1s1_001051_00.jpg"]
    left += ["__MACOSX/query/._0001_c1s1_001051_00.jpg", "query/@eaDir/0001_c1s1_001051_00.jpg"]
    left += [".ipynb_checkpoints/0001_c1s1_001051_00.jpg", "query/0001_c1s1_001051_00-checkpoint.jpg"]
    write(root, left)

    littered = build_index(root, force=True)

    assert littered.statistics.facts == clean
    assert sum(littered.droppings.values()) == len(left)
    assert not littered.unmatched


LISTED = PLAIN + '[[annotation]]\nfile = "list{ending}"\n{more}join = "path"\nsplit = "train"\n'


@pytest.mark.parametrize(
    ("ending", "more", "content"),
    [
        (".txt", 'format = "columns"\ncolumns = ["path", "label"]\n', "a/1.jpg 0\r\nb/2.jpg 1\r\n"),
        (".txt", 'format = "columns"\ncolumns = ["path", "label"]\n', "a/1.jpg 0  \n\n b/2.jpg 1\t\n"),
        (".txt", 'format = "columns"\ncolumns = ["path", "label"]\n', ".\\a\\1.jpg 0\nb\\2.jpg 1\n"),
        (".txt", 'format = "values"\ncolumns = ["path"]\nkey = "{path}.jpg"\n', "a/1\nb/2"),
        (".txt", 'format = "values"\ncolumns = ["path"]\n', "a/1.jpg,b/2.jpg"),
        (".txt", 'format = "values"\nskip = 1\ncolumns = ["path"]\n', "2\na/1.jpg\nb/2.jpg"),
        (".txt", 'format = "values"\ncolumns = ["path"]\n', "\ufeffa/1.jpg\nb/2.jpg"),
        (".txt", 'format = "values"\nencoding = "gb18030"\ncolumns = ["path"]\n', "a/1.jpg\nb/2.jpg\n车.jpg".encode("gb18030")),
        (".txt", 'format = "columns"\nseparator = ";"\nskip = 1\ncolumns = ["path", "cam"]\n', "id;cam\na/1.jpg;3\nb/2.jpg;4"),
        (".csv", 'columns = { path = "file" }\n', 'file,x\n"a/1.jpg",1\nb/2.jpg,2\n'),
        (".tsv", 'columns = { path = "file" }\n', "x\tfile\n1\ta/1.jpg\n2\tb/2.jpg\n"),
        (".json", 'columns = { path = "file_path" }\n', '[{"file_path": "a/1.jpg"}, {"file_path": "b/2.jpg"}]'),
        (".jsonl", 'columns = { path = "p" }\n', '{"p": "a/1.jpg"}\n{"p": "b/2.jpg"}\n'),
        (".json", 'at = "{who}.*"\ncolumns = ["path"]\n', '{"a": {"x": ["a/1.jpg"]}, "b": {"y": ["b/2.jpg"]}}'),
        (
            ".xml",
            'at = "Item"\ncolumns = { path = "imageName" }\n',
            '<?xml version="1.0" encoding="gb2312"?>\n<T 名="车"><Item imageName="a/1.jpg"/><Item imageName="b/2.jpg"/></T>'.encode("gb2312"),
        ),
    ],
    ids=["crlf", "blanks", "backslashes", "no extension", "one comma line", "header", "bom", "gb18030", "semicolons",
         "csv", "tsv", "json", "jsonl", "nested", "gb2312 xml"],
)  # fmt: skip
def test_17_lists_of_every_style_are_read(ending, more, content, tmp_path):
    data = content if isinstance(content, bytes) else content.encode()
    write(tmp_path / "d", [f"list{ending}"], data)

    report = own(
        tmp_path, LISTED.replace("{ending}", ending).replace("{more}", more), ["a/1.jpg", "b/2.jpg", "c/3.jpg"]
    )

    assert {p: r["split"] for p, r in rows(report).items()} == {"a/1.jpg": "train", "b/2.jpg": "train", "c/3.jpg": None}


def _version_5(names, numbers):
    scipy_io = pytest.importorskip("scipy.io", reason="MATLAB lists need scipy: pip install 'reidindex[mat]'")
    out = io.BytesIO()
    cells = np.array(names, dtype=object)[:, None]
    scipy_io.savemat(out, {"filelist": cells, "train_idx": np.array(numbers, float)[:, None]})
    return out.getvalue()


def _version_73(names, numbers):
    h5py = pytest.importorskip("h5py", reason="MATLAB 7.3 lists need h5py: pip install 'reidindex[mat]'")
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        references = []
        for number, name in enumerate(names):
            cell = file.create_dataset(f"#refs#/{number}", data=np.array([[ord(c)] for c in name], np.uint16))
            cell.attrs["MATLAB_class"] = np.bytes_("char")
            references.append(cell.ref)
        file.create_dataset("filelist", data=np.array([references], dtype=h5py.ref_dtype))
        file.create_dataset("train_idx", data=np.array([numbers], float))
    return out.getvalue()


@pytest.mark.parametrize("write_mat", [_version_5, _version_73], ids=["v5", "v7.3"])
def test_17_matlab_lists_count_from_one(write_mat, tmp_path):
    write(tmp_path / "d", ["list.mat"], write_mat(["a/1.jpg", "b/2.jpg", "c/3.jpg"], [1, 2]))
    more = 'columns = { path = "filelist" }\nonly = { at = "train_idx", base = 1 }\n'

    report = own(
        tmp_path, LISTED.replace("{ending}", ".mat").replace("{more}", more), ["a/1.jpg", "b/2.jpg", "c/3.jpg"]
    )

    assert {p: r["split"] for p, r in rows(report).items()} == {"a/1.jpg": "train", "b/2.jpg": "train", "c/3.jpg": None}


@pytest.mark.parametrize(
    ("ending", "more", "content", "message"),
    [
        (".mat", 'columns = { path = "filelist" }\n', b"MATLAB 5.0 MAT-file, cut off", "not a MATLAB file that can be read"),
        (".mat", 'columns = { path = "filelist" }\n', b"MATLAB 7.3 MAT-file, cut off", "not a MATLAB file that can be read"),
        (".xml", 'at = "Item"\ncolumns = { path = "n" }\n', b"<a><Item n='x'>", "not valid XML"),
        (".xml", 'at = "Item"\ncolumns = { path = "n" }\n', b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "has a document type"),
        (".xml", 'at = "Item"\ncolumns = { path = "n" }\n', b"<a><Item m='x'/></a>", "Item 1: no attribute 'n'; found m"),
        (".jsonl", 'columns = { path = "p" }\n', b'{"p": "a/1.jpg"}\n{"p": ', "line 2: not valid JSON"),
        (".csv", 'columns = { path = "p" }\n', b"q\na/1.jpg\n", "line 1: no column 'p' there; header: q"),
        (".csv", 'columns = { path = "p", label = "q" }\n', b"p,q\na/1.jpg\n", "line 2: fewer columns than the header"),
        (".txt", 'format = "values"\nencoding = "klingon"\ncolumns = ["path"]\n', b"a", "unknown encoding 'klingon'"),
        (".json", 'columns = { path = "p" }\nonly = { at = "n", base = 1 }\n', b'{"p": ["a"], "n": [2]}',
         "chooses entry 2, counted from 1; there are 1"),
        (".json", 'columns = { path = "p" }\nonly = { at = "n", base = 1 }\n', b'{"p": ["a"], "n": ["x"]}',
         "expected a whole number, found 'x'"),
        (".json", 'columns = { path = "p", box = "b" }\n', b'[{"p": "a/1.jpg", "b": [1, 2]}]', "expected a box"),
    ],
)  # fmt: skip
def test_17_a_list_that_is_not_what_it_should_be_says_what_and_where(ending, more, content, message, tmp_path):
    write(tmp_path / "d", [f"list{ending}"], content)

    with pytest.raises(AnnotationError, match=message.replace("[", r"\[")):
        own(tmp_path, LISTED.replace("{ending}", ending).replace("{more}", more), ["a/1.jpg"])
    assert not (tmp_path / "d" / "reidindex.parquet").exists()


def test_18_coded_names_that_are_no_paths_are_told_and_do_no_harm(tmp_path):
    make = tree("hitsz-vcm", tmp_path / "a")
    report = build_index(make.root)
    write(tmp_path / "d", ["list.txt"], b"0001M1D1T1F1.jpg 0\n0001M1D1T1F2.jpg 0\n")
    more = 'format = "columns"\ncolumns = ["path", "label"]\n'

    taken_for_paths = own(tmp_path, LISTED.replace("{ending}", ".txt").replace("{more}", more), ["a/1.jpg"])

    assert not [p for p in report.problems if p.kind == "listed-missing"]
    assert [str(p) for p in taken_for_paths.problems] == [
        "list.txt: 2 of 2 listed files are not in the tree (first: 0001M1D1T1F1.jpg)"
    ]


@pytest.mark.parametrize("name", ["market1501", "vric", "last", "vehicleid", "msmt17"])
def test_19_top_folders_may_be_there_missing_or_doubled(name, tmp_path):
    make = tree(name, tmp_path / "data")
    plain = build_index(make.root, tmp_path / "a.parquet", layout=name).statistics
    inside = tmp_path / "outer" / "MSMT17_V1"
    inside.mkdir(parents=True)
    make.root.rename(inside / "MSMT17_V1")

    deep = build_index(tmp_path / "outer", tmp_path / "b.parquet")

    assert deep.layout == name
    assert deep.statistics.facts == plain.facts


FAMILY = ["market1501", "dukemtmc-reid", "ag-reid", "cuhk03-np", "rgbnt100", "msvr310"]


@pytest.mark.parametrize("name", FAMILY)
def test_20_the_market_family_is_told_apart_by_names_in_every_folder(name, tmp_path):
    make = tree(name, tmp_path / "d")
    layouts = known_layouts()

    fitting = {s.layout.name for s in find_layout(layouts, list_tree(make.root)).scores if s.fits}

    assert name in fitting
    assert not fitting & ({*FAMILY} - {name})


def test_20_one_folder_of_other_names_is_enough_to_refuse(tmp_path):
    names = [f"bounding_box_train/{i:04d}_c1s1_{i:06d}_00.jpg" for i in range(1, 200)]
    root = write(tmp_path / "d", [*names, *(f"query/{i:04d}_c1_f{i:07d}.jpg" for i in range(1, 20))])

    with pytest.raises(LayoutError, match="market1501 matches 91%"):
        build_index(root)


def test_21_numbers_sort_as_numbers_and_the_order_is_not_the_file_systems(tmp_path):
    names = [f"{i}/1.jpg" for i in (10, 9, 100, 1, 2)]
    first = own(tmp_path, PLAIN, names)
    digest = first.metadata.digest
    labels = {r["pid"]: r["identity"] for r in rows(first).values()}

    for name in names:  # written again, in another order
        (tmp_path / "d" / name).unlink()
    again = own(tmp_path, PLAIN, sorted(names))

    assert [labels[i] for i in range(5)] == ["1", "2", "9", "10", "100"]
    assert again.metadata.digest == digest


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_22_links_are_followed_once_and_loops_are_told(tmp_path):
    root = trees.market(tmp_path / "d")
    count = build_index(root).metadata.samples
    (root / "train_all").symlink_to(root / "bounding_box_train")
    (root / "query" / "loop").symlink_to(root)

    report = build_index(root, force=True)

    assert report.metadata.samples == count
    assert [p.kind for p in report.problems if p.kind == "link"] == ["link", "link"]


def test_23_samplers_get_no_distractor_and_no_identity_that_cannot_serve(tmp_path):
    report = build_index(trees.market(tmp_path / "market"))
    index = open_index(report.index)
    sysu = open_index(build_index(trees.sysu(tmp_path / "sysu")).index)

    drawn = {row for batch in PKBatchSampler(index, 4, 8) for row in batch}  # fewer than K images each: they repeat
    assert {index.value("pid", row) >= 0 for row in drawn} == {True}
    pairs = PKBatchSampler(sysu.select(split="train"), 1, 2, "pair")
    assert {sysu.value("pid", row) for batch in pairs for row in batch} == {0}  # identity 2 has no infrared


def test_24_no_sample_is_opened_and_only_lists_are_read(tmp_path, monkeypatch):
    make = tree("mars", tmp_path / "d")
    opened = []
    original = builtins.open

    def watched(file, *words, **more):
        opened.append(str(file))
        return original(file, *words, **more)

    monkeypatch.setattr(builtins, "open", watched)
    build_index(make.root, force=True)

    assert [name for name in opened if name.endswith(".txt")]
    assert not [name for name in opened if name.endswith((".jpg", ".png", ".bmp"))]


def test_25_captions_are_several_one_or_none_and_a_text_may_have_no_image(tmp_path):
    make = tree("cuhk-pedes", tmp_path / "d")
    found = rows(build_index(make.root))
    root = trees.orbench(tmp_path / "orbench")
    asked = json.loads((root / "test_gallery_and_queries.json").read_text())
    label = asked["RGB_GALLERY"][0][0]
    asked["TEXT"] = [[label, "Somebody in red."], [label, "Somebody in blue."]]
    (root / "test_gallery_and_queries.json").write_text(json.dumps(asked))

    texts = [r for r in pq.read_table(build_index(root).index).to_pylist() if r["modality"] == "text"]

    assert len({len(r["captions"] or ()) for r in found.values()}) > 1
    assert [r["captions"] for r in texts] == [["Somebody in red."], ["Somebody in blue."]]
    assert {r["pid"] >= 0 for r in texts} == {True}
