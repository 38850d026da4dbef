"""An update is a whole build, byte for byte, that opens only what has changed; and pids that stay."""

from __future__ import annotations

import io
import os
import shutil
import time
from pathlib import Path
from tempfile import mkdtemp

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from PIL import Image

from indexer.account import as_json
from indexer.build import build_index
from indexer.errors import IndexFileError, IndexMissingError, SettingsError, TreeMissingError
from indexer.index_file import IndexFile
from indexer.layouts import layout_text
from indexer.scan import status
from indexer.update import update_index
from sampler_runtime.mapped import open_index
from tests import trees
from tests.effort import examples
from tests.layout_trees import Maker, all_trees

INDEX = "reidindex.parquet"
TICK = 0.012  # the clock of a file system may lag by some milliseconds


def bitmap(colour):
    """A picture whose size in bytes tells nothing of its content."""
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(buffer, "BMP")
    return buffer.getvalue()


CONTENTS = (bitmap("red"), bitmap("green"), bitmap("blue"), b"not a picture", b"")
PEOPLE, CAMERAS = ("0001", "0002", "0003", "0010"), ("cam1", "cam3", "cam4", "cam6")
places = st.builds("{}/{}/{:04}.jpg".format, st.sampled_from(CAMERAS), st.sampled_from(PEOPLE), st.integers(1, 3))
contents = st.sampled_from(CONTENTS)
some_ids = st.lists(st.sampled_from([1, 2, 3, 10]), unique=True)


class ATreeThatChanges(RuleBasedStateMachine):
    """Whatever happens to a tree, an update gives the bytes that a whole build gives."""

    def __init__(self):
        super().__init__()
        self.root = Path(mkdtemp(prefix="reidindex-update-"))
        self.index = self.root / INDEX

    @initialize(names=st.lists(places, min_size=2, max_size=10, unique=True), probe=st.booleans(), hash=st.booleans())
    def begin(self, names, probe, hash):
        self.how = {"layout": "sysu-mm01", "probe": probe, "hash": hash}
        for number, name in enumerate(names):
            self.put(name, CONTENTS[number % 3])
        (self.root / "exp").mkdir()
        self.edit_a_list("train", [1, 2])
        build_index(self.root, **self.how)
        time.sleep(TICK)

    def put(self, name, content):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    @property
    def samples(self):
        return sorted(self.root.glob("cam*/*/*.jpg"))

    @rule(name=places, content=contents)
    def write_a_file(self, name, content):
        self.put(name, content)

    @precondition(lambda self: len(self.samples) > 1)
    @rule(data=st.data())
    def remove_a_file(self, data):
        data.draw(st.sampled_from(self.samples)).unlink()

    @precondition(lambda self: self.samples)
    @rule(data=st.data(), name=places)
    def move_a_file(self, data, name):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        data.draw(st.sampled_from(self.samples)).rename(self.root / name)

    @precondition(lambda self: self.samples)
    @rule(data=st.data(), content=contents)
    def write_in_secret(self, data, content):
        """With the old time, and if the content is as long, of the old size."""
        file = data.draw(st.sampled_from(self.samples))
        times = file.stat()
        file.write_bytes(content)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    @precondition(lambda self: self.samples)
    @rule(data=st.data(), at=st.integers(0, 3))
    def set_a_time(self, data, at):
        os.utime(data.draw(st.sampled_from(self.samples)), ns=(at, at))

    @rule(name=st.sampled_from(["train", "val", "test"]), ids=some_ids)
    def edit_a_list(self, name, ids):
        (self.root / "exp" / f"{name}_id.txt").write_text(",".join(map(str, ids)))

    @rule()
    def put_a_stray_file(self):
        (self.root / "stray.jpg").write_bytes(CONTENTS[0])

    @precondition(lambda self: self.samples)
    @rule()
    def update(self):
        update_index(self.root)
        updated = self.index.read_bytes()
        build_index(self.root, force=True, **self.how)
        assert updated == self.index.read_bytes()
        time.sleep(TICK)

    def teardown(self):
        if self.samples:
            self.update()
        shutil.rmtree(self.root)


@pytest.fixture(autouse=True)
def a_fine_clock(monkeypatch):
    """The test's own file system is not a coarse one: else nothing would be old enough to be known."""
    monkeypatch.setattr(status, "GRANULARITY_NS", 0)


def test_an_update_is_a_whole_build():
    ATreeThatChanges.TestCase.settings = examples(25, stateful_step_count=10, deadline=None)
    ATreeThatChanges.TestCase().runTest()


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for who in range(4):
        for kind in ("rgb", "ir"):
            for number in range(2):
                file = root / kind / f"p{who}" / f"{number}.bmp"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(CONTENTS[number])
    build_index(root, layout="folders", probe=True, hash=True)
    time.sleep(TICK)
    return root


def test_only_what_has_changed_is_opened(data):
    (data / "rgb/p1/0.bmp").write_bytes(CONTENTS[2])
    (data / "rgb/p9").mkdir()
    (data / "rgb/p9/0.bmp").write_bytes(CONTENTS[2])

    report = update_index(data)

    assert report.build.opened == 2
    assert report.changes is not None
    assert (report.changes.added, report.changes.rewritten) == (("rgb/p9/0.bmp",), ("rgb/p1/0.bmp",))
    assert update_index(data).build.up_to_date


def test_a_file_rewritten_in_secret_is_opened(data):
    file = data / "ir/p2/1.bmp"
    times = file.stat()
    file.write_bytes(CONTENTS[2])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    report = update_index(data)

    assert (report.build.up_to_date, report.build.opened) == (False, 1)
    assert report.changes is not None
    assert not report.changes


def test_partners_are_not_opened_again(tmp_path):
    root = trees.rgbnt201(tmp_path / "data")
    for file in root.rglob("*.jpg"):
        file.write_bytes(CONTENTS[0])
    build_index(root, probe=True, hash=True)
    time.sleep(TICK)
    (root / "note.txt").write_text("mine")

    report = update_index(root)

    assert not report.build.up_to_date
    assert report.build.opened == 0


def test_an_update_needs_no_options_again(tmp_path, data):
    root = trees.regdb(tmp_path / "regdb")
    build_index(root, tmp_path / "elsewhere.parquet", protocol="trial3")
    next(root.rglob("*.bmp")).unlink()

    report = update_index(tmp_path / "elsewhere.parquet")

    assert report.build.metadata.protocol == "trial3"
    assert report.build.index == tmp_path / "elsewhere.parquet"
    assert not (root / INDEX).exists()


def test_an_index_of_a_manifest_finds_it_beside_or_asks_for_it(tmp_path):
    root = trees.write(tmp_path / "data", ["1.jpg", "2.jpg"])
    table = root / "all.csv"
    table.write_text("path,identity\n1.jpg,a\n")
    build_index(root, layout=str(table))
    table.write_text("path,identity\n1.jpg,a\n2.jpg,b\n")

    assert update_index(root).build.metadata.samples == 2
    table.rename(tmp_path / "moved.csv")
    with pytest.raises(SettingsError, match=r"was made with the manifest all\.csv; name it with --layout"):
        update_index(root)


def test_what_cannot_be_updated_says_why(tmp_path, data):
    build_index(data, tmp_path / "elsewhere.parquet", layout="folders")
    (data / INDEX).write_bytes(b"PAR1 no")
    with pytest.raises(IndexFileError, match="not a whole Parquet file"):
        update_index(data)
    (data / INDEX).unlink()
    with pytest.raises(IndexMissingError, match="make one with `reidindex build"):
        update_index(data)
    shutil.rmtree(data)
    with pytest.raises(TreeMissingError, match=r"the dataset of .*elsewhere\.parquet is not there"):
        update_index(tmp_path / "elsewhere.parquet")


# ------------------------------------------------------------------------------------------------- pids that stay


def numbers(root):
    table = pq.read_table(root / INDEX, columns=["identity", "pid"])
    return dict(zip(table["identity"].to_pylist(), table["pid"].to_pylist(), strict=True))


def test_known_identities_keep_their_pids_when_asked(data):
    before = numbers(data)
    (data / "rgb/a-new-one").mkdir()
    (data / "rgb/a-new-one/0.bmp").write_bytes(CONTENTS[0])
    shutil.rmtree(data / "rgb/p1")
    shutil.rmtree(data / "ir/p1")

    report = update_index(data, keep_pids=True)

    after = numbers(data)
    assert after == {"a-new-one": 4, "p0": 0, "p2": 2, "p3": 3}
    assert before["p3"] == after["p3"]
    assert report.build.metadata.kept_pids
    assert report.build.metadata.identities == 5
    assert open_index(data).explain(p=2, k=2).identities == 4
    assert update_index(data).build.up_to_date
    assert update_index(data, keep_pids=False).build.metadata.identities == 4
    assert numbers(data) == {"a-new-one": 0, "p0": 1, "p2": 2, "p3": 3}


def test_an_index_whose_pids_were_kept_keeps_them(data):
    (data / "rgb/0").mkdir()
    (data / "rgb/0/0.bmp").write_bytes(CONTENTS[0])
    update_index(data, keep_pids=True)
    (data / "rgb/00").mkdir()
    (data / "rgb/00/0.bmp").write_bytes(CONTENTS[0])

    update_index(data)

    assert numbers(data) == {"p0": 0, "p1": 1, "p2": 2, "p3": 3, "0": 4, "00": 5}
    assert not build_index(data, layout="folders", force=True).metadata.kept_pids


@examples(30)
@given(st.data())
def test_kept_pids_are_the_same_people(data):
    people = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 3), min_size=1)
    before, after = data.draw(people), data.draw(people)
    root = Path(mkdtemp(prefix="reidindex-pids-"))
    try:
        trees.write(root, [f"{who}/{n}.jpg" for who, count in before.items() for n in range(count)])
        build_index(root, layout="folders")
        old = numbers(root)
        for who in before:
            shutil.rmtree(root / who)
        trees.write(root, [f"{who}/{n}.jpg" for who, count in after.items() for n in range(count)])
        update_index(root, keep_pids=True)
        new = numbers(root)
        identities = IndexFile(root / INDEX).metadata.identities
    finally:
        shutil.rmtree(root)

    assert all(new[who] == old[who] for who in before.keys() & after.keys())
    assert len(set(new.values())) == len(after)
    assert sorted(new[who] for who in after.keys() - before.keys()) == list(range(len(before), identities))


def test_people_who_share_a_label_are_known_by_their_files(tmp_path):
    root = tmp_path / "data"
    table = tmp_path / "all.csv"
    rows = [("a/1.jpg", "1", "x"), ("a/2.jpg", "1", "x"), ("b/1.jpg", "1", "y"), ("b/2.jpg", "2", "y")]
    trees.write(root, [row[0] for row in rows])
    table.write_text("path,identity,source\n" + "".join(",".join(row) + "\n" for row in rows))
    build_index(root, layout=str(table))
    before = {(r["source"], r["identity"]): r["pid"] for r in pq.read_table(root / INDEX).to_pylist()}
    table.write_text("path,identity,source\n" + "".join(",".join(row) + "\n" for row in reversed(rows[1:])))

    update_index(root, layout=str(table), keep_pids=True)

    after = {(r["source"], r["identity"]): r["pid"] for r in pq.read_table(root / INDEX).to_pylist()}
    assert len(before) == 3
    assert after == before


# ------------------------------------------------------------------------------------------------ the command line


def test_the_command_tells_what_happened(data, run, run_json):
    (data / "ir/p3/1.bmp").unlink()
    os.utime(data / "ir/p3/0.bmp", ns=(1, 1))

    told = run("update", data).stdout

    assert told.splitlines()[:4] == ["  1 file removed", "    ir/p3/1.bmp", "  1 file rewritten", "    ir/p3/0.bmp"]
    report = run_json("update", data)
    assert report["up_to_date"] is True
    assert report["changes"] == {"added": [], "removed": [], "rewritten": [], "moved": []}
    assert run("update", data / "ir").returncode == 1
    assert run("update", data, "--layout", "nosuch").returncode == 2


def test_a_layout_of_the_users_with_a_known_name_is_asked_for(tmp_path):
    root = trees.sysu(tmp_path / "data")
    own = tmp_path / "sysu-mm01.toml"
    own.write_text(layout_text("sysu-mm01") + "# mine\n")
    build_index(root, layout=str(own))

    with pytest.raises(SettingsError, match=r"was made with the layout file sysu-mm01\.toml; name it with --layout"):
        update_index(root)
    assert update_index(root, layout=str(own)).build.up_to_date


def test_a_protocol_that_the_layout_takes_for_granted_need_not_be_there(tmp_path):
    pytest.importorskip("scipy", reason="reads MATLAB lists: `make test` installs it")
    root = tmp_path / "data"
    all_trees()["cuhk03-np:one half"](Maker(root))
    build_index(root)
    assert update_index(root).build.up_to_date
    next(root.rglob("*.png")).unlink()

    assert update_index(root).changes.counts() == {"removed": 1}


def test_people_are_counted_not_pids(data, run):
    shutil.rmtree(data / "rgb/p1")
    shutil.rmtree(data / "ir/p1")

    report = update_index(data, keep_pids=True).build

    assert (report.metadata.identities, report.identities) == (4, 3)
    assert as_json(report)["identities"] == 3


def test_what_is_shown_can_be_read_and_run(tmp_path, run):
    root = trees.write(tmp_path / "my data", ["a/1\n.jpg"], b"1")
    trees.write(root, ["b/1.jpg"], b"22")
    assert f"next: reidindex stats '{root}/{INDEX}'" in run("build", root, "--layout", "folders").stdout
    (root / "a").rename(root / "c")

    assert r"    a/1\n.jpg → c/1\n.jpg" in run("update", root).stdout.splitlines()
