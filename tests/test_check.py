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
from indexer.changes import Changes
from indexer.checking import check_index
from indexer.checking.findings import HINTS, TOLD, hint
from indexer.checking.pictures import unreadable
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.rework.filter import filter_index
from indexer.scan import listing, status
from indexer.update import update_index
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
    assert told == ["not so: rows are sorted by split, pid, modalities, camid and path"]


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


def test_nothing_is_found_in_a_copy_whose_lists_have_no_digest(tmp_path):
    root = trees.sysu(tmp_path / "data")
    time.sleep(TICK)
    build_index(root, hash=True)
    copied = shutil.copytree(root, tmp_path / "copied")
    old = (root / INDEX).stat().st_mtime_ns - 10**10  # as if the copy had come much later
    os.utime(copied / INDEX, ns=(old, old))

    report = check_index(copied)

    assert not [finding for finding in report.findings if finding.kind == "doubtful"]
    assert "younger than the index, as after a copy" in report.remarks[0]


def test_a_file_whose_time_lies_in_the_future_is_not_doubtful_for_ever(data):
    build_index(data, layout="folders", force=True)
    os.utime(data / "rgb/p0/0.jpg", (2**32, 2**32))
    time.sleep(TICK)
    build_index(data, layout="folders", force=True)

    assert found(data) == []


def test_a_clock_of_whole_seconds_is_no_reason_for_an_alarm(data, monkeypatch):
    build_index(data, layout="folders", force=True)
    second = 1_800_000_000_000_000_000
    made = {"rgb/p0/0.jpg": second + 900_000_000}
    monkeypatch.setattr(status, "_status_time", lambda file: made.get(os.path.relpath(file, data), 0))

    os.utime(data / INDEX, ns=(second, second))
    assert found(data) == []
    os.utime(data / INDEX, ns=(second + 1, second + 1))
    assert found(data) == [("doubtful", "rgb/p0/0.jpg")]


def test_an_index_that_lies_elsewhere_finds_its_tree_by_its_folder_and_by_a_link(data, tmp_path):
    (tmp_path / "indexes").mkdir()
    (tmp_path / "links/deeper").mkdir(parents=True)
    build_index(data, tmp_path / "indexes", layout="folders", hash=True)
    (tmp_path / "links/deeper/index.parquet").symlink_to(tmp_path / "indexes" / INDEX)
    (tmp_path / "another").symlink_to(data)

    for named in (tmp_path / "indexes", tmp_path / "links/deeper/index.parquet", tmp_path / "another"):
        assert found(named) == []
        assert update_index(named).changes == Changes()
    assert check_index(tmp_path / "another").data == tmp_path / "another"


def test_the_manifest_is_no_file_of_its_tree_wherever_it_lies(tmp_path):
    root = trees.write(tmp_path / "data", ["a/1.jpg", "b/1.jpg"])
    (root / "lists").mkdir()
    for table in (root / "lists/all.csv", root / "all.csv"):
        table.write_text("path,identity\na/1.jpg,1\nb/1.jpg,2\n")
        time.sleep(TICK)
        build_index(root, layout=str(table), force=True)
        time.sleep(TICK)
        assert found(root) == []
        table.write_text("path,identity\na/1.jpg,1\nb/1.jpg,1\n")
        assert ("rewritten", str(table)) in found(root)
        table.unlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system with FIFOs")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    root = trees.write(tmp_path / "data", ["a/1.jpg"])
    os.mkfifo(root / "fifo.jpg")
    (root / "folder.jpg").mkdir()
    table = tmp_path / "all.csv"
    table.write_text("path,identity\na/1.jpg,1\nfifo.jpg,2\nfolder.jpg,3\n")

    report = build_index(root, layout=str(table), trust=True, probe=True, hash=True)

    faults = [problem.message.partition(":")[0] for problem in report.problems if problem.where != "a/1.jpg"]
    assert faults == ["not a file but a folder, FIFO or device"] * 2
    build_index(root, layout=str(table), trust=True, force=True)
    assert [f for f in found(root, deep=True) if f[0] == "removed"] == [
        ("removed", "fifo.jpg"),
        ("removed", "folder.jpg"),
    ]


def test_a_folder_that_cannot_be_listed_is_told(data, monkeypatch):
    opened = listing._opened

    def refused(folder, flags):
        if folder.endswith("rgb/p0"):
            raise PermissionError(13, "Permission denied", folder)
        return opened(folder, flags)

    monkeypatch.setattr(listing, "_opened", refused)

    report = check_index(data)

    assert [finding.kind for finding in report.findings] == ["removed", "removed"]
    assert "rgb/p0: this folder cannot be listed (Permission denied)" in report.remarks


def test_a_hint_can_be_run_as_it_stands(data, tmp_path):
    elsewhere = tmp_path / "an index.parquet"
    build_index(data, elsewhere, layout="folders")
    filter_index(elsewhere, tmp_path / "part.parquet", "pid >= 0")
    (data / "rgb/p0/0.jpg").unlink()
    hints = check_index(elsewhere).hints()
    assert hints["removed"] == f"bring the files back, or: reidindex update '{elsewhere}'"
    assert hint("doubtful", data, elsewhere, "").startswith(f"reidindex build {data} -o '{elsewhere}' --hash --force, ")
    assert hint("doubtful", data, data / INDEX, "").startswith(f"reidindex build {data} --hash --force, ")

    hints = check_index(tmp_path / "part.parquet").hints()

    assert hints["removed"].endswith("the index that this one was made of, then again: reidindex filter 'pid >= 0'")


def test_a_damaged_index_still_tells_where_its_tree_is(data, tmp_path):
    elsewhere = tmp_path / "index.parquet"
    build_index(data, elsewhere, layout="folders")
    content = bytearray(elsewhere.read_bytes())
    content[200] ^= 1
    elsewhere.write_bytes(content)

    report = check_index(elsewhere)

    assert (report.counts(), report.data) == ({"damaged": 1}, data)
