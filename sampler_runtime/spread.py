"""The cameras of an identity -> groups of cameras, so that a row of each group is a row of so many different cameras.

"At least two cameras" is no property of a row, so no pool could have it. Dealt into two groups it becomes one: a block
with a row of each group has rows of two cameras, whichever rows they are. Tracklets likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampler_runtime.menus import Need, Signature

Runs = NDArray[Any]
UNKNOWN = -1
_MOST_STATES = 20_000


def deal(owners: Runs, units: Runs, sizes: Runs, groups: int) -> NDArray[np.int8]:
    """Deal the cameras of each identity into groups of about as many rows.

    Args:
        owners: Shape `(runs,)`: whose each run is.
        units: Shape `(runs,)`: its camera, -1 where none is told.
        sizes: Shape `(runs,)`.
        groups: How many.

    Returns:
        Shape `(runs,)`: the group of each run; -1 where no camera is told. An identity with fewer cameras than groups
        has nothing in the last ones.

    >>> owners, cameras = np.zeros(5, int), np.array([1, 2, 2, 3, -1])
    >>> deal(owners, cameras, np.array([9, 2, 2, 5, 7]), 2).tolist()
    [0, 1, 1, 1, -1]
    """
    told = np.flatnonzero(units != UNKNOWN)
    keys = owners[told].astype(np.int64) << 32 | units[told].astype(np.int64)
    distinct, which = np.unique(keys, return_inverse=True)
    rows = np.bincount(which, weights=sizes[told], minlength=len(distinct)).astype(np.int64)
    owner = distinct >> 32
    order = np.lexsort((distinct, -rows, owner))
    first = np.searchsorted(owner[order], owner[order])  # of the owner, in this order
    rank = (np.arange(len(order)) - first) % (2 * groups)
    group = np.empty(len(order), np.int8)
    group[order] = np.where(rank < groups, rank, 2 * groups - 1 - rank)  # to and fro, as cards for even hands
    found = np.full(len(units), UNKNOWN, np.int8)
    found[told] = group[which]
    return found


Cell = tuple[Signature, tuple[int, ...]]
"""The needs that a run's rows meet by their modality, and its unit in each spread."""


def renumbered(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Cameras numbered as they come, so that identities which differ in nothing else are solved once.

    >>> renumbered([((0,), (7,)), ((1,), (-1,)), ((1,), (7,)), ((1,), (3,))])
    (((0,), (0,)), ((1,), (-1,)), ((1,), (0,)), ((1,), (1,)))
    """
    numbers: list[dict[int, int]] = [{UNKNOWN: UNKNOWN} for _ in (cells[0][1] if cells else ())]
    return tuple(
        (cell[0], tuple(own.setdefault(unit, len(own) - 1) for own, unit in zip(numbers, cell[1], strict=True)))
        for cell in cells
    )


def regroup(
    cells: Sequence[Cell], needs: Sequence[Need], groups: Sequence[int], k: int
) -> list[tuple[int, ...]] | None:
    """Another deal for an identity that the even one leaves without a block of K rows, if there is any.

    Searches for K rows that meet everything and gives the cameras of these rows to different groups.

    Args:
        cells: Of the identity's runs.
        needs: On modalities.
        groups: How many groups each spread has.
        k: Rows in a block.

    Returns:
        Group of each cell in each spread; None: there is no such block.
    """
    chosen = _choose(sorted(set(cells)), needs, groups, k)
    if chosen is None:
        return None
    deals: list[dict[int, int]] = []
    for spread, number in enumerate(groups):
        units = dict.fromkeys(cell[1][spread] for cell in (*chosen, *cells))  # those of the block come first
        units.pop(UNKNOWN, None)
        deals.append({unit: i % number for i, unit in enumerate(units)})
    return [tuple(deal.get(unit, UNKNOWN) for deal, unit in zip(deals, cell[1], strict=True)) for cell in cells]


def _choose(cells: Sequence[Cell], needs: Sequence[Need], groups: Sequence[int], k: int) -> list[Cell] | None:
    """Rows, as the cells they are of, that meet everything: depth first, each state once.

    Cameras that have the same kinds of rows stand for each other, so a state is how many of each sort were used: few, however
    many cameras there are.
    """
    sorts = [_sorts_of_units(cells, spread) for spread in range(len(groups))]
    stack: list[list[Cell]] = [[]]
    seen: set[object] = set()
    while stack and len(seen) < _MOST_STATES:
        chosen = stack.pop()
        got = tuple(sum(number in cell[0] for cell in chosen) for number in range(len(needs)))
        units = [{cell[1][spread] for cell in chosen} - {UNKNOWN} for spread in range(len(groups))]
        unmet = [need.count - had for need, had in zip(needs, got, strict=True)]
        narrow = [number - len(used) for number, used in zip(groups, units, strict=True)]
        if max((*unmet, *narrow), default=0) <= 0:
            return chosen
        state = got, tuple(tuple(sorted(sorts[s][u] for u in used)) for s, used in enumerate(units))
        if state in seen or max(*unmet, *narrow) > k - len(chosen):
            continue
        seen.add(state)
        told: set[object] = set()
        for cell in reversed(cells):
            new = [unit != UNKNOWN and unit not in used for unit, used in zip(cell[1], units, strict=True)]
            useful = any(unmet[n] > 0 for n in cell[0]) or any(
                n and lack > 0 for n, lack in zip(new, narrow, strict=True)
            )
            too_much = any(needs[n].exact and unmet[n] <= 0 for n in cell[0])
            alike = cell[0], tuple(sorts[s][u] if n else -1 for s, (u, n) in enumerate(zip(cell[1], new, strict=True)))
            if useful and not too_much and alike not in told:
                told.add(alike)
                stack.append([*chosen, cell])
    return None


def _sorts_of_units(cells: Sequence[Cell], spread: int) -> dict[int, int]:
    """Unit → which sort it is: units of one sort have the same kinds of rows."""
    rows: dict[int, set[object]] = {}
    for signature, own in cells:
        rows.setdefault(own[spread], set()).add((signature, own[:spread], own[spread + 1 :]))
    sorts: dict[object, int] = {}
    return {unit: sorts.setdefault(frozenset(kinds), len(sorts)) for unit, kinds in rows.items()}
