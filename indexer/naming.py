"""What files that are made from an index are called, where nobody says."""

from __future__ import annotations

from indexer.index_file import IndexFile
from indexer.roots import root_of
from indexer.schema import INDEX_NAME


def name_of(index: IndexFile) -> str:
    """The dataset folder's name; that of the index where it has one of its own (`small.parquet`: `small`)."""
    if index.path.name != INDEX_NAME:
        return index.path.stem
    return root_of(index).resolve().name or "dataset"
