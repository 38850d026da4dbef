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
    chosen = _choose(sorted(set(cells)), needs, groups, k, [])
    if chosen is None:
        return None
    deals: list[dict[int, int]] = []
    for spread, number in enumerate(groups):
        units = dict.fromkeys(cell[1][spread] for cell in (*chosen, *cells))  # those of the block come first
        units.pop(UNKNOWN, None)
        deals.append({unit: i % number for i, unit in enumerate(units)})
    return [tuple(deal.get(unit, UNKNOWN) for deal, unit in zip(deals, cell[1], strict=True)) for cell in cells]


def _choose(
    cells: Sequence[Cell], needs: Sequence[Need], groups: Sequence[int], k: int, chosen: list[Cell]
) -> list[Cell] | None:
    """Rows, as the cells they are of, that meet everything: depth first, what is missing first."""
    got = [sum(number in cell[0] for cell in chosen) for number in range(len(needs))]
    if any(need.exact and got[n] > need.count for n, need in enumerate(needs)):
        return None
    units = [{cell[1][spread] for cell in chosen} - {UNKNOWN} for spread in range(len(groups))]
    unmet = [n for n, need in enumerate(needs) if got[n] < need.count]
    narrow = [spread for spread, number in enumerate(groups) if len(units[spread]) < number]
    if not unmet and not narrow:
        return chosen
    if len(chosen) == k or any(groups[s] - len(units[s]) > k - len(chosen) for s in narrow):
        return None
    for cell in cells:
        useful = any(n in cell[0] for n in unmet) if unmet else False
        wider = any(cell[1][s] != UNKNOWN and cell[1][s] not in units[s] for s in narrow)
        if useful or wider:
            found = _choose(cells, needs, groups, k, [*chosen, cell])
            if found is not None:
                return found
    return None
