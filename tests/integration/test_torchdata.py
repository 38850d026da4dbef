"""torchdata's StatefulDataLoader, further than `test_sampler_loading.py` goes."""

from __future__ import annotations

import json
import warnings
from itertools import islice

import pytest
import torch

from indexer.errors import StateError
from sampler_runtime import PKBatchSampler
from tests.integration.processes import SEED, K, P, needs, share

needs("torchdata")


class Rows(torch.utils.data.Dataset):
    def __getitem__(self, row):
        return row


def loader_of(sampler, **further):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'set_vital' is deprecated")  # torchdata calls it, torch 2.13 minds
        from torchdata.stateful_dataloader import StatefulDataLoader

        return StatefulDataLoader(Rows(), batch_sampler=sampler, **further)


def seen(epoch, batches):
    return [[epoch, batch.tolist()] for batch in batches]


@pytest.mark.parametrize("further", [{"persistent_workers": True}, {"snapshot_every_n_steps": 3}], ids=str)
def test_a_state_counts_what_was_had_with_workers_however_they_are_kept(people, further):
    first, second = (loader_of(PKBatchSampler(people, P, K, seed=SEED), num_workers=2, **further) for _ in range(2))
    told = share(people, 0, 1)
    assert seen(0, first) + seen(1, islice(first, 4)) == told[:13]

    second.load_state_dict(first.state_dict())

    assert seen(1, second) + seen(2, second) == told[13:]


@pytest.mark.parametrize("split", ["batches", "block"])
def test_a_state_of_two_processes_serves_one(people, split):
    """The sampler's part of it, that is: torchdata's own is of a rank."""
    ranks = [PKBatchSampler(people, P, K, seed=SEED, rank=rank, world_size=2, split=split) for rank in range(2)]
    loaders = [loader_of(sampler) for sampler in ranks]
    for loader in loaders:
        list(islice(loader, 3))
    (state,) = {json.dumps(sampler.state_dict()) for sampler in ranks}
    one = PKBatchSampler(people, P, K, seed=SEED)

    one.load_state_dict(json.loads(state))

    assert seen(0, loader_of(one)) == share(people, 0, 1, [0])[6 if split == "batches" else 3 :]


def test_a_state_of_another_run_is_refused_by_the_loader_too(people):
    first = loader_of(PKBatchSampler(people, P, K, seed=SEED))
    list(islice(first, 2))
    second = loader_of(PKBatchSampler(people, P, K, seed=SEED + 1))
    second.load_state_dict(first.state_dict())

    with pytest.raises(StateError, match="seed was 5 when the state was saved, here it is 6"):
        next(iter(second))
