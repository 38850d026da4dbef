"""An identity and how often it was visited -> the K rows of this visit: a pure function, vectorised over identities.

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


def draw_blocks(blocks: Blocks, who: Rows, visit: Rows, seed: int) -> Rows:
    """The rows of a visit to each of some identities.

    Args:
        blocks: Identities and pools of a contract.
        who: Shape `(n,)`: identities, as positions in `blocks.pids`.
        visit: Shape `(n,)`: how often each was visited before.
        seed: Of the run.

    Returns:
        Rows of the view, shape `(n, K)`; rows of one pool stand together.
    """
    table = _Stretches.of(blocks, who)
    in_pool, least = table.pool_sizes(blocks.num_pools), blocks.least[blocks.pattern[who]]
    # Where pools take turns, not everybody's turn is the same one in the same epoch.
    first_turn = (mix(blocks.pids[who].astype(np.uint64)) % np.uint64(blocks.num_pools)).astype(np.int64)
    count, visits = _share_out(in_pool, least, visit, first_turn, blocks.k)
    # Each of the K places in a block gets its pool, and its number among that pool's places.
    ends, places = np.cumsum(count, axis=1), np.arange(blocks.k)
    pool = (places[:, None] >= ends[:, None, :]).sum(2)
    number = places - np.take_along_axis(ends - count, pool, 1)
    offset = _offsets(pool, number, np.maximum(in_pool, 1), np.maximum(count, 1), visits, blocks.pids[who], seed)
    position = table.positions(pool, offset)
    return blocks.rows[position] if blocks.rows is not None else position


@dataclass(frozen=True, slots=True)
class _Stretches:
    """The stretches of rows of each identity, side by side; shapes `(n, most stretches)`, padded with empty ones."""

    start: Rows
    size: Rows
    pool: Rows

    @classmethod
    def of(cls, blocks: Blocks, who: Rows) -> _Stretches:
        first, stop = blocks.offsets[who][:, None], blocks.offsets[who + 1][:, None]
        column = first + np.arange(int((stop - first).max(initial=0)))
        there = column < stop
        column[~there] = 0
        size = np.where(there, blocks.sizes[column], 0)
        return cls(blocks.starts[column], size, np.where(there, blocks.pool[column].astype(np.int64), -1))

    def pool_sizes(self, pools: int) -> Rows:
        """Rows of each pool, shape `(n, pools)`."""
        return np.asarray((self.size[:, :, None] * (self.pool[:, :, None] == np.arange(pools))).sum(1))

    def positions(self, pool: Rows, offset: Rows) -> Rows:
        """Where the row with an offset in a pool stands. Most pools are one stretch, some go on in a later one.

        Args:
            pool: Shape `(n, K)`.
            offset: Shape `(n, K)`, below the size of the pool.
        """
        found = np.zeros_like(offset)
        pending = np.ones(offset.shape, bool)
        for stretch in range(self.start.shape[1]):
            start, size = self.start[:, stretch, None], self.size[:, stretch, None]
            mine = pending & (self.pool[:, stretch, None] == pool)
            here = mine & (offset < size)
            np.copyto(found, offset + start, where=here)
            pending &= ~here
            offset = offset - size * (mine & ~here)
        return found


def _offsets(
    pool: Rows, number: Rows, sizes: Rows, drawn: Rows, visits: Rows, pids: NDArray[np.int32], seed: int
) -> Rows:
    """Which row of its pool each place of a block draws.

    Args:
        pool: Shape `(n, K)`: the pool of each place.
        number: Shape `(n, K)`: the place's number among those of its pool.
        sizes: Shape `(n, pools)`: rows of each pool.
        drawn: Shape `(n, pools)`: how many of them this visit draws.
        visits: Shape `(n, pools)`: how many visits drew from the pool before.
        pids: Shape `(n,)`.
        seed: Of the run.
    """
    period = sizes // np.gcd(sizes, drawn)  # visits after which the ends of pool and block fall together
    begin = visits % period * drawn
    keys = _pool_keys(pids, visits // period, seed)
    flat = (np.arange(len(pool))[:, None] * sizes.shape[1] + pool).reshape(-1)  # the pool of each place
    size = sizes.reshape(-1)[flat]
    position = (begin.reshape(-1)[flat] + number.reshape(-1)) % size
    return permute(position, size, keys.reshape(-1)[flat]).reshape(pool.shape)


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


def _pool_keys(pids: NDArray[np.int32], cycle: Rows, seed: int) -> NDArray[np.uint64]:
    """A key for the order of each identity's pool in a cycle, shape of `cycle`: `(n, pools)`."""
    pools = cycle.shape[1]
    number = pids.astype(np.uint64)[:, None] * np.uint64(pools) + np.arange(pools, dtype=np.uint64)
    keys = mix((number + np.uint64(stream_key(seed, "rows"))).astype(np.uint64))
    return mix(keys + cycle.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
