"""Blocks of code -> the time their copies to the device took, without waiting for the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, cast

import torch


class TransferClock:
    """Adds up the time of the blocks that it measures.

    On CUDA between two events in the current stream, which are asked for only once they have passed: the time of the copies, not
    of the wait for what was queued before. Elsewhere by the clock of the host.
    """

    def __init__(self, device: torch.device) -> None:
        """See the class."""
        self._device = device
        self.reset()

    def reset(self) -> None:
        """Forget what was measured."""
        self.used = False
        """Whether anything was measured since."""
        self._seconds = 0.0
        self._pending: deque[tuple[Any, Any]] = deque()

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure the block."""
        self.used = True
        if self._device.type != "cuda":
            started = perf_counter()
            try:
                yield
            finally:
                self._seconds += perf_counter() - started
            return
        stream, event = torch.cuda.current_stream(self._device), cast(Any, torch.cuda.Event)
        begin, end = event(enable_timing=True), event(enable_timing=True)
        begin.record(stream)
        yield
        end.record(stream)
        self._pending.append((begin, end))
        self._collect()

    def seconds(self) -> float:
        """So far. On CUDA waits for the last copy."""
        if self._pending:
            self._pending[-1][1].synchronize()
            self._collect()
        return self._seconds

    def _collect(self) -> None:
        while self._pending and self._pending[0][1].query():
            begin, end = self._pending.popleft()
            self._seconds += begin.elapsed_time(end) / 1000
