"""Seed, epoch, position -> random choices that are computed, never stored.

Counter-based: each value is a keyed hash of where it stands, so any batch of any epoch can be drawn by itself, on any
rank, in any order. Integer arithmetic only, and square roots and quotients that IEEE 754 rounds in one way: the same on every
machine and every NumPy. Nothing here reads or changes the global random state of Python, NumPy or torch.
"""

from __future__ import annotations

import hashlib
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

_ROUNDS: Final = 6
_ODD: Final = tuple(np.uint32(c) for c in (
    0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1, 0x7FEB352D, 0x846CA68B,
))  # fmt: skip
"""Odd multipliers: those of murmur3, xxHash and Wellons' lowbias32, all well tried as 32-bit mixers."""

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def stream_key(seed: int, *purpose: str | int) -> int:
    """A 64-bit key for one purpose of a run.

    >>> stream_key(0, "order", 1) != stream_key(1, "order", 0)
    True
    """
    text = "\x1f".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def mix(values: U64) -> U64:
    """The finaliser of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def permute(positions: I64, sizes: I64, keys: U64) -> I64:
    """Where each position goes under a keyed permutation of `range(size)`.

    A Feistel network over a grid of about √size × √size cells with addition in place of xor, and cycle-walking for
    the cells beyond the size (Black, Rogaway: Ciphers with Arbitrary Finite Domains, CT-RSA 2002). In 32-bit words, which
    processors multiply eight at a time.

    Args:
        positions: Shape `(n,)`, each in `range(size)` of its own size.
        sizes: Shape `(n,)`: length of the sequence that is permuted, 1 to 2**31.
        keys: Shape `(n,)`: equal keys and sizes, equal permutation.

    Returns:
        Shape `(n,)`, in the same ranges.
    """
    bounds = sizes.astype(np.uint32)
    side = np.ceil(np.sqrt(sizes))
    width, height = side.astype(np.uint32), np.ceil(sizes / side).astype(np.uint32)
    halves = ((keys & np.uint64(0xFFFFFFFF)).astype(np.uint32), (keys >> np.uint64(32)).astype(np.uint32))
    out = _walk(positions.astype(np.uint32), width, height, *halves)
    beyond = np.flatnonzero(out >= bounds)
    while len(beyond):  # ends: a cycle that leaves the range must come back to it, for it began inside
        out[beyond] = _walk(out[beyond], width[beyond], height[beyond], *(half[beyond] for half in halves))
        beyond = beyond[out[beyond] >= bounds[beyond]]
    return out.astype(np.int64)


def _walk(cells: U32, width: U32, height: U32, low: U32, high: U32) -> U32:
    left = (cells / height).astype(np.uint32)  # exact: these quotients are far from the next integer, for a double
    right = cells - left * height
    for i in range(_ROUNDS):
        key = low if i % 4 < 2 else high
        if i % 2 == 0:
            left = _add(left, right, width, key, i)
        else:
            right = _add(right, left, height, key, i)
    return left * height + right


def _add(target: U32, other: U32, modulus: U32, key: U32, i: int) -> U32:
    """target + F(other), modulo the side of the grid; F is a keyed hash."""
    word = other + key
    word *= _ODD[i]
    word ^= word >> np.uint32(15)
    word *= _ODD[i + 1]
    word >>= np.uint32(16)
    word *= modulus  # the sides are below 2**16, so the high half of this product is nearly uniform below the side
    word >>= np.uint32(16)
    word += target
    return np.asarray(np.minimum(word, word - modulus))  # below zero wraps round to a large number


def permuted(positions: I64, size: int, key: int | U64) -> I64:
    """`permute` where all positions belong to one sequence."""
    keys = np.full(len(positions), key, np.uint64) if isinstance(key, int) else key
    return permute(positions, np.full(len(positions), size, np.int64), keys)


def spreading_step(size: int) -> int:
    """A step around a circle of places that spreads any number of successive ones over it evenly.

    The step next to the golden section of the circle that has no divisor in common with it: multiples of the golden section
    leave gaps of at most three lengths (Steinhaus's three-distance theorem; Knuth, TAOCP 3, 6.4).

    >>> [step * spreading_step(10) % 10 for step in range(10)]
    [0, 7, 4, 1, 8, 5, 2, 9, 6, 3]
    """
    step = max(round(size * 0.6180339887498949), 1)
    while gcd(step, size) > 1:
        step += 1
    return step


def hits_before(count: I64, modulus: int, step: int, start: I64, width: I64) -> I64:
    """How many of the places `start + t·step` for t = 0 … count - 1 lie in the first `width` of the circle.

    In closed form, by the sum of floors that Euclid's algorithm gives (Graham, Knuth, Patashnik: Concrete Mathematics, 3.5).

    Args:
        count: Shape `(n,)`, up to `modulus`.
        modulus: Size of the circle, up to 2**30.
        step: 0 … modulus - 1.
        start: Shape `(n,)`, 0 … modulus - 1.
        width: Shape `(n,)`, 0 … modulus.

    >>> hits_before(np.array([10]), 10, 7, np.array([0]), np.array([3])).tolist()
    [3]
    """
    return (
        _sum_of_floors(count, modulus, step, start)
        - _sum_of_floors(count, modulus, step, start - width + modulus)
        + count
    )


def _sum_of_floors(n: I64, modulus: int, step: int, start: I64) -> I64:
    """Σ floor((start + t·step) / modulus) over t = 0 … n - 1."""
    total = np.zeros_like(n)
    while True:
        total += n * (n - 1) // 2 * (step // modulus) + n * (start // modulus)
        step, start = step % modulus, start % modulus
        top = step * n + start
        n, start = top // modulus, top % modulus
        if not n.any():
            return total
        modulus, step = step, modulus
