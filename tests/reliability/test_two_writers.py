"""One writer at a time: the second is told who the first is, and whatever becomes of the first, nobody is locked out for ever."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from indexer.build import build_index
from indexer.errors import BusyError
from indexer.replacement import replacement
from indexer.sole_writer import sole_writer
from sampler_runtime.mapped import open_index
from tests import trees
from tests.conftest import Run
from tests.effort import gate_only, some, times
from tests.reliability.traced import needs_strace, under_strace
from tests.reliability.warm import Warm
from tests.reliability.writings import BUILDS, rebuild

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can do that")
HOLDER: Final = r"process \d+ on [\w.-]+, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d"

_HOLD: Final = """
import sys
from pathlib import Path
from indexer.sole_writer import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(out: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is writing a file."""
    command = [sys.executable, "-c", _HOLD, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def _left(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(".")]


def test_the_second_is_told_who_is_at_it_and_since_when(run: Run, tmp_path: Path) -> None:
    """Whatever it wants to write there."""
    data, other, third = (tmp_path / name for name in ("data", "other", "third"))
    trees.market(data)
    out = data / "reidindex.parquet"
    assert run("build", data).returncode == 0
    for one in (other, third):
        assert run("build", trees.sysu(one)).returncode == 0
    before = out.read_bytes()
    commands = [
        ("build", data),
        ("build", other, "-o", out, "--force"),
        ("update", data),
        ("split", other, "--val", "0.5", "-o", out),
        ("merge", other, third, "--name", f"{other}=a", "--name", f"{third}=b", "-o", out),
        ("filter", other, "pid >= 0", "-o", out),
        ("export", other, "--to", "csv", "-o", out, "--force"),
    ]
    with held_elsewhere(out) as holder:
        for command in commands:
            done = run(*command)
            assert done.returncode == 1, (command, done)
            said = " ".join(done.stderr.split())
            assert re.search(re.escape(f"{out}: is being written by ") + HOLDER + "; wait until it has ended", said), (
                said
            )
            assert f"process {holder.pid} on " in said
            assert out.read_bytes() == before
    assert run("build", data, "--force").returncode == 0
    assert _left(data) == []


@needs_fork
@pytest.mark.parametrize("how", some(["SIGKILL", "SIGTERM", "SIGINT", "SIGSTOP"]))
def test_a_writer_that_is_ended_frees_its_file(run: Run, tmp_path: Path, how: str) -> None:
    data = trees.market(tmp_path / "data")
    with held_elsewhere(data / "reidindex.parquet") as holder:
        holder.send_signal(getattr(signal, how))
        if how == "SIGSTOP":  # it only sleeps: the file is still its own
            assert run("build", data).returncode == 1
            holder.kill()
        holder.wait()
    assert run("build", data).returncode == 0
    assert _left(data) == []


@gate_only
@needs_fork
@pytest.mark.parametrize("what", BUILDS)
def test_of_writers_at_once_each_writes_the_whole_or_is_told(warm: Warm, tmp_path: Path, what: str) -> None:
    writing = BUILDS[what](warm, tmp_path)
    busy = 0
    for _ in range(times(2, 8, 300)):
        writing.put_back()
        told = [writing.told.with_name(f"told{n}") for n in range(3)]
        pids = [warm.start(*writing.words, told=file) for file in told]
        codes = [warm.wait(pid) for pid in pids]
        assert set(codes) <= {0, 1}, codes
        assert 0 in codes
        assert writing.content() == writing.new
        assert writing.left() == []
        for code, file in zip(codes, told, strict=True):
            said = " ".join(file.read_text().split())
            if code:
                assert re.search(f"is being written by ({HOLDER}|another process); wait until it has ended", said), said
                busy += 1
            file.unlink()
    assert busy, "they never met"


@gate_only
@needs_fork
def test_files_of_one_folder_do_not_wait_for_one_another(warm: Warm, tmp_path: Path) -> None:
    data, told = trees.market(tmp_path / "data"), tmp_path / "told"
    with held_elsewhere(data / "reidindex.parquet"):
        assert warm.run("build", data, "-o", data / "another.parquet", told=told) == 0
        assert sorted(_left(data)) == [".reidindex-reidindex.parquet.lock"]
    assert open_index(data / "another.parquet", verify="full").digest


@needs_fork
@needs_strace
@pytest.mark.parametrize(("number", "code"), some([("TERM", 143), ("HUP", 129), ("INT", 130)]))
def test_a_writer_that_is_told_to_end_leaves_nothing(warm: Warm, tmp_path: Path, number: str, code: int) -> None:
    writing = rebuild(warm, tmp_path)
    for call, contents in (("fsync", {writing.old}), ("rename", {writing.old, writing.new})):
        writing.put_back()
        found, _ = under_strace(warm, *writing.words, told=writing.told, inject=f"{call}:signal={number}:when=1")
        assert found == code, writing.said()
        assert writing.content() in contents
        assert writing.left() == []
        assert "Traceback" not in writing.said()


@pytest.mark.parametrize("content", [b"", b"\0\xff garbage\n" * 100, b"process 1 on here, since for ever\x1b[31m"])
def test_a_lock_that_somebody_has_left_locks_nobody_out(tmp_path: Path, content: bytes) -> None:
    data = trees.market(tmp_path / "data")
    (data / ".reidindex-reidindex.parquet.lock").write_bytes(content)
    (data / ".reidindex-reidindex.parquet.0123abcd.tmp").write_bytes(b"half an index")
    kept = [".reidindex-reidindex.parquet.0123abcd.tmp.mine", ".reidindex-another.parquet.0123abcd.tmp"]
    trees.write(data, kept)
    build_index(data)
    assert sorted(_left(data)) == sorted(kept)


def test_what_is_left_goes_although_the_index_is_up_to_date(tmp_path: Path) -> None:
    data = trees.market(tmp_path / "data")
    build_index(data)
    (data / ".reidindex-reidindex.parquet.lock").write_bytes(b"")
    (data / ".reidindex-reidindex.parquet.0123abcd.tmp").write_bytes(b"half an index")
    assert build_index(data).up_to_date
    assert _left(data) == []


def test_a_lock_file_says_nothing_that_is_not_a_holders(tmp_path: Path) -> None:
    """Whoever may write it could put anything into a message that somebody else reads."""
    out = tmp_path / "index.parquet"
    with held_elsewhere(out):
        (tmp_path / ".reidindex-index.parquet.lock").write_bytes(b"\x1b]0;owned\a process 1 on evil\n")
        with pytest.raises(BusyError, match=r"is being written by another process; wait"), sole_writer(out):
            pass


def _symlink(file: Path) -> None:
    file.symlink_to(file.parent.parent / "victim")


@gate_only
@pytest.mark.skipif(os.name == "nt", reason="needs links that anybody may make")
@pytest.mark.parametrize("put", [_symlink, Path.mkdir], ids=["a link", "a folder"])
def test_what_lies_where_the_lock_should_is_told_and_left_alone(
    run: Run, tmp_path: Path, put: Callable[[Path], None]
) -> None:
    data, victim = trees.market(tmp_path / "data"), tmp_path / "victim"
    victim.write_bytes(b"precious")
    lock = data / ".reidindex-reidindex.parquet.lock"
    put(lock)
    done = run("build", data, env={**os.environ})
    assert done.returncode == 0
    assert done.stderr.count("cannot be locked") == 1, done.stderr
    assert str(lock) in done.stderr
    assert victim.read_bytes() == b"precious"
    assert os.path.lexists(lock)


@gate_only
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_where_the_lock_should_lie_stops_nobody(tmp_path: Path) -> None:
    out = tmp_path / "index.parquet"
    os.mkfifo(tmp_path / ".reidindex-index.parquet.lock")
    with held_elsewhere(out):
        for _ in range(2):  # the second finds it empty
            with pytest.raises(BusyError), sole_writer(out):
                pass
    with sole_writer(out):
        pass
    assert _left(tmp_path) == []


@gate_only
@needs_fork
@needs_strace
@pytest.mark.parametrize("error", some(["ENOLCK", "EOPNOTSUPP", "ENOSYS"]))
def test_where_files_cannot_be_locked_a_note_says_so_and_the_work_is_done(
    warm: Warm, tmp_path: Path, error: str
) -> None:
    writing = rebuild(warm, tmp_path)
    writing.put_back()
    somebodys = writing.folder / ".reidindex-reidindex.parquet.0123abcd.tmp"
    somebodys.write_bytes(b"at work")
    code, _ = under_strace(warm, *writing.words, told=writing.told, inject=f"flock:error={error}")
    assert code == 0
    assert writing.content() == writing.new
    assert writing.said().count("cannot be locked") == 1
    assert writing.left() == [somebodys.name]  # nobody knows whether it is a leftover


def test_another_thread_is_another_writer_and_the_same_one_is_not(tmp_path: Path) -> None:
    out, found = tmp_path / "index.parquet", []

    def write() -> None:
        try:
            with replacement(out) as file:
                file.write(b"theirs")
        except BusyError as error:
            found.append(str(error))

    with sole_writer(out):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert [f"process {os.getpid()} on " in said for said in found] == [True]
        assert not out.exists()
        with sole_writer(out), replacement(out) as file:
            file.write(b"ours")
        assert (tmp_path / ".reidindex-index.parquet.lock").exists(), "the inner one must not let go of it"
    assert out.read_bytes() == b"ours"
    write()
    assert out.read_bytes() == b"theirs"
    assert _left(tmp_path) == []


_FORK: Final = """
import os, sys
from pathlib import Path
from indexer.errors import BusyError
from indexer.sole_writer import sole_writer
out = Path(sys.argv[1])
with sole_writer(out):
    child = os.fork()
    if not child:
        try:
            with sole_writer(out):
                os._exit(1)
        except BusyError:
            os._exit(7)
        except BaseException:
            os._exit(2)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    leaving = os.fork()
    if not leaving:
        sys.exit(0)  # through all that is done at the end of an interpreter
    os.waitpid(leaving, 0)
    print(code, flush=True)
    sys.stdin.read()
"""


@needs_fork
def test_a_fork_of_the_writer_is_another_writer_and_takes_nothing_from_it(tmp_path: Path) -> None:
    out = tmp_path / "index.parquet"
    command = [sys.executable, "-W", "ignore", "-c", _FORK, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "7\n"
        with pytest.raises(BusyError), sole_writer(out):
            pass
        parent.communicate()
    with sole_writer(out):
        pass
    assert _left(tmp_path) == []


_AS_NOBODY: Final = """
import os, sys
from pathlib import Path
import filelock
from indexer.errors import BusyError
from indexer.sole_writer import sole_writer
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    with sole_writer(Path(sys.argv[1])):
        pass
except BusyError:
    sys.exit(7)
"""


@gate_only
@needs_root
@needs_fork
@pytest.mark.parametrize("sticky", [False, True])
def test_users_who_share_a_folder_wait_for_one_another(public: Path, sticky: bool) -> None:
    folder = public / "shared"
    folder.mkdir()
    folder.chmod(0o1777 if sticky else 0o777)
    out = folder / "index.parquet"
    command = [sys.executable, "-c", _AS_NOBODY, str(out)]
    before = os.umask(0o077)
    try:
        with held_elsewhere(out) as holder:
            assert subprocess.run(command, capture_output=True).returncode == 7
            holder.kill()
            holder.wait()
    finally:
        os.umask(before)
    assert _left(folder) == [".reidindex-index.parquet.lock"]  # of root, killed: it locks nobody out
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert _left(folder) == ([".reidindex-index.parquet.lock"] if sticky else [])


@gate_only
@needs_fork
@pytest.mark.timeout(600)
def test_a_killed_build_leaves_no_process_that_opens_files(warm: Warm, tmp_path: Path) -> None:
    """Nor does the next one find its files in their hands."""
    data = tmp_path / "data"
    names = [f"bounding_box_train/{i:04d}_c{c}s1_{i:06d}_00.jpg" for i in range(1, 351) for c in range(1, 7)]
    trees.write(data, names, b"x")
    words, told = ("build", data, "--hash", "--jobs", 2, "--force"), tmp_path / "told"
    assert warm.run(*words, told=told) == 0
    new = (data / "reidindex.parquet").read_bytes()
    for number in range(times(1, 3, 60)):
        pid = warm.start(*words, told=told)
        threading.Event().wait(0.1 + number % 20 * 0.1)
        os.kill(pid, signal.SIGKILL)
        warm.wait(pid)
        assert (data / "reidindex.parquet").read_bytes() == new
        for _ in range(3000):
            try:
                os.killpg(pid, 0)
            except ProcessLookupError:
                break
            threading.Event().wait(0.01)
        else:
            pytest.fail("its processes live on")
    assert warm.run("build", data, "--hash", told=told) == 0
    assert _left(data) == []


# ---------------------------------------------------------------------------------- several that begin with a build


def test_a_build_that_waits_goes_on_when_the_other_has_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data, reports = trees.market(tmp_path / "data"), []
    with held_elsewhere(data / "reidindex.parquet") as holder:
        waiting = threading.Thread(target=lambda: reports.append(build_index(data, wait=True)))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert reports == []
        holder.kill()
        waiting.join(60)
    assert [report.up_to_date for report in reports] == [False]
    assert re.search(rf"is being written by {HOLDER}; waiting", caplog.text)


@needs_fork
def test_of_processes_that_all_begin_with_a_build_one_builds_and_all_go_on(warm: Warm, tmp_path: Path) -> None:
    """As the ranks of a training do."""
    for number in range(times(2, 20, 200)):
        data = trees.market(tmp_path / f"{number}/data")
        told = [data.parent / f"told{rank}" for rank in range(4)]
        ranks = [warm.start("build", data, "--wait", told=one) for one in told]
        said = "".join(one.read_text() for one in told if warm.wait(ranks[told.index(one)]) == 0)
        assert len(re.findall("^✓", said, re.MULTILINE)) == 4, said
        assert said.count("layout market1501") == 4 - said.count("is up to date") >= 1
        assert _left(data) == []


def test_builds_that_find_their_index_up_to_date_are_not_in_each_others_way(tmp_path: Path) -> None:
    data = trees.market(tmp_path / "data")
    build_index(data)
    with ThreadPoolExecutor(8) as threads:
        reports = list(threads.map(lambda _: build_index(data), range(times(24, 100, 1_000))))
    assert all(report.up_to_date for report in reports)
