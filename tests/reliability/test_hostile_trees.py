"""Trees as nobody wishes them: every name that a file system takes, what is no file, what changes while it is looked at."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random  # noqa: TID251 - seeded, of the test's own

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.build import build_index
from indexer.checking import check_index
from indexer.errors import IndexFileError, ReidIndexError, TreeError
from indexer.index_file import IndexFile
from indexer.sample_file import opened, real_file
from indexer.scan import list_tree
from indexer.scan.twins import twins
from indexer.update import update_index
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.dataset import IndexDataset, SampleError
from sampler_runtime.mapped import open_index
from tests import trees
from tests.effort import gate_only, times
from tests.trees import write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="names are bytes, and FIFOs files, on POSIX systems only")

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
PROJECT = Path(__file__).parents[2]
_INDEXER = [sys.executable, "-m", "indexer"]

HOSTILE_NAMES = [
    "a\nb.jpg",
    "tab\there.jpg",
    "\x1b]0;owned\x07\x1b[31mred.jpg",
    "\x9b31mred.jpg",
    "bell\x07\x08\x7f.jpg",
    "carriage\rreturn.jpg",
    "-rf.jpg",
    "--links-outside.jpg",
    " leading and trailing .jpg",
    "dots...jpg",
    "[red]markup[/red].jpg",
    "[/].jpg",
    ":smile:.jpg",
    "\u202egpj.exe.jpg",
    "zero\u200bwidth\ufeff.jpg",
    "quote'\"`$(touch x)`.jpg",
    "back\\slash.jpg",
    "percent%s%n{0}.jpg",
    "*?.jpg",
    "日本語🙂.jpg",
    "x" * 251 + ".jpg",
    "é" * 125 + ".jpg",
    "C:con.jpg",
]


def kinds(found) -> set[tuple[str, str]]:
    return {(p.kind, p.where) for p in found.problems}


def picture(file: Path) -> None:
    Image.new("RGB", (4, 8), (9, 9, 9)).save(file)


def some_batches(root: Path, batches: int = 3) -> int:
    """Read some P×K batches as training would; how many samples came."""
    index = open_index(root)
    dataset, read = IndexDataset(index), 0
    for batch, _ in zip(PKBatchSampler(index, p=2, k=2, seed=1), range(batches), strict=False):
        read += len(dataset.__getitems__(batch))
    return read


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Nine people in folders, four whole pictures each."""
    (tmp_path / "one.jpg").write_bytes(b"")
    picture(tmp_path / "one.jpg")
    for who in range(9):
        (tmp_path / f"data/p{who}").mkdir(parents=True)
        for number in range(4):
            shutil.copy(tmp_path / "one.jpg", tmp_path / f"data/p{who}/{number}.jpg")
    (tmp_path / "away").mkdir()
    return tmp_path / "data"


# ---------------------------------------------------------------------------------------------------------- names


@pytest.fixture
def hostile(people: Path) -> Path:
    """The same, with a picture of every hostile name, and people of such names."""
    names = [name for name in HOSTILE_NAMES if _takes(people, name)]
    for name in names:
        shutil.copy(people / "p0/0.jpg", people / "p1" / name)
    for name in names[:12]:
        folder = people / name.removesuffix(".jpg")
        folder.mkdir()
        for number in range(2):
            shutil.copy(people / "p0/0.jpg", folder / f"{number}.jpg")
    (people / "p1/unmatched\x1b[2J[red].txt").write_text("")
    (people / "p1/gone\x1b[2J[red].jpg").symlink_to("nowhere\x1b[2J")
    (people / "p1/out\x1b[2J[red].jpg").symlink_to("/nowhere\x1b[2J\u202e")
    return people


def _takes(folder: Path, name: str) -> bool:
    try:
        (folder / name).touch()
        (folder / name).unlink()
    except OSError:
        return False
    return True


def test_every_name_is_indexed_updated_checked_and_read(hostile):
    there = sorted(path.relative_to(hostile).as_posix() for path in hostile.rglob("*.jpg") if not path.is_symlink())

    report = build_index(hostile, layout="folders", probe=True, hash=True)

    index = open_index(hostile)
    assert sorted(index.path_of(row) for row in range(len(index))) == there
    assert {problem.kind for problem in report.problems} == {"link"}
    assert check_index(hostile, images="decode").findings[0].kind == "copy-identity"
    assert not update_index(hostile).changes
    (hostile / "p2" / HOSTILE_NAMES[0]).write_bytes((hostile / "p0/0.jpg").read_bytes())
    assert update_index(hostile).changes.added == (f"p2/{HOSTILE_NAMES[0]}",)
    dataset = IndexDataset(open_index(hostile))
    assert [dataset[row].image.size for row in range(len(dataset))] == [(4, 8)] * (len(there) + 1)
    assert some_batches(hostile) == 12
    assert index.rows_for([index.path_of(row) for row in range(len(index))]).tolist() == list(range(len(index)))


def test_no_command_lets_a_name_give_orders_to_the_terminal(hostile, run, tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    where = tmp_path / "new\x1b[2J[red]"
    hostile.rename(where)
    name = "\x1b]0;owned\x07\x1b[31mred"
    said = [
        run("build", where),
        run("build", where, "--layout", "nowhere\x1b[2J"),
        run("build", where, "--layout", "market1501"),
        run("build", where, "--layout", "folders", "--strict"),
        run("build", where, "--layout", "folders", "--dry-run"),
        run("build", where, "--layout", "folders", "--hash"),
        run("stats", where),
        run("stats", where, "--json"),
        run("check", where, "--deep", "--fix-hint"),
        run("layouts", "--new", where),
        run("plan", where, "-p", "2", "-k", "2"),
        run("show", where, "--identity", name, "-o", tmp_path / "sheet.png"),
        run("show", where, "--identity", name + "\x1b[2J", "-o", tmp_path / "sheet.png"),
        run("query", where, "select distinct identity, path from samples"),
        run("report", where, "-o", tmp_path / "page.html", "--no-check"),
    ]
    for path in where.glob("p1/*.jpg"):
        path.rename(path.parent.parent / "p2" / ("m" + path.name[:99]))
    said += [run("check", where, "--fix-hint"), run("update", where), run("check", tmp_path / "not\x1b[2J")]

    assert {done.returncode for done in said} <= {0, 1, 2, 3}
    text = "".join(done.stdout + done.stderr for done in said)
    assert {c for c in text if ord(c) < 32 or 127 <= ord(c) < 160} <= {"\n"}
    assert not {"\u202e", "\u200b", "\ufeff"} & set(text)
    assert "\\x1b[2J[red]" in text  # shown as what it is, markup too
    assert ":smile:" in text


def test_names_that_are_not_utf8_are_told_once_a_name_and_not_once_a_file(tmp_path):
    write(tmp_path, ["a/1.jpg"])
    folder = tmp_path / os.fsdecode(b"f\xffolder")
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jpg").touch()
    (tmp_path / os.fsdecode(b"b\xff.jpg")).touch()
    (tmp_path / os.fsdecode(b"l\xff")).symlink_to("a")

    listing = list_tree(tmp_path)

    assert listing.paths == ["a/1.jpg"]
    assert kinds(listing) == {("name", "f\\udcffolder"), ("name", "b\\udcff.jpg"), ("name", "l\\udcff")}


def test_names_that_other_systems_take_for_one_are_told(people):
    (people / "p1/A.JPG").touch()
    (people / "p1/a.jpg").touch()
    (people / "p1/caf\u00e9.jpg").touch()
    (people / "p1/cafe\u0301.jpg").touch()
    if len(list((people / "p1").iterdir())) < 8:
        pytest.skip("this file system takes them for one itself")

    told = [p for p in build_index(people, layout="folders").problems if p.kind == "name"]

    assert {(p.where, p.count) for p in told} == {("p1/A.JPG", 2), ("p1/cafe\\u0301.jpg", 2)}
    assert "macOS and Windows take it and p1/a.jpg for one file" in told[0].message
    assert open_index(people).metadata.samples == 40  # all of them are samples here


@given(st.lists(st.text("aAbBéÉ\u0301e", min_size=1, max_size=3), unique=True, max_size=8))
def test_twins_are_those_that_are_equal_without_case_and_composition(names):
    import unicodedata

    import pyarrow as pa

    folded = [unicodedata.normalize("NFC", name.lower()) for name in names]
    expected = sum(folded.count(name) > 1 for name in folded)

    assert sum(problem.count for problem in twins(pa.array(names, pa.string()))) == expected


def test_paths_that_are_too_long_for_the_system_are_told_and_the_rest_is_indexed(people):
    """Folders can be made below the longest path, by handles; their files cannot be opened by a path."""
    deep = os.open(people / "p1", os.O_RDONLY)
    for _ in range(22):
        os.mkdir("d" * 200, dir_fd=deep)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
        for name in ("x.jpg", "x" * 200 + ".jpg"):
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=deep))
    os.close(deep)

    report = build_index(people, layout="folders")

    long = [p for p in report.problems if p.kind == "name"]
    assert {p.message for p in long} == {
        "the path of this folder is too long for the system: not listed",
        "the path of this file is too long for the system to open it",
    }
    assert all(len(p.where) < 200 for p in long)
    index = open_index(people)
    for row in range(len(index)):
        opened(real_file(index.root, index.path_of(row), links_outside=False)).close()
    shutil.rmtree(people / "p1", ignore_errors=True)


# ------------------------------------------------------------------------------------------------ what is no file


def test_loops_dangling_links_fifos_sockets_and_devices_are_told_and_never_opened(people, tmp_path):
    (people / "self").symlink_to("self")
    (people / "left").symlink_to("right")
    (people / "right").symlink_to("left")
    (people / "p1/up").symlink_to("..")
    (people / "p1/top").symlink_to(people)
    (people / "p1/gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(people / "p1/fifo.jpg")
    (people / "p1/linked.jpg").symlink_to("fifo.jpg")
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(people / "p1")  # a socket's path is short
        server.bind("socket.jpg")
        os.chdir(here)
    if AS_ROOT:
        with contextlib.suppress(PermissionError):
            os.mknod(people / "p1/null.jpg", stat.S_IFCHR | 0o600, os.makedev(1, 3))

    report = build_index(people, layout="folders", probe=True, hash=True)
    checked = check_index(people, deep=True)

    found = kinds(report)
    assert {("link", name) for name in ("self", "left", "right", "p1/up", "p1/top", "p1/gone.jpg")} <= found
    assert {("special", f"p1/{name}.jpg") for name in ("fifo", "linked", "socket")} <= found
    assert report.metadata.samples == 36
    assert {finding.kind for finding in checked.findings} <= {"copy-identity"}
    assert some_batches(people) == 12


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@gate_only
def test_the_kernel_sees_no_special_file_opened(people):
    os.mkfifo(people / "p1/fifo.jpg")
    if AS_ROOT:
        with contextlib.suppress(PermissionError):
            os.mknod(people / "p1/null.jpg", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    command = [*_INDEXER, "build", str(people), "--layout", "folders", "--probe", "--hash", "-j", "1"]
    log = people.parent / "log"
    done = subprocess.run(
        ["strace", "-f", "-e", "trace=open,openat,openat2", "-o", str(log), *command],
        cwd=PROJECT,
        capture_output=True,
        timeout=100,
    )

    assert done.returncode == 0, done.stderr
    assert "p1/0.jpg" in log.read_text()
    assert "fifo.jpg" not in log.read_text()
    assert "null.jpg" not in log.read_text()


@pytest.mark.parametrize("kind", ["fifo", "socket", "folder", "link to a fifo"])
def test_a_sample_that_is_no_file_any_more_fails_its_item_and_waits_for_nothing(people, kind, run):
    build_index(people, layout="folders", hash=True)
    file = people / "p1/0.jpg"
    file.unlink()
    here = Path.cwd()
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(file.parent)
            server.bind(file.name)
            os.chdir(here)
    elif kind == "folder":
        file.mkdir()
    else:
        os.mkfifo(file if kind == "fifo" else people / "pipe")
        if kind != "fifo":
            file.symlink_to("../pipe")
    index = open_index(people)
    row = next(row for row in range(len(index)) if index.path_of(row) == "p1/0.jpg")

    with pytest.raises(SampleError, match="not a file but a folder, FIFO or device"):
        IndexDataset(index)[row]
    with pytest.raises(SampleError, match="not a file"):
        IndexDataset(index, decoder=lambda path: path.read_bytes())[row]
    assert IndexDataset(index, on_error="skip-to-same-identity")[row].pid == index.value("pid", row)
    assert "p1/0.jpg" in {f.where for f in check_index(people, deep=True).findings if f.kind in ("removed", "picture")}
    assert run("show", people, "--identity", "p1", "-o", people.parent / "sheet.png").returncode == 0
    assert "p1/0.jpg" in update_index(people).changes.removed


@pytest.mark.parametrize("name", ["exp/train_id.txt", "exp/test_id.txt"])
def test_a_list_that_is_a_fifo_is_as_one_that_is_not_there(tmp_path, name):
    root = trees.sysu(tmp_path / "data")
    (root / "exp/train_id.mat").unlink()
    (root / name).unlink()
    os.mkfifo(root / name)

    report = build_index(root, layout="sysu-mm01")

    assert ("special", name) in kinds(report)
    assert "annotation-missing" in {p.kind for p in report.problems}


# ------------------------------------------------------------------------------------- what changes under the scan


def _unrest(root: Path, rng: Random) -> None:
    """One change of a tree, of any kind."""
    file = root / f"p{rng.randrange(9)}" / f"{rng.randrange(4)}.jpg"
    with contextlib.suppress(OSError):
        match rng.randrange(6):
            case 0:
                file.unlink()
            case 1:
                file.parent.mkdir(exist_ok=True)
                # a FIFO without a reader is refused, not waited for
                os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK))
            case 2:
                file.unlink()
                os.mkfifo(file)
            case 3:
                file.unlink()
                file.mkdir()
            case 4:
                shutil.rmtree(file.parent)
            case _:
                shutil.rmtree(file.parent)
                file.parent.symlink_to(rng.choice(["..", "../away", "p1", "nowhere"]))


def test_a_tree_that_changes_all_the_while_gives_a_listing_or_an_error_of_ours(people):
    ended, rng = threading.Event(), Random(4)

    def disturb():
        while not ended.is_set():
            _unrest(people, rng)

    thread = threading.Thread(target=disturb)
    thread.start()
    indexes = 0
    try:
        for number in range(times(12, 100, 1_000)):
            try:
                if number % 3:
                    list_tree(people)
                else:
                    build_index(people, people.parent / "x.parquet", layout="folders", hash=True, force=True)
                    indexes += 1
            except ReidIndexError:
                pass
    finally:
        ended.set()
        thread.join()
    assert indexes


@pytest.mark.parametrize("seed", range(times(3, 12, 100)))
def test_files_that_change_between_listing_and_opening_are_problems_of_a_build_that_goes_on(people, seed):
    rng = Random(seed)

    def change(what, count):
        if what == "reading names":
            for _ in range(20):
                _unrest(people, rng)

    report = build_index(
        people, people.parent / "x.parquet", layout="folders", probe=True, hash=True, on_progress=change
    )

    assert report.metadata.samples == 36  # what was listed
    lost = {p.where for p in report.problems if p.kind == "image"}
    index = open_index(report.index)
    for row in range(len(index)):
        path = index.path_of(row)
        try:
            with opened(real_file(people, path, links_outside=False)) as file:
                content = file.read()
        except (OSError, ReidIndexError):
            assert path in lost or "and others" in lost, path
        else:
            assert path in lost or "and others" in lost or content
    with contextlib.suppress(ReidIndexError):
        check_index(report.index, deep=True)
        update_index(report.index)


def test_folders_and_files_that_vanish_or_become_links_during_the_scan_are_told(people, monkeypatch):
    from indexer.scan import listing as module

    opened_folder = module._opened

    def swap(folder, flags):
        if folder.endswith("p3"):
            shutil.rmtree(folder, ignore_errors=True)
        if folder.endswith("p4"):
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).symlink_to("../away")
        return opened_folder(folder, flags)

    monkeypatch.setattr(module, "_opened", swap)

    found = list_tree(people)

    assert not [path for path in found.paths if path.startswith(("p3/", "p4/"))]
    assert {("vanished", "p3"), ("unreadable", "p4")} <= kinds(found)
    assert len(found) == 28


# ------------------------------------------------------------------------------------------------------ permission


@pytest.fixture
def as_nobody():
    """Runs the command line as a user without any rights."""
    if AS_ROOT and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv, to be somebody else than root")
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if AS_ROOT else []
    env = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [*prefix, *_INDEXER, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=env, timeout=100, cwd="/")

    if run("--version").returncode:
        pytest.skip("another user cannot read this Python installation")
    return run


@gate_only
def test_somebody_without_rights_is_told_what_could_not_be_read_and_where_to_write(people, as_nobody, public):
    people = Path(shutil.copytree(people, public / "data"))
    (people / "p0/0.jpg").chmod(0)
    (people / "p1").chmod(0)
    (people / "p2").chmod(0o444)  # names can be read, nothing else
    people.chmod(0o555)
    out = public / "out"
    out.mkdir()
    out.chmod(0o777)
    try:
        here = as_nobody("build", people, "--layout", "folders")
        listed = as_nobody("build", people, "--layout", "folders", "-o", out / "x.parquet")
        hashed = as_nobody("build", people, "--layout", "folders", "-o", out / "y.parquet", "--hash", "--probe")
        checked = as_nobody("check", out / "x.parquet", "--images", "decode")
        stats = as_nobody("stats", out / "x.parquet")
        updated = as_nobody("update", out / "x.parquet")
        people.chmod(0o755)
        closed = people.parent / "closed"
        closed.mkdir()
        closed.chmod(0)
        nothing = as_nobody("build", closed)
    finally:
        for folder in (people, people / "p1", people / "p2"):
            folder.chmod(0o755)

    assert here.returncode == 1
    assert "the index cannot be written there" in here.stderr
    assert "-o FILE" in here.stderr
    assert "link:" not in here.stderr
    assert listed.returncode == 0, listed.stderr
    assert "p1: this folder cannot be listed (Permission denied)" in listed.stderr
    assert "p2/0.jpg: it was there and then could not be looked at (Permission denied)" in listed.stderr
    assert "p0/0.jpg: Permission denied: kept, nothing is known of it" in hashed.stderr
    assert checked.returncode == 3
    assert "p0/0.jpg: Permission denied" in checked.stdout
    assert (stats.returncode, updated.returncode) == (0, 0)
    assert "up to date" in updated.stdout
    assert nothing.returncode == 2
    assert "is not readable" in nothing.stderr


def test_a_folder_that_nothing_can_be_written_to_is_told_before_the_scan(people, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != people)
    monkeypatch.setattr("indexer.order.list_tree", lambda *words, **more: pytest.fail("was listed"))

    with pytest.raises(IndexFileError, match=r"cannot be written there .*choose another place with `-o FILE`"):
        build_index(people, layout="folders")


def test_an_index_in_a_read_only_folder_can_be_found_up_to_date(people, monkeypatch):
    build_index(people, layout="folders")
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    assert build_index(people, layout="folders").up_to_date


def _in_own_mounts(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    """A shell that sees mounts of its own."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        ["unshare", "-m", "sh", "-ec", script, "sh", *map(str, words)],
        capture_output=True,
        text=True,
        env=env,
        timeout=100,
    )


@pytest.fixture
def mounts():
    if not AS_ROOT or shutil.which("unshare") is None or _in_own_mounts("mount -t tmpfs none /mnt").returncode:
        pytest.skip("needs root, and mounts of one's own")


@gate_only
@pytest.mark.usefixtures("mounts")
def test_a_read_only_dataset_is_indexed_elsewhere_and_mounts_below_it_belong_to_it(people, tmp_path):
    python = sys.executable
    done = _in_own_mounts(
        f"mount -t tmpfs none $1/p8; cp $1/p0/0.jpg $1/p8/new.jpg; mount --bind $1 $1; mount -t tmpfs none $1/p7; "
        f"mount -o remount,ro,bind $1; cd /; {python} -m indexer build $1 --layout folders 2>&1 || echo refused $?; "
        f"{python} -m indexer build $1 --layout folders -o $2/x.parquet --hash; {python} -m indexer check $2/x.parquet --deep; true",
        people,
        tmp_path,
    )

    assert "the index cannot be written there" in done.stdout
    assert "refused 1" in done.stdout
    index = open_index(tmp_path / "x.parquet")
    paths = {index.path_of(row) for row in range(len(index))}
    assert not any(path.startswith("p7/") for path in paths)  # an empty file system lay over it
    assert len(paths) >= 28


# ----------------------------------------------------------------------------------------------- sizes and times


def test_sizes_and_times_beyond_what_is_usual_are_kept_as_they_are(people):
    wanted = {"p0/0.jpg": -1, "p0/1.jpg": -86_400_000_000_001, "p0/2.jpg": 0, "p0/3.jpg": 4_000_000_000_123_456_789}
    for path, ns in wanted.items():
        os.utime(people / path, ns=(ns, ns))
    sizes = {"p1/0.jpg": 0, "p1/1.jpg": 2**31, "p1/2.jpg": 2**32 + 1, "p1/3.jpg": 2**40}
    for path, size in sizes.items():
        with contextlib.suppress(OSError):  # not every file system has such files
            os.truncate(people / path, size)

    report = build_index(people, layout="folders")

    index = open_index(people)
    rows = {index.path_of(row): row for row in range(len(index))}
    for path, ns in wanted.items():
        told = index.value("mtime_ns", rows[path])
        assert told == (people / path).stat().st_mtime_ns
        assert abs(told - ns) < 2_000_000_000
    for path in sizes:
        assert index.value("size", rows[path]) == (people / path).stat().st_size
    assert report.problems == ()
    assert check_index(people).counts().keys() <= {"doubtful"}
    assert update_index(people).build.up_to_date


def test_times_that_64_bits_cannot_tell_become_the_last_that_they_can(people, monkeypatch):
    """Some file systems tell of the year 3000; one without such is made to."""
    from indexer.scan.listing import as_int64

    assert as_int64([5, 2**64, -(2**70)]).tolist() == [5, 2**63 - 1, -(2**63)]
    with contextlib.suppress(OverflowError, OSError):
        os.utime(people / "p0/0.jpg", (40_000_000_000, 40_000_000_000))
    build_index(people, layout="folders", hash=True)

    assert check_index(people).counts().keys() <= {"doubtful", "copy-identity"}
    assert not update_index(people).changes


# ------------------------------------------------------------------------------------------------------ large ones


@pytest.fixture
def roomy(tmp_path):
    """A folder in memory, where there is one: a disk would be measured, not a scan."""
    place = Path("/dev/shm")
    if not (place.is_dir() and os.access(place, os.W_OK)):
        yield tmp_path
        return
    folder = place / f"reidindex-trees-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


_TELL = """
import sys, time
from pathlib import Path
from indexer.scan import list_tree
def peak():
    status = Path("/proc/self/status")  # what getrusage tells is that of the process before it became this one
    return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 if status.exists() else 0
told, before, began = [], peak(), time.perf_counter()
listing = list_tree(Path(sys.argv[1]), on_progress=told.append)
seconds = time.perf_counter() - began
print(len(listing), len(told), (peak() - before) // len(listing), seconds)
"""


def _listed(root: Path) -> tuple[int, int, int, float]:
    """Files, reports of progress, bytes of memory a file at the most, and seconds; in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", _TELL, str(root)], capture_output=True, text=True, env=env, check=True)
    files, told, memory, seconds = done.stdout.split()
    return int(files), int(told), int(memory), float(seconds)


def _compare(what: str, root: Path, files: int, seconds: float, memory: int) -> None:
    """For whoever reads the log of a soak."""
    began = time.perf_counter()
    subprocess.run(["find", str(root), "-printf", "%p %s %T@\n"], stdout=subprocess.DEVNULL, check=False)
    find = time.perf_counter() - began
    print(f"\n{what}: {files / seconds:,.0f} files a second, {seconds / find:.1f} x find, {memory} bytes a file")  # noqa: T201


def test_one_folder_of_very_many_files_is_told_about_meanwhile_and_held_in_pieces(roomy):
    many = times(20_000, 50_000, 1_000_000)
    (roomy / "all").mkdir()
    for number in range(many):
        os.close(os.open(roomy / f"all/{number:07d}_c1.jpg", os.O_CREAT | os.O_WRONLY))

    files, told, memory, seconds = _listed(roomy)

    assert files == many
    assert told > many // 10_000
    assert memory < 700  # the path, its place in three lists, and the sorting; all entries at once were 200 more
    _compare("one folder", roomy, files, seconds, memory)


def test_very_many_folders_are_listed(roomy):
    many = times(1_000, 5_000, 100_000)
    for number in range(many):
        (roomy / f"{number:06d}").mkdir()
        os.close(os.open(roomy / f"{number:06d}/1.jpg", os.O_CREAT | os.O_WRONLY))

    files, _, memory, seconds = _listed(roomy)

    assert files == many
    _compare("many folders", roomy, files, seconds, memory)


def test_a_very_deep_tree_is_indexed_and_read(people):
    deep = os.fspath(people / "p0")
    for _ in range(times(200, 1_000, 1_000)):
        deep += "/d"
        os.mkdir(deep)  # noqa: PTH102 - a path's parts are a thousand
    shutil.copy(people / "p1/0.jpg", deep + "/x.jpg")

    report = build_index(people, layout="folders", probe=True, hash=True)

    assert report.problems == ()
    index = open_index(people)
    row = next(row for row in range(len(index)) if index.path_of(row).endswith("d/x.jpg"))
    assert IndexDataset(index)[row].image.size == (4, 8)
    assert check_index(people, images="decode").counts().keys() == {"copy-identity"}
    subprocess.run(["rm", "-rf", people / "p0"], check=True)  # Python's own goes down a level of the stack for each


# ------------------------------------------------------------------------------------------------------------ laws

_byte = st.integers(1, 255).filter(lambda b: b != ord("/")).map(lambda b: bytes([b]))
_any_name = st.lists(_byte, min_size=1, max_size=6).map(b"".join)
_odd_name = st.sampled_from(
    [n.encode() for n in HOSTILE_NAMES] + [b"\xff", b"\xc3", b"Thumbs.db", b"._x.jpg", b"train", b"1.jpg"]
)
_name = (_any_name | _odd_name | st.text(min_size=1, max_size=4).map(lambda t: t.encode("utf-8", "replace"))).filter(
    lambda n: n not in (b".", b"..") and b"/" not in n and b"\0" not in n and len(n) <= 255
)
_leaf = st.sampled_from(["file", "fifo", "dangling", "out", "up", "loop"]) | st.just("file")
_tree = st.recursive(_leaf, lambda inner: st.dictionaries(_name, inner, max_size=5), max_leaves=14)


def _make(place: Path, tree: object) -> None:
    if isinstance(tree, dict):
        place.mkdir()
        for name, inner in tree.items():
            _make(place / os.fsdecode(name), inner)
    elif tree == "file":
        place.touch(exist_ok=False)
    elif tree == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to({"dangling": "no where", "out": "/etc", "up": "..", "loop": place.name}[str(tree)])


def _obvious(root: Path) -> list[str]:
    """The files of a tree, slowly: every real file whose name is text and no dropping, by real folders that are so."""
    found = []
    for folder, folders, files in os.walk(root, followlinks=False):
        folders[:] = [name for name in folders if _is_ours(name) and not Path(folder, name).is_symlink()]
        here = [Path(folder, name) for name in files if _is_ours(name)]
        found += [file.relative_to(root).as_posix() for file in here if stat.S_ISREG(file.lstat().st_mode)]
    return sorted(found)


_LEFT_BEHIND = re.compile(
    r"(?i)thumbs\.db|desktop\.ini|metadata\.parquet|__macosx|@eadir|.*-checkpoint\.\w+|\..*|(?-i:reidindex[.-].*)",
    re.DOTALL,
)


def _is_ours(name: str) -> bool:
    return os.fsencode(name).decode(errors="replace") == name and not _LEFT_BEHIND.fullmatch(name)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("laws")


@settings(max_examples=times(15, 120, 1_000))
@given(tree=st.dictionaries(_name, _tree, max_size=6))
def test_any_tree_of_any_names_is_listed_as_a_slow_obvious_walk_does_and_built_or_refused(room, tree):
    root = room / "tree"
    shutil.rmtree(root, ignore_errors=True)
    try:
        _make(root, tree)
    except OSError as error:
        assert error.errno in (errno.EILSEQ, errno.ENAMETOOLONG, errno.EEXIST, errno.EINVAL), error  # not everywhere
        return
    expected = _obvious(root)

    try:
        listing = list_tree(root)
    except TreeError:
        assert expected == []
        return
    assert listing.paths == expected
    with contextlib.suppress(ReidIndexError):
        report = build_index(root, room / "x.parquet", layout="folders", hash=True, force=True)
        index = open_index(report.index)
        for row in range(len(index)):
            opened(real_file(root, index.path_of(row), links_outside=False)).close()
        assert not [p for p in report.problems if p.kind == "image"]
        assert check_index(report.index).counts().keys() <= {"copy-identity", "copy-split", "doubtful"}
        assert np.all(IndexFile(report.index).integers("size").slice(0, len(index)) == 0)
    with contextlib.suppress(ReidIndexError):
        build_index(root, room / "x.parquet", force=True)
