"""The small network that the benchmark trains, and its loss: enough to be a step, not so much that it is everything."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

SIZE: Final = 32, 64
"""Of the images that the network sees, width and height."""


def to_tensor(image: Any) -> Tensor:
    """An image, mirrored or not, shape `(3, height, width)`, -1 … 1."""
    pixels = np.array(image.resize(SIZE, Image.Resampling.BILINEAR))
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1
    return tensor.flip(-1) if torch.rand(()) < 0.5 else tensor


def small_model() -> nn.Module:
    """Images, shape `(n, 3, height, width)` → embeddings, shape `(n, 128)`."""
    layers: list[nn.Module] = []
    for channels, out in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d((4, 1)), nn.Flatten(), nn.Linear(256, 128))


def hard_triplets(embeddings: Tensor, pids: Tensor) -> Tensor:
    """The batch-hard triplet loss with a soft margin, over a P×K batch.

    Args:
        embeddings: Shape `(n, channels)`.
        pids: Shape `(n,)`.
    """
    distances = torch.cdist(embeddings, embeddings)
    same = pids[:, None] == pids[None, :]
    farthest = torch.where(same, distances, 0.0).amax(1)
    nearest = torch.where(same, torch.inf, distances).amin(1)
    return nn.functional.softplus(farthest - nearest).mean()
