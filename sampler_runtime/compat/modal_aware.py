"""A dataset -> `CachedModalAwarePKSampler`, for code written for PRCV2025REID."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Subset

from indexer.errors import SettingsError
from indexer.schema import modality_mask
from indexer.vocabulary import RGB
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.compat.batches import NamedBatchSampler
from sampler_runtime.compat.calling import identities_in, told_as, warn
from sampler_runtime.compat.labels import LabelIndex
from sampler_runtime.compat.records import listed
from sampler_runtime.pools import find_pools
from sampler_runtime.positions import is_view

_NAME = "CachedModalAwarePKSampler"
_log = logging.getLogger("reidindex")


class CachedModalAwarePKSampler(NamedBatchSampler):
    """Batches of P identities, K samples of each, RGB with the other modalities.

    Now guaranteed, and was not: P different identities in every batch; a sample of several modalities counts for all of them;
    `prefer_complete` puts pairable identities first and removes nobody, the others fill batches up; positions are those of the
    dataset that was given, Subset or not; identities may be text; no sample is opened or skipped; `len()` is exact; the epochs
    of a run differ and can be drawn again; all of `PKBatchSampler`: ranks, `state_dict`.

    Args:
        dataset: An `IndexDataset`, an index, a dataset that lists its samples (`data_list`, `samples`, …, as dicts or
            tuples), or a Subset of one.
        batch_size: Rows of a batch.
        num_instances: Rows of each identity, K.
        ensure_rgb: Every identity shows an RGB sample. Who has none is left out; with K of 2 or more who has others shows one.
        prefer_complete: Pairable identities come first, and show the pair.
        seed: Fixed for a training run; None is 0.
        sampler: For frameworks; see `PKBatchSampler`.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        num_instances: int = 4,
        ensure_rgb: bool = True,
        prefer_complete: bool = True,
        seed: int | None = None,
        *,
        sampler: object = None,
    ) -> None:
        """See the class."""
        if isinstance(dataset, PKBatchSampler):
            super().__init__(dataset, batch_size, num_instances, sampler=sampler)
            return
        began = perf_counter()
        p, k = identities_in(batch_size, num_instances, _NAME, "refuses that too")
        data = _drawable(dataset)
        each = "rgb" if ensure_rgb else "any"
        if ensure_rgb and isinstance(data, LabelIndex) and RGB not in data.modalities:
            raise SettingsError(
                f"{_NAME}(ensure_rgb=True): no sample is RGB, only {' + '.join(data.modalities)}; use ensure_rgb=False"
            )
        with told_as(_NAME, "batch_size / num_instances"):
            super().__init__(data, p, k, each, seed=seed or 0, prefer_complete=prefer_complete, sampler=sampler)
        self._tell(perf_counter() - began, prefer_complete)

    def _tell(self, seconds: float, prefer_complete: bool) -> None:
        people, pairable = len(self.pids_all), len(self.pids_pairable)
        _log.info(
            "%s samples cached in %.2f s: %s identities, %s pairable (%.1f %%), %s batches expected",
            f"{len(self.index):,}", seconds, f"{people:,}", f"{pairable:,}", 100 * pairable / people, f"{len(self):,}",
        )  # fmt: skip
        if prefer_complete and pairable < self.settings.p:
            warn(
                f"{_NAME}: {pairable:,} pairable identities, a batch has {self.settings.p}; the original repeats identities in a batch to "
                "fill it up, here others do"
            )
        if not prefer_complete and self.left_out:
            warn(
                f"{_NAME}: {sum(self.left_out.values()):,} identities have no RGB sample and are left out; the original draws them "
                "without one, although ensure_rgb=True; use ensure_rgb=False to draw them"
            )

    @property
    def P(self) -> int:
        """Identities in a batch."""
        return self.settings.p

    @property
    def K(self) -> int:
        """Samples of each."""
        return self.settings.k

    @property
    def pids_all(self) -> list[Any]:
        """The identities: as the dataset calls them or, of an index, their pids."""
        return self._called(self._people()[0])

    @property
    def pids_pairable(self) -> list[Any]:
        """Those with an RGB sample and one of another image modality."""
        pids, masks = self._people()
        anchor, others = (
            np.uint32(modality_mask(names, self.index.modalities))
            for names in ([self.index.pairing.anchor], self.index.pairing.others)
        )
        return self._called(pids[((masks & anchor) != 0) & ((masks & others) != 0)])

    def _people(self) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
        """Every identity, and the modalities of its samples."""
        pools = find_pools(self.index)
        return pools.pids, np.bitwise_or.reduceat(pools.kinds, pools.offsets[:-1])

    def _called(self, pids: NDArray[np.int32]) -> list[Any]:
        index = self.index
        return [index.identities[pid] for pid in pids] if isinstance(index, LabelIndex) else pids.tolist()


def _drawable(dataset: Any) -> Any:
    """What `PKBatchSampler` draws from: an index in some way or other, or what a dataset lists."""
    chain = []
    inner = dataset
    while hasattr(inner, "dataset") and hasattr(inner, "indices"):
        chain.append(inner.indices)
        inner = inner.dataset
    if is_view(inner) or is_view(getattr(inner, "index", None)):
        for indices in reversed(chain):
            inner = Subset(inner, indices)
        return inner
    positions = None
    for indices in reversed(chain):
        own = [int(i) for i in indices]
        positions = own if positions is None else [positions[i] for i in own]
    return listed(inner, positions)
