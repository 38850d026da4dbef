"""A loop over batches -> its speed, the share of time it waits for data, the time of its copies, its memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any, Generic, TypeVar

import torch

from indexer.errors import SettingsError
from sampler_runtime.settings import whole_number
from sampler_runtime.training.counting import length_of, samples_of
from sampler_runtime.training.device import as_device
from sampler_runtime.training.memory import peak_bytes
from sampler_runtime.training.progress import ProgressLine
from sampler_runtime.training.summary import ThroughputSummary
from sampler_runtime.training.transfer import TransferClock

B = TypeVar("B")


class ThroughputMeter:
    """Measures the loops that go through it: `for batch in meter(loader): …`.

    Args:
        device: Where training runs. None: CUDA where there is any, else the host.
        skip: Batches at the beginning that are not measured: workers start, kernels are chosen, models are compiled.
        count: Batch → its samples. None: the length of its first tensor, array or list; give one where that is not it
            (lists of single images).
        progress: Show the loop on stderr: live on a terminal, else a plain line once a minute. With several ranks: of one.
        refresh: Times a second that the live line is drawn.

    Raises:
        SettingsError: A number that cannot be, or a CUDA device where torch has none.

    Corner cases:
        - The device is waited for when measuring begins and when a loop ends, never at a batch in between: a batch's own time is
          that of the host, the sum is that of the device.
        - Several loops (epochs) add up; what happens between them does not count. Workers that start do.
        - A loop that is left by `break` counts the batch that it was left in.

    >>> meter = ThroughputMeter("cpu", skip=2)
    >>> for batch in meter([torch.zeros(32, 3)] * 12):
    ...     with meter.transfer():
    ...         batch = batch.to("cpu")
    >>> summary = meter.summary()
    >>> summary.steps, summary.samples, summary.skipped
    (10, 320, 2)
    """

    def __init__(
        self,
        device: torch.device | str | int | None = None,
        skip: int = 10,
        *,
        count: Callable[[Any], int] | None = None,
        progress: bool = False,
        refresh: float = 2.0,
    ) -> None:
        """See the class."""
        self.device, self.skip = _checked(device), whole_number(skip, "skip", 0)
        told: object = refresh
        if not isinstance(told, (int, float)) or not 0 < told < math.inf:
            raise SettingsError(f"refresh: expected a number of times a second, above 0, found {refresh!r}")
        self._count, self._progress, self._refresh = count or samples_of, progress, float(refresh)
        self._transfer = TransferClock(self.device)
        self._seen = self._steps = 0
        self._seconds = self._waited = 0.0
        self._samples: int | None = 0

    def __call__(self, batches: Iterable[B]) -> Metered[B]:
        """The same batches, measured; as long as `batches`, where these have a length."""
        if not isinstance(batches, Iterable):
            raise SettingsError(f"meter(batches): expected a DataLoader or an iterable, found {type(batches).__name__}")
        return Metered(batches, self._run)

    def transfer(self) -> AbstractContextManager[None]:
        """Around the copy of a batch to the device: measures it, on CUDA by events."""
        return self._transfer.measure()

    def summary(self) -> ThroughputSummary:
        """What was measured so far. On CUDA waits for the last copy."""
        return ThroughputSummary(
            steps=self._steps,
            skipped=min(self._seen, self.skip),
            seconds=self._seconds,
            wait_seconds=self._waited,
            samples=self._samples,
            transfer_seconds=self._transfer.seconds() if self._transfer.used else None,
            peak_bytes=peak_bytes(self.device),
            device=str(self.device) if self.device.type == "cuda" else "process",
        )

    def _run(self, batches: Iterable[B]) -> Iterator[B]:
        shown = ProgressLine(length_of(batches), self._refresh) if self._progress else None
        done = 0
        try:
            started = self._start()
            for batch in batches:
                arrived = perf_counter()
                try:
                    yield batch
                finally:  # also where the loop is left by `break`
                    done += 1
                    if shown and shown.due(perf_counter()):
                        shown.show(done, self._words())
                    self._add(batch, arrived - started, perf_counter() - started)
                started = self._start()
        finally:
            self._finish()
            if shown:
                shown.close(done, self._words())

    def _start(self) -> float:
        """When a batch is asked for. Measuring begins with an idle device and no copies."""
        if self._seen == self.skip:
            self._synchronise()
            self._transfer.reset()
        return perf_counter()

    def _add(self, batch: object, waited: float, seconds: float) -> None:
        self._seen += 1
        if self._seen <= self.skip:
            return
        samples = self._count(batch)
        self._samples = None if samples is None or self._samples is None else self._samples + samples
        self._steps, self._waited, self._seconds = self._steps + 1, self._waited + waited, self._seconds + seconds

    def _finish(self) -> None:
        """What the device still has to do belongs to the batches that were measured."""
        if self._steps:
            started = perf_counter()
            self._synchronise()
            self._seconds += perf_counter() - started

    def _synchronise(self) -> None:
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)

    def _words(self) -> str:
        if not self._seconds:
            return "warming up"
        return f"{self._steps / self._seconds:.3g} it/s, {100 * self._waited / self._seconds:.0f} % waiting for data"


class Metered(Generic[B]):
    """Batches that a meter looks at."""

    def __init__(self, batches: Iterable[B], run: Callable[[Iterable[B]], Iterator[B]]) -> None:
        """See the class."""
        self._batches, self._run = batches, run

    def __iter__(self) -> Iterator[B]:
        return self._run(self._batches)

    def __len__(self) -> int:
        if not isinstance(self._batches, Sized):
            raise TypeError(f"{type(self._batches).__name__} has no length")
        return len(self._batches)


def _checked(device: torch.device | str | int | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = as_device(device)
    if found.type == "cuda" and not torch.cuda.is_available():
        raise SettingsError(f"device: expected one that torch can use here, found {device!r}; this torch sees no CUDA")
    return found
