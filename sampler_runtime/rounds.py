"""Every identity once a pass: batches of an endless stream -> who is in them, in constant time.

How a pass over n identities is laid out, with P a batch and r = n mod P of them over:

- The identities stand in a fixed random circle σ. Pass t leaves out the r that stand at t·r, t·r + 1, … of the circle: nobody
  is left out a second time before everybody else was.
- The others are dealt to the batches of the pass by a permutation π of the pass. Slot j holds the identity at
  t·r + r + π(j) of the circle.
- So it is known, without history, how often an identity was visited before: t less the times it was left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler_runtime.draw import Visits
from sampler_runtime.randomness import permuted, stream_key

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Rounds:
    """A stream in which each of n identities comes once a pass, but for the remainder, which rotates."""

    num_identities: int
    p: int
    seed: int
    name: str = ""
    """Tells the streams of one run apart."""

    @property
    def batches_per_pass(self) -> int:
        """Full batches of P identities."""
        return self.num_identities // self.p

    def visits(self, passes: Rows, numbers: Rows) -> Visits:
        """Who is in some batches.

        Args:
            passes: Shape `(b,)`.
            numbers: Shape `(b,)`: of the batch in its pass.

        Returns:
            Shape `(b * P,)`.
        """
        n, over = self.num_identities, self.num_identities % self.p
        distinct, which = np.unique(passes, return_inverse=True)
        begin = np.array([divmod(t * over, n) for t in distinct.tolist()], np.int64).reshape(-1, 2)
        around, start = np.repeat(begin[which], self.p, axis=0).T
        keys = np.array([stream_key(self.seed, "deal", self.name, t) for t in distinct.tolist()], np.uint64)
        slots = (numbers[:, None] * self.p + np.arange(self.p)).reshape(-1)
        dealt = permuted(slots, n - over, np.repeat(keys[which], self.p))
        place = (start + over + dealt) % n
        # Left out at each place t·r of the endless line that is ≡ place (mod n), so far: once a time around.
        times = around + (place < start)
        who = permuted(place, n, stream_key(self.seed, "circle", self.name))
        return Visits(who, np.repeat(passes, self.p) - times)

    def waiting(self, number: int) -> Rows:
        """The identities that a pass leaves out because they fill no batch: fewer than P."""
        n, over = self.num_identities, self.num_identities % self.p
        places = (np.arange(over) + number * over % n) % n
        return permuted(places, n, stream_key(self.seed, "circle", self.name))
