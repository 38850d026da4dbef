"""A checkpoint's state against the sampler that is to go on from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any, Final, SupportsIndex

from indexer.errors import StateError
from sampler_runtime.settings import MOST_EPOCHS

STATE_VERSION: Final = 1


def check_state(state: object, own: Mapping[str, Any], num_batches: int) -> tuple[int, int]:
    """The epoch and the batch that a state stands at.

    Args:
        state: As saved; nothing about it is trusted.
        own: The state of the sampler that is to go on.
        num_batches: Batches of an epoch.

    Raises:
        StateError: It is no such state, or of another index or other settings.
    """
    if not isinstance(state, Mapping) or not {"version", "epoch", "batch", "index", "settings"} <= set(state):
        raise StateError(f"load_state_dict: expected what state_dict() gave, found {state!r:.80}")
    if not _same(state["version"], STATE_VERSION):
        raise StateError(
            f"load_state_dict: a state of version {state['version']!r}, this reidindex reads {STATE_VERSION}; begin the epoch anew with set_epoch"
        )
    if not _same(state["index"], own["index"]):
        raise StateError(
            f"load_state_dict: the state is of another index or view ({str(state['index'])[:12]}…, this one is {own['index'][:12]}…): "
            "its batches would be others; open the index that the run began with"
        )
    theirs = state["settings"]
    if not isinstance(theirs, Mapping) or not all(isinstance(name, str) for name in theirs):
        raise StateError(f"load_state_dict: expected the settings as a dict, found {theirs!r:.80}")
    for name in sorted(set(theirs) | set(own["settings"])):
        if not _same(theirs.get(name), own["settings"].get(name)):
            raise StateError(
                f"load_state_dict: {name} was {theirs.get(name)!r} when the state was saved, here it is {own['settings'].get(name)!r}; "
                "go on with the same settings, or begin the epoch anew with set_epoch"
            )
    found = []
    for name, most in (("epoch", MOST_EPOCHS - 1), ("batch", num_batches)):
        value = state[name]
        if isinstance(value, bool) or not isinstance(value, SupportsIndex) or not 0 <= index(value) <= most:
            raise StateError(f"load_state_dict: {name} should be a number from 0 to {most}, found {value!r:.60}")
        found.append(index(value))
    return found[0], found[1]


def _same(one: object, other: object) -> bool:
    """Equal as JSON has it: 1 is not True, and nothing is asked of what only looks like a value."""
    return type(one) is type(other) and one == other
