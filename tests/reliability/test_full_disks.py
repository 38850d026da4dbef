"""A disk that is full, broken or closed to us: the old file stays, nothing is left beside it, and the message says which file and why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from indexer import index_writing
from indexer.build import build_index
from indexer.errors import IndexFileError
from indexer.seal import Chunk, write_seal
from tests import trees
from tests.conftest import Run
from tests.effort import IN_A_SOAK, IN_THE_GATE, gate_only, some, times
from tests.reliability.mounts import immutable, remount, small_disk
from tests.reliability.traced import Call, needs_strace, under_strace
from tests.reliability.warm import Warm
from tests.reliability.writings import BUILDS, OTHERS, Writing, rebuild

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can do that")


def _fails(warm: Warm, writing: Writing, inject: str, why: str) -> None:
    """The command fails, says which file and why, and leaves the old one and nothing else; then it can be run again."""
    writing.put_back()
    code, _ = under_strace(warm, *writing.words, told=writing.told, inject=inject)
    assert code == 1, (inject, writing.said())
    assert f"{writing.out}: " in writing.said(), inject
    assert why in writing.said(), inject
    assert "Traceback" not in writing.said(), inject
    assert writing.content() == writing.old, inject
    assert writing.left() == [], inject


def _of_the_temporary(writing: Writing, calls: list[Call], *names: str) -> list[Call]:
    return [c for c in calls if c.name in names and ".reidindex-" in c.line and ".tmp" in c.line]


@needs_fork
@needs_strace
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "what", [*BUILDS, *OTHERS] if IN_A_SOAK else ["rebuild", "export"] if IN_THE_GATE else ["rebuild"]
)
def test_a_write_that_fails_leaves_the_old_file(warm: Warm, tmp_path: Path, what: str) -> None:
    writing = {**BUILDS, **OTHERS}[what](warm, tmp_path)
    writing.put_back()
    _, calls = under_strace(warm, *writing.words, told=writing.told)
    writes = _of_the_temporary(writing, calls, "write", "pwrite64", "writev")
    assert writes
    reasons = {"ENOSPC": "No space left on device", "EIO": "Input/output error", "EDQUOT": "Disk quota exceeded"}
    for call in writes[:: times(len(writes) - 1, 1, 1)]:
        for error, why in list(reasons.items())[: times(1, 2, 3)]:
            _fails(warm, writing, f"{call.name}:error={error}:when={call.number}", why)
    for call in some(_of_the_temporary(writing, calls, "fsync", "rename", "utimensat")):
        _fails(warm, writing, f"{call.name}:error=EIO:when={call.number}", reasons["EIO"])
    made = _of_the_temporary(writing, calls, "openat")[0]
    _fails(warm, writing, f"openat:error=EMFILE:when={made.number}", "Too many open files")
    assert warm.run(*writing.words, told=writing.told) == 0
    assert writing.content() == writing.new


def test_what_does_not_read_as_it_was_written_takes_nobodys_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = trees.market(tmp_path / "data")
    out = build_index(data).index
    before = out.read_bytes()

    def damaged(file: IO[bytes], chunks: list[Chunk]) -> None:
        write_seal(file, chunks)
        file.seek(-20, os.SEEK_END)
        file.write(b"?")

    monkeypatch.setattr(index_writing, "write_seal", damaged)
    with pytest.raises(IndexFileError) as found:
        build_index(data, force=True)
    assert str(found.value).startswith(f"{out}: what was written could not be read back (")
    assert str(found.value).endswith("what was there before is untouched")
    assert ".tmp" not in str(found.value)
    assert out.read_bytes() == before
    assert [p.name for p in data.iterdir() if p.name.startswith(".")] == []


@gate_only
@needs_fork
@needs_strace
def test_what_cannot_be_read_back_takes_nobodys_place(warm: Warm, tmp_path: Path) -> None:
    writing = rebuild(warm, tmp_path)
    writing.put_back()
    _, calls = under_strace(warm, *writing.words, told=writing.told)
    for call in _of_the_temporary(writing, calls, "openat")[1:]:
        _fails(warm, writing, f"openat:error=EIO:when={call.number}", "nput/output error")


@needs_fork
@needs_strace
def test_a_folder_that_cannot_be_synced_is_told_and_the_new_index_is_there(warm: Warm, tmp_path: Path) -> None:
    writing = rebuild(warm, tmp_path)
    writing.put_back()
    code, _ = under_strace(warm, *writing.words, told=writing.told, inject="fsync:error=EIO:when=2")
    assert code == 1
    assert f"{writing.out}: is written and whole, but the disk did not confirm its name" in writing.said()
    assert writing.content() == writing.new
    assert writing.left() == []


@gate_only
@needs_fork
@needs_strace
def test_a_file_system_that_knows_no_sync_of_folders_is_no_error(warm: Warm, tmp_path: Path) -> None:
    writing = rebuild(warm, tmp_path)
    writing.put_back()
    code, _ = under_strace(warm, *writing.words, told=writing.told, inject="fsync:error=EINVAL:when=2")
    assert (code, writing.content(), writing.left()) == (0, writing.new, [])


@gate_only
@needs_fork
def test_a_disk_that_is_really_full_keeps_the_old_index(warm: Warm, tmp_path: Path) -> None:
    """Of every size: too small for the lock's file, for the temporary, for all but its last bytes; and large enough."""
    writing = rebuild(warm, tmp_path)
    codes = []
    with small_disk(tmp_path / "disk", "size=1m") as disk:
        out = disk / "small.parquet"
        assert warm.run("build", tmp_path / "data", "-o", out, told=writing.told) == 0
        whole = out.read_bytes()
        pages = 1 + len(whole) // 4096
        for room in range(2 * pages + 3):
            old = whole[: 4096 * pages]
            out.write_bytes(old)
            os.utime(out, (1, 1))
            remount(disk, f"size={4096 * (pages + room)}")
            writing.told.write_bytes(b"")
            codes.append(warm.run("build", tmp_path / "data", "-o", out, "--force", told=writing.told))
            remount(disk, "size=1m")
            assert [p.name for p in disk.iterdir()] == ["small.parquet"], room
            assert out.read_bytes() == whole, room
            assert (out.stat().st_mtime == 1) == (codes[-1] == 1), room
            if codes[-1]:
                assert f"{out}: the index cannot be written there (No space left on device)" in writing.said(), room
    assert codes == sorted(codes, reverse=True), codes
    assert set(codes) == {0, 1}, codes


@gate_only
@needs_fork
def test_a_disk_without_room_for_another_name_keeps_the_old_index(warm: Warm, tmp_path: Path) -> None:
    writing = rebuild(warm, tmp_path)
    codes = []
    for inodes in (2, 3, 4):  # the folder, the index; the temporary or the lock; both
        with small_disk(tmp_path / f"disk{inodes}", f"size=1m,nr_inodes={inodes}") as disk:
            out = disk / "small.parquet"
            out.write_bytes(writing.new)
            writing.told.write_bytes(b"")
            codes.append(warm.run("build", tmp_path / "data", "-o", out, "--force", told=writing.told))
            assert [p.name for p in disk.iterdir()] == ["small.parquet"]
            assert out.read_bytes() == writing.new or codes[-1] == 0
            if codes[-1]:
                assert f"{out}: the index cannot be written there (No space left on device)" in writing.said()
    assert codes[0] == 1
    assert codes[-1] == 0


@needs_fork
@pytest.mark.parametrize("most", some([1000, 4096, 8191]))
def test_a_limit_on_the_size_of_files_keeps_the_old_index(warm: Warm, tmp_path: Path, most: int) -> None:
    writing = rebuild(warm, tmp_path)
    writing.put_back()
    assert len(writing.new) > most
    code = warm.run(*writing.words, told=writing.told, limits={"RLIMIT_FSIZE": most})
    assert code == 1
    assert f"{writing.out}: the index cannot be written there (File too large)" in writing.said()
    assert (writing.content(), writing.left()) == (writing.old, [])


@gate_only
@pytest.mark.skipif(os.name == "nt", reason="ulimit is a word of Unix's shells")
def test_a_user_with_ulimit_is_told_and_not_killed(tmp_path: Path) -> None:
    """The signal that goes with the limit would end the process: Python ignores it, and the error comes as any other."""
    data = trees.market(tmp_path / "data")
    command = f'ulimit -f 4; exec "{sys.executable}" -m indexer build "{data}"'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 1, done
    assert f"{data}/reidindex.parquet: the index cannot be written there (File too large)" in done.stderr
    assert not list(data.glob("*reidindex*"))


@gate_only
@needs_fork
def test_an_index_that_is_immutable_is_told_and_kept(warm: Warm, tmp_path: Path) -> None:
    writing = rebuild(warm, tmp_path)
    writing.put_back()
    with immutable(writing.out):
        assert warm.run(*writing.words, told=writing.told) == 1
        assert f"{writing.out}: the index cannot be written there (Operation not permitted)" in writing.said()
        assert (writing.content(), writing.left()) == (writing.old, [])


@gate_only
@needs_fork
def test_a_folder_where_nothing_can_be_made_is_told(warm: Warm, tmp_path: Path) -> None:
    writing = rebuild(warm, tmp_path)
    writing.put_back()
    with immutable(writing.folder):
        assert warm.run(*writing.words, told=writing.told) == 1
        assert f"{writing.out}: the index cannot be written there (Operation not permitted)" in writing.said()
        assert "cannot be locked" not in writing.said()
        assert writing.content() == writing.old


@gate_only
@needs_fork
def test_on_a_disk_for_reading_an_index_that_is_up_to_date_is_no_error_and_another_is(
    warm: Warm, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "size=4m") as disk:
        data, told = trees.market(disk / "data"), tmp_path / "told"
        assert warm.run("build", data, told=told) == 0
        remount(disk, "ro")
        told.write_bytes(b"")
        assert warm.run("build", data, told=told) == 0
        assert "is up to date" in told.read_text()
        assert "lock" not in told.read_text()
        assert warm.run("build", data, "--force", told=told) == 1
        assert f"error: {data}/reidindex.parquet: the index cannot be written there (" in told.read_text()
        assert warm.run("build", data, "-o", tmp_path / "elsewhere.parquet", told=told) == 0


_AS_NOBODY = """
import os, sys
from pathlib import Path
import indexer.export.writing, filelock
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    indexer.export.writing.write_file(Path(sys.argv[1]), [b"new"])
except indexer.errors.ReidIndexError as error:
    sys.exit(str(error))
"""


@gate_only
@needs_root
def test_a_folder_of_somebody_else_is_told(public: Path) -> None:
    out = public / "table.csv"
    out.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", _AS_NOBODY, out], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{out}: cannot be written there (Permission denied)"), done.stderr
    assert [(p.name, p.read_bytes()) for p in public.iterdir()] == [("table.csv", b"old")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@needs_fork
@pytest.mark.parametrize(
    "words", some([["build", "--force"], ["stats"], ["build", "--force", "--json"], ["plan", "-p", "2", "-k", "2"]])
)
def test_results_that_cannot_be_told_are_an_error(warm: Warm, tmp_path: Path, words: list[str]) -> None:
    data, told = trees.market(tmp_path / "data"), tmp_path / "told"
    assert warm.run("build", data, told=told) == 0
    told.write_bytes(b"")
    assert warm.run(words[0], data, *words[1:], told=told, stdout=Path("/dev/full")) == 1
    assert "error: output: No space left on device" in told.read_text()
    assert "Traceback" not in told.read_text()


@gate_only
@pytest.mark.skipif(os.name == "nt", reason="closing a stream is a thing of Unix's shells")
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_stream_that_is_closed_never_becomes_the_index(tmp_path: Path, run: Run, closed: str) -> None:
    """Its number is the next that a file gets: what is printed to it would be written into the index."""
    data = trees.market(tmp_path / "data")
    plain, closing = tmp_path / "plain.parquet", tmp_path / "closing.parquet"
    assert run("build", data, "-o", plain).returncode == 0
    command = f'exec "{sys.executable}" -m indexer build "{data}" -o "{closing}" {closed}'
    assert subprocess.run(["bash", "-c", command], capture_output=True).returncode == 0
    assert closing.read_bytes() == plain.read_bytes()
