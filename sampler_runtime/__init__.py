"""A Parquet index -> guaranteed P×K batches, without ever opening a sample.

    from sampler_runtime import IndexDataset, PKBatchSampler, open_index

    train = open_index("data/").select(split="train")
    sampler = PKBatchSampler(train, p=8, k=4, each="pair", seed=42)
    loader = DataLoader(IndexDataset(train, transform), batch_sampler=sampler)

The way of the data: `mapped` maps the index, `pools` finds each identity's rows by kind, `contract` says what a block
must hold, `eligibility` who can serve it and by which `menus`, `plan` (over `rounds` or `rates`) lays out an epoch and `draw` the rows
of a visit, `shard` gives each rank its own batches, `batch_sampler` hands them to a DataLoader. Planning is integers and NumPy; only what stands nearest to training (`batch_sampler`,
`dataset`, `loader`) imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexer.errors import ReidIndexError, StateError
    from sampler_runtime.batch_sampler import PKBatchSampler
    from sampler_runtime.dataset import IndexDataset, Instance, Sample
    from sampler_runtime.joint import JointIndex
    from sampler_runtime.loader import make_loader
    from sampler_runtime.mapped import MappedIndex, open_index
    from sampler_runtime.settings import Identity
    from sampler_runtime.showing.contact_sheet import ContactSheet
    from sampler_runtime.showing.show_batch import show_batch

__all__ = [
    "ContactSheet",
    "Identity",
    "IndexDataset",
    "Instance",
    "JointIndex",
    "MappedIndex",
    "PKBatchSampler",
    "ReidIndexError",
    "Sample",
    "StateError",
    "make_loader",
    "open_index",
    "show_batch",
]

_HOME = {
    "ContactSheet": "sampler_runtime.showing.contact_sheet",
    "Identity": "sampler_runtime.settings",
    "JointIndex": "sampler_runtime.joint",
    "StateError": "indexer.errors",
    "IndexDataset": "sampler_runtime.dataset",
    "Instance": "sampler_runtime.dataset",
    "MappedIndex": "sampler_runtime.mapped",
    "PKBatchSampler": "sampler_runtime.batch_sampler",
    "ReidIndexError": "indexer.errors",
    "Sample": "sampler_runtime.dataset",
    "make_loader": "sampler_runtime.loader",
    "open_index": "sampler_runtime.mapped",
    "show_batch": "sampler_runtime.showing.show_batch",
}


def __getattr__(name: str) -> Any:
    # Late: the command line plans batches without torch, which alone takes over a second to import.
    if name not in _HOME:
        raise AttributeError(f"module 'sampler_runtime' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
