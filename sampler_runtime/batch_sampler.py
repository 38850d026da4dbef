"""An index and settings -> `PKBatchSampler`, which hands the batches of the plan to a DataLoader."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, DistributedSampler, Subset

from indexer.errors import SettingsError
from sampler_runtime.contract import Each
from sampler_runtime.plan import EpochPlan
from sampler_runtime.positions import Order, index_space
from sampler_runtime.run import resolve
from sampler_runtime.settings import MOST_EPOCHS, Drop, OnShort, PKSettings, Weights, digest_of, whole_number
from sampler_runtime.shard import Mode, Shard, Sharding, Split
from sampler_runtime.state import STATE_VERSION, check_state
from sampler_runtime.view import IndexView

if TYPE_CHECKING:
    from sampler_runtime.dataset import IndexDataset
    from sampler_runtime.flat import FlatView

_FIRST_BLOCK, _GROWTH, _LARGEST_BLOCK = 1, 8, 512
"""Batches are computed in blocks that grow: the first is there at once, later ones cost least."""
_MOST_ROWS = 1 << 16
"""Of a block of batches, where a batch is not larger."""

_log = logging.getLogger("reidindex")
Rows = NDArray[np.int64]
Output = Literal["list", "numpy"]


@dataclass
class _Place:
    """Where the stream stands. A framework that makes the sampler anew for its rank shares the place of the old one."""

    epoch: int = 0
    begun: bool = False
    """Whether the epoch was drawn from."""
    next: int = 0
    """Batch of the whole stream that comes next."""
    drawn_by: object = None
    """The iterator that moves it: the last one that was begun, until somebody says where to stand."""

    def copy(self) -> _Place:
        """That nobody moves; taken in one piece, whoever draws meanwhile."""
        return _Place(self.epoch, self.begun, self.next)


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
        shard: `rank`: draw this rank's share. `none`: draw every batch, for a framework that deals them out itself. `auto`:
            `none` where Accelerate is in use (its `prepare` deals batches out), else `rank`. The log tells which and why.
        split: `batches`: each rank takes whole batches of one stream, all the same number. `block`: each batch is spread over
            the ranks by whole identities, so many of P each.
        output: A batch as a `list` of ints, or as one `numpy` array.
        sampler: For frameworks that make batch samplers anew for each rank (Lightning): a `DistributedSampler` tells the rank.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.

    Corner cases:
        - `len()` is exact: this rank's batches of a whole epoch.
        - Rank and world size are asked for when an epoch begins: a sampler may be made before processes have joined.
        - The epoch moves on by one with each new iterator that is drawn from, unless `set_epoch` was called since.
        - Within a block rows of the same pool stand together, the contract's first modality (RGB) first.
        - Pickles as its index does, with its settings and where it stands.
    """

    _sharding: Sharding
    _plan: EpochPlan

    def __init__(
        self,
        data: IndexView | IndexDataset | Subset[Any] | PKBatchSampler,
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
        shard: Mode = "auto",
        split: Split = "batches",
        output: Output = "list",
        sampler: object = None,
    ) -> None:
        """See the class."""
        if isinstance(sampler, DistributedSampler):
            rank, world_size = sampler.rank, sampler.num_replicas
        if isinstance(data, PKBatchSampler):  # a framework makes it anew: the same stream, and the place in it
            self.__dict__.update(data.__dict__)
            self._sharding = Sharding("rank", rank, world_size, data._sharding.split)
            self._let_frameworks_make_it_anew()
            return
        settings = PKSettings(p, k, each, epoch, seed, on_short, prefer_complete, drop, weights, compose, per_source)
        if output not in ("list", "numpy"):
            raise SettingsError(f"output: expected 'list' or 'numpy', found {output!r}")
        if compose and isinstance(data, Subset):
            raise SettingsError(
                "compose: a Subset takes one row at a time, an instance has several; draw from index.subset(rows), and give the "
                "dataset the same"
            )
        index, position = index_space(data, order)
        self._set_up(index, position, settings, Sharding(shard, rank, world_size, split), output)
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
        self, index: IndexView, position: Rows | None, settings: PKSettings, sharding: Sharding, output: Output
    ) -> None:
        self.index, self._position, self._sharding, self._output = index, position, sharding, output
        run = resolve(index, settings)
        self.settings, self._words = (
            run.settings,
            {**run.words, "order": None if position is None else digest_of(position)},
        )
        self._plan = run.plan(index)
        self._place, self._told = _Place(), ""
        self.drop_last = True
        self.sampler: Any = _EpochSetter(self)
        self._share()
        self._let_frameworks_make_it_anew()

    def _let_frameworks_make_it_anew(self) -> None:
        """Tell Lightning what to make this sampler from when it injects a `DistributedSampler`: from itself.

        These are the attributes in which it keeps a constructor's arguments; it sets them only for what is made in its hooks.
        """
        kwargs = {"data": self, "p": self.settings.p, "k": self.settings.k, "sampler": None}
        for name, value in (("args", ()), ("kwargs", kwargs), ("arg_names", ()), ("default_kwargs", {})):
            object.__setattr__(self, f"__pl_saved_{name}", value)

    def _share(self) -> Shard:
        """What this process draws.

        Raises:
            SettingsError: Nothing, for there are more ranks than batches.
        """
        shard = self._sharding.shard()
        by_identities = self.settings.epoch == "identities" and self.settings.per_source is None
        shard.check(self.num_batches, self.settings.p, self.num_identities if by_identities else None)
        return shard

    @property
    def batch_size(self) -> int:  # type: ignore[override]
        """Rows of a batch of this rank; composed instances count as one."""
        return self._sharding.shard().identities(self.settings.p) * self.settings.k

    @property
    def rank(self) -> int:
        """Of this process."""
        return self._sharding.shard().rank

    @property
    def world_size(self) -> int:
        """Number of processes."""
        return self._sharding.shard().world_size

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
        return self._place.epoch

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch with the next iterator, from its first batch."""
        epoch = whole_number(epoch, "set_epoch", 0, MOST_EPOCHS)
        if epoch == self._place.epoch and not self._place.begun:
            return  # a framework that tells the epoch after a checkpoint was loaded must not undo its place in it
        self._stand_at(epoch, 0)

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
        other._set_up(self.index, self._position, replace(self.settings, weights=weights), self._sharding, self._output)
        other._stand_at(self._place.epoch + self._place.begun, 0)
        return other

    def flat(self, *, infinite: bool = False) -> FlatView:
        """The rows one by one, for loaders that cut batches themselves: `DataLoader(sampler=…, batch_size=P*K, drop_last=True)`.

        Args:
            infinite: Epoch after epoch, without end.
        """
        from sampler_runtime.flat import FlatView

        return FlatView(self, infinite)

    def __len__(self) -> int:
        """Batches of this rank in every epoch."""
        return self._sharding.shard().count(self.num_batches)

    def __iter__(self) -> Iterator[Any]:
        """This rank's batches of the epoch, identity by identity; the iterator has a state of its own."""
        return _Batches(self)

    # ------------------------------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands: what to save, so that another sampler goes on here.

        `batch` counts the batches of the epoch that were drawn on all ranks. A DataLoader with workers draws ahead of training:
        put the number that training finished, times the world size, into `batch`, or use torchdata's StatefulDataLoader.
        """
        return {
            "version": STATE_VERSION,
            "epoch": self._place.epoch,
            "batch": self._place.next,
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
        if not self._sharding.shard().count(self.num_batches - batch):
            epoch, batch = epoch + 1, 0
        self._stand_at(epoch, batch)

    def __getstate__(self) -> dict[str, Any]:
        if callable(self.settings.drop):
            raise SettingsError("a sampler with a predicate in `drop` cannot be pickled; give the labels")
        return {
            "index": self.index, "position": self._position, "settings": self.settings, "sharding": self._sharding,
            "output": self._output, "place": self._place.copy(),
        }  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set_up(state["index"], state["position"], state["settings"], state["sharding"], state["output"])
        self._place = state["place"]

    def plan(self) -> EpochPlan:
        """The plan of the run: any batch of any epoch, as rows of `index`."""
        return self._plan

    def _placed(self, rows: Rows) -> Rows:
        """Rows as positions in the user's order."""
        if self._position is None:
            return rows
        return np.where(rows < 0, rows, self._position[rows])

    def _stand_at(self, epoch: int, batch: int) -> None:
        self._place.epoch, self._place.begun, self._place.next = epoch, False, batch
        self._place.drawn_by = None

    def _begin(self, iterator: object) -> tuple[Shard, int, int]:
        """A new iterator is drawn from: its share, the epoch it has, and the batch it begins with."""
        self.index.look_again()
        shard, place = self._share(), self._place
        told = f"rank {shard.rank} of {shard.world_size}, {self._sharding.reason()}"
        if told != self._told:
            self._told = told
            _log.info("shard=%r: %s", self._sharding.mode, told)
        # A signal or another thread comes between calls: there is none from here on, so that a place is moved as a whole. And an
        # iterator that was broken off before it got to know its place begins with it again.
        if place.begun and place.drawn_by is not iterator:
            place.epoch, place.next = place.epoch + 1, 0
        place.begun, place.drawn_by = True, iterator
        return shard, place.epoch, place.next

    def _block(self, shard: Shard, epoch: int, first: int, count: int) -> list[Any]:
        """Some batches of a rank, from a batch of the whole stream on."""
        numbers = shard.numbers(first, count, self.num_batches)
        rows = self._placed(self._plan.batches(epoch, numbers))[:, shard.block(self.settings.p)]
        rows = rows.reshape(len(numbers), -1, *rows.shape[3:])
        if self._output == "numpy":
            return list(rows)
        batches = rows.tolist()
        return [[tuple(instance) for instance in batch] for batch in batches] if self.compose else batches

    def _repr_html_(self) -> str:
        from sampler_runtime.showing.cards import sampler_card

        return sampler_card(self)

    def __repr__(self) -> str:
        s = self.settings
        return f"PKBatchSampler(P={s.p}, K={s.k}, each={s.each!r}, {self.num_identities:,} identities, {len(self):,} batches)"


class _Batches(Iterator[Any]):
    """An epoch as it is drawn. Where it stands is the sampler's to know, as long as it is the sampler's last iterator."""

    def __init__(self, owner: PKBatchSampler) -> None:
        self._owner = owner
        self._forget()

    def _forget(self) -> None:
        self._ready: list[Any] = []
        self._size, self._at, self._epoch, self._shard = _FIRST_BLOCK, -1, 0, Shard()

    def __next__(self) -> Any:
        # An epoch begins when its first batch is asked for. A DataLoader with workers makes one iterator that it
        # throws away before the one it uses, and that must not count.
        owner = self._owner
        if self._at < 0:
            self._shard, self._epoch, self._at = owner._begin(self)
        if not self._ready:
            count = min(self._size, self._shard.count(owner.num_batches - self._at))
            if count <= 0:
                raise StopIteration
            self._ready = owner._block(self._shard, self._epoch, self._at, count)[::-1]
            largest = max(_MOST_ROWS // (owner.settings.p * owner.settings.k), 1)
            self._size = min(_GROWTH * self._size, _LARGEST_BLOCK, largest)
        at = self._at + self._shard.step
        # No call from here on, so no signal and no other thread: a batch is handed out and counted, or neither.
        batch = self._ready[-1]
        self._at = at
        if owner._place.drawn_by is self:
            owner._place.next = at
        del self._ready[-1]
        return batch

    def state_dict(self) -> dict[str, Any]:
        """As of the sampler, at this iterator's place."""
        state = self._owner.state_dict()
        return {**state, "epoch": self._epoch, "batch": self._at} if self._at >= 0 else state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """This iterator goes on there; at the end of an epoch it has nothing more, and the next iterator has the next epoch."""
        owner = self._owner
        owner._stand_at(*check_state(state, owner.state_dict(), owner.num_batches))
        self._forget()
        self._shard, self._epoch, self._at = owner._begin(self)


class _EpochSetter:
    """What frameworks look for as `batch_sampler.sampler`: it has `set_epoch` and nothing they would re-seed."""

    def __init__(self, owner: PKBatchSampler) -> None:
        self._owner = owner

    def set_epoch(self, epoch: int) -> None:
        self._owner.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._owner) * self._owner.batch_size
