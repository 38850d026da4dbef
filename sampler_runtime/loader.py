"""A dataset and a batch sampler -> a DataLoader with settings that suit the machine, each of them told and open to change."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader

from indexer.errors import SettingsError
from sampler_runtime.augmentation import Reproducible
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.settings import whole_number

_log = logging.getLogger("reidindex")
_MOST_WORKERS = 8
_WINDOWS_WORKERS = 2
_PREFETCH = 4


def make_loader(
    dataset: Any,
    sampler: PKBatchSampler,
    *,
    num_workers: int | None = None,
    pin_memory: bool | None = None,
    persistent_workers: bool | None = None,
    prefetch_factor: int | None = None,
    seed: int | Literal["sampler"] | None = "sampler",
    loader: type[DataLoader[Any]] = DataLoader,
    **further: Any,
) -> DataLoader[Any]:
    """A DataLoader over a dataset and its P×K sampler. The log tells what was chosen, and why.

    Args:
        dataset: Map-style: an `IndexDataset`, or one of your own whose positions the sampler yields.
        sampler: The batch sampler.
        num_workers: Default: one for each core but one, at most 8; 2 on Windows, where each starts a Python that imports torch.
        pin_memory: Default: where CUDA is there.
        persistent_workers: Default: where there are workers: starting them anew takes seconds each epoch.
        prefetch_factor: Batches that each worker makes ahead; default 4, and none without workers.
        seed: Augmentations are a function of this seed and the batch, so the same with any number of workers and after a
            resume (`Reproducible`). Default: the sampler's; None: leave them to DataLoader.
        loader: The class to make, e.g. torchdata's `StatefulDataLoader`.
        further: Of the class: collate_fn, timeout, multiprocessing_context, …

    Raises:
        SettingsError: A setting that a batch sampler rules out, or that the machine cannot serve.
    """
    ruled_out = sorted({"batch_size", "shuffle", "sampler", "drop_last", "batch_sampler"} & set(further))
    if ruled_out:
        raise SettingsError(
            f"make_loader({ruled_out[0]}=): the sampler says which rows make a batch; leave it out, or use DataLoader itself"
        )
    if isinstance(num_workers, bool) or (num_workers is not None and num_workers < 0):
        raise SettingsError(
            f"make_loader(num_workers=): expected a number of processes, 0 or more, found {num_workers!r}"
        )
    told = []

    def choose(name: str, given: Any, default: Any, why: str) -> Any:
        told.append(f"{name}={default if given is None else given!r} ({why if given is None else 'as given'})")
        return default if given is None else given

    workers, why = _workers()
    workers = choose("num_workers", num_workers, workers, why)
    cuda = torch.cuda.is_available()
    pin = choose("pin_memory", pin_memory, cuda, "CUDA is there" if cuda else "no CUDA")
    if workers:
        further["persistent_workers"] = choose("persistent_workers", persistent_workers, True, "workers start once")
        further["prefetch_factor"] = choose("prefetch_factor", prefetch_factor, _PREFETCH, "batches a worker")
    elif persistent_workers or prefetch_factor:
        name = "persistent_workers" if persistent_workers else "prefetch_factor"
        raise SettingsError(
            f"make_loader({name}=): there are no workers ({told[0]}); leave it out, or use num_workers=1 or more"
        )
    if seed is not None:
        seed = sampler.settings.seed if seed == "sampler" else whole_number(seed, "make_loader(seed=)", 0)
        dataset = Reproducible(dataset, seed)
        further.setdefault(
            "generator", torch.Generator().manual_seed(seed & 0x7FFF_FFFF)
        )  # or it takes from the global one
        told.append(f"augmentations by batch, seed {seed}")
    _log.info("make_loader: %s", ", ".join(told))
    return loader(dataset, batch_sampler=sampler, num_workers=workers, pin_memory=pin, **further)


def _workers() -> tuple[int, str]:
    """How many, and why."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if sys.platform == "win32":
        return min(_WINDOWS_WORKERS, cores - 1), "on Windows each starts a Python of its own"
    return min(_MOST_WORKERS, cores - 1), f"{cores} cores"
