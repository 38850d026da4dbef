"""A run that is killed and goes on: DDP over any number of processes, a checkpoint after each step.

    long_run.py INDEX FOLDER PROCESSES SPLIT STOP

After STOP batches of the whole run it trains one more step, does not save it, says so, and waits to be killed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import torch

from tests.integration.programs import seen


def save(checkpoint: dict[str, Any]) -> None:
    """Whole or not at all."""
    torch.save(checkpoint, seen.FOLDER / "new.pt")
    (seen.FOLDER / "new.pt").replace(seen.FOLDER / "checkpoint.pt")


def train(rank: int, world: int, folder: Path, split: str, stop: int) -> None:
    meeting = (folder / f"meeting of {world}, {stop}").as_uri()
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world)
    batches = seen.sampler(split=split)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    trained: list[tuple[int, list[int]]] = []
    if (folder / "checkpoint.pt").exists():
        checkpoint = torch.load(folder / "checkpoint.pt")
        model.load_state_dict(checkpoint["model"])
        optimiser.load_state_dict(checkpoint["optimiser"])
        batches.load_state_dict(checkpoint["sampler"])
        trained = checkpoint["trained"]
    torch.distributed.barrier()  # all have read it

    step = 1 if split == "block" else world
    epoch, done = batches.state_dict()["epoch"], batches.state_dict()["batch"]
    while epoch < seen.EPOCHS:
        # Workers draw ahead of training: the state that is saved counts what was trained.
        for rows in seen.loader(batches, num_workers=1):
            optimiser.zero_grad()
            seen.loss(model, rows).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            all_rows = [torch.empty_like(rows) for _ in range(world)]
            torch.distributed.all_gather(all_rows, rows)
            if len(trained) >= stop:
                (folder / f"waits at {stop}").touch()
                time.sleep(600)
            told = [own.tolist() for own in all_rows]
            if split == "block":
                told = [[row for own in told for row in own]]
            trained += [(epoch, batch) for batch in told]
            done += step
            if rank == 0:
                state = {**batches.state_dict(), "epoch": epoch, "batch": done}
                model_state, optimiser_state = model.state_dict(), optimiser.state_dict()
                save({"model": model_state, "optimiser": optimiser_state, "sampler": state, "trained": trained})
        epoch, done = epoch + 1, 0
    if rank == 0:
        seen.tell({"trained": trained})
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def main() -> None:
    processes, split, stop = int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    given = (processes, seen.FOLDER, split, stop)
    if processes == 1:
        train(0, *given)
    else:
        torch.multiprocessing.spawn(train, given, nprocs=processes)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
