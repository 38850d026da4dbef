"""A running loop -> what it shows on stderr: a live line on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_SECONDS: Final = 60.0
"""Between two plain lines: a log file should stay one that somebody reads."""


class ProgressLine:
    """Shows how far a loop is. It is drawn by the loop itself, at most so often: no thread takes time from training.

    Args:
        total: Batches of the loop; None where unknown.
        refresh: Times a second that a live line is drawn.
    """

    def __init__(self, total: int | None, refresh: float) -> None:
        """See the class."""
        self._total, self._shown = total, False
        self._live = _live_line(total)
        self._seconds = 1 / refresh if self._live else PLAIN_SECONDS
        self._due = perf_counter() + self._seconds

    def due(self, now: float) -> bool:
        """Whether it is time to show something: a comparison, for every batch."""
        return now >= self._due

    def show(self, done: int, words: str) -> None:
        """Show the batches that are done, with a few words."""
        if self._live:
            self._live.update(self._live.task_ids[0], completed=done, words=words)
            self._live.refresh()
        else:
            of = "" if self._total is None else f"/{self._total:,}"
            sys.stderr.write(f"{done:,}{of} {words}\n")
            sys.stderr.flush()
        self._due = perf_counter() + self._seconds

    def close(self, done: int, words: str) -> None:
        """Leave the live line as it ended; no plain line, for a loop prints its own summary."""
        if self._live:
            self.show(done, words)
            self._live.stop()


def _live_line(total: int | None) -> Progress | None:
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        return None
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"), TimeRemainingColumn())
    live = Progress(*columns, console=console, auto_refresh=False)
    live.add_task("", total=total, words="")
    live.start()
    return live
