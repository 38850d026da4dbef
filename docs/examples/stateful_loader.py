"""A run that is broken off in the middle of an epoch and goes on with the batch that comes next: torchdata's StatefulDataLoader.

python docs/examples/stateful_loader.py
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from shared import HardTriplets, arguments, augmented, indexed, retrieval, small_model
from torchdata.stateful_dataloader import StatefulDataLoader

from sampler_runtime import IndexDataset, MappedIndex, PKBatchSampler, make_loader
from sampler_runtime.training import NormHistory, clip_gradients


def train(options: argparse.Namespace, index: MappedIndex, checkpoint: Path, stop_after: int) -> list[list[str]]:
    """Train until the end or for so many batches; go on from the checkpoint where there is one.

    Returns:
        The paths of each batch.
    """
    view = index.select(split="train")
    sampler = PKBatchSampler(view, options.p, options.k, each="pair", epoch=options.batches, seed=1)
    # This loader counts the batches that training has had, not those that its workers drew ahead.
    loader = make_loader(IndexDataset(view, augmented), sampler, loader=StatefulDataLoader)
    model, criterion, norms = small_model(), HardTriplets(), NormHistory()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    begin, seen = 0, []
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        norms.load_state_dict(saved["norms"])
        loader.load_state_dict(saved["loader"])  # the sampler's state in it refuses another index or other settings
        begin = saved["epoch"]
    print("begin: ", retrieval(model, index))
    for epoch in range(begin, options.epochs):
        if epoch > begin:  # within an epoch that is resumed, the state already says where to stand
            sampler.set_epoch(epoch)
        for batch in loader:
            loss = criterion(model(batch.image), batch.pid)
            loss.backward()
            clip_gradients(model.parameters(), norms.quantile(0.9), norms)
            optimizer.step()
            optimizer.zero_grad()
            seen.append(list(batch.path))
            if len(seen) == stop_after:
                parts = {"model": model, "optimizer": optimizer, "norms": norms, "loader": loader}
                states = {name: part.state_dict() for name, part in parts.items()}
                torch.save({**states, "epoch": epoch}, checkpoint)
                print("broken off:", retrieval(model, index))
                return seen
    print("end:   ", retrieval(model, index))
    return seen


def main() -> None:
    """Break a run off in its second half, and go on."""
    options = arguments(__doc__)
    index = indexed(options.data, options.identities)
    whole = options.epochs * options.batches
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint.pt"
        before = train(options, index, checkpoint, stop_after=whole * 5 // 8)
        after = train(options, index, checkpoint, stop_after=-1)
    view = index.select(split="train")
    sampler = PKBatchSampler(view, options.p, options.k, each="pair", epoch=options.batches, seed=1)
    planned = [[view.path_of(r) for r in rows] for _ in range(options.epochs) for rows in sampler]
    print(f"{len(before)} + {len(after)} batches, as without the break: {before + after == planned}")


if __name__ == "__main__":
    main()
