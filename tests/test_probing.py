"""What a look into the files tells, and which files are looked into."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from indexer.build import build_index
from indexer.errors import SettingsError, TreeError
from indexer.opening import look_into
from indexer.probing import available_cores
from tests import trees


def picture(file, size=(4, 8), mode="RGB", **how):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(file, **how)
    return file


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for number in range(6):
        picture(root / f"rgb/{number}/a.jpg", (10 + number, 20))
        picture(root / f"ir/{number}/b.png", (7, 9), "L")
    return root


def rows(root):
    return {row["path"]: row for row in pq.read_table(root / "reidindex.parquet").to_pylist()}


def test_a_probe_tells_size_mode_and_content(data):
    report = build_index(data, layout="folders", probe=True, hash=True)

    found = rows(data)
    assert report.opened == 12
    assert (found["rgb/3/a.jpg"]["width"], found["rgb/3/a.jpg"]["height"]) == (13, 20)
    assert {row["mode"] for path, row in found.items() if path.startswith("ir")} == {"L"}
    for path, row in found.items():
        assert row["content_hash"] == hashlib.sha256((data / path).read_bytes()).digest()[:16]


def test_without_a_probe_nothing_is_opened_and_no_column_is_there(data):
    report = build_index(data, layout="folders")

    assert report.opened == 0
    assert not {"width", "height", "mode", "content_hash"} & set(rows(data)["rgb/0/a.jpg"])


def test_a_probe_changes_no_digest_and_so_no_batch(data):
    plain = build_index(data, layout="folders").metadata.digest

    assert build_index(data, layout="folders", probe=True, hash=True).metadata.digest == plain


def test_what_cannot_be_read_is_kept_and_told(data):
    (data / "rgb/0/a.jpg").write_bytes(b"<html>not found</html>")
    (data / "rgb/1/a.jpg").write_bytes(b"")

    report = build_index(data, layout="folders", probe=True, hash=True)

    told = [(problem.kind, problem.where) for problem in report.problems]
    assert told == [("image", "rgb/0/a.jpg"), ("image", "rgb/1/a.jpg")]
    assert rows(data)["rgb/0/a.jpg"]["width"] is None
    assert rows(data)["rgb/0/a.jpg"]["content_hash"] is not None


def test_thousands_that_cannot_be_read_are_counted(tmp_path):
    root = trees.write(tmp_path / "data", [f"a{n // 10}/{n}.jpg" for n in range(40)])

    problems = build_index(root, layout="folders", probe=True).problems

    assert len(problems) == 21
    assert problems[-1].message == "20 more files could not be read"


def test_several_processes_find_what_one_finds(tmp_path, data, monkeypatch):
    build_index(data, tmp_path / "one.parquet", layout="folders", probe=True, hash=True)
    monkeypatch.setattr("indexer.looking.FILES_A_TASK", 2)
    build_index(data, tmp_path / "two.parquet", layout="folders", probe=True, hash=True, jobs=2)

    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    with pytest.raises(SettingsError, match="jobs: expected at least 1, found 0"):
        build_index(data, jobs=0)
    assert available_cores() >= 1


def test_partners_of_an_aligned_set_are_looked_into_too(tmp_path):
    root = trees.rgbnt201(tmp_path / "data")
    for file in root.rglob("*.jpg"):
        picture(file)

    report = build_index(root, probe=True, hash=True)

    table = pq.read_table(report.index)
    assert report.opened == 3 * table.num_rows
    assert set(table["width"].to_pylist()) == {4}


def test_sentences_are_no_pictures(tmp_path):
    root = trees.orbench(tmp_path / "data")
    for file in [*root.rglob("*.jpg"), *root.rglob("*.png")]:
        picture(file)

    report = build_index(root, probe=True)

    assert {problem.kind for problem in report.problems} <= {"published"}
    widths = {row["modality"]: row["width"] for row in rows(root).values()}
    assert widths.get("text") is None
    assert widths["nir"] == 4


def test_an_index_that_was_probed_is_up_to_date_for_whoever_asks_for_less(data):
    build_index(data, layout="folders", probe=True)
    stamp(data)

    assert build_index(data, layout="folders").up_to_date
    assert build_index(data, layout="folders", probe=True).up_to_date
    assert not build_index(data, layout="folders", probe=True, hash=True).up_to_date


def test_a_hashed_index_is_not_up_to_date_over_a_file_rewritten_in_secret(data):
    build_index(data, layout="folders", hash=True)
    stamp(data)
    assert build_index(data, layout="folders", hash=True).up_to_date
    stamp(data, ahead=0)
    secretly_rewrite(data / "ir/2/b.png")

    report = build_index(data, layout="folders", hash=True)

    assert not report.up_to_date
    digest = hashlib.sha256((data / "ir/2/b.png").read_bytes()).digest()[:16]
    assert rows(data)["ir/2/b.png"]["content_hash"] == digest


def test_a_picture_of_too_many_pixels_for_pillow_is_told_not_decoded(tmp_path):
    file = tmp_path / "bomb.png"
    picture(file, (1, 1))
    content = bytearray(file.read_bytes())
    content[16:24] = (30_000).to_bytes(4, "big") * 2
    file.write_bytes(content)  # the checksum of the header no longer fits: Pillow says so, or that it is a bomb

    (found,) = look_into(str(tmp_path), ["bomb.png"], [True], hashes=False)

    assert found.width is None
    assert found.fault is not None
    assert found.fault.startswith("not an image that can be read")


def stamp(root, ahead=10):
    """As if the index had been made some time after its files."""
    index = root / "reidindex.parquet"
    at = max(file.stat().st_ctime_ns for file in root.rglob("*")) + (ahead + 2) * 10**9
    os.utime(index, ns=(at, at))


def secretly_rewrite(file):
    status = file.stat()
    file.write_bytes(bytes(reversed(file.read_bytes())))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_a_manifest_need_not_tell_a_modality(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    picture(root / "1.png")
    (root / "all.csv").write_text("path,identity\n1.png,1\n")

    report = build_index(root, layout=str(root / "all.csv"), probe=True, hash=True)

    assert pq.read_table(report.index)["width"].to_pylist() == [4]


BUILD = """
import signal, sys
from indexer import looking
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
looking.FILES_A_TASK = 1
from indexer.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""
SLOW = (
    "import time, indexer.opening as o; look = o._look; o._look = lambda *a, **k: (time.sleep(0.3), look(*a, **k))[1]"
)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from Linux's /proc")
@pytest.mark.parametrize(("whom", "code"), [("all", 130), ("reader", 1)])
def test_a_build_that_is_broken_off_leaves_nothing(tmp_path, data, whom, code):
    """Ctrl-C, which a terminal sends to all processes; and one of those that read is killed."""
    build_index(data, layout="folders")
    before = (data / "reidindex.parquet").read_bytes()
    (tmp_path / "program.py").write_text(SLOW + BUILD)
    words = ["build", data, "--layout", "folders", "--hash", "--force", "-j", "2"]
    command = [sys.executable, tmp_path / "program.py", *words]
    for _ in range(3):
        program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        readers = children(program.pid, 2)
        if whom == "all":
            os.killpg(program.pid, signal.SIGINT)
        else:
            os.kill(readers[0], signal.SIGKILL)
        out, err = program.communicate(timeout=60)
        if program.returncode:
            break  # Python loses an interrupt that comes while an object is being destroyed: then nothing was broken off
        before = (data / "reidindex.parquet").read_bytes()

    assert (program.returncode, out) == (code, b""), err.decode()
    assert b"Traceback" not in err
    assert (b"try again with --jobs 1" in err) == (whom == "reader")
    assert not any(
        Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in readers
    )
    assert (data / "reidindex.parquet").read_bytes() == before
    assert not list(data.glob(".*"))


def test_processes_that_cannot_be_started_are_told(data, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("indexer.looking.FILES_A_TASK", 1)
    monkeypatch.setattr("indexer.looking.ProcessPoolExecutor", refuse)

    with pytest.raises(TreeError, match=r"could not be started \(Too many open files\); try again with --jobs 1"):
        build_index(data, layout="folders", hash=True, jobs=2)


def children(pid, number):
    """The processes that were started by one, as soon as there are so many that read."""
    while True:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words, parent = (
                    (folder / "cmdline").read_bytes(),
                    (folder / "stat").read_text().rpartition(")")[2].split()[1],
                )
                if int(parent) == pid and b"spawn_main" in words:
                    found.append(int(folder.name))
        if len(found) >= number:
            return found
        time.sleep(0.02)
