"""`reidindex check`: is the index whole, and does it describe the tree as it is?"""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import AsJson, Data, Jobs

if TYPE_CHECKING:
    from indexer.checking import CheckReport

_SHOWN = 5


class Look(str, Enum):
    """How closely to look at pictures. An enumeration: older versions of Typer know no literals."""

    none = "none"
    header = "header"
    decode = "decode"


_FOUND = 3
"""Exit code: there are problems."""


def check(
    data: Data,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Read every sample: its content against its digest, copies, whether it can be decoded."
        ),
    ] = False,
    images: Annotated[
        Look | None,
        typer.Option(
            help="How closely to look at each picture; a header tells nothing of a JPEG that was cut off. "
            "[default: none; decode with --deep]",
            show_default=False,
        ),
    ] = None,
    fix_hint: Annotated[bool, typer.Option("--fix-hint", help="Say what to run against what was found.")] = False,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Look for damage of the index, files that have changed, broken pictures and copies. Exit code 3 if there is any.

    Examples:

      reidindex check data/

      reidindex check data/ --deep --fix-hint

      reidindex check data/reidindex.parquet --images decode --json
    """
    from indexer.checking import check_index
    from indexer.cli import console
    from indexer.probing import available_cores

    with console.progress() as progress:
        report = check_index(
            data,
            deep=deep,
            images=images.value if images is not None else None,
            jobs=jobs or available_cores(),
            on_progress=progress,
        )
    if as_json:
        console.print_json(report.to_json())
    else:
        _tell(report, fix_hint, sys.maxsize if console.is_verbose() else _SHOWN)
    for remark in report.remarks if console.is_verbose() or report.findings else ():
        console.err().print(f"! {remark}", markup=False)
    raise typer.Exit(_FOUND if report.findings else 0)


def _tell(report: CheckReport, fix_hint: bool, shown: int) -> None:
    from rich.markup import escape

    from indexer.checking.findings import TOLD
    from indexer.cli.console import count, out
    from indexer.scan.listing import printable

    to = out()
    looked = [count(report.files, "file")]
    looked += [f"{count(report.compared, 'content')} compared"] if report.compared else []
    looked += [f"{count(report.pictures, 'picture')} opened"] if report.pictures else []
    looked += ["copies looked for"] if report.copies_looked_for else []
    mark = "[bold red]✗[/]" if report.findings else "[bold green]✓[/]"
    said = count(len(report.findings), "problem") if report.findings else "whole, and as the tree is"
    to.print(f"{mark} [bold]{escape(str(report.index))}[/]  {said} ({', '.join(looked)}, {report.seconds:.1f} s)")
    hints = report.hints()
    for kind, number in report.counts().items():
        to.print(f"  [bold]{kind}[/] {number:,}: {TOLD[kind]}")  # type: ignore[index]
        found = [finding for finding in report.findings if finding.kind == kind]
        for finding in found[:shown]:
            to.print(f"    {escape(printable(str(finding)))}")
        if number > shown:
            to.print(f"    [dim]… and {number - shown:,} more (--verbose names them all)[/]")
        if fix_hint:
            to.print(f"    [green]fix:[/] {escape(hints[kind])}")
