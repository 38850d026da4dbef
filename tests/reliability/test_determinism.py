"""One tree, one index, byte for byte: whatever the process, its locale, its time zone, the order the disk tells, and the number of jobs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.build import build_index
from indexer.index_file import IndexFile
from indexer.update import update_index
from tests import trees
from tests.effort import IN_A_SOAK, IN_THE_GATE

SHUFFLED = """
import os, random, sys
order, scandir = random.Random(int(sys.argv.pop(1))), os.scandir

class Shuffled:
    def __init__(self, *where):
        with scandir(*where) as found:
            self.entries = list(found)
        order.shuffle(self.entries)
    def __enter__(self): return iter(self.entries)
    def __exit__(self, *error): pass
    def __iter__(self): return iter(self.entries)
    def close(self): pass

os.scandir = Shuffled
from indexer.cli import main
main()
"""

PLAIN = ["-m", "indexer"]
BUILDS = {
    "another hash seed": ({"PYTHONHASHSEED": "1"}, PLAIN, []),
    "a third hash seed": ({"PYTHONHASHSEED": "4711"}, PLAIN, []),
    "no locale": ({"LC_ALL": "C"}, PLAIN, []),
    "POSIX, and Python told nothing": ({"LC_ALL": "POSIX", "LANG": ""}, PLAIN, []),
    "west of Greenwich": ({"TZ": "America/Los_Angeles"}, PLAIN, []),
    "a zone of half hours": ({"TZ": "Asia/Kathmandu"}, PLAIN, []),
    "names in another order": ({}, ["-c", SHUFFLED, "1"], []),
    "names in a third order": ({}, ["-c", SHUFFLED, "2"], []),
    "two jobs": ({}, PLAIN, ["-j", "2"]),
    "eight jobs": ({}, PLAIN, ["-j", "8"]),
    "an optimising Python": ({"PYTHONOPTIMIZE": "2"}, PLAIN, []),
    "one thread": ({"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}, PLAIN, []),
}
TRIED = list(BUILDS) if IN_THE_GATE or IN_A_SOAK else ["another hash seed", "names in another order", "two jobs"]


def built(root: Path, out: Path, environment: dict[str, str], python: list[str], options: list[str]) -> bytes:
    command = [sys.executable, *python, "build", root, "-o", out, "--force", "--probe", "--hash", "-q", *options]
    done = subprocess.run(
        list(map(str, command)), env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory, drawn_demo):
    """The demo, with names that sort and fold differently from place to place."""
    root = tmp_path_factory.mktemp("same") / "data"
    shutil.copytree(drawn_demo, root)
    for number, folder in enumerate(["İstanbul", "ısı", "I", "i", "Ä", "A\u0308", "z", "ß", "SS", "日本"]):
        place = root / "vis" / f"{9000 + number}"
        place.mkdir()
        for picture in list((root / "vis").glob("0006/*"))[:2]:
            shutil.copy2(picture, place / picture.name.replace("0006", f"{9000 + number}", 1))
            shutil.copy2(picture, place / f"{folder}.jpg")  # no sample, but a file of the tree, told beside
    return root


@pytest.fixture(scope="module")
def expected(data):
    out = data.parent / "expected.parquet"
    return built(data, out, {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}, PLAIN, ["-j", "1"])


@pytest.mark.parametrize("how", TRIED)
def test_an_index_is_the_same_bytes(data, expected, how):
    out = data.parent / f"{how}.parquet"

    assert built(data, out, *BUILDS[how]) == expected


def test_such_a_test_would_notice_a_difference(data, expected):
    """The bytes are not equal because nothing is compared: another time of one file gives others."""
    picture = next((data / "vis" / "9000").iterdir())
    status = picture.stat()
    os.utime(picture, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    try:
        assert built(data, data.parent / "other.parquet", {}, PLAIN, []) != expected
    finally:
        os.utime(picture, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.skipif(
    not (shutil.which("localedef") and Path("/usr/share/i18n/locales/tr_TR").exists()),
    reason="needs localedef and Turkish",
)
@pytest.mark.parametrize(("charset", "code"), [("UTF-8", 0), ("ISO-8859-9", 1)])
def test_a_turkish_locale_gives_the_same_index_or_is_refused(data, expected, tmp_path, charset, code):
    """Where names are no UTF-8 for Python, other letters would come: better none."""
    subprocess.run(
        ["localedef", "-i", "tr_TR", "-f", charset, tmp_path / f"tr_TR.{charset}"], check=True, capture_output=True
    )
    environment = {**os.environ, "LOCPATH": str(tmp_path), "LC_ALL": f"tr_TR.{charset}", "PYTHONUTF8": "0"}
    out = data.parent / f"{charset}.parquet"

    command = [sys.executable, "-m", "indexer", "build", data, "-o", out, "--probe", "--hash", "-q"]
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, check=False)

    assert done.returncode == code, done.stderr
    if code:
        assert b"PYTHONUTF8=1" in done.stderr
        assert not out.exists()
    else:
        assert out.read_bytes() == expected


REPORTS = [
    ["stats", "{data}", "--json"],
    ["plan", "{data}", "-p", "4", "-k", "4", "--each", "pair", "--json"],
    ["export", "{data}", "--to", "csv", "-o", "{out}"],
    ["export", "{data}", "--to", "coco", "-o", "{out}"],
    ["report", "{data}", "-o", "{out}"],
    ["split", "{data}", "--val", "0.5", "-o", "{out}"],
    ["filter", "{data}", "modality == 'rgb'", "-o", "{out}"],
]


@pytest.mark.parametrize(
    "words", REPORTS if IN_THE_GATE else REPORTS[:1], ids=lambda words: words[0] + words[-3].strip("-{}")
)
def test_what_is_made_of_an_index_is_the_same_for_every_hash_seed(drawn_demo, tmp_path, words):
    data = tmp_path / "data"
    shutil.copytree(drawn_demo, data)
    build_index(data)
    outputs = set()
    for seed in ("0", "7"):
        out = tmp_path / f"out{seed}" / "made.parquet"
        out.parent.mkdir()
        command = [sys.executable, "-m", "indexer", *(word.format(data=data, out=out) for word in words)]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "UTC" if seed == "0" else "Asia/Tokyo"}
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        outputs.add(hashlib.sha256(out.read_bytes() if out.exists() else done.stdout).hexdigest())

    assert len(outputs) == 1


@pytest.fixture
def coarse(tmp_path):
    """A file system that tells whole seconds only."""
    if os.name == "nt" or os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("making a file system needs root and mkfs.ext4")
    image, place = tmp_path / "image", tmp_path / "coarse"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(1 << 24)
    subprocess.run(["mkfs.ext4", "-q", "-I", "128", image], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", image, place], check=False, capture_output=True).returncode:
        pytest.skip("this machine mounts no image")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_coarse_clock_hides_no_rewrite_where_contents_are_known(coarse):
    """Two writes within one second have one time there: size and time are the same, and the file is another."""
    root = trees.market(coarse / "data")
    picture = next((root / "bounding_box_train").glob("*.jpg"))
    picture.write_bytes(b"these pixels")
    build_index(root, hash=True)
    before = picture.stat()
    assert before.st_mtime_ns % 1_000_000_000 == 0, "the test needs a coarse clock"
    picture.write_bytes(b"other pixels")
    os.utime(picture, ns=(before.st_atime_ns, before.st_mtime_ns))

    update_index(root)
    updated = IndexFile(root / "reidindex.parquet")
    build_index(root, root.parent / "anew.parquet", hash=True)

    assert updated.table(["path", "content_hash"]) == IndexFile(root.parent / "anew.parquet").table(
        ["path", "content_hash"]
    )
    assert picture.stat().st_mtime_ns == before.st_mtime_ns


def test_a_copy_to_a_coarse_clock_gives_the_same_batches(coarse, tmp_path):
    root = trees.market(tmp_path / "data")
    for number, file in enumerate(sorted(root.rglob("*.jpg"))):
        os.utime(file, ns=(10**18 + number, 10**18 + number))  # told by the nanosecond
    fine = build_index(root).metadata
    shutil.copytree(root, coarse / "data")

    there = build_index(coarse / "data", force=True).metadata

    assert there.digest == fine.digest
    assert there.fingerprint != fine.fingerprint
