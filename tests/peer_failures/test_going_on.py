"""Resuming, and ranks."""

from __future__ import annotations

import json
import tracemalloc
from itertools import islice

import pytest
import torch

from sampler_runtime import PKBatchSampler
from tests.peer_failures.people import check_p_by_k, epochs, loaded, people, people_in
from tests.populations import index_of


@pytest.mark.parametrize("further", [{}, {"epoch": "samples"}, {"epoch": 7}, {"weights": "sqrt"}], ids=str)
def test_a_run_goes_on_inside_an_epoch(long_tail, further):
    """fast-reid begins its stream again at item 0; none of eleven samplers that were compared has a state."""
    told = epochs(PKBatchSampler(long_tail, 8, 2, seed=6, **further), 3)

    for done in range(1, len(told[1]), 5):
        first = PKBatchSampler(long_tail, 8, 2, seed=6, **further)
        list(first)
        assert list(islice(first, done)) == told[1][:done]
        second = PKBatchSampler(long_tail, 8, 2, seed=6, **further)
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        assert epochs(second, 2) == [told[1][done:], told[2]]


def test_a_state_tells_its_epoch(long_tail):
    """torchdata's StatefulDataLoader skips batches of epoch 0 where a sampler's state does not."""
    first, second = PKBatchSampler(long_tail, 8, 2), PKBatchSampler(long_tail, 8, 2)
    told = epochs(first, 4)
    first.set_epoch(3)
    iterator = iter(first)
    drawn = [next(iterator) for _ in range(2)]

    for state in (first.state_dict(), iterator.state_dict()):
        second.load_state_dict(state)
        assert second.epoch == 3
        assert drawn + list(second) == told[3]
        other = iter(PKBatchSampler(long_tail, 8, 2))
        other.load_state_dict(state)
        assert drawn + list(other) == told[3]


@pytest.mark.parametrize(("before", "after"), [(1, 3), (2, 1), (3, 2)])
def test_a_run_goes_on_with_another_world_size(long_tail, before, after):
    """lhotse refuses; grain and litData could not before they had elastic iterators."""
    told = list(PKBatchSampler(long_tail, 4, 3))
    old = [PKBatchSampler(long_tail, 4, 3, rank=r, world_size=before) for r in range(before)]
    new = [PKBatchSampler(long_tail, 4, 3, rank=r, world_size=after) for r in range(after)]

    for sampler in old:
        list(islice(sampler, 2))
    for sampler in new:
        sampler.load_state_dict(old[0].state_dict())
    rest = [batch for together in zip(*new, strict=True) for batch in together]

    assert rest
    assert rest == told[2 * before : 2 * before + len(rest)]
    assert 2 * before + len(rest) + after > len(told)


def test_a_run_goes_on_with_another_number_of_workers(long_tail):
    """grain and lhotse refuse; Lightning's first epoch after a restart with workers is epoch 0 once more."""
    told = epochs(PKBatchSampler(long_tail, 8, 2), 3)
    first, second = PKBatchSampler(long_tail, 8, 2), PKBatchSampler(long_tail, 8, 2)
    list(loaded(long_tail, first))
    assert [batch.tolist() for batch in islice(loaded(long_tail, first), 3)] == told[1][:3]

    second.load_state_dict(first.state_dict())
    loader = loaded(long_tail, second, workers=2)

    assert [batch.tolist() for batch in loader] == told[1][3:]
    assert [batch.tolist() for batch in loader] == told[2]


def test_any_batch_is_had_without_those_before(long_tail):
    """lhotse replayed a run's batches to go on; StatefulDataLoader draws and throws away what a plain sampler yields."""
    told = epochs(PKBatchSampler(long_tail, 8, 2), 5)
    fresh = PKBatchSampler(long_tail, 8, 2)

    for epoch, number in ((4, 6), (2, 0), (0, 3)):
        assert fresh.batch(epoch, number).reshape(-1).tolist() == told[epoch][number]
    check_p_by_k(long_tail, [fresh.batch(10**9, number).reshape(-1).tolist() for number in range(7)], 8, 2)


def test_the_first_batch_takes_no_list_of_the_epoch():
    """pytorch-metric-learning, open-metric-learning and torchreid lay the whole epoch out before its first index: 20 to
    98 s with 100,000 identities."""
    index = index_of(people([1] * 20_000))
    sampler = PKBatchSampler(index, 4, 4)
    next(iter(sampler))  # what is made once

    peaks = []
    for draw in (lambda: next(iter(sampler)), lambda: list(sampler)):
        tracemalloc.start()
        draw()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[0] < peaks[1] / 5


@pytest.mark.parametrize("world_size", [2, 3, 5])
def test_global_batches_do_not_depend_on_the_world_size(long_tail, world_size):
    """No sampler of the eleven that were compared has this. Accelerate and torchdata fill up with batches or samples
    that came already; without `even_batches` Accelerate gives one rank a batch more, and training waits for ever."""
    whole = list(PKBatchSampler(long_tail, 4, 3, seed=3))

    shares = [list(PKBatchSampler(long_tail, 4, 3, seed=3, rank=r, world_size=world_size)) for r in range(world_size)]

    rounds = len(whole) // world_size
    assert {len(share) for share in shares} == {rounds}
    assert [batch for together in zip(*shares, strict=True) for batch in together] == whole[: rounds * world_size]


def test_ranks_have_different_people_in_a_step(long_tail):
    """pytorch-metric-learning, open-metric-learning, torchreid and AGW, once on each rank, draw the same people twice."""
    for split, of_a_rank in (("batches", 6), ("block", 2)):
        ranks = [PKBatchSampler(long_tail, 6, 2, rank=r, world_size=3, split=split) for r in range(3)]
        for step in zip(*ranks, strict=True):
            assert [len(people_in(long_tail, [batch])) for batch in step] == [of_a_rank] * 3
            assert len(people_in(long_tail, step)) == 3 * of_a_rank


COLLECTIVES = ("all_gather", "all_gather_object", "all_reduce", "barrier", "broadcast", "new_group")


@pytest.fixture
def as_rank(monkeypatch):
    """Make torch.distributed say that this process is a rank of two, and refuse to talk to the other."""

    def refuse(*_, **__):
        raise AssertionError("a rank asked the others")

    def as_rank(rank):
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda *_: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda *_: 2)
        for name in COLLECTIVES:
            monkeypatch.setattr(torch.distributed, name, refuse)

    return as_rank


def test_ranks_are_found_and_do_not_get_the_same_batches(long_tail, as_rank):
    """A sampler without ranks gives every process of Lightning the same batches, silently."""
    whole, shares = list(PKBatchSampler(long_tail, 8, 2)), []

    for rank in range(2):
        as_rank(rank)
        shares.append(list(PKBatchSampler(long_tail, 8, 2)))

    assert shares == [whole[0:6:2], whole[1:6:2]]


def test_ranks_ask_each_other_nothing_and_may_run_unevenly(long_tail, as_rank):
    """TransReID's sampler gathers from all ranks whenever it is iterated, in a new gloo group each epoch: a rank that
    iterates once more waits for ever."""
    told = epochs(PKBatchSampler(long_tail, 8, 2), 3)

    as_rank(1)
    ahead = epochs(PKBatchSampler(long_tail, 8, 2), 3)
    as_rank(0)
    behind = epochs(PKBatchSampler(long_tail, 8, 2), 3)

    assert ahead == [epoch[1:6:2] for epoch in told]
    assert behind == [epoch[0:6:2] for epoch in told]


def test_a_framework_that_deals_batches_out_itself_loses_none(long_tail, as_rank):
    """Accelerate deals out the batches of every sampler, also of one that dealt already: half of them are lost. With
    `world_size=1` the sampler leaves it to Accelerate, wherever it runs."""
    whole = list(PKBatchSampler(long_tail, 8, 2))
    shares = []
    for rank in range(2):
        as_rank(rank)
        shares.append([b for n, b in enumerate(PKBatchSampler(long_tail, 8, 2, world_size=1)) if n % 2 == rank])

    assert sorted(shares[0] + shares[1]) == sorted(whole)


def test_a_slice_of_a_batch_is_of_whole_identities(long_tail):
    """Accelerate's `split_batches` gives each rank a slice: with K rows of an identity spread over a batch they part."""
    for batch in PKBatchSampler(long_tail, 8, 3):
        for parts in (2, 4, 8):
            size = len(batch) // parts
            for start in range(0, len(batch), size):
                check_p_by_k(long_tail, [batch[start : start + size]], 8 // parts, 3)
