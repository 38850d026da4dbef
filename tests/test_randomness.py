"""Computed permutations: bijections, uniform enough, and the same for ever."""

from __future__ import annotations

import random  # noqa: TID251 - to see that nothing touches it

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from sampler_runtime.randomness import mix, permute, stream_key


def permutation(size, key):
    return permute(np.arange(size), np.full(size, size), np.full(size, key, np.uint64))


@given(st.integers(1, 700), st.integers(0, 2**64 - 1))
def test_a_permutation_has_every_position_once(size, key):
    assert sorted(permutation(size, key).tolist()) == list(range(size))


@given(
    st.lists(
        st.tuples(st.integers(1, 2**31), st.integers(0, 2**64 - 1), st.integers(0, 2**31)), min_size=1, max_size=20
    )
)
def test_positions_of_many_permutations_are_computed_together(cases):
    sizes = np.array([size for size, _, _ in cases])
    keys = np.array([key for _, key, _ in cases], np.uint64)
    positions = np.array([position % size for size, _, position in cases])

    together = permute(positions, sizes, keys)

    assert np.all((together >= 0) & (together < sizes))
    for i in range(len(cases)):
        assert permute(positions[i : i + 1], sizes[i : i + 1], keys[i : i + 1])[0] == together[i]


def test_every_place_is_as_likely_as_any_other():
    """Chi-square over 20,000 keys, for sizes as small as pools are."""
    rng = np.random.Philox(7)
    for size in (2, 3, 4, 5, 7, 12, 50):
        keys = rng.random_raw(20_000)
        for start in {0, size // 2, size - 1}:
            n = len(keys)
            places = permute(np.full(n, start), np.full(n, size), keys)
            counts = np.bincount(places, minlength=size)
            chi = float(((counts - n / size) ** 2 / (n / size)).sum())
            assert chi < (size - 1) + 5 * np.sqrt(2 * (size - 1)) + 5


def test_all_orders_of_four_occur():
    keys = np.random.Philox(3).random_raw(3000)
    seen = {tuple(permute(np.arange(4), np.full(4, 4), np.full(4, key, np.uint64)).tolist()) for key in keys}

    assert len(seen) == 24


def test_the_numbers_are_the_same_for_ever():
    """What these functions give today they must give on any machine, with any NumPy: training runs depend on it."""
    assert stream_key(42, "epoch", 3) == 0x95ADB79CF4AB560A
    assert mix(np.array([0, 1, 2**64 - 1], np.uint64)).tolist() == [0, 6238072747940578789, 13029008266876403067]
    assert permutation(10, 1).tolist() == [4, 9, 2, 5, 3, 1, 0, 6, 7, 8]
    large = permute(np.array([0, 1, 999_999]), np.full(3, 10**6), np.full(3, 2**63, np.uint64))
    assert large.tolist() == [578657, 145100, 237168]


def test_nothing_reads_or_changes_the_global_random_state():
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    first = permutation(50, 9).tolist()
    random.seed(2), np.random.seed(2), torch.manual_seed(2)  # noqa: NPY002

    assert permutation(50, 9).tolist() == first
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    permutation(50, 9)
    assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
