"""A disk or a network that goes away, a file that is cut short or written over: an error where the system permits one."""

from __future__ import annotations

import mmap
import os
import pickle  # noqa: TID251 - what spawn does
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from indexer.build import build_index
from indexer.errors import IndexDamagedError, IndexFileError
from indexer.held_file import HeldFile
from indexer.index_file import IndexFile
from indexer.schema import MAPPED_INTEGERS
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.mapped import open_index
from tests import trees
from tests.effort import IN_THE_GATE, times
from tests.reliability.everything import everything_at, everything_of
from tests.reliability.forked import forked, needs_fork

PROJECT = Path(__file__).parents[2]


def populates() -> bool:
    """Whether the system can say in words that a page is not there."""
    if sys.platform != "linux":
        return False
    with mmap.mmap(-1, mmap.PAGESIZE) as pages:
        try:
            pages.madvise(22)
        except OSError:
            return False
    return True


needs_populate = pytest.mark.skipif(
    not populates(), reason="needs Linux 5.14: before, the kernel knows no word for it but a signal"
)
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def path(tmp_path):
    root = trees.orbench(tmp_path / "data")
    build_index(root)
    return root / "reidindex.parquet"


def cuts(path):
    """Sizes to cut a file to: the ends of pages and what is near them, and some between."""
    size, page = path.stat().st_size, mmap.PAGESIZE
    near = {n + d for n in range(0, size, page) for d in (-1, 0, 1)} | {size - 1, size - 8, size // 2}
    drawn = np.random.default_rng(7).integers(0, size, times(5, 60, 600)).tolist()
    found = sorted(n for n in {*near, *drawn} if 0 <= n < size)
    return found if IN_THE_GATE else found[::5]


@needs_fork
def test_a_file_cut_short_under_a_run_is_an_error_when_the_next_epoch_begins(path, tmp_path):
    for size in cuts(path):
        copy = tmp_path / "copy.parquet"
        shutil.copy(path, copy)

        def epochs(copy=copy, size=size):
            sampler = PKBatchSampler(open_index(copy).select(split="train"), 2, 2)
            list(sampler)
            os.truncate(copy, size)
            list(sampler)

        told = forked(epochs)

        assert told.startswith(f"IndexDamagedError: {copy}: was cut short while it was open, from "), (size, told)
        assert told.endswith(f"to {size:,}; rebuild it with `reidindex build`, and go on from the last state")


@needs_fork
@needs_populate
def test_what_is_first_read_after_a_file_was_cut_short_is_an_error_or_what_it_was(path, tmp_path):
    expected = {name: open_index(path).column(name).tolist() for name in MAPPED_INTEGERS}
    failed = 0
    for size in cuts(path):
        copy = tmp_path / "copy.parquet"
        shutil.copy(path, copy)

        def columns(copy=copy, size=size):
            index = open_index(copy)
            os.truncate(copy, size)
            wrong = 0
            for name, values in expected.items():
                try:
                    assert index.column(name).tolist() == values
                except IndexDamagedError:
                    wrong += 1
            try:
                index.file.beside()
            except IndexDamagedError:
                wrong += 1
            return wrong

        told = forked(columns)

        assert told.isdigit(), (size, told)
        failed += int(told)
    assert failed


def test_a_file_written_over_in_place_is_an_error_when_the_next_epoch_begins(path):
    sampler = PKBatchSampler(open_index(path).select(split="train"), 2, 2)
    list(sampler)
    content = bytearray(path.read_bytes())

    for at in range(4, len(content), 16):
        content[at] ^= 255
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(1, 1))

    with pytest.raises(IndexDamagedError, match=r"column \w+, row group 0: the checksum differs"):
        list(sampler)


def test_a_file_written_over_in_place_with_what_it_held_is_no_error(path):
    sampler = PKBatchSampler(open_index(path).select(split="train"), 2, 2)
    list(sampler)

    with path.open("r+b") as file:
        file.write(path.read_bytes())
    os.utime(path, ns=(1, 1))

    assert list(sampler)


def cut(path):
    os.truncate(path, 0)


def overwrite(path):
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"\0" * size)


@needs_fork
@pytest.mark.parametrize("fate", [cut, overwrite, os.unlink])
def test_nothing_that_becomes_of_the_file_matters_to_an_index_in_memory(path, fate):
    expected = everything_at(path)

    def told():
        index = open_index(path, in_memory=True)
        train = index.select(split="train")
        pid = train.column("pid")
        copy = pickle.loads(pickle.dumps(index))
        assert len(copy) == len(index)
        sampler = PKBatchSampler(train, 2, 2)
        list(sampler)
        fate(path)
        list(sampler)
        assert pid.tolist() == train.column("pid").tolist()
        return everything_of(index) + everything_of(copy)

    assert forked(told) == expected + expected


def test_an_index_in_memory_is_equal_to_the_mapped_one(path):
    mapped, read = open_index(path), open_index(path, in_memory=True, verify="full")

    assert read == mapped
    assert everything_of(read) == everything_of(mapped)


def test_a_file_that_becomes_shorter_while_it_is_read_is_an_error(path, monkeypatch):
    with path.open("rb") as file:
        os.truncate(path, 100)
        held = HeldFile(path, file, in_memory=True)
        assert held.bytes.size == 100

        class Longer:
            st_dev = st_ino = st_mtime_ns = 1
            st_size = 200

        monkeypatch.setattr(os, "fstat", lambda handle: Longer)
        with pytest.raises(OSError, match="became shorter while it was read"):
            HeldFile(path, file, in_memory=True)


OPEN = """
import sys
from pathlib import Path
from indexer.errors import IndexFileError
from indexer.index_file import IndexFile, locate_index
try:
    file = IndexFile(locate_index(sys.argv[1]))
    print(file.integers("pid").slice(0, file.num_rows).tolist())
except IndexFileError as error:
    print(f"{type(error).__name__}: {error}")
"""
CALLS = ["stat,fstat,newfstatat,statx", "openat", "read", "mmap"]
ERRORS = {"EIO": "Input/output error", "ESTALE": "Stale file handle"}


def opened_with(path, *inject, only_the_file=True):
    """What a process says that opens an index while system calls fail; and whether one did."""
    log = path.with_name("log")
    filters = ["-P", str(path)] if only_the_file else []
    command = [
        "strace",
        "-f",
        "-qq",
        "-o",
        str(log),
        *filters,
        *(word for one in inject for word in ("-e", f"inject={one}")),
    ]
    done = subprocess.run(
        [*command, sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True, cwd=PROJECT
    )
    return done, "(INJECTED)" in log.read_text()


@needs_strace
@pytest.mark.parametrize("calls", CALLS if IN_THE_GATE else ["read"])
@pytest.mark.parametrize("error", ERRORS if IN_THE_GATE else ["EIO"])
def test_an_error_of_the_disk_at_any_call_of_an_open_names_the_file_and_the_error(path, calls, error):
    whole = str(IndexFile(path).integers("pid").slice(0, 10**6).tolist())
    names = ",".join(f"?{name}" for name in calls.split(","))
    failed = 0
    for number in range(1, times(3, 30, 30)):
        done, injected = opened_with(path, f"{names}:error={error}:when={number}")
        assert done.returncode == 0, done.stderr
        if not injected:
            break
        if done.stdout.strip() != whole:
            failed += 1
            assert done.stdout.startswith(f"IndexFileError: {path}: cannot be ")
            assert ERRORS[error] in done.stdout
    assert failed


@needs_strace
@needs_populate
def test_an_error_of_the_disk_under_the_mapping_is_an_error_when_a_column_is_first_used(path):
    done, injected = opened_with(path, "madvise:error=EFAULT", only_the_file=False)

    assert injected
    assert done.stdout.startswith(f"IndexFileError: {path}: cannot be read (Input/output error); see to the disk"), (
        done.stderr
    )


@needs_strace
def test_where_a_file_system_maps_no_files_they_are_read(path):
    done, injected = opened_with(path, "mmap:error=ENODEV")

    assert injected
    assert done.stdout.strip() == str(IndexFile(path).integers("pid").slice(0, 10**6).tolist())


@needs_strace
def test_the_command_line_tells_an_error_of_the_disk_in_one_line(path):
    command = ["strace", "-f", "-qq", "-o", str(path.with_name("log")), "-P", str(path), "-e", "inject=read:error=EIO"]
    done = subprocess.run(
        [*command, sys.executable, "-m", "indexer", "stats", str(path)], capture_output=True, text=True, cwd=PROJECT
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cannot be read (Input/output error)" in " ".join(done.stderr.split())


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="limits of open files are POSIX's")
def test_too_many_open_files_are_told_as_such(path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 64
    kept = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 40, hard))
        with pytest.raises(IndexFileError, match=r"cannot be read \(Too many open files\)"):
            kept.extend(IndexFile(path) for _ in range(100))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        kept.clear()
    assert IndexFile(path).num_rows
