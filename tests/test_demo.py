"""The made-up data set: its names, its annotations, its people, its pictures, and that it is always the same."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.demo import DemoSummary, write_demo
from indexer.demo.population import person, population

IDENTITIES = 16
FOLDERS = {"vis": "vis", "nir": "nir", "sk": "sketch", "cp": "colorpencil"}
PHOTO = re.compile(
    r"^(?P<identity>\d{4})_(?P<source>sysu|llcm)_(?P<source_id>\d{4})_(?:cam(?P<camera>\d)_(?P<frame>\d{4})"
    r"|c(?P<camera2>\d{2})_s(?P<time>\d{6})_f(?P<frame2>\d+))_(?P<modality>vis|nir)\.jpg$"
)
DRAWING = re.compile(
    r"^(?P<identity>\d{4})_(?P<source>sysu|llcm)_(?P<source_id>\d{4})_(?P<view>front|back|side)_(?P<n>\d+)"
    r"_(?P<modality>sketch|colorpencil)\.jpg$"
)


@pytest.fixture(scope="module")
def progress() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory, progress: list[tuple[int, int]]) -> DemoSummary:
    root = tmp_path_factory.mktemp("demo") / "set"
    return write_demo(
        root, identities=IDENTITIES, seed=3, on_progress=lambda done, total: progress.append((done, total))
    )


@pytest.fixture(scope="module")
def files(summary: DemoSummary) -> list[Path]:
    return sorted(path for path in summary.root.rglob("*.jpg"))


@pytest.fixture(scope="module")
def train(summary: DemoSummary) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads((summary.root / "train_annos.json").read_text("utf-8"))
    return entries


@pytest.fixture(scope="module")
def test(summary: DemoSummary) -> dict[str, list[list[object]]]:
    path = summary.root / "test_gallery_and_queries.json"
    queries: dict[str, list[list[object]]] = json.loads(path.read_text("utf-8"))
    return queries


def _folder(path: object) -> str:
    return str(path).split("/")[1]


def test_names_follow_the_grammars_and_agree_with_their_folders(summary: DemoSummary, files: list[Path]) -> None:
    sources: dict[str, set[tuple[str, str]]] = {}
    for path in files:
        folder, identity, name = path.relative_to(summary.root).parts
        match = (PHOTO if folder in ("vis", "nir") else DRAWING).match(name)
        assert match, name
        assert (match["identity"], match["modality"]) == (identity, FOLDERS[folder])
        sources.setdefault(identity, set()).add((match["source"], match["source_id"]))
        if match["source"] == "sysu" and folder in ("vis", "nir"):
            assert (match["camera"] in "36") is (folder == "nir")
    assert all(len(found) == 1 for found in sources.values())
    by_folder = [next(iter(sources[identity]))[0] for identity in sorted(sources)]
    assert by_folder == sorted(by_folder)
    assert set(by_folder) == {"llcm", "sysu"}


def test_train_annotations_tell_the_train_folders(
    summary: DemoSummary, files: list[Path], train: list[dict[str, object]]
) -> None:
    folders = {entry["id"]: _folder(entry["file_path"]) for entry in train}
    assert list(folders) == list(range(1, summary.train_identities + 1))
    assert list(folders.values()) == sorted(folders.values())
    assert [int(folder) for folder in folders.values()] != list(folders)
    assert all((summary.root / str(entry["file_path"])).is_file() for entry in train)
    photos = {path.relative_to(summary.root).as_posix() for path in files if path.parts[-3] == "vis"}
    described = [str(entry["file_path"]) for entry in train if "caption" in entry]
    assert len(described) == len(set(described))
    assert set(described) == {path for path in photos if _folder(path) in folders.values()}
    bare = [str(entry["file_path"]) for entry in train if "caption" not in entry]
    assert bare
    assert all(path.startswith("nir/") for path in bare)


def test_queries_and_gallery_tell_the_test_folders(
    summary: DemoSummary, files: list[Path], train: list[dict[str, object]], test: dict[str, list[list[object]]]
) -> None:
    train_folders = {_folder(entry["file_path"]) for entry in train}
    expected = sorted({path.parts[-2] for path in files} - train_folders)
    first = summary.train_identities + 1
    number = {folder: first + index for index, folder in enumerate(expected)}
    for key, folder in (("RGB_GALLERY", "vis"), ("NIR", "nir"), ("CP", "cp"), ("SK", "sk")):
        paths = [path.relative_to(summary.root).as_posix() for path in files if path.parts[-3] == folder]
        assert sorted(test[key]) == sorted([number[_folder(p)], p] for p in paths if _folder(p) in number)
    assert Counter(str(row[0]) for row in test["TEXT"]) == Counter(str(row[0]) for row in test["RGB_GALLERY"])
    for key in (key for key in test if "+" in key):
        assert test[key], key
        for pid, *items in test[key]:
            for part, item in zip(key.split("+"), items, strict=True):
                assert [pid, item] in test[part]


def test_captions_are_sentences_that_name_the_clothes(train: list[dict[str, object]]) -> None:
    people = {f"{who.folder:04d}": who for who in population(IDENTITIES, 3)}
    captions = [(str(entry["caption"]), people[_folder(entry["file_path"])]) for entry in train if "caption" in entry]
    for text, who in captions:
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
        assert "{" not in text
        assert who.top_colour in text
    assert len({text for text, _ in captions}) > 0.9 * len(captions)


def test_special_identities_exist_and_the_summary_counts_them(summary: DemoSummary, files: list[Path]) -> None:
    counts: dict[str, Counter[str]] = {}
    for path in files:
        counts.setdefault(path.parts[-2], Counter())[path.parts[-3]] += 1
    assert summary.identities == len(counts) == IDENTITIES
    assert summary.without_rgb == sum(not count["vis"] for count in counts.values()) >= 1
    assert summary.single_image == sum(count.total() == 1 for count in counts.values()) >= 1
    assert summary.without_nir == sum(not count["nir"] and count.total() > 1 for count in counts.values()) >= 1
    assert summary.pairable == sum(0 < count["vis"] < count.total() for count in counts.values())
    assert summary.files == len(files) + 2
    assert sum(summary.images.values()) == len(files)


@pytest.mark.parametrize("identities", [8, 11, 15, 16, 48, 200])
def test_every_size_has_its_special_identities_in_the_train_part(identities: int) -> None:
    people = population(identities, 0)
    train = [who.counts for who in people if who.train]
    assert 0.55 <= len(train) / identities <= 0.75
    assert any(not count.nir and count.sketch for count in train)
    assert any(not count.vis for count in train)
    assert identities < 16 or any(count.vis == 1 and not count.sketch for count in train)
    pairable = [who for who in people if who.counts.vis and who.counts.sketch]
    assert len(pairable) >= 0.75 * identities
    folders = [who.folder for who in people]
    assert folders == sorted(set(folders))


def test_a_person_does_not_depend_on_how_many_there_are() -> None:
    assert population(30, 5)[11] == population(12, 5)[11] == person(5, 12)
    assert person(5, 12) != person(6, 12)


def test_every_picture_opens_and_shows_something(files: list[Path]) -> None:
    for path in files:
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (128, 256))
            pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
        assert pixels.std() > 8, path
        assert float(np.ptp(pixels)) > 90, path
        if path.parts[-3] == "nir":
            assert float(np.ptp(pixels, axis=2).max()) <= 4, path


def test_people_can_be_told_apart_by_their_looks() -> None:
    people = population(48, 0)
    looks = {(who.top, who.top_colour, who.bottom, who.bottom_colour, who.hair, who.hat, who.bag) for who in people}
    assert len(looks) == len(people)


_WRITE = """
import pathlib, sys
from indexer.demo import write_demo
write_demo(pathlib.Path(sys.argv[1]), identities=8, seed=1)
"""


def _digest(root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        total.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return total.hexdigest()


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    home = str(Path(__file__).parents[1])
    runs = []
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": home}
        runs.append(subprocess.Popen([sys.executable, "-c", _WRITE, tmp_path / hash_seed], env=environment))
    assert [run.wait() for run in runs] == [0, 0]
    assert _digest(tmp_path / "1") == _digest(tmp_path / "2")


def test_progress_ends_with_everything_done(summary: DemoSummary, progress: list[tuple[int, int]]) -> None:
    assert progress == sorted(progress)
    assert progress[-1] == (sum(summary.images.values()),) * 2


@pytest.mark.parametrize("identities", [7, 0, -1, 5000])
def test_refuses_too_few_or_too_many_identities(tmp_path: Path, identities: int) -> None:
    with pytest.raises(ValueError, match=rf"identities: expected 8 to 4999, found {identities}"):
        write_demo(tmp_path / "set", identities=identities)
    assert not (tmp_path / "set").exists()


def test_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"found 1 entries in it \(first: notes.txt\); name another folder"):
        write_demo(tmp_path, identities=8)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(FileExistsError, match="found a file"):
        write_demo(tmp_path / "notes.txt", identities=8)
