"""A dataset and the switches that are on -> one short training, and where its time went."""

from __future__ import annotations

import logging
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn
from torch.utils.data import DataLoader

from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.dataset import IndexDataset
from sampler_runtime.loader import make_loader
from sampler_runtime.training.clipping import NormHistory, clip_gradients
from sampler_runtime.training.device import move_to_device
from sampler_runtime.training.throttle import Every
from sampler_runtime.training_benchmark.model import hard_triplets, small_model, to_tensor
from sampler_runtime.training_benchmark.old_way import OldWay
from sampler_runtime.training_benchmark.switches import DRAWN_PER_SECOND, LOG_EVERY
from sampler_runtime.view import IndexView

PARTS: Final = ("sampler", "loading", "transfer", "model", "norm", "logging", "progress")
"""Of a step: drawing rows; waiting for their images otherwise; the copy to the device; forward, backward and optimiser; the norm and
clipping of gradients; the log; the progress bar."""
WARM_UP: Final = 8
"""Steps before the clock starts: workers start and fill their queue, memory is taken."""
_LARGEST_NORM: Final = 5.0


@dataclass(frozen=True, slots=True)
class Work:
    """What every run trains on."""

    view: IndexView
    p: int
    k: int
    each: str
    steps: int
    device: torch.device


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    steps: int
    seconds: float
    parts: dict[str, float]
    """Part of a step → seconds, by the clock of the host: a CUDA device works on meanwhile."""

    @property
    def its_per_second(self) -> float:
        """Steps a second."""
        return self.steps / self.seconds


class Timed:
    """A batch sampler, and the time that it takes to draw."""

    def __init__(self, sampler: Any) -> None:
        """See the class."""
        self._sampler, self.seconds = sampler, 0.0

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[list[int]]:
        started = perf_counter()
        for batch in self._sampler:
            self.seconds += perf_counter() - started
            yield batch
            started = perf_counter()


def sampler_of(work: Work, batches: int, *, ours: bool) -> Any:
    """The batch sampler: the package's, or the old way."""
    if ours:
        return PKBatchSampler(work.view, work.p, work.k, each=work.each, epoch=batches, shard="none")
    return OldWay.of(work.view, work.p, work.k, batches)


def run(work: Work, on: frozenset[str]) -> Run:
    """Train a new model for some steps, with these switches on."""
    batches = WARM_UP + work.steps
    sampler = Timed(sampler_of(work, batches, ours="sampler" in on))
    dataset, pinned = IndexDataset(work.view, to_tensor), "transfer" in on
    loader: DataLoader[Any]
    if "loader" in on:
        loader = make_loader(dataset, sampler, seed=0, pin_memory=pinned)  # type: ignore[arg-type]  # a batch sampler, timed
    else:
        loader = DataLoader(dataset, batch_sampler=sampler, pin_memory=pinned)
    torch.manual_seed(0)
    model = small_model().to(work.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        others: dict[str, Callable[..., Any]] = {
            "norm": _norm(model, "norm" in on),
            "logging": (log := _Log(Path(folder) / "train.log", "logging" in on)),
            "progress": _progress(nowhere, batches, "progress" in on),
        }
        try:
            return _train(work, model, optimizer, loader, sampler, pinned, others)
        finally:
            log.close()


def _train(
    work: Work,
    model: Any,
    optimizer: Any,
    loader: Any,
    sampler: Timed,
    pinned: bool,
    others: dict[str, Callable[..., Any]],
) -> Run:
    parts, started, last = dict.fromkeys(PARTS, 0.0), 0.0, 0.0

    def lap(part: str) -> None:
        nonlocal last
        now = perf_counter()
        parts[part] += now - last
        last = now

    stream = iter(loader)
    for number in range(WARM_UP + work.steps):
        if number == WARM_UP:
            _wait(work.device)
            parts, sampler.seconds = dict.fromkeys(PARTS, 0.0), 0.0
            started = last = perf_counter()
        batch = next(stream)
        lap("loading")
        image = next(iter(batch.image.values())) if isinstance(batch.image, dict) else batch.image
        if pinned:
            image, pid = move_to_device((image, batch.pid), work.device)
        else:
            image, pid = image.to(work.device), batch.pid.to(work.device)
        lap("transfer")
        loss = hard_triplets(model(image), pid)
        loss.backward()  # type: ignore[no-untyped-call]
        lap("model")
        norm = others["norm"]()
        lap("norm")
        optimizer.step()
        optimizer.zero_grad()
        lap("model")
        others["logging"](number, loss, norm)
        lap("logging")
        others["progress"]()
        lap("progress")
    _wait(work.device)
    seconds = perf_counter() - started
    parts["sampler"] = sampler.seconds  # part of the wait, and drawn in this process with or without workers
    parts["loading"] -= sampler.seconds
    return Run(work.steps, seconds, parts)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _norm(model: nn.Module, on: bool) -> Callable[[], float]:
    parameters, history = list(model.parameters()), NormHistory(read_every=LOG_EVERY)

    def ours() -> float:
        clip_gradients(parameters, _LARGEST_NORM, history)
        return history.last

    def old() -> float:
        squares = [float(p.grad.norm().item()) ** 2 for p in parameters if p.grad is not None]
        nn.utils.clip_grad_norm_(parameters, _LARGEST_NORM)
        return math.sqrt(sum(squares))

    return ours if on else old


class _Log:
    """A log file, with a line at every step or now and then."""

    def __init__(self, file: Path, on: bool) -> None:
        """See the class."""
        self._logger, self._handler = logging.Logger("train"), logging.FileHandler(file)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._logger.addHandler(self._handler)
        self._due = Every(LOG_EVERY if on else 1)

    def __call__(self, step: int, loss: torch.Tensor, norm: float) -> None:
        if self._due():
            self._logger.info("step %d: loss %.4f, gradient norm %.3f", step, loss.item(), norm)

    def close(self) -> None:
        """Of the file."""
        self._handler.close()


def _progress(nowhere: Any, steps: int, on: bool) -> Callable[[], None]:
    """A bar as on a terminal, without the terminal: what it takes to draw, not what it takes to show."""
    console = Console(file=nowhere, force_terminal=True, width=120)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.speed} it/s"), TimeRemainingColumn())
    bar = Progress(*columns, console=console, auto_refresh=False)
    task, drawn = bar.add_task("", total=steps), perf_counter()

    def show() -> None:
        nonlocal drawn
        now = perf_counter()
        due = not on or now - drawn >= 1 / DRAWN_PER_SECOND
        bar.advance(task)
        if due:
            console.print(bar.get_renderable())
            drawn = now

    return show
