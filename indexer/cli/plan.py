"""`reidindex plan`: draw an epoch as training would, and show its first batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from sampler_runtime.mapped import MappedIndex

_SLICE = 4096
_COLOURS = {"rgb": "cyan", "nir": "magenta", "ir": "magenta", "tir": "red", "sketch": "white", "cpencil": "yellow"}


def plan(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA|INDEX", help="A dataset folder with an index, or the index.", show_default=False),
    ],
    p: Annotated[int, typer.Option("-p", min=1, help="Identities in a batch.")] = 8,
    k: Annotated[int, typer.Option("-k", min=1, help="Instances of each.")] = 4,
    each: Annotated[str, typer.Option(help="What each identity's block must hold: any, rgb, pair, complete.")] = "any",
    split: Annotated[
        str | None, typer.Option(help="The split to draw from. [default: train, or all]", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the run.")] = 0,
    epoch: Annotated[int, typer.Option(min=0, max=2**40 - 1, help="Which epoch.", show_default="0")] = 0,
    show: Annotated[int, typer.Option(min=0, help="How many batches to show.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout (docs/cli.md).")] = False,
) -> None:
    """Draw the batches of an epoch exactly as training would, without opening a sample.

    Examples:

      reidindex plan data/ -p 8 -k 4 --each pair

      reidindex plan data/ -p 16 -k 4 --epoch 12 --seed 42 --show 1
    """
    import hashlib
    import time

    import numpy as np
    from rich.markup import escape

    from indexer.cli import console
    from sampler_runtime.mapped import open_index
    from sampler_runtime.plan import EpochPlan
    from sampler_runtime.settings import PKSettings, resolve_blocks

    started = time.perf_counter()
    index = open_index(data)
    if split is None and "train" in index.splits:
        split = "train"
    view = index.select(split=split)
    settings = PKSettings(p, k, each, seed=seed)
    blocks = resolve_blocks(view, settings)
    drawn = EpochPlan(blocks, p, seed, epoch)
    opened = time.perf_counter()
    stream, first = hashlib.sha256(), drawn.batches(np.arange(min(show, drawn.num_batches)))
    for start in range(
        0, drawn.num_batches, _SLICE
    ):  # in slices: an epoch of a large index does not fit in memory at once
        rows = drawn.batches(np.arange(start, min(start + _SLICE, drawn.num_batches)))
        stream.update(np.ascontiguousarray(rows, "<i8").data)
    done, digest = time.perf_counter(), stream.hexdigest()
    if as_json:
        console.print_json({
            "schema": 1, "index": str(index.path), "split": split or "all", "p": p, "k": k, "each": each, "seed": seed,
            "epoch": epoch, "batches": drawn.num_batches, "identities": blocks.num_identities,
            "left_out": blocks.left_out, "wait": drawn.left_out().tolist(), "digest": digest, "first": first.tolist(),
        })  # fmt: skip
        return
    out = console.out()
    out.print(
        f"[bold]epoch {epoch}[/] of {escape(split or 'all')}: [bold]{console.count(drawn.num_batches, 'batch')}[/] of {p} × {k}, each={each}, seed {seed}  "
        f"[dim]opened in {1e3 * (opened - started):.0f} ms, drawn in {1e3 * (done - opened):.1f} ms[/]"
    )
    waiting = len(drawn.left_out())
    until = f"; left over for the next epoch: {waiting:,}" if waiting else ""
    out.print(f"  {console.count(blocks.num_identities, 'identity')} to draw from{until}")
    for reason, number in blocks.left_out.items():
        out.print(f"  [yellow]never drawn: {console.count(number, 'identity')} {reason}[/]")
    _show_batches(view, first, out)
    out.print(f"[dim]digest of the epoch {digest[:16]}: the same settings give the same batches, anywhere[/]")


def _show_batches(view: MappedIndex, rows: Any, out: Console) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    labels = view.file.table(["identity", "camera"])
    for number, batch in enumerate(rows):
        table = Table(
            title=f"batch {number}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
        )
        table.add_column("pid", justify="right")
        table.add_column("identity")
        for j in range(batch.shape[1]):
            table.add_column(str(j), no_wrap=True)
        for block in batch:
            pid = view.value("pid", int(block[0]))
            names = labels["identity"].take(view.index_rows(block)).to_pylist()
            cameras = labels["camera"].take(view.index_rows(block)).to_pylist()
            cells = []
            for row, camera in zip(block.tolist(), cameras, strict=True):
                words = view.modalities_of(row)
                colour = _COLOURS.get(words[0], "green")
                cells.append(f"[{colour}]{'+'.join(words)}[/]" + (f" [dim]cam {escape(camera)}[/]" if camera else ""))
            table.add_row(str(pid), escape(str(names[0])), *cells)
        out.print(table)
