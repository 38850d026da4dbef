"""An index as files that other tools read: round trips, what cannot be carried, and those tools themselves."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import sys
import types
from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from indexer.build import build_index
from indexer.export import coco
from indexer.export.chosen import Chosen
from indexer.export.manifest import SHARED_FILE, manifest
from indexer.export.tables import export_csv, export_jsonl
from indexer.export.torchreid import LISTS, export_torchreid
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from tests import trees
from tests.effort import examples
from tests.populations import Sample, index_of, populations

TABLES = {"csv": export_csv, "jsonl": export_jsonl}


def whole(index):
    return Chosen.of(index, None)


def built_again(index, form, folder):
    """The index that a build makes of an exported table, believing it."""
    file = folder / f"table.{form}"
    file.write_bytes(b"".join(TABLES[form](whole(index), all_columns=False).files[""]))
    report = build_index(folder, folder / "again.parquet", layout=str(file), trust=True, force=True)
    return IndexFile(report.index)


# ---------------------------------------------------------------------------------------------- tables


@examples(20)
@given(populations(max_identities=10, splits=True), st.sampled_from(sorted(TABLES)))
def test_a_table_is_built_again_to_the_same_index(tmp_path_factory, population, form):
    index = index_of(population).file

    again = built_again(index, form, tmp_path_factory.mktemp("again"))

    assert again.metadata.digest == index.metadata.digest


LABELS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\x85"), min_size=1, max_size=8
)


@examples(20)
@given(st.lists(LABELS, min_size=1, max_size=6), st.sampled_from(sorted(TABLES)))
def test_labels_come_back_as_they_are_also_where_they_look_like_formulas(tmp_path_factory, labels, form):
    population = [Sample(label, ("rgb",), camera=label) for label in ['=1+1,"x"', "0001", "null", *labels]]
    index = index_of(population).file

    again = built_again(index, form, tmp_path_factory.mktemp("labels"))

    assert again.table(["identity", "camera"]).to_pylist() == index.table(["identity", "camera"]).to_pylist()


@pytest.mark.parametrize("form", TABLES)
def test_every_tree_is_built_again_from_its_table(any_tree, form, tmp_path):
    """Names and protocols, aligned sets, distractors, views: of every layout. Documents' sentences have no row."""
    _, root = any_tree
    index = IndexFile(build_index(root).index)
    kept = manifest(whole(index))

    again = built_again(index, form, tmp_path)

    told = ["path", "aligned", "captions", "identity", "role", "modality", "camera", "split", "view", "frame"]
    shared = kept.left_out.get(SHARED_FILE, 0)
    assert shared == index.num_rows - again.num_rows
    rows = index.table(told).to_pylist()
    times = Counter(row["path"] for row in rows)
    alone = [row for row in rows if times[row["path"]] == 1]
    assert again.table(told).to_pylist() == alone
    # sets of queries, and a split that nobody is in, are what no table can say
    sayable = not index.metadata.query_sets and index.metadata.splits == again.metadata.splits
    assert (again.metadata.digest == index.metadata.digest) == sayable


def test_people_who_share_a_label_stay_two(tmp_path):
    """MSMT17 counts its people again from 0 in its test part."""
    layout = tmp_path / "scoped.toml"
    layout.write_text("""
        modalities = ["rgb"]
        [[rule]]
        match = '(?P<scope>\\w+)/(?P<identity>\\d+)/(?P<frame>\\d+)\\.jpg'
        modality = "rgb"
        split = "train"
    """)
    data = trees.write(
        tmp_path / "data", [f"{part}/{i}/{n}.jpg" for part in ("a", "b") for i in (2, 10) for n in (1, 2)]
    )
    index = IndexFile(build_index(data, layout=str(layout)).index)
    assert index.metadata.identities == 4

    for form in TABLES:
        again = built_again(index, form, tmp_path)
        assert again.metadata.digest == index.metadata.digest


def test_protocols_are_carried_by_their_splits(tmp_path):
    root = trees.regdb(tmp_path / "data")
    index = IndexFile(build_index(root).index)

    again = built_again(index, "csv", tmp_path)

    assert again.metadata.splits == index.metadata.splits
    assert again.metadata.digest == index.metadata.digest


def test_several_captions_need_json_lines(tmp_path, run):
    (tmp_path / "m.jsonl").write_text('{"path": "a.jpg", "identity": "1", "caption": ["one", "two\\nlines"]}\n')
    data = trees.write(tmp_path / "data", ["a.jpg"])
    index = IndexFile(build_index(data, layout=str(tmp_path / "m.jsonl")).index)

    assert built_again(index, "jsonl", tmp_path).metadata.digest == index.metadata.digest
    done = run("export", data, "--to", "csv", "-o", tmp_path / "out.csv")
    assert "samples with several captions: 1" in done.stderr
    row = next(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert json.loads(row["caption"]) == ["one", "two\nlines"]


def test_samples_without_a_file_of_their_own_are_left_out_and_counted(tmp_path, run, run_json):
    root = trees.orbench(tmp_path / "data")
    file = root / "test_gallery_and_queries.json"
    document = json.loads(file.read_text())
    document["TEXT"] += [[601, "Another sentence."]]
    file.write_text(json.dumps(document))
    build_index(root)

    told = run_json("export", root, "--to", "csv", "-o", tmp_path / "a.csv")

    assert list(told["left_out"].values()) == [2]
    assert told["samples"] == 27
    assert told["files"] == [{"path": str(tmp_path / "a.csv"), "bytes": (tmp_path / "a.csv").stat().st_size}]
    shown = run("export", root, "--to", "csv", "-o", tmp_path / "b.csv")
    assert "! left out 2 samples: several in one file" in shown.stderr
    assert "27 samples of all" in shown.stdout


def test_all_columns_are_every_column_in_words(tmp_path, run):
    root = trees.rgbnt201(tmp_path / "data")
    build_index(root)

    done = run("export", root, "--to", "csv", "--all-columns", "-o", "-", "--split", "query")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    lines = run("export", root, "--to", "jsonl", "--all-columns", "-o", "-", "--split", "query").stdout.splitlines()

    assert len(rows) == len(lines) == 4
    assert rows[0]["splits"] == "query+gallery"
    assert rows[0]["tracklet"] == ""
    assert [p["modality"] for p in json.loads(rows[0]["aligned"])] == ["nir", "tir"]
    assert json.loads(lines[0])["aligned"] == json.loads(rows[0]["aligned"])
    assert {*IndexFile(root / "reidindex.parquet").table(["path"]).column_names} < {*rows[0]}
    assert done.stderr.splitlines() == ["  4 samples of query"]


def test_stdout_and_a_file_hold_the_same(tmp_path, run):
    root = trees.market(tmp_path / "é data")
    build_index(root)
    (root / "reidindex.parquet").rename(tmp_path / "é.parquet")

    piped = run("export", tmp_path / "é.parquet", "--to", "csv", "-q", "-o", "-")
    run("export", tmp_path / "é.parquet", "--to", "csv", "-q", "-o", tmp_path / "a.csv")

    assert piped.stdout.encode() == (tmp_path / "a.csv").read_bytes()
    assert piped.stderr == ""


def test_by_default_it_is_in_the_current_folder_under_the_datasets_name(tmp_path, run, monkeypatch):
    root = trees.market(tmp_path / "market data")
    build_index(root)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for form in ("csv", "jsonl", "croissant", "torchreid"):
        assert run("export", root, "--to", form).returncode == 0

    assert sorted(p.name for p in Path().iterdir()) == [
        "market data-torchreid", "market data.croissant.json", "market data.csv", "market data.jsonl",
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------- whose file it is


@pytest.fixture
def market(tmp_path):
    root = trees.market(tmp_path / "data")
    build_index(root)
    return root


@pytest.mark.parametrize(
    ("form", "name", "again"),
    [
        ("csv", "x", 1),
        ("jsonl", "x", 1),
        ("croissant", "x", 0),
        ("hf", "metadata.parquet", 0),
        ("torchreid", "train.txt", 0),
    ],
)
def test_nothing_of_anybodys_is_replaced(market, run, tmp_path, form, name, again):
    """A file of ours is, but for tables: somebody may have corrected one."""
    folder = market if form == "hf" else tmp_path / "out"
    folder.mkdir(exist_ok=True)
    out = folder if form in ("hf", "torchreid") else folder / name
    (folder / name).write_bytes(b"mine")

    refused = run("export", market, "--to", form, "-o", out)
    assert refused.returncode == 1
    assert f"{folder / name}: exists and " in refused.stderr
    assert "or --force to replace it" in refused.stderr
    assert (folder / name).read_bytes() == b"mine"
    assert run("export", market, "--to", form, "-o", out, "--force").returncode == 0
    assert (folder / name).read_bytes() != b"mine"
    assert run("export", market, "--to", form, "-o", out).returncode == again
    assert not [p for p in folder.iterdir() if p.name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["{data}", "--to", "cvs"], 2, "no format 'cvs'; did you mean 'csv'?"),
        (["{data}"], 2, "Missing option"),
        (["nowhere", "--to", "csv"], 1, "no such file or folder"),
        (["{data}", "--to", "csv", "--split", "trian"], 2, "did you mean 'train'?"),
        (["{data}", "--to", "csv", "--protocol", "trial3"], 2, "no protocol 'trial3'"),
        (["{data}", "--to", "coco", "--all-columns"], 2, "goes with --to csv and --to jsonl"),
        (["{data}", "--to", "hf", "-o", "-"], 2, "in a folder; name one"),
        (["{data}", "--to", "csv", "-o", "-", "--json"], 2, "both write to stdout"),
        (["{data}", "--to", "csv", "-o", "{data}/no/x.csv"], 1, "does not exist; make it first"),
        (["{data}", "--to", "torchreid", "-o", "{data}/no/x"], 1, "the folder it should lie in does not exist"),
        (
            ["{data}", "--to", "hf", "-o", "{data}/query"],
            1,
            "the images must lie below the folder of their metadata.parquet",
        ),
        (["{data}", "--to", "croissant", "--split", "train"], 2, "describes the whole index"),
        (["{data}", "--to", "torchreid", "--split", "vla"], 2, "this index has no split 'vla'"),
        (["{data}", "--to", "coco", "-o", "x.json"], 2, "none of the 17 samples is an image that can be read"),
    ],
)
def test_what_cannot_be_is_one_clear_line(market, run, words, code, message):
    before = sorted(market.rglob("*"))
    done = run("export", *(w.format(data=market) for w in words))

    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert done.stdout == ""
    assert sorted(market.rglob("*")) == before


def test_an_empty_split_is_said_to_be_empty(tmp_path, run):
    one = index_of([Sample("a", ("rgb",))]).file
    full = pq.read_table(one.path).drop_columns(["path_end"])
    write_index(full, replace(one.metadata, splits=("train", "extra")), tmp_path / "x.parquet")

    done = run("export", tmp_path / "x.parquet", "--to", "csv", "--split", "extra", "-o", tmp_path / "x.csv")

    assert done.returncode == 2
    assert "is in extra; there is nothing to export" in done.stderr


# ---------------------------------------------------------------------------------------------- the tools themselves


def size_of(file):
    with Image.open(file) as image:
        return image.size


@pytest.fixture
def pictures(tmp_path):
    """A tree of real, tiny pictures, in folders named as Market-1501's."""
    names = ["bounding_box_train/0002_c1s1_000001_00.jpg", "bounding_box_train/0002_c2s1_000002_00.jpg",
             "bounding_box_train/0007_c1s1_000003_00.jpg", "query/0001_c1s1_000004_00.jpg",
             "bounding_box_test/0001_c2s1_000005_00.jpg", "bounding_box_test/0000_c2s1_000006_00.jpg",
             "bounding_box_test/-1_c2s1_000007_00.jpg"]  # fmt: skip
    root = trees.write(tmp_path / "pictures", names)
    for number, name in enumerate(names):
        Image.new("RGB", (8 + number, 16)).save(root / name)
    build_index(root)
    return root


@pytest.fixture
def aligned_pictures(tmp_path):
    root = trees.rgbnt201(tmp_path / "aligned")
    for number, file in enumerate(sorted(root.rglob("*.jpg"))):
        Image.new("RGB", (8 + number, 16)).save(file)
    build_index(root)
    return root


@pytest.fixture
def load_dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets", reason="reads --to hf: pip install datasets")
    datasets.disable_progress_bars()

    def load(file, **options):
        return datasets.load_dataset(
            "imagefolder", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache"), **options
        )

    return load


@pytest.mark.filterwarnings("ignore")
def test_hugging_face_reads_images_and_columns(pictures, run, load_dataset):
    """Though the folders are called train and test, which their loader takes for splits."""
    done = run("export", pictures, "--to", "hf")
    found = load_dataset(pictures / "metadata.parquet")
    index = IndexFile(pictures / "reidindex.parquet")

    assert 'load_dataset("imagefolder", data_files="' in done.stderr
    assert found["identity"] == index.table(["identity"])["identity"].to_pylist()
    assert found["pid"] == index.table(["pid"])["pid"].to_pylist()
    widths = {name: size_of(pictures / name)[0] for name in index.table(["path"])["path"].to_pylist()}
    assert [image.width for image in found["image"]] == list(widths.values())
    assert set(found["split"]) == {"train", "query", "gallery"}
    queries = load_dataset(pictures / "metadata.parquet", filters=[("split", "==", "query")])
    assert queries["identity"] == ["0001"]


@pytest.mark.filterwarnings("ignore")
def test_hugging_face_reads_the_partners_of_aligned_sets(aligned_pictures, run, load_dataset):
    assert run("export", aligned_pictures, "--to", "hf", "--split", "train").returncode == 0
    row = load_dataset(aligned_pictures / "metadata.parquet")[0]

    found = pq.read_table(aligned_pictures / "metadata.parquet").to_pylist()[0]
    assert {"nir_file_name", "tir_file_name"} < {*found}
    for column, name in (("image", "file_name"), ("nir", "nir_file_name"), ("tir", "tir_file_name")):
        assert row[column].size == size_of(aligned_pictures / found[name])


def test_metadata_may_lie_above_the_dataset_and_text_is_left_out(tmp_path, run):
    root = trees.orbench(tmp_path / "up" / "data")
    build_index(root)

    done = run("export", root, "--to", "hf", "-o", tmp_path / "up")
    names = pq.read_table(tmp_path / "up" / "metadata.parquet")["file_name"].to_pylist()

    assert "! left out 1 sample: no image (text)" in done.stderr
    assert len(names) == 27
    assert all((tmp_path / "up" / name).is_file() for name in names)


def test_metadata_of_another_form_is_not_joined(market, run):
    (market / "metadata.csv").write_text("file_name\n")

    done = run("export", market, "--to", "hf")

    assert done.returncode == 1
    assert "metadata of imagefolder already, and it takes one form only" in done.stderr


@pytest.mark.filterwarnings("ignore")
def test_croissant_is_valid_and_streams_the_samples(tmp_path, run):
    mlcroissant = pytest.importorskip("mlcroissant", reason="reads --to croissant: pip install mlcroissant")
    root = trees.orbench(tmp_path / "data")
    build_index(root)
    (tmp_path / "elsewhere").mkdir()

    for folder in (root, tmp_path / "elsewhere"):
        assert run("export", root, "--to", "croissant", "-o", folder / "c.json").returncode == 0
        dataset = mlcroissant.Dataset(jsonld=str(folder / "c.json"))
        records = list(dataset.records("samples"))
        index = IndexFile(root / "reidindex.parquet").table(["path", "pid", "captions"]).to_pylist()
        assert not dataset.metadata.issues.errors
        assert [r["samples/path"].decode() for r in records] == [row["path"] for row in index]
        assert [r["samples/pid"] for r in records] == [row["pid"] for row in index]
        told = [[c.decode() for c in r["samples/captions"]] for r in records if r["samples/captions"] is not None]
        assert told == [row["captions"] for row in index if row["captions"]]


def test_croissant_tells_what_the_layout_knows_and_invents_nothing(market, run, tmp_path):
    assert run("export", market, "--to", "croissant", "-o", tmp_path / "c.json").returncode == 0
    document = json.loads((tmp_path / "c.json").read_text())

    assert document["name"] == "market1501"
    assert document["alternateName"] == "Market-1501"
    assert document["url"].startswith("https://zheng-lab-anu.github.io/")
    assert "ICCV 2015" in document["citeAs"]
    assert not {"license", "creator", "version", "datePublished"} & {*document}
    fields = [field["name"] for field in document["recordSet"][0]["field"]]
    assert "path" in fields
    assert "content_hash" not in fields


def check_coco(document):
    """What every reader of COCO relies on."""
    images = {image["id"]: image for image in document["images"]}
    categories = {one["id"] for one in document["categories"]}
    assert len(images) == len(document["images"])
    assert len({a["id"] for a in document["annotations"]}) == len(document["annotations"])
    for annotation in document["annotations"]:
        image = images[annotation["image_id"]]
        x, y, width, height = annotation["bbox"]
        assert annotation["category_id"] in categories
        assert annotation["area"] == width * height > 0
        assert annotation["iscrowd"] == 0
        assert x < image["width"]
        assert y < image["height"]
    assert {"info", "licenses"} < {*document}


def test_coco_has_an_image_a_file_and_an_annotation_a_sample(pictures, run, tmp_path):
    (pictures / "query/0001_c1s1_000004_00.jpg").write_bytes(b"no picture")

    done = run("export", pictures, "--to", "coco", "-o", tmp_path / "c.json")
    document = json.loads((tmp_path / "c.json").read_text())

    check_coco(document)
    assert document["categories"] == [{"id": 1, "name": "person", "supercategory": "person"}]
    assert len(document["images"]) == len(document["annotations"]) == 6
    assert "! left out 1 sample: image not readable" in done.stderr
    for image in document["images"]:
        assert (image["width"], image["height"]) == size_of(pictures / image["file_name"])
    first = document["annotations"][0]["attributes"]
    assert first == {"identity": "0002", "pid": 0, "camera": "1", "camid": 0, "modality": "rgb", "split": "train", "role": None, "sample": 0}  # fmt: skip
    assert run("export", pictures, "--to", "coco", "-o", tmp_path / "c.json").returncode == 0  # plainly ours


def test_coco_takes_sizes_from_a_probed_index_and_opens_nothing(pictures, tmp_path, monkeypatch):
    index = IndexFile(build_index(pictures, tmp_path / "probed.parquet", probe=True).index)
    for file in pictures.rglob("*.jpg"):
        file.unlink()
    monkeypatch.setattr(coco, "header_size", lambda file: pytest.fail(f"{file} was opened"))

    made = coco.export_coco(whole(index), lambda what, count: None)
    document = json.loads(b"".join(made.files[""]))

    check_coco(document)
    assert sorted(image["width"] for image in document["images"]) == list(range(8, 15))


def test_coco_of_aligned_sets_has_every_file(aligned_pictures, tmp_path):
    index = IndexFile(aligned_pictures / "reidindex.parquet")
    made = coco.export_coco(Chosen.of(index, "train"), lambda what, count: None)
    document = json.loads(b"".join(made.files[""]))

    check_coco(document)
    assert made.samples == 8
    assert len(document["images"]) == 24
    of_one = [a["attributes"] for a in document["annotations"] if a["attributes"]["sample"] == 0]
    assert [a["modality"] for a in of_one] == ["rgb", "nir", "tir"]
    assert len({a["pid"] for a in of_one}) == 1


def test_coco_boxes_are_parts_of_their_picture(tmp_path):
    one = index_of([Sample("a", ("rgb",)), Sample("a", ("rgb",))]).file
    table = pq.read_table(one.path).drop_columns(["path_end"])
    boxes = pa.array([[1, 2, 3, 4], None], pa.list_(pa.int32()))
    write_index(table.append_column("box", boxes), one.metadata, tmp_path / "x.parquet")

    made = coco.export_coco(whole(IndexFile(tmp_path / "x.parquet")), lambda what, count: None, lambda file: (10, 20))
    document = json.loads(b"".join(made.files[""]))

    check_coco(document)
    assert [a["bbox"] for a in document["annotations"]] == [[1, 2, 3, 4], [0, 0, 10, 20]]


@pytest.mark.parametrize(("layout", "category"), [("veri-776", "vehicle"), ("rgbnt100", "vehicle"), ("hyenaid2022", "animal"), ("sysu-mm01", "person"), ("folders", "object"), ("mine.csv", "object")])  # fmt: skip
def test_a_coco_category_is_what_the_dataset_shows(layout, category):
    metadata = replace(index_of([Sample("a", ("rgb",))]).metadata, layout=layout)

    assert coco.category(metadata) == category


# ---------------------------------------------------------------------------------------------- torchreid, fast-reid


def loaded(folder):
    """The module that lies beside the lists, as `import reid_dataset` gives it."""
    spec = importlib.util.spec_from_file_location("reid_dataset", folder / "reid_dataset.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_torchreids_lists_hold_what_its_own_loader_would_find(pictures, run, tmp_path):
    """Junk is passed over, a distractor stays in the gallery, pids of train are class numbers."""
    done = run("export", pictures, "--to", "torchreid", "-o", tmp_path / "lists")
    lists = {part: loaded(tmp_path / "lists").read(part) for part in ("train", "query", "gallery")}

    assert "! left out 1 sample: junk, which torchreid passes over too" in done.stderr
    assert [(Path(p).name[:4], pid, camid) for p, pid, camid in lists["train"]] == [
        ("0002", 0, 0),
        ("0002", 0, 1),
        ("0007", 1, 0),
    ]
    assert [(Path(p).name[:4], pid, camid) for p, pid, camid in lists["query"]] == [("0001", 2, 0)]
    assert [(Path(p).name[:4], pid, camid) for p, pid, camid in lists["gallery"]] == [("0000", -1, 1), ("0001", 2, 1)]
    assert all(Path(path).is_file() for items in lists.values() for path, _, _ in items)
    assert (tmp_path / "lists/query.txt").read_text() == "query/0001_c1s1_000004_00.jpg\t2\t0\n"


@examples(20)
@given(populations(max_identities=10))
def test_the_lists_are_what_a_plain_loop_would_write(tmp_path_factory, population):
    """Two of three people train, the others are queries and gallery by turns."""
    tested = [("query", "gallery")[i % 2] for i in range(len(population))]
    index = index_of([
        replace(s, split=tested[i]) if s.role is None and int(s.identity) % 3 == 0 else s for i, s in enumerate(population)
    ]).file  # fmt: skip
    rows = index.table(["path", "pid", "camid", "role", "split"]).to_pylist()
    expected = {
        part: [r for r in rows if r["split"] == part and (r["pid"] >= 0 or part == "gallery")] for part in LISTS
    }
    assume(all(expected.values()))
    classes = sorted({r["pid"] for r in expected["train"]})

    made = export_torchreid({part: Chosen.of(index, part) for part in LISTS}, tmp_path_factory.mktemp("lists"), "x")

    for part in LISTS:
        pids = [classes.index(r["pid"]) if part == "train" else r["pid"] for r in expected[part]]
        lines = [f"{r['path']}\t{pid}\t{r['camid']}\n" for r, pid in zip(expected[part], pids, strict=True)]
        assert b"".join(made.files[f"{part}.txt"]).decode() == "".join(lines)


def test_the_lists_follow_a_protocol_and_a_choice_of_what_is_trained_on(tmp_path, run):
    regdb, sysu = trees.regdb(tmp_path / "regdb"), trees.sysu(tmp_path / "sysu")
    for root in (regdb, sysu):
        build_index(root)
    run("export", regdb, "--to", "torchreid", "--protocol", "trial3", "-o", tmp_path / "a")
    run("export", sysu, "--to", "torchreid", "--split", "train+val", "-o", tmp_path / "b")

    index = IndexFile(regdb / "reidindex.parquet")
    expected = Chosen.of(index, "trial3/train").column("path").to_pylist()
    assert [line.split("\t")[0] for line in (tmp_path / "a/train.txt").read_text().splitlines()] == expected
    found = [pid for _, pid, _ in loaded(tmp_path / "a").read("train")]
    assert sorted(set(found)) == [0, 1]
    assert sorted({pid for _, pid, _ in loaded(tmp_path / "b").read("train")}) == [0, 1, 2]


def test_cameras_that_nobody_told_are_never_the_same(tmp_path, run):
    """torchreid drops gallery images of the query's person and camera: with -1 on both sides no match would be left."""
    root = trees.orbench(tmp_path / "data")
    manifest_ = tmp_path / "m.csv"
    manifest_.write_text("path,identity,split\n" + "".join(f"{n}.jpg,{i},{s}\n" for n, i, s in (("a", 1, "train"), ("b", 2, "query"), ("c", 2, "gallery"))))  # fmt: skip
    build_index(root, layout=str(manifest_), trust=True)

    done = run("export", root, "--to", "torchreid", "-o", tmp_path / "lists")
    lists = {part: loaded(tmp_path / "lists").read(part) for part in ("query", "gallery")}

    assert "people with queries and gallery images of no known camera: 1" in done.stderr
    assert lists["query"][0][1:] == (1, -1)
    assert lists["gallery"][0][1:] == (1, -2)


def test_an_empty_list_is_refused_because_torchreid_fails_over_it(tmp_path, run):
    path = index_of([Sample("a", ("rgb",), split=s) for s in ("train", "query")] + [Sample("a", ("rgb",), split="gallery", role="junk")]).path  # fmt: skip

    done = run("export", path, "--to", "torchreid", "-o", tmp_path / "lists")

    assert done.returncode == 2
    assert "gallery would be empty: none of its 1 samples can be in a list (1 junk, which" in done.stderr
    assert not (tmp_path / "lists").exists()


class _ImageDataset:
    """What torchreid's and fast-reid's base classes do with the tuples, as far as a subclass meets it."""

    def __init__(self, train, query, gallery, mode="train", **kwargs):
        assert all(len(items[0]) == 3 for items in (train, query, gallery))
        self.train, self.query, self.gallery, self.settings = train, query, gallery, kwargs


def test_the_class_registers_with_whichever_is_installed(pictures, run, tmp_path, monkeypatch):
    run("export", pictures, "--to", "torchreid", "-o", tmp_path / "lists")
    known = {}
    theirs, fast, bases = (types.ModuleType(n) for n in ("torchreid.reid.data", "fastreid.data.datasets", "fastreid.data.datasets.bases"))  # fmt: skip
    theirs.ImageDataset = bases.ImageDataset = _ImageDataset
    theirs.register_image_dataset = known.__setitem__
    fast.DATASET_REGISTRY = types.SimpleNamespace(register=lambda cls: known.setdefault(cls.__name__ + " (fast)", cls))
    for module in (theirs, fast, bases):
        parts = module.__name__.split(".")
        for i in range(1, len(parts)):
            if ".".join(parts[:i]) not in sys.modules:
                monkeypatch.setitem(sys.modules, ".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
        monkeypatch.setitem(sys.modules, module.__name__, module)

    assert len(loaded(tmp_path / "lists").REGISTERED) == 2
    assert set(known) == {"reidindex_pictures", "reidindex_pictures (fast)"}
    made = known["reidindex_pictures"](root="reid-data", mode="train", combineall=False)
    assert [item[1] for item in made.train] == [0, 0, 1]
    # fast-reid numbers the people of several datasets together, by name
    assert known["reidindex_pictures (fast)"](root="datasets").train[0][1:] == (
        "reidindex_pictures_0",
        "reidindex_pictures_0",
    )


def test_torchreid_itself_takes_the_lists(pictures, run, tmp_path, monkeypatch):
    if find_spec("torchreid") is None:
        pytest.skip("torchreid is not installed: `make bench` installs it")
    # its own __init__ wants far more than its datasets do
    for name in ("torchreid", "torchreid.reid", "torchreid.reid.data", "torchreid.reid.data.datasets", "torchreid.reid.utils"):  # fmt: skip
        spec, module = find_spec(name), types.ModuleType(name)
        module.__path__ = spec.submodule_search_locations
        monkeypatch.setitem(sys.modules, name, module)
    dataset = pytest.importorskip("torchreid.reid.data.datasets.dataset", reason="`make bench` installs torchreid", exc_type=ImportError)  # fmt: skip
    sampler = pytest.importorskip("torchreid.reid.data.sampler", reason="`make bench` installs torchreid", exc_type=ImportError)  # fmt: skip
    run("export", pictures, "--to", "torchreid", "-o", tmp_path / "lists")
    lists = loaded(tmp_path / "lists")

    made = dataset.ImageDataset(*(lists.read(part) for part in ("train", "query", "gallery")), verbose=False)

    assert made.num_train_pids == 2
    assert made[0]["img"].size == (8, 16)
    rows = list(sampler.RandomIdentitySampler(made.train, 4, 2))
    assert [len({made.train[row][1] for row in rows[i : i + 2]}) for i in range(0, len(rows), 2)] == [1, 1]


def test_where_nothing_can_be_written_the_error_says_so(market, run, tmp_path):
    if os.geteuid() == 0:
        place = Path("/proc/reidindex.csv")  # even root writes nothing there
        if not place.parent.is_dir():
            pytest.skip("runs as root, who may write anywhere")
    else:
        (tmp_path / "locked").mkdir(mode=0o500)
        place = tmp_path / "locked" / "x.csv"

    done = run("export", market, "--to", "csv", "-o", place)

    assert done.returncode == 1
    assert "cannot be written there" in done.stderr
    assert "Traceback" not in done.stderr


def test_rows_of_a_selection_are_those_of_its_splits():
    index = index_of([Sample(str(i), ("rgb",), split=s) for i, s in enumerate(["train", "val", None, "train"])]).file

    assert len(Chosen.of(index, None)) == 4
    assert np.array_equal(Chosen.of(index, "train+val").rows, [0, 1, 2])


def test_the_json_is_as_its_schema_says(pictures, run_json, tmp_path):
    jsonschema = pytest.importorskip("jsonschema", reason="checks the schemas of docs/schemas: pip install jsonschema")
    schema = json.loads((Path(__file__).parents[1] / "docs/schemas/export.json").read_text())

    for form in schema["properties"]["to"]["enum"]:
        place = pictures if form == "hf" else tmp_path / form
        told = run_json("export", pictures, "--to", form, "-o", place)
        jsonschema.validate(told, schema)
        assert [file["bytes"] for file in told["files"]] == [
            Path(file["path"]).stat().st_size for file in told["files"]
        ]
