"""The samplers that are compared, ours and those of PyPI: how each is set up for the same population."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

P, K = 16, 4
OURS, OURS_SAMPLES = "reidindex", "reidindex, epoch=samples"
Labels = NDArray[np.int64]
SetUp = Callable[[], Iterable[list[int]]]
"""What is timed as set-up. The labels in the form that a peer wants are ready before."""


def _ours(labels: Labels, index: Path, epoch: str = "identities") -> SetUp:
    from sampler_runtime import PKBatchSampler, open_index

    return lambda: PKBatchSampler(open_index(index).select(split="train"), P, K, each="pair", epoch=epoch)


def _ours_samples(labels: Labels, index: Path) -> SetUp:
    return _ours(labels, index, "samples")


def _sentence_transformers(labels: Labels, index: Path) -> SetUp:
    from sentence_transformers.base.sampler import GroupByLabelBatchSampler
    from torch import Generator

    class Columns(dict[str, list[int]]):
        column_names = ("label",)

    data = Columns(label=labels.tolist())
    settings = {"valid_label_columns": ["label"], "generator": Generator()}
    return lambda: GroupByLabelBatchSampler(data, P * K, drop_last=True, **settings)


def _pytorch_metric_learning(labels: Labels, index: Path) -> SetUp:
    from pytorch_metric_learning.samplers import MPerClassSampler
    from torch.utils.data import BatchSampler

    pids = labels.tolist()
    return lambda: BatchSampler(  # an epoch as long as the data: the default is 100,000 rows
        MPerClassSampler(pids, K, P * K, length_before_new_iter=len(pids)), P * K, drop_last=True
    )


def _open_metric_learning(labels: Labels, index: Path) -> SetUp:
    _bare("oml", "oml.utils")
    from oml.samplers.balance import BalanceSampler

    pids = labels.tolist()
    return lambda: BalanceSampler(pids, P, K)


def _torchreid(labels: Labels, index: Path) -> SetUp:
    _bare("torchreid", "torchreid.reid", "torchreid.reid.data")
    from torch.utils.data import BatchSampler
    from torchreid.reid.data.sampler import RandomIdentitySampler

    items = [("", pid, 0, 0) for pid in labels.tolist()]
    return lambda: BatchSampler(RandomIdentitySampler(items, P * K, K), P * K, drop_last=True)


SAMPLERS: dict[str, Callable[[Labels, Path], SetUp]] = {
    OURS: _ours,
    OURS_SAMPLES: _ours_samples,
    "sentence-transformers": _sentence_transformers,
    "pytorch-metric-learning": _pytorch_metric_learning,
    "open-metric-learning": _open_metric_learning,
    "torchreid": _torchreid,
}
PEERS = tuple(name for name in SAMPLERS if name not in (OURS, OURS_SAMPLES))
"""By the names that PyPI has them under."""


def _bare(*packages: str) -> None:
    """Let modules of these packages be imported without the rest: their `__init__` wants what no sampler needs."""
    for name in packages:
        if name not in sys.modules:
            spec = find_spec(name)
            if spec is None:
                raise ImportError(f"No module named {name!r}")
            sys.modules[name] = ModuleType(name)
            sys.modules[name].__path__ = spec.submodule_search_locations or []
