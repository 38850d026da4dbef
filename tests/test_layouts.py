"""Each shipped layout on a small tree of its grammar, and what is wrong with trees and lists."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from indexer.build import build_index
from indexer.errors import AnnotationError, LayoutError
from indexer.layouts import known_layouts
from sampler_runtime import open_index
from tests import trees


def rows(report):
    return {r["path"]: r for r in pq.read_table(report.index).to_pylist()}


def problems(report):
    return {p.kind for p in report.problems if p.kind != "published"}


def test_every_layout_is_recognised_alone_in_a_folder_and_below_top_folders(any_tree, tmp_path):
    name, root = any_tree
    trees.write(root, ["Thumbs.db", "__MACOSX/._0001.jpg"])
    for number, place in enumerate(("data", "data/archive", "data/archive/doubled")):
        top = tmp_path / str(number)
        (top / place).parent.mkdir(parents=True)
        root = root.rename(top / place)

        report = build_index(top / "data", tmp_path / "out.parquet", force=True)

        assert report.layout == name
        assert not report.unmatched
        assert not problems(report)


@pytest.mark.parametrize("name", ["market1501", "sysu-mm01", "rgbnt201"])  # the others' lists name files as they are
def test_a_tree_gives_the_same_facts_with_upper_case_extensions(name, tmp_path):
    root = trees.ALL[name](tmp_path / "data")
    lower = build_index(root, tmp_path / "lower.parquet")
    for file in list(root.rglob("*.jpg")):
        file.rename(file.with_suffix(".JPG"))

    upper = build_index(root, tmp_path / "upper.parquet")

    assert upper.statistics.facts == lower.statistics.facts


def test_market_keeps_distractors_and_junk_apart_and_takes_doubled_extensions(tmp_path):
    report = build_index(trees.market(tmp_path / "d"))
    found = rows(report)

    assert {p: r["role"] for p, r in found.items() if r["role"]} == {
        "bounding_box_test/0000_c1s1_000151_01.jpg": "distractor",
        "bounding_box_test/-1_c1s1_000401_03.jpg": "junk",
    }
    assert {r["pid"] for r in found.values() if r["role"]} == {-1}
    doubled = found["query/1488_c1s6_023021_00.jpg.jpg"]
    assert (doubled["identity"], doubled["camera"], doubled["split"]) == ("1488", "1", "query")
    assert sorted(r["pid"] for r in found.values() if r["split"] == "train") == [i for i in range(4) for _ in range(3)]
    assert sum(report.set_aside.values()) == 2


def test_sysu_takes_modality_from_the_camera_and_splits_from_the_lists(tmp_path):
    found = rows(build_index(trees.sysu(tmp_path / "d")))

    def of(identity):
        return {(r["camera"], r["modality"], r["split"]) for r in found.values() if r["identity"] == identity}

    assert of("0001") == {("1", "rgb", "train"), ("2", "rgb", "train"), ("3", "ir", "train")}
    assert {split for _, _, split in of("0003")} == {"val"}
    assert of("0004") == {
        ("1", "rgb", "gallery"),
        ("4", "rgb", "gallery"),
        ("3", "ir", "query"),
        ("6", "ir", "query"),
    }
    assert of("0005") == {("4", "rgb", None)}
    assert [r["pid"] for r in found.values() if r["identity"] == "0005"] == [4, 4]


def test_regdb_trials_are_protocols_and_trial_one_is_the_default(tmp_path):
    report = build_index(trees.regdb(tmp_path / "d"))
    facts = report.statistics.splits

    assert len(report.metadata.splits) == 33
    assert all(
        facts[f"trial{t}/{part}"].identities == 2 for t in range(1, 11) for part in ("train", "query", "gallery")
    )
    assert facts["train"] == facts["trial1/train"]
    assert facts["trial2/query"].modalities.keys() == {"rgb"}
    assert facts["trial2/gallery"].modalities.keys() == {"tir"}
    assert report.metadata.identities == 4
    assert {r["view"] for r in rows(report).values()} == {1}


def test_rgbnt201_is_one_row_a_triplet_and_its_test_is_query_and_gallery(tmp_path):
    report = build_index(trees.rgbnt201(tmp_path / "d"))
    found = rows(report)

    assert len(found) == 12
    row = found["test/RGB/000258_cam1_0_00.jpg"]
    assert row["modality"] == "rgb+nir+tir"
    assert row["split"] == "query+gallery"
    assert row["aligned"] == [
        {"modality": "nir", "path": "test/NI/000258_cam1_0_00.jpg"},
        {"modality": "tir", "path": "test/TI/000258_cam1_0_00.jpg"},
    ]
    assert report.statistics.splits["query"] == report.statistics.splits["gallery"]


def test_an_aligned_set_that_lacks_a_modality_is_kept_and_told(tmp_path):
    root = trees.rgbnt201(tmp_path / "d")
    (root / "train_171/RGB/000001_cam1_0_00.jpg").unlink()

    report = build_index(root)

    assert problems(report) == {"incomplete-set"}
    assert rows(report)["train_171/NI/000001_cam1_0_00.jpg"]["modality"] == "nir+tir"


def test_orbench_joins_by_folder_and_not_by_the_number_in_the_json(tmp_path):
    report = build_index(trees.orbench(tmp_path / "d"))
    found = rows(report)

    splits = {r["identity"]: set() for r in found.values()}
    for r in found.values():
        splits[r["identity"]].add(r["split"])
    assert splits == {"0003": {"train"}, "0008": {"train"}, "0005": {"query", "gallery"}}
    photo = found["vis/0008/0008_sysu_0800_cam1_0007_vis.jpg"]
    assert photo["captions"] == ["A person, 0008."]
    assert photo["modality"] == "rgb+text"
    assert photo["source"] == "sysu"
    sketch = found["sk/0008/0008_sysu_0800_back_1_sketch.jpg"]
    assert (sketch["modality"], sketch["view"], sketch["camid"], sketch["captions"]) == ("sketch", 2, -1, None)


def test_orbench_copies_that_list_everything_in_one_json_say_the_split_there(tmp_path):
    root = trees.orbench(tmp_path / "d")
    annos = json.loads((root / "train_annos.json").read_text())
    test = json.loads((root / "test_gallery_and_queries.json").read_text())["RGB_GALLERY"]
    entries = [{**a, "split": "train"} for a in annos]
    entries += [{"id": 601, "file_path": path, "caption": "Another.", "split": "test"} for _, path in test]
    (root / "text_annos.json").write_text(json.dumps(entries))
    for name in ("train_annos.json", "test_gallery_and_queries.json"):
        (root / name).unlink()

    report = build_index(root)

    facts = report.statistics.splits
    assert {name: facts[name].identities for name in facts} == {"train": 2, "test": 1}
    assert facts["test"].modalities.keys() == {"rgb", "nir", "sketch", "cpencil", "text"}


def test_orbench_cameras_of_two_sources_are_not_one(tmp_path):
    found = rows(build_index(trees.orbench(tmp_path / "d")))
    camid = {(r["source"], r["camera"]): r["camid"] for r in found.values() if r["camera"]}

    assert len(set(camid.values())) == len(camid) == 6


def test_orbench_without_its_json_has_no_split_and_says_so(tmp_path):
    root = trees.orbench(tmp_path / "d")
    (root / "train_annos.json").unlink()
    (root / "test_gallery_and_queries.json").unlink()

    report = build_index(root)

    assert {r["split"] for r in rows(report).values()} == {None}
    assert problems(report) == {"annotation-missing"}


def test_the_challenge_packing_keeps_hidden_identities_out_of_the_numbering(tmp_path):
    root = tmp_path / "d"
    trees.orbench(root / "train")
    for name in ("test_gallery_and_queries.json", "train_annos.json"):
        (root / "train" / name).unlink()
    photo = "vis/0003/0003_llcm_0300_c01_s184251_f31997_vis.jpg"
    annos = [{"id": 9, "file_path": photo, "caption": "One.", "split": "train"}]
    trees.write(root, ["train/text_annos.json"], json.dumps(annos).encode())
    trees.write(root, ["val/gallery/10.jpg", "val/gallery/9.jpg", "val/cp/1.jpg"])
    asked = [{"query_idx": 1, "query_type": "twomodal_TEXT_CP", "content": ["Somebody in red.", "cp/1.jpg"]}]
    trees.write(root, ["val/val_queries.json"], json.dumps(asked).encode())

    report = build_index(root)
    found = rows(report)

    assert report.layout == "orbench-prcv2025"
    assert found[f"train/{photo}"]["captions"] == ["One."]
    hidden = found["val/gallery/10.jpg"]
    assert (hidden["identity"], hidden["pid"], hidden["split"], hidden["modality"]) == (None, -1, "val", "rgb")
    assert report.statistics.splits["val"].roles == {"hidden": 4}
    (queries,) = [open_index(root).query_set(name) for name in open_index(root).query_sets]
    assert (queries.name, len(queries), len(queries.rows[0])) == ("val/twomodal_TEXT_CP", 1, 2)
    assert queries.pids.tolist() == [-1]


def test_folders_reads_modality_and_split_words_in_any_spelling(tmp_path):
    names = [
        "Train/Visible/{}/a.jpg",
        "train/{}/infrared/a.jpeg",
        "thermal/validation/{}/a.BMP",
        "probe/{}/deep/er/a.webp",
        "{}/a.png",
    ]
    root = trees.write(tmp_path / "d", [n.format(f"p{i}") for n in names for i in range(9)])

    found = rows(build_index(root))

    told = {p.replace("p3", "{}"): (r["split"], r["modality"], r["identity"]) for p, r in found.items() if "p3" in p}
    assert told == {
        "Train/Visible/{}/a.jpg": ("train", "rgb", "p3"),
        "train/{}/infrared/a.jpeg": ("train", "ir", "p3"),
        "thermal/validation/{}/a.BMP": ("val", "tir", "p3"),
        "probe/{}/deep/er/a.webp": ("query", "rgb", "p3"),
        "{}/a.png": (None, "rgb", "p3"),
    }


def test_images_loose_in_a_split_or_modality_folder_have_no_identity(tmp_path):
    loose = ["train/x.jpg", "rgb/x.jpg", "train/rgb/x.jpg", "rgb/train/x.jpg"]
    root = trees.write(tmp_path / "d", [*(f"{i}/a.jpg" for i in range(9)), *loose])

    report = build_index(root, layout="folders")

    assert set(report.unmatched) == set(loose)


# ------------------------------------------------------------------------------------------------ detection


def test_a_tree_nothing_fits_shows_the_nearest_and_an_example(tmp_path):
    root = trees.market(tmp_path / "d")
    trees.write(root, [f"query/odd name {i}.jpg" for i in range(15)])

    with pytest.raises(LayoutError) as caught:
        build_index(root)

    lines = str(caught.value).splitlines()
    assert "no known layout fits this tree" in lines[0]
    assert lines[1] == "  market1501 matches 53%, but not query/odd name 0.jpg"
    assert "--layout my.toml" in str(caught.value)
    assert not (root / "reidindex.parquet").exists()


@pytest.mark.parametrize("stray", ["logo.png", "samples/1.png"])
def test_a_stray_image_beside_the_top_folder_does_no_harm(tmp_path, stray):
    root = trees.sysu(tmp_path / "d" / "SYSU").parent
    trees.write(root, [stray])

    for layout in (None, "sysu-mm01"):
        report = build_index(root, layout=layout, force=True)
        assert report.metadata.samples == 24
        assert report.unmatched == (stray,)


def test_few_folders_are_not_taken_for_identities_unless_the_user_says_so(tmp_path):
    root = trees.write(tmp_path / "d", [f"{part}/{i}.jpg" for part in ("left", "right") for i in range(20)])

    with pytest.raises(LayoutError, match="folders matches 100%, with 2 identity folders only"):
        build_index(root)
    assert build_index(root, layout="folders").metadata.identities == 2


def test_two_layouts_that_fit_equally_are_named_and_none_is_taken(tmp_path, monkeypatch):
    root = trees.market(tmp_path / "d")
    market = known_layouts()["market1501"]
    both = {"market1501": market, "market-twin": market.model_copy(update={"name": "market-twin"})}
    monkeypatch.setattr("indexer.build.known_layouts", lambda: both)

    with pytest.raises(LayoutError, match="cannot tell which of the layouts market-twin and market1501 it is"):
        build_index(root)


def test_a_tree_without_images_is_told_from_one_that_fits_no_layout(tmp_path):
    root = trees.write(tmp_path / "d", ["archive.zip", "notes.txt"])

    with pytest.raises(LayoutError, match=r"none of the 2 files is an image \(first: archive.zip\)"):
        build_index(root)


def test_a_layout_the_user_names_is_applied_and_the_rest_is_told(tmp_path):
    root = trees.market(tmp_path / "d")
    trees.write(root, [f"query/odd name {i}.jpg" for i in range(15)])

    report = build_index(root, layout="market1501")

    assert report.metadata.samples == 17
    assert len(report.unmatched) == 15


def test_a_layout_that_takes_nothing_is_an_error(tmp_path):
    with pytest.raises(LayoutError, match="no file is a sample of layout 'regdb'"):
        build_index(trees.market(tmp_path / "d"), layout="regdb")


# ------------------------------------------------------------------------------- lists that are not right


def test_a_folder_that_contradicts_the_name_is_told_and_not_indexed(tmp_path):
    root = trees.orbench(tmp_path / "d")
    trees.write(root, ["vis/0003/0008_sysu_0800_cam4_0009_vis.jpg"])

    report = build_index(root)

    assert problems(report) == {"contradiction"}
    assert report.unmatched == ("vis/0003/0008_sysu_0800_cam4_0009_vis.jpg",)


def test_listed_files_that_are_not_there_are_counted(tmp_path):
    root = trees.regdb(tmp_path / "d")
    (root / "Visible/1/male_front_v_00011_1.bmp").unlink()

    report = build_index(root)

    found = [p for p in report.problems if p.kind == "listed-missing"]
    assert len(found) == 10
    assert found[0].message == "1 of 4 listed files are not in the tree (first: Visible/1/male_front_v_00011_1.bmp)"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"file_path": "vis/', "not valid JSON .* was the download cut off?"),
        (b'{"a": 1}', "expected a list, found an object"),
        (b'[{"file": "x"}]', r"top level, entry 0: expected \['caption', 'file_path', 'split'\], found"),
        (b'["x"]', "entry 0: expected"),
        (b"\xff\xfd", "not UTF-8 text"),
        (b'[{"file_path": "PHOTO", "caption": 7}]', "a caption should be text or a list of texts, found 7"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_a_malformed_json_is_one_clear_error_and_the_old_index_stays(tmp_path, content, message):
    root = trees.orbench(tmp_path / "d")
    before = build_index(root).index.read_bytes()
    photo = b"vis/0008/0008_sysu_0800_cam1_0007_vis.jpg"
    (root / "train_annos.json").write_bytes(content.replace(b"PHOTO", photo))

    with pytest.raises(AnnotationError, match=message) as caught:
        build_index(root)

    assert "train_annos.json" in str(caught.value)
    assert (root / "reidindex.parquet").read_bytes() == before


def test_the_second_json_is_checked_as_well(tmp_path):
    root = trees.orbench(tmp_path / "d")
    (root / "test_gallery_and_queries.json").write_text('{"RGB_GALLERY": 3, "NIR": [[1, 2, 3]]}')

    with pytest.raises(AnnotationError, match="'RGB_GALLERY' should be a list, found the value 3"):
        build_index(root)


def test_captions_may_be_several_or_none(tmp_path):
    root = trees.orbench(tmp_path / "d")
    annos = json.loads((root / "train_annos.json").read_text())
    annos[0]["caption"] = ["One.", "Two."]
    annos[1]["caption"] = None
    del annos[2]["caption"]
    (root / "train_annos.json").write_text(json.dumps(annos))

    found = rows(build_index(root))

    assert [found[a["file_path"]]["captions"] for a in annos[:3]] == [["One.", "Two."], None, None]


def test_lists_with_windows_line_ends_blanks_backslashes_and_a_mark_are_read(tmp_path):
    root = trees.regdb(tmp_path / "d")
    plain = build_index(root).metadata.digest
    for file in (root / "idx").iterdir():
        text = file.read_text().replace("\n", " \r\n").replace("/", "\\")
        file.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n")

    report = build_index(root)

    assert not report.up_to_date
    assert report.metadata.digest == plain


def test_a_list_with_a_line_of_another_shape_names_the_line(tmp_path):
    root = trees.regdb(tmp_path / "d")
    with (root / "idx/train_visible_1.txt").open("a") as file:
        file.write("\njust-one-column\n")

    with pytest.raises(
        AnnotationError, match=r"train_visible_1.txt, line 5: expected 'path label', found 'just-one-column'"
    ):
        build_index(root)


def test_a_list_that_is_missing_is_told(tmp_path):
    root = trees.sysu(tmp_path / "d")
    (root / "exp/test_id.txt").unlink()

    report = build_index(root)

    assert [str(p) for p in report.problems if p.kind == "annotation-missing"] == [
        "exp/test_id.txt or exp/test_id.mat: not in the tree: the splits it tells are unknown"
    ]


def test_a_number_listed_twice_is_not_missing(tmp_path):
    root = trees.sysu(tmp_path / "d")
    (root / "exp/train_id.txt").write_text("1,1,2,99,")

    found = [p for p in build_index(root).problems if p.kind == "listed-missing"]

    assert [str(p) for p in found] == ["exp/train_id.txt: 1 of 4 listed identities are not in the tree (first: 99)"]


def test_an_empty_list_marks_nobody_and_is_no_error(tmp_path):
    root = trees.sysu(tmp_path / "d")
    (root / "exp/test_id.txt").write_text("\n")

    report = build_index(root)

    assert set(report.statistics.splits) == {"train", "val"}
    assert not problems(report)
