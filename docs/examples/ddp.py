"""DistributedDataParallel: each rank draws its own batches of one stream.

torchrun --standalone --nproc-per-node 2 docs/examples/ddp.py
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from shared import HardTriplets, arguments, augmented, indexed, retrieval, small_model
from torch.nn.parallel import DistributedDataParallel

from sampler_runtime import IndexDataset, PKBatchSampler, make_loader
from sampler_runtime.training import NormHistory, ThroughputMeter, accumulate, clip_gradients


def main() -> None:
    """Train on every rank; the first tells."""
    options = arguments(__doc__)
    dist.init_process_group("gloo")
    first = dist.get_rank() == 0
    if first:
        indexed(options.data, options.identities)  # one process draws and indexes, the others wait
    dist.barrier()
    index = indexed(options.data)
    train = index.select(split="train")

    # Rank and world size are those of torch.distributed. Every rank takes as many batches, and none that another has.
    # split="block" would share each batch out instead, P / W identities to a rank.
    sampler = PKBatchSampler(train, options.p, options.k, each="pair", epoch=options.batches * dist.get_world_size())
    loader = make_loader(IndexDataset(train, augmented), sampler)

    model, criterion = DistributedDataParallel(small_model()), HardTriplets()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    meter, norms = ThroughputMeter("cpu", progress=first), NormHistory()
    if first:
        print("before:", retrieval(model.module, index))
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        # Two batches an optimiser step: ranks exchange gradients at the second alone.
        for batch, group in accumulate(meter(loader), 2, model):
            with group.sync():
                loss = criterion(model(batch.image), batch.pid) / group.size
                loss.backward()
            if group.is_last:
                clip_gradients(model.parameters(), norms.quantile(0.9), norms)
                optimizer.step()
                optimizer.zero_grad()
    if first:
        print("after: ", retrieval(model.module, index))
        print(meter.summary())
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
