"""One stream of batches, many ranks -> what each rank takes. Pure.

By batches, rank r of W takes the batches r, r + W, r + 2W, … up to the last full round: every rank takes the same number, no
two the same batch, and together they are the stream of one process up to that round. By block, every rank takes P / W
identities of every batch. No rank asks another anything.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from sampler_runtime.settings import whole_number

Split = Literal["batches", "block"]


@dataclass(frozen=True, slots=True)
class Shard:
    """The share of one rank.

    Raises:
        SettingsError: The rank is not one of the world's, or there is no such split.
    """

    rank: int = 0
    """Of this process, 0 … world_size - 1."""
    world_size: int = 1
    """Number of processes."""
    split: Split = "batches"

    def __post_init__(self) -> None:
        if self.world_size < 1 or not 0 <= self.rank < self.world_size:
            raise SettingsError(
                f"rank, world_size: expected 0 <= rank < world_size, found rank {self.rank} of {self.world_size}"
            )
        if self.split not in ("batches", "block"):
            raise SettingsError(f"split: expected 'batches' or 'block', found {self.split!r}")

    @property
    def step(self) -> int:
        """Batches of the whole stream that all ranks take in one go."""
        return 1 if self.split == "block" else self.world_size

    def count(self, batches: int) -> int:
        """How many batches every rank takes of so many.

        >>> [Shard(rank, 3).count(8) for rank in range(3)], Shard(0, 3, "block").count(8)
        ([2, 2, 2], 8)
        """
        return max(batches, 0) // self.step

    def numbers(self, first: int, count: int, batches: int) -> NDArray[np.int64]:
        """The numbers of the next batches that this rank takes, from a batch of the whole stream on.

        >>> [Shard(rank, 3).numbers(0, 2, 8).tolist() for rank in range(3)]
        [[0, 3], [1, 4], [2, 5]]
        """
        own = 0 if self.split == "block" else self.rank
        return first + own + self.step * np.arange(min(count, self.count(batches - first)))

    def identities(self, p: int) -> int:
        """Identities of a batch that this rank takes.

        Raises:
            SettingsError: P cannot be shared out evenly.
        """
        if self.split == "batches":
            return p
        if p % self.world_size:
            near = max(p // self.world_size, 1) * self.world_size
            raise SettingsError(
                f"split='block': P={p} identities cannot be spread over {self.world_size} ranks evenly; use p={near}"
            )
        return p // self.world_size

    def block(self, p: int) -> slice:
        """Which identities of a batch this rank takes."""
        if self.split == "batches":
            return slice(0, p)
        own = self.identities(p)
        return slice(self.rank * own, (self.rank + 1) * own)


def this_process(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Rank and world size as given (0 of 1 where only one of them is), or those of torch.distributed where it is in use.

    Raises:
        SettingsError: They are no numbers.
    """
    if rank is not None or world_size is not None:
        rank, world_size = 0 if rank is None else rank, 1 if world_size is None else world_size
        return whole_number(rank, "rank", 0), whole_number(world_size, "world_size", 1)
    distributed = sys.modules.get("torch.distributed")  # who uses it has imported it
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
