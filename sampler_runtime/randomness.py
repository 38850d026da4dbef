"""Seed, epoch, position -> random choices that are computed, never stored.

Counter-based: each value is a keyed hash of where it stands, so any batch of any epoch can be drawn by itself, on any
rank, in any order. Integer arithmetic only: the same on every machine and every NumPy. Nothing here reads or changes
the global random state of Python, NumPy or torch.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

_ROUNDS: Final = 6
_ODD: Final = tuple(np.uint64(c) for c in (
    0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB,
    0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB,
))  # fmt: skip
"""One odd multiplier a round: the constants of splitmix64 and of other well-tried 64-bit mixers."""


def stream_key(seed: int, *purpose: str | int) -> int:
    """A 64-bit key for one purpose of a run.

    >>> stream_key(0, "order", 1) != stream_key(1, "order", 0)
    True
    """
    text = "\x1f".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def mix(values: U64) -> U64:
    """The finaliser of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014)."""
    values = (values ^ (values >> np.uint64(30))) * _ODD[1]
    values = (values ^ (values >> np.uint64(27))) * _ODD[2]
    return values ^ (values >> np.uint64(31))


def permute(positions: I64, sizes: I64, keys: U64) -> I64:
    """Where each position goes under a keyed permutation of `range(size)`.

    A Feistel network over a grid of about √size × √size cells with addition in place of xor, and cycle-walking for
    the cells beyond the size (Black, Rogaway: Ciphers with Arbitrary Finite Domains, CT-RSA 2002).

    Args:
        positions: Shape `(n,)`, each in `range(size)` of its own size.
        sizes: Shape `(n,)`: length of the sequence that is permuted. Below 2**52.
        keys: Shape `(n,)`: equal keys and sizes, equal permutation.

    Returns:
        Shape `(n,)`, in the same ranges.
    """
    width = np.ceil(np.sqrt(sizes)).astype(np.uint64)
    height = (sizes.astype(np.uint64) + width - np.uint64(1)) // width
    out = _walk(positions.astype(np.uint64), width, height, keys)
    bounds = sizes.astype(np.uint64)
    beyond = np.flatnonzero(out >= bounds)
    while len(beyond):  # ends: a cycle that leaves the range must come back to it, for it began inside
        out[beyond] = _walk(out[beyond], width[beyond], height[beyond], keys[beyond])
        beyond = beyond[out[beyond] >= bounds[beyond]]
    return out.astype(np.int64)


def _walk(cells: U64, width: U64, height: U64, keys: U64) -> U64:
    left = cells // height
    right = cells - left * height
    for i in range(_ROUNDS):
        if i % 2 == 0:
            left = _add(left, right, width, keys, i)
        else:
            right = _add(right, left, height, keys, i)
    return left * height + right


def _add(target: U64, other: U64, modulus: U64, keys: U64, i: int) -> U64:
    """target + F(other), modulo the side of the grid; F is a keyed hash."""
    word = (other + keys) * _ODD[i]
    word ^= word >> np.uint64(29)
    word *= _ODD[(i + 1) % _ROUNDS]
    word >>= np.uint64(32)
    word *= modulus  # the sides are below 2**32, so the high half of this product is uniform below the side
    word >>= np.uint64(32)
    word += target
    word -= modulus * (word >= modulus)
    return word
