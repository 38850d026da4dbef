"""An index and settings -> `PKBatchSampler`, which hands the batches of the plan to a DataLoader."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, Subset

from indexer.errors import SettingsError
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.plan import EpochPlan
from sampler_runtime.settings import PKSettings, resolve_blocks, whole_number
from sampler_runtime.shard import rank_batches

if TYPE_CHECKING:
    from sampler_runtime.dataset import IndexDataset

_FIRST_BLOCK = 1
_LARGEST_BLOCK = 256
"""Batches are computed in blocks that grow: the first is there at once, later ones cost least."""

_log = logging.getLogger("reidindex")
Rows = NDArray[np.int64]
Order = Sequence[str | PathLike[str]] | Sequence[int] | Rows


class PKBatchSampler(BatchSampler):
    """P distinct identities a batch, K rows of each, every block as the contract `each` asks.

    Batch b of epoch e is a pure function of (index, settings, seed, e, b): the same on every rank and worker, with
    every world size, and whether or not the batches before were drawn. No sample is ever opened.

    Args:
        data: An index view, an `IndexDataset`, or a `torch.utils.data.Subset` of one. The rows that are yielded are
            positions in it.
        p: Identities in a batch.
        k: Rows of each. An identity with fewer repeats some, each as often as another.
        each: What every block of K rows must hold: `any`, `rgb` (at least one RGB row), `pair` (one RGB and one of the
            other modalities) or `complete` (every modality, as many as K permits). Identities that cannot are left
            out, counted by reason in `left_out`.
        epoch: `identities`: every eligible identity once an epoch. The fewer than P that fill no batch wait; others
            wait in the next epoch.
        seed: Fixed for a training run.
        order: For a dataset of your own in another order: its paths, or the rows of `data`, in its order. What is
            yielded are then positions in that order, of the samples that are in it.
        rank: Of this process.
        world_size: Number of processes: each takes whole batches of one stream, and all take the same number.
        sampler: Not used; frameworks that re-create batch samplers pass one.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.

    Corner cases:
        - `len()` is exact: eligible identities // P, shared out to the ranks.
        - The epoch moves on by one with each new iterator that is drawn from, unless `set_epoch` was called since.
        - Within a block rows of the same pool stand together, the contract's first modality (RGB) first.
    """

    def __init__(
        self,
        data: MappedIndex | IndexDataset | Subset[Any],
        p: int,
        k: int,
        each: str = "any",
        epoch: str = "identities",
        seed: int = 0,
        order: Order | None = None,
        rank: int = 0,
        world_size: int = 1,
        sampler: object = None,
    ) -> None:
        """See the class."""
        self.settings = PKSettings(p, k, each, epoch, seed)
        self.rank, self.world_size = whole_number(rank, "rank", 0), whole_number(world_size, "world_size", 1)
        self.index, self._position = _index_space(data, order)
        self._blocks = resolve_blocks(self.index, self.settings)
        self._epoch, self._begun = 0, False
        self.batch_size, self.drop_last = p * k, True
        self.sampler: Any = _EpochSetter(self)
        self._batches = rank_batches(self.num_batches, self.rank, self.world_size)
        if not self._batches:
            raise SettingsError(
                f"world_size={world_size}: an epoch has {self.num_batches} batches of P={self.settings.p}, so that no rank "
                f"would get one; use p={max(self.num_identities // self.world_size, 1)} or less, or fewer processes"
            )
        if self.left_out:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in self.left_out.items())
            total = self._blocks.num_identities + sum(self.left_out.values())
            _log.warning(
                "each=%r: %s of %s identities are drawn; left out: %s",
                each,
                f"{self.num_identities:,}",
                f"{total:,}",
                reasons,
            )

    @property
    def num_identities(self) -> int:
        """Identities that are drawn."""
        return self._blocks.num_identities

    @property
    def num_batches(self) -> int:
        """Batches of an epoch, over all ranks."""
        return self.num_identities // self.settings.p

    @property
    def left_out(self) -> dict[str, int]:
        """Identities that cannot serve the contract: reason → how many."""
        return dict(self._blocks.left_out)

    @property
    def epoch(self) -> int:
        """The epoch that is being drawn or, before the first, will be."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch with the next iterator."""
        self._epoch, self._begun = whole_number(epoch, "set_epoch", 0), False

    def plan(self, epoch: int) -> EpochPlan:
        """The plan of an epoch: any batch of it by its number."""
        return EpochPlan(self._blocks, self.settings.p, self.settings.seed, epoch)

    def __len__(self) -> int:
        """Batches of this rank in every epoch."""
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        """This rank's batches of the epoch, each a fresh list of P·K ints, identity by identity."""
        # A generator: an epoch begins when its first batch is asked for. A DataLoader with workers makes one iterator
        # that it throws away before the one it uses, and that must not count.
        if self._begun:
            self._epoch += 1
        self._begun = True
        plan = self.plan(self._epoch)
        block, done = _FIRST_BLOCK, 0
        while done < len(self):
            numbers = np.asarray(self._batches[done : done + block], np.int64)
            rows = plan.batches(numbers).reshape(len(numbers), -1)
            yield from (rows if self._position is None else self._position[rows]).tolist()
            done, block = done + block, min(2 * block, _LARGEST_BLOCK)

    def __repr__(self) -> str:
        s = self.settings
        return f"PKBatchSampler(P={s.p}, K={s.k}, each={s.each!r}, {self.num_identities:,} identities, {len(self):,} batches)"


class _EpochSetter:
    """What frameworks look for as `batch_sampler.sampler`: it has `set_epoch` and nothing they would re-seed."""

    def __init__(self, owner: PKBatchSampler) -> None:
        self._owner = owner

    def set_epoch(self, epoch: int) -> None:
        self._owner.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._owner) * self._owner.batch_size


def _index_space(
    data: MappedIndex | IndexDataset | Subset[Any], order: Order | None
) -> tuple[MappedIndex, Rows | None]:
    """The view to draw from, and each of its rows as the position to yield; None: the row itself."""
    if isinstance(data, Subset):
        index, position = _index_space(data.dataset, None)  # type: ignore[arg-type]
        index, position = _in_order(index, position, data.indices, "Subset.indices")
    else:
        found = data if isinstance(data, MappedIndex) else getattr(data, "index", None)
        if not isinstance(found, MappedIndex):
            raise SettingsError(
                f"PKBatchSampler(data): expected an index, an IndexDataset or a Subset of one, found {type(data).__name__}; "
                "for a dataset of your own pass the index, and `order=` with its paths"
            )
        index, position = found, None
    return (index, position) if order is None else _in_order(index, position, order, "order")


def _in_order(index: MappedIndex, position: Rows | None, order: Any, setting: str) -> tuple[MappedIndex, Rows]:
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
