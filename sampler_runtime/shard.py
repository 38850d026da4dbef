"""One stream of batches, many ranks -> what each rank takes. Pure.

By batches, rank r of W takes the batches r, r + W, r + 2W, … up to the last full round: every rank takes the same number, no
two the same batch, and together they are the stream of one process up to that round. By block, every rank takes P / W
identities of every batch. No rank asks another anything.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from sampler_runtime.settings import whole_number

Split = Literal["batches", "block"]
Mode = Literal["auto", "rank", "none"]


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

    def check(self, batches: int, p: int, identities: int | None) -> None:
        """That this rank has anything to draw.

        Args:
            batches: Of an epoch.
            p: Identities of a batch.
            identities: That can be drawn, where the epoch is as long as there are identities.

        Raises:
            SettingsError: It has nothing; the message says with what it would.
        """
        if identities is not None and self.split == "block" and self.world_size > identities:
            raise SettingsError(
                f"split='block': {identities} identities cannot be spread over {self.world_size} ranks; use split='batches' or at "
                f"most {identities} processes"
            )
        self.identities(p)
        if self.count(batches):
            return
        fitting = (identities or 0) // self.world_size
        hints = [f"use p={fitting} or less"] if 0 < fitting < p else []
        hints += [f"at most {batches} processes", "more batches an epoch"]
        if p % self.world_size == 0:
            hints.append("split='block'")
        raise SettingsError(
            f"world_size={self.world_size}: an epoch has {batches} batches of P={p}, so that no rank would get one; "
            + " or ".join(hints)
        )

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
                f"split='block': P={p} identities cannot be spread over {self.world_size} ranks evenly; use p={near} or "
                "split='batches'"
            )
        return p // self.world_size

    def block(self, p: int) -> slice:
        """Which identities of a batch this rank takes."""
        if self.split == "batches":
            return slice(0, p)
        own = self.identities(p)
        return slice(self.rank * own, (self.rank + 1) * own)


@dataclass(frozen=True, slots=True)
class Sharding:
    """How a process finds its share: asked anew at each epoch, for samplers are often made before processes are joined.

    Raises:
        SettingsError: Rank and world size are no numbers, or there is no such way to shard.
    """

    mode: Mode = "auto"
    """`rank`: this process draws its rank's share. `none`: it draws everything, for somebody else deals batches out.
    `auto`: `none` where Accelerate is in use, which does so; else `rank`."""
    rank: int | None = None
    world_size: int | None = None
    """Both as given, or of torch.distributed."""
    split: Split = "batches"

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise SettingsError(f"shard: expected 'auto', 'rank' or 'none', found {self.mode!r}")
        if self.mode == "none" and (self.rank is not None or self.world_size is not None):
            raise SettingsError("shard='none': every batch is drawn here; leave rank and world_size out")
        self.shard()

    def shard(self) -> Shard:
        """The share of this process, now."""
        return Shard(*self._process(), self.split)

    def reason(self) -> str:
        """Why it is this share."""
        if self._is_given:
            return "as given"
        if self.mode == "none":
            return "shard='none'"
        if self.mode == "auto" and accelerate_is_in_use():
            return "Accelerate deals batches out to the processes; shard='rank' if the loader is not prepared by it"
        return "of torch.distributed" if distributed() is not None else "torch.distributed is not in use"

    @property
    def _is_given(self) -> bool:
        return self.rank is not None or self.world_size is not None

    def _process(self) -> tuple[int, int]:
        """Rank and world size; 0 of 1 where only one of them is given."""
        if self._is_given:
            rank, world_size = (
                (0 if self.rank is None else self.rank),
                (1 if self.world_size is None else self.world_size),
            )
            return whole_number(rank, "rank", 0), whole_number(world_size, "world_size", 1)
        everything = self.mode == "none" or (self.mode == "auto" and accelerate_is_in_use())
        joined = None if everything else distributed()
        return (0, 1) if joined is None else (joined.get_rank(), joined.get_world_size())


def distributed() -> Any:
    """torch.distributed, where processes have joined; who uses it has imported it."""
    module = sys.modules.get("torch.distributed")
    return module if module is not None and module.is_available() and module.is_initialized() else None


def accelerate_is_in_use() -> bool:
    """Whether an Accelerator was made: `prepare` deals whole batches out to the processes, whatever the sampler."""
    state = getattr(sys.modules.get("accelerate.state"), "PartialState", None)
    return bool(getattr(state, "_shared_state", None))
