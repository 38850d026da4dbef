"""A stream of batches -> the same batches in groups, the gradients of each being one optimiser step."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from indexer.errors import SettingsError
from sampler_runtime.settings import whole_number
from sampler_runtime.training.counting import length_of

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Group:
    """Where a batch stands among those whose gradients are added up."""

    size: int
    """Batches in the group; fewer than `steps` in the last one where the stream does not divide."""
    position: int
    """Of the batch in the group: 0 … size - 1."""
    model: Any = field(default=None, repr=False, compare=False)
    """What `sync` asks."""

    @property
    def is_last(self) -> bool:
        """Whether the optimiser steps after this batch."""
        return self.position == self.size - 1

    def sync(self) -> AbstractContextManager[Any]:
        """Around forward and backward: ranks exchange gradients at the last batch of the group alone.

        That is `model.no_sync()` for the others; nothing where the model has no such method.
        """
        no_sync = None if self.is_last else getattr(self.model, "no_sync", None)
        return nullcontext() if no_sync is None else no_sync()


def accumulate(
    batches: Iterable[B], steps: int, model: object = None, *, look_ahead: bool | None = None
) -> Iterator[tuple[B, Group]]:
    """Each batch, untouched, with its group: P×K batches stay whole, their gradients are added up.

    With a loss that is a mean over its batch, `(loss / group.size).backward()` gives the mean gradient of the group: that of one
    large batch for a loss of single samples (cross-entropy, batches of equal size). A loss that compares samples (triplets) and
    batch normalisation still see one batch at a time.

    Args:
        batches: A DataLoader, or anything to iterate over.
        steps: Batches in a group.
        model: Its `no_sync` is used where it has one (`DistributedDataParallel`).
        look_ahead: How the size of the last group is known. False: from `len(batches)`. True: from holding `steps` batches in
            memory before the first is given; needed where `len` tells more than is to come, as after an epoch was resumed in
            its middle. None: True only where there is no `len`.

    Raises:
        SettingsError: `steps` is no integer of at least 1; `look_ahead=False` without a length. While iterating: the stream
            ended before its `len`, within a group.

    Corner cases:
        - Batches beyond `len` are given too, grouped by looking ahead.
        - Looking ahead, a loader that counts its batches is `steps - 1` ahead of training.

    >>> [(batch, group.position, group.size) for batch, group in accumulate("abcde", 3)]
    [('a', 0, 3), ('b', 1, 3), ('c', 2, 3), ('d', 0, 2), ('e', 1, 2)]
    """
    steps = whole_number(steps, "steps", 1)
    if not isinstance(batches, Iterable):
        raise SettingsError(
            f"accumulate(batches): expected a DataLoader or an iterable, found {type(batches).__name__}"
        )
    told = None if look_ahead else length_of(batches)
    if told is None and look_ahead is False:
        raise SettingsError(
            f"look_ahead=False: expected batches with a length, found {type(batches).__name__} without; leave look_ahead=None"
        )
    return _grouped(batches, steps, model, told or 0)


def _grouped(batches: Iterable[B], steps: int, model: object, told: int) -> Iterator[tuple[B, Group]]:
    stream, given = iter(batches), 0
    for batch in itertools.islice(stream, told):
        position = given % steps
        yield batch, Group(min(steps, told - given + position), position, model)
        given += 1
    if given < told:
        if given % steps:
            raise SettingsError(
                f"batches: their len is {told}, but the stream ended after {given}, within a group; "
                "use accumulate(…, look_ahead=True)"
            )
        return
    ahead: deque[B] = deque()
    while True:
        ahead.extend(itertools.islice(stream, steps - len(ahead)))
        if not ahead:
            return
        size = len(ahead)
        for position in range(size):
            yield ahead.popleft(), Group(size, position, model)
            ahead.extend(itertools.islice(stream, 1))
