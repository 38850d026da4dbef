"""A list of (path, pid, camid, …) -> `RandomIdentitySampler`, for code written for torchreid or TransReID."""

from __future__ import annotations

from typing import Any

from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.compat.calling import field_of, identities_in, told_as
from sampler_runtime.compat.labels import label_index
from sampler_runtime.flat import FlatView

_NAME = "RandomIdentitySampler"


class RandomIdentitySampler(FlatView):
    """Rows, identity by identity: `DataLoader(…, sampler=…, batch_size=batch_size, drop_last=True)`.

    Now guaranteed, and was not: every image comes in every epoch (it was about nine in ten); `len()` is what is yielded; every
    batch is P×K; each rank has its own share; the order hangs on `seed` alone; `state_dict`, also within a batch.

    Args:
        data_source: Tuples; the second field is the identity, a number or text.
        batch_size: Rows of a batch, as the loader has it.
        num_instances: Rows of each identity, K.
        seed: Fixed for a training run.

    Raises:
        SettingsError: A setting that cannot work; the message says what could. A `batch_size` that K does not divide is one:
            the originals' batches then begin within identities.
    """

    def __init__(self, data_source: Any, batch_size: int, num_instances: int, *, seed: int = 0) -> None:
        """See the class."""
        p, k = identities_in(batch_size, num_instances, _NAME, "yields blocks that its loader cuts at other places")
        labels = label_index(field_of(data_source, 1, _NAME, "pid"), setting=f"{_NAME}(data_source), pid")
        with told_as(_NAME, "batch_size / num_instances"):
            super().__init__(PKBatchSampler(labels, p, k, epoch="samples", seed=seed))
