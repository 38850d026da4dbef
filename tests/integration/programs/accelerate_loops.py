"""Accelerate: `prepare` deals whole batches out to the processes, in its several ways; loaders it has not prepared; runs that go on."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from accelerate import Accelerator, DataLoaderConfiguration, skip_first_batches
from accelerate.state import AcceleratorState

from sampler_runtime import PKBatchSampler
from tests.integration.programs import seen

warnings.filterwarnings("ignore", "'set_vital' is deprecated")
INSIDE = 2


class Run:
    """A model, its optimiser and a loader, as Accelerate wants them."""

    def __init__(self, prepared: bool = True, further: dict[str, Any] | None = None, **settings: Any) -> None:
        AcceleratorState._reset_state()  # type: ignore[no-untyped-call]  # whatever a case before it had
        self.accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(**settings))
        self.sampler: PKBatchSampler = seen.sampler(**further or {})
        model = torch.nn.Linear(1, 1)
        self.model, self.optimiser = self.accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.01))
        self.loader: Any = seen.loader(self.sampler)
        if prepared:
            self.loader = self.accelerator.prepare(self.loader)
        self.seen: seen.Seen = []

    def train(self, epoch: int, loader: Any = None, most: int = 99) -> None:
        for number, rows in enumerate(self.loader if loader is None else loader, 1):
            self.accelerator.backward(seen.loss(self.model, rows))
            self.optimiser.step()
            self.optimiser.zero_grad()
            self.seen.append((epoch, rows.tolist()))
            if number == most:
                break

    def saves(self, name: str) -> None:
        self.accelerator.save_state(str(seen.FOLDER / name))
        self.accelerator.wait_for_everyone()  # the first process writes


def epochs(**settings: Any) -> seen.Seen:
    run = Run(**settings)
    for epoch in range(seen.EPOCHS):
        run.train(epoch)
    return run.seen


def stateful() -> tuple[seen.Seen, seen.Seen]:
    """Saved inside the second epoch by Accelerate itself, and loaded again."""
    first, second = (Run(use_stateful_dataloader=True) for _ in range(2))
    first.train(0)
    first.train(1, most=INSIDE)
    first.saves("stateful")
    second.accelerator.load_state(str(seen.FOLDER / "stateful"))
    second.loader.set_epoch(1)
    second.train(1)
    second.train(2)
    return first.seen, second.seen


def skipping() -> tuple[seen.Seen, seen.Seen]:
    """Accelerate's other way: skip what the epoch had."""
    first, second = (Run() for _ in range(2))
    first.train(0)
    first.train(1, most=INSIDE)
    second.loader.set_epoch(1)
    second.train(1, skip_first_batches(second.loader, INSIDE))
    second.loader.set_epoch(2)
    second.train(2)
    return first.seen, second.seen


def registered() -> tuple[seen.Seen, seen.Seen]:
    """The sampler as one more thing that has a state, saved between epochs."""
    first, second = (Run() for _ in range(2))
    for run in (first, second):
        run.accelerator.register_for_checkpointing(run.sampler)
    first.train(0)
    first.saves("registered")
    second.accelerator.load_state(str(seen.FOLDER / "registered"))
    second.loader.set_epoch(1)
    second.train(1)
    second.train(2)
    return first.seen, second.seen


def main() -> None:
    cases: dict[str, Any] = {
        "default": epochs(),
        "even_batches=False": epochs(even_batches=False),
        "dispatch_batches": epochs(dispatch_batches=True, further={"epoch": seen.EVEN}),
        "dispatch_batches, one too many": epochs(dispatch_batches=True),
        "stateful": epochs(use_stateful_dataloader=True),
        "split_batches": epochs(split_batches=True),
        "dispatch_batches, split_batches": epochs(dispatch_batches=True, split_batches=True),
        "shard='none'": epochs(further={"shard": "none"}),
        "not prepared, shard='rank'": epochs(prepared=False, further={"shard": "rank"}),
        "not prepared, split='block'": epochs(prepared=False, further={"shard": "rank", "split": "block"}),
        "goes on inside, stateful loader": stateful(),
        "goes on inside, skip_first_batches": skipping(),
        "goes on after an epoch, sampler registered": registered(),
    }
    seen.tell(cases)


if __name__ == "__main__":
    main()
