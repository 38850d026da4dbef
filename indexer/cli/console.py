"""Where the command line writes: results to stdout, progress and remarks to stderr."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

Report = Callable[[str, int], None]
_PLAIN_SECONDS = 10.0


def out() -> Console:
    """For results. Wide where nobody sees the width: a pipe should not wrap a table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=120, soft_wrap=True)


def err() -> Console:
    """For everything else."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    print(json.dumps(document, ensure_ascii=False, indent=2))  # noqa: T201 - the command line prints


@contextmanager
def progress(quiet: bool = False) -> Iterator[Report]:
    """A line that counts while long work runs; where stderr is no terminal, a plain line now and then."""
    console = err()
    if quiet:
        yield lambda what, count: None
        return
    if not console.is_terminal:
        last = time.monotonic()

        def plain(what: str, count: int) -> None:
            nonlocal last
            if time.monotonic() - last > _PLAIN_SECONDS:
                last = time.monotonic()
                console.print(f"{what}: {count:,}", markup=False)

        yield plain
        return
    with console.status("") as status:
        shown = 0.0

        def show(what: str, count: int) -> None:
            nonlocal shown
            if time.monotonic() - shown > 0.1:
                shown = time.monotonic()
                status.update(f"{what}: {count:,}")

        yield show


def bar(share: float, width: int = 24) -> str:
    """A horizontal bar for a share from 0 to 1."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")
