"""`reidindex show`: a batch, or a person, as pictures: into a file, or the terminal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
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
    Weights,
)

if TYPE_CHECKING:
    from sampler_runtime.mapped import MappedIndex
    from sampler_runtime.showing.contact_sheet import ContactSheet
    from sampler_runtime.showing.sheet import Sheet

_OF_A_BATCH = (
    "epoch", "batch", "p", "k", "each", "seed", "epoch_is", "on_short", "prefer_complete", "weights", "compose", "rank",
    "world_size", "rank_takes",
)  # fmt: skip
"""Options that say which batch, and nothing of a person."""
_MOST_PROBLEMS = 3
_SIZE_IN_TERMINAL = 96
_WIDTH_OF_PIPES = 10_000


def show(
    context: typer.Context,
    data: Data,
    epoch: Annotated[
        str | None, typer.Option(metavar="E", help="Number of the epoch. [default: 0]", show_default=False)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=0, help="Number of the batch in it. [default: 0]", show_default=False)
    ] = None,
    pid: Annotated[
        int | None, typer.Option(help="All samples of this pid, instead of a batch.", show_default=False)
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option(help="All samples of the identity with this label, instead of a batch.", show_default=False),
    ] = None,
    p: P = 8,
    k: K = 4,
    each: Each = "any",
    split: Annotated[
        str | None,
        typer.Option(help="Where to draw from. [default: train, or all; of a person: all]", show_default=False),
    ] = None,
    protocol: Protocol = None,
    seed: Seed = 0,
    epoch_is: EpochIs = "identities",
    on_short: OnShort = "repeat",
    prefer_complete: PreferComplete = False,
    weights: Weights = None,
    compose: Compose = None,
    rank: Annotated[int, typer.Option(min=0, help="The rank whose batch it is.")] = 0,
    world_size: Annotated[int, typer.Option(min=1, help="Ranks that the batches are dealt to.")] = 1,
    rank_takes: Annotated[
        str, typer.Option(metavar="WHAT", help="Whole batches, or the identities of a block: batches, block.")
    ] = "batches",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A .png, .jpg or .html file. [default: the terminal]", show_default=False),
    ] = None,
    size: Annotated[int, typer.Option(min=16, max=2048, help="Longer side of a picture in the file, in pixels.")] = 160,
    most: Annotated[int, typer.Option(min=1, help="Of a person: samples of each kind to show.")] = 24,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is no sheet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show any batch of a training run, or all samples of a person, with modality, camera and what is missing.

    Examples:

      reidindex show data/ --epoch 0 --batch 3 -p 8 -k 4 --each pair -o sheet.png

      reidindex show data/ --epoch 12 --batch 40 --seed 7 --rank 1 --world-size 4 -o step.html

      reidindex show data/ --identity 0941 -o person.png

      reidindex show data/ --pid 17
    """
    from indexer.cli import console
    from indexer.cli.inside import tell_of_files_inside
    from indexer.cli.typed import as_text
    from indexer.errors import SettingsError
    from indexer.vocabulary import in_protocol
    from sampler_runtime.mapped import open_index
    from sampler_runtime.settings import PKSettings
    from sampler_runtime.shard import Shard

    person = pid is not None or identity is not None
    _one_thing(context, pid, identity)
    identity = as_text(identity, "--identity") if identity is not None else None
    file = _destination(output, force=force) if output is not None else None
    index = open_index(data)
    if split is None and not person and ("train" if protocol is None else f"{protocol}/train") in index.splits:
        split = "train"
    split = in_protocol(split, protocol, index.splits)
    view = index.select(split=split)
    if person:
        found = _person(view, pid, identity, most)
    else:
        if rank_takes not in ("batches", "block"):
            raise SettingsError(f"--rank-takes: expected batches or block, found {rank_takes!r}")
        settings = PKSettings(
            p, k, each, int(epoch_is) if epoch_is.isdecimal() else epoch_is, seed, on_short, prefer_complete,  # type: ignore[arg-type]
            weights=weights, compose=tuple(compose.split(",")) if compose else (),
        )  # fmt: skip
        found = _batch(view, settings, Shard(rank, world_size, rank_takes), _number(epoch), batch or 0)  # type: ignore[arg-type]
    contact = _read(found.sheet, size if file is not None else _SIZE_IN_TERMINAL)
    if file is not None:
        contact.save(file)
    if as_json:
        from sampler_runtime.showing.description import describe

        console.print_json({
            "schema": 1, "index": str(index.path), "digest": index.digest, "split": split or "all", **found.words,
            "output": str(file) if file is not None else None, "unseen": {w: len(ones) for w, ones in contact.unseen.items()},
            "rows": describe(contact),
        })  # fmt: skip
    elif file is not None:
        _say_where(file, contact)
    else:
        _in_terminal(contact)
    _say_unseen(contact)
    if file is not None:
        tell_of_files_inside([file], index.root)


@dataclass
class _Found:
    """What is to be shown, and what JSON tells of it beside its rows."""

    sheet: Sheet
    words: dict[str, Any]


def _one_thing(context: typer.Context, pid: int | None, identity: str | None) -> None:
    """That nothing was said of a batch where a person is asked for, or of a person where a batch is."""
    from indexer.errors import SettingsError

    if pid is not None and identity is not None:
        raise SettingsError("--pid, --identity: expected one of them, found both")
    person = "--pid" if pid is not None else "--identity" if identity is not None else None
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        if person is not None and option.name in _OF_A_BATCH:
            raise SettingsError(f"{person}, {option.opts[0]}: expected a person or a batch, found both; leave one out")
        if person is None and option.name == "most":
            raise SettingsError("--most: goes with --pid and --identity; a batch is shown whole")


def _number(epoch: str | None) -> int:
    """The number of an epoch."""
    from indexer.errors import SettingsError
    from sampler_runtime.settings import EPOCHS, MOST_EPOCHS, whole_number

    if epoch is not None and not (epoch.isdecimal() and epoch.isascii()):
        hint = f"; what an epoch is goes into --epoch-is {epoch}" if epoch in EPOCHS else ""
        raise SettingsError(f"--epoch: expected the number of an epoch, from 0, found {epoch!r}{hint}")
    return whole_number(int(epoch or 0), "--epoch", 0, MOST_EPOCHS)


def _batch(view: MappedIndex, settings: Any, shard: Any, epoch: int, batch: int) -> _Found:
    from sampler_runtime.run import resolve
    from sampler_runtime.showing.batches import batch_sheet
    from sampler_runtime.showing.steps import find_step

    run = resolve(view, settings)
    plan = run.plan(view)
    by_identities = run.settings.epoch == "identities"
    shard.check(plan.num_batches, settings.p, run.blocks.num_identities if by_identities else None)
    step = find_step(plan, shard, epoch, batch)
    lines = step.lines(settings.p, settings.k, str(run.contract), settings.seed, view.selection)
    sheet = batch_sheet(view, step.instances, compose=run.settings.compose, title=step.title, lines=lines)
    words = {
        "settings": {
            "p": settings.p, "k": settings.k, "each": str(run.contract), "epoch_is": settings.epoch, "seed": settings.seed,
            "on_short": settings.on_short, "prefer_complete": settings.prefer_complete, "weights": settings.weights,
            "compose": list(run.settings.compose), "rank": shard.rank, "world_size": shard.world_size, "rank_takes": shard.split,
        },
        "epoch": epoch, "batch": batch, "batches": step.batches, "batch_of_all": step.of_all,
    }  # fmt: skip
    return _Found(sheet, words)


def _person(view: MappedIndex, pid: int | None, identity: str | None, most: int) -> _Found:
    from rich.markup import escape

    from indexer.cli import console
    from indexer.scan.listing import printable
    from sampler_runtime.showing.people import person_sheet, rows_of_identity, rows_of_pid

    rows_of = rows_of_identity(view, identity) if identity is not None else {int(pid or 0): rows_of_pid(view, pid or 0)}
    people = [one for one in rows_of if one >= 0]
    if len(people) > 1:
        told = ", ".join(f"pid {one}: {console.count(len(rows_of[one]), 'sample')}" for one in people)
        console.err().print(
            f"[yellow]! identity {escape(printable(str(identity)))} is the label of {len(people)} people, all shown:[/] {told}; --pid shows one"
        )
    samples = sum(map(len, rows_of.values()))
    lines = (view.selection,) if view.selection != "all" else ()
    sheet = person_sheet(view, rows_of, most=most, title="", lines=lines)
    label = sheet.rows[0].identity
    whose = f"pid {people[0]} · " if len(people) == 1 else ""
    title = (
        f"{whose}identity {printable(label) if label is not None else '(hidden)'} · {console.count(samples, 'sample')}"
    )
    return _Found(replace(sheet, title=title), {"identity": label, "pids": people, "samples": samples})


def _destination(output: Path, *, force: bool) -> Path:
    """The file to write: in a folder that is there, in place of nothing that is not a sheet."""
    from indexer.export.writing import refuse_foreign
    from sampler_runtime.showing.contact_sheet import check_suffix, is_sheet

    check_suffix(output)
    refuse_foreign(output, force=force, ours=is_sheet, why="is not a sheet of `reidindex show`")
    return output.resolve() if output.is_symlink() else output


def _read(sheet: Sheet, size: int) -> ContactSheet:
    """The sheet with its pictures."""
    from indexer.cli import console
    from sampler_runtime.showing.contact_sheet import ContactSheet

    with console.progress() as progress:
        return ContactSheet(sheet, size, on_progress=lambda count: progress("pictures read", count))


def _say_where(file: Path, contact: ContactSheet) -> None:
    from rich.markup import escape

    from indexer.cli import console

    html = file.suffix.lower() in (".html", ".htm")
    extent = "" if html else f" · {contact.image.width:,} × {contact.image.height:,} pixels"
    cells = console.count(sum(len(row.cells) for row in contact.sheet.rows), "cell")
    console.out().print(
        f"[green]✓[/] [bold]{escape(str(file))}[/]  {escape(contact.sheet.title)} · {cells}{extent}",
        highlight=False,
    )


def _in_terminal(contact: ContactSheet) -> None:
    """Pictures where the terminal can show them, else words."""
    from indexer.cli import console
    from sampler_runtime.showing.terminal import LEAST_WIDTH, in_blocks, in_words, width_of_panels

    out, sheet = console.out(), contact.sheet
    colours = out.is_terminal and not out.no_color and out.color_system in ("256", "truecolor")
    width = width_of_panels(sheet, out.width)
    if colours and width >= LEAST_WIDTH:
        out.print(in_blocks(sheet, contact.pictures, width))
        return
    if not out.is_terminal:
        out.width = _WIDTH_OF_PIPES  # a line that is searched or cut by a program should not be broken
    out.print(in_words(sheet, contact.pictures))
    if colours:
        console.err().print(f"{out.width} columns are too few for the pictures; -o sheet.png draws them", style="dim")


def _say_unseen(contact: ContactSheet) -> None:
    from rich.markup import escape

    from indexer.cli import console
    from indexer.scan.listing import printable

    unseen = contact.unseen
    every = [told for ones in unseen.values() for told in ones]
    if not every:
        return
    counts = ", ".join(f"{len(ones):,} {words}" for words, ones in unseen.items())
    named = every if console.is_verbose() else every[:_MOST_PROBLEMS]
    err = console.err()
    err.print(
        f"[yellow]! {len(every):,} of {console.count(len(contact.pictures), 'picture')} cannot be shown:[/] {counts}"
    )
    for told in named:
        err.print(f"  {escape(printable(told))}")
    if len(every) > len(named):
        err.print(f"  … and {len(every) - len(named):,} more (--verbose names them all)")
