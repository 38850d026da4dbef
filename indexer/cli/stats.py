"""`reidindex stats`: what an index holds and what can be paired, as tables a person likes to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import AsJson, Check, Data, K, P, Pair, Protocol

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.inspection.statistics import Distribution, SplitFacts, Statistics
    from indexer.schema import IndexMetadata
    from sampler_runtime.explain import Explanation

_MOST_ROWS = 16


def stats(
    data: Data,
    split: Annotated[
        str | None,
        typer.Option(help="Only this split: train, train+val, trial3/train. [default: all]", show_default=False),
    ] = None,
    protocol: Protocol = None,
    pair: Pair = None,
    p: P = 8,
    k: K = 4,
    each: Annotated[
        str | None,
        typer.Option(
            help="Who can serve this group contract, and why others cannot, e.g. 'rgb>=1, nir|sketch>=1'.",
            show_default=False,
        ),
    ] = None,
    check: Check = True,
    as_json: AsJson = False,
) -> None:
    """Show samples, identities, pairable and complete identities, and batches to expect.

    Examples:

      reidindex stats data/

      reidindex stats data/ --split train -p 16 -k 4

      reidindex stats data/regdb --protocol trial3

      reidindex stats data/reidindex.parquet --pair rgb:nir,sketch --json
    """
    from indexer.cli import console
    from indexer.index_file import IndexFile, locate_index
    from indexer.inspection.statistics import as_json as to_json
    from indexer.inspection.statistics import statistics
    from indexer.roots import root_of
    from indexer.vocabulary import in_protocol

    index = IndexFile(locate_index(data))
    split = in_protocol(split, protocol, index.metadata.splits)
    found = statistics(index, split=split, pair=pair, p=p, k=k)
    explained = _explain(index.path, each, split, p, k) if each is not None else None
    if as_json:
        console.print_json({**to_json(found), **({"explain": explained.to_json()} if explained else {})})
    else:
        _show(found, console.out())
        if explained:
            from rich.markup import escape

            console.out().print(f"\n{escape(str(explained))}")
    if check and data.is_dir() and (root := root_of(index, data)).is_dir():
        _say_if_stale(root, index.path, index.metadata)


def _explain(path: Path, each: str, split: str | None, p: int, k: int) -> Explanation:
    from sampler_runtime.mapped import open_index

    index = open_index(path)
    return (index.select(split=split) if split is not None else index).explain(each, p=p, k=k)


def _say_if_stale(data: Path, file: Path, metadata: IndexMetadata) -> None:
    from rich.markup import escape

    from indexer.cli import console
    from indexer.scan import list_tree

    if ":" in metadata.fingerprint:
        return  # made from a manifest: what the tree holds beside it is not its matter
    with console.progress() as progress:
        listing = list_tree(
            data,
            exclude=[file],
            links_outside=metadata.links_outside,
            on_progress=lambda count: progress("comparing with the tree", count),
        )
    if listing.fingerprint() != metadata.fingerprint:
        console.err().print(
            f"[yellow]! {escape(str(data))} has changed since this index was made:[/] files were added, removed or rewritten; "
            f"`reidindex build {escape(str(data))}` brings it up to date"
        )


def _show(found: Statistics, out: Console) -> None:
    from rich.markup import escape

    metadata, facts = found.index.metadata, found.facts
    out.print(
        f"[bold]{escape(str(found.index.path))}[/]  [dim]layout {escape(metadata.layout)}, {' '.join(metadata.modalities)}[/]"
    )
    out.print()
    _headline(found, out)
    if found.splits:
        _splits(found, out)
    _modalities(facts, out)
    if len(metadata.modalities) > 1:
        _bars("Modalities of an identity", facts.combinations, "identities", out)
    _distribution(facts.per_identity, out)
    _cameras(found, out)


def _headline(found: Statistics, out: Console) -> None:
    from rich.markup import escape

    facts, pairing = found.facts, found.pairing
    others = " or ".join(pairing.others)
    contract = f"P={found.p} K={found.k}, each={facts.each}"
    pairable = f"{facts.pairable:,} ({facts.pairable_share:.1%})"
    lines = [
        ("split", found.selected, ""),
        ("samples", f"{facts.samples:,}", ", ".join(f"{n:,} {role}" for role, n in facts.roles.items())),
        ("identities", f"{facts.identities:,}", ""),
        (
            "pairable identities",
            pairable,
            f"{pairing.anchor} and {others}" if others else "one modality has nothing to pair",
        ),
        ("complete identities", f"{facts.complete:,} ({facts.complete_share:.1%})", "every modality"),
        ("batches per epoch", f"{facts.batches_per_epoch:,}", contract),
    ]
    for name, value, remark in lines:
        note = f"  [dim]{escape(remark)}[/]" if remark else ""
        out.print(f"  {name:20} [bold]{escape(value):>16}[/]{note}")
    out.print()


def _table(title: str, *columns: str) -> object:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _splits(found: Statistics, out: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = _table("Splits", "split", "samples", "identities", "pairable", "complete", f"batches (P={found.p})")
    assert isinstance(table, Table)
    shown = {name: facts for name, facts in found.splits.items() if "/" not in name or name == found.selected}
    for name, facts in shown.items():
        table.add_row(
            escape(name),
            f"{facts.samples:,}",
            f"{facts.identities:,}",
            f"{facts.pairable:,} ({facts.pairable_share:.1%})",
            f"{facts.complete:,} ({facts.complete_share:.1%})",
            f"{facts.batches_per_epoch:,}",
        )
    out.print(table)
    others = [name for name in found.splits if name not in shown]
    if others:
        out.print(f"  [dim]and {len(others)} splits of other protocols, e.g. --split {escape(others[0])}[/]\n")


def _modalities(facts: SplitFacts, out: Console) -> None:
    from rich.table import Table

    from indexer.cli.console import bar

    table = _table("Modalities", "modality", "identities", "samples", "")
    assert isinstance(table, Table)
    table.columns[-1].justify = "left"
    for name, counts in facts.modalities.items():
        share = counts.samples / max(facts.samples, 1)
        table.add_row(name, f"{counts.identities:,}", f"{counts.samples:,}", f"[cyan]{bar(share)}[/] {share:.0%}")
    out.print(table)


def _bars(title: str, numbers: dict[str, int], unit: str, out: Console) -> None:
    from rich.table import Table

    from indexer.cli.console import bar

    table = _table(title, "", unit, "")
    assert isinstance(table, Table)
    table.columns[-1].justify = "left"
    largest = max(numbers.values(), default=1)
    for name, number in list(numbers.items())[:_MOST_ROWS]:
        table.add_row(name, f"{number:,}", f"[cyan]{bar(number / largest)}[/]")
    if len(numbers) > _MOST_ROWS:
        rest = list(numbers.values())[_MOST_ROWS:]
        table.add_row(f"[dim]{len(rest)} others[/]", f"[dim]{sum(rest):,}[/]", "")
    out.print(table)


def _distribution(found: Distribution, out: Console) -> None:
    if not found.histogram:
        return
    low, q1, median, q3, high = (f"{q:g}" for q in found.quartiles)
    title = (
        f"Samples of an identity: {low} to {high}, median {median}, half of them {q1} to {q3}, mean {found.mean:.1f}"
    )
    _bars(title, {f"{a}" if a == b else f"{a}–{b}": n for a, b, n in found.histogram}, "identities", out)


def _cameras(found: Statistics, out: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    from indexer.inspection.statistics import NO_CAMERA

    kinds = [m for m in found.index.metadata.modalities if any(m in row for row in found.cameras.values())]
    if set(found.cameras) <= {NO_CAMERA}:
        out.print("[bold]Cameras[/]: none told by this dataset")
        return
    table = _table("Cameras: samples of each modality", "camera", *kinds)
    assert isinstance(table, Table)
    for camera, row in list(found.cameras.items())[:_MOST_ROWS]:
        table.add_row(escape(camera), *(f"{row[kind]:,}" if kind in row else "[dim]–[/]" for kind in kinds))
    if len(found.cameras) > _MOST_ROWS:
        table.add_row(f"[dim]{len(found.cameras) - _MOST_ROWS} others (--json names them all)[/]")
    out.print(table)
