"""Scanning trees as they really are."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import TreeError, TreeMissingError
from indexer.scan import list_tree
from tests.trees import write


def kinds(listing):
    return {(p.kind, p.where) for p in listing.problems}


def test_files_are_listed_sorted_with_size_and_time(tmp_path):
    write(tmp_path, ["b/2.jpg", "a/1.jpg", "a-b.jpg"], b"xyz")
    os.utime(tmp_path / "a/1.jpg", ns=(5, 7_000_000_001))

    listing = list_tree(tmp_path)

    assert listing.paths == ["a-b.jpg", "a/1.jpg", "b/2.jpg"]
    assert listing.sizes.tolist() == [3, 3, 3]
    assert listing.mtimes_ns[1] == 7_000_000_001
    assert not listing.problems


@given(st.permutations(["b.jpg", "a.jpg", "a-b", "a", "c.jpg"]), st.permutations(["x.jpg", "y.jpg"]))
def test_the_listing_does_not_depend_on_the_order_the_system_tells(tree, top, inner):
    scandir = os.scandir

    class Shuffled:
        def __init__(self, place):
            self.entries = scandir(place)

        def __enter__(self):
            found = {e.name: e for e in self.entries.__enter__()}
            return iter([found[name] for name in (*top, *inner) if name in found])

        def __exit__(self, *error):
            return self.entries.__exit__(*error)

        def close(self):
            self.entries.close()

    os.scandir = Shuffled
    os.supports_fd.add(Shuffled)
    try:
        listing = list_tree(tree)
    finally:
        os.scandir = scandir

    assert listing.paths == ["a-b/x.jpg", "a-b/y.jpg", "a.jpg", "a/x.jpg", "a/y.jpg", "b.jpg", "c.jpg"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write(
        tmp_path_factory.mktemp("tree"), ["b.jpg", "a.jpg", "c.jpg", "a/x.jpg", "a/y.jpg", "a-b/x.jpg", "a-b/y.jpg"]
    )


def test_droppings_are_counted_and_never_listed(tmp_path):
    write(
        tmp_path,
        [
            "a/1.jpg",
            "a/Thumbs.db",
            "a/._1.jpg",
            "__MACOSX/a/1.jpg",
            "a/.DS_Store",
            "a/1-checkpoint.jpg",
            "@eaDir/x.jpg",
        ],
    )

    listing = list_tree(tmp_path)

    assert listing.paths == ["a/1.jpg"]
    assert sum(listing.droppings.values()) == 6


def test_names_with_newlines_blanks_and_255_bytes_are_listed(tmp_path):
    names = ["-1.jpg", "a\nb.jpg", " c .jpg", "é" * 125 + "x.jpg", "日本.jpg"]
    write(tmp_path, names)

    assert list_tree(tmp_path).paths == sorted(names)


@pytest.mark.skipif(os.name == "nt", reason="POSIX names are bytes")
def test_a_name_that_is_not_utf8_is_a_problem_and_not_a_crash(tmp_path):
    write(tmp_path, ["a.jpg"])
    (tmp_path / os.fsdecode(b"b\xff.jpg")).write_bytes(b"")

    listing = list_tree(tmp_path)

    assert listing.paths == ["a.jpg"]
    assert [(p.kind, p.where) for p in listing.problems] == [("name", "b\\udcff.jpg")]


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX links and FIFOs")
def test_links_loops_and_fifos_are_told_and_never_opened(tmp_path):
    data, other = tmp_path / "data", tmp_path / "other"
    write(data, ["train/1.jpg"])
    write(other, ["2.jpg"])
    (data / "loop").symlink_to(data)
    (data / "again").symlink_to(data / "train")
    (data / "outside").symlink_to(other)
    (data / "self").symlink_to("self")
    (data / "gone").symlink_to("nowhere")
    (data / "one.jpg").symlink_to(other / "2.jpg")
    os.mkfifo(data / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(data)  # a socket's path is short
        server.bind("socket")
        os.chdir(here)

        listing = list_tree(data, links_outside=True)

    assert listing.paths == ["one.jpg", "outside/2.jpg", "train/1.jpg"]
    assert kinds(listing) == {
        ("link", "loop"),
        ("link", "again"),
        ("link", "self"),
        ("link", "gone"),
        ("special", "pipe"),
        ("special", "socket"),
    }


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX links")
def test_a_link_to_a_parent_or_to_nested_folders_lists_nothing_twice(tmp_path):
    write(tmp_path, ["data/0001/1.jpg", "outside/ext/2.jpg", "outside/3.jpg"])
    (tmp_path / "data/parent").symlink_to("..")
    (tmp_path / "data/a").symlink_to(tmp_path / "outside/ext")

    listing = list_tree(tmp_path / "data", links_outside=True)

    assert listing.paths == ["0001/1.jpg", "a/2.jpg", "parent/outside/3.jpg"]
    assert kinds(listing) == {("link", "parent/data"), ("link", "parent/outside/ext")}


def test_an_unreadable_folder_is_a_problem(tmp_path, monkeypatch):
    write(tmp_path, ["a/1.jpg", "b/2.jpg"])
    really_open = os.open

    def refuse(path, *flags):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied")
        return really_open(path, *flags)

    monkeypatch.setattr(os, "open", refuse)

    listing = list_tree(tmp_path)

    assert listing.paths == ["a/1.jpg"]
    assert kinds(listing) == {("unreadable", "b")}


def test_a_file_that_vanishes_while_listed_is_a_problem(tmp_path, monkeypatch):
    write(tmp_path, ["a/1.jpg", "a/2.jpg"])
    scandir = os.scandir

    class Vanishing:
        def __init__(self, entries):
            self.entries = entries

        def __enter__(self):
            entries = sorted(self.entries.__enter__(), key=lambda e: e.name)
            if entries and entries[-1].name == "2.jpg":
                (tmp_path / "a/2.jpg").unlink()
            return iter(entries)

        def __exit__(self, *error):
            return self.entries.__exit__(*error)

        def close(self):
            self.entries.close()

    vanishing = lambda path: Vanishing(scandir(path))  # noqa: E731
    monkeypatch.setattr(os, "scandir", vanishing)
    monkeypatch.setattr(os, "supports_fd", {vanishing})

    listing = list_tree(tmp_path)

    assert listing.paths == ["a/1.jpg"]
    assert kinds(listing) == {("vanished", "a/2.jpg")}


def test_what_is_no_folder_or_empty_is_an_error_that_names_it(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")

    for name, error, words in (
        ("nowhere", TreeMissingError, "nowhere: no such folder"),
        ("file", TreeError, "a dataset folder was expected, this is a file"),
        ("empty", TreeError, "no file to index in this folder; is it the right one?"),
    ):
        with pytest.raises(error, match=words):
            list_tree(tmp_path / name)
    assert issubclass(TreeMissingError, FileNotFoundError)


def test_the_fingerprint_sees_every_kind_of_change(tmp_path):
    write(tmp_path, ["a/1.jpg", "a/2.jpg"], b"xy")

    def fingerprint():
        return list_tree(tmp_path).fingerprint()

    seen = [fingerprint()]
    assert fingerprint() == seen[0]
    os.utime(tmp_path / "a/1.jpg", ns=(1, 1))
    seen.append(fingerprint())
    (tmp_path / "a/1.jpg").write_bytes(b"xyz")
    seen.append(fingerprint())
    (tmp_path / "a/2.jpg").rename(tmp_path / "a/3.jpg")
    seen.append(fingerprint())
    write(tmp_path, ["a/4.jpg"])
    seen.append(fingerprint())
    shutil.rmtree(tmp_path / "a")
    write(tmp_path, ["b.jpg"])
    seen.append(fingerprint())

    assert len(set(seen)) == len(seen)


def test_excluded_files_are_not_part_of_the_dataset(tmp_path):
    write(tmp_path, ["a/1.jpg", "a/reidindex.parquet", "a/other.parquet"])

    listing = list_tree(tmp_path, exclude=[tmp_path / "a/other.parquet"])

    assert listing.paths == ["a/1.jpg"]
    assert np.array_equal(listing.sizes, [0])
