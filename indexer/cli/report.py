"""`reidindex report`: one page about a dataset, to read, to print, and to keep beside the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.options import Check, Data, K, P, Pair, Protocol, Seed

if TYPE_CHECKING:
    from indexer.index_file import IndexFile
    from indexer.inspection.statistics import Statistics
    from indexer.report import Pictures
    from sampler_runtime.mapped import MappedIndex


def report(
    data: Data,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The page. [default: NAME-report.html in the current folder]", show_default=False
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="What the figures show and batches are drawn from. [default: all samples, and train]",
            show_default=False,
        ),
    ] = None,
    protocol: Protocol = None,
    pair: Pair = None,
    p: P = 8,
    k: K = 4,
    each: Annotated[
        str | None,
        typer.Option(
            help="The group contract that batches are drawn for. [default: pair, or any with a single modality]",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, max=100, help="Epochs to draw; of a huge index fewer are.")] = 10,
    seed: Seed = 0,
    thumbnails: Annotated[int, typer.Option(min=0, max=64, help="Identities to show pictures of.")] = 8,
    no_thumbnails: Annotated[bool, typer.Option("--no-thumbnails", help="No pictures: no sample is opened.")] = False,
    title: Annotated[
        str | None, typer.Option(help="The page's heading. [default: the dataset's name]", show_default=False)
    ] = None,
    check: Check = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is no report.")] = False,
) -> None:
    """Write one page of HTML about a dataset: coverage, leaks, batches to expect, pictures. It needs nothing beside it.

    Examples:

      reidindex report data/

      reidindex report data/regdb --protocol trial3 -o regdb.html

      reidindex report data/ --split train -p 16 -k 4 --each "rgb>=1, nir|sketch>=1" --no-thumbnails
    """
    from rich.markup import escape

    from indexer.cli import console
    from indexer.cli.drawn_epochs import sampling_of
    from indexer.cli.inside import tell_of_files_inside
    from indexer.cli.typed import as_text
    from indexer.export.writing import write_file
    from indexer.index_file import IndexFile, locate_index
    from indexer.inspection.statistics import statistics
    from indexer.report import gather, page
    from indexer.roots import root_of
    from indexer.scan.listing import printable
    from indexer.vocabulary import in_protocol
    from sampler_runtime.mapped import open_index

    index = IndexFile(locate_index(data))
    root = root_of(index).resolve()
    out = _destination(output, index, root, force=force)
    drawn_from = _drawn_from(split, protocol, index.metadata.splits)
    title = as_text(title, "--title") if title is not None else None
    found = statistics(index, split=in_protocol(split, protocol, index.metadata.splits), pair=pair, p=p, k=k)
    view = open_index(index.path)
    with console.progress() as progress:
        sampling = sampling_of(
            view.select(split=drawn_from), drawn_from or "all samples", _contract(each, pair, found), p=p, k=k,
            epochs=epochs, seed=seed, on_progress=lambda batches: progress("batches drawn", batches),
        )  # fmt: skip
        pictures = _pictures(view, found, 0 if no_thumbnails else thumbnails, lambda n: progress("pictures", n))
    changed = _changed(data, index) if check and data.is_dir() else None
    facts = gather(found, protocol=protocol, sampling=sampling, pictures=pictures, changed=changed, title=title)
    written = page(facts)
    write_file(out, [written])
    console.out().print(
        f"[green]✓[/] [bold]{escape(str(out))}[/]  {len(written) / 1000:,.0f} kB · {escape(printable(facts.name))} · "
        f"{console.count(found.facts.samples, 'sample')} · {console.count(found.facts.identities, 'identity')}"
    )
    if sampling.advice is not None:
        console.err().print(f"[yellow]! no batches:[/] {escape(sampling.advice)}")
    tell_of_files_inside([out], root)


def _drawn_from(split: str | None, protocol: str | None, known: tuple[str, ...]) -> str | None:
    """The split that batches are drawn from; None: all samples."""
    from indexer.vocabulary import in_protocol

    if split is None and ("train" if protocol is None else f"{protocol}/train") in known:
        split = "train"
    return in_protocol(split, protocol, known)


def _contract(each: str | None, pair: str | None, found: Statistics) -> str:
    """The contract asked for; else what makes an identity pairable."""
    if each is not None:
        return each
    if pair is not None:
        return f"{found.pairing.anchor}>=1, {'|'.join(found.pairing.others)}>=1"
    return "pair" if found.pairing.others else "any"


def _pictures(view: MappedIndex, found: Statistics, number: int, on_progress: object) -> Pictures:
    from indexer.cli.thumbnails import take_pictures
    from indexer.inspection.choice import choose_identities
    from indexer.report import Pictures

    if not number:
        return Pictures(absent="No pictures were asked for.")
    splits = [] if found.selected == "all" else found.selected.split("+")
    assert callable(on_progress)
    return take_pictures(view, choose_identities(found.runs, splits, number), on_progress)


def _changed(data: Path, index: IndexFile) -> bool | None:
    """Whether the tree is another one than was indexed; None where a manifest said what to index."""
    from indexer.cli import console
    from indexer.errors import TreeError
    from indexer.scan import list_tree

    if ":" in index.metadata.fingerprint:
        return None
    try:
        with console.progress() as progress:
            listing = list_tree(
                data,
                exclude=[index.path],
                links_outside=index.metadata.links_outside,
                on_progress=lambda count: progress("comparing with the tree", count),
            )
    except TreeError:
        return True  # nothing but the index is left of it, or it cannot be listed any more
    return listing.fingerprint() != index.metadata.fingerprint


def _destination(output: Path | None, index: IndexFile, root: Path, *, force: bool) -> Path:
    """The file to write, found out before any work.

    Raises:
        SettingsError: No place was named, and the usual one lies within the dataset.
        ReidIndexError: Nothing can be written there, or something lies there that is no report.
    """
    from indexer.errors import SettingsError
    from indexer.export.writing import refuse_foreign
    from indexer.naming import name_of
    from indexer.report import is_report

    usual = f"{name_of(index)}-report.html"
    if output is None:
        output = Path(usual)
        if output.resolve().is_relative_to(root):
            raise SettingsError(
                f"{usual}: the current folder belongs to the dataset, and a page there would be a new file of it; "
                f"name another place: -o ../{usual}"
            )
    out = output / usual if output.is_dir() else output
    refuse_foreign(out, force=force, ours=is_report, why="is no report of reidindex")
    return out
