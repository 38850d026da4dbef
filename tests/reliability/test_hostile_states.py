"""A sampler's state from anywhere: it goes on with the very stream that the state stands in, or says why not."""

from __future__ import annotations

import copy
import io
import json
import math
from itertools import islice

import numpy as np
import pytest
import torch

from indexer.errors import StateError
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.mapped import open_index
from tests.reliability.whole_indexes import write_every_kind


def _deep(levels: int) -> list[object]:
    found: list[object] = []
    for _ in range(levels):
        found = [found]
    return found


HOSTILE = {
    "nothing": None, "true": True, "false": False, "a fraction": 1.5, "NaN": math.nan, "infinity": math.inf, "below 0": -1,
    "beyond int64": 2**64, "beyond words": 10**6000, "far below": -(10**6000), "text": "1", "empty text": "", "bytes": b"1",
    "half a character": "\ud800", "long text": "x" * 10**6, "a list": [1], "an empty list": [], "an empty dict": {}, "a dict": {"seed": 1},
    "deep": _deep(50_000), "a tensor": torch.ones(3), "an array": np.arange(3), "a digest": "0" * 64, "a complex number": 1j,
}  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return open_index(write_every_kind(tmp_path_factory.mktemp("state") / "index.parquet", identities=14))


def sampler(index):
    return PKBatchSampler(index.select(split="train"), 2, 2, seed=3)


@pytest.fixture(scope="module")
def saved(index):
    """A state in the middle of the second epoch, and the batches that follow."""
    made = sampler(index)
    made.set_epoch(1)
    batches = iter(made)
    list(islice(batches, 2))
    state = copy.deepcopy(made.state_dict())
    return state, list(batches)


def every_place(state, path=()):
    """The keys of every value of a state, those of its settings too."""
    for key, value in state.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from every_place(value, (*path, key))


def changed(state, path, value):
    """A copy with another value at a place; `...`: without it."""
    copied = copy.deepcopy(state)
    at = copied
    for key in path[:-1]:
        at = at[key]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return copied


def outcome(index, state):
    """The batches that a sampler goes on with; None: it refuses."""
    made = sampler(index)
    try:
        made.load_state_dict(state)
    except StateError as error:
        assert len(str(error)) < 700
        assert "load_state_dict" in str(error)
        return None
    return list(made)


def test_an_honest_state_goes_on_however_it_was_kept(index, saved):
    state, batches = saved
    kept = io.BytesIO()
    torch.save(state, kept)
    kept.seek(0)

    for copied in (state, json.loads(json.dumps(state)), torch.load(kept, weights_only=True)):
        assert outcome(index, copied) == batches


@pytest.mark.parametrize("name", HOSTILE)
def test_a_state_with_any_value_anywhere_is_refused_or_the_same_stream(index, saved, name):
    state, batches = saved

    for path in every_place(state):
        made = outcome(index, changed(state, path, HOSTILE[name]))
        own = state
        for key in path:
            own = own[key]
        free = path in {("seed",), ("settings_digest",)}  # told for people; the settings tell both
        assert made is None or made == batches, path
        assert (
            made is None
            or free
            or (type(own) is type(HOSTILE[name]) and own == HOSTILE[name])
            or path[0] in ("epoch", "batch")
        ), path


def test_a_state_that_lacks_anything_is_refused_or_the_same_stream(index, saved):
    state, batches = saved

    for path in every_place(state):
        made = outcome(index, changed(state, path, ...))
        assert made is None or made == batches, path
    assert outcome(index, {**state, "more": 1}) == batches
    assert outcome(index, {**state, "settings": {**state["settings"], "more": 1}}) is None
    assert outcome(index, {**state, 5: 1}) == batches
    assert outcome(index, {**state, "settings": {**state["settings"], 5: 1}}) is None


@pytest.mark.parametrize("state", [None, 5, "state", [], b"", {}, {"version": 1}, torch.ones(2)], ids=repr)
def test_what_is_no_state_is_refused(index, state):
    assert outcome(index, state) is None


def test_numbers_of_another_type_are_the_same_numbers(index, saved):
    """A framework may keep them as NumPy's or as tensors."""
    state, batches = saved

    assert outcome(index, {**state, "epoch": np.int64(1), "batch": np.int32(2)}) == batches
    assert outcome(index, {**state, "epoch": torch.tensor(1)}) in (None, batches)


def test_a_place_beyond_the_epoch_is_refused(index, saved):
    state, _ = saved
    for batch in (len(sampler(index)) + 1, 2**63, -1):
        assert outcome(index, {**state, "batch": batch}) is None
    assert outcome(index, {**state, "epoch": 2**62}) is None


def test_a_refused_state_leaves_the_sampler_where_it_was(index, saved):
    state, batches = saved
    made = sampler(index)
    made.load_state_dict(state)
    for path in (("batch",), ("index",), ("settings",)):
        with pytest.raises(StateError):
            made.load_state_dict(changed(state, path, "other"))

    assert list(made) == batches
