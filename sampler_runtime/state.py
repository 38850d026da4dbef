"""A checkpoint's state against the sampler that is to go on from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from reprlib import Repr
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
        raise StateError(f"load_state_dict: expected what state_dict() gave, found {_shown(state)}")
    if not _same(state["version"], STATE_VERSION):
        raise StateError(
            f"load_state_dict: a state of version {_shown(state['version'])}, this reidindex reads {STATE_VERSION}; begin the epoch anew with set_epoch"
        )
    if not _same(state["index"], own["index"]):
        raise StateError(
            f"load_state_dict: the state is of another index or view ({_shown(state['index'])[:13]}…, this one is {own['index'][:12]}…): "
            "its batches would be others; open the index that the run began with"
        )
    theirs = state["settings"]
    if not isinstance(theirs, Mapping) or not all(isinstance(name, str) for name in theirs):
        raise StateError(f"load_state_dict: expected the settings as a dict, found {_shown(theirs)}")
    for name in sorted(set(theirs) | set(own["settings"])):
        if not _same(theirs.get(name), own["settings"].get(name)):
            raise StateError(
                f"load_state_dict: {name} was {_shown(theirs.get(name))} when the state was saved, here it is {_shown(own['settings'].get(name))}; "
                "go on with the same settings, or begin the epoch anew with set_epoch"
            )
    found = []
    for name, most in (("epoch", MOST_EPOCHS - 1), ("batch", num_batches)):
        number = _whole(state[name])
        if number is None or not 0 <= number <= most:
            raise StateError(
                f"load_state_dict: {name} should be a number from 0 to {most}, found {_shown(state[name])}"
            )
        found.append(number)
    return found[0], found[1]


def _whole(value: object) -> int | None:
    """A whole number of any kind; None: it is none, or several."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return index(value)
    except TypeError:  # a tensor, an array
        return None


_brief = Repr()
_brief.maxstring = _brief.maxother = _brief.maxlong = 80


def _shown(value: object) -> str:
    """A value in a few words, whatever it is: one may be too deep to be written out, or a number too long."""
    try:
        return _brief.repr(value)
    except (ValueError, RecursionError):
        return f"a strange {type(value).__name__}"


def _same(one: object, other: object) -> bool:
    """Equal as JSON has it: 1 is not True, and nothing is asked of what only looks like a value."""
    return type(one) is type(other) and one == other
