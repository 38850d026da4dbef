"""Samples of a test side -> queries and gallery, as Market-1501 has them: of each person and camera one query, the rest gallery. Pure.

Every query has a true match that a usual evaluation counts: the gallery keeps a sample of the person from another camera. So
whom one camera alone has seen asks nothing, and where every camera has one sample of a person, one of them stays behind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def query_rows(
    who: NDArray[np.int64], place: NDArray[np.int64], lot: NDArray[np.uint64], *, told: NDArray[np.bool_]
) -> Rows:
    """Which samples become queries; all others are gallery.

    Args:
        who: Each sample's identity, shape `(samples,)`.
        place: Its camera; of samples without one, what else tells them apart, such as their modalities.
        lot: Its lot; no two samples have the same.
        told: Whether `place` is a camera.

    Returns:
        Their positions, ascending.
    """
    if not len(who):
        return np.zeros(0, np.int64)
    order = np.lexsort((lot, place, who))
    people, places = who[order], place[order]
    starts = np.flatnonzero(np.r_[True, (people[1:] != people[:-1]) | (places[1:] != places[:-1])])
    sizes = np.diff(np.r_[starts, len(order)])
    of_whom = people[starts]
    ends = np.flatnonzero(np.r_[of_whom[1:] != of_whom[:-1], True]) + 1
    found: list[int] = []
    first = 0
    for end in ends.tolist():
        found.extend(_of_person(order[starts[first:end]], sizes[first:end], lot, told))
        first = end
    return np.sort(np.array(found, np.int64))


def _of_person(
    candidates: Rows, sizes: NDArray[np.int64], lot: NDArray[np.uint64], told: NDArray[np.bool_]
) -> list[int]:
    """One candidate of each camera, but for those that the gallery needs."""
    if len(candidates) == 1:  # no camera told: nothing is taken away from what matches
        return [int(candidates[0])] if sizes[0] > 1 and not told[candidates[0]] else []
    several = [int(row) for row, size in zip(candidates, sizes, strict=True) if size > 1]
    single = sorted(
        (int(row) for row, size in zip(candidates, sizes, strict=True) if size == 1), key=lambda row: lot[row]
    )
    return several + (single if len(several) > 1 else single[1:])
