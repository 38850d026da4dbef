"""Which numbers a column may hold, by the metadata: what reads them goes by them to places in memory.

Looked at when a column is first used, after its checksum: a seal tells damage, and not an honest writer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.schema import BY_NAME, UNKNOWN, IndexMetadata

_PIECE: Final = 1 << 16
"""Stays in the cache; and arithmetic on a copy is several times as fast where a mapped column is not aligned."""


def range_of(name: str, metadata: IndexMetadata) -> tuple[int, int] | None:
    """The least and the greatest number that a mapped column may hold; None: any."""
    if name == "pid":
        return UNKNOWN, metadata.identities - 1
    if name == "modalities":
        return 1, (1 << len(metadata.modalities)) - 1
    if name == "splits":
        return 0, (1 << len(metadata.splits)) - 1
    if name == "view":
        return 0, len(metadata.views) - 1
    if name in ("camid", "tracklet", "frame", "clothes", "size"):
        return UNKNOWN, (1 << BY_NAME[name].type.bit_width - 1) - 1
    return None


def outside(pieces: Iterable[NDArray[Any]], allowed: tuple[int, int]) -> int | None:
    """A number that lies outside of a range; None: there is none."""
    low, high = allowed
    for piece in pieces:
        limits = np.iinfo(piece.dtype)
        look_low, look_high = low > limits.min, high < limits.max
        if not (look_low or look_high):
            continue
        for start in range(0, len(piece), _PIECE):
            copy = np.array(piece[start : start + _PIECE])
            if look_low and (least := int(copy.min())) < low:
                return least
            if look_high and (most := int(copy.max())) > high:
                return most
    return None
