"""From a seed and a purpose to choices: the one source of chance in the demo data set.

Its own file because the promise "same seed, same bytes" lives or dies here: every choice is a hash of what it is
for, so it depends neither on the order in which others are made nor on Python's hash seed, and the noise is made from
the raw bits of a counter-based generator, which NumPy keeps stable (it does not promise that for its distributions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Choices:
    """A stream of choices that belongs to one purpose."""

    def __init__(self, seed: int, *scope: int | str) -> None:
        """Open the stream.

        Args:
            seed: the seed of the data set.
            *scope: what the choices are for, for example an identity number and ``"hair"``.
        """
        self._key = "/".join(str(part) for part in (seed, *scope))
        self._made = 0

    def _bits(self, size: int = 8) -> int:
        self._made += 1
        digest = blake2b(f"{self._key}#{self._made}".encode(), digest_size=size).digest()
        return int.from_bytes(digest, "big")

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        return (self._bits() >> 11) / 2**53

    def between(self, low: float, high: float) -> float:
        """Return a number between two bounds."""
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """Return a whole number between two bounds, both included."""
        return low + self._bits() % (high - low + 1)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.unit() < probability

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[self._bits() % len(options)]

    def weighted(self, options: Mapping[T, float]) -> T:
        """Return one of the options, each as likely as its weight says."""
        left = self.unit() * sum(options.values())
        for option, weight in options.items():
            left -= weight
            if left < 0:
                return option
        return next(reversed(list(options)))

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """Return the options in another order."""
        return sorted(options, key=lambda _: self._bits())

    def grain(self, height: int, width: int) -> NDArray[np.float32]:
        """Return noise in [-1, 1], most of it near 0, as an array of the given size."""
        generator = np.random.Philox(key=self._bits(16))
        raw = np.atleast_1d(generator.random_raw(-(-height * width // 4)))
        quarters = raw.astype("<u8").view("<u2")[: height * width].reshape(height, width)
        high, low = (quarters >> 8).astype(np.float32), (quarters & 255).astype(np.float32)
        noise: NDArray[np.float32] = (high - low) / np.float32(255)
        return noise
