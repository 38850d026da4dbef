"""`reidindex build`: a dataset folder -> its index, and an account of every file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli import completion
from indexer.cli.console import count
from indexer.cli.options import AsJson, Jobs

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.account import BuildReport
    from indexer.inspection.published import PublishedCount

_SHOWN = 5


def build(
    data: Annotated[Path, typer.Argument(help="The dataset folder.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The index file. [default: DATA/reidindex.parquet]", show_default=False),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="A layout (see `reidindex layouts`), a layout file (.toml) or a manifest (.csv, .jsonl, .parquet). "
            "[default: found out]",
            show_default=False,
            autocompletion=completion.layouts,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="Of a dataset with several: the protocol whose splits are the plain train, query …, e.g. trial3. "
            "[default: as the layout says]",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show which layouts fit, and what the rules make of names. Write nothing.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Any problem or unmatched file (not: other counts than published) is an error: nothing is written.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Build anew even if the index is up to date.")] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Take a manifest's word that its files are there; list nothing.")
    ] = False,
    links_outside: Annotated[
        bool,
        typer.Option(
            "--links-outside", help="Follow links that lead out of the dataset folder, now and when samples are read."
        ),
    ] = False,
    probe: Annotated[bool, typer.Option("--probe", help="Open every picture: width, height, mode.")] = False,
    hash: Annotated[bool, typer.Option("--hash", help="Read every sample's file: the digest of its content.")] = False,
    jobs: Jobs = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="If another process is building it, wait instead of an error.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Scan a dataset once and write its index. No sample is opened, unless with --probe or --hash.

    Examples:

      reidindex build data/market1501

      reidindex build data/ --layout sysu-mm01 -o sysu.parquet

      reidindex build crops/ --layout crops.csv --strict

      reidindex build data/unknown --dry-run

      reidindex build data/regdb --protocol trial3 -o regdb3.parquet

      reidindex build data/ --probe --hash
    """  # fmt: skip
    from indexer.account import as_json as to_json
    from indexer.build import build_index
    from indexer.cli import console
    from indexer.probing import available_cores

    if dry_run:
        from indexer.cli.dry_run import show_dry_run
        from indexer.errors import SettingsError

        given = {
            "--strict": strict, "--force": force, "--trust": trust, "--protocol": protocol, "--probe": probe, "--hash": hash,
        }  # fmt: skip
        if idle := [name for name, value in given.items() if value]:
            raise SettingsError(f"--dry-run builds nothing, so {' and '.join(idle)} would do nothing; leave out either")
        show_dry_run(data, output, layout, links_outside=links_outside, as_json=as_json)
        return
    with console.progress() as progress:
        report = build_index(
            data,
            output,
            layout=layout,
            protocol=protocol,
            strict=strict,
            force=force,
            trust=trust,
            links_outside=links_outside,
            probe=probe,
            hash=hash,
            jobs=jobs or available_cores(),
            wait=wait,
            on_progress=progress,
        )
    if as_json:
        console.print_json(to_json(report))
    else:
        tell(report, console.out())
    complain(report, console.err(), shown=sys.maxsize if console.is_verbose() else _SHOWN)


def tell(report: BuildReport, out: Console) -> None:
    """What a build has made."""
    from rich.markup import escape

    metadata, facts = report.metadata, report.statistics
    if report.up_to_date:
        out.print(
            f"[bold green]✓[/] [bold]{escape(str(report.index))}[/] is up to date ({count(report.files, 'file')}, {report.seconds:.1f} s)"
        )
        return
    out.print(
        f"[bold green]✓[/] [bold]{escape(str(report.index))}[/]  {count(metadata.samples, 'sample')} · {count(report.identities, 'identity')} · "
        f"{' '.join(metadata.modalities)}"
    )
    opened = f", {report.opened:,} opened," if report.opened else ""
    out.print(f"  layout {escape(report.layout)} · {count(report.files, 'file')}{opened} in {report.seconds:.1f} s")
    whole = not any(p.kind == "published" and p.where == report.layout for p in report.problems)
    told = {(c.splits, c.what): c for c in report.published} if whole else {}
    for name, split in facts.splits.items():
        if "/" not in name:
            noun = "identity" if split.identities == 1 else "identities"
            identities = _beside(f"{split.identities:>7,} {noun}", told.pop((name, "identities"), None))
            counts = [_beside(f"{m} {c.samples:,}", told.pop((name, m), None)) for m, c in split.modalities.items()]
            counts += [_beside(f"{n:,} {role}", told.pop((name, role), None)) for role, n in split.roles.items()]
            counts += [_beside(f"{told[key].found:,} {key[1]}", told.pop(key)) for key in list(told) if key[0] == name]
            out.print(f"  {escape(name):8} {identities}  {' · '.join(counts)}")
    for splits in dict.fromkeys(splits for splits, _ in told):
        counts = [_beside(f"{c.found:,} {c.what}", c) for (s, _), c in told.items() if s == splits]
        out.print(f"  {escape(splits):8}  {' · '.join(counts)}")
    if report.published and whole:
        same = sum(not c.differs for c in report.published)
        out.print(f"  [green]✓[/] as published: {same} of {count(len(report.published), 'count')}")
    protocols = list(dict.fromkeys(name.rpartition("/")[0] for name in facts.splits if "/" in name))
    if protocols:
        out.print(
            f"  and {count(len(protocols), 'protocol')}: {', '.join(escape(p) + '/…' for p in protocols[:3])}{' …' if len(protocols) > 3 else ''}"
        )
    none = [run for run in metadata.split_runs if not run.splits]
    if none and metadata.splits:
        out.print(f"  in no split: {count(none[0].stop - none[0].start, 'sample')}")
    for why, number in report.set_aside.items():
        out.print(f"  [dim]set aside {number:,}: {escape(why)}[/]")
    if report.droppings:
        out.print(
            f"  [dim]ignored {sum(report.droppings.values()):,}: {', '.join(map(escape, sorted(report.droppings)))}[/]"
        )
    out.print(f"  next: [cyan]reidindex stats {escape(shlex.quote(str(report.index)))}[/]")


def _beside(found: str, count: PublishedCount | None) -> str:
    """A number beside the published one."""
    if count is None:
        return found
    return f"{found} [red](published {count.published:,})[/]" if count.differs else f"{found} [green]✓[/]"


def complain(report: BuildReport, err: Console, *, shown: int) -> None:
    """What a person should know before training on it."""
    from rich.markup import escape

    from indexer.layouts.manifest import is_manifest
    from indexer.scan.listing import printable

    if report.unmatched:
        name = escape(report.layout)
        untold = f"that {name} does not list" if is_manifest(report.layout) else f"that no rule of {name} took"
        err.print(
            f"[yellow]! {count(len(report.unmatched), 'image' if is_manifest(report.layout) else 'file')} {untold}:[/]"
        )
        for path in report.unmatched[:shown]:
            err.print(f"    {escape(printable(path))}")
        if len(report.unmatched) > shown:
            err.print(f"    … and {len(report.unmatched) - shown:,} more (--verbose names them all)")
    for problem in report.problems[: 2 * shown]:
        err.print(f"[yellow]! {problem.kind}:[/] {escape(str(problem))}")
    if len(report.problems) > 2 * shown:
        err.print(f"    … and {len(report.problems) - 2 * shown:,} more problems (--verbose names them all)")
