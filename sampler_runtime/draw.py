"""An identity and how often it was visited -> the rows of this visit: a pure function, vectorised over identities.

How the rows of a visit are found, for a pool of m rows of which a visit draws q:

- Visits go in passes: as many as it takes for q draws each to reach every row, ⌈m/q⌉ (or one epoch's visits, where an epoch
  must hold every sample). Each pass has an order of its own, and goes round in it: any m draws in a row are all of the pool.
- A pass draws more than m rows, as a rule: some come twice. Which ones rotates. The rows of a pool stand in a fixed random
  circle, and a pass begins, in random order, with the rows whose turn it is, then draws the others that are behind, then
  those that have been drawn once more already.
- So no row is drawn again before all others of its pool were, over as many visits as one likes; a block repeats a row only
  where q > m; and rows meet others in every pass. All of it in closed form, with no cursor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler_runtime.eligibility import Blocks
from sampler_runtime.randomness import GOLDEN, mix, permute, stream_key

Rows = NDArray[np.int64]
_TOGETHER = 1 << 14


@dataclass(frozen=True, slots=True)
class Visits:
    """Whom to visit, each of shape `(n,)`."""

    who: Rows
    """Identities, as positions in `Blocks.pids`."""
    number: Rows
    """How often each was visited before."""
    begin: Rows | None = None
    """Number of the visit that the epoch began with, where each epoch is a pass; None: passes are as short as can be."""
    length: Rows | None = None
    """Visits of the epoch."""


def draw_blocks(blocks: Blocks, visits: Visits, seed: int) -> Rows:
    """The rows of visits to identities.

    Args:
        blocks: Identities and pools of a contract.
        visits: Of n identities.
        seed: Of the run.

    Returns:
        Rows of the view, shape `(n, K)`; rows of one pool stand together. Where instances are composed, shape
        `(n, K, modalities)`, with -1 for none.
    """
    sizes, starts = blocks.pools_of(visits.who)
    share = _Share.of(blocks, sizes, visits)
    flat, number = _places(share.now)
    orders = _orders(share, sizes, blocks.pids[visits.who], seed)
    rows = _locate(blocks, visits.who, flat, orders.rows(flat, number), starts)
    if blocks.rows is not None:
        rows = blocks.rows[rows]
    if blocks.cells is None:
        return rows.reshape(len(visits.who), blocks.k)
    cells = blocks.cells[share.menu].astype(np.int64)
    drawn = share.now.sum(0)
    found = rows[np.minimum(cells + (np.cumsum(drawn) - drawn)[:, None, None], len(rows) - 1)]
    return np.where(cells < 0, -1, found)


def visits_to_all_rows(blocks: Blocks, who: Rows) -> Rows:
    """How many visits in a row draw every row that an identity's blocks can have.

    Args:
        blocks: Identities and pools of a contract.
        who: Shape `(n,)`: identities, as positions in `blocks.pids`.

    Returns:
        Shape `(n,)`, at least 1.
    """
    found = np.empty(len(who), np.int64)
    for start in range(0, len(who), _TOGETHER):
        some = who[start : start + _TOGETHER]
        share = _Share.of(blocks, blocks.pools_of(some)[0], Visits(some, np.zeros_like(some)))
        found[start : start + _TOGETHER] = share.length.max(axis=0)
    return found


@dataclass(frozen=True, slots=True)
class _Share:
    """How many rows of each pool a visit draws, and where in the pool's pass it stands; shapes `(pools, n)`."""

    now: Rows
    """Rows that this visit draws."""
    done: Rows
    """Rows that the visits of this pass drew before."""
    ahead: Rows
    """Rows of the pool that had been drawn once more than the others when the pass began."""
    extra: Rows
    """Rows that the pass draws once more than the others."""
    number: Rows
    """Of the pass."""
    circling: NDArray[np.bool_]
    """Whether passes of the pool draw some rows once more than others."""
    length: Rows
    """Visits of the pass."""
    menu: Rows
    """Shape `(n,)`: which menu it is."""

    @classmethod
    def of(cls, blocks: Blocks, sizes: Rows, visits: Visits) -> _Share:
        pattern = blocks.pattern.take(visits.who)
        turns, first = blocks.turns.take(pattern), blocks.first_menu.take(pattern)
        rooms = sizes * blocks.open.T[:, pattern]
        size = np.maximum(sizes, 1)
        if int(turns.max(initial=1)) == 1:
            menu = first
            now = total = _filled(blocks.menu.T[:, menu], rooms, blocks.k)

            def drawn(before: Rows) -> Rows:
                """Rows of each pool that so many first visits draw."""
                return before * total

        else:
            # Where menus take turns, not everybody's turn is the same one in the same epoch.
            shift = (mix(blocks.pids[visits.who].astype(np.uint64)) % turns.astype(np.uint64)).astype(np.int64)
            menu = first + (visits.number + shift) % turns
            now = _filled(blocks.menu.T[:, menu], rooms, blocks.k)
            by_turn = [
                _filled(blocks.menu.T[:, first + (turn + shift) % turns], rooms, blocks.k) * (turn < turns)
                for turn in range(int(turns.max()))
            ]
            sums = np.cumsum([np.zeros_like(now), *by_turn], axis=0)
            total = sums[-1]

            def drawn(before: Rows) -> Rows:
                part = np.take_along_axis(sums, np.broadcast_to(before % turns, now.shape)[None], 0)[0]
                return np.asarray(before // turns * total + part)

        if visits.begin is None or visits.length is None:
            length = np.where(total > 0, turns * -(-size // np.maximum(total, 1)), 1)
            passes = visits.number // length
            extra = drawn(length) % size
            done = drawn(visits.number - passes * length)  # passes are whole rounds of the turns
            return cls(now, done, passes * extra % size, extra, passes, extra > 0, length, menu)
        before = drawn(visits.begin)
        return cls(
            now,
            drawn(visits.number) - before,
            before % size,
            (drawn(visits.begin + visits.length) - before) % size,
            np.broadcast_to(visits.begin, now.shape),
            np.ones(now.shape, bool),
            np.broadcast_to(visits.length, now.shape),
            menu,
        )


def _filled(menu: Rows, rooms: Rows, k: int) -> Rows:
    """A menu, its free places shared out among the pools that are open, shapes `(pools, n)`.

    By highest averages (d'Hondt), one by one to the pool with the most rows for each place it would then have: so pools are drawn
    from in proportion, and no row is repeated while another open pool has unused ones.
    """
    count = menu.copy()
    room = np.where(rooms.any(axis=0), k - count.sum(0), 0)
    for _ in range(int(room.max(initial=0))):
        best, value = np.zeros(len(room), np.int64), np.full(len(room), -1.0)
        for pool, rows in enumerate(rooms):
            average = rows / (count[pool] + 1)
            better = average > value
            best[better], value = pool, np.maximum(value, average)
        for pool in range(len(count)):
            count[pool] += (best == pool) & (room > 0)
        room -= 1
    return count


def _places(count: Rows) -> tuple[Rows, Rows]:
    """The pool of each place, identity by identity, and the place's number among those of the pool.

    Pools are numbered as `pool * n + identity`, as arrays of shape `(pools, n)` lie in memory.
    """
    pools, n = count.shape
    many = np.ascontiguousarray(count.T).reshape(-1)
    order = np.ascontiguousarray(np.arange(pools * n).reshape(pools, n).T).reshape(-1)
    starts = np.cumsum(many) - many
    which = np.repeat(np.arange(len(many)), many)
    return order[which], np.arange(len(which)) - starts[which]


@dataclass(frozen=True, slots=True)
class _Orders:
    """The order that each pool has in this pass; flat arrays, numbered as `_places` does."""

    size: Rows
    done: Rows
    ahead: Rows
    first_cut: Rows
    second_cut: Rows
    key: NDArray[np.uint64]
    circle_key: NDArray[np.uint64]
    circling: NDArray[np.bool_]

    def rows(self, flat: Rows, number: Rows) -> Rows:
        """Which row of its pool a place draws, from the place's number among those of the pool in this visit."""
        size = self.size[flat]
        place = self.done[flat] + number
        np.subtract(place, size, out=place, where=place >= size)
        if np.any(place >= size):
            place %= size
        key = self.key[flat]
        circling = np.flatnonzero(self.circling[flat])
        if not len(circling):
            return permute(place, size, key)
        # The pass draws three lots one after the other, each in an order of its own.
        low, high = np.zeros_like(place), size.copy()
        which = flat[circling]
        first, second = self.first_cut[which], self.second_cut[which]
        at = place[circling]
        lot = (at >= first).astype(np.int64) + (at >= second)
        low[circling] = np.choose(lot, [0, first, second])
        high[circling] = np.choose(lot, [first, second, size[circling]])
        key[circling] += lot.astype(np.uint64) * GOLDEN
        found = low + permute(place - low, high - low, key)
        place = found[circling] + self.ahead[which]
        np.subtract(place, size[circling], out=place, where=place >= size[circling])
        found[circling] = permute(place, size[circling], self.circle_key[which])
        return found


def _orders(share: _Share, sizes: Rows, pids: NDArray[np.int32], seed: int) -> _Orders:
    pools = np.arange(len(sizes), dtype=np.uint64)[:, None]
    circle_key = mix(pids.astype(np.uint64) * np.uint64(64) + pools + np.uint64(stream_key(seed, "rows")))
    key = mix(circle_key + (share.number.astype(np.uint64) + np.uint64(1)) * GOLDEN)
    size = np.maximum(sizes, 1)
    behind = size - share.ahead
    return _Orders(
        size.reshape(-1),
        (share.done % size).reshape(-1),
        share.ahead.reshape(-1),
        np.minimum(share.extra, behind).reshape(-1),
        np.maximum(share.extra, behind).reshape(-1),
        key.reshape(-1),
        circle_key.reshape(-1),
        share.circling.reshape(-1),
    )


def _locate(blocks: Blocks, who: Rows, flat: Rows, offset: Rows, starts: Rows) -> Rows:
    """The position of the row with an offset in a pool, from where pools start."""
    if not blocks.scattered:
        return np.asarray(starts.reshape(-1).take(flat) + offset)
    first = blocks.offsets[who].astype(np.int64)
    count = blocks.offsets[who + 1] - first
    position = np.empty_like(offset)
    pending = np.arange(len(flat))
    pool, owner = np.divmod(flat, len(who))
    for number in range(int(count.max(initial=0))):
        mine = owner[pending]
        stretch = np.minimum(first[mine] + number, len(blocks.starts) - 1)
        same = (number < count[mine]) & (blocks.pool[stretch] == pool[pending])
        size = np.where(same, blocks.sizes[stretch], 0)
        here = same & (offset[pending] < size)
        found = pending[here]
        position[found] = blocks.starts[stretch[here]] + offset[found]
        offset[pending] -= size
        pending = pending[~here]
    return position
