"""`reidindex plan`: draw an epoch as training would, and show its first batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.cli.options import (
    AsJson,
    Compose,
    Data,
    Each,
    EpochIs,
    K,
    OnShort,
    P,
    PreferComplete,
    Protocol,
    Seed,
    Split,
    Weights,
)

if TYPE_CHECKING:
    from rich.console import Console

    from sampler_runtime.mapped import MappedIndex

_BROKEN = 3
_COLOURS = {"rgb": "cyan", "nir": "magenta", "ir": "magenta", "tir": "red", "sketch": "white", "cpencil": "yellow"}


def plan(
    data: Data,
    p: P = 8,
    k: K = 4,
    each: Each = "any",
    split: Split = None,
    protocol: Protocol = None,
    seed: Seed = 0,
    epoch_is: EpochIs = "identities",
    first: Annotated[
        int, typer.Option("--from", min=0, max=2**31 - 1, help="The epoch to begin with.", show_default="0")
    ] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="How many epochs to draw.")] = 1,
    on_short: OnShort = "repeat",
    prefer_complete: PreferComplete = False,
    weights: Weights = None,
    compose: Compose = None,
    world_size: Annotated[int, typer.Option(min=1, help="Ranks the batches are cut for.")] = 1,
    show: Annotated[int, typer.Option(min=0, help="How many batches to show.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Draw the batches of an epoch exactly as training would, without opening a sample, and check every one.

    Examples:

      reidindex plan data/ -p 8 -k 4 --each pair

      reidindex plan data/ -p 16 -k 4 --each "rgb>=1, nir|sketch>=1, cameras>=2" --epoch-is samples --epochs 5 --world-size 4
    """
    import time

    import numpy as np
    from rich.markup import escape

    from indexer.cli import console
    from indexer.vocabulary import in_protocol
    from sampler_runtime.audit import audit
    from sampler_runtime.mapped import open_index
    from sampler_runtime.run import resolve
    from sampler_runtime.settings import PKSettings
    from sampler_runtime.shard import Shard

    started = time.perf_counter()
    index = open_index(data)
    if split is None and ("train" if protocol is None else f"{protocol}/train") in index.splits:
        split = "train"
    split = in_protocol(split, protocol, index.splits)
    view = index.select(split=split)
    settings = PKSettings(
        p, k, each, int(epoch_is) if epoch_is.isdecimal() else epoch_is, seed, on_short, prefer_complete, weights=weights,  # type: ignore[arg-type]
        compose=tuple(compose.split(",")) if compose else (),
    )  # fmt: skip
    run = resolve(view, settings)
    plan = run.plan(view)
    Shard(0, world_size).check(plan.num_batches, p, run.blocks.num_identities if epoch_is == "identities" else None)
    opened = time.perf_counter()
    batches = plan.batches(first, np.arange(min(show, plan.num_batches)))
    drawn = time.perf_counter()
    with console.progress() as progress:
        found = audit(
            view, run, plan, first=first, epochs=epochs, world_size=world_size,
            on_progress=lambda batches: progress("batches checked", batches),
        )  # fmt: skip
    done, waiting = time.perf_counter(), plan.waiting(first)
    broken = {name: number for name, number in found.violations.items() if number}
    if as_json:
        console.print_json({
            "schema": 2, "index": str(index.path), "split": split or "all", "p": p, "k": k, "each": str(run.contract),
            "epoch": settings.epoch, "seed": seed, "from": first, "identities": run.blocks.num_identities,
            "left_out": run.blocks.counts(), "wait": waiting.tolist(), **found.to_json(), "first": batches.tolist(),
        })  # fmt: skip
        raise typer.Exit(_BROKEN if broken else 0)
    out = console.out()
    out.print(
        f"[bold]epoch {first}[/] of {escape(split or 'all')}: [bold]{console.count(plan.num_batches, 'batch')}[/] of {p} × {k}, each={escape(str(run.contract))}, seed {seed}\n"
        f"  [dim]opened in {1e3 * (opened - started):.0f} ms, first batches in {1e3 * (drawn - opened):.0f} ms, {console.count(epochs, 'epoch')} checked in {done - drawn:.1f} s[/]"
    )
    until = f"; left over for the next epoch: {len(waiting):,}" if len(waiting) else ""
    out.print(f"  {console.count(run.blocks.num_identities, 'identity')} to draw from{until}")
    if world_size > 1:
        out.print(f"  {console.count(found.batches_per_rank, 'batch')} for each of {world_size} ranks")
    for reason, number in run.blocks.counts().items():
        out.print(f"  [yellow]never drawn: {console.count(number, 'identity')} {escape(reason)}[/]")
    if prefer_complete and plan.never_drawn:
        never = console.count(plan.never_drawn, "identity")
        out.print(f"  [yellow]never drawn: {never} that could only fill up, and pairable ones fill every batch[/]")
    for after in found.milestones:
        share = found.samples[after] / max(len(view), 1)
        out.print(
            f"  after {console.count(after, 'epoch')}: {found.identities[after]:,} identities and {found.samples[after]:,} of {len(view):,} samples ({share:.0%}) were drawn"
        )
    out.print(
        f"  {found.repeats:,} of {found.drawn:,} rows repeat one of their block ({found.repeats / max(found.drawn, 1):.1%})"
    )
    out.print(f"  [bold red]broken: {broken}[/]" if broken else "  [green]every batch checked: all guarantees hold[/]")
    if len(batches):
        _show_batches(view, batches.reshape(*batches.shape[:2], -1), out)
    out.print(f"[dim]digest of the epoch {found.digests[0][:16]}: the same settings give the same batches, anywhere[/]")
    raise typer.Exit(_BROKEN if broken else 0)


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
            block = block[block >= 0]  # composed instances may lack a modality
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
