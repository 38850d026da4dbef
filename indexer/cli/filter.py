"""`reidindex filter`: a part of an index, chosen by an expression."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.console import count
from indexer.cli.options import AsJson, Data, ForceIndex

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.rework.filter import FilterReport


def filter_samples(
    data: Data,
    expression: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help="True for the samples that stay.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The new index file.", show_default=False)
    ] = None,
    count_only: Annotated[bool, typer.Option("--count", help="Only say how many there are; write nothing.")] = False,
    keep_pids: Annotated[
        bool,
        typer.Option("--keep-pids", help="Identities keep their numbers, with gaps. Else they count from 0 again."),
    ] = False,
    force: ForceIndex = False,
    as_json: AsJson = False,
) -> None:
    """Write a new index of the samples for which an expression is true.

    Columns: path identity role modality camera split source view mode (texts), pid camid tracklet frame clothes size mtime_ns
    width height samples_of_identity cameras_of_identity (numbers), pairable complete (true or false). Functions: has('nir')
    in_split('trial3/train') startswith(path, '…') endswith contains matches(path, r'RE2'). Operators are Python's.

    Examples:

      reidindex filter data/ "has('rgb') and size > 2000" -o big.parquet

      reidindex filter data/ "in_split('train') and pairable and samples_of_identity >= 4" -o train4.parquet

      reidindex filter data/ "camera not in ['c3', 'c6'] and frame % 5 == 0" --count

      reidindex filter data/ "split != 'train' or has('ir')" --keep-pids -o fewer.parquet
    """
    from indexer.cli import console
    from indexer.errors import SettingsError
    from indexer.index_file import locate_index
    from indexer.rework.filter import as_json as to_json
    from indexer.rework.filter import filter_index

    if (output is None) != count_only:
        told = "both" if count_only else "neither"
        raise SettingsError(f"filter: expected -o FILE to write an index, or --count to write none; found {told}")
    with console.progress() as progress:
        report = filter_index(
            locate_index(data), output, expression, keep_pids=keep_pids, force=force, on_progress=progress
        )
    if as_json:
        console.print_json(to_json(report))
    else:
        _tell(report, console.out())
    _remark(report, console.err())


def _tell(report: FilterReport, out: Console) -> None:
    from rich.markup import escape

    found = f"{report.samples:,} of {count(report.before.samples, 'sample')} · {count(report.identities, 'identity')}"
    if report.index is None or report.metadata is None:
        out.print(found)
        return
    out.print(
        f"[bold green]✓[/] [bold]{escape(str(report.index))}[/]  {found} · {' '.join(report.metadata.modalities)}"
    )
    out.print(f"  next: [cyan]reidindex stats {escape(shlex.quote(str(report.index)))}[/]")


def _remark(report: FilterReport, err: Console) -> None:
    if report.metadata is None:
        return
    if not report.kept_pids and report.identities != report.before.identities:
        err.print(
            "[yellow]![/] pids count from 0 again: a classifier trained on the old index does not fit; --keep-pids keeps them"
        )
    if report.modalities_dropped:
        err.print(
            f"[yellow]![/] no sample is left of {', '.join(report.modalities_dropped)}: the new index does not have it"
        )
    if report.queries_dropped:
        err.print(f"[yellow]![/] {count(report.queries_dropped, 'query')} with an item that did not stay: left out")
