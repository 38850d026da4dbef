"""Where a dataset lies, as its index tells it: seen from the index file, so that both can move together."""

from __future__ import annotations

import os
from pathlib import Path

from indexer.index_file import IndexFile


def relative_root(root: Path, out: Path) -> str:
    """The root as seen from the index: tree and index can move together."""
    try:
        return Path(os.path.relpath(root.resolve(), out.parent.resolve())).as_posix()
    except ValueError:  # Windows: another drive has no relative path
        return root.resolve().as_posix()


def root_of(index: IndexFile, data: Path | None = None) -> Path:
    """The folder that an index's paths are relative to. It is told as seen from the file that a link leads to.

    Args:
        index: The index.
        data: What the user named; where it is this folder, it is returned as it was named.
    """
    file = index.path.resolve() if index.path.is_symlink() else index.path
    root = file.parent if index.metadata.root == "." else (file.parent / index.metadata.root).resolve()
    return data if data is not None and data.is_dir() and root.is_dir() and data.samefile(root) else root
