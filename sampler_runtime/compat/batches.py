"""`PKBatchSampler` with a constructor of another's -> one that frameworks can still make anew for each rank."""

from __future__ import annotations

from sampler_runtime.batch_sampler import PKBatchSampler


class NamedBatchSampler(PKBatchSampler):
    """Base of the drop-ins that are batch samplers: their constructors take what the originals take.

    Lightning makes batch samplers anew from the arguments it finds. Here these are the sampler itself, in the place of
    the data, with P and K; a constructor that is handed a sampler takes all from it.
    """

    def _let_frameworks_make_it_anew(self) -> None:
        super()._let_frameworks_make_it_anew()
        arguments = (self, self.settings.p, self.settings.k)
        object.__setattr__(self, "__pl_saved_args", arguments)
        object.__setattr__(self, "__pl_saved_kwargs", {"sampler": None})
