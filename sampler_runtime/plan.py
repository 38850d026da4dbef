"""Blocks, seed, epoch -> the batches of the epoch: a pure function, batch by batch.

How an epoch is laid out, for n identities, P a batch, r = n mod P of them over:

- The identities stand in a fixed random circle σ. Epoch e leaves out the r that stand at e·r, e·r + 1, … of the
  circle: nobody is left out a second time before everybody else was.
- The others are dealt to the epoch's batches by a permutation π of the epoch. Slot j of the epoch holds the identity
  at e·r + r + π(j) of the circle.
- So it is known, without history, how often an identity was visited before: e less the times it was left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler_runtime.contract import Blocks
from sampler_runtime.draw import draw_blocks
from sampler_runtime.randomness import permute, stream_key

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class EpochPlan:
    """Which batches an epoch has, each computed when asked for."""

    blocks: Blocks
    p: int
    seed: int
    epoch: int

    @property
    def num_batches(self) -> int:
        """Full batches of P identities."""
        return self.blocks.num_identities // self.p

    def batches(self, numbers: Rows) -> Rows:
        """The batches with these numbers.

        Args:
            numbers: Shape `(b,)`, each in `range(num_batches)`, in any order.

        Returns:
            Rows of the view, shape `(b, P, K)`: axis 1 holds distinct identities, axis 2 one identity's rows.
        """
        slots = (numbers[:, None] * self.p + np.arange(self.p)).reshape(-1)
        who, visit = self._identities(slots)
        rows = draw_blocks(self.blocks, who, visit, self.seed)
        return rows.reshape(len(numbers), self.p, self.blocks.k)

    def left_out(self) -> NDArray[np.int32]:
        """The pids that this epoch leaves out because they fill no batch: fewer than P."""
        n = self.blocks.num_identities
        over = n % self.p
        circle = (np.arange(over) + self.epoch * over % n if n else np.arange(0)) % max(n, 1)
        return self.blocks.pids[_permuted(circle, n, stream_key(self.seed, "circle"))]

    def _identities(self, slots: Rows) -> tuple[Rows, Rows]:
        """Who is at each slot of the epoch, and how often they were visited in the epochs before."""
        n = self.blocks.num_identities
        over = n % self.p
        dealt = _permuted(slots, self.num_batches * self.p, stream_key(self.seed, "epoch", self.epoch))
        begin = self.epoch * over
        place = (begin % n + over + dealt) % n
        # Left out at each t < e·r with t ≡ place (mod n): as many as there are such t.
        times = begin // n + (place < begin % n)
        return _permuted(place, n, stream_key(self.seed, "circle")), self.epoch - times


def _permuted(positions: Rows, size: int, key: int) -> Rows:
    sizes = np.full(len(positions), size, np.int64)
    return permute(positions, sizes, np.full(len(positions), key, np.uint64))
