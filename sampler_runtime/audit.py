"""A plan -> what some epochs of it would do: coverage, repeats, and every guarantee looked at, batch by batch.

Exact, because the stream is known. Independent of how batches are drawn: it reads pids and modalities of the rows that
came out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.schema import modality_mask
from sampler_runtime.cached_property import cached_property
from sampler_runtime.contract import SPREADS
from sampler_runtime.plan import EpochPlan
from sampler_runtime.run import Run
from sampler_runtime.shard import Shard
from sampler_runtime.view import IndexView

Rows = NDArray[np.int64]
_EARLY: Final = (1, 5, 10)
CONTRACT: Final = "group contract"
_ROWS_TOGETHER: Final = 1 << 18


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

    @property
    def milestones(self) -> list[int]:
        """The numbers of epochs that are worth a line of a table: some early ones, and all."""
        return [n for n in self.identities if n in _EARLY or n == self.epochs]

    def to_json(self) -> dict[str, Any]:
        """As one JSON object (docs/cli.md)."""
        return {
            "epochs": self.epochs, "batches": self.batches, "batches_per_rank": self.batches_per_rank, "drawn": self.drawn,
            "repeats": self.repeats,
            "coverage": [
                {"epochs": n, "identities": self.identities[n], "samples": self.samples[n]} for n in self.milestones
            ],
            "violations": self.violations, "digests": self.digests,
        }  # fmt: skip


def audit(
    view: IndexView,
    run: Run,
    plan: EpochPlan,
    *,
    first: int = 0,
    epochs: int = 1,
    world_size: int = 1,
    on_progress: Callable[[int], None] = lambda batches: None,
) -> Audit:
    """Draw some epochs, and look at every batch.

    Args:
        view: The index.
        run: The settings, resolved for it.
        plan: Of the run.
        first: Epoch to begin with.
        epochs: How many.
        world_size: Ranks that the batches are cut for.
        on_progress: Is told now and then how many batches have been looked at.
    """
    promise = _Promise(view, run)
    seen_rows, seen_pids = np.zeros(len(view), bool), np.zeros(int(promise.pid.max(initial=-1)) + 1, bool)
    together = max(_ROWS_TOGETHER // (run.settings.p * run.settings.k), 1)
    found = Audit(epochs, plan.num_batches, Shard(0, world_size).count(plan.num_batches))
    found.violations = dict.fromkeys(("distinct identities", "one identity a block", CONTRACT, "every sample"), 0)
    for number in range(first, first + epochs):
        stream, of_epoch = hashlib.sha256(), np.zeros(len(view), bool)
        for start in range(0, plan.num_batches, together):  # an epoch of a large index does not fit in memory at once
            rows = plan.batches(number, np.arange(start, min(start + together, plan.num_batches)))
            stream.update(np.ascontiguousarray(rows, "<i8").data)
            promise.look_at(rows, found)
            of_epoch[rows[rows >= 0]] = True
            on_progress((number - first) * plan.num_batches + start + len(rows))
        seen_rows |= of_epoch
        seen_pids[promise.pid[of_epoch]] = True
        if run.settings.epoch == "samples":
            found.violations["every sample"] += int((~of_epoch[promise.samples]).sum())
        found.digests.append(stream.hexdigest())
        done = number - first + 1
        found.identities[done], found.samples[done] = int(seen_pids.sum()), int(seen_rows.sum())
    return found


class _Promise:
    """What every batch must be, as it can be told from the columns of the index."""

    def __init__(self, view: IndexView, run: Run) -> None:
        self.run = run
        self.pid, self.masks = view.column("pid"), view.column("modalities")
        self.spreads = [(spread.count, view.column(SPREADS[spread.over])) for spread in run.contract.spreads]
        self.places = [np.uint32(modality_mask([name], view.modalities)) for name in run.settings.compose]

    def look_at(self, rows: Rows, found: Audit) -> None:
        """Count what breaks the promise in batches of shape `(b, P, K)` or `(b, P, K, modalities)`."""
        blocks = rows.reshape(*rows.shape[:2], -1)
        there = blocks >= 0
        lead = np.take_along_axis(blocks, there.argmax(-1)[..., None], -1)
        owners = self.pid[lead[..., 0]]
        ordered = np.sort(owners, axis=1)
        found.violations["distinct identities"] += int((ordered[:, 1:] == ordered[:, :-1]).any(1).sum())
        found.violations["one identity a block"] += int((there & (self.pid[blocks] != owners[..., None])).any(-1).sum())
        found.drawn += int(there.sum())
        if self.places:
            found.violations[CONTRACT] += int((self._breaks(rows) | self._misplaced(rows)).sum())
            in_order = np.sort(rows, axis=2)  # a row that fills several places of one instance is no repeat
            found.repeats += int(((in_order[:, :, 1:] == in_order[:, :, :-1]) & (in_order[:, :, 1:] >= 0)).sum())
        else:
            found.violations[CONTRACT] += int(self._breaks(blocks[..., None]).sum())
            in_order = np.sort(blocks, axis=-1)
            found.repeats += int((in_order[..., 1:] == in_order[..., :-1]).sum())

    def _breaks(self, rows: Rows) -> NDArray[np.bool_]:
        """Which blocks of instances, shape `(b, P, K, rows of an instance)`, break the contract; shape `(b, P)`."""
        contract, k = self.run.contract, self.run.settings.k
        kinds = np.bitwise_or.reduce(np.where(rows >= 0, self.masks[rows], 0).astype(np.uint32), axis=-1)
        met = np.zeros(rows.shape[:2], np.int64)
        for need in contract.requirements:
            count = ((kinds & np.uint32(need.mask)) != 0).sum(-1)
            met += count == need.count if need.exact else count >= need.count
        breaks = met < (min(k, len(contract.requirements)) if contract.as_k_permits else len(contract.requirements))
        for least, units in self.spreads:
            of_row = np.sort(units[rows[..., 0]], axis=-1)
            different = (of_row[..., 0] >= 0) + ((of_row[..., 1:] != of_row[..., :-1]) & (of_row[..., 1:] >= 0)).sum(-1)
            breaks |= different < least
        return np.asarray(breaks)

    def _misplaced(self, rows: Rows) -> NDArray[np.bool_]:
        """Which blocks have an instance with a row of another modality in a place, or with no row at all."""
        wrong = np.all(rows < 0, axis=-1).any(-1)
        for number, bit in enumerate(self.places):
            place = rows[..., number]
            wrong |= ((place >= 0) & ((self.masks[place] & bit) == 0)).any(-1)
        return np.asarray(wrong)

    @cached_property
    def samples(self) -> Rows:
        """The samples that blocks can hold, of identities that come first."""
        blocks = self.run.blocks
        # A pool that could have a place has one in some turn's menu.
        drawn = np.maximum.reduceat(blocks.menu, blocks.first_menu, axis=0) > 0 if len(blocks.menu) else blocks.open
        usable = drawn[np.repeat(blocks.pattern, np.diff(blocks.offsets)), blocks.pool]
        if blocks.first is not None:
            usable &= np.repeat(blocks.first, np.diff(blocks.offsets))
        sizes = np.where(usable, blocks.sizes, 0)
        first = np.repeat(blocks.starts.astype(np.int64), sizes)
        position = first + np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.asarray(position) if blocks.rows is None else blocks.rows[position]
