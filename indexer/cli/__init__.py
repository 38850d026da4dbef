"""The `reidindex` command: one command a file. The only place of the project that prints or exits.

stdout carries results, stderr everything else. Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 problems found, 130
interrupted. Commands import what they need when they run, so that `--help` is quick and torch is never loaded.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import Annotated

import typer

from indexer.cli import (
    bench,
    build,
    check,
    console,
    demo,
    diff,
    export,
    filter,
    layouts,
    merge,
    plan,
    query,
    report,
    show,
    split,
    stats,
    update,
)
from indexer.cli.command import command
from indexer.errors import ProblemsFoundError, ReidIndexError, SettingsError

app = typer.Typer(
    name="reidindex",
    help="Scan a re-identification dataset once; train on guaranteed P×K batches for ever.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _function, _told in (
    ("build", build.build, "Scan a dataset, write its index."),
    ("update", update.update, "Bring an index up to date; open only what has changed."),
    ("check", check.check, "Is the index whole, and the tree as it says?"),
    ("stats", stats.stats, "What an index holds, and what can be paired."),
    ("plan", plan.plan, "Draw an epoch's batches as training would."),
    ("show", show.show, "A batch or a person as a contact sheet."),
    ("report", report.report, "Everything about a dataset as one page."),
    ("diff", diff.diff, "What has changed between two indexes."),
    ("split", split.split, "Identity-disjoint splits, as a protocol."),
    ("merge", merge.merge, "Several indexes as one."),
    ("filter", filter.filter_samples, "The samples that an expression picks."),
    ("query", query.query, "SQL over an index."),
    ("export", export.export, "For other tools: tables, Hugging Face, COCO, ..."),
    ("layouts", layouts.layouts, "Which datasets are known."),
    ("demo", demo.demo, "Draw a small dataset."),
):
    app.command(_name, short_help=_told)(command(_function))
app.add_typer(bench.bench)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from indexer.schema import FORMAT_VERSION

        typer.echo(f"reidindex {version('reidindex')} (index format {FORMAT_VERSION}, pyarrow {version('pyarrow')})")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show versions.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
) -> None:
    """Options of every command."""
    if debug:
        os.environ["REIDINDEX_DEBUG"] = "1"


def _say(error: ReidIndexError) -> None:
    from rich.markup import escape

    console.errors().print(f"[bold red]error:[/] {escape(str(error))}")


def _have_all_streams() -> None:
    """Where a stream was closed its number is free, and a file that is opened next would get it: an index with remarks in it."""
    while (handle := os.open(os.devnull, os.O_RDWR)) < 3:  # the lowest number that is free
        pass
    os.close(handle)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(0, "r", closefd=False))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False))
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False))


def _end_tidily_when_told_to() -> None:
    """What a cluster sends when a job's time is up, and a terminal that is closed, ends Python at once: nothing would be tidied away."""
    import signal

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:  # `nohup` ignores it
                signal.signal(number, leave)


def main() -> None:
    """Run the command line: a known error is one line and an exit code."""
    _have_all_streams()
    console.let_everything_be_printed()
    _end_tidily_when_told_to()
    console.be("usual")
    try:
        app()
    except ReidIndexError as error:
        if os.environ.get("REIDINDEX_DEBUG"):
            raise
        _say(error)
        sys.exit(3 if isinstance(error, ProblemsFoundError) else 2 if isinstance(error, SettingsError) else 1)
    except OSError as error:
        if os.environ.get("REIDINDEX_DEBUG"):
            raise
        _say(ReidIndexError(f"{error.filename or 'output'}: {error.strerror or error}"))
        sys.exit(1)
