"""The sampler's guarantees, over made-up populations, against the slow checker of `reference.py`.

The numbers are those of docs/design.md, "Guarantees".
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from indexer.errors import NotEnoughIdentitiesError, SettingsError
from sampler_runtime.contract import PRESETS, parse_contract
from sampler_runtime.eligibility import compile_blocks
from sampler_runtime.pools import find_pools
from sampler_runtime.run import resolve
from sampler_runtime.settings import PKSettings
from sampler_runtime.shard import Shard
from tests.effort import examples
from tests.populations import Sample, index_of, populations
from tests.reference import Truth

SEEDS = st.integers(0, 2**40 - 1)
each_preset = st.sampled_from(PRESETS)


class Planned:
    """A plan, and one epoch of it."""

    def __init__(self, view, run, epoch=0):
        self.view, self.run, self.epoch, self.all = view, run, epoch, run.plan(view)
        self.num_batches = self.all.num_batches

    def batches(self, numbers):
        return self.all.batches(self.epoch, numbers)

    def at(self, epoch):
        return Planned(self.view, self.run, epoch)

    def waiting(self):
        return self.all.waiting(self.epoch)


def plan_of(population, p, k, each="any", seed=0, at=0, **further):
    """The view and the plan of an epoch; None where the setting cannot work."""
    index = index_of(population)
    try:
        return index, Planned(index, resolve(index, PKSettings(p, k, each, seed=seed, **further)), at)
    except SettingsError:
        return index, None


def whole_epoch(plan):
    return plan.batches(np.arange(plan.num_batches)).reshape(plan.num_batches, -1).tolist()


@given(populations(), st.integers(1, 6), st.integers(1, 7), each_preset, SEEDS, st.integers(0, 1000))
def test_every_batch_has_p_identities_k_rows_each_and_meets_the_contract(population, p, k, each, seed, epoch):
    """Guarantees 1, 2 and 3."""
    index, plan = plan_of(population, p, k, each, seed, epoch)
    assume(plan is not None)
    truth = Truth(index)

    for batch in whole_epoch(plan):
        truth.check_batch(batch, p, k, each)


@given(populations(), st.integers(1, 6), st.integers(1, 6), each_preset, SEEDS, st.integers(0, 1000))
def test_an_epoch_visits_every_eligible_identity_once_but_for_the_remainder(population, p, k, each, seed, epoch):
    """Guarantee 4."""
    index, plan = plan_of(population, p, k, each, seed, epoch)
    assume(plan is not None)
    truth = Truth(index)

    visited = Counter(truth.pid[block[0]] for batch in plan.batches(np.arange(plan.num_batches)) for block in batch)

    eligible = truth.eligible(each, k)
    waiting = set(plan.waiting().tolist())
    assert plan.num_batches == len(eligible) // p
    assert set(visited.values()) <= {1}
    assert set(visited) | waiting == eligible
    assert not set(visited) & waiting
    assert len(waiting) == len(eligible) % p


@given(st.integers(1, 40), st.integers(1, 9), SEEDS, st.integers(0, 500))
def test_nobody_is_left_out_again_before_everybody_else_was(identities, p, seed, first):
    """Guarantee 4, the remainder rotates."""
    assume(identities >= p)
    _, plan = plan_of([Sample(f"{i}", ("rgb",)) for i in range(identities)], p, 1, "any", seed)
    times = Counter(dict.fromkeys(range(identities), 0))

    for epoch in range(first, first + 12):
        times.update(plan.at(epoch).waiting().tolist())
        assert max(times.values()) - min(times.values()) <= 1


@given(st.integers(1, 30), st.integers(1, 8), SEEDS)
def test_rows_of_a_pool_are_used_up_before_any_is_used_again(rows, k, seed):
    """Guarantee 5, with no stored cursor: one identity, one pool, visit after visit."""
    _, plan = plan_of([Sample("a", ("rgb",))] * rows, 1, k, "any", seed)
    times = Counter(dict.fromkeys(range(rows), 0))

    for epoch in range(3 * math.ceil(rows / k) + 2):
        for row in whole_epoch(plan.at(epoch))[0]:
            times[row] += 1
        assert max(times.values()) - min(times.values()) <= 1


@given(populations(max_identities=7), st.integers(1, 3), st.integers(1, 6), each_preset, SEEDS)
@examples(20)
def test_each_pool_is_used_up_over_the_visits_although_visits_are_left_out(population, p, k, each, seed):
    """Guarantee 5: in a real epoch stream, remainder and all, each pool's rows are used evenly."""
    index, plan = plan_of(population, p, k, each, seed)
    assume(plan is not None)
    contract = parse_contract(each, index.metadata)
    truth = Truth(index)

    def meets(row):
        mask = int(index.value("modalities", row))
        return tuple(i for i, r in enumerate(contract.requirements) if mask & r.mask)

    pools: dict[tuple, Counter] = {}
    for epoch in range(7):
        for row in np.asarray(whole_epoch(plan.at(epoch))).reshape(-1).tolist():
            pool = (truth.pid[row], meets(row))
            members = [r for r in truth.rows_of[truth.pid[row]] if meets(r) == pool[1]]
            pools.setdefault(pool, Counter(dict.fromkeys(members, 0)))[row] += 1
        for times in pools.values():
            assert max(times.values()) - min(times.values()) <= 1


@given(populations(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 9), SEEDS)
def test_ranks_take_disjoint_batches_of_one_stream_and_the_same_number(population, p, k, world_size, seed):
    """Guarantee 6."""
    _, plan = plan_of(population, p, k, "any", seed)
    assume(plan is not None)
    stream = whole_epoch(plan)

    count = plan.num_batches // world_size
    shares = [Shard(rank, world_size).numbers(0, count, plan.num_batches) for rank in range(world_size)]

    assert len({len(share) for share in shares}) == 1
    drawn = {n: b for share in shares for n, b in zip(share, plan.batches(np.asarray(share, np.int64)), strict=True)}
    rounds = plan.num_batches // world_size * world_size
    assert sorted(drawn) == list(range(rounds))
    assert [drawn[n].reshape(-1).tolist() for n in range(rounds)] == stream[:rounds]


@given(populations(), st.integers(1, 30), st.integers(1, 4), each_preset)
def test_identities_that_cannot_serve_are_left_out_with_the_reason_or_the_setting_raises(population, p, k, each):
    """Guarantee 7."""
    index = index_of(population)
    truth = Truth(index)
    try:
        contract = parse_contract(each, index.metadata)
    except SettingsError as error:
        assert truth.eligible(each, k) == set()
        assert "use each='any'" in str(error)
        return
    blocks = compile_blocks(contract, find_pools(index), k)
    eligible = truth.eligible(each, k)
    assert set(blocks.pids.tolist()) == eligible
    assert sum(blocks.counts().values()) == len(truth.rows_of) - len(eligible)
    assert all(reason.words.startswith(("without ", "that need ")) for reason in blocks.left_out)
    if len(eligible) < p:
        with pytest.raises(NotEnoughIdentitiesError, match=f"{len(eligible):,} of {len(truth.rows_of):,} identities"):
            resolve(index, PKSettings(p, k, each)).plan(index)


@given(populations(), st.integers(1, 4), st.integers(1, 4), SEEDS, st.data())
def test_a_batch_is_the_same_whenever_and_with_whatever_others_it_is_drawn(population, p, k, seed, data):
    """The stream is a function of the batch's number: any block size, any order, any subset."""
    _, plan = plan_of(population, p, k, "any", seed, epoch=3)
    assume(plan is not None)
    stream = whole_epoch(plan)
    numbers = data.draw(st.lists(st.integers(0, plan.num_batches - 1), min_size=1, max_size=6))

    together = plan.batches(np.array(numbers)).reshape(len(numbers), -1).tolist()

    assert together == [stream[n] for n in numbers]
    assert [plan.batches(np.array([n])).reshape(-1).tolist() for n in numbers] == together


@given(populations(splits=True), st.integers(1, 7))
def test_pools_of_a_mapped_file_do_not_depend_on_its_row_groups(population, rows_per_group):
    whole, pieces = find_pools(index_of(population)), find_pools(index_of(population, rows_per_group=rows_per_group))

    for name in ("pids", "offsets", "starts", "sizes", "kinds"):
        assert np.array_equal(getattr(whole, name), getattr(pieces, name))


def test_epochs_and_seeds_differ():
    population = [Sample(f"{i}", ("rgb",)) for i in range(40) for _ in range(5)]
    streams = [whole_epoch(plan_of(population, 4, 2, seed=seed, at=at)[1]) for seed in (0, 1) for at in (0, 1)]

    assert all(a != b for i, a in enumerate(streams) for b in streams[:i])


def test_seed_plus_epoch_is_not_what_counts():
    """seed 1 epoch 2 must not be seed 2 epoch 1."""
    population = [Sample(f"{i}", ("rgb",)) for i in range(40)]
    _, one = plan_of(population, 4, 1, seed=1, at=2)
    _, other = plan_of(population, 4, 1, seed=2, at=1)

    assert whole_epoch(one) != whole_epoch(other)


def test_identities_meet_all_others_over_the_epochs():
    """Batches are not a fixed partition of the identities."""
    _, plan = plan_of([Sample(f"{i}", ("rgb",)) for i in range(12)], 4, 1, "any")
    met = {
        (a, b) for epoch in range(60) for batch in whole_epoch(plan.at(epoch)) for a in batch for b in batch if a < b
    }

    assert len(met) == 12 * 11 // 2


def test_places_of_a_block_are_shared_in_proportion_and_every_pool_gets_one():
    kinds = [("rgb",)] * 30 + [("nir",)] * 10
    _, plan = plan_of([Sample("a", kind) for kind in kinds], 1, 8, "pair")

    drawn = plan.batches(np.array([0]))[0, 0]

    assert (drawn < 30).sum() == 6
    _, plan = plan_of([Sample("a", ("rgb",))] * 100 + [Sample("a", ("nir",))], 1, 4, "rgb")
    assert (plan.batches(np.array([0]))[0, 0] == 100).sum() == 1


def test_complete_takes_turns_where_k_is_too_small():
    population = [Sample("a", (m,)) for m in ("rgb", "nir", "sketch") for _ in range(2)]
    index, plan = plan_of(population, 1, 2, "complete")
    truth = Truth(index)

    kinds = Counter(kind for e in range(3) for row in whole_epoch(plan.at(e))[0] for kind in truth.kind[row])

    assert kinds == {"rgb": 2, "nir": 2, "sketch": 2}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"p": 0}, "p: expected an int >= 1, found 0"),
        ({"k": 0}, "k: expected an int >= 1, found 0"),
        ({"p": True}, "p: expected an int >= 1, found True"),
        ({"k": 2.0}, "k: expected an int >= 1, found 2.0"),
        ({"seed": 2**40}, "seed: expected an int below 2**40, found 1099511627776"),
        ({"seed": -1}, "seed: expected an int >= 0, found -1"),
        (
            {"epoch": "image"},
            "epoch: expected 'identities', 'samples' or a number of batches, found 'image'; known: identities, samples",
        ),
    ],
)
def test_settings_are_checked_at_construction(setting, message):
    with pytest.raises(SettingsError) as caught:
        PKSettings(**{"p": 2, "k": 2, **setting})

    assert str(caught.value) == message


def test_numpy_integers_are_integers():
    assert PKSettings(np.int64(4), np.uint8(2)) == PKSettings(4, 2)


def test_too_large_a_p_names_what_can_work():
    index = index_of([Sample(f"{i}", kind) for i in range(5) for kind in ((("rgb",), ("nir",))[: 1 + i % 2])])

    with pytest.raises(NotEnoughIdentitiesError) as caught:
        resolve(index, PKSettings(4, 4, "pair")).plan(index)

    assert str(caught.value) == (
        "P=4: 2 of 5 identities can serve each=pair (rgb>=1, nir>=1) with K=4 (3 without nir); "
        "use p=2 or less or each='any'"
    )


def test_many_kinds_of_aligned_samples_are_told_apart_or_refused():
    """Nine modalities in all combinations of three: 84 kinds, and hundreds of patterns of them."""
    from itertools import combinations

    kinds = list(combinations([f"m{i}" for i in range(9)], 3))
    index = index_of([Sample(f"{i % 90}", kind) for i, kind in enumerate(kinds * 3)])
    truth = Truth(index)

    (batch,) = whole_epoch(Planned(index, resolve(index, PKSettings(80, 3))))
    truth.check_batch(batch, 80, 3, "any")
    with pytest.raises(SettingsError, match=r"it tells 84 kinds of samples apart.*at most 64 are possible"):
        resolve(index, PKSettings(1, 9, "complete"))


def test_an_unknown_contract_names_the_near_one():
    index = index_of([Sample("a", ("rgb",))])

    with pytest.raises(SettingsError, match="each='pairs': not a group contract; did you mean 'pair'"):
        parse_contract("pairs", index.metadata)
