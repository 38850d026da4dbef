"""Lots: numbers that depend on a seed and a word alone. The same on every machine, for ever; no generator, no order."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def lots(seed: int, words: Iterable[str]) -> NDArray[np.uint64]:
    """The lot of each word: the first 8 bytes of BLAKE2b with the seed as its key, big-endian.

    >>> lots(0, ["0002", "0007"])
    array([ 8866633107477254788, 11806407429633288923], dtype=uint64)
    """
    key = seed.to_bytes(8, "big")
    drawn = [blake2b(word.encode(), digest_size=8, key=key).digest() for word in words]
    return np.frombuffer(b"".join(drawn), ">u8").astype(np.uint64)


def apportioned(total: int, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """`total` shared out over groups in proportion to their sizes, by largest remainder; of equal ones the first group's.

    >>> apportioned(3, np.array([5, 3, 2])).tolist()
    [1, 1, 1]
    """
    whole = int(sizes.sum())
    counts = [total * int(size) // whole for size in sizes]
    left = [-(total * int(size) % whole) for size in sizes]
    for group in sorted(range(len(counts)), key=lambda i: left[i])[: total - sum(counts)]:
        counts[group] += 1
    return np.array(counts, np.int64)
