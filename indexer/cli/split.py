"""`reidindex split`: train and val (query and gallery) of an index that has none, as a protocol of a new index."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.console import count
from indexer.cli.options import AsJson, Data, ForceIndex, NewIndex

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.rework.split import SplitReport


def split(
    data: Data,
    output: NewIndex,
    val: Annotated[
        str,
        typer.Option(help="The share of the identities to validate on, e.g. 0.2, or their number.", show_default=False),
    ],
    by: Annotated[
        str, typer.Option(help="identity (by lot), time (those seen last) or camera (cameras held out by lot).")
    ] = "identity",
    stratify: Annotated[
        str | None,
        typer.Option(
            help="Split each kind of identity alike: modalities, size, or modalities,size.", show_default=False
        ),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(
            help="What is split: train, train+val. [default: train; all where nothing is]", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the new protocol. [default: e.g. val20-seed0]", show_default=False)
    ] = None,
    query: Annotated[
        bool, typer.Option("--query", help="Also query and gallery, made of val: a query an identity and camera.")
    ] = False,
    default: Annotated[
        bool,
        typer.Option("--default", help="The new splits are also the plain train, val, …, and pids are numbered anew."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=(1 << 40) - 1, help="Of the lots.")] = 0,
    force: ForceIndex = False,
    as_json: AsJson = False,
) -> None:
    """Deal identities into train and val: a new index with one more protocol. Nobody is on both sides.

    Examples:

      reidindex split data/market1501 --val 0.2 -o market-val.parquet

      reidindex split data/orbench --val 100 --stratify modalities,size --query -o tuning.parquet

      reidindex split data/market1501 --val 0.5 --by camera --name unseen-cameras -o cameras.parquet

      reidindex stats market-val.parquet --protocol val20-seed0
    """
    from indexer.cli import console
    from indexer.index_file import locate_index
    from indexer.rework.split import SplitSettings, parsed_strata, split_index
    from indexer.rework.split import as_json as to_json

    settings = SplitSettings(val, by, parsed_strata(stratify), of, name, query, default, seed)
    with console.progress() as progress:
        report = split_index(locate_index(data), output, settings, force=force, on_progress=progress)
    if as_json:
        console.print_json(to_json(report))
    else:
        _tell(report, console.out())
    _remark(report, console.err())


def _tell(report: SplitReport, out: Console) -> None:
    from rich.markup import escape

    out.print(
        f"[bold green]✓[/] [bold]{escape(str(report.index))}[/]  {count(report.identities, 'identity')} of {escape(report.of)} "
        f"split by {report.settings.by}"
    )
    width = max(map(len, report.splits))
    for name, facts in report.splits.items():
        noun = "identity" if facts.identities == 1 else "identities"
        told = " · ".join(f"{modality} {number:,}" for modality, number in facts.modalities.items())
        paired = f"  {facts.pairable:,} pairable" if report.metadata.pairing.others else ""
        out.print(
            f"  {escape(name):{width}} {facts.identities:>7,} {noun:10} {facts.samples:>9,} samples  {told}{paired}"
        )
    if report.held_out:
        out.print(f"  cameras of val: {escape(', '.join(report.held_out))}")
    protocol = report.settings.protocol
    option = "" if report.settings.default else f" --protocol {escape(shlex.quote(protocol))}"
    out.print(f"  next: [cyan]reidindex stats {escape(shlex.quote(str(report.index)))}{option}[/]")


def _remark(report: SplitReport, err: Console) -> None:
    where = "gallery only if distractors or junk, else in no new split" if report.settings.query else "in no new split"
    held = " of the held-out cameras" if report.held_out and report.settings.query else ""
    remarks = (
        (report.on_other_cameras, "sample", "of the other side's cameras, or of none: in no new split"),
        (report.of_nobody, "sample", f"of nobody: {where}{held}"),
        (report.untimed, "identity", "without a frame: they train"),
        (report.without_query, "identity", "of val ask nothing: no other camera has a match for them"),
    )
    for number, noun, what in remarks:
        if number:
            err.print(f"[yellow]![/] {count(number, noun)} {what}")
