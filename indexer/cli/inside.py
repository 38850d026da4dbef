"""A file that a command has put into the dataset itself: what it changes, for the user to know."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def tell_of_files_inside(files: Iterable[Path], root: Path) -> None:
    """A remark on the first file that lies below the dataset's root.

    Args:
        files: That were written.
        root: Of the dataset, resolved.
    """
    from indexer.cli import console

    inside = next((file for file in files if file.resolve().is_relative_to(root)), None)
    if inside is not None:
        console.err().print(
            f"! {inside} lies within the dataset: the tree now holds a file that the index does not know of",
            style="yellow", markup=False,
        )  # fmt: skip
