"""`reidindex update`: an index brought up to date with its tree."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import AsJson, Data, Jobs

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.changes import Changes

_SHOWN = 5


def update(
    data: Data,
    layout: Annotated[
        str | None,
        typer.Option(
            help="The layout file or manifest of your own that the index was built with. [default: as it says]",
            show_default=False,
        ),
    ] = None,
    keep_pids: Annotated[
        bool | None,
        typer.Option(
            "--keep-pids/--new-pids",
            help="Known identities keep their pids, new ones come after them; or all are numbered anew. "
            "[default: as the last time]",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Bring an index up to date, with the layout, protocol and probes it was built with; open only what has changed.

    Examples:

      reidindex update data/

      reidindex update data/ --keep-pids

      reidindex update crops.parquet --layout crops.csv
    """
    from indexer.account import as_json as to_json
    from indexer.cli import console
    from indexer.cli.build import complain, tell
    from indexer.probing import available_cores
    from indexer.update import update_index

    shown = sys.maxsize if console.is_verbose() else _SHOWN
    with console.progress() as progress:
        report = update_index(
            data, layout=layout, keep_pids=keep_pids, jobs=jobs or available_cores(), on_progress=progress
        )
    if as_json:
        happened = None
        if report.changes is not None:
            happened = {
                "added": list(report.changes.added),
                "removed": list(report.changes.removed),
                "rewritten": list(report.changes.rewritten),
                "moved": [{"from": old, "to": new} for old, new in report.changes.moved],
            }
        console.print_json({**to_json(report.build), "kept_pids": report.build.metadata.kept_pids, "changes": happened})
    else:
        if report.changes:
            show_changes(report.changes, console.out(), shown)
        tell(report.build, console.out())
    complain(report.build, console.err(), shown=shown)


def show_changes(found: Changes, out: Console, shown: int) -> None:
    """The files that have changed, the first few of each kind."""
    from rich.markup import escape

    from indexer.cli.console import count
    from indexer.scan.listing import printable

    lines: dict[str, list[tuple[str, ...]]] = {
        "added": [(path,) for path in found.added],
        "removed": [(path,) for path in found.removed],
        "rewritten": [(path,) for path in found.rewritten],
        "moved": list(found.moved),
    }
    for what, names in lines.items():
        if names:
            out.print(f"  {count(len(names), 'file')} {what}")
        for name in names[:shown]:
            out.print(f"    {escape(' → '.join(map(printable, name)))}")
        if len(names) > shown:
            out.print(f"    [dim]… and {len(names) - shown:,} more (--verbose names them all)[/]")
