"""Settings and an index -> what P, K and a contract would do, as plain values for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.report import Coverage, Sampling
    from sampler_runtime.mapped import MappedIndex
    from sampler_runtime.plan import EpochPlan

_MOST_ROWS: Final = 1 << 24
"""Rows drawn for a report: a few seconds. One epoch is drawn however large it is."""
_ROWS_TOGETHER: Final = 1 << 18


def sampling_of(
    view: MappedIndex,
    split: str,
    each: str,
    *,
    p: int,
    k: int,
    epochs: int,
    seed: int,
    on_progress: Callable[[int], None],
) -> Sampling:
    """Resolve settings, and draw the first epochs.

    Args:
        view: The samples to draw from.
        split: What they are called.
        each: The group contract.
        p: Identities in a batch.
        k: Instances of each.
        epochs: To draw at most: of a large index fewer are, so that it stays a matter of seconds.
        seed: Of the run.
        on_progress: Is told how many batches were drawn.

    Raises:
        SettingsError: The contract makes no sense for this index. That too few identities serve is no error here.
    """
    from indexer.report import LeftOut, Sampling
    from sampler_runtime.run import resolve
    from sampler_runtime.settings import PKSettings

    told = view.explain(each, p=p, k=k, seed=seed)
    left_out = tuple(LeftOut(reason, len(pids), tuple(told.examples[reason])) for reason, pids in told.left_out.items())
    if told.advice is not None:
        return Sampling(
            split, p, k, each, seed, told.contract, len(view), told.identities, told.serving, left_out, advice=told.advice
        )  # fmt: skip
    plan = resolve(view, PKSettings(p, k, each, seed=seed)).plan(view)
    epochs_drawn = max(1, min(epochs, _MOST_ROWS // (plan.num_batches * p * k)))
    coverage, drawn, repeats = _draw(view, plan, p, k, epochs_drawn, on_progress)
    return Sampling(
        split, p, k, each, seed, told.contract, len(view), told.identities, told.serving, left_out, told.batches,
        coverage, epochs, drawn, repeats,
    )  # fmt: skip


def _draw(
    view: MappedIndex, plan: EpochPlan, p: int, k: int, epochs: int, on_progress: Callable[[int], None]
) -> tuple[tuple[Coverage, ...], int, int]:
    """What has been drawn after each epoch, the rows drawn, and those of them that their block held already."""
    import numpy as np

    from indexer.report import Coverage

    pid = view.column("pid")
    rows_seen, pids_seen = np.zeros(len(view), bool), np.zeros(view.metadata.identities, bool)
    together = max(_ROWS_TOGETHER // (p * k), 1)
    coverage, drawn, repeats = [], 0, 0
    for epoch in range(epochs):
        for start in range(0, plan.num_batches, together):
            numbers = np.arange(start, min(start + together, plan.num_batches))
            blocks = plan.batches(epoch, numbers)
            in_order = np.sort(blocks, axis=-1)
            repeats += int((in_order[..., 1:] == in_order[..., :-1]).sum())
            drawn += blocks.size
            rows_seen[blocks.reshape(-1)] = True
            pids_seen[pid[blocks[..., 0].reshape(-1)]] = True
            on_progress(epoch * plan.num_batches + int(numbers[-1]) + 1)
        coverage.append(Coverage(epoch + 1, int(pids_seen.sum()), int(rows_seen.sum())))
    return tuple(coverage), drawn, repeats
