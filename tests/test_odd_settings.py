"""Odd settings and odd data: a plain message that helps, or the batches that were asked for. Never a crash, never others."""

from __future__ import annotations

import json

import numpy as np
import pytest
from torch.utils.data import Subset

from indexer.errors import SettingsError
from sampler_runtime import IndexDataset, JointIndex, PKBatchSampler, StateError
from sampler_runtime.audit import audit
from sampler_runtime.run import resolve
from sampler_runtime.settings import PKSettings
from tests.populations import Sample, index_of

RGB, NIR, TEXT = ("rgb",), ("nir",), ("rgb", "text")


@pytest.fixture(scope="module")
def apart():
    """Eight identities in RGB only, eight in infrared only."""
    kinds = [(f"r{i}", RGB) for i in range(8)] + [(f"n{i}", NIR) for i in range(8)]
    return index_of([Sample(who, kind) for who, kind in kinds for _ in range(3)])


@pytest.fixture(scope="module")
def both():
    """Eight identities, three images of each modality."""
    return index_of([Sample(f"{i}", kind) for i in range(8) for kind in (RGB, NIR) for _ in range(3)])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"p": 2, "k": 5, "each": "rgb", "on_short": "error"}, "8 identities cannot fill a block of K=5"),
        ({"p": 2, "k": 2, "drop": lambda who: True}, r"16 dropped\); use a shorter drop="),
        ({"p": 12, "k": 2, "each": "rgb", "drop": ["r1", "r2"]}, "use p=6 or less or each='any' or a shorter drop="),
        ({"p": 4, "k": 20, "on_short": "exclude"}, "use a smaller k, or on_short='repeat'"),
        ({"p": 2, "k": 2, "compose": {"rgb", "nir"}}, "compose: expected the modalities of an instance in order"),
        ({"p": 2, "k": 2, "compose": 5}, "compose: expected the modalities of an instance in order"),
        ({"p": 2, "k": 20000, "compose": ("rgb", "nir")}, "beyond any batch"),
        ({"p": 2, "k": 2, "compose": ("rgb",), "each": "nir>=1"}, "nir is not among the modalities of compose"),
        ({"p": 2, "k": 2, "weights": np.zeros(16)}, "0 identities that can serve have a weight above 0, P=2 needs more; give"),
        ({"p": 4, "k": 2, "epoch": 3, "world_size": 8}, "an epoch has 3 batches of P=4.*at most 3 processes"),
        ({"p": 1, "k": 2, "world_size": 20}, "at most 16 processes"),
        ({"p": 3, "k": 2, "world_size": 16, "split": "block"}, "use p=16 or split='batches'"),
        ({"p": 2, "k": 4, "each": "cameras|rgb>=1"}, "cameras are no modality"),
        ({"p": 2, "k": 4, "each": "rgb≤1"}, "expected >= or ==, found ≤"),
        ({"p": 2, "k": 4, "each": "rgb>=1,\nfoo>=2"}, r"column 9.*'foo'"),
        ({"p": 2, "k": 4, "each": {"rgb": 2, "RGB": 1}}, "rgb==2 and rgb==1 contradict each other"),
        ({"p": 2, "k": 4, "per_source": {1: 2}}, "expected names of sources"),
        ({"p": 2, "k": 4, "drop": ["zz"]}, "this view has no identity 'zz'; known: n0"),
    ],
)  # fmt: skip
def test_what_cannot_work_says_what_could(apart, asked, told):
    with pytest.raises(SettingsError, match=f"(?s){told}"):
        PKBatchSampler(apart, **asked)


def test_the_k_that_a_contract_needs_is_told_and_works(both):
    for each, k in (("pair", 1), ({"rgb": 3, "nir": 3}, 4)):
        with pytest.raises(SettingsError, match=r"use k=(\d)") as caught:
            PKBatchSampler(both, 4, k, each)
        needed = int(str(caught.value).split("use k=")[1][0])
        assert PKBatchSampler(both, 4, needed, each).num_identities == 8


def test_an_empty_view_says_so(apart):
    empty = apart.subset([])

    with pytest.raises(SettingsError, match="has no identities to draw; select another split"):
        PKBatchSampler(empty, 2, 2)
    assert empty.explain(p=2, k=2).serving == 0
    with pytest.raises(SettingsError, match="1 of 1 paths are not in this index"):
        empty.rows_for(["x.jpg"])


def test_identities_of_the_last_pattern_can_be_the_ones_that_are_refused(apart):
    sampler = PKBatchSampler(apart, 2, 2, "rgb", on_short="exclude")

    assert sampler.num_identities == 8


def test_numpy_numbers_are_numbers(both):
    assert len(PKBatchSampler(both, 2, 4, {"rgb": np.int64(2), "nir": 2}, prefer_complete=np.False_)) == 4
    assert json.dumps(both.explain(p=np.int64(2), k=np.int64(2)).to_json())


def test_the_audit_does_not_ask_for_samples_that_no_block_can_hold():
    """An RGB row fills K=1, so infrared ones never come: nothing is broken."""
    index = index_of([Sample(f"{i}", kind) for i in range(4) for kind in (RGB, NIR) for _ in range(1 + i)])
    run = resolve(index, PKSettings(2, 1, "rgb", "samples"))

    found = audit(index, run, run.plan(index), epochs=3)

    assert set(found.violations.values()) == {0}
    assert found.samples[3] == sum(1 + i for i in range(4))


def test_repeats_of_composed_instances_are_counted(both):
    run = resolve(both, PKSettings(2, 5, compose=("rgb", "nir")))

    assert audit(both, run, run.plan(both)).repeats == 8 * 2 * 2  # five of three, in two modalities


@pytest.mark.parametrize(
    ("each", "k", "works"),
    [
        ("rgb>=4, nir>=4, cameras>=8", 8, False),
        ("rgb>=4, nir>=4, cameras>=7", 8, True),
        ("rgb>=2, nir>=6, cameras>=8", 8, True),
    ],
)
def test_many_cameras_are_dealt_out_or_refused_soon(each, k, works):
    """RGB on three cameras, infrared on eight others."""
    cameras = [(RGB, f"{c}") for c in range(3)] + [(NIR, f"{c}") for c in range(3, 11)]
    index = index_of([Sample(f"{i}", kind, c) for i in range(4) for kind, c in cameras for _ in range(2)])

    if not works:
        with pytest.raises(SettingsError, match="use k=9"):
            PKBatchSampler(index, 2, k, each)
        return
    run = resolve(index, PKSettings(2, k, each))
    assert set(audit(index, run, run.plan(index), epochs=5).violations.values()) == {0}


def test_large_counts_are_solved():
    kinds = (RGB, TEXT, NIR)
    index = index_of(
        [Sample(f"{i}", kind, f"{c}") for i in range(2) for kind in kinds for c in range(4) for _ in range(20)]
    )

    assert PKBatchSampler(index, 2, 16, "rgb>=8, nir>=8, cameras>=4").num_identities == 2
    assert PKBatchSampler(index, 2, 256, "rgb>=256, text>=1").num_identities == 2


def test_a_joint_index_checks_what_it_is_given(apart, both):
    joint = JointIndex({"apart": apart, "both": both})

    for pids, told in (
        (["1"], "list of ints"),
        ([True, False], "np.flatnonzero"),
        ([[1]], "list of ints"),
        ([99], "pid 99"),
        ([1, 1], "twice"),
    ):
        with pytest.raises(SettingsError, match=told):
            joint.subset(pids=pids)
    with pytest.raises(SettingsError, match=r"^apart: .*no split 'val'"):
        joint.select(split="val")


def test_the_order_of_sources_in_the_setting_does_not_matter(apart, both):
    joint = JointIndex({"apart": apart, "both": both})
    one = PKBatchSampler(joint, 4, 2, per_source={"apart": 3, "both": 1})
    other = PKBatchSampler(joint, 4, 2, per_source={"both": 1, "apart": 3})

    other.load_state_dict(one.state_dict())

    assert np.array_equal(one.batch(3, 0), other.batch(3, 0))


def test_ranks_that_share_a_batch_share_its_sources(apart, both):
    joint = JointIndex({"apart": apart, "both": both})
    for rank in range(2):
        sampler = PKBatchSampler(
            joint, 4, 2, per_source={"apart": 2, "both": 2}, split="block", rank=rank, world_size=2
        )
        assert [sum(row < len(apart) for row in batch) for batch in sampler] == [2] * len(sampler)


def test_an_older_iterator_does_not_move_the_sampler(both):
    sampler = PKBatchSampler(both, 2, 2)
    old = iter(sampler)
    next(old)

    sampler.set_epoch(5)
    next(old)

    assert sampler.state_dict()["epoch"] == 5
    assert next(iter(sampler)) == sampler.batch(5, 0).reshape(-1).tolist()


def test_a_subset_cannot_hand_out_instances(both):
    with pytest.raises(SettingsError, match=r"a Subset takes one row at a time.*index\.subset"):
        PKBatchSampler(Subset(IndexDataset(both), [0, 1, 2]), 1, 1, compose=("rgb", "nir"))


def test_no_block_of_batches_is_larger_than_it_must_be(both):
    sampler = PKBatchSampler(both, 8, 1 << 14, epoch=20)
    drawn = iter(sampler)

    for _ in range(3):
        next(drawn)

    assert len(drawn._ready) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": {1: 2}},
        {"settings": {"p": np.arange(3)}},
        {"version": True},
        {"batch": "2"},
        {"epoch": 2**31},
        {"index": None},
    ],
)
def test_a_state_of_wrong_types_is_refused(both, wrong):
    sampler = PKBatchSampler(both, 2, 2)

    with pytest.raises(StateError):
        sampler.load_state_dict({**sampler.state_dict(), **wrong})


def test_unknown_settings_are_named(both):
    with pytest.raises(SettingsError, match="no such setting 'world_size'"):
        both.explain(p=2, k=2, world_size=3)
