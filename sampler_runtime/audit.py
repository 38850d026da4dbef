"""A plan -> what some epochs of it would do: coverage, repeats, and every guarantee looked at, batch by batch.

Exact, because the stream is known. Independent of how batches are drawn: it reads pids and modalities of the rows that
came out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sampler_runtime.plan import EpochPlan
from sampler_runtime.run import Run
from sampler_runtime.shard import Shard
from sampler_runtime.view import IndexView

Rows = NDArray[np.int64]
MILESTONES: Final = (1, 5, 10)
_SLICE: Final = 4096


@dataclass
class Audit:
    """What the first epochs from one on would do."""

    epochs: int = 0
    batches: int = 0
    """Of an epoch, over all ranks."""
    batches_per_rank: int = 0
    drawn: int = 0
    """Rows drawn, over all epochs."""
    repeats: int = 0
    """Of them, rows that their block held already."""
    identities: dict[int, int] = field(default_factory=dict)
    """Epochs → identities that came in them."""
    samples: dict[int, int] = field(default_factory=dict)
    """Epochs → samples that came in them."""
    violations: dict[str, int] = field(default_factory=dict)
    """Guarantee → blocks or batches that break it. All of them 0."""
    digests: list[str] = field(default_factory=list)
    """SHA-256 of each epoch's batches: rows as int64, little-endian."""

    def to_json(self) -> dict[str, Any]:
        """As one JSON object (docs/cli.md)."""
        return {
            "epochs": self.epochs, "batches": self.batches, "batches_per_rank": self.batches_per_rank, "drawn": self.drawn,
            "repeats": self.repeats,
            "coverage": [
                {"epochs": n, "identities": self.identities[n], "samples": self.samples[n]} for n in self.identities
            ],
            "violations": self.violations, "digests": self.digests,
        }  # fmt: skip


def audit(view: IndexView, run: Run, plan: EpochPlan, *, first: int = 0, epochs: int = 1, world_size: int = 1) -> Audit:
    """Draw some epochs, and look at every batch.

    Args:
        view: The index.
        run: The settings, resolved for it.
        plan: Of the run.
        first: Epoch to begin with.
        epochs: How many.
        world_size: Ranks that the batches are cut for.
    """
    pid, masks = view.column("pid"), view.column("modalities")
    seen_rows, seen_pids = np.zeros(len(view), bool), np.zeros(int(pid.max(initial=-1)) + 1, bool)
    found = Audit(epochs, plan.num_batches, Shard(0, world_size).count(plan.num_batches))
    found.violations = dict.fromkeys(
        ("distinct identities", "one identity a block", "group contract", "every sample"), 0
    )
    for number in range(first, first + epochs):
        stream, of_epoch = hashlib.sha256(), np.zeros(len(view), bool)
        for start in range(0, plan.num_batches, _SLICE):  # an epoch of a large index does not fit in memory at once
            rows = plan.batches(number, np.arange(start, min(start + _SLICE, plan.num_batches)))
            stream.update(np.ascontiguousarray(rows, "<i8").data)
            _look_at(rows, pid, masks, run, found)
            of_epoch[rows[rows >= 0]] = True
        seen_rows |= of_epoch
        seen_pids[pid[of_epoch]] = True
        if run.settings.epoch == "samples":
            found.violations["every sample"] += _missed(run, of_epoch)
        found.digests.append(stream.hexdigest())
        done = number - first + 1
        if done in MILESTONES or done == epochs:
            found.identities[done], found.samples[done] = int(seen_pids.sum()), int(seen_rows.sum())
    return found


def _look_at(rows: Rows, pid: NDArray[Any], masks: NDArray[Any], run: Run, found: Audit) -> None:
    blocks = rows.reshape(*rows.shape[:2], -1)
    there = blocks >= 0
    lead = np.take_along_axis(blocks, there.argmax(-1)[..., None], -1)
    owners = pid[lead[..., 0]]
    ordered = np.sort(owners, axis=1)
    found.violations["distinct identities"] += int((ordered[:, 1:] == ordered[:, :-1]).any(1).sum())
    found.violations["one identity a block"] += int((there & (pid[blocks] != owners[..., None])).any(-1).sum())
    if not run.settings.compose and not run.contract.as_k_permits:
        kinds = masks[blocks]
        fails = np.zeros(owners.shape, bool)
        for need in run.contract.requirements:
            count = ((kinds & np.uint32(need.mask)) != 0).sum(-1)
            fails |= count != need.count if need.exact else count < need.count
        found.violations["group contract"] += int(fails.sum())
        in_order = np.sort(blocks, axis=-1)
        found.repeats += int((in_order[..., 1:] == in_order[..., :-1]).sum())
    found.drawn += int(there.sum())


def _missed(run: Run, seen: NDArray[np.bool_]) -> int:
    """Samples that blocks can hold, of identities that come first, and that an epoch did not."""
    blocks = run.blocks
    drawn = np.maximum.reduceat(blocks.menu, blocks.first_menu, axis=0) > 0 if len(blocks.menu) else blocks.open
    usable = (drawn | blocks.open)[np.repeat(blocks.pattern, np.diff(blocks.offsets)), blocks.pool]
    if blocks.first is not None:
        usable &= np.repeat(blocks.first, np.diff(blocks.offsets))
    sizes = np.where(usable, blocks.sizes, 0)
    first = np.repeat(blocks.starts.astype(np.int64), sizes)
    within = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    position = first + within
    return int((~seen[position if blocks.rows is None else blocks.rows[position]]).sum())
