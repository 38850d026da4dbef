"""What all programs share: the run they make, and how they tell what a rank saw."""

from __future__ import annotations

import json
import logging
import os
import sys
from operator import index
from pathlib import Path

import torch

from sampler_runtime import PKBatchSampler, open_index

P, K, SEED, EPOCHS = 4, 2, 5, 3
EVEN = 8
"""Batches of an epoch, where the processes must divide them."""
RANK, WORLD = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
INDEX, FOLDER = Path(sys.argv[1]), Path(sys.argv[2])

Seen = list[tuple[int, list[int]]]
"""Epoch and rows of each batch that was trained on, in order."""


class Rows(torch.utils.data.Dataset[int]):
    """What a loader gets of it is the row itself."""

    def __init__(self) -> None:
        self._size = len(open_index(INDEX))

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, row: int) -> int:
        return index(row)


def sampler(**further: object) -> PKBatchSampler:
    return PKBatchSampler(open_index(INDEX), P, K, seed=SEED, **further)  # type: ignore[arg-type]


def loader(batches: PKBatchSampler, **further: object) -> torch.utils.data.DataLoader[int]:
    return torch.utils.data.DataLoader(Rows(), batch_sampler=batches, **further)  # type: ignore[arg-type]


def loss(model: torch.nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """Of one linear layer."""
    return model(rows.float()[:, None] / 100).square().mean()  # type: ignore[no-any-return]


def message(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def tell(cases: dict[str, object]) -> None:
    (FOLDER / f"{RANK}.json").write_text(json.dumps(cases))


logging.basicConfig(level=logging.WARNING)
