"""`reidindex bench`: what the habits of training code cost on this machine, and what the package has instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.command import command
from indexer.cli.options import AsJson, Split

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.cli.console import Report
    from sampler_runtime.training_benchmark.table import Table

bench = typer.Typer(
    name="bench", help="Measure on this machine.", no_args_is_help=True, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@bench.callback()
def _measure() -> None:
    """Measure on this machine."""  # a callback, so that the only benchmark is still called by its name


@bench.command("train")
@command
def train(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA|INDEX]",
            help="A dataset folder with an index, or the index. [default: the demo, drawn for the purpose]",
            show_default=False,
        ),
    ] = None,
    p: Annotated[int, typer.Option("-p", min=2, help="Identities in a batch.")] = 8,
    k: Annotated[int, typer.Option("-k", min=2, help="Instances of each.")] = 4,
    split: Split = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of a run that are measured.")] = 30,
    times: Annotated[int, typer.Option(min=1, help="Runs of each kind, each beside one with nothing switched on.")] = 5,
    identities: Annotated[int, typer.Option(help="People of the demo.")] = 48,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1. [default: CUDA where there is any]", show_default=False)
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Of torch in this process. [default: as torch chooses]", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a small network in short runs: as training code often does it, with one thing changed, and with all.

    Examples:

      reidindex bench train

      reidindex bench train data/ -p 16 -k 4 --steps 100

      reidindex bench train --times 3 --threads 1 --json
    """
    import torch

    from indexer.cli import console
    from sampler_runtime.mapped import open_index
    from sampler_runtime.training.device import as_device
    from sampler_runtime.training_benchmark.loop import Work
    from sampler_runtime.training_benchmark.table import measure

    if threads:
        torch.set_num_threads(threads)
    chosen = as_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    with console.progress() as progress, _dataset(data, identities, progress) as folder:
        index = open_index(folder)
        view = index.select(split=split or ("train" if "train" in index.splits else None))
        each = "pair" if view.pairing.others else "any"
        with _quiet():
            found = measure(Work(view, p, k, each, steps, chosen), times, progress)
        about = {
            "index": str(index.path) if data else "demo", "samples": len(view), "identities": len(view.pids),
            "p": p, "k": k, "each": each, "steps": steps, "times": times, "device": str(chosen), "threads": torch.get_num_threads(),
        }  # fmt: skip
    if as_json:
        console.print_json({"schema": 1, **about, **found.to_json()})
    else:
        _show(about, found, console.out())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log: each of many runs would say again what it left out, and why it has so many workers."""
    import logging

    log = logging.getLogger("reidindex")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def _dataset(data: Path | None, identities: int, progress: Report) -> Iterator[Path]:
    """The user's dataset, or the demo for as long as it is needed."""
    if data is not None:
        yield data
        return
    import tempfile

    from indexer.build import build_index
    from indexer.demo import write_demo
    from indexer.errors import SettingsError

    with tempfile.TemporaryDirectory(prefix="reidindex-bench-") as folder:
        demo = Path(folder) / "demo"
        try:
            write_demo(
                demo,
                identities=identities,
                on_progress=lambda done, total: progress(f"drawing {total:,} pictures", done),
            )
        except ValueError as error:
            raise SettingsError(str(error)) from None
        build_index(demo)
        yield demo


def _show(about: dict[str, object], found: Table, out: Console) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table as Lines

    from sampler_runtime.training_benchmark.switches import SWITCHES

    out.print(
        f"[bold]{escape(str(about['index']))}[/]  {about['samples']:,} samples · {about['identities']:,} identities · "
        f"P={about['p']} K={about['k']} each={about['each']} · {about['device']}, threads: {about['threads']}\n"
        f"  [dim]medians of {about['times']} runs of {about['steps']} steps each, each beside one with nothing switched on[/]"
    )
    lines = Lines(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("switched on", "it/s before", "after", "×", "least … most", "its share of a step"):
        lines.add_column(column, justify="left" if column.startswith(("switched", "its")) else "right", no_wrap=True)
    part_of = {switch.name: switch.part for switch in SWITCHES}
    for row in found.rows:
        part = part_of.get(row.name)
        share = f"{part} {found.parts[part]:.1%} → {row.parts[part]:.1%}" if part else ""
        lines.add_row(
            row.name, f"{row.before:.2f}", f"{row.after:.2f}", f"{row.ratio:.2f}",
            f"{min(row.ratios):.2f} … {max(row.ratios):.2f}", share, style="bold" if not part else "",
        )  # fmt: skip
    out.print(lines)
    everything = found.rows[-1].parts
    out.print("a step before: " + " · ".join(f"{part} {share:.1%}" for part, share in found.parts.items()))
    out.print("a step after:  " + " · ".join(f"{part} {share:.1%}" for part, share in everything.items()))
    old, ours = found.sampler_us
    out.print(f"drawing a batch alone: {old:,.0f} → {ours:,.0f} µs, ×{old / ours:.0f}")
    for switch in found.not_measured:
        out.print(f"[dim]{switch.name}: not measured, there is no CUDA device here[/]")
    out.print(f"[dim]runs with nothing switched on differ by {found.noise:.0%}: what changes less tells nothing[/]")
