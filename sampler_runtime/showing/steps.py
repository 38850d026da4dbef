"""A plan, a rank, epoch and batch -> the instances of that step of a training run. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from sampler_runtime.plan import EpochPlan
from sampler_runtime.shard import Shard


@dataclass(frozen=True)
class Step:
    """One batch of one rank."""

    epoch: int
    batch: int
    """Number among the rank's own."""
    batches: int
    """Of the rank, in an epoch."""
    of_all: int
    """Number in the stream of all ranks."""
    shard: Shard
    instances: NDArray[np.int64]
    """Rows, identity by identity: shape `(P·K,)`, or `(P·K, modalities)` where instances are composed."""

    @property
    def title(self) -> str:
        """What stands above its sheet."""
        return f"epoch {self.epoch} · batch {self.batch} of {self.batches:,}"

    def lines(self, p: int, k: int, each: str, seed: int, selection: str) -> list[str]:
        """What stands beneath the title: the settings that make it what it is."""
        lines = [f"P={p} × K={k} of {selection}, each={each}, seed {seed}"]
        if self.shard.world_size > 1:
            part = "its identities of batch" if self.shard.split == "block" else "batch"
            lines.append(f"rank {self.shard.rank} of {self.shard.world_size}: {part} {self.of_all} of the whole stream")
        return lines


def find_step(plan: EpochPlan, shard: Shard, epoch: int, batch: int) -> Step:
    """A step of a run.

    Args:
        plan: Of the run.
        shard: The rank's share.
        epoch: From 0.
        batch: Number among the rank's own, from 0.

    Raises:
        SettingsError: An epoch of the rank has no such batch, or there is no such epoch.
    """
    own = shard.count(plan.num_batches)
    if not 0 <= batch < own:
        of = f" of rank {shard.rank}" if shard.world_size > 1 else ""
        words = (
            f"has {own:,} batches, 0 … {own - 1:,}" if own > 1 else f"has {own} batch" + ("es" if not own else ", 0")
        )
        raise SettingsError(f"batch: an epoch{of} {words}; found {batch:,}")
    of_all = (0 if shard.split == "block" else shard.rank) + shard.step * batch
    rows = plan.batches(epoch, np.array([of_all]))[0][shard.block(plan.p)]
    return Step(epoch, batch, own, of_all, shard, rows.reshape(-1, *rows.shape[2:]))
