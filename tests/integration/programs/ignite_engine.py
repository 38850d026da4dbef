"""Ignite: `auto_dataloader` leaves a batch sampler alone; the epoch comes from a handler, or moves on by itself."""

from __future__ import annotations

from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from sampler_runtime import PKBatchSampler
from tests.integration.programs import seen


class Run:
    def __init__(self, tells: bool, loads: dict[str, Any] | None = None, **further: Any) -> None:
        self.sampler: PKBatchSampler = seen.sampler(**further)
        self.seen: seen.Seen = []
        self.state: dict[str, Any] = {}
        model = idist.auto_model(torch.nn.Linear(1, 1))
        optimiser = idist.auto_optim(torch.optim.SGD(model.parameters(), lr=0.01))

        def step(engine: Engine, rows: torch.Tensor) -> None:
            optimiser.zero_grad()
            seen.loss(model, rows).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            self.seen.append((engine.state.epoch - 1, rows.tolist()))

        self.engine = Engine(step)
        if tells:
            self.engine.add_event_handler(
                Events.EPOCH_STARTED, lambda engine: self.sampler.set_epoch(engine.state.epoch - 1)
            )
        if loads is not None:
            self.engine.load_state_dict(loads)
        self.loader = idist.auto_dataloader(seen.Rows(), batch_sampler=self.sampler)

    def run(self) -> Run:
        self.engine.run(self.loader, max_epochs=seen.EPOCHS)
        return self


def goes_on(stop: int) -> tuple[seen.Seen, seen.Seen]:
    """Ignite counts iterations and does not skip: inside an epoch the sampler must be told where it stood."""
    first = Run(tells=True)
    states: list[dict[str, Any]] = []

    @first.engine.on(Events.ITERATION_COMPLETED(once=stop))
    def save(engine: Engine) -> None:
        inside = stop % len(first.sampler) * seen.WORLD
        states.append(dict(engine.state_dict()))
        states.append({**first.sampler.state_dict(), "epoch": stop // len(first.sampler), "batch": inside})
        engine.terminate()

    first.run()
    second = Run(tells=True, loads=states[0])
    second.sampler.load_state_dict(states[1])
    second.run()
    return first.seen, second.seen


def main() -> None:
    idist.initialize("gloo")
    own = len(seen.sampler())
    cases: dict[str, Any] = {
        "set_epoch by a handler": Run(tells=True).run().seen,
        "no handler": Run(tells=False).run().seen,
        "split='block'": Run(tells=True, split="block").run().seen,
        "goes on after an epoch": goes_on(own),
        "goes on inside": goes_on(own + 2),
    }
    seen.tell(cases)
    idist.finalize()


if __name__ == "__main__":
    main()
