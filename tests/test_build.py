"""A build as a whole: what it writes, when it does not, and what it never does."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.build import build_index
from indexer.errors import (
    IndexFileError,
    IndexMissingError,
    LayoutFileError,
    ProblemsFoundError,
    SettingsError,
    TreeError,
    TreeMissingError,
)
from sampler_runtime.mapped import open_index
from tests import trees


def test_the_second_build_of_an_unchanged_tree_writes_nothing(any_tree):
    _, root = any_tree
    first = build_index(root)
    status = first.index.stat()

    second = build_index(root)

    assert not first.up_to_date
    assert second.up_to_date
    assert second.metadata == first.metadata
    assert second.statistics.facts == first.statistics.facts
    assert first.index.stat().st_mtime_ns == status.st_mtime_ns
    assert first.index.stat().st_ino == status.st_ino


def test_any_change_of_the_tree_or_layout_is_built_anew(tmp_path):
    root = trees.market(tmp_path / "d")
    build_index(root)

    def rebuilt(**options):
        return not build_index(root, **options).up_to_date

    assert not rebuilt()
    trees.write(root, ["query/0003_c1s1_001051_00.jpg"])
    assert rebuilt()
    os.utime(root / "query/0003_c1s1_001051_00.jpg", ns=(1, 1))
    assert rebuilt()
    (root / "query/0003_c1s1_001051_00.jpg").unlink()
    assert rebuilt()
    assert not rebuilt(layout="market1501")
    assert rebuilt(force=True)


def test_the_same_tree_gives_the_same_bytes_wherever_it_is_and_however_it_is_hashed(any_tree, tmp_path):
    _, root = any_tree
    for file in root.rglob("*"):
        os.utime(file, ns=(0, 1_700_000_000_000_000_000))
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    found = {build_index(root).index.read_bytes(), build_index(copy).index.read_bytes()}
    code = "import sys; from indexer.build import build_index; build_index(sys.argv[1], force=True)"
    for seed in ("1", "2"):
        subprocess.run([sys.executable, "-c", code, copy], env={**os.environ, "PYTHONHASHSEED": seed}, check=True)
        found.add((copy / "reidindex.parquet").read_bytes())

    assert len(found) == 1


def test_a_build_never_opens_a_sample(any_tree):
    """The trees' samples are empty files; besides, nobody asks for them: Python tells of every file it opens."""
    _, root = any_tree
    opened: list[str] = []
    watching = [True]
    sys.addaudithook(lambda event, words: opened.append(str(words[0])) if event == "open" and watching else None)

    build_index(root)

    watching.clear()
    assert not [path for path in opened if path.endswith((".jpg", ".png", ".PNG", ".bmp"))]
    assert opened  # the watch does watch


def test_an_index_elsewhere_knows_its_root_and_both_can_move(tmp_path):
    root = trees.market(tmp_path / "here" / "data")
    (tmp_path / "here" / "indexes").mkdir()
    build_index(root, tmp_path / "here" / "indexes" / "market.parquet")

    (tmp_path / "here").rename(tmp_path / "there")

    index = open_index(tmp_path / "there" / "indexes" / "market.parquet")
    assert index.root == tmp_path / "there" / "data"
    assert (index.root / index.path_of(0)).exists()


def test_an_output_folder_takes_the_index_and_an_output_below_the_root_is_not_listed(tmp_path):
    root = trees.market(tmp_path / "d")
    (root / "out").mkdir()

    assert build_index(root, root).index == root / "reidindex.parquet"
    assert build_index(root, root / "out").index == root / "out" / "reidindex.parquet"
    assert build_index(root, root / "out").up_to_date
    assert not build_index(root, root / "out" / "other.parquet").unmatched


def test_a_file_of_somebodys_is_not_replaced_whatever_it_is_called(tmp_path):
    root = trees.market(tmp_path / "d")
    for place in (root / "reidindex.parquet", tmp_path / "mine.parquet"):
        place.write_text("my precious")

        with pytest.raises(IndexFileError, match="exists and is not an index; name another file with -o, or --force"):
            build_index(root, place)

        assert place.read_text() == "my precious"
        assert not build_index(root, place, force=True).up_to_date
    for place, replaced in ((root / "reidindex.parquet", True), (tmp_path / "mine.parquet", False)):
        whole = place.read_bytes()
        place.write_bytes(whole[:-5])  # who can say whose that was? The name can
        with (
            contextlib.nullcontext() if replaced else pytest.raises(IndexFileError, match="exists and is not an index")
        ):
            build_index(root, place)
        assert place.read_bytes() == (whole if replaced else whole[:-5])


def test_an_output_that_is_a_link_keeps_the_link(tmp_path):
    root = trees.market(tmp_path / "d")
    real = build_index(root, tmp_path / "real.parquet").index
    (tmp_path / "link.parquet").symlink_to(real)
    trees.write(root, ["query/0003_c1s1_001051_00.jpg"])

    build_index(root, tmp_path / "link.parquet")

    assert (tmp_path / "link.parquet").is_symlink()
    assert open_index(real).metadata.samples == 18


@pytest.mark.skipif(os.name == "nt", reason="needs FIFOs")
def test_a_fifo_is_never_opened(tmp_path):
    root = trees.market(tmp_path / "d")
    os.mkfifo(tmp_path / "fifo.csv")

    with pytest.raises(IndexFileError, match="something that is no file lies there"):
        build_index(root, tmp_path / "fifo.csv")
    with pytest.raises(LayoutFileError, match="a manifest file was expected there"):
        build_index(root, layout=str(tmp_path / "fifo.csv"))
    with pytest.raises(IndexMissingError, match="is neither a file nor a folder"):
        open_index(tmp_path / "fifo.csv")


def test_a_manifest_is_not_replaced_by_the_index(tmp_path):
    root = trees.market(tmp_path / "d")
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,identity\nquery/0001_c1s1_001051_00.jpg,1")

    with pytest.raises(SettingsError, match="is the manifest itself"):
        build_index(root, manifest, layout=str(manifest), force=True)


def test_strict_stops_at_any_problem_and_writes_nothing(tmp_path):
    root = trees.market(tmp_path / "d")
    before = build_index(root, strict=True).index.read_bytes()
    trees.write(root, ["query/strange.jpg", "query/strange\nname.jpg"])

    with pytest.raises(ProblemsFoundError) as caught:
        build_index(root, layout="market1501", strict=True)

    assert "2 found that --strict does not allow; no index was written" in str(caught.value)
    assert "query/strange.jpg: no rule of the layout took it" in str(caught.value)
    assert r"query/strange\nname.jpg" in str(caught.value)
    assert (root / "reidindex.parquet").read_bytes() == before


def test_a_damaged_index_in_the_dataset_is_made_anew(tmp_path):
    root = trees.market(tmp_path / "d")
    file = build_index(root).index
    whole = file.read_bytes()
    file.write_bytes(whole[:100])

    assert not build_index(root).up_to_date
    assert file.read_bytes() == whole


@pytest.mark.parametrize(
    ("place", "out", "error", "message"),
    [
        ("nowhere", None, TreeMissingError, "nowhere: no such folder"),
        ("d/readme.txt", None, TreeError, "a dataset folder was expected, this is a file"),
        ("d", "no/such/folder/x.parquet", IndexFileError, "does not exist; make it first"),
    ],
)
def test_places_that_cannot_be_are_told(tmp_path, place, out, error, message):
    trees.market(tmp_path / "d")

    with pytest.raises(error, match=message):
        build_index(tmp_path / place, tmp_path / out if out else None)


@pytest.mark.skipif(
    os.name == "nt" or (os.geteuid() == 0 and not shutil.which("setpriv")), reason="needs an unprivileged user"
)
def test_a_folder_that_may_not_be_written_or_read_is_told(tmp_path):
    """As a user without rights: a read-only dataset gets its index elsewhere, an unreadable folder is a problem."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    root = trees.market(tmp_path / "d")
    (root / "gt_bbox").chmod(0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)
    code = """
import sys
from indexer.build import build_index
from indexer.errors import IndexFileError
try:
    build_index(sys.argv[1], layout="market1501")
except IndexFileError as error:
    print(error)
report = build_index(sys.argv[1], sys.argv[2], layout="market1501")
print([str(p) for p in report.problems if p.kind == "unreadable"], report.metadata.samples)
"""
    prefix = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    probe = subprocess.run([*prefix, sys.executable, "-c", "import indexer.build"], capture_output=True, env=env)
    if probe.returncode:
        pytest.skip("another user cannot read this Python installation")
    root.chmod(0o555)

    command = [*prefix, sys.executable, "-c", code, str(root), str(tmp_path / "out" / "x.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, env=env)

    root.chmod(0o755)
    (root / "gt_bbox").chmod(0o755)
    first, second = done.stdout.splitlines()
    assert (
        "the index cannot be written there (its folder is read-only, or nothing may be made in it); choose another place"
        in first
    )
    assert second == "['gt_bbox: this folder cannot be listed (Permission denied)'] 17"
