"""Whole datasets by their published names: what is indexed is what was written, and what the papers count.

Rests on public file lists that are not part of this repository; without them these tests are skipped.
"""

from __future__ import annotations

import re

import pytest

from indexer.build import build_index
from sampler_runtime import PKBatchSampler, open_index
from tests.effort import gate_only
from tests.trees import published, whole

LAYOUTS = {
    "market1501": "market1501",
    "sysu": "sysu-mm01",
    "regdb": "regdb",
    "orbench": "orbench",
    "orbench_prcv": "orbench-prcv2025",
    "rgbnt201": "rgbnt201",
    "veri": "veri-776",
    "pku_sketch": "pku-sketch",
    "llcm": "llcm",
    "msvr310": "msvr310",
    "prcc": "prcc",
    "ltcc": "ltcc",
    "hitsz_vcm": "hitsz-vcm",
}
LARGE = ("hitsz_vcm", "orbench", "orbench_prcv")
GROUPED = [
    pytest.param(name, marks=[pytest.mark.xdist_group(name), *([gate_only] if name in LARGE else [])])
    for name in LAYOUTS
]
"""All tests of one dataset run in one process: its tree is written once."""


def identities_and_samples(report, splits):
    return report.statistics.count(splits, "identities"), report.statistics.count(splits, "samples")


@pytest.mark.parametrize("name", GROUPED)
def test_counts_are_the_published_ones(name, shared_trees):
    report, _, written = whole(name, shared_trees)

    assert report.layout == LAYOUTS[name]
    # that tree asks with every infrared tracklet, the dataset with a few less
    assert not report.problems or name == "hitsz_vcm"
    assert {p.kind for p in report.problems} <= {"published"}
    assert not report.unmatched
    for split, counts in written["splits"].items():
        if split in report.statistics.splits and name != "market1501" and split != "query":
            facts = report.statistics.splits[split]
            images = sum(c.samples for m, c in facts.modalities.items() if m != "text")
            assert (facts.identities, images) == (counts["identities"], counts["images"]), split


@pytest.mark.xdist_group("market1501")
def test_market(shared_trees):
    report, _, _ = whole("market1501", shared_trees)
    facts = report.statistics.splits

    assert identities_and_samples(report, "train") == (751, 12_936)
    assert identities_and_samples(report, "query") == (750, 3_368)
    assert facts["gallery"].samples == 19_732
    assert facts["gallery"].roles == {"distractor": 2_798, "junk": 3_819}
    table = report.statistics.index.table(["path", "role"]).to_pylist()
    doubled = [r for r in table if r["path"].endswith(".jpg.jpg")]
    assert len(doubled) == 24


@pytest.mark.xdist_group("sysu")
def test_sysu(shared_trees):
    report, _, _ = whole("sysu", shared_trees)

    def count(what, splits):
        return report.statistics.count(splits, what)

    assert [count(w, "train+val") for w in ("identities", "rgb", "ir")] == [395, 22_258, 11_909]
    assert [count(w, "query+gallery") for w in ("identities", "rgb", "ir")] == [96, 6_775, 3_803]


@pytest.mark.xdist_group("regdb")
def test_regdb(shared_trees):
    report, _, _ = whole("regdb", shared_trees)

    assert report.metadata.identities == 412
    for trial in range(1, 11):
        train = report.statistics.splits[f"trial{trial}/train"]
        assert (train.identities, train.modalities["rgb"].samples, train.modalities["tir"].samples) == (
            206,
            2_060,
            2_060,
        )
        assert identities_and_samples(report, f"trial{trial}/query") == (206, 2_060)
        assert identities_and_samples(report, f"trial{trial}/gallery") == (206, 2_060)


@gate_only
@pytest.mark.xdist_group("orbench")
def test_orbench(shared_trees):
    report, _, _ = whole("orbench", shared_trees)
    train = report.statistics.splits["train"]

    assert train.identities == 600
    assert {m: c.samples for m, c in train.modalities.items()} == {
        "rgb": 27_063,
        "text": 27_063,
        "nir": 15_646,
        "sketch": 10_800,
        "cpencil": 10_800,
    }
    view = open_index(report.index).select(split="train")
    assert len(PKBatchSampler(view, 16, 4, "complete")) == 600 // 16


@pytest.mark.xdist_group("rgbnt201")
def test_rgbnt201(shared_trees):
    report, _, _ = whole("rgbnt201", shared_trees)
    aligned = report.statistics.index.table(["aligned"])["aligned"].to_pylist()

    assert report.metadata.samples == 4_787
    assert {len(partners) for partners in aligned} == {2}
    assert identities_and_samples(report, "train") == (171, 3_951)
    assert identities_and_samples(report, "query") == identities_and_samples(report, "gallery") == (30, 836)


def test_counts_that_differ_are_shown(tmp_path):
    root, _ = published("regdb", tmp_path)
    for file in (root / "Visible" / "7").iterdir():
        file.unlink()

    found = [p for p in build_index(root).problems if p.kind == "published"]

    assert [str(p) for p in found][-1] == "train+query+gallery: RegDB counts 4,120 rgb; found 4,110"


@pytest.mark.parametrize("name", GROUPED)
def test_droppings_and_top_folders_change_nothing(name, shared_trees):
    root, written = published(name, shared_trees, "--limit", "1500", "--junk")
    plain = build_index(root)
    (root / "reidindex.parquet").unlink()
    inside = root.with_name(root.name + "-in") / "archive"
    inside.parent.mkdir()
    root.rename(inside)

    deeper = build_index(inside.parent)

    # __MACOSX counts as one, whatever it holds; where there are two folders only, a third was littered twice
    assert sum(plain.droppings.values()) >= written["litter"] - 5
    assert not plain.unmatched
    assert plain.layout == deeper.layout == LAYOUTS[name]
    assert deeper.statistics.facts == plain.statistics.facts
    inside.rename(root)


# ----------------------------------------------------------------------------------------------- row by row

WORDS = {"thermal": "tir", "ti": "tir", "colorpencil": "cpencil"}
"""What the tool that writes the trees calls a modality, in our words; `ir` and `nir` are the same in both."""
SPLITS = {"test": {"query", "gallery", "test"}}
"""A test half may be told further: by folders, lists and modalities."""
CAMERA = {
    "market1501": r"/(?:-1|\d{4})_c(\d)s",
    "sysu": r"^cam(\d)/",
    "regdb": r"^(Visible|Thermal)/",
    "veri": r"_c(\d{3})_",
    "pku_sketch": r"^photo/\d+_(\d\d)_",
    "llcm": r"_c(\d\d)_s",
    "rgbnt201": r"_cam(\d)_",
    "prcc": r"(?:/test/([ABC])/|/([ABC])_cropped)",
    "ltcc": r"_c(\d+)_",
    "hitsz_vcm": r"/D(\d+)/",
    "orbench": r"_(?:cam(\d)|c(\d\d))_",
    "msvr310": r"_v(\d)_",
    "orbench_prcv": r"^train/.*_(?:cam(\d)|c(\d\d))_",
}


@pytest.mark.parametrize("name", GROUPED)
def test_every_row_is_what_was_written(name, shared_trees):
    report, entries, _ = whole(name, shared_trees)
    columns = ["path", "identity", "camera", "modality", "splits", "aligned"]
    names = report.metadata.splits
    found = {}
    for row in report.statistics.index.table(columns).to_pylist():
        if row["modality"] != "text":
            anchor = row["modality"].split("+")[0]
            for path, modality in [(row["path"], anchor), *((a["path"], a["modality"]) for a in row["aligned"] or ())]:
                found[path] = (row, modality)

    assert found.keys() == {e.path for e in entries}
    # of half a million frames every eighth: a suite should be quick
    for e in entries[:: 8 if len(entries) > 200_000 else 1]:
        row, modality = found[e.path]
        told = {s for i, s in enumerate(names) if row["splits"] >> i & 1 and "/" not in s}
        assert row["identity"] == (None if e.ident.startswith("?") else e.ident), e.path
        assert modality == WORDS.get(e.mod, e.mod), e.path
        if e.split not in ("all", "unlisted") and "pku" not in name and not (name == "prcc" and e.split == "test"):
            assert told & SPLITS.get(e.split, {e.split}), e.path
        elif e.split == "unlisted":
            assert not told, e.path
        if name in CAMERA:
            camera = re.search(CAMERA[name], e.path)
            expected = next(filter(None, camera.groups()), None) if camera else None
            assert row["camera"] == expected or row["camera"].lstrip("0") == expected.lstrip("0"), e.path
        else:
            assert row["camera"] is None, e.path
