"""`reidindex export`: an index as files that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.cli.options import AsJson, Data, Protocol

if TYPE_CHECKING:
    from indexer.export.formats import Exported
    from indexer.index_file import IndexFile


def export(
    data: Data,
    to: Annotated[str, typer.Option("--to", help="csv, jsonl, hf, croissant, coco or torchreid.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            show_default=False,
            help="The file or folder; - for stdout. [default: in the current folder, named after the dataset; hf: in the dataset]",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Only this split: train, train+val. torchreid: what is trained on.", show_default=False),
    ] = None,
    protocol: Protocol = None,
    all_columns: Annotated[
        bool, typer.Option("--all-columns", help="csv, jsonl: every column of the index, not what a build reads again.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are not plainly of an export.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write an index as a table, for Hugging Face datasets, as Croissant, COCO, or lists for torchreid and fast-reid.

    Examples:

      reidindex export data/ --to csv -o samples.csv

      reidindex export data/ --to hf

      reidindex export data/ --to coco --split train -o train.json

      reidindex export data/regdb --to torchreid --protocol trial3 -o lists/

      reidindex export data/ --to jsonl --all-columns -o - | head
    """  # fmt: skip
    import os
    import sys

    from indexer.cli import console
    from indexer.cli.inside import tell_of_files_inside
    from indexer.errors import SettingsError
    from indexer.export.formats import STDOUT
    from indexer.export.formats import export as write
    from indexer.index_file import IndexFile, locate_index
    from indexer.roots import root_of

    index = IndexFile(locate_index(data))
    if output == STDOUT and as_json:
        raise SettingsError("-o - and --json: both write to stdout; name a file with -o")
    try:
        with console.progress() as progress:
            done = write(
                index, to, output, split=split, protocol=protocol, all_columns=all_columns, force=force, tell=progress,
                to_stdout=lambda chunk: sys.stdout.buffer.write(chunk),
            )  # fmt: skip
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if as_json:
        console.print_json(_as_json(index, done))
        return
    out = console.out() if done.files else console.err()
    for file, size in done.files:
        out.print(f"✓ {file}  {size:,} bytes", markup=False)
    out.print(f"  {console.count(done.made.samples, 'sample')} of {done.split}", markup=False)
    for reason, number in done.made.left_out.items():
        console.err().print(f"! left out {console.count(number, 'sample')}: {reason}", markup=False)
    for note in done.made.notes:
        console.err().print(f"  {note}", markup=False)
    tell_of_files_inside([file for file, _ in done.files], root_of(index).resolve())


def _as_json(index: IndexFile, done: Exported) -> dict[str, Any]:
    return {
        "schema": 1,
        "index": str(index.path),
        "digest": index.metadata.digest,
        "to": done.to,
        "split": done.split,
        "samples": done.made.samples,
        "left_out": done.made.left_out,
        "notes": list(done.made.notes),
        "files": [{"path": str(file), "bytes": size} for file, size in done.files],
    }
