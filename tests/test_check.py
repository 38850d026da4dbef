"""A check finds what is wrong, and nothing where nothing is."""

from __future__ import annotations

import io
import os
import random  # noqa: TID251 - seeds of test pictures
import shutil
import time

import pyarrow.parquet as pq
import pytest
from PIL import Image

from indexer.build import build_index
from indexer.checking import check_index
from indexer.checking.findings import HINTS, TOLD
from indexer.checking.pictures import unreadable
from indexer.index_file import IndexFile, write_index
from tests import trees

INDEX = "reidindex.parquet"
TICK = 0.012


def jpeg(seed, size=(64, 128)):
    buffer = io.BytesIO()
    Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1])).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for who in range(3):
        for kind in ("rgb", "ir"):
            for number in range(2):
                file = root / kind / f"p{who}" / f"{number}.jpg"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(jpeg(f"{who}{kind}{number}"))
    time.sleep(TICK)
    build_index(root, layout="folders", hash=True)
    time.sleep(TICK)
    return root


def found(data, **how):
    return [(finding.kind, finding.where) for finding in check_index(data, **how).findings]


def rewrite_in_secret(file, content):
    times = file.stat()
    assert len(content) == times.st_size
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


# --------------------------------------------------------------------------------------------- no false alarm


def test_nothing_is_found_in_an_untouched_tree_of_any_kind(any_tree):
    _, root = any_tree
    build_index(root)

    assert found(root) == []


@pytest.mark.parametrize("deep", [False, True])
def test_nothing_is_found_in_a_tree_that_moved_or_was_copied(data, tmp_path, deep):
    assert found(data, deep=deep) == []
    moved = shutil.move(data, tmp_path / "moved")
    assert found(moved, deep=deep) == []
    copied = shutil.copytree(moved, tmp_path / "copied")  # with the old times, but another status
    assert found(copied, deep=deep) == []
    assert found(moved / INDEX, deep=deep) == []


def test_nothing_is_found_in_a_copy_without_digests(data, tmp_path):
    build_index(data, layout="folders", force=True)
    copied = shutil.copytree(data, tmp_path / "copied")
    times = (data / INDEX).stat().st_mtime_ns
    os.utime(copied / INDEX, ns=(times, times))

    report = check_index(copied)

    assert report.findings == []
    old = max(file.stat().st_ctime_ns for file in copied.rglob("*.jpg")) - 3 * 10**9
    os.utime(copied / INDEX, ns=(old, old))  # as if the copy had come much later
    report = check_index(copied)
    assert report.findings == []
    assert "younger than the index, as after a copy" in report.remarks[0]


def test_what_we_write_into_a_tree_is_no_change_of_it(data):
    (data / "reidindex-report.html").write_text("a report")
    (data / "reidindex.small.parquet").write_text("an index")

    assert found(data) == []


# ------------------------------------------------------------------------------------------------ what it finds


def test_every_flipped_byte_of_an_index_is_found(data):
    index = data / INDEX
    whole = index.read_bytes()
    positions = [*range(8), *range(len(whole) - 60, len(whole)), *random.Random(1).sample(range(len(whole)), 150)]
    place = IndexFile(index).metadata.beside
    assert place is None or place.size

    missed = []
    for position in positions:
        content = bytearray(whole)
        content[position] ^= 1 << position % 8
        index.write_bytes(content)
        if not {kind for kind, _ in found(data)} & {"damaged", "unsealed"}:
            missed.append(position)

    assert missed == []


@pytest.mark.parametrize(
    ("change", "kind", "where"),
    [
        (lambda root: (root / "rgb/p0/9.jpg").write_bytes(jpeg("new")), "added", "rgb/p0/9.jpg"),
        (lambda root: (root / "notes.txt").write_text("mine"), "added", "notes.txt"),
        (lambda root: (root / "rgb/p0/0.jpg").unlink(), "removed", "rgb/p0/0.jpg"),
        (lambda root: (root / "rgb/p0/0.jpg").rename(root / "rgb/p1/7.jpg"), "moved", "rgb/p0/0.jpg"),
        (lambda root: (root / "rgb/p0/0.jpg").write_bytes(jpeg("other")), "rewritten", "rgb/p0/0.jpg"),
        (lambda root: os.utime(root / "rgb/p0/0.jpg", ns=(5, 5)), "rewritten", "rgb/p0/0.jpg"),
        (
            lambda root: rewrite_in_secret(
                root / "rgb/p0/0.jpg", bytes(reversed((root / "rgb/p0/0.jpg").read_bytes()))
            ),
            "content",
            "rgb/p0/0.jpg",
        ),
    ],
    ids=["a sample came", "a file came", "gone", "moved", "rewritten", "another time", "rewritten in secret"],
)
def test_what_happened_to_a_file_is_found(data, change, kind, where):
    change(data)

    assert found(data) == [(kind, where)]


def test_a_secret_rewrite_is_suspected_where_there_is_no_digest(data):
    build_index(data, layout="folders", force=True)
    time.sleep(TICK)
    file = data / "ir/p1/1.jpg"
    rewrite_in_secret(file, bytes(reversed(file.read_bytes())))

    assert found(data) == [("doubtful", "ir/p1/1.jpg")]


def test_a_truncated_jpeg_is_found_by_decoding_alone(data):
    file = data / "ir/p2/0.jpg"
    file.write_bytes(file.read_bytes()[:2000])
    build_index(data, layout="folders", hash=True)

    assert found(data, images="header") == []
    assert found(data, images="decode") == [("picture", "ir/p2/0.jpg")]
    assert found(data, deep=True) == [("picture", "ir/p2/0.jpg")]
    assert found(data, deep=True, images="none") == []


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", jpeg("stub")[:300]], ids=["empty", "html", "stub"])
def test_what_is_no_picture_is_told_with_the_reason(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    (tmp_path / "b.jpg").write_bytes(jpeg("fine"))

    ((path, why),) = unreadable(tmp_path, ["a.jpg", "b.jpg", "b.jpg"], "decode", jobs=2)

    assert path == "a.jpg"
    assert why
    assert str(tmp_path) not in why
    assert unreadable(tmp_path, ["a.jpg"], "none") == []


@pytest.mark.parametrize("hash", [True, False], ids=["digests in the index", "read by --deep"])
def test_a_copy_under_two_identities_is_found(data, hash):
    shutil.copy(data / "rgb/p0/0.jpg", data / "rgb/p2/copy.jpg")
    shutil.copy(data / "rgb/p0/1.jpg", data / "rgb/p0/copy.jpg")  # the same person: no mistake
    build_index(data, layout="folders", hash=hash, force=True)

    report = check_index(data, deep=not hash)

    assert [(one.kind, one.where) for one in report.findings] == [("copy-identity", "rgb/p0/0.jpg")]
    assert report.findings[0].message == "the same as rgb/p2/copy.jpg: 2 identities"


def test_a_copy_in_training_and_in_the_gallery_is_found(tmp_path):
    root = trees.market(tmp_path / "data")
    for number, file in enumerate(sorted(root.rglob("*.jpg"))):
        file.write_bytes(b"%d" % number)
    train, gallery = (sorted((root / folder).glob("0*.jpg")) for folder in ("bounding_box_train", "bounding_box_test"))
    gallery[-1].write_bytes(train[0].read_bytes())
    build_index(root, layout="market1501", hash=True)

    kinds = {finding.kind: finding.message for finding in check_index(root).findings}

    assert "copy-split" in kinds
    assert kinds["copy-split"].endswith("train and gallery")


def test_an_index_that_another_tool_has_written_is_told(data):
    document = pq.read_metadata(data / INDEX).metadata
    pq.write_table(pq.read_table(data / INDEX).replace_schema_metadata(document), data / INDEX)

    assert [kind for kind, _ in found(data)] == ["unsealed"]


def test_rows_that_contradict_the_metadata_are_found(data):
    index = IndexFile(data / INDEX)
    table = index.table([name for name in pq.read_schema(data / INDEX).names if name != "path_end"])
    pid = table["pid"].to_pylist()
    backwards = table.set_column(table.column_names.index("pid"), "pid", [pid[::-1]])

    write_index(backwards.cast(table.schema), index.metadata, data / INDEX)

    told = [finding.message for finding in check_index(data).findings if finding.kind == "inconsistent"]
    assert told == ["rows 0 to 12 are not sorted by pid"]


def test_an_index_that_knows_only_its_samples_is_compared_with_them(tmp_path):
    root = trees.write(tmp_path / "data", ["1.jpg", "2.jpg", "3.jpg"])
    (tmp_path / "all.csv").write_text("path,identity\n1.jpg,a\n2.jpg,a\n")
    build_index(root, layout=str(tmp_path / "all.csv"), trust=True)
    assert found(root) == []

    (root / "1.jpg").unlink()

    assert found(root) == [("removed", "1.jpg")]


# ----------------------------------------------------------------------------------------------- the command line


def test_the_command_lists_and_hints_and_exits_with_3(data, run):
    assert run("check", data).stdout.startswith(f"✓ {data}/{INDEX}  whole, and as the tree is (12 files, ")
    (data / "rgb/p0/0.jpg").unlink()
    for number in range(7):
        (data / f"{number}.txt").write_text("x")

    done = run("check", data, "--fix-hint")

    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"✗ {data}/{INDEX}  8 problems (18 files, ")
    assert "  added 7: files that the index does not know" in lines
    assert "    … and 2 more (--verbose names them all)" in lines
    assert f"    fix: reidindex update {data}/{INDEX}" in lines
    assert "6.txt" in run("check", data, "-v").stdout


def test_what_cannot_be_checked_says_why(data, run, tmp_path):
    assert run("check", tmp_path / "nowhere").returncode == 1
    assert run("check", data / "rgb").returncode == 1
    assert run("check", data, "--images", "closely").returncode == 2
    build_index(data, tmp_path / "elsewhere.parquet", layout="folders")
    shutil.rmtree(data)
    done = run("check", tmp_path / "elsewhere.parquet")
    assert done.returncode == 1
    assert "is not there; is it mounted?" in done.stderr
    assert TOLD.keys() == HINTS.keys()
