"""What an epoch holds, and what its randomness depends on."""

from __future__ import annotations

import os
import random  # noqa: TID251 - to see that nothing touches it
import subprocess
import sys
from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch

from sampler_runtime import PKBatchSampler
from tests.peer_failures.people import RGB, check_p_by_k, epochs, loaded, people, people_in
from tests.populations import Sample, index_of


def test_len_is_what_is_yielded(long_tail):
    """torchreid says 11,904 and yields 11,648, SpCL 3,004 and 2,992, pytorch-metric-learning 20 and 40; AGW is off as
    well, TransReID's changes after the first epoch, and QAConv's is not known before it."""
    for further in (
        {},
        {"epoch": "samples"},
        {"epoch": 23},
        {"weights": "sqrt"},
        {"on_short": "exclude"},
        {"drop": ["0", "1"]},
        {"rank": 1, "world_size": 3},
        {"rank": 1, "world_size": 2, "split": "block"},
    ):
        sampler = PKBatchSampler(long_tail, 4, 3, **further)
        told = len(sampler)

        yielded = [len(epoch) for epoch in epochs(sampler, 3)]

        assert yielded == [told] * 3
        assert len(sampler) == told == len(loaded(long_tail, sampler))


def test_an_epoch_ends(long_tail):
    """The streams of fast-reid and of PRCV2025REID's strict sampler never do."""
    for epoch in ("identities", "samples", 9):
        sampler = PKBatchSampler(long_tail, 4, 3, epoch=epoch)
        assert len(list(islice(sampler, len(sampler) + 1))) == len(sampler)


@pytest.mark.parametrize("k", [1, 2, 4, 16])
def test_an_epoch_by_samples_covers_every_image(long_tail, k):
    """An epoch of open-metric-learning, of fast-reid's balanced sampler and of SpCL covers 22 % of the images, of
    pytorch-metric-learning 54 %, of torchreid 89 %, of sentence-transformers 96.5 %."""
    sampler = PKBatchSampler(long_tail, 8, k, epoch="samples")

    for epoch in epochs(sampler, 3):
        assert {row for batch in epoch for row in batch} == set(range(len(long_tail)))
        check_p_by_k(long_tail, epoch, 8, k)


def test_an_identity_shows_all_its_images_before_any_of_them_again():
    """torchreid drops what fills no chunk of K, sentence-transformers an odd image; PRCV2025REID's draw at random."""
    index = index_of(people([1, 2, 3, 5, 7, 9, 11, 20]))
    pid = index.column("pid").tolist()
    times = Counter(dict.fromkeys(range(len(index)), 0))

    for epoch in epochs(PKBatchSampler(index, 4, 3), 30):
        times.update(row for batch in epoch for row in batch)
        for who in set(pid):
            own = [times[row] for row in range(len(index)) if pid[row] == who]
            assert max(own) - min(own) <= 1


def test_identities_take_turns_at_filling_no_batch(long_tail):
    """open-metric-learning, fast-reid and PRCV2025REID leave the remainder to chance; pytorch-metric-learning visits
    some identities often and others not at all."""
    times = Counter(dict.fromkeys(long_tail.column("pid").tolist(), 0))

    for epoch in epochs(PKBatchSampler(long_tail, 16, 2), 40):
        times.update(people_in(long_tail, epoch))
        assert max(times.values()) - min(times.values()) <= 1


def test_epochs_differ_without_set_epoch_and_come_back_with_it(long_tail):
    """Where nobody calls `set_epoch`, as Lightning does not, a sampler seeded by it gives every epoch the same batches;
    most samplers have no epoch to come back to."""
    sampler = PKBatchSampler(long_tail, 8, 2, seed=5)

    told = epochs(sampler, 3)

    assert told[0] != told[1] != told[2] != told[0]
    for number in (1, 0, 2):
        sampler.set_epoch(number)
        assert list(sampler) == told[number]


def test_an_epoch_that_is_not_drawn_to_its_end_is_not_drawn_again(long_tail):
    """A sampler that moves on when it is exhausted repeats itself under Hugging Face's Trainer, which stops before."""
    sampler, told = PKBatchSampler(long_tail, 8, 2), epochs(PKBatchSampler(long_tail, 8, 2), 2)

    assert list(islice(sampler, len(sampler))) == told[0]
    assert list(islice(sampler, len(sampler))) == told[1]


DRAW = """
import sys, warnings
import numpy, pyarrow, torch.utils.data
warnings.simplefilter("error")
from sampler_runtime import PKBatchSampler, open_index
index = open_index(sys.argv[1])
for epoch in ("identities", "samples"):
    for batch in PKBatchSampler(index, 4, 3, epoch=epoch, drop=["ann", "zoë"], seed=8):
        print([index.path_of(row) for row in batch])
"""


@pytest.fixture(scope="module")
def another_process(tmp_path_factory):
    """An index of people with names, and what a process of another hash seed says of it."""
    folder = tmp_path_factory.mktemp("named")
    names = ["ann", "bob", "zoë", *[f"somebody {i}" for i in range(20)]]
    index = index_of([Sample(name, RGB) for name in names for _ in range(5)], folder)
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}
    return index, subprocess.run(
        [sys.executable, "-c", DRAW, str(folder)], env=environment, capture_output=True, encoding="utf-8", check=False
    )


def test_batches_do_not_depend_on_the_hash_seed(another_process):
    """open-metric-learning with labels of text: other batches for each PYTHONHASHSEED, although NumPy was seeded."""
    index, other = another_process

    batches = [
        batch
        for epoch in ("identities", "samples")
        for batch in PKBatchSampler(index, 4, 3, epoch=epoch, drop=["ann", "zoë"], seed=8)
    ]

    assert [str([index.path_of(row) for row in batch]) for batch in batches] == other.stdout.splitlines()


def test_it_imports_and_runs_on_this_python_without_a_warning(another_process):
    """fast-reid imports `collections.Mapping`, which Python 3.10 removed."""
    _, other = another_process

    assert other.returncode == 0, other.stderr


def global_state():
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002


def seed_everything(seed):
    random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)  # noqa: NPY002


@pytest.mark.parametrize("further", [{}, {"epoch": "samples"}, {"weights": "sqrt"}], ids=str)
def test_global_random_state_is_neither_read_nor_changed(long_tail, further):
    """pytorch-metric-learning, open-metric-learning, torchreid and AGW draw from it; fast-reid and TransReID seed NumPy's."""
    seed_everything(1)
    before = global_state()
    drawn = epochs(PKBatchSampler(long_tail, 4, 3, **further), 2)
    assert global_state() == before

    seed_everything(2)

    assert epochs(PKBatchSampler(long_tail, 4, 3, **further), 2) == drawn


def test_ranks_with_other_global_seeds_agree(long_tail):
    """fast-reid's ImbalancedDatasetSampler seeds NumPy and draws from torch: ranks disagree. Wrappers around
    open-metric-learning's samplers need equal global seeds."""
    whole, shares = list(PKBatchSampler(long_tail, 4, 3)), []

    for rank in range(3):
        seed_everything(100 + rank)
        shares.append(list(PKBatchSampler(long_tail, 4, 3, rank=rank, world_size=3)))

    assert [batch for together in zip(*shares, strict=True) for batch in together] == whole[: 3 * len(shares[0])]


@pytest.mark.parametrize("further", [{}, {"epoch": "samples"}, {"weights": "sqrt"}], ids=str)
def test_no_generator_is_called_whose_numbers_may_change(long_tail, monkeypatch, further):
    """wildlife-datasets has a generator of its own, since NumPy promises no stream; torchsampler and
    pytorch-metric-learning call `torch.multinomial`, which takes at most 2**24 categories."""

    def refuse(*_, **__):
        raise AssertionError("drawn from a generator of NumPy's or torch's")

    for name in (
        "default_rng",
        "Generator",
        "RandomState",
        "SeedSequence",
        "Philox",
        "PCG64",
        "shuffle",
        "permutation",
    ):
        monkeypatch.setattr(np.random, name, refuse)
    for name in ("randperm", "multinomial", "randint", "rand", "Generator"):
        monkeypatch.setattr(torch, name, refuse)

    check_p_by_k(long_tail, PKBatchSampler(long_tail, 4, 3, **further), 4, 3)


def test_seeds_of_more_than_32_bits_are_told_apart(long_tail):
    """grain's index shuffle has seeds of 32 bits."""
    streams = [list(PKBatchSampler(long_tail, 4, 3, seed=7 + more)) for more in (0, 1 << 31, 1 << 32, 1 << 39)]

    assert all(one != other for i, one in enumerate(streams) for other in streams[:i])
