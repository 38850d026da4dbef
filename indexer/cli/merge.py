"""`reidindex merge`: several datasets as one index, each its own source."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.console import count
from indexer.cli.options import AsJson, ForceIndex, NewIndex

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.rework.merge import MergeReport


def merge(
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA|INDEX…", help="Dataset folders with an index, or indexes.", show_default=False),
    ],
    output: NewIndex,
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="INDEX=NAME: what one of them is called, once for each. [default: as their layouts]",
            show_default=False,
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Only the plain splits (train, query …), none of protocols (trial3/train).")
    ] = False,
    force: ForceIndex = False,
    as_json: AsJson = False,
) -> None:
    """Make one index of several. Identities and cameras of each stay its own, even where labels agree.

    Examples:

      reidindex merge data/sysu data/regdb --plain -o data/joint.parquet

      reidindex merge day.parquet night.parquet --name day.parquet=day --name night.parquet=night -o all.parquet

      reidindex filter data/joint.parquet "source == 'regdb'" -o regdb-again.parquet
    """
    from indexer.cli import console
    from indexer.index_file import locate_index
    from indexer.rework.merge import as_json as to_json
    from indexer.rework.merge import merge_indexes, named_inputs

    inputs = named_inputs([locate_index(one) for one in data], name or [])
    with console.progress() as progress:
        report = merge_indexes(inputs, output, plain=plain, force=force, on_progress=progress)
    if as_json:
        console.print_json(to_json(report))
    else:
        _tell(report, console.out())
    if report.untold:
        console.err().print(
            f"[yellow]![/] left out, for not all of them tell it: {', '.join(report.untold)}; "
            "`reidindex build --probe` and `--hash` fill it in"
        )


def _tell(report: MergeReport, out: Console) -> None:
    from rich.markup import escape

    metadata = report.metadata
    out.print(
        f"[bold green]✓[/] [bold]{escape(str(report.index))}[/]  {count(metadata.samples, 'sample')} · "
        f"{count(metadata.identities, 'identity')} · {' '.join(metadata.modalities)}"
    )
    width = max(map(len, report.parts))
    for name, part in report.parts.items():
        noun = "identity" if part.identities == 1 else "identities"
        out.print(
            f"  {escape(name):{width}} {part.identities:>7,} {noun:10} {part.samples:>9,} samples  [dim]{escape(part.folder)}/[/]"
        )
    out.print(f"  paths begin in {escape(str(report.root))}")
    out.print(f"  next: [cyan]reidindex stats {escape(shlex.quote(str(report.index)))}[/]")
