"""An index file -> a digest of all that a reader can be told of it, a first batch included: two are equal or two different versions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from indexer.schema import MAPPED_INTEGERS
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.mapped import MappedIndex, open_index


def everything_at(path: Path) -> str:
    """Of an index that is opened for it."""
    return everything_of(open_index(path))


def everything_of(index: MappedIndex) -> str:
    """Of an open index."""
    rows, file = np.arange(len(index)), index.file
    batch = next(iter(PKBatchSampler(index.select(split="train"), 2, 2)))
    texts = ["aligned", "captions", "identity", "role", "modality", "camera", "split", "source"]
    beside = file.beside()
    told = [
        index.metadata.to_json(),
        *(index.column(name).tobytes() for name in MAPPED_INTEGERS),
        [index.path_of(row) for row in rows],
        [index.labels(name, rows) for name in ("identity", "camera")],
        file.table(texts).to_pydict(),
        beside and beside.to_pydict(),
        batch,
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()
