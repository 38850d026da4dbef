"""What the benchmark compares: habits of training code, and what the package has instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Switch:
    """One habit. Off: as training code often is; on: as the package does it."""

    name: str
    off: str
    """What is done while it is off, in words."""
    on: str
    """What is done while it is on."""
    part: str
    """The part of a step (`loop.PARTS`) that it is about."""
    needs_cuda: bool = False


LOG_EVERY: Final = 50
"""Steps; of the norm too."""
DRAWN_PER_SECOND: Final = 2.0
"""Times that progress is drawn, while its switch is on."""

SWITCHES: Final = (
    Switch(
        "sampler",
        "the modality of each sample of an identity is read from its path whenever the identity is drawn",
        "an index and PKBatchSampler",
        "sampler",
    ),
    Switch(
        "loader",
        "DataLoader as torch sets it: no workers",
        "make_loader: workers, prefetching, augmentations seeded by batch",
        "loading",
    ),
    Switch(
        "transfer",
        "pageable memory, blocking .to(device)",
        "pinned memory, move_to_device",
        "transfer",
        needs_cuda=True,
    ),
    Switch(
        "norm",
        "clip_grad_norm_, and for the log the norm of each parameter with .item(), every step",
        f"clip_gradients, read once in {LOG_EVERY} steps",
        "norm",
    ),
    Switch(
        "logging",
        "loss.item() and a line in a log file, every step",
        f"likewise, once in {LOG_EVERY} steps (Every)",
        "logging",
    ),
    Switch(
        "progress",
        "a progress bar drawn at every step",
        f"drawn {DRAWN_PER_SECOND:g} times a second",
        "progress",
    ),
)
