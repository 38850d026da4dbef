"""The pools an identity has, and what a block needs -> its menus: how many rows a visit draws of each pool at least.

Solved once for each different set of pools, of which a dataset has few. Pure, in plain Python.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import gcd
from typing import Literal

Signature = tuple[int, ...]
"""The needs that a row meets, by number. Rows with one signature stand for each other: they are a pool."""
Menu = tuple[int, ...]
"""Rows of each pool."""
_MOST_STATES = 20_000


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an identity cannot serve."""

    words: str
    """What is said of it, e.g. `without nir`."""
    cause: Literal["missing", "tight", "short", "dropped"] = "missing"
    """It has no such rows; K rows are too few for what it has; it has too few rows for K; the user does not want it."""
    k: int | None = None
    """Rows of a block with which it could serve."""

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Need:
    """A block has at least, or exactly, `count` rows that meet this."""

    count: int
    missing: Reason
    """Of an identity that has no such rows."""
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Menus:
    """What visits to an identity draw, turn by turn: visit v has the menu v mod len(turns)."""

    turns: tuple[Menu, ...]
    open: tuple[bool, ...]
    """The pools that the places which a menu leaves are filled from."""
    repeats: bool
    """A menu draws a row more often than it is there."""


def make_menus(
    needs: Sequence[Need], pools: Sequence[Signature], have: Sequence[int], k: int, *, as_k_permits: bool = False
) -> Menus | Reason:
    """The menus of an identity, or why there are none.

    A menu meets every need with the fewest repeated rows and, of these, the fewest rows. Where K leaves room every other pool
    gets a place as well; where it does not, pools take turns, so that none of the samples is never seen.

    Args:
        needs: Of the block.
        pools: The pools of the identity.
        have: Rows in each; more than the largest count of a need need not be told.
        k: Rows in a block.
        as_k_permits: Where not all needs can be met together, meet K of them, in turn.

    >>> needs = [Need(1, Reason("without rgb")), Need(1, Reason("without nir"))]
    >>> make_menus(needs, [(0,), (1,), ()], [9, 9, 9], 4)
    Menus(turns=((1, 1, 1),), open=(True, True, True), repeats=False)
    >>> str(make_menus(needs, [(0,)], [9], 4))
    'without nir'
    """
    for number, need in enumerate(needs):
        if need.count and not any(number in pool for pool in pools):
            return need.missing
    open_pools = tuple(not any(needs[number].exact for number in pool) for pool in pools)
    search = _Search(needs, pools, have, k, any(open_pools))
    base = search.fewest()
    if search.gave_up:
        return Reason("with too many kinds of samples to find a block", "tight")
    if base is None:
        if as_k_permits and not any(need.exact for need in needs):
            return Menus(_turns_of_covers(needs, pools, k), (False,) * len(pools), False)
        return _why_not(needs, pools, have, k, any(open_pools))
    turns: list[Menu] = []
    alternative: Menu | None = base
    most_repeats = _repeats(base, have)
    waiting = list(range(len(pools)))
    while True:
        if alternative is not None:
            menu = list(alternative)
            for pool in waiting:
                if open_pools[pool] and not menu[pool] and sum(menu) < k:
                    menu[pool] = 1
            turns.append(tuple(menu))
            waiting = [pool for pool in waiting if not menu[pool]]
        else:  # no block can have this pool, or only one that repeats rows without need
            waiting = waiting[1:]
        if not waiting:
            break
        alternative = search.fewest(with_pool=waiting[0])
        if alternative is not None and _repeats(alternative, have) > most_repeats:
            alternative = None
    return Menus(tuple(turns), open_pools, most_repeats > 0)


def _repeats(menu: Menu, have: Sequence[int]) -> int:
    return sum(max(drawn - there, 0) for drawn, there in zip(menu, have, strict=True))


class _Search:
    """The best menu first (A*), row by row: what is still needed at least says where it is worth looking.

    Needs that no pool meets two of are counted together: each of their rows is one more. Of several such families the one that
    needs most is the bound.
    """

    def __init__(
        self, needs: Sequence[Need], pools: Sequence[Signature], have: Sequence[int], k: int, fillable: bool
    ) -> None:
        self.needs, self.pools, self.have, self.k = needs, pools, have, k
        self.fillable = fillable
        # the pool that meets most needs comes first: an aligned sample counts for all its modalities
        self.order = sorted(range(len(pools)), key=lambda pool: -len(pools[pool]))
        together = {(i, j) for pool in pools for i in pool for j in pool}
        asked = [number for number, need in enumerate(needs) if need.count]
        self.families = {self._family(first, asked, together) for first in asked}
        self.gave_up = False

    @staticmethod
    def _family(first: int, asked: Sequence[int], together: set[tuple[int, int]]) -> tuple[int, ...]:
        family = [first]
        for number in asked:
            if number != first and all((number, other) not in together for other in family):
                family.append(number)
        return tuple(sorted(family))

    def fewest(self, with_pool: int | None = None) -> Menu | None:
        """The menu with the fewest repeats, then the fewest rows; None: there is none within K rows, or it `gave_up`."""
        serial = count()
        empty = (0,) * len(self.pools)
        start = empty if with_pool is None else self._add(empty, with_pool)
        heap: list[tuple[int, int, int, int, Menu]] = []
        seen: set[Menu] = set()

        def push(menu: Menu) -> None:
            repeats, rows = self._at_least(menu)
            if rows <= self.k and menu not in seen:
                seen.add(menu)
                heapq.heappush(heap, (repeats, rows, -sum(menu), next(serial), menu))

        if start is not None:
            push(start)
        while heap:
            if len(seen) > _MOST_STATES:
                self.gave_up = True
                return None
            *_, menu = heapq.heappop(heap)
            got, rows = self._got(menu), sum(menu)
            unmet = next((n for n, need in enumerate(self.needs) if got[n] < need.count), None)
            if unmet is None:
                if self.fillable or rows == self.k:
                    return menu
                continue
            for pool in self.order:
                more = self._add(menu, pool) if unmet in self.pools[pool] else None
                if more is not None:
                    push(more)
        return None

    def _at_least(self, menu: Menu) -> tuple[int, int]:
        """Repeats and rows that a menu has in the end, at least."""
        got = self._got(menu)
        missing = [max(need.count - got[n], 0) for n, need in enumerate(self.needs)]
        unused = [max(there - drawn, 0) for drawn, there in zip(menu, self.have, strict=True)]
        left = [sum(u for u, pool in zip(unused, self.pools, strict=True) if n in pool) for n in range(len(self.needs))]
        more = max((sum(missing[n] for n in family) for family in self.families), default=0)
        again = max((sum(max(missing[n] - left[n], 0) for n in family) for family in self.families), default=0)
        return _repeats(menu, self.have) + again, sum(menu) + more

    def _got(self, menu: Menu) -> list[int]:
        got = [0] * len(self.needs)
        for rows, pool in zip(menu, self.pools, strict=True):
            for number in pool:
                got[number] += rows
        return got

    def _add(self, menu: Menu, pool: int) -> Menu | None:
        """One row more of a pool; None where that is too much for an exact need."""
        more = (*menu[:pool], menu[pool] + 1, *menu[pool + 1 :])
        got = self._got(more)
        over = any(self.needs[n].exact and got[n] > self.needs[n].count for n in self.pools[pool])
        return None if over else more


def _why_not(needs: Sequence[Need], pools: Sequence[Signature], have: Sequence[int], k: int, fillable: bool) -> Reason:
    enough = sum(need.count for need in needs)
    larger = _Search(needs, pools, have, enough, True).fewest()
    if larger is None:
        return Reason("whose samples cannot meet all of it at once", "tight")
    rows = sum(larger)
    if rows > k:
        return Reason(f"that need {rows} rows in a block of K={k}", "tight", rows)
    others = f"whose other samples cannot fill K={k}" if fillable else f"that have nothing else to fill K={k}"
    return Reason(others, "tight", rows)


def _turns_of_covers(needs: Sequence[Need], pools: Sequence[Signature], k: int) -> tuple[Menu, ...]:
    """Too many needs for one block: the pools that together meet them, K at a time, in turn."""
    turns: list[Menu] = []
    waiting = set(range(len(pools)))
    while waiting:
        cover = _cover(needs, pools, min(waiting))
        for turn in range(len(cover) // gcd(len(cover), k)):
            drawn = {cover[(turn * k + place) % len(cover)] for place in range(k)}
            turns.append(tuple(int(pool in drawn) for pool in range(len(pools))))
        waiting -= set(cover)
    return tuple(turns)


def _cover(needs: Sequence[Need], pools: Sequence[Signature], first: int) -> list[int]:
    """Pools that meet every need, one of them given; of the others each meets as many as it can."""
    cover, met = [first], set(pools[first])
    for number, need in enumerate(needs):
        if need.count and number not in met:
            best = max((p for p in range(len(pools)) if number in pools[p]), key=lambda p: len(set(pools[p]) - met))
            cover.append(best)
            met |= set(pools[best])
    return sorted(cover)
