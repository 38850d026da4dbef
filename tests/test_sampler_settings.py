"""Contracts, epochs, weights, composed instances, several sources, ranks and states, against the slow checker."""

from __future__ import annotations

import pickle  # noqa: TID251 - what spawn does
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from indexer.errors import NotEnoughIdentitiesError, SettingsError
from sampler_runtime import JointIndex, PKBatchSampler, StateError
from tests.effort import examples
from tests.populations import Sample, index_of, populations
from tests.reference import Truth

EXPRESSIONS = st.sampled_from(
    [
        "rgb>=1",
        "rgb>=2",
        "rgb>=1, nir|sketch>=1",
        "rgb==2, nir==2",
        "rgb==1",
        "pair, cameras>=2",
        "cameras>=2",
        "rgb>=1, cameras>=3",
    ]
)
SEEDS = st.integers(0, 2**40 - 1)


def sampler_of(population, *arguments, **settings):
    index = index_of(population)
    try:
        return index, PKBatchSampler(index, *arguments, **settings)
    except SettingsError:
        return index, None


@examples(60)
@given(populations(max_identities=8), st.integers(1, 3), st.integers(1, 4), EXPRESSIONS, SEEDS)
def test_blocks_meet_an_expression_and_those_that_cannot_are_left_out(population, p, k, each, seed):
    index, sampler = sampler_of(population, p, k, each, seed=seed)
    truth = Truth(index)
    try:
        best = {pid: truth.best_block(pid, each, k) for pid in truth.rows_of}
    except ValueError:
        return
    eligible = {pid for pid, rows in best.items() if rows}
    assume(sampler is not None)
    assert sampler.num_identities == len(eligible)
    for batch in [b for _ in range(3) for b in sampler]:
        for block in np.reshape(batch, (p, k)).tolist():
            assert len({truth.pid[row] for row in block}) == 1
            assert truth.meets(block, each, k)
            assert truth.pid[block[0]] in eligible


@examples(60)
@given(
    populations(max_identities=12),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from(["any", "rgb", "pair", "complete"]),
    SEEDS,
)
def test_an_epoch_by_samples_has_every_eligible_sample_and_p_different_identities(population, p, k, each, seed):
    index, sampler = sampler_of(population, p, k, each, epoch="samples", seed=seed)
    assume(sampler is not None)
    truth = Truth(index)

    for _ in range(3):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        for batch in batches:
            assert len({truth.pid[row] for row in batch}) == p
        seen = {row for batch in batches for row in batch}
        if each != "complete":
            eligible = truth.eligible(each, k)
            rows = {row for pid in eligible for row in truth.rows_of[pid]}
            if each == "any" or k > 2:
                assert rows <= seen


def test_an_identity_that_owns_half_of_all_samples_is_in_every_batch_once():
    index, sampler = sampler_of(
        [Sample("big", ("rgb",))] * 200 + [Sample(f"{i}", ("rgb",)) for i in range(200)], 4, 4, epoch="samples"
    )
    batches = list(sampler)
    assert {row for batch in batches for row in batch} == set(range(400))
    assert all(len({index.value("pid", row) for row in batch}) == 4 for batch in batches)


@examples(40)
@given(
    populations(max_identities=12),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["identities", "samples", 7]),
    st.integers(1, 4),
    st.integers(1, 4),
    SEEDS,
    st.data(),
)
def test_a_run_goes_on_at_any_point_with_any_world_size(population, p, k, epoch, before, after, seed, data):
    index, sampler = sampler_of(population, p, k, epoch=epoch, seed=seed)
    assume(sampler is not None and len(sampler) >= max(before, after))
    stream, next_epoch = list(sampler), list(sampler)
    ranks = [PKBatchSampler(index, p, k, epoch=epoch, seed=seed, rank=r, world_size=before) for r in range(before)]
    steps = data.draw(st.integers(0, len(ranks[0])))
    iterators = [iter(rank) for rank in ranks]
    done = [next(iterator) for _ in range(steps) for iterator in iterators]
    state = ranks[0].state_dict()
    assert iterators[0].state_dict() == state or not steps

    others = [PKBatchSampler(index, p, k, epoch=epoch, seed=seed, rank=r, world_size=after) for r in range(after)]
    for other in others:
        other.load_state_dict(pickle.loads(pickle.dumps(state)))
    shares = [list(other) for other in others]
    rest = [batch for together in zip(*shares, strict=True) for batch in together]
    left = stream[len(done) :]
    if len(left) < after:  # no full round of the ranks: the epoch is over
        left = next_epoch
    assert done == stream[: len(done)]
    assert rest == left[: len(left) // after * after]


def test_a_state_of_another_index_or_of_other_settings_is_refused_by_name():
    population = [Sample(f"{i}", ("rgb",)) for i in range(9) for _ in range(3)]
    _, sampler = sampler_of(population, 2, 2)
    _, other = sampler_of(population[3:], 2, 2)
    with pytest.raises(StateError, match="another index or view"):
        other.load_state_dict(sampler.state_dict())
    for name, further in (
        ("k", {"k": 3}),
        ("seed", {"seed": 1}),
        ("epoch", {"epoch": "samples"}),
        ("weights", {"weights": "sqrt"}),
    ):
        changed = PKBatchSampler(sampler.index, **{"p": 2, "k": 2, **further})
        with pytest.raises(StateError, match=f"load_state_dict: {name} was"):
            changed.load_state_dict(sampler.state_dict())
    for wrong in (None, {}, {**sampler.state_dict(), "batch": 99}, {**sampler.state_dict(), "version": 7}):
        with pytest.raises(StateError, match="load_state_dict"):
            sampler.load_state_dict(wrong)


def test_ranks_share_each_batch_by_whole_identities():
    index, whole = sampler_of([Sample(f"{i}", ("rgb",)) for i in range(20) for _ in range(3)], 4, 2)
    ranks = [list(PKBatchSampler(index, 4, 2, rank=r, world_size=2, split="block")) for r in range(2)]
    assert [a + b for a, b in zip(*ranks, strict=True)] == list(whole)
    with pytest.raises(SettingsError, match=r"P=4 identities cannot be spread over 3 ranks evenly; use p=3"):
        PKBatchSampler(index, 4, 2, rank=0, world_size=3, split="block")


def test_weights_say_how_often_identities_come():
    index, sampler = sampler_of(
        [Sample(f"{i}", ("rgb",)) for i in range(20) for _ in range(3)], 4, 2, weights=[4] * 2 + [1] * 17 + [0]
    )
    times = Counter(index.value("pid", row) for _ in range(60) for batch in sampler for row in batch[::2])
    assert index.pids[-1] not in times
    assert 3.5 < (times[0] + times[1]) / 2 / (sum(times[i] for i in range(2, 19)) / 17) < 4.5
    assert sampler.with_weights(None).epoch == 60
    with pytest.raises(NotEnoughIdentitiesError, match="weights: 3 identities"):
        PKBatchSampler(index, 4, 2, weights=[1] * 3 + [0] * 17)


def test_composed_instances_are_tuples_with_gaps():
    population = [Sample("a", ("rgb", "text"))] * 3 + [Sample("a", ("sketch",))] * 2 + [Sample("b", ("rgb",))] * 4
    index, sampler = sampler_of(population, 2, 4, compose=("rgb", "text", "sketch"))
    truth = Truth(index)
    (batch,) = sampler
    for rgb, text, sketch in batch:
        assert "rgb" in truth.kind[rgb]
        assert text in (-1, rgb)
        assert (sketch == -1) == (truth.pid[rgb] == truth.pid[batch[4 if truth.kind[batch[0][0]] != {"rgb"} else 0][0]])


def test_several_sources_give_their_share_of_every_batch():
    views = {
        name: index_of([Sample(f"{i}", ("rgb",)) for i in range(n) for _ in range(3)])
        for name, n in (("a", 9), ("b", 20))
    }
    joint = JointIndex(views)
    sampler = PKBatchSampler(joint, 5, 2, per_source={"a": 2, "b": 3})
    for batch in sampler:
        assert len({joint.value("pid", row) for row in batch}) == 5
        assert Counter(joint.labels("source", np.array(batch))) == {"a": 4, "b": 6}
    assert len(sampler) == 6
    with pytest.raises(SettingsError, match="no identity that can be drawn comes from 'c'"):
        PKBatchSampler(joint, 2, 2, per_source={"c": 2})


def test_drop_and_preferred_identities():
    index, _ = sampler_of(
        [Sample(f"{i}", kind) for i in range(6) for kind in ((("rgb",), ("nir",))[: 1 + i % 2])], 1, 1
    )
    assert PKBatchSampler(index, 1, 2, drop=["0", "1"]).num_identities == 4
    assert PKBatchSampler(index, 1, 2, drop=lambda who: len(who.modalities) < 2).left_out == {"dropped": 3}
    sampler = PKBatchSampler(index, 2, 2, prefer_complete=True)
    for _ in range(4):
        times = Counter(index.value("pid", row) for batch in sampler for row in batch[::2])
        assert all(times[pid] == 1 for pid in (1, 3, 5))


@pytest.mark.parametrize(
    ("each", "message"),
    [
        ("rgb>=1, nirr>=1", "each, column 9: this index has no modality 'nirr'; did you mean 'nir'"),
        ("rgb>=", "each, column 4: expected a whole number after >=, found ''"),
        ("rgb<2", "each, column 4: expected >= or ==, found <"),
        ("rgb>=1,", "each, column 8: expected a term"),
        ("cameras==2", "cameras can only be asked for with >="),
        ("rgb>=9", "each: rgb>=9 needs 9 rows in a block, K=2; use k=9 or more"),
        ({"rgb": -1}, "expected modality → rows"),
    ],
)
def test_a_contract_that_cannot_be_read_points_at_the_place(each, message):
    index = index_of([Sample("a", ("rgb",)), Sample("a", ("nir",))])
    with pytest.raises(SettingsError) as caught:
        PKBatchSampler(index, 1, 2, each)
    assert message in str(caught.value)


def test_stats_tells_who_can_serve_a_contract(run, run_json, tmp_path):
    index_of([Sample(f"{i}", kind) for i in range(6) for kind in ((("rgb",), ("nir",))[: 1 + i % 2])], tmp_path)

    told = run_json("stats", tmp_path / "reidindex.parquet", "--each", "rgb>=1, nir>=1", "-p", "2")["explain"]

    assert told["serving"] == 3
    assert told["left_out"] == [{"reason": "without nir", "identities": 3, "examples": ["0", "2", "4"]}]
    shown = run("stats", tmp_path / "reidindex.parquet", "--each", "rgb>=1, nir>=1", "-p", "5").stdout
    assert "3 of 6 identities can serve" in shown
    assert "use p=3 or less" in shown


def test_preferred_identities_that_leave_no_room_are_told(caplog):
    pairable = [Sample(f"p{i}", kind) for i in range(4) for kind in (("rgb",), ("nir",))]
    index = index_of([*pairable, *(Sample(f"x{i}", ("rgb",)) for i in range(7))])

    PKBatchSampler(index, 4, 2, prefer_complete=True)
    PKBatchSampler(index, 3, 2, prefer_complete=True)

    assert [r.getMessage() for r in caplog.records] == [
        "prefer_complete: pairable identities fill every batch, 7 of 11 are never drawn"
    ]


def test_a_state_of_the_end_of_an_epoch_begins_the_next():
    """Otherwise a loop without set_epoch would train an epoch of no batches."""
    index = index_of([Sample(f"{i}", ("rgb",)) for i in range(20)])
    one, other = PKBatchSampler(index, 4, 2), PKBatchSampler(index, 4, 2)
    list(one)

    other.load_state_dict(one.state_dict())

    assert list(other) == list(one)
    assert (one.epoch, other.epoch) == (1, 1)
