"""Whoever reads an index while it is written anew has one whole version of it, and keeps it."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import pickle  # noqa: TID251 - what spawn does
import shutil
from itertools import islice

import pytest
import torch
from torch.utils.data import DataLoader

from indexer.build import build_index
from indexer.errors import IndexMissingError, IndexReplacedError, StateError
from indexer.index_file import IndexFile
from indexer.update import update_index
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import open_index
from tests import trees
from tests.effort import gate_only, times
from tests.reliability.everything import everything_at, everything_of
from tests.reliability.forked import needs_fork

while_open = pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody replace a file that is mapped")
MOST_OPENS = 50 * times(10, 300, 5_000)
"""Of a reader that has not seen both versions yet."""


@pytest.fixture
def data(tmp_path):
    """A tree with its index."""
    root = trees.orbench(tmp_path / "data")
    build_index(root)
    return root


def take_away(root):
    """The other version of a tree: the sketches of one identity are not there, in all else the files are the same."""
    (root / "sk" / "0003").rename(root.parent / "0003")


def bring_back(root):
    (root.parent / "0003").rename(root / "sk" / "0003")


def rebuild_once(root):
    """One version, then the other, as `update` writes it and as `build --force` does."""
    take_away(root)
    update_index(root)
    yield
    bring_back(root)
    build_index(root, force=True)
    yield
    take_away(root)
    build_index(root, force=True)
    yield
    bring_back(root)
    update_index(root)
    yield


def read(path, versions, least, answer):
    """Open again and again, everything each time, until it was often enough and both versions were seen."""
    seen = dict.fromkeys(versions, 0)
    try:
        while sum(seen.values()) < least or (0 in seen.values() and sum(seen.values()) < MOST_OPENS):
            seen[everything_at(path)] += 1
        answer.put(seen)
    except BaseException as error:
        answer.put(repr(error))
        raise


def write_until(root, enough):
    while not enough.is_set():
        for _ in rebuild_once(root):
            pass


@needs_fork
def test_readers_always_have_one_whole_version_while_an_index_is_rebuilt_and_updated(data):
    index = data / "reidindex.parquet"
    versions = sorted({everything_at(index) for _ in rebuild_once(data)})
    assert len(versions) == 2
    fork = multiprocessing.get_context("fork")
    enough, answers = fork.Event(), fork.SimpleQueue()
    writer = fork.Process(target=write_until, args=(data, enough), daemon=True)
    least = times(10, 300, 5_000)
    readers = [fork.Process(target=read, args=(index, versions, least, answers), daemon=True) for _ in range(8)]

    for process in (writer, *readers):
        process.start()
    seen = [answers.get() for _ in readers]
    enough.set()
    writer.join()

    assert writer.exitcode == 0
    for found in seen:
        assert isinstance(found, dict), found
        assert sum(found.values()) >= least
        assert all(found.values())


class Moved:
    """What can become of an index under a run, and back."""

    @staticmethod
    def replaced(root):
        take_away(root)
        build_index(root, force=True)

    @staticmethod
    def deleted(root):
        (root / "reidindex.parquet").unlink()

    @staticmethod
    def renamed(root):
        root.rename(root.with_name("elsewhere"))

    @staticmethod
    def removed(root):
        shutil.rmtree(root)


FATES = ["replaced", "deleted", "renamed", "removed"]


@while_open
@pytest.mark.parametrize("used", [True, False], ids=["all read before", "nothing read before"])
@pytest.mark.parametrize("fate", FATES)
def test_an_open_index_stays_what_it_was_whatever_becomes_of_its_name(data, fate, used):
    expected = everything_at(data)
    index = open_index(data)
    if used:
        assert everything_of(index) == expected

    getattr(Moved, fate)(data)

    assert everything_of(index) == expected
    assert everything_of(index.select()) == expected


@while_open
@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("replaced", "another index lies there now (digest "),
        ("deleted", "it is gone"),
        ("renamed", "it is gone"),
        ("removed", "it is gone"),
    ],
)
def test_the_next_epoch_tells_once_that_the_file_is_another_and_goes_on_with_the_batches_of_the_old(
    data, caplog, fate, words
):
    train = open_index(data).select(split="train")
    expected = list(islice(batches_of(PKBatchSampler(train, 2, 2, seed=3)), 20))
    sampler = PKBatchSampler(train, 2, 2, seed=3)
    stream = batches_of(sampler)
    found = list(islice(stream, 3))

    getattr(Moved, fate)(data)
    with caplog.at_level(logging.WARNING):
        found += list(islice(stream, 17))

    assert found == expected
    (told,) = caplog.messages
    assert told.startswith(f"{data / 'reidindex.parquet'}: {words}")
    assert told.endswith("; this run goes on with the one that it opened")


def batches_of(sampler):
    """Epoch after epoch."""
    while True:
        yield from sampler


@while_open
def test_the_same_content_in_a_new_file_is_no_news(data, caplog):
    index = open_index(data)
    sampler = PKBatchSampler(index.select(split="train"), 2, 2)
    list(sampler)
    before = (data / "reidindex.parquet").stat().st_ino

    build_index(data, force=True)
    with caplog.at_level(logging.WARNING):
        list(sampler)
        list(sampler)
    copy = pickle.loads(pickle.dumps(index))

    assert (data / "reidindex.parquet").stat().st_ino != before
    assert not caplog.messages
    assert copy == index


@while_open
def test_a_file_that_is_touched_or_gets_other_permissions_is_no_news(data, caplog):
    sampler = PKBatchSampler(open_index(data).select(split="train"), 2, 2)
    list(sampler)

    os.utime(data / "reidindex.parquet", ns=(1, 1))
    (data / "reidindex.parquet").chmod(0o600)
    with caplog.at_level(logging.WARNING):
        list(sampler)

    assert not caplog.messages


@while_open
def test_a_file_that_is_no_index_in_the_place_of_one_is_told(data, caplog):
    sampler = PKBatchSampler(open_index(data).select(split="train"), 2, 2)
    other = data / "other"
    other.write_bytes(b"no index")

    other.rename(data / "reidindex.parquet")
    with caplog.at_level(logging.WARNING):
        list(sampler)
        list(sampler)

    (told,) = caplog.messages
    assert "another file lies there now, and is no index" in told


@while_open
def test_of_several_indexes_each_that_was_replaced_is_told(data, caplog, tmp_path):
    second = tmp_path / "second"
    shutil.copytree(data, second)
    joint = JointIndex({"one": open_index(data), "two": open_index(second)}).select(split="train")
    sampler = PKBatchSampler(joint, 2, 2)
    list(sampler)

    (second / "reidindex.parquet").unlink()
    with caplog.at_level(logging.WARNING):
        list(sampler)

    (told,) = caplog.messages
    assert told.startswith(f"{second / 'reidindex.parquet'}: it is gone")


@while_open
def test_nothing_is_looked_at_between_the_batches_of_an_epoch(data, monkeypatch):
    sampler = PKBatchSampler(open_index(data).select(split="train"), 2, 1, epoch=50)
    looks = []
    look = IndexFile.look_again
    monkeypatch.setattr(IndexFile, "look_again", lambda file: looks.append(1) or look(file))

    for _ in range(3):
        assert len(list(sampler)) == 50

    assert len(looks) == 3


class Paths(torch.utils.data.Dataset):
    """What a worker reads of each row."""

    def __init__(self, index):
        self.index = index

    def __len__(self):
        return len(self.index)

    def __getitem__(self, row):
        return [self.index.path_of(row), self.index.value("pid", row), self.index.captions_of(row)]


@while_open
@needs_fork
def test_workers_that_are_forked_after_a_replacement_read_the_version_that_was_opened(data):
    train = open_index(data).select(split="train")
    dataset = Paths(train)
    expected = [dataset[row] for row in range(len(train))]

    Moved.replaced(data)
    loader = DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context="fork")

    assert list(loader) == expected


@while_open
@gate_only
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_start_anew_refuse_another_index_in_words(data, method):
    loader = DataLoader(
        Paths(open_index(data).select(split="train")),
        batch_size=None,
        num_workers=1,
        multiprocessing_context=multiprocessing.get_context(method),
    )

    Moved.replaced(data)

    with pytest.raises(
        IndexReplacedError, match=r"another index than the one that was opened .* put the earlier index back"
    ):
        list(loader)


@while_open
def test_what_is_unpickled_after_a_replacement_says_what_to_do(data):
    pickled = pickle.dumps(open_index(data).select(split="train"))

    Moved.replaced(data)
    with pytest.raises(
        IndexReplacedError,
        match=r"put the earlier index back to go on \(`persistent_workers=True`.*or open the new one and begin anew",
    ):
        len(pickle.loads(pickled))

    Moved.deleted(data)
    with pytest.raises(IndexMissingError, match="no such index file"):
        len(pickle.loads(pickled))


def test_a_state_of_the_earlier_index_is_refused_by_the_new_one(data):
    sampler = PKBatchSampler(open_index(data).select(split="train"), 2, 2)
    next(iter(sampler))
    state = json.loads(json.dumps(sampler.state_dict()))

    Moved.replaced(data)
    new = PKBatchSampler(open_index(data).select(split="train"), 2, 2)

    with pytest.raises(StateError, match=r"of another index or view .*; open the index that the run began with"):
        new.load_state_dict(state)
