"""Accelerate: `prepare` deals batches out to the processes.

python docs/examples/accelerate_loop.py
accelerate launch --cpu --num_processes 2 docs/examples/accelerate_loop.py
"""

from __future__ import annotations

import torch
from accelerate import Accelerator
from shared import HardTriplets, arguments, augmented, indexed, retrieval, small_model

from sampler_runtime import IndexDataset, PKBatchSampler, make_loader
from sampler_runtime.training import Every, ThroughputMeter


def main() -> None:
    """Train, and say what it was good for."""
    options = arguments(__doc__)
    accelerator = Accelerator(cpu=True)
    with accelerator.main_process_first():  # one process draws and indexes
        index = indexed(options.data, options.identities)
    train = index.select(split="train")

    # shard="none": the sampler draws every batch, and `prepare` gives each process its own. "auto" would find that out, too.
    # A sampler that took its rank's share would be dealt out again: half of the batches of two processes, silently.
    sampler = PKBatchSampler(train, options.p, options.k, each="pair", epoch=options.batches, shard="none")
    model = small_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model, optimizer, loader = accelerator.prepare(
        model, optimizer, make_loader(IndexDataset(train, augmented), sampler)
    )

    criterion, due = HardTriplets(), Every(20)
    meter = ThroughputMeter(accelerator.device, progress=accelerator.is_main_process)
    accelerator.print("before:", retrieval(accelerator.unwrap_model(model), index))
    for epoch in range(options.epochs):
        loader.set_epoch(epoch)  # reaches the sampler
        for batch in meter(loader):
            loss = criterion(model(batch.image), batch.pid)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad()
            if due():
                accelerator.print(f"epoch {epoch}: loss {loss.item():.3f}")
    accelerator.print("after: ", retrieval(accelerator.unwrap_model(model), index))
    accelerator.print(meter.summary())
    accelerator.end_training()


if __name__ == "__main__":
    main()
