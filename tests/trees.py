"""Small dataset trees, written from each dataset's grammar. The files are empty: nothing ever opens a sample."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.account import BuildReport
from indexer.build import build_index
from indexer.scan.listing import Listing

SHARED = Path(__file__).parents[2] / "shared"


def write(root: Path, names: Iterable[str], content: bytes = b"") -> Path:
    """Files below `root`, folders made as needed."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return root


def market(root: Path) -> Path:
    return write(
        root,
        [
            *(f"bounding_box_train/{i:04d}_c{c}s1_{i:06d}_00.jpg" for i in (2, 7, 10, 11) for c in (1, 2, 3)),
            "query/0001_c1s1_001051_00.jpg",
            "query/1488_c1s6_023021_00.jpg.jpg",
            "bounding_box_test/0001_c2s1_001051_01.jpg",
            "bounding_box_test/0000_c1s1_000151_01.jpg",
            "bounding_box_test/-1_c1s1_000401_03.jpg",
            "gt_bbox/0001_c1s1_001051_00.jpg",
            "readme.txt",
        ],
    )


def sysu(root: Path) -> Path:
    """Identities 1, 2 train, 3 val, 4 test, 5 in no list; 2 has no infrared."""
    cameras = {1: "123", 2: "12", 3: "16", 4: "1436", 5: "4"}
    write(root, [f"cam{c}/{i:04d}/{n:04d}.jpg" for i, cs in cameras.items() for c in cs for n in (1, 2)])
    for name, ids in (("train", "1,2"), ("val", "3"), ("test", "4"), ("available", "1,2,3,4")):
        write(root, [f"exp/{name}_id.txt"], ids.encode())
    return write(root, ["exp/train_id.mat"])


def regdb(root: Path, identities: int = 4) -> Path:
    """Half of the identities train in a trial; the labels in the lists count from 0 on both sides."""
    paths = {
        modality: {
            i: [f"{modality}/{i}/male_front_{modality[0].lower()}_{n:05d}_{i}.bmp" for n in (11, 22)]
            for i in range(1, identities + 1)
        }
        for modality in ("Visible", "Thermal")
    }
    write(root, [p for by_id in paths.values() for ps in by_id.values() for p in ps])
    for trial in range(1, 11):
        train = [(i + trial) % identities + 1 for i in range(identities // 2)]
        for modality, by_id in paths.items():
            for part, chosen in (("train", train), ("test", [i for i in by_id if i not in train])):
                lines = [f"{p} {label}" for label, i in enumerate(chosen) for p in by_id[i]]
                write(root, [f"idx/{part}_{modality.lower()}_{trial}.txt"], "\n".join(lines).encode())
    return root


def rgbnt201(root: Path) -> Path:
    names = {"train_171": ("000001", "000002"), "test": ("000258",)}
    return write(
        root,
        [
            f"{part}/{modality}/{i}_cam{c}_0_0{n}.jpg"
            for part, ids in names.items()
            for i in ids
            for c in (1, 2)
            for n in (0, 1)
            for modality in ("RGB", "NI", "TI")
        ],
    )


def orbench(root: Path) -> Path:
    """Folder 3 and 8 train, 5 test. The numbers in the JSON are not the folders'."""
    names = []
    for i, source in ((3, "llcm"), (8, "sysu"), (5, "sysu")):
        photo = "cam{}_000{}" if source == "sysu" else "c0{}_s184251_f3199{}"
        names += [f"vis/{i:04d}/{i:04d}_{source}_0{i}00_{photo.format(c, 7)}_vis.jpg" for c in (1, 2)]
        names += [f"nir/{i:04d}/{i:04d}_{source}_0{i}00_{photo.format(3, 7)}_nir.jpg"]
        names += [f"sk/{i:04d}/{i:04d}_{source}_0{i}00_{v}_1_sketch.jpg" for v in ("front", "back", "side")]
        names += [f"cp/{i:04d}/{i:04d}_{source}_0{i}00_{v}_1_colorpencil.jpg" for v in ("front", "back", "side")]
    write(root, names)
    vis = [n for n in names if n.startswith("vis/")]
    train = [
        {"id": 1 + (n[4:8] == "0008"), "file_path": n, "caption": f"A person, {n[4:8]}."}
        for n in vis
        if "0005" not in n
    ]
    write(root, ["train_annos.json"], json.dumps(train).encode())
    test = {
        "RGB_GALLERY": [[601, n] for n in vis if "/0005/" in n],
        **{
            key: [[601, n] for n in names if n.startswith(f"{folder}/0005/")]
            for key, folder in (("NIR", "nir"), ("CP", "cp"), ("SK", "sk"))
        },
        "TEXT": [[601, "A person, 0005."]],
    }
    return write(root, ["test_gallery_and_queries.json"], json.dumps(test).encode())


def folders(root: Path, identities: int = 9) -> Path:
    return write(root, [f"{m}/person {i}/{n}.PNG" for m in ("vis", "thermal") for i in range(identities) for n in "ab"])


ALL = {
    "market1501": market,
    "sysu-mm01": sysu,
    "regdb": regdb,
    "rgbnt201": rgbnt201,
    "orbench": orbench,
    "folders": folders,
}
"""Layout → what writes a small tree of it."""


@cache
def published(name: str, parent: Path, *options: str) -> tuple[Path, dict[str, object]]:
    """A tree with a dataset's published names, if the lists are at hand, and what was written."""
    tool = SHARED / "tools" / "make_tree.py"
    if not tool.exists():
        pytest.skip(f"{tool} is not there: the published file lists are not part of this repository")
    root = parent / "-".join([name, *options]).replace("--", "")
    command = [sys.executable, os.fspath(tool), name, os.fspath(SHARED / "lists"), os.fspath(root), "--quiet", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return root, json.loads(done.stdout.splitlines()[-1])


@cache
def whole(name: str, parent: Path) -> tuple[BuildReport, list[Any], dict[str, Any]]:
    """The index of a whole dataset's published names, what the tool says of every file, and its summary.

    Only the dataset's lists are files; the images are names in a listing. No build opens one, and half a million files
    are not written for it.
    """
    file = SHARED / "tools" / "make_tree.py"
    if not file.exists():
        pytest.skip(f"{file} is not there: the published file lists are not part of this repository")
    spec = importlib.util.spec_from_file_location("make_tree", file)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    sys.modules["make_tree"] = tool
    spec.loader.exec_module(tool)
    entries, finish = tool.DATASETS[name][2](SHARED / "lists")
    root = parent / f"{name}-whole"
    root.mkdir()
    if finish is not None:
        finish(root, entries)
    lists = [p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()]
    paths = sorted([*lists, *(e.path for e in entries)])
    listing = Listing(root, paths, np.zeros(len(paths), np.int64), np.zeros(len(paths), np.int64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.order.list_tree", lambda *arguments, **settings: listing)
        report = build_index(root)
    return report, entries, tool.summary(name, entries)
