"""Workers that are killed, processes that fork, threads that draw at once, and a Ctrl+C at any moment: the stream stays the stream."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle  # noqa: TID251 - what spawn does
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.build import build_index
from sampler_runtime import batch_sampler
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.loader import make_loader
from sampler_runtime.mapped import open_index
from tests import trees
from tests.effort import gate_only, times
from tests.reliability.everything import everything_of
from tests.reliability.forked import forked, needs_fork

PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def path(tmp_path):
    root = trees.orbench(tmp_path / "data")
    build_index(root)
    return root / "reidindex.parquet"


@pytest.fixture
def train(path):
    return open_index(path).select(split="train")


class Rows(torch.utils.data.Dataset):
    """What a worker reads of a batch: the rows, and of each its path."""

    def __init__(self, index):
        self.index = index

    def __len__(self):
        return len(self.index)

    def __getitems__(self, rows):
        return [(row, self.index.path_of(row)) for row in rows]


def as_given(batch):
    return batch


def loader_of(sampler, **further):
    further = {"num_workers": 2, "multiprocessing_context": "fork", "seed": None, "collate_fn": as_given, **further}
    return make_loader(Rows(sampler.index), sampler, **further)


def rows(batches):
    return [[row for row, _ in batch] for batch in batches]


# ------------------------------------------------------------------------------------------------------- workers


@needs_fork
@pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "anew each epoch"])
def test_after_a_worker_was_killed_a_new_loader_goes_on_with_the_batches_that_training_has_not_had(train, persistent):
    def sampler():
        return PKBatchSampler(train, 2, 2, epoch=24, seed=5)

    expected = list(sampler())
    first = sampler()
    batches = iter(loader_of(first, persistent_workers=persistent))
    had = [next(batches) for _ in range(3)]
    os.kill(batches._workers[1].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="DataLoader worker"):
        had.extend(batches)  # those that were there already
    state = {**first.state_dict(), "batch": len(had)}

    second = sampler()
    second.load_state_dict(json.loads(json.dumps(state)))
    rest = list(loader_of(second, persistent_workers=persistent))

    assert len(had) < 24
    assert rows(had) + rows(rest) == expected
    assert rows(loader_of(second)) == list(epoch_of(sampler(), 1))


def epoch_of(sampler, epoch):
    sampler.set_epoch(epoch)
    return sampler


def die(worker):
    os.kill(os.getpid(), signal.SIGKILL)


@needs_fork
# torch raises wherever the main thread stands
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_after_workers_died_at_their_start_the_epoch_is_drawn_whole(train):
    sampler = PKBatchSampler(train, 2, 2, epoch=8, seed=5)
    expected = list(PKBatchSampler(train, 2, 2, epoch=8, seed=5))

    with pytest.raises(RuntimeError, match="DataLoader worker"):
        list(loader_of(sampler, worker_init_fn=die))
    sampler.load_state_dict({**sampler.state_dict(), "batch": 0})

    assert rows(loader_of(sampler)) == expected


RUN = """
import sys, time
from tests.reliability.test_workers_and_threads import loader_of
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.mapped import open_index
batches = iter(loader_of(PKBatchSampler(open_index(sys.argv[1]).select(split="train"), 2, 2, epoch=1000)))
next(batches)
print(*[worker.pid for worker in batches._workers], flush=True)
time.sleep(600)
"""


@gate_only
@needs_fork
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked for in Linux's /proc")
def test_workers_of_a_run_that_was_killed_end_by_themselves(path):
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as run:
        workers = run.stdout.readline().split()
        assert len(workers) == 2
        assert all(path.name in Path(f"/proc/{pid}/maps").read_text() for pid in workers)
        run.kill()
        run.wait()

        waited = 0
        while any(path.name in mapped(pid) for pid in workers) and waited < 600:
            time.sleep(0.1)
            waited += 1

    assert not any(path.name in mapped(pid) for pid in workers)


def mapped(pid):
    """The mappings of a process that may have ended."""
    try:
        return Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return ""


@needs_fork
@pytest.mark.parametrize("used", [True, False], ids=["read before", "not read before"])
def test_many_forked_processes_and_their_parent_read_one_open_index_at_once(path, used):
    expected, index = everything_of(open_index(path)), open_index(path)
    if used:
        everything_of(index)
    fork = multiprocessing.get_context("fork")
    answers, go = fork.SimpleQueue(), fork.Event()

    def read():
        go.wait()
        answers.put({everything_of(index) for _ in range(times(2, 5, 200))})

    children = [fork.Process(target=read) for _ in range(8)]
    for child in children:
        child.start()
    go.set()
    own = everything_of(index)
    found = [answers.get() for _ in children]
    for child in children:
        child.join()

    assert own == expected
    assert found == [{expected}] * 8


# ------------------------------------------------------------------------------------------------------- threads


@contextmanager
def often_switched() -> Iterator[None]:
    """Python changes threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def at_once(act, count=8):
    """What a function answers in so many threads that begin together: of the thread's number."""
    ready = threading.Barrier(count)

    def one(number):
        ready.wait()
        return act(number)

    with often_switched(), ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def test_threads_that_use_an_index_for_the_first_time_together_read_what_one_reads(path):
    expected = everything_of(open_index(path))

    for _ in range(times(2, 10, 1_000)):
        index = open_index(path)
        assert at_once(lambda number, index=index: everything_of(index)) == [expected] * 8


def test_threads_that_make_views_together_have_the_views_that_one_has(path):
    def views(index):
        train = index.select(split="train")
        rgb = index.select(modality="rgb")
        some = train.subset(pids=train.pids[:1])
        return [
            [*view.column("pid").tolist(), len(view), view.view_digest, view.path_of(0)] for view in (train, rgb, some)
        ]

    expected = views(open_index(path))

    for _ in range(times(2, 10, 1_000)):
        index = open_index(path)
        assert at_once(lambda number, index=index: views(index)) == [expected] * 8


@pytest.mark.parametrize("settings", [{}, {"epoch": "samples"}, {"weights": "count"}, {"each": "pair"}], ids=str)
def test_threads_that_ask_one_sampler_for_batches_get_those_that_one_thread_gets(train, settings):
    one = PKBatchSampler(train, 2, 2, seed=1, **settings)
    places = [(epoch, number) for epoch in range(40) for number in range(one.num_batches)]
    expected = [one.batch(*place).tolist() for place in places]

    for _ in range(times(1, 3, 200)):
        sampler = PKBatchSampler(train, 2, 2, seed=1, **settings)

        def batches(number, sampler=sampler):
            order = np.random.default_rng(number).permutation(len(places)).tolist()
            return [(at, sampler.batch(*places[at]).tolist()) for at in order]

        for found in at_once(batches):
            assert [batch for _, batch in sorted(found)] == expected


def test_threads_with_an_iterator_each_draw_different_whole_epochs(train):
    """Each iterator has an epoch of its own, which of them is a matter of who came first."""
    epochs = [list(epoch_of(PKBatchSampler(train, 2, 2, epoch=20, seed=1), epoch)) for epoch in range(8)]

    for _ in range(times(5, 30, 2_000)):
        sampler = PKBatchSampler(train, 2, 2, epoch=20, seed=1)
        found = at_once(lambda number, sampler=sampler: list(sampler))
        assert sorted(map(epochs.index, found)) == list(range(8))


def test_a_sampler_that_is_pickled_while_another_thread_draws_stands_at_a_place_of_the_stream(train):
    sampler = PKBatchSampler(train, 2, 2, epoch=3, seed=1)
    ended = threading.Event()

    def draw():
        while not ended.is_set():
            list(sampler)

    thread = threading.Thread(target=draw)
    with often_switched():
        thread.start()
        try:
            states = [
                (state["epoch"], state["batch"])
                for _ in range(times(50, 500, 20_000))
                for state in (pickle.loads(pickle.dumps(sampler)).state_dict(), sampler.state_dict())
            ]
        finally:
            ended.set()
            thread.join()

    assert states == sorted(states)
    assert all(0 <= batch <= 3 for _, batch in states)


@needs_fork
def test_a_process_that_is_forked_while_threads_read_can_read_itself(path):
    expected, index = everything_of(open_index(path)), open_index(path)
    ended = threading.Event()

    def read():
        while not ended.is_set():
            everything_of(open_index(path))

    def answer():
        return everything_of(index)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        found = {forked(answer) for _ in range(times(3, 20, 2_000))}
    finally:
        ended.set()
        for thread in threads:
            thread.join()

    assert found == {expected}


# ------------------------------------------------------------------------------------------------------- Ctrl+C


class Interrupted:
    """A Ctrl+C at the n-th moment of a `next` at which Python can take one: where a call begins or has ended."""

    def __init__(self, moment):
        self.left = moment

    def next(self, batches):
        """The batch; or KeyboardInterrupt, and nothing was handed out."""
        sys.setprofile(self._look)
        try:
            return next(batches)
        finally:
            sys.setprofile(None)

    def _look(self, frame, event, what):
        inside = frame.f_code.co_filename == batch_sampler.__file__
        last = event == "return" and frame.f_code.co_name == "__next__"  # its batch is handed out already
        if not inside or last:
            return
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("goes_on", ["the iterator", "a new iterator of the state", "the pickled sampler"])
def test_a_ctrl_c_at_any_moment_of_a_batch_loses_no_batch_and_repeats_none(train, goes_on):
    def sampler():
        return PKBatchSampler(train, 2, 2, epoch=5, seed=3)

    def stream(one):
        while True:
            yield from one

    expected = list(islice(stream(sampler()), 20))
    moment = interrupted = 0
    while True:
        moment += 1
        first, interrupt, found = sampler(), Interrupted(moment), []
        batches = iter(first)
        try:
            while len(found) < 12:
                try:
                    found.append(interrupt.next(batches))
                except StopIteration:
                    batches = iter(first)
        except KeyboardInterrupt:
            interrupted += 1
        else:
            break  # the moment lies behind the end
        if goes_on == "the iterator":
            found += batches
        elif goes_on == "the pickled sampler":
            found += again_from(pickle.loads(pickle.dumps(first)), first.state_dict())
        else:
            found += again_from(sampler(), json.loads(json.dumps(first.state_dict())))

        assert found == expected[: len(found)], moment
        assert len(found) % 5 == 0

    assert interrupted > 60


def again_from(sampler, state):
    sampler.load_state_dict(state)
    return list(sampler)
