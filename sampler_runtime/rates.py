"""So many visits a pass for each identity -> batches of an endless stream, P different identities in each.

Where identities are not all visited alike: every sample at least once an epoch, weights, those that only fill up.

- An identity's rate is a whole number of visits a pass, and a fraction. In the circle of all fractions, one after the other,
  pass t marks a place every full visit, and the marks move on by a golden step: so many identities as the fractions add up to
  have one visit more, each as often as its fraction says, and how often before is a sum of floors, in closed form.
- The visits of a pass are laid in a line, identity after identity in an order of the pass, and the line is wound round
  its B batches, P times: an identity has at most B visits, so none meets itself (McNaughton: Scheduling with Deadlines
  and Loss Functions, 1959). Successive places of the line go to batches a golden step apart, so an identity's
  visits are spread evenly over the pass; the number of each in order of time is again a sum of floors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from sampler_runtime.cached_property import cached_property
from sampler_runtime.draw import Visits
from sampler_runtime.randomness import hits_before, permuted, spreading_step, stream_key

Rows = NDArray[np.int64]

UNIT = 1 << 30
"""A visit a pass, in the units of fractions."""
_MOST_BATCHES = 1 << 30
_STEP = spreading_step(UNIT)


@dataclass(frozen=True)
class Rates:
    """A stream in which identities come at given rates."""

    whole: Rows
    """Shape `(identities,)`: visits in every pass."""
    fraction: Rows
    """Shape `(identities,)`: further visits a pass, in units of 1 / `UNIT`, below `UNIT`."""
    p: int
    seed: int
    batches_per_pass: int
    name: str = ""
    pass_is_epoch: bool = False
    """Whether a pass must draw every sample: then the orders of rows change with it."""
    _layouts: dict[int, tuple[int, Rows, Rows]] = field(default_factory=dict, compare=False, repr=False)
    """Of the passes met last, one even and one odd: a block of batches may reach over the end of a pass."""

    def visits(self, passes: Rows, numbers: Rows) -> Visits:
        """Who is in some batches. Lays out each pass that it meets: a walk over all identities.

        Args:
            passes: Shape `(b,)`.
            numbers: Shape `(b,)`: of the batch in its pass.

        Returns:
            Shape `(b * P,)`.
        """
        batches, step = self.batches_per_pass, spreading_step(self.batches_per_pass)
        back = pow(step, -1, batches) if batches > 1 else 0
        who, ordinal, begin, length = (np.empty(len(numbers) * self.p, np.int64) for _ in range(4))
        for number in np.unique(passes).tolist():
            order, ends = self._layout(number)
            shift = stream_key(self.seed, "turn", self.name, number) % batches
            here = np.flatnonzero(np.repeat(passes == number, self.p))
            batch = np.repeat(numbers[passes == number], self.p)
            lap = np.tile(np.arange(self.p), len(here) // self.p)
            place = (batch * back - shift) % batches + batches * lap
            line = np.searchsorted(ends, place, side="right")
            who[here] = order[line]
            length[here] = visits = self._visits(order[line], number)
            start = (ends[line] - visits + shift) % batches * step % batches  # the batch of the first visit on the line
            several = np.flatnonzero(visits > 1)
            earlier = np.zeros(len(here), np.int64)
            earlier[several] = hits_before(visits[several], batches, step, start[several], batch[several])
            begin[here] = self._visits_before(order[line], number)
            ordinal[here] = begin[here] + earlier
        return Visits(who, ordinal, begin, length) if self.pass_is_epoch else Visits(who, ordinal)

    def _layout(self, number: int) -> tuple[Rows, Rows]:
        """The order of identities in the line of a pass, and where each one's visits end."""
        found = self._layouts.get(number % 2)
        if found is None or found[0] != number:
            n = len(self.whole)
            order = permuted(np.arange(n), n, stream_key(self.seed, "line", self.name, number))
            found = number, order, np.cumsum(self._visits(order, number))
            self._layouts[number % 2] = found  # one step: threads may ask for different passes
        return found[1:]

    @property
    def units(self) -> Rows:
        """Shape `(identities,)`: visits a pass, in units of 1 / `UNIT`."""
        return self.whole * UNIT + self.fraction

    @cached_property
    def _starts(self) -> Rows:
        """Where the fraction of each identity starts in the circle of them, modulo a visit."""
        n = len(self.fraction)
        order = permuted(np.arange(n), n, stream_key(self.seed, "circle", self.name))
        starts = np.empty(n, np.int64)
        starts[order] = (np.cumsum(self.fraction[order]) - self.fraction[order]) % UNIT
        return starts

    def _visits(self, who: Rows, number: int) -> Rows:
        """Visits of identities in a pass."""
        mark = number % UNIT * _STEP % UNIT
        return self.whole[who] + ((mark - self._starts[who]) % UNIT < self.fraction[who])

    def _visits_before(self, who: Rows, number: int) -> Rows:
        """Visits of identities in all passes before."""
        rounds, rest = divmod(number, UNIT)  # the marks come back after so many passes
        start = -self._starts[who] % UNIT
        marked = hits_before(np.full(len(who), rest), UNIT, _STEP, start, self.fraction[who])
        return self.whole[who] * number + rounds * self.fraction[who] + marked


def share_out(least: Rows, shares: NDArray[np.float64], most: int, total: int) -> tuple[Rows, Rows]:
    """Rates that add up to a total: to each what it needs at least and the rest in proportion, up to a most.

    Args:
        least: Shape `(n,)`: visits that an identity has in any case.
        shares: Shape `(n,)`: in which proportion the rest goes.
        most: Visits that an identity can have.
        total: Of all.

    Returns:
        Whole visits and fractions in units of 1 / `UNIT`, each of shape `(n,)`; they add up exactly.
    """
    if total >= 1 << 50 or most >= _MOST_BATCHES:
        raise SettingsError(f"an epoch of {total:,} visits is more than can be laid out; use a number of batches")
    full = least >= most
    share = np.floor(shares / max(float(shares.max(initial=0)), 1e-300) * (1 << 32)).astype(np.int64)
    share[(shares > 0) & (share < 1)] = 1  # whole numbers, so that their sum is the same on every machine
    grows = (share > 0) & ~full
    growth = np.zeros(len(least))
    while True:
        rest = total - int(least[~full].sum()) - most * int(full.sum())
        growth[grows] = rest / max(int(share[grows].sum()), 1) * share[grows]
        over = grows & (least + growth >= most)
        if not over.any():
            break
        full, grows = full | over, grows & ~over
    whole = np.where(full, most, least)
    fraction = np.zeros(len(least), np.int64)
    whole[grows] += np.floor(growth[grows]).astype(np.int64)
    fraction[grows] = np.floor((growth[grows] % 1.0) * UNIT).astype(np.int64)
    # What rounding left over, a few units: the first identity that has room for them takes them.
    off = (total - int(whole.sum())) * UNIT - int(fraction.sum())
    for who in np.flatnonzero(grows).tolist() if off else ():
        units = int(whole[who]) * UNIT + int(fraction[who])
        change = min(off, most * UNIT - units) if off > 0 else max(off, int(least[who]) * UNIT - units)
        whole[who], fraction[who] = divmod(units + change, UNIT)
        off -= change
        if not off:
            break
    return whole, fraction
