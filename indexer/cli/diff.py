"""`reidindex diff`: what changed from one index to another, and what it does to a model trained on the first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import AsJson

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.comparison import Comparison
    from indexer.comparison.changes import WordChanges

_DIFFERENT = 3
_MOST_LINES = 5


def diff(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="A dataset folder with an index, or an index.", show_default=False)
    ],
    new: Annotated[
        Path, typer.Argument(metavar="NEW", help="The one to compare with it, likewise.", show_default=False)
    ],
    head: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            show_default=False,
            help="Write old_pid,new_pid,identity of the training classes, to carry a head's rows over.",
        ),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit code 3 if anything differs, as git diff.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Let --head replace any file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which samples, labels and numbers differ between an old index and a new one.

    Examples:

      reidindex diff yesterday.parquet data/

      reidindex diff old.parquet new.parquet --head head.csv

      reidindex diff checked-in.parquet data/ --exit-code --quiet
    """  # fmt: skip
    from indexer.cli import console
    from indexer.comparison import compare
    from indexer.comparison.document import HEAD_COLUMNS, head_table
    from indexer.comparison.document import as_json as to_json
    from indexer.export.writing import refuse_foreign, write_file
    from indexer.index_file import IndexFile, locate_index

    files = [IndexFile(locate_index(path)) for path in (old, new)]
    if head is not None:
        refuse_foreign(
            head, force=force, ours=lambda file: file.read_bytes().startswith(HEAD_COLUMNS.encode()),
            why=f"is not plainly such a table ({HEAD_COLUMNS})", option="--head",
        )  # fmt: skip
    found = compare(*files)
    if as_json:
        console.print_json(to_json(found))
    else:
        _show(found, console.out(), console.is_verbose())
    if head is not None:
        write_file(head, head_table(found), option="--head")
        console.err().print(f"{console.count(len(found.head.links), 'class')} in {head}", markup=False)
    raise typer.Exit(_DIFFERENT if exit_code and not found.nothing else 0)


def _show(found: Comparison, out: Console, verbose: bool) -> None:
    from rich.markup import escape

    a, b = found.old.metadata, found.new.metadata
    before, after = (len(people.pids) for people in found.people)
    out.print(f"[bold]{escape(str(found.old.path))}[/] → [bold]{escape(str(found.new.path))}[/]")
    if found.nothing:
        out.print(f"  nothing changed: {a.samples:,} samples, {before:,} identities; the batches are identical")
        return
    out.print(f"  {a.samples:,} → {b.samples:,} samples, {before:,} → {after:,} identities")
    if found.other_dataset:
        out.print(
            f"  two different datasets: {len(found.matching.old):,} samples in common "
            f"(layouts {escape(a.layout)} and {escape(b.layout)}); differences between them are not listed"
        )
        return
    out.print(
        "  the batches are identical: same digest" if found.same_batches else "  the batches differ: other digest"
    )
    _samples(found, out, None if verbose else _MOST_LINES)
    _identities(found, out, None if verbose else _MOST_LINES)
    for name, words in (
        ("modalities", found.modalities), ("splits", found.splits), ("views", found.views), ("query sets", found.query_sets),
    ):  # fmt: skip
        _words(name, words, out)
    for name in found.settings:
        out.print(f"\n[bold]{name}[/]: {escape(str(getattr(a, name)))} → {escape(str(getattr(b, name)))}")
    out.print("\n[bold]classifier head[/]")
    out.print(f"  {escape(found.head.advice())}")


def _samples(found: Comparison, out: Console, most: int | None) -> None:
    import numpy as np

    from indexer.comparison.document import named, paths, relabelled

    pairs = found.matching
    moved, told = np.flatnonzero(pairs.moved), found.relabelled_samples
    if not (len(pairs.added) or len(pairs.removed) or len(moved) or len(told) or len(found.rewritten)):
        return
    out.print("\n[bold]samples[/]")
    _section("+", "green", "added", len(pairs.added), named(found.new, pairs.added[:most]), out)
    _section("-", "red", "removed", len(pairs.removed), named(found.old, pairs.removed[:most]), out)
    ways = zip(paths(found.old, pairs.old[moved[:most]]), paths(found.new, pairs.new[moved[:most]]), strict=True)
    _section(">", "cyan", "moved", len(moved), (f"{a} → {b}" for a, b in ways), out)
    fields = ", ".join(f"{name} {len(at):,}" for name, at in found.relabelled.items())
    lines = (
        f"{one['path']}: " + ", ".join(f"{k} {_word(c['old'])} → {_word(c['new'])}" for k, c in one["changes"].items())
        for one in relabelled(found, most)
    )
    _section("~", "yellow", f"relabelled ({fields})", len(told), lines, out)
    sizes = f"{len(found.resized):,} with another size" if len(found.resized) else "another time, sizes as before"
    resized = paths(found.new, pairs.new[found.resized[:most]])
    _section("*", "magenta", f"rewritten ({sizes})", len(found.rewritten), resized, out, of=len(found.resized))
    if pairs.counted:
        out.print(f"    [dim]{pairs.counted:,} share path and place with another, and are told apart by order only[/]")


def _identities(found: Comparison, out: Console, most: int | None) -> None:
    changes = found.identities
    if not changes.any and not len(changes.renumbered):
        return
    out.print("\n[bold]identities[/]")
    _section("+", "green", "added", len(changes.added), [", ".join(_some(changes.added, most))], out, of=0)
    _section("-", "red", "removed", len(changes.removed), [", ".join(_some(changes.removed, most))], out, of=0)
    renamed = (f"{a} → {b}" for a, b in changes.renamed[:most])
    _section("~", "yellow", "renamed", len(changes.renamed), renamed, out)
    merged = (f"{' + '.join(_some(parts, most))} → {one}" for parts, one in changes.merged[:most])
    _section("~", "yellow", "merged", len(changes.merged), merged, out)
    split = (f"{one} → {' + '.join(_some(parts, most))}" for one, parts in changes.split[:most])
    _section("~", "yellow", "split", len(changes.split), split, out)
    names = found.people[1].names
    numbers = (f"{names[b]}: pid {a} → {b}" for a, b in changes.renumbered[:most].tolist())
    _section("#", "magenta", "with another pid", len(changes.renumbered), numbers, out)


def _section(
    sign: str, colour: str, what: str, number: int, lines: Iterable[str], out: Console, of: int | None = None
) -> None:
    """How many, the first of them, and how many more there are `of` those that lines can tell."""
    from rich.markup import escape

    if not number:
        return
    out.print(f"  [{colour}]{sign} {number:,} {escape(what)}[/]")
    shown = 0
    for line in lines:
        out.print(f"      {escape(_harmless(line))}")
        shown += 1
    if (rest := (number if of is None else of) - shown) > 0:
        out.print(f"      [dim]… and {rest:,} more (--verbose names them all)[/]")


def _harmless(line: str) -> str:
    """What a terminal would obey is shown instead."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


def _some(names: tuple[str, ...], most: int | None) -> list[str]:
    few = list(names if most is None else names[: 4 * most])
    return few if len(few) == len(names) else [*few, f"… ({len(names):,})"]


def _words(name: str, changes: WordChanges, out: Console) -> None:
    from rich.markup import escape

    if changes.any:
        parts = [f"[green]+ {escape(w)}[/]" for w in changes.added] + [
            f"[red]- {escape(w)}[/]" for w in changes.removed
        ]
        if changes.renumbered:
            parts.append(f"[yellow]another bit or number: {escape(', '.join(changes.renumbered))}[/]")
        out.print(f"\n[bold]{name}[/]  " + "  ".join(parts))


def _word(value: object) -> str:
    return "(none)" if value is None else str(value) if not isinstance(value, list) else f"{len(value)} of them"
