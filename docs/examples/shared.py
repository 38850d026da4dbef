"""What the examples have in common: a dataset, a small model, a loss that needs P×K batches, and how well people are found."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN
from torch import Tensor, nn
from torch.utils.data import DataLoader

from indexer import build_index
from indexer.demo import write_demo
from sampler_runtime import IndexDataset, MappedIndex, open_index

QUERIES = ("nir", "sketch")
SIZE = 32, 64
"""Of the images, width and height: small, for a CPU."""


def arguments(about: str) -> argparse.Namespace:
    """The options of every example."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--data", type=Path, default=Path("demo-data"), help="drawn and indexed if it is not there")
    parser.add_argument("--identities", type=int, default=48, help="people to draw")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batches", type=int, default=40, help="of an epoch")
    parser.add_argument("-p", type=int, default=8, help="identities in a batch")
    parser.add_argument("-k", type=int, default=4, help="instances of each")
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    torch.set_num_threads(1)  # small tensors: a second thread costs more than it brings
    torch.manual_seed(0)  # the first weights; batches and augmentations have the seed of their sampler
    return parser.parse_args()


def indexed(data: Path, identities: int = 48) -> MappedIndex:
    """The index of a dataset; the demo is drawn where there is no dataset."""
    if not data.exists():
        write_demo(data, identities=identities)
    build_index(
        data, wait=True
    )  # at once where the index is up to date; of several ranks one builds and the others wait
    return open_index(data)


def to_tensor(image: Image.Image) -> Tensor:
    """Shape `(3, height, width)`, about -1 … 1."""
    pixels = torch.from_numpy(np.array(image.resize(SIZE)))
    return pixels.permute(2, 0, 1).float() / 127.5 - 1


def augmented(image: Image.Image) -> Tensor:
    """Mirrored or not, and anything between grey and colour: what a person looks like must not hang on colours alone."""
    tensor = to_tensor(image)
    if torch.rand(()) < 0.5:
        tensor = tensor.flip(-1)
    grey = tensor.mean(0, keepdim=True)
    return torch.lerp(tensor, grey.expand_as(tensor), torch.rand(()))


def small_model() -> nn.Module:
    """Images, shape `(n, 3, 64, 32)` → embeddings, shape `(n, 128)`: what four stripes of a person, head to feet, look like."""

    def block(channels: int, out: int, norm: type[nn.Module] = nn.BatchNorm2d) -> list[nn.Module]:
        return [nn.Conv2d(channels, out, 3, padding=1), norm(out), nn.ReLU(), nn.MaxPool2d(2)]

    # Instance normalisation takes away light and contrast, in which modalities differ most.
    first = block(3, 16, nn.InstanceNorm2d)
    return nn.Sequential(
        *first, *block(16, 32), *block(32, 64), nn.AdaptiveAvgPool2d((4, 1)), nn.Flatten(), nn.Linear(256, 128)
    )


class HardTriplets(nn.Module):
    """Each sample, its farthest positive and its nearest negative. A batch without positives would teach nothing."""

    def __init__(self) -> None:
        super().__init__()
        distance = LpDistance(normalize_embeddings=False)
        self.miner = BatchHardMiner(distance=distance)
        self.loss = TripletMarginLoss(distance=distance, smooth_loss=True)

    def forward(self, embeddings: Tensor, pids: Tensor) -> Tensor:
        """The mean of log(1 + exp(farthest - nearest))."""
        return self.loss(embeddings, pids, self.miner(embeddings, pids))


class Found(NamedTuple):
    """How well the gallery answers the queries."""

    rank1: float
    mean_average_precision: float

    def __str__(self) -> str:
        return f"{' and '.join(QUERIES)} → rgb: rank-1 {self.rank1:.1%}, mAP {self.mean_average_precision:.1%}"


def retrieval(model: nn.Module, index: MappedIndex) -> Found:
    """Query each infrared image and sketch of the test set against its photos.

    The protocol of re-identification leaves out photos of the query's own camera. A sketch has none; the demo needs no such rule.
    """
    embeddings, pids = {}, {}
    model.eval()
    for part, modality in [("gallery", "rgb"), *(("query", modality) for modality in QUERIES)]:
        view = index.select(split=part, modality=modality)
        with torch.no_grad():
            batches = [(model(b.image), b.pid) for b in DataLoader(IndexDataset(view, to_tensor), batch_size=64)]
        embeddings.setdefault(part, []).extend(e for e, _ in batches)
        pids.setdefault(part, []).extend(p for _, p in batches)
    model.train()
    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision"),
        k=None,
        knn_func=CustomKNN(LpDistance(normalize_embeddings=False)),
    )
    found = calculator.get_accuracy(
        *(torch.cat(parts[name]) for name in ("query", "gallery") for parts in (embeddings, pids))
    )
    return Found(found["precision_at_1"], found["mean_average_precision"])
