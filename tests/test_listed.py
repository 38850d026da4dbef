"""An index knows every file that it was made from, and what has happened to them since."""

from __future__ import annotations

import os
import shutil

import pytest

from indexer.build import build_index
from indexer.changes import changes
from indexer.index_file import IndexFile
from indexer.listed import listed_files
from indexer.scan import list_tree
from tests import trees

INDEX = "reidindex.parquet"


def then_and_now(root):
    then = listed_files(IndexFile(root / INDEX))
    assert then is not None
    return then, list_tree(root, exclude=[root / INDEX])


def test_the_listing_comes_back_from_the_index(any_tree):
    _, root = any_tree
    report = build_index(root)

    then, now = then_and_now(root)

    assert then.path.to_pylist() == now.paths
    assert then.size.tolist() == now.sizes.tolist()
    assert then.mtime_ns.tolist() == now.mtimes_ns.tolist()
    assert not changes(then, now)
    assert now.fingerprint() == report.metadata.fingerprint


def test_what_happened_to_each_file_is_told(tmp_path):
    root = trees.sysu(tmp_path / "sysu")
    names = [path for path in list_tree(root).paths if path.endswith(".jpg")]
    for number, name in enumerate(names):
        (root / name).write_bytes(b"x" * (number + 1))
        os.utime(root / name, ns=(number, number))
    build_index(root, layout="sysu-mm01")
    gone, moved, rewritten, aged, resized = names[:5]

    (root / gone).unlink()
    (root / moved).rename(root / "cam1" / "moved away.jpg")
    (root / rewritten).write_bytes(b"other content")
    os.utime(root / aged, ns=(5, 5_000))
    (root / resized).write_bytes(b"")
    (root / "exp" / "note.txt").write_text("mine")
    found = changes(*then_and_now(root))

    assert found.removed == (gone,)
    assert found.moved == ((moved, "cam1/moved away.jpg"),)
    assert found.rewritten == tuple(sorted((rewritten, aged, resized)))
    assert found.added == ("exp/note.txt",)
    assert found.counts() == {"added": 1, "removed": 1, "rewritten": 3, "moved": 1}


def test_a_tree_that_moved_is_the_same_tree(tmp_path):
    root = trees.orbench(tmp_path / "here")
    build_index(root)
    shutil.move(root, tmp_path / "there")

    assert not changes(*then_and_now(tmp_path / "there"))


def test_files_of_one_size_and_time_are_not_called_moved(tmp_path):
    root = trees.write(tmp_path / "data", ["a/1.jpg", "a/2.jpg", "b/1.jpg"])
    for file in root.rglob("*.jpg"):
        os.utime(file, ns=(7, 7))
    build_index(root, layout="folders")

    (root / "a/1.jpg").rename(root / "a/3.jpg")
    (root / "a/2.jpg").rename(root / "a/4.jpg")
    found = changes(*then_and_now(root))

    assert found.moved == ()
    assert found.added == ("a/3.jpg", "a/4.jpg")
    assert found.removed == ("a/1.jpg", "a/2.jpg")


def test_a_trusted_manifest_knows_no_files(tmp_path):
    root = trees.write(tmp_path / "data", ["1.jpg"])
    (tmp_path / "all.csv").write_text("path,identity\n1.jpg,a\n")
    build_index(root, layout=str(tmp_path / "all.csv"), trust=True)

    assert listed_files(IndexFile(root / INDEX)) is None


def test_what_lies_beside_is_checked(tmp_path):
    root = trees.sysu(tmp_path / "sysu")
    index = build_index(root).index
    place = IndexFile(index).metadata.beside
    assert place is not None
    content = bytearray(index.read_bytes())
    content[place.start + place.size // 2] ^= 4
    index.write_bytes(content)

    with pytest.raises(Exception, match="beside the samples is not what was written"):
        listed_files(IndexFile(index))
    with pytest.raises(Exception, match="beside the samples is not what was written"):
        IndexFile(index, verify="full")
