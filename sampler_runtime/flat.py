"""A P×K batch sampler -> `FlatView`, its rows one by one, for training code that wants a sampler of rows.

Such code cuts the batches itself: `DataLoader(data, sampler=flat, batch_size=sampler.batch_size, drop_last=True)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import Sampler

from indexer.errors import SettingsError, StateError
from sampler_runtime.batch_sampler import PKBatchSampler


class _Within(NamedTuple):
    """A place within a batch."""

    epoch: int
    batch: int
    """Of the whole stream, that came next when the rank drew its own."""
    row: int


class FlatView(Sampler[int]):
    """The rows of a `PKBatchSampler`, batch after batch.

    Args:
        batch_sampler: Whose rows. Give the loader its `batch_size`, and `drop_last=True`.
        infinite: Epoch follows epoch without end, as fast-reid's training loop expects.

    Raises:
        SettingsError: It is no `PKBatchSampler`.

    Corner cases:
        - An infinite view has no length: `len()` raises TypeError, as for any stream.
        - The epoch moves on as that of the batch sampler does.
        - A state counts rows: a run goes on in the middle of a batch, though not with another world size.
    """

    def __init__(self, batch_sampler: PKBatchSampler, infinite: bool = False) -> None:
        """See the class."""
        if not isinstance(batch_sampler, PKBatchSampler):
            raise SettingsError(
                f"FlatView(batch_sampler): expected a PKBatchSampler, found {type(batch_sampler).__name__}"
            )
        self.batch_sampler, self.infinite = batch_sampler, infinite
        self._within: _Within | None = None
        self._last: _Flat | None = None

    def __len__(self) -> int:
        """Rows of this rank in an epoch."""
        if self.infinite:
            raise TypeError("an infinite view has no length; count iterations, or use infinite=False")
        return len(self.batch_sampler) * self.batch_sampler.batch_size

    def __iter__(self) -> Iterator[Any]:
        """This rank's rows; the iterator has a state of its own."""
        return _Flat(self)

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch with the next iterator, from its first row."""
        self.batch_sampler.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """As of the batch sampler, with the rows that were drawn of the batch after: so that another view goes on here."""
        state = self.batch_sampler.state_dict()
        if self._last is not None and self._last.stands_at(state):
            return self._last.state_dict()
        return self._told(state, self._drawn_of(state["epoch"], state["batch"]))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another view stood: the next iterator draws the rows after.

        Raises:
            StateError: The state is of another index, of other settings or, within a batch, of another world size.
        """
        self.batch_sampler.load_state_dict(state)  # first: it finds out whether this is a state at all
        row, world = state.get("row", 0), state.get("world_size", 1)
        size, own = self.batch_sampler.batch_size, self.batch_sampler.world_size
        if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < size or (row and world != own):
            raise StateError(
                f"load_state_dict: {row!r} rows into a batch of world_size={world!r}, here batches have {size} rows and world_size={own}; "
                "go on with the same number of processes, or save at the end of a batch"
            )
        self._within, self._last = _Within(state["epoch"], state["batch"], row), None

    def _told(self, state: dict[str, Any], row: int) -> dict[str, Any]:
        return {**state, "row": row, "world_size": self.batch_sampler.world_size}

    def _drawn_of(self, epoch: int, batch: int) -> int:
        """How many rows of a batch were drawn before a state was saved."""
        place = self._within
        return place.row if place is not None and (place.epoch, place.batch) == (epoch, batch) else 0

    def _batch_before(self, batch: int) -> int:
        """Where the whole stream stood before this rank drew its last batch."""
        sampler = self.batch_sampler
        shared = sampler.batch_size < sampler.settings.p * sampler.settings.k  # split='block': all ranks draw of each
        return batch - (1 if shared else sampler.world_size)

    def __getstate__(self) -> dict[str, Any]:
        return {"batch_sampler": self.batch_sampler, "infinite": self.infinite, "within": self._within}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.batch_sampler, self.infinite, self._within = state["batch_sampler"], state["infinite"], state["within"]
        self._last = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.batch_sampler!r}{', infinite' if self.infinite else ''})"


class _Flat(Iterator[Any]):
    """The rows as they are drawn. Like a batch sampler's iterator it begins with its first row, not when it is made."""

    def __init__(self, owner: FlatView) -> None:
        self._owner = owner
        self._forget()

    def _forget(self) -> None:
        self._batches: Any = iter(self._owner.batch_sampler)
        self._batch: list[Any] = []
        self._at, self._begun = 0, False

    def __next__(self) -> Any:
        if self._at == len(self._batch):
            self._draw()
        row = self._batch[self._at]
        self._at += 1
        return row

    def _draw(self) -> None:
        """The next batch; StopIteration where a finite view ends."""
        owner = self._owner
        try:
            batch = next(self._batches)
        except StopIteration:
            if not owner.infinite:
                raise
            self._batches = iter(owner.batch_sampler)
            batch = next(self._batches)
        self._batch, self._at = _as_list(batch), 0
        if not self._begun:
            state = self._batches.state_dict()
            self._at = owner._drawn_of(state["epoch"], owner._batch_before(state["batch"]))
            self._begun, owner._within, owner._last = True, None, self

    def stands_at(self, state: Mapping[str, Any]) -> bool:
        """Whether the batch sampler has moved only with this iterator."""
        return self._batches.state_dict() == state  # type: ignore[no-any-return]

    def state_dict(self) -> dict[str, Any]:
        """As of the view, at this iterator's place."""
        owner, state = self._owner, self._batches.state_dict()
        if self._at == len(self._batch):
            return owner._told(state, owner._drawn_of(state["epoch"], state["batch"]))
        # Within a batch: where the stream stood before it, and the rows of it.
        return owner._told({**state, "batch": owner._batch_before(state["batch"])}, self._at)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """As of the view; this iterator goes on there."""
        self._owner.load_state_dict(state)
        self._forget()


def _as_list(batch: Any) -> list[Any]:
    """The rows of a batch, or its composed instances as tuples."""
    if not isinstance(batch, np.ndarray):
        return list(batch)
    rows: list[Any] = batch.tolist()
    return rows if batch.ndim == 1 else [tuple(instance) for instance in rows]
