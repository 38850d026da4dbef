"""An index and settings -> `PKBatchSampler`, which hands the batches of the plan to a DataLoader."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, Subset

from indexer.errors import SettingsError
from sampler_runtime.contract import Each
from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.plan import EpochPlan
from sampler_runtime.run import resolve
from sampler_runtime.settings import MOST_EPOCHS, Drop, OnShort, PKSettings, Weights, digest_of, whole_number
from sampler_runtime.shard import Shard, Split, this_process
from sampler_runtime.state import STATE_VERSION, check_state
from sampler_runtime.view import IndexView

if TYPE_CHECKING:
    from sampler_runtime.dataset import IndexDataset

_FIRST_BLOCK = 1
_LARGEST_BLOCK = 512
"""Batches are computed in blocks that grow: the first is there at once, later ones cost least."""

_log = logging.getLogger("reidindex")
Rows = NDArray[np.int64]
Order = Sequence[str | PathLike[str]] | Sequence[int] | Rows
Output = Literal["list", "numpy"]


class PKBatchSampler(BatchSampler):
    """P distinct identities a batch, K rows of each, every block as the contract `each` asks.

    Batch b of epoch e is a pure function of (index, settings, seed, e, b): the same on every rank and worker, with
    every world size, and whether or not the batches before were drawn. No sample is ever opened.

    Args:
        data: An index view, a `JointIndex`, an `IndexDataset`, or a `torch.utils.data.Subset` of one. The rows that are
            yielded are positions in it.
        p: Identities in a batch.
        k: Rows of each. An identity with fewer repeats some, each as often as another.
        each: What every block of K rows must hold: `any`, `rgb` (at least one RGB row), `pair` (one RGB and one of the
            other modalities), `complete` (every modality, as many as K permits); an expression such as
            `rgb>=1, nir|sketch>=1, cameras>=2`; or exact quotas, `{"rgb": 2, "ir": 2}`. Identities that cannot are left
            out, counted by reason in `left_out`.
        epoch: `identities`: every eligible identity once an epoch; the fewer than P that fill no batch wait, others in the next.
            `samples`: every eligible sample at least once an epoch. Or a number of batches: the next so many of the
            endless stream of epochs by identities.
        seed: Fixed for a training run.
        on_short: Identities that cannot fill a block with different rows `repeat` some, are left out (`exclude`), or are an
            `error`.
        prefer_complete: Pairable identities come first, and show the pair; others only fill batches up.
        drop: Identities never to draw: the dataset's labels, or a predicate over `Identity`.
        weights: How often identities are drawn, in proportion: one number for each of the view's `pids`, or `sqrt` or
            `count` of their samples. P in a batch still differ.
        compose: Each of the K instances is a tuple of rows, one of each of these modalities, -1 where there is none.
        per_source: So many identities of each source in every batch, e.g. `{"market1501": 4, "msmt17": 4}`.
        order: For a dataset of your own in another order: its paths, or the rows of `data`, in its order. What is
            yielded are then positions in that order, of the samples that are in it.
        rank: Of this process; by default that of torch.distributed, 0 where it is not in use.
        world_size: Number of processes; by default that of torch.distributed.
        split: `batches`: each rank takes whole batches of one stream, all the same number. `block`: each batch is spread over
            the ranks by whole identities, so many of P each.
        output: A batch as a `list` of ints, or as one `numpy` array.
        sampler: Not used; frameworks that re-create batch samplers pass one.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.

    Corner cases:
        - `len()` is exact: this rank's batches of a whole epoch.
        - The epoch moves on by one with each new iterator that is drawn from, unless `set_epoch` was called since.
        - Within a block rows of the same pool stand together, the contract's first modality (RGB) first.
        - Pickles as its index does, with its settings and where it stands.
    """

    def __init__(
        self,
        data: IndexView | IndexDataset | Subset[Any],
        p: int,
        k: int,
        each: Each = "any",
        epoch: str | int = "identities",
        seed: int = 0,
        *,
        on_short: OnShort = "repeat",
        prefer_complete: bool = False,
        drop: Drop = (),
        weights: Weights | None = None,
        compose: Sequence[str] = (),
        per_source: Mapping[str, int] | None = None,
        order: Order | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        split: Split = "batches",
        output: Output = "list",
        sampler: object = None,
    ) -> None:
        """See the class."""
        settings = PKSettings(p, k, each, epoch, seed, on_short, prefer_complete, drop, weights, compose, per_source)
        if output not in ("list", "numpy"):
            raise SettingsError(f"output: expected 'list' or 'numpy', found {output!r}")
        index, position = _index_space(data, order)
        shard = Shard(*this_process(rank, world_size), split)
        self._set_up(index, position, settings, shard, output)
        if self.left_out:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in self.left_out.items())
            total = self.num_identities + sum(self.left_out.values())
            _log.warning(
                "each=%r: %s of %s identities are drawn; left out: %s",
                each,
                f"{self.num_identities:,}",
                f"{total:,}",
                reasons,
            )
        if prefer_complete and self._plan.never_drawn:
            _log.warning(
                "prefer_complete: pairable identities fill every batch, %s of %s are never drawn",
                f"{self._plan.never_drawn:,}",
                f"{self.num_identities:,}",
            )

    def _set_up(
        self, index: IndexView, position: Rows | None, settings: PKSettings, shard: Shard, output: Output
    ) -> None:
        self.index, self._position, self._shard, self._output = index, position, shard, output
        run = resolve(index, settings)
        self.settings, self._words = run.settings, {**run.words, "order": _digest_of_order(position)}
        self._plan = run.plan(index)
        self._epoch, self._begun, self._next = 0, False, 0
        self.batch_size, self.drop_last = shard.identities(self.settings.p) * self.settings.k, True
        self.sampler: Any = _EpochSetter(self)
        if not len(self):
            p = max(self.num_identities // shard.world_size, 1)
            raise SettingsError(
                f"world_size={shard.world_size}: an epoch has {self.num_batches} batches of P={self.settings.p}, so that no rank "
                f"would get one; use p={p} or less, fewer processes, or split='block'"
            )

    @property
    def rank(self) -> int:
        """Of this process."""
        return self._shard.rank

    @property
    def world_size(self) -> int:
        """Number of processes."""
        return self._shard.world_size

    @property
    def compose(self) -> tuple[str, ...]:
        """The modalities of a composed instance; empty where instances are rows."""
        return tuple(self.settings.compose)

    @property
    def num_identities(self) -> int:
        """Identities that are drawn."""
        return self._plan.blocks.num_identities

    @property
    def num_batches(self) -> int:
        """Batches of an epoch, over all ranks."""
        return self._plan.num_batches

    @property
    def left_out(self) -> dict[str, int]:
        """Identities that cannot serve the contract: reason → how many."""
        return self._plan.blocks.counts()

    @property
    def epoch(self) -> int:
        """The epoch that is being drawn or, before the first, will be."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch with the next iterator, from its first batch."""
        epoch = whole_number(epoch, "set_epoch", 0, MOST_EPOCHS)
        if epoch == self._epoch and not self._begun:
            return  # a framework that tells the epoch after a checkpoint was loaded must not undo its place in it
        self._epoch, self._begun, self._next = epoch, False, 0

    def batch(self, epoch: int, number: int) -> Rows:
        """The rows of any batch of the whole stream, by its number in an epoch: shape `(P, K)`.

        Composed instances: shape `(P, K, modalities)`, -1 where there is none.
        """
        epoch, number = whole_number(epoch, "epoch", 0, MOST_EPOCHS), whole_number(number, "number", 0)
        if number >= self.num_batches:
            raise SettingsError(f"number: an epoch has the batches 0 … {self.num_batches - 1}, found {number}")
        return np.asarray(self._placed(self._plan.batches(epoch, np.array([number])))[0])

    def with_weights(self, weights: Weights | None) -> PKBatchSampler:
        """The sampler of the next epoch, with other weights: for identities that training found hard.

        Args:
            weights: As of the class.
        """
        other = object.__new__(type(self))
        other._set_up(self.index, self._position, replace(self.settings, weights=weights), self._shard, self._output)
        other._epoch = self._epoch + self._begun
        return other

    def __len__(self) -> int:
        """Batches of this rank in every epoch."""
        return self._shard.count(self.num_batches)

    def __iter__(self) -> Iterator[Any]:
        """This rank's batches of the epoch, identity by identity; the iterator has a state of its own."""
        return _Batches(self)

    # ------------------------------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands: what to save, so that another sampler goes on here.

        `batch` counts the batches of the epoch that were drawn on all ranks. A DataLoader with workers draws ahead of training:
        put the number that training finished, times the world size, into `batch`, or use torchdata's StatefulDataLoader.
        """
        batch = self._next
        return {
            "version": STATE_VERSION,
            "epoch": self._epoch,
            "batch": batch,
            "seed": self.settings.seed,
            "index": self.index.view_digest,
            "settings": self._words,
            "settings_digest": hashlib.sha256(json.dumps(self._words, sort_keys=True).encode()).hexdigest(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another sampler stood, with this world size: the next iterator draws the batches after.

        Where these are too few for a round of all ranks, the epoch was at its end, and the next one begins.

        Raises:
            StateError: The state is of another index or of other settings; the message names them.
        """
        epoch, batch = check_state(state, self.state_dict(), self.num_batches)
        if not self._shard.count(self.num_batches - batch):
            epoch, batch = epoch + 1, 0
        self._epoch, self._begun, self._next = epoch, False, batch

    def __getstate__(self) -> dict[str, Any]:
        if callable(self.settings.drop):
            raise SettingsError("a sampler with a predicate in `drop` cannot be pickled; give the labels")
        return {
            "index": self.index, "position": self._position, "settings": self.settings, "shard": self._shard,
            "output": self._output, "stands": (self._epoch, self._begun, self._next),
        }  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set_up(state["index"], state["position"], state["settings"], state["shard"], state["output"])
        self._epoch, self._begun, self._next = state["stands"]

    def plan(self) -> EpochPlan:
        """The plan of the run: any batch of any epoch, as rows of `index`."""
        return self._plan

    def _placed(self, rows: Rows) -> Rows:
        """Rows as positions in the user's order."""
        if self._position is None:
            return rows
        return np.where(rows < 0, rows, self._position[rows])

    def _begin(self) -> tuple[int, int]:
        """A new iterator is drawn from: the epoch it has, and the batch it begins with."""
        if self._begun:
            self._epoch, self._next = self._epoch + 1, 0
        self._begun = True
        return self._epoch, self._next

    def _block(self, epoch: int, first: int, count: int) -> list[Any]:
        """Some of this rank's batches, from a batch of the whole stream on."""
        numbers = self._shard.numbers(first, count, self.num_batches)
        rows = self._placed(self._plan.batches(epoch, numbers))[:, self._shard.block(self.settings.p)]
        rows = rows.reshape(len(numbers), self.batch_size, *rows.shape[3:])
        if self._output == "numpy":
            return list(rows)
        batches = rows.tolist()
        return [[tuple(instance) for instance in batch] for batch in batches] if self.compose else batches

    def __repr__(self) -> str:
        s = self.settings
        return f"PKBatchSampler(P={s.p}, K={s.k}, each={s.each!r}, {self.num_identities:,} identities, {len(self):,} batches)"


class _Batches(Iterator[Any]):
    """An epoch as it is drawn. Where it stands is the sampler's to know, as long as it is the sampler's last iterator."""

    def __init__(self, owner: PKBatchSampler) -> None:
        self._owner = owner
        self._ready: list[Any] = []
        self._size, self._at, self._epoch = _FIRST_BLOCK, -1, 0

    def __next__(self) -> Any:
        # An epoch begins when its first batch is asked for. A DataLoader with workers makes one iterator that it
        # throws away before the one it uses, and that must not count.
        owner = self._owner
        if self._at < 0:
            self._epoch, self._at = owner._begin()
        if not self._ready:
            count = min(self._size, owner._shard.count(owner.num_batches - self._at))
            if count <= 0:
                raise StopIteration
            self._ready = owner._block(self._epoch, self._at, count)[::-1]
            self._size = min(2 * self._size, _LARGEST_BLOCK)
        self._at += owner._shard.step
        owner._epoch, owner._next = self._epoch, self._at
        return self._ready.pop()

    def state_dict(self) -> dict[str, Any]:
        """As of the sampler, at this iterator's place."""
        state = self._owner.state_dict()
        return {**state, "epoch": self._epoch, "batch": self._at} if self._at >= 0 else state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """As of the sampler; this iterator goes on there."""
        self._owner.load_state_dict(state)
        self._ready, self._size, self._at = [], _FIRST_BLOCK, -1


class _EpochSetter:
    """What frameworks look for as `batch_sampler.sampler`: it has `set_epoch` and nothing they would re-seed."""

    def __init__(self, owner: PKBatchSampler) -> None:
        self._owner = owner

    def set_epoch(self, epoch: int) -> None:
        self._owner.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._owner) * self._owner.batch_size


def _digest_of_order(position: Rows | None) -> str | None:
    return None if position is None else digest_of(position)


def _index_space(data: IndexView | IndexDataset | Subset[Any], order: Order | None) -> tuple[IndexView, Rows | None]:
    """The view to draw from, and each of its rows as the position to yield; None: the row itself."""
    if isinstance(data, Subset):
        index, position = _index_space(data.dataset, None)  # type: ignore[arg-type]
        index, position = _in_order(index, position, data.indices, "Subset.indices")
    else:
        found = data if isinstance(data, (MappedIndex, JointIndex)) else getattr(data, "index", None)
        if not isinstance(found, (MappedIndex, JointIndex)):
            raise SettingsError(
                f"PKBatchSampler(data): expected an index, an IndexDataset or a Subset of one, found {type(data).__name__}; "
                "for a dataset of your own pass the index, and `order=` with its paths"
            )
        index, position = found, None
    return (index, position) if order is None else _in_order(index, position, order, "order")


def _in_order(index: IndexView, position: Rows | None, order: Any, setting: str) -> tuple[IndexView, Rows]:
    """Restrict a view to the samples in `order`, and number them by their place in it.

    Args:
        index: The view.
        position: What a number in `order` means: the place of each row in an outer order; None: rows.
        order: Paths, or numbers.
        setting: How messages call it.
    """
    if isinstance(order, (str, set, frozenset, dict)) or not hasattr(order, "__len__") or not len(order):
        raise SettingsError(
            f"{setting}: expected paths or rows in your dataset's order, as a list, found {order!r:.60}"
        )
    if isinstance(order[0], (tuple, list)):
        raise SettingsError(
            f"{setting}: expected paths or rows, found pairs; of (path, label) samples pass [p for p, _ in samples]"
        )
    if isinstance(order[0], (str, PathLike)):
        rows = index.rows_for(order)
    elif position is None:
        rows = index.checked_rows(order, setting)
    else:
        by_position = np.argsort(position)
        rows = by_position[index.checked_rows(order, setting)]
    by_row = np.argsort(rows, kind="stable")
    if np.any(rows[by_row][1:] == rows[by_row][:-1]):
        raise SettingsError(f"{setting}: a sample is named twice; in a dataset it has one position")
    return index.subset(rows), by_row
