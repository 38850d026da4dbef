"""Inside a DataLoader."""

from __future__ import annotations

import logging
import pickle  # noqa: TID251 - what spawn does

import pytest
import torch
from torch.utils.data import BatchSampler, Sampler, Subset, random_split

from sampler_runtime import IndexDataset, PKBatchSampler
from tests.peer_failures.people import NIR, RGB, blocks_of, check_p_by_k, epochs, loaded, people
from tests.populations import Sample, index_of


def test_it_is_a_batch_sampler_and_hands_torch_no_argument(long_tail, monkeypatch):
    """catalyst and QAConv pass their dataset to torch's Sampler: TypeError. For most others a DataLoader needs the
    batch size once more, and cuts blocks where the two differ."""

    def refuse(self, *arguments, **named):
        assert not arguments
        assert not named

    monkeypatch.setattr(Sampler, "__init__", refuse, raising=False)
    monkeypatch.setattr(BatchSampler, "__init__", refuse)
    sampler, told = PKBatchSampler(long_tail, 8, 3), list(PKBatchSampler(long_tail, 8, 3))
    monkeypatch.undo()

    assert isinstance(sampler, BatchSampler)
    assert (sampler.batch_size, sampler.drop_last) == (24, True)
    assert [batch.tolist() for batch in loaded(long_tail, sampler)] == told


def test_batches_are_lists_of_ints_that_nobody_else_holds(long_tail):
    """Accelerate adds batches together, which arrays take for a sum of numbers, and a list that is used again is changed."""
    sampler, told = PKBatchSampler(long_tail, 8, 2), []

    for batch in sampler:
        told.append(list(batch))
        assert type(batch) is list
        assert {type(row) for row in batch} == {int}
        batch.clear()

    sampler.set_epoch(0)
    assert list(sampler) == told


def test_what_frameworks_look_for_sets_the_epoch_and_nothing_to_seed(long_tail):
    """Lightning and Accelerate tell the epoch to `batch_sampler.sampler`, never to the batch sampler; Accelerate seeds
    a `generator` that it finds there."""
    sampler, told = PKBatchSampler(long_tail, 8, 2), epochs(PKBatchSampler(long_tail, 8, 2), 3)

    sampler.sampler.set_epoch(2)

    assert list(sampler) == told[2]
    assert not hasattr(sampler.sampler, "generator")
    assert not hasattr(sampler, "generator")


@pytest.mark.parametrize("further", [{}, {"epoch": "samples"}, {"each": "pair"}], ids=str)
def test_a_subset_gets_positions_in_it(further):
    """torchreid takes lists of tuples only, torchsampler no `random_split`; two samplers of PRCV2025REID disagree on
    whose positions they yield, until a StopIteration."""
    index = index_of(people([4, 5, 9] * 6, (RGB, NIR)))
    half, _ = random_split(IndexDataset(index), [100, len(index) - 100], torch.Generator().manual_seed(0))
    inner = Subset(half, list(range(99, 20, -1)))
    pid = index.column("pid").tolist()

    for subset, rows in ((half, list(half.indices)), (inner, [half.indices[i] for i in inner.indices])):
        seen = set()
        for batch in PKBatchSampler(subset, 3, 4, **further):
            assert all(0 <= position < len(subset) for position in batch)
            owners = [{pid[rows[position]] for position in block} for block in blocks_of(batch, 4)]
            assert len(set().union(*owners)) == sum(len(owner) for owner in owners) == 3
            seen.update(batch)
        if further == {"epoch": "samples"}:
            assert seen == set(range(len(subset)))


def test_no_sample_is_ever_opened(monkeypatch):
    """PRCV2025REID falls back to loading a sample for its modality, AGW decodes all of them first, and TOP-ReID tries a
    file that is missing again and again."""
    index = index_of(people([3] * 8, (RGB, NIR)))

    def refuse(*_):
        raise AssertionError("a sample was asked for")

    monkeypatch.setattr(IndexDataset, "__getitem__", refuse)
    monkeypatch.setattr("PIL.Image.open", refuse)

    assert not any((index.root / index.path_of(row)).exists() for row in range(len(index)))
    check_p_by_k(index, PKBatchSampler(IndexDataset(index), 4, 2, each="pair"), 4, 2)


def test_a_pickled_sampler_does_not_grow_with_the_index():
    """For workers that spawn, a million images are 38 MB of torchreid's sampler and 13 MB of pytorch-metric-learning's."""
    sizes = []
    for identities in (30, 3000):
        sampler = PKBatchSampler(index_of(people([3] * identities)), 4, 2)
        next(iter(sampler))
        sizes.append(len(pickle.dumps(sampler)))

    assert max(sizes) < 2000
    assert max(sizes) - min(sizes) < 50


def test_who_is_left_out_is_told_once_and_counted(caplog):
    """tensorflow-similarity warns once for each small class; most samplers leave people out without a word."""
    index = index_of([*people([3] * 4, (RGB, NIR)), *[Sample(f"{i}", RGB) for i in range(50, 80) for _ in range(2)]])

    with caplog.at_level(logging.WARNING, "reidindex"):
        sampler = PKBatchSampler(index, 4, 2, each="pair")
        list(sampler)

    assert [record.getMessage().endswith("left out: 30 without nir") for record in caplog.records] == [True]
    assert sampler.left_out == {"without nir": 30}
