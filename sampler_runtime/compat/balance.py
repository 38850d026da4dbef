"""Labels -> `BalanceSampler`, for code written for open-metric-learning."""

from __future__ import annotations

from typing import Any

from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.compat.batches import NamedBatchSampler
from sampler_runtime.compat.calling import told_as
from sampler_runtime.compat.labels import label_index


class BalanceSampler(NamedBatchSampler):
    """Batches of `n_labels` labels, `n_instances` of each: `DataLoader(…, batch_sampler=BalanceSampler(…))`.

    Now guaranteed, and was not: labels may be text, and batches are the same whatever PYTHONHASHSEED; labels with one
    sample are drawn, not refused; those left over by an epoch come first to be drawn in the next; a label's samples are
    used up before any comes again; global random state does not matter; all of `PKBatchSampler`: ranks, `state_dict`.

    Args:
        labels: One of each sample, whole numbers or text.
        n_labels: Labels in a batch, P.
        n_instances: Samples of each, K.
        seed: Fixed for a training run.
        sampler: For frameworks; see `PKBatchSampler`.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.
    """

    def __init__(self, labels: Any, n_labels: int, n_instances: int, *, seed: int = 0, sampler: object = None) -> None:
        """See the class."""
        if isinstance(labels, PKBatchSampler):
            super().__init__(labels, n_labels, n_instances, sampler=sampler)
            return
        with told_as("BalanceSampler", "n_labels"):
            super().__init__(label_index(labels), n_labels, n_instances, seed=seed, sampler=sampler)
