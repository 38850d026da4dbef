"""`reidindex layouts --new`: a layout guessed from a tree's names, built with, and compared with the truth."""

from __future__ import annotations

import builtins
import os
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.errors import LayoutError
from indexer.layouts.definition import parse_layout
from indexer.layouts.proposal import propose_layout
from indexer.layouts.rules import apply_rules
from indexer.scan.listing import Listing, list_tree
from tests.trees import market, regdb, rgbnt201, sysu, write


def propose(root):
    return propose_layout(list_tree(root), name="mine")


def listed(paths, root="/nowhere"):
    paths = sorted(set(paths))
    return Listing(Path(root), paths, np.zeros(len(paths), np.int64), np.zeros(len(paths), np.int64))


def build(root):
    """Rows of the index built with what is proposed, and the report."""
    layout = root.parent / "mine.toml"
    layout.write_text(propose(root).toml, encoding="utf-8")
    report = build_index(root, root.parent / "out.parquet", layout=str(layout), force=True)
    return pq.read_table(report.index).to_pylist(), report


def partition(rows, column):
    """Which paths belong together by a column, whatever its numbers are."""
    found = {}
    for row in rows:
        found.setdefault(row[column], set()).add(row["path"])
    return sorted(map(sorted, found.values()))


def truth(rows, pattern):
    found = {}
    for row in rows:
        found.setdefault(re.search(pattern, row["path"])[1], set()).add(row["path"])
    return sorted(map(sorted, found.values()))


def splits(report):
    return set(report.metadata.splits)


# ----------------------------------------------------------------------------------------------- known grammars


def market_like(root, identities=12):
    return write(
        root,
        [
            *(f"bounding_box_train/{i:04d}_c{c}s1_{i * 97 + c:06d}_0{n}.jpg"
              for i in range(2, identities) for c in (1, 2, 3) for n in (1, 2)),
            *(f"bounding_box_test/{i:04d}_c{c}s1_{i * 89 + c:06d}_00.jpg" for i in range(50, 60) for c in (1, 4, 6)),
            *(f"query/{i:04d}_c5s1_{i * 89:06d}_00.jpg" for i in range(50, 60)),
            "query/1488_c1s6_023021_00.jpg.jpg",
            *(f"bounding_box_test/-1_c{c}s1_00040{c}_03.jpg" for c in (1, 2, 3)),
            *(f"bounding_box_test/0000_c{c}s1_00015{c}_01.jpg" for c in (1, 2, 3)),
            "readme.txt",
        ],
    )  # fmt: skip


def test_names_of_market_style_are_read_whole(tmp_path):
    root = market_like(tmp_path / "d")

    rows, report = build(root)

    assert partition(rows, "pid") == truth(rows, r"/(-1|\d{4})_")
    assert partition(rows, "camid") == truth(rows, r"_c(\d)")
    assert splits(report) == {"train", "query", "gallery"}
    assert all(row["frame"] == int(re.search(r"s\d_(\d+)", row["path"])[1]) for row in rows)
    assert not report.unmatched


def test_labels_that_may_be_nobody_are_proposed_as_roles_and_left_to_the_user(tmp_path):
    root = market_like(tmp_path / "d")
    text = propose(root).toml

    assert '# roles = { distractor = ["0000"], junk = ["-1"] }' in text
    layout = parse_layout(text.replace("# roles", "roles"), name="mine", where="mine.toml")
    assert dict(layout.roles) == {"distractor": ("0000",), "junk": ("-1",)}


def test_camera_folders_of_sysu_style_are_no_identities(tmp_path):
    root = tmp_path / "d"
    write(root, [f"cam{c}/{i:04d}/{n:04d}.jpg" for c in (1, 2, 3, 6) for i in range(1, 31) for n in range(1, 6)])
    write(root, ["exp/train_id.txt"], ",".join(map(str, range(1, 20))).encode())
    write(root, ["exp/train_id.mat"])

    rows, _ = build(root)
    text = propose(root).toml

    assert partition(rows, "pid") == truth(rows, r"/(\d+)/")
    assert partition(rows, "camid") == truth(rows, r"^cam(\d)")
    assert {row["frame"] for row in rows} == {1, 2, 3, 4, 5}
    for line in ('# file = "exp/train_id.txt"', '# join = "identity"', "# numeric = true", '# split = "train"'):
        assert line in text
    assert "the same lists in another form" in text


def test_a_label_that_folder_and_name_repeat_becomes_a_check(tmp_path):
    root = regdb(tmp_path / "d", identities=20)

    rows, report = build(root)
    text = propose(root).toml

    assert partition(rows, "pid") == truth(rows, r"^\w+/(\d+)/")
    assert report.metadata.modalities == ("rgb", "tir")
    assert "(?P<identity_again>" in text
    assert '# each = { n = "1..10" }' in text
    assert 'file = "idx/train_visible_{n}.txt"' in text


def test_words_for_views_are_views(tmp_path):
    root = tmp_path / "d"
    write(
        root,
        [
            f"{m}/{i}/{m[0]}_{v}_{n:03d}.png"
            for m in ("Visible", "Thermal")
            for i in range(1, 20)
            for v in ("front", "back")
            for n in (1, 2)
        ],
    )

    rows, report = build(root)

    assert partition(rows, "pid") == truth(rows, r"/(\d+)/")
    assert set(report.metadata.views) == {"", "back", "front"}
    assert report.metadata.modalities == ("rgb", "tir")


def test_people_with_first_and_last_names_are_told_apart(tmp_path):
    root = tmp_path / "d"
    first, last = [f"F{chr(97 + i)}" for i in range(15)], [f"L{chr(97 + i)}" for i in range(14)]
    write(root, [f"{first[i % 15]}_{last[i % 14]}_{n:04d}.jpg" for i in range(60) for n in (1, 2, 3)])

    rows, _ = build(root)

    assert partition(rows, "pid") == truth(rows, r"^(\w+)_\d")


def test_spectra_of_one_moment_are_remarked(tmp_path):
    root = tmp_path / "d"
    write(root, [f"{part}/{m}/{i:06d}_cam{c}_0_0{n}.jpg" for part, ids in (("train_171", range(1, 9)), ("test", range(20, 26)))
                 for m in ("RGB", "NI", "TI") for i in ids for c in (1, 2) for n in (0, 1)])  # fmt: skip

    rows, report = build(root)

    assert partition(rows, "pid") == truth(rows, r"/(\d{6})_")
    assert set(report.metadata.modalities) == {"rgb", "nir", "tir"}
    assert splits(report) == {"train", "test"}
    assert any("aligned" in remark for remark in propose(root).remarks)


def test_photos_and_sketches_with_different_grammars_share_their_labels(tmp_path):
    root = tmp_path / "d"
    write(root, [f"photo/{i}_{c:02d}_{i * 7919 % 9973}.jpg" for i in range(1, 41) for c in (3 + i % 3, 6 + i % 2)])
    write(root, [f"sketch/{i}.jpg" for i in range(1, 41)])

    rows, report = build(root)

    assert partition(rows, "pid") == truth(rows, r"/(\d+)")
    assert report.metadata.modalities == ("rgb", "sketch")


@pytest.mark.parametrize("tree", [market, sysu, regdb, rgbnt201])
def test_small_copies_of_known_datasets_are_taken_whole(tree, tmp_path):
    root = tree(tmp_path / "d")

    _, report = build(root)

    assert not [p for p in report.unmatched if p.endswith((".jpg", ".bmp"))]


# -------------------------------------------------------------------------------------------- invented datasets


def test_named_people_in_folders_of_conditions(tmp_path):
    root = tmp_path / "zoo"
    who = ("anna", "bo", "cleo", "dora", "unknown")
    write(
        root,
        [f"{when}/{i}/cam{c}_{n:03d}.jpg" for when in ("day", "night") for i in who for c in (1, 2) for n in (1, 2, 3)],
    )
    write(root, ["floor.tga"])

    rows, report = build(root)
    text = propose(root).toml

    assert partition(rows, "pid") == truth(rows, r"/(\w+)/")
    assert partition(rows, "camid") == truth(rows, r"cam(\d)")
    assert "# no name" not in text
    assert "no name: day, night" in text
    assert "unknown (12 images)" in text
    assert report.set_aside


def test_videos_number_tracklets_anew_for_each_person(tmp_path):
    root = tmp_path / "d"
    write(root, [f"bbox_{part}/{i:04d}/{i:04d}C{c}T{t:04d}F{f:03d}.jpg" for part, ids in (("train", range(1, 15)), ("test", range(20, 30)))
                 for i in ids for c in (1, 2) for t in (1, 2) for f in (1, 2, 3)])  # fmt: skip
    text = propose(root).toml

    rows, report = build(root)

    assert partition(rows, "pid") == truth(rows, r"/(\d{4})/")
    assert partition(rows, "camid") == truth(rows, r"C(\d)T")
    assert splits(report) == {"train", "test"}
    assert 'tracklet = "{identity}C{camera}T{tracklet}"' in text
    assert {row["frame"] for row in rows} == {1, 2, 3}


def test_a_person_folder_below_cameras_repeats_both_in_the_name(tmp_path):
    root = tmp_path / "d"
    write(
        root,
        [
            f"seq/cam{c}/person{i:03d}/cam{c}_person{i:03d}_{f:05d}.png"
            for c in (1, 2)
            for i in range(1, 20)
            for f in (7, 8)
        ],
    )

    rows, _ = build(root)

    assert partition(rows, "pid") == truth(rows, r"person(\d+)/")
    assert partition(rows, "camid") == truth(rows, r"cam(\d)/")
    assert "(?P<camera_again>" in propose(root).toml


def test_a_flat_folder_is_labelled_by_its_csv(tmp_path):
    root = tmp_path / "d"
    write(root, [f"images/{n:05d}.jpg" for n in range(60)])
    lines = [
        "file,individual,set",
        *(f"{n:05d}.jpg,whale{n % 13},{'train' if n % 13 < 9 else 'val'}" for n in range(60)),
    ]
    write(root, ["labels.csv"], "\n".join(lines).encode())

    proposal = propose(root)
    rows, report = build(root) if "key = " not in proposal.toml else ([], None, None)

    assert "labels.csv" in proposal.remarks[0]
    assert 'identity = "individual"' in proposal.toml
    if report is not None:
        assert report.metadata.identities == 13
        assert splits(report) == {"train", "val"}
        by_pid = partition(rows, "pid")
        assert sorted(map(len, by_pid)) == sorted([5] * 8 + [4] * 5)


def test_every_list_that_tells_identities_is_read_where_paths_tell_none(tmp_path):
    root = write(tmp_path / "d", [f"image/{n:07d}.jpg" for n in range(1, 61)])
    for name, span in (("train", range(1, 41)), ("test", range(41, 61))):
        lines = [f"{n:07d}.jpg {n % 7 + 10 * (n > 40)}" for n in span]
        write(root, [f"{name}_list.txt"], "\n".join(lines).encode())

    rows, report = build(root)

    assert report.metadata.identities == 14
    assert splits(report) == {"train", "test"}
    assert all(row["pid"] >= 0 for row in rows)


def test_a_csv_beside_its_images_is_read_as_it_stands(tmp_path):
    root = tmp_path / "d"
    write(root, [f"{n:05d}.JPG" for n in range(60)])
    write(root, ["train.csv"], "\n".join(["Image,Id", *(f"{n:05d}.JPG,w_{n % 13}" for n in range(60))]).encode())

    rows, report = build(root)

    assert report.metadata.identities == 13
    assert sorted(map(len, partition(rows, "pid"))) == sorted([5] * 8 + [4] * 5)


def test_odd_folders_among_numbered_ones_are_one_rule_with_a_role(tmp_path):
    root = tmp_path / "d"
    write(
        root, [f"gallery/{i}/{n}.png" for i in [*(f"{k:04d}" for k in range(1, 20)), "distractors"] for n in range(4)]
    )
    text = propose(root).toml

    _, report = build(root)

    assert text.count("[[rule]]") == 1
    assert r"(?P<identity>distractors|\d{4})" in text
    assert '# roles = { distractor = ["distractors"] }' in text
    assert not report.unmatched


def test_folders_of_two_numbers_are_one_label(tmp_path):
    root = tmp_path / "d"
    write(root, [f"{i % 17:02d}-{i:04d}/{n}.jpg" for i in range(60) for n in range(3)])
    write(root, [f"{(i + 1) % 17:02d}-{i:04d}/{n}.jpg" for i in range(60) for n in range(3)])

    rows, _ = build(root)

    assert partition(rows, "pid") == truth(rows, r"^([^/]+)/")


def test_names_before_a_number_are_people(tmp_path):
    root = tmp_path / "d"
    names = ["George_W_Bush", "Li", "Anna_Lee", "O'Neil", "José_Ñ", "Bo_2nd_Baron", "A-B_C", "Jr._X_Y_Z", "Zoë"]
    write(root, [f"{who}_{n:04d}.jpg" for who in names for n in range(1, 6)])

    rows, report = build(root)

    assert partition(rows, "pid") == truth(rows, r"^(.*)_\d+\.jpg")
    assert not report.unmatched


@pytest.mark.parametrize(
    ("paths", "identity", "camera"),
    [
        (  # a running number within the identity stands before the camera
            [f"train/{i:04d}/{i:04d}_{n:03d}_{c:02d}_x{n}.jpg" for i in range(1, 40) for n, c in enumerate((i % 15 + 1, 3, 3, 9, 9))],
            r"/(\d+)/",
            r"_\d{3}_(\d\d)",
        ),
        (
            [f"{p}_{i:03d}_{v}_{n:02d}.png" for p in (1, 2, 3) for i in range(1, 60) for v in (1, 2) for n in (1, 2, 3)],
            r"_(\d{3})_",
            r"_(\d)_",
        ),
        ([f"cam_{c}/{i:03d}_{a}.bmp" for c in "ab" for i in range(1, 90) for a in (0, 45)], r"/(\d+)", r"cam_(\w)"),
        ([f"{c}/{i:04d}/{n:04d}.jpg" for c in range(1, 7) for i in range(1, 60) for n in (1, 2)], r"/(\d+)/", r"^(\d)"),
        ([f"c{c:02d}_{i:04d}_{n}.jpg" for c in range(1, 9) for i in range(1, 60) for n in (1, 2)], r"_(\d+)_", r"c(\d+)"),
        ([f"session{s}/{i:03d}_{c:02d}/{f:05d}.jpg" for s in (1, 2) for i in range(1, 9) for c in (1, 2) for f in (1, 2)],
         r"/(\d{3})_", r"_(\d\d)/"),
        ([f"{c}/{part}/{i:04d}_c{c}_{n}.jpg" for c in (1, 6) for part, ids in (("train", (1, 2)), ("query", (5, 6))) for i in ids for n in (4, 5)],
         r"/(\d{4})_", r"_c(\d)"),
        ([f"{kind}_images/{i:03d}_c{c}_{n}.jpg" for kind in ("whole", "partial") for i in (1, 2, 3) for c in (1, 2) for n in (1, 2)],
         r"/(\d+)", r"_c(\d)"),
        ([f"C{c}_s{s}_id{i}_f{n}.jpg" for c in (1, 2) for s in (1, 2) for i in range(20) for n in (7, 8)], r"id(\d+)", r"C(\d)"),
    ],
)  # fmt: skip
def test_cameras_and_identities_are_told_apart(paths, identity, camera, tmp_path):
    rows, report = build(write(tmp_path / "d", paths))

    assert partition(rows, "pid") == truth(rows, identity)
    assert partition(rows, "camid") == truth(rows, camera)
    assert not report.unmatched


def test_file_numbers_that_begin_anew_in_each_split_are_nobody(tmp_path):
    root = tmp_path / "d"
    write(root, [f"image_{part}/{n:06d}.jpg" for part in ("train", "query", "test") for n in range(1, 30)])
    text = propose(root).toml

    assert "NOTHING IN THESE PATHS LOOKS LIKE AN IDENTITY" in text

    write(
        root,
        ["train_label.csv"],
        "\n".join(["imageName,vehicleID", *(f"{n:06d}.jpg,{n % 5}" for n in range(1, 30))]).encode(),
    )
    assert '\n[[annotation]]\nfile = "train_label.csv"' in propose(root).toml


def test_hashes_are_not_taken_apart_and_columns_that_never_recur_are_no_identities(tmp_path):
    root = tmp_path / "v1.0"
    names = [f"{n * 2654435761 % 2**48:012x}" for n in range(1, 61)]
    write(root, [f"train_images/{name}.jpg" for name in names])
    lines = ["id,image,turtle_id,location", *(f"{n},{name},t{n % 11},left" for n, name in enumerate(names))]
    write(root, ["train.csv"], "\n".join(lines).encode())
    text = propose(root).toml

    assert "(?P<identity>" not in text
    assert 'columns = { path = "image", identity = "turtle_id" }' in text


def test_a_number_that_merely_begins_at_zero_is_somebody(tmp_path):
    root = write(tmp_path / "d", [f"{i:04d}/{n}.jpg" for i in range(12) for n in range(3)])

    assert "nobody" not in propose(root).toml


def test_words_before_numbered_identities_may_be_scopes(tmp_path):
    root = write(
        tmp_path / "d", [f"{s}/{i:03d}/{n}.jpg" for s in ("giraffe", "zebra") for i in range(1, 30) for n in (1, 2)]
    )

    assert (
        "no name: giraffe, zebra; if identities are numbered anew in each, call it (?P<scope>…)" in propose(root).toml
    )


# ---------------------------------------------------------------------------------------------- odd trees, laws


def test_where_nothing_looks_like_an_identity_the_proposal_says_so_and_builds(tmp_path):
    root = write(tmp_path / "d", [f"IMG_{n}.jpg" for n in range(1000, 1040)])

    _, report = build(root)
    proposal = propose(root)

    assert "NOTHING IN THESE PATHS LOOKS LIKE AN IDENTITY" in proposal.toml
    assert "nothing in these paths looks like one" in proposal.remarks[0]
    assert report.metadata.identities == 0


def test_a_tree_without_images_is_refused(tmp_path):
    root = write(tmp_path / "d", ["a.txt"])

    with pytest.raises(LayoutError, match="none of the 1 files is an image"):
        propose(root)


@pytest.mark.parametrize(
    "paths",
    [
        ["one/file.jpg"],
        ["file.jpg"],
        ["-x/-1_c1.png", "-x/--.png"],
        ["/".join("abcdefghijklmnopqrstuvwxyz0123456789") + "/x.jpg"],
        [f"{'d/' * n}{n}.jpg" for n in range(40)],
        ['it\'s "quoted".jpg', "back\\slash.jpg", "{image}.jpg", "(?P<identity>x).jpg", "[a]+$^.jpg"],
        ["tab\there.jpg", "line\nbreak.jpg", "del\x7f.jpg", "\u202ereversed.jpg", "\ufeffmark/😀.jpg"],
        ["日本/人物/1.jpg", "日本/人物/2.jpg", "٣/١.jpg"],
        [f"{'9' * 200}/{'a1' * 60}.jpg", f"{'_' * 250}.jpg"],
        ["train/.jpg.jpg", "{split}/a.jpg", "#comment/'''.jpg"],
    ],
)
def test_odd_names_are_escaped(paths, tmp_path):
    proposal = propose_layout(listed(paths), name='it\'s "odd"\n')

    layout = parse_layout(proposal.toml, name="mine", where="mine.toml")
    images = listed(paths)
    taken, rest = apply_rules(layout, images.folded, np.arange(len(images)))
    if proposal.toml.count("[[rule]]") < 8:
        assert not len(rest)
    assert taken


def test_many_shapes_are_cut_and_told(tmp_path):
    paths = [f"{'deep/' * depth}{depth}_{n}.jpg" for depth in range(30) for n in range(5)]

    proposal = propose_layout(listed(paths), name="mine")

    assert proposal.toml.count("[[rule]]") == 8
    assert any(remark.startswith("no rule for") for remark in proposal.remarks)


def test_images_that_the_sample_missed_are_looked_at_too(tmp_path):
    usual = [f"{i:04d}/{n:05d}.jpg" for i in range(1000) for n in range(20)]
    odd = [f"0500/late_{n}_x{n}.png" for n in range(9)]

    proposal = propose_layout(listed([*usual, *odd]), name="mine")

    layout = parse_layout(proposal.toml, name="mine", where="mine.toml")
    images = listed([*usual, *odd])
    assert not len(apply_rules(layout, images.folded, np.arange(len(images)))[1])
    assert "1,000 values, 20 images each" in proposal.toml


def test_the_same_listing_gives_the_same_text_whatever_the_hash_seed(tmp_path):
    import subprocess
    import sys

    root = market_like(tmp_path / "d")
    code = (
        "import sys; from pathlib import Path; from indexer.scan.listing import list_tree;"
        "from indexer.layouts.proposal import propose_layout; sys.stdout.reconfigure(encoding='utf-8');"
        "p = propose_layout(list_tree(Path(sys.argv[1])), name='m'); print(p.toml, p.remarks)"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, str(root)], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip

    assert len(texts) == 1


LISTS = {
    "cut.json": b'[{"file": "0001_1.jpg", "id": 1}, {"file": "0001_2.j',
    "object.json": b'{"a": {"b": [1, 2]}}',
    "deep.json": b"[" * 60_000,
    "empty.csv": b"",
    "odd.csv": b'a,b\n"open quote\n1,2,3\n',
    "zero.txt": b"\x00\x01\x02",
    "latin.txt": "0001_1.jpg é\n".encode("latin-1"),
    "ragged.txt": b"one\ntwo words\n\nthree more words\n",
    "broken.xml": b"<a><b x='1'",
    "old.mat": b"MATLAB 5.0",
    "lines.jsonl": b'{"name": "0001_1.jpg", "caption": ["a", "b"]}\nno json\n',
    'quote\'s "name".txt': b"1 2 3",
}


def test_whatever_a_list_holds_the_proposal_parses(tmp_path):
    root = write(tmp_path / "d", [f"{i:04d}_{n}.jpg" for i in range(1, 9) for n in range(3)])
    for name, content in LISTS.items():
        write(root, [name], content)

    toml = propose(root).toml

    parse_layout(toml, name="mine", where="mine.toml")
    for name in ("cut.json", "old.mat", "lines.jsonl"):
        assert f'# file = "{name}"' in toml


def test_no_image_is_opened(tmp_path, monkeypatch):
    root = write(tmp_path / "d", [f"{i:04d}/{n}.jpg" for i in range(9) for n in range(3)])
    write(root, ["train.txt"], b"0001/1.jpg\n")
    opened = []
    real = builtins.open
    monkeypatch.setattr(
        builtins, "open", lambda file, *a, **k: (opened.append(Path(file).name), real(file, *a, **k))[1]
    )

    propose(root)

    assert opened == ["train.txt"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("list_train.txt", "a/0001/1.jpg 1\na/0002/2.jpg 2\n", ['columns = ["path", "label"]', 'join = "path"', 'split = "train"']),
        ("query.txt", "0001/1.jpg\n0002/2.jpg\n", ['columns = ["path"]', 'key = "a/{path}"', 'split = "query"']),
        ("names.txt", "1\n2\n5\n", ['columns = ["identity"]', 'join = "identity"', "numeric = true"]),
        ("caps.json", '[{"img": "a/0001/1.jpg", "captions": ["x"]}]', ['columns = { path = "img", caption = "captions" }']),
        ("ids.csv", "PID,part,height\n0001,train,3\n0002,test,4\n", ['identity = "PID"', 'join = "identity"']),
        ("label.xml", '<a><Item imageName="1.jpg" color="2"/><Item imageName="2.jpg" color="2"/></a>', ['at = "Item"', 'name = "imageName"']),
        ("semi.txt", "a/0001/1.jpg;x\na/0002/2.jpg;y\n", ['separator = ";"']),
    ],
)  # fmt: skip
def test_lists_are_described_by_what_is_in_them(name, content, expected, tmp_path):
    root = write(tmp_path / "d", [f"a/{i:04d}/{n}.jpg" for i in range(1, 9) for n in range(1, 4)])
    write(root, [name], content.encode())

    text = propose(root).toml

    for part in expected:
        assert part in text


def test_a_commented_annotation_works_once_it_is_uncommented(tmp_path):
    root = write(tmp_path / "d", [f"a/{i:04d}/{n}.jpg" for i in range(1, 9) for n in range(1, 4)])
    write(root, ["train_id.txt"], b"1,2,3\n")
    head, _, tail = propose(root).toml.partition("# [[annotation]]")
    layout = tmp_path / "mine.toml"
    layout.write_text(head + "[[annotation]]" + tail.replace("\n# ", "\n"), encoding="utf-8")

    report = build_index(root, tmp_path / "o.parquet", layout=str(layout))

    assert splits(report) == {"train"}
    assert not report.unmatched


PARTS = st.one_of(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=12),
    st.from_regex(r"[a-c]?[0-9]{1,4}([_-](c|cam|s|f|t|v)[0-9]{1,3}){0,3}", fullmatch=True),
    st.sampled_from(
        [
            "train",
            "test",
            "query",
            "rgb",
            "ir",
            "sketch",
            "0001",
            "-1",
            "unknown",
            "cam1",
            "cam_b",
            "gallery",
            "{image}",
        ]
    ),
)
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=30)
ENDINGS = st.sampled_from([".jpg", ".png", ".JPG", ".jpg.jpg", ".txt", ".csv", ".mat", ""])


@given(PATHS, st.lists(ENDINGS, min_size=1, max_size=5))
def test_any_tree_gives_a_layout_that_takes_it_or_has_no_images(paths, endings):
    listing = listed(path + endings[i % len(endings)] for i, path in enumerate(paths))
    try:
        proposal = propose_layout(listing, name="mine")
    except LayoutError as error:
        assert "is an image" in str(error)
        return

    layout = parse_layout(proposal.toml, name="mine", where="mine.toml")
    assert proposal == propose_layout(listing, name="mine")
    if not any(remark.startswith("no rule for") for remark in proposal.remarks):
        images = [p for p in listing.folded.to_pylist() if re.search(r"\.(?:jpg|png)$", p)]
        found = listed(images)
        assert not len(apply_rules(layout, found.arrow, np.arange(len(found)))[1])
