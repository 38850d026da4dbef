"""`reidindex layouts`: which datasets are known, how one of them names its files, and a first layout for an unknown one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.cli import completion
from indexer.cli.options import AsJson

if TYPE_CHECKING:
    from indexer.layouts import Layout


def layouts(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Show this one, or a layout file of your own.", show_default=False, autocompletion=completion.layouts
        ),
    ] = None,
    new: Annotated[
        Path | None,
        typer.Option("--new", metavar="DATA", help="Propose a layout file for an unknown tree.", show_default=False),
    ] = None,
    toml: Annotated[
        bool, typer.Option("--toml", help="The layout file itself, to begin one of your own with.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the dataset layouts that are known, show one, or propose one for an unknown tree.

    Examples:

      reidindex layouts

      reidindex layouts sysu-mm01

      reidindex layouts market1501 --toml > mine.toml

      reidindex layouts --new data/unknown > mine.toml
    """
    from indexer.cli import console
    from indexer.errors import SettingsError
    from indexer.layouts import known_layouts, layout_text, load_layout

    if new is not None:
        if name is not None:
            raise SettingsError("layouts: either the NAME of a layout or --new DATA")
        _propose(new, as_json)
        return
    if name is None:
        if toml:
            raise SettingsError("--toml: the file of which layout? `reidindex layouts NAME --toml`")
        _list(known_layouts(), as_json)
        return
    layout = load_layout(name)
    if as_json:
        console.print_json({**_as_json(layout), "toml": layout_text(name)})
    elif toml:
        console.out().print(layout_text(name).rstrip(), soft_wrap=True, markup=False)
    else:
        _show(layout)


def _list(known: dict[str, Layout], as_json: bool) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from indexer.cli import console
    from indexer.layouts.catalogue import by_kind

    if as_json:
        console.print_json({"schema": 1, "layouts": [_as_json(layout) for layout in known.values()]})
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    widths = {
        "layout": max(len(name) for name in known),
        "dataset": max(len(layout.title) for layout in known.values()),
        "modalities": max(len(" ".join(layout.modalities)) for layout in known.values()),
    }
    for column in (*widths, "source"):  # of the source, the end may be cut
        table.add_column(column, no_wrap=True, overflow="ellipsis", min_width=widths.get(column))
    for title, group in by_kind(known.values()).items():
        table.add_row(f"[bold]{title}[/]")
        for layout in group:
            where = layout.source.split(" ")[0].partition("://")[2].removeprefix("www.").rstrip("/")
            table.add_row(layout.name, escape(layout.title), " ".join(layout.modalities) or "any", where)
    console.out().print(table)
    console.out().print("[dim]reidindex layouts NAME shows the tree, the counts and where to ask for one of them[/]")


def _show(layout: Layout) -> None:
    """The tree a user must have, the grammar, the counts, and where the dataset is asked for."""
    from rich.markup import escape

    from indexer.cli import console
    from indexer.layouts.catalogue import published_rows, splits_of

    out = console.out()

    def heading(words: str) -> None:
        out.print(f"\n[bold]{words}[/]")

    out.print(f"[bold]{escape(layout.title)}[/] ({escape(layout.name)}): {escape(layout.about)}", soft_wrap=True)
    if layout.tree.strip():
        heading("the tree")
        out.print("\n".join(f"  {line}" for line in layout.tree.strip("\n").splitlines()), markup=False, soft_wrap=True)
    heading("names of samples")
    for rule in layout.rule:
        out.print(f"  {rule.match.text}", markup=False, soft_wrap=True)
    lists = [name for annotation in layout.annotation for name in annotation.files()]
    if lists:
        heading("lists that are read")
        out.print("  " + ", ".join(dict.fromkeys(lists)), markup=False, soft_wrap=True)
    if splits := splits_of(layout):
        heading("splits")
        out.print("  " + ", ".join(splits), markup=False, soft_wrap=True)
    if layout.published:
        heading("published" + (f" ({escape(layout.counted)})" if layout.counted else ""))
        width = max(map(len, layout.published))
        for name, counts in published_rows(layout):
            out.print(f"  {name:{width}}  {counts}", markup=False, soft_wrap=True)
    if layout.note.strip():
        heading("to know")
        out.print("\n".join(f"  {line}" for line in layout.note.strip().splitlines()), markup=False, soft_wrap=True)
    if layout.source:
        heading("ask for it")
        out.print(f"  {layout.source}", markup=False, soft_wrap=True)
    rests = "lists of the real files" if layout.rests_on == "file lists" else "documentation and public loaders only"
    out.print(f"\n[dim]written from {rests}; `reidindex layouts {escape(layout.name)} --toml` shows the file[/]")


def _as_json(layout: Layout) -> dict[str, Any]:
    from indexer.layouts.catalogue import splits_of

    return {
        "schema": 1,
        "name": layout.name,
        "title": layout.title,
        "about": layout.about,
        "kind": layout.kind,
        "source": layout.source,
        "rests_on": layout.rests_on,
        "modalities": list(layout.modalities),
        "splits": splits_of(layout),
        "tree": layout.tree.strip("\n"),
        "rules": [rule.match.text for rule in layout.rule],
        "published": {splits: dict(counts) for splits, counts in layout.published.items()},
        "counted": layout.counted,
        "note": layout.note.strip(),
    }


def _propose(data: Path, as_json: bool) -> None:
    from indexer.cli import console
    from indexer.layouts.proposal import propose_layout
    from indexer.scan import list_tree
    from indexer.schema import INDEX_NAME

    with console.progress() as progress:
        listing = list_tree(data, exclude=[data / INDEX_NAME], on_progress=lambda n: progress("listing files", n))
    proposal = propose_layout(listing, name=data.resolve().name)
    if as_json:
        console.print_json({"schema": 1, "toml": proposal.toml, "remarks": list(proposal.remarks)})
        return
    console.out().print(proposal.toml.rstrip(), soft_wrap=True, markup=False)
    for remark in proposal.remarks:
        console.err().print(f"! {remark}", markup=False)
