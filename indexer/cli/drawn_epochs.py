"""Settings and an index -> what P, K and a contract would do, as plain values for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.report import Sampling
    from sampler_runtime.mapped import MappedIndex

_MOST_ROWS: Final = 1 << 24
"""Rows drawn for a report: a few seconds. One epoch is drawn however large it is."""


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
    from indexer.report import Coverage, LeftOut, Sampling
    from sampler_runtime.audit import audit
    from sampler_runtime.run import resolve
    from sampler_runtime.settings import PKSettings

    told = view.explain(each, p=p, k=k, seed=seed)
    left_out = tuple(LeftOut(reason, len(pids), tuple(told.examples[reason])) for reason, pids in told.left_out.items())
    if told.advice is not None:
        return Sampling(
            split, p, k, each, seed, told.contract, len(view), told.identities, told.serving, left_out, advice=told.advice
        )  # fmt: skip
    run = resolve(view, PKSettings(p, k, each, seed=seed))
    plan = run.plan(view)
    epochs_drawn = max(1, min(epochs, _MOST_ROWS // (plan.num_batches * p * k)))
    found = audit(view, run, plan, epochs=epochs_drawn, on_progress=on_progress)
    coverage = tuple(Coverage(n, found.identities[n], found.samples[n]) for n in found.identities)
    return Sampling(
        split, p, k, each, seed, told.contract, len(view), told.identities, told.serving, left_out, told.batches,
        coverage, epochs, found.drawn, found.repeats,
    )  # fmt: skip
