"""`reidindex layouts`: which datasets are known, and how one of them names its files."""

from __future__ import annotations

from typing import Annotated

import typer


def layouts(
    name: Annotated[str | None, typer.Argument(help="Show this one.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """List the dataset layouts that are known, or show one.

    Examples:

      reidindex layouts

      reidindex layouts sysu-mm01
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from indexer.cli import console
    from indexer.layouts import known_layouts, layout_text, load_layout

    if name is not None:
        layout = load_layout(name)
        if as_json:
            console.print_json({"schema": 1, "name": layout.name, "title": layout.title, "about": layout.about,
                                "source": layout.source, "modalities": list(layout.modalities), "toml": layout_text(name)})  # fmt: skip
        else:
            console.out().print(escape(layout_text(name)).rstrip(), soft_wrap=True)
        return
    known = known_layouts()
    if as_json:
        console.print_json({"schema": 1, "layouts": [
            {"name": n, "title": x.title, "about": x.about, "modalities": list(x.modalities)} for n, x in known.items()
        ]})  # fmt: skip
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("layout", "dataset", "modalities", "what it is"):
        table.add_column(column, no_wrap=column != "what it is")
    for n, layout in known.items():
        table.add_row(n, layout.title, " ".join(layout.modalities) or "any", layout.about)
    console.out().print(table)
