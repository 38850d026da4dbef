"""DistributedDataParallel as torchrun starts it, and no framework: each split, for every rank; the weights stay the same."""

from __future__ import annotations

from typing import Any

import torch

from tests.integration.programs import seen


def train(**further: Any) -> tuple[seen.Seen, float]:
    batches = seen.sampler(**further)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    told: seen.Seen = []
    for epoch in range(seen.EPOCHS):
        for rows in seen.loader(batches, num_workers=1 if further else 0):
            optimiser.zero_grad()
            seen.loss(model, rows).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            told.append((epoch, rows.tolist()))
    return told, sum(float(weight.sum()) for weight in model.parameters())


def main() -> None:
    early = seen.sampler()  # made before the processes have joined
    torch.distributed.init_process_group("gloo")
    seen.tell({"batches": train(), "block": train(split="block"), "made before": list(early)})
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
