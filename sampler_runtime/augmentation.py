"""A dataset and a seed -> the dataset, whose random augmentations depend on the batch, not on who draws it or when.

Augmentations draw from the global generators of Python, NumPy and torch. DataLoader seeds these anew in each worker, at its start:
other augmentations with another number of workers, and after a resume. Here they are seeded for each batch, by a hash of the
seed and of the batch's rows, and put back afterwards.
"""

from __future__ import annotations

import random  # noqa: TID251 - augmentations use it; its state is put back
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sampler_runtime.randomness import stream_key


@contextmanager
def seeded(key: int) -> Iterator[None]:
    """Python, NumPy and torch (on the CPU) draw as this key says inside, and go on as before afterwards.

    Args:
        key: Up to 64 bits.
    """
    states = random.getstate(), np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002
    random.seed(key)
    np.random.seed(key & 0xFFFFFFFF)  # noqa: NPY002 - what augmentations draw from
    torch.default_generator.manual_seed(key)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.random.set_rng_state(states[2])


class Reproducible(Dataset[Any]):
    """A dataset whose augmentations are a function of the seed and of the rows of the batch.

    Args:
        dataset: Map-style; `__getitems__` is used where it has one.
        seed: Of the run.

    Corner cases:
        - The same rows in the same order are augmented in the same way, in whatever epoch. A P×K sampler draws others.
        - Other attributes are the dataset's own.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        """See the class."""
        self.dataset, self.seed = dataset, seed

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.dataset)

    def __getitem__(self, row: Any) -> Any:
        """The sample at a row, by itself."""
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: Sequence[Any]) -> list[Any]:
        """The samples of a batch."""
        with seeded(stream_key(self.seed, "augmentation", *map(str, rows))):
            if hasattr(self.dataset, "__getitems__"):
                return list(self.dataset.__getitems__(rows))
            return [self.dataset[row] for row in rows]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "dataset":  # asked for before it is there, while it is unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)
