"""Labels -> `MPerClassSampler`, for code written for pytorch-metric-learning."""

from __future__ import annotations

from typing import Any

from indexer.errors import SettingsError
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.compat.calling import identities_in, told_as
from sampler_runtime.compat.labels import label_index
from sampler_runtime.flat import FlatView
from sampler_runtime.settings import whole_number

_NAME = "MPerClassSampler"


class MPerClassSampler(FlatView):
    """Rows, m of a label side by side: `DataLoader(…, sampler=MPerClassSampler(…), batch_size=batch_size)`.

    Now guaranteed, and was not: no label comes again before all others have, nor a sample of it before all its others;
    `len()` is what is yielded; the first batch is there at once, no epoch is drawn up before; each rank has its own share;
    the order hangs on `seed` alone; `state_dict`, also within a batch.

    Args:
        labels: One of each sample, whole numbers or text.
        m: Samples of each label side by side, K.
        batch_size: Rows of a batch, as the loader has it: every batch is then `batch_size / m` labels, m of each. None: only
            that m of a label stand together; where one pass over the labels ends and the next begins, a label may soon
            come again.
        length_before_new_iter: At most so many rows an epoch, in whole batches or passes, but at least one.
        seed: Fixed for a training run.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.
    """

    def __init__(
        self,
        labels: Any,
        m: int,
        batch_size: int | None = None,
        length_before_new_iter: int = 100000,
        *,
        seed: int = 0,
    ) -> None:
        """See the class."""
        index = label_index(labels)
        most = whole_number(length_before_new_iter, "length_before_new_iter", 1)
        if batch_size is None:
            # A batch of one label: nothing but the order of labels is asked for, and a pass is as many batches as there are.
            p, k, people = 1, whole_number(m, "m", 1), len(index.pids)
            batches = max(people, 1) * max(most // max(people * k, 1), 1)
        else:
            p, k = identities_in(batch_size, m, _NAME, "refuses that too")
            batches = most // (p * k)
        if not batches:
            raise SettingsError(f"length_before_new_iter: expected batch_size={batch_size} rows or more, found {most}")
        with told_as(_NAME, "batch_size / m"):
            super().__init__(PKBatchSampler(index, p, k, epoch=batches, seed=seed))
