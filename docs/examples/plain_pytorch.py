"""Plain PyTorch.

python docs/examples/plain_pytorch.py
"""

from __future__ import annotations

import torch
from shared import HardTriplets, arguments, augmented, indexed, retrieval, small_model

from sampler_runtime import IndexDataset, PKBatchSampler, make_loader
from sampler_runtime.training import Every, NormHistory, ThroughputMeter, clip_gradients, move_to_device


def main() -> None:
    """Train, and say what it was good for."""
    options = arguments(__doc__)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    index = indexed(options.data, options.identities)
    train = index.select(split="train")

    # P people, K pictures of each, RGB and another modality of everyone: positives across modalities in every batch.
    sampler = PKBatchSampler(train, options.p, options.k, each="pair", epoch=options.batches, seed=1)
    loader = make_loader(IndexDataset(train, augmented), sampler)

    model, criterion = small_model().to(device), HardTriplets()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    meter, norms, due = ThroughputMeter(device, progress=True), NormHistory(), Every(20)
    print("before:", retrieval(model, index))
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        for batch in meter(loader):
            with meter.transfer():
                batch = move_to_device(batch, device)
            loss = criterion(model(batch.image), batch.pid)
            loss.backward()
            clip_gradients(model.parameters(), norms.quantile(0.9), norms)
            optimizer.step()
            optimizer.zero_grad()
            if due():  # `.item()` waits for the device, so not at every step
                print(f"epoch {epoch}: loss {loss.item():.3f}, gradient norm {norms.last:.2f}")
    print("after: ", retrieval(model, index))
    print(meter.summary())


if __name__ == "__main__":
    main()
