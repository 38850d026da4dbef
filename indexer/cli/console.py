"""Where the command line writes: results to stdout, progress and remarks to stderr."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, NoReturn

from rich.console import Console
from rich.text import Text

from indexer.plural import count as count

Report = Callable[[str, int], None]
Loudness = Literal["quiet", "usual", "verbose"]
_PLAIN_SECONDS = 10.0
_loudness: Loudness = "usual"


def be(loudness: Loudness) -> None:
    """How much of what is no result is told, from now on."""
    global _loudness
    _loudness = loudness
    logging.getLogger("reidindex").setLevel(logging.ERROR if loudness == "quiet" else logging.NOTSET)


def is_verbose() -> bool:
    """Whether everything is to be named that is otherwise counted."""
    return _loudness == "verbose"


def _reader_gone() -> NoReturn:
    """The reader of our output (`| head`) has gone: nothing to say, and nobody to say it to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


_UNSEEN: Final = {c: f"\\x{c:02x}" for c in (*range(32), *range(127, 160)) if chr(c) not in "\n\t"} | {
    # what turns the direction of writing, or shows nothing
    c: f"\\u{c:04x}" for c in (0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
}  # fmt: skip
"""Characters that a terminal would obey or hide, and what is shown in their place."""


class _Quiet(Console):
    """A console whose reader may go away, and whom no name of a file gives orders: they come from whoever made the dataset."""

    def on_broken_pipe(self) -> None:
        _reader_gone()

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(text.translate(_UNSEEN), **options)


def out() -> Console:
    """For results. Wide where nobody sees the width: a pipe should not wrap a table."""
    console = _Quiet(highlight=False, emoji=False)
    return console if console.is_terminal else _Quiet(highlight=False, emoji=False, width=120, soft_wrap=True)


def err() -> Console:
    """For remarks, of which `--quiet` wants none."""
    return _Quiet(stderr=True, highlight=False, emoji=False, soft_wrap=True, quiet=_loudness == "quiet")


def errors() -> Console:
    """For what went wrong."""
    return _Quiet(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def let_everything_be_printed() -> None:
    """Not every terminal or redirected Windows console knows every character: show another, do not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="backslashreplace" if utf8 else "replace")


def print_json(document: dict[str, Any]) -> None:
    """One JSON object on stdout; plain ASCII, which every reader of JSON understands and every console can show."""
    try:
        print(json.dumps(document, indent=2), flush=True)  # noqa: T201 - the command line prints
    except BrokenPipeError:
        _reader_gone()


@contextmanager
def progress() -> Iterator[Report]:
    """A line that counts while long work runs; where stderr is no terminal, a plain line now and then."""
    console = err()
    if _loudness == "quiet":
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
