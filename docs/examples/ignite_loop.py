"""Ignite: an engine over a loader, and a handler that tells the sampler the epoch.

python docs/examples/ignite_loop.py
"""

from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine, Events
from shared import HardTriplets, arguments, augmented, indexed, retrieval, small_model

from sampler_runtime import IndexDataset, PKBatchSampler, make_loader
from sampler_runtime.training import NormHistory, clip_gradients, move_to_device


def main() -> None:
    """Train, and say what it was good for."""
    options = arguments(__doc__)
    index = indexed(options.data, options.identities)
    train = index.select(split="train")

    # With `ignite.distributed` each rank takes its share: ranks are those of torch.distributed.
    sampler = PKBatchSampler(train, options.p, options.k, each="pair", epoch=options.batches)
    loader = make_loader(IndexDataset(train, augmented), sampler)

    model, criterion, norms = small_model(), HardTriplets(), NormHistory()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step(_engine: Engine, batch: Any) -> torch.Tensor:
        batch = move_to_device(batch, "cpu")
        loss = criterion(model(batch.image), batch.pid)
        loss.backward()
        clip_gradients(model.parameters(), norms.quantile(0.9), norms)
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    trainer = Engine(step)

    @trainer.on(Events.EPOCH_STARTED)
    def tell_the_epoch(engine: Engine) -> None:
        sampler.set_epoch(engine.state.epoch - 1)  # Ignite counts from 1, and resumes at the epoch it was in

    @trainer.on(Events.ITERATION_COMPLETED(every=20))
    def tell_the_loss(engine: Engine) -> None:
        print(f"epoch {engine.state.epoch - 1}: loss {engine.state.output.item():.3f}, gradient norm {norms.last:.2f}")

    print("before:", retrieval(model, index))
    trainer.run(loader, max_epochs=options.epochs)
    print("after: ", retrieval(model, index))


if __name__ == "__main__":
    main()
