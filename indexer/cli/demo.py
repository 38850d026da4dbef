"""`reidindex demo`: draw a small dataset, for all who have none yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.", show_default=False)],
    identities: Annotated[int, typer.Option(help="How many people.")] = 48,
    seed: Annotated[int, typer.Option(help="Which people.")] = 0,
) -> None:
    """Draw a small multi-modal dataset in the ORBench tree: photos, infrared, sketches, colour pencil, captions.

    Examples:

      reidindex demo demo-data

      reidindex demo demo-data --identities 200 --seed 7
    """
    from rich.markup import escape

    from indexer.cli import console
    from indexer.demo import write_demo
    from indexer.errors import SettingsError, TreeError

    try:
        with console.progress() as progress:
            made = write_demo(
                folder,
                identities=identities,
                seed=seed,
                on_progress=lambda done, total: progress(f"drawing {total:,} pictures", done),
            )
    except ValueError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise TreeError(str(error)) from None
    counts = " · ".join(f"{name} {count:,}" for name, count in made.images.items())
    out = console.out()
    out.print(
        f"[bold green]✓[/] [bold]{escape(str(folder))}[/]  {made.identities:,} people, {sum(made.images.values()):,} pictures: {counts}"
    )
    out.print(
        f"  {made.train_identities} train, {made.test_identities} test; on purpose {made.without_nir} without infrared, "
        f"{made.without_rgb} without RGB, {made.single_image} with a single picture"
    )
    out.print(f"  next: [cyan]reidindex build {escape(str(folder))}[/]")
