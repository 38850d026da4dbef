"""Blocks, seed, epoch -> the batches of the epoch: a pure function, batch by batch.

How an epoch is laid out, for n identities, P a batch, r = n mod P of them over:

- The identities stand in a fixed random circle σ. Epoch e leaves out the r that stand at e·r, e·r + 1, … of the
  circle: nobody is left out a second time before everybody else was.
- The others are dealt to the epoch's batches by a permutation π of the epoch. Slot j of the epoch holds the identity
  at e·r + r + π(j) of the circle.
- So it is known, without history, how often an identity was visited before: e less the times it was left out.

How the rows of a visit are found, for a pool of m rows of which a block draws q:

- Draw j of visit v is number v·q + j of the pool's endless sequence. The sequence goes through the pool in one
  permuted order after the other; the order changes where the end of the pool and the end of a block fall together,
  every m / gcd(m, q) visits.
- So any m draws in a row are all of the pool: a block repeats a row only when q > m, and then as evenly as can be;
  and every row is used before any is used again, over as many epochs as it takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler_runtime.contract import Blocks
from sampler_runtime.randomness import mix, permute, stream_key

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
        return _block_rows(self.blocks, who, visit, self.seed).reshape(len(numbers), self.p, self.blocks.k)

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


def _block_rows(blocks: Blocks, who: Rows, visit: Rows, seed: int) -> Rows:
    """The rows of a visit to each identity, shape `(len(who), K)`, pool after pool."""
    first, pools = blocks.offsets[who], blocks.num_pools
    width = int((blocks.offsets[who + 1] - first).max(initial=0))
    column = first[:, None] + np.arange(width)
    there = column < blocks.offsets[who + 1][:, None]
    column[~there] = 0
    size = np.where(there, blocks.sizes[column], 0)  # stretches of each identity, padded with empty ones
    start, pool = blocks.starts[column], blocks.pool[column]
    of_pool = there[:, :, None] & (pool[:, :, None] == np.arange(pools))
    in_pool = (size[:, :, None] * of_pool).sum(1)  # shape (identities, pools)
    # Where pools take turns, not everybody's turn is the same one in the same epoch.
    first_turn = (mix(blocks.pids[who].astype(np.uint64)) % np.uint64(pools)).astype(np.int64)
    count, visit_of_pool = _share_out(in_pool, blocks.least[blocks.pattern[who]], visit, first_turn, blocks.k)
    # Each of the K places in a block gets its pool, and its number among that pool's places.
    ends = np.cumsum(count, axis=1)
    places = np.arange(blocks.k)
    which = (places[:, None] >= ends[:, None, :]).sum(2)
    flat = (np.arange(len(who))[:, None] * pools + which).reshape(-1)
    number = places - np.take_along_axis(ends - count, which, 1)
    drawn, sizes = np.maximum(count, 1), np.maximum(in_pool, 1)
    period = sizes // np.gcd(sizes, drawn)
    cycle, within = visit_of_pool // period, visit_of_pool % period
    key = _pool_keys(blocks.pids[who], pools, cycle, seed)
    sizes_flat = sizes.reshape(-1)[flat]
    position = ((within * drawn).reshape(-1)[flat] + number.reshape(-1)) % sizes_flat
    offset = permute(position, sizes_flat, key.reshape(-1)[flat]).reshape(len(who), blocks.k)
    # An offset into a pool becomes a position: most pools are one stretch, some go on in a later one.
    out = np.zeros_like(offset)
    pending = np.ones(offset.shape, bool)
    for stretch in range(width):
        mine = pending & (pool[:, stretch, None] == which) & there[:, stretch, None]
        here = mine & (offset < size[:, stretch, None])
        out[here] = (offset + start[:, stretch, None])[here]
        pending &= ~here
        offset = offset - np.where(mine & ~here, size[:, stretch, None], 0)
    return blocks.rows[out] if blocks.rows is not None else out


def _share_out(in_pool: Rows, least: Rows, visit: Rows, first_turn: Rows, k: int) -> tuple[Rows, Rows]:
    """How many rows of each pool this visit draws, and how many visits drew from the pool before.

    Each pool gets what the contract needs; the other places go by highest averages (d'Hondt), one by one to the pool
    with the most rows for each place it would then have. So pools are drawn from in proportion, and no row is repeated
    while another pool has unused ones.
    """
    count = least.copy()
    visits = np.broadcast_to(visit[:, None], count.shape).copy()
    room = k - count.sum(1)
    for _ in range(int(room.max(initial=0))):
        open_rows = np.flatnonzero(room > 0)
        best = np.argmax(in_pool[open_rows] / (count[open_rows] + 1), axis=1)
        count[open_rows, best] += 1
        room[open_rows] -= 1
    short = np.flatnonzero(room < 0)
    if len(short):  # more pools than places (`as_k_permits`): K of them at each visit, in turn
        needed = least[short] > 0
        rank, total = np.cumsum(needed, axis=1) - 1, needed.sum(1)[:, None]

        def drawn(visits: Rows) -> Rows:
            """How often each pool had its turn when a number of visits is over: every `total` turns once."""
            return np.where(needed, -((rank - visits[:, None] * k) // total), 0)

        turn = first_turn[short]
        before = drawn(turn + visit[short])
        count[short] = drawn(turn + visit[short] + 1) - before
        visits[short] = before - drawn(turn)
    return count, visits


def _pool_keys(pids: NDArray[np.int32], pools: int, cycle: Rows, seed: int) -> NDArray[np.uint64]:
    """A key for each identity's pool and cycle, shape of `cycle`."""
    base = np.uint64(stream_key(seed, "rows"))
    number = pids.astype(np.uint64)[:, None] * np.uint64(pools) + np.arange(pools, dtype=np.uint64)
    return mix(mix((number + base).astype(np.uint64)) + cycle.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
