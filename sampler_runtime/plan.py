"""Blocks, settings, epoch -> the batches of the epoch: a pure function, batch by batch.

An epoch is a window of an endless stream of batches. The stream goes in passes: `rounds` lays them out where every identity
comes once, `rates` where they come more or less often. Several sources are several streams, side by side in each batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from sampler_runtime.cached_property import cached_property
from sampler_runtime.draw import Visits, draw_blocks, visits_to_all_rows
from sampler_runtime.eligibility import Blocks
from sampler_runtime.rates import Rates, share_out
from sampler_runtime.rounds import Rounds

Rows = NDArray[np.int64]
Weights = NDArray[np.float64]


Stream = Rounds | Rates
"""An endless stream of batches of P identities, in passes."""


@dataclass(frozen=True)
class Part:
    """The identities of one source, and how many of them a batch has."""

    members: Rows
    """Positions in `Blocks.pids`, ascending."""
    p: int
    name: str = ""


@dataclass(frozen=True)
class EpochPlan:
    """Which batches the epochs of a run have, each computed when asked for."""

    blocks: Blocks
    parts: tuple[Part, ...]
    streams: tuple[Stream, ...]
    num_batches: int
    """Of every epoch."""
    seed: int

    @property
    def p(self) -> int:
        """Identities in a batch."""
        return sum(part.p for part in self.parts)

    @property
    def never_drawn(self) -> int:
        """Identities that can serve and are never visited, because those that come first fill every batch."""
        drawn = sum(
            int((stream.units > 0).sum()) if isinstance(stream, Rates) else stream.num_identities
            for stream in self.streams
        )
        return self.blocks.num_identities - drawn

    def batches(self, epoch: int, numbers: Rows) -> Rows:
        """The batches of an epoch with these numbers.

        Args:
            epoch: Counted from 0.
            numbers: Shape `(b,)`, each in `range(num_batches)`, in any order.

        Returns:
            Rows of the view, shape `(b, P, K)`: axis 1 holds distinct identities, axis 2 one identity's rows. Where
            instances are composed, shape `(b, P, K, modalities)`, with -1 where there is none.
        """
        if epoch * self.num_batches * self.blocks.k >= 1 << 62:
            raise SettingsError(f"epoch: {epoch:,} epochs of {self.num_batches:,} batches are more than can be counted")
        visits = [
            self._visits(part, stream, epoch, numbers) for part, stream in zip(self.parts, self.streams, strict=True)
        ]
        drawn = draw_blocks(self.blocks, _side_by_side(visits, len(numbers)), self.seed)
        return drawn.reshape(len(numbers), self.p, *drawn.shape[1:])

    def waiting(self, epoch: int) -> NDArray[np.int32]:
        """The pids that an epoch of whole rounds leaves out because they fill no batch: fewer than P of each source."""
        found = [
            part.members[stream.waiting(epoch)]
            for part, stream in zip(self.parts, self.streams, strict=True)
            if isinstance(stream, Rounds) and stream.batches_per_pass == self.num_batches
        ]
        return self.blocks.pids[np.sort(np.concatenate(found))] if found else np.empty(0, np.int32)

    def _repr_html_(self) -> str:
        from sampler_runtime.showing.cards import plan_card

        return plan_card(self)

    def _visits(self, part: Part, stream: Stream, epoch: int, numbers: Rows) -> Visits:
        passes, first = divmod(epoch * self.num_batches, stream.batches_per_pass)
        at = numbers + first
        found = stream.visits(passes + at // stream.batches_per_pass, at % stream.batches_per_pass)
        return Visits(part.members[found.who], found.number, found.begin, found.length)


def _side_by_side(visits: Sequence[Visits], batches: int) -> Visits:
    """The visits of several sources as those of one, batch by batch: dealt evenly, so that ranks that share a batch share them."""
    if len(visits) == 1:
        return visits[0]
    shares = [len(v.who) // max(batches, 1) for v in visits]
    places = np.concatenate([(np.arange(share) + 0.5) / max(share, 1) for share in shares])
    order = np.argsort(places, kind="stable")

    def joined(arrays: Sequence[Rows]) -> Rows:
        return np.concatenate([array.reshape(batches, -1) for array in arrays], axis=1)[:, order].reshape(-1)

    begins = [v.begin for v in visits if v.begin is not None]
    lengths = [v.length for v in visits if v.length is not None]
    return Visits(
        joined([v.who for v in visits]),
        joined([v.number for v in visits]),
        joined(begins) if begins else None,
        joined(lengths) if lengths else None,
    )


def lay_out(
    blocks: Blocks, parts: Sequence[Part], epoch: str | int, seed: int, weights: Weights | None = None
) -> EpochPlan:
    """The plan of a run.

    Args:
        blocks: Who can be drawn, and from what.
        parts: Whom each source gives to a batch; at least P of them each.
        epoch: `identities`, `samples` or a number of batches.
        seed: Of the run.
        weights: Shape `(identities,)`: how often each is visited, in proportion; None: alike.
    """
    if epoch != "samples" and weights is None:
        parts = [_who_comes_first(blocks, part) for part in parts]
    layouts = [_Layout(blocks, part, seed, weights) for part in parts]
    if epoch == "samples":
        batches = max(layout.batches_for_samples for layout in layouts)
        streams: list[Stream] = [layout.of_samples(batches) for layout in layouts]
    else:
        streams = [layout.of_identities() for layout in layouts]
        batches = epoch if isinstance(epoch, int) else max(stream.batches_per_pass for stream in streams)
    return EpochPlan(blocks, tuple(parts), tuple(streams), batches, seed)


def _who_comes_first(blocks: Blocks, part: Part) -> Part:
    """Only those who come first, where the others are too few to fill their last batch up: they would take their places."""
    if blocks.first is None:
        return part
    first = part.members[blocks.first[part.members]]
    fits = -(-len(first) // part.p) * part.p <= len(part.members)
    return part if fits or len(first) < part.p else Part(first, part.p, part.name)


@dataclass(frozen=True)
class _Layout:
    """How the identities of one source become a stream."""

    blocks: Blocks
    part: Part
    seed: int
    weights: Weights | None

    @cached_property
    def first(self) -> NDArray[np.bool_]:
        """Who comes first: all, where nothing is preferred."""
        n = len(self.part.members)
        return np.ones(n, bool) if self.blocks.first is None else self.blocks.first[self.part.members]

    @cached_property
    def needed(self) -> Rows:
        """Visits until each identity's rows were all drawn."""
        return visits_to_all_rows(self.blocks, self.part.members)

    @property
    def batches_for_samples(self) -> int:
        """The fewest batches that hold every sample of those who come first."""
        needed = self.needed[self.first] if self.first.any() else self.needed
        return max(-(-int(needed.sum()) // self.part.p), int(needed.max()))

    def of_samples(self, batches: int) -> Stream:
        """Every sample at least once a pass; the rest in proportion to samples."""
        first = self.first if self.first.any() else np.ones(len(self.needed), bool)
        total, others = batches * self.part.p, int((~first).sum())
        least = np.where(first, self.needed, 0)
        only_others = total - int(least.sum()) <= others * batches and others > 0
        shares = self.needed * ~first if only_others else self.needed
        whole, fraction = share_out(least, shares.astype(np.float64), batches, total)
        return Rates(whole, fraction, self.part.p, self.seed, batches, self.part.name, pass_is_epoch=True)

    def of_identities(self) -> Stream:
        """Every identity once a pass, or as its weight says, or those that come first once and the others to fill up."""
        n, p, name = len(self.part.members), self.part.p, self.part.name
        if self.weights is not None:
            shares = self.weights[self.part.members]
            batches = n // p
            whole, fraction = share_out(np.zeros(n, np.int64), shares, batches, batches * p)
            return Rates(whole, fraction, p, self.seed, batches, name)
        first = int(self.first.sum())
        batches = -(-first // p)
        if 0 < first < n:
            least = self.first.astype(np.int64)
            whole, fraction = share_out(least, (~self.first).astype(np.float64), 1, batches * p)
            return Rates(whole, fraction, p, self.seed, batches, name)
        return Rounds(n, p, self.seed, name)
