"""Paths as a user has them -> as an index tells them: from the dataset's folder on, however the user has reached it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from indexer.errors import SettingsError

Paths = Sequence[str | os.PathLike[str]]


def as_told(paths: Paths, root: Path) -> pa.Array:
    """Relative paths, `/` between folders.

    Args:
        paths: Relative to the root, or absolute below it.
        root: The dataset's folder, without links.

    Raises:
        SettingsError: These are no paths.
    """
    below = root.as_posix().rstrip("/") + "/"
    tops: dict[str, str | None] = {}

    def relative(path: str | os.PathLike[str]) -> str:
        text = os.fspath(path)
        if not os.path.isabs(text):
            return text if os.sep == "/" and "." not in text[:2] else Path(os.path.normpath(text)).as_posix()
        if text.startswith(below) and "/../" not in text:
            return text[len(below) :]  # linked folders below the root stay as the scan has met them
        folder, name = os.path.split(text)
        if folder not in tops:
            tops[folder] = _below(folder, root)
        return Path(tops[folder] or folder, name).as_posix()

    try:
        return pa.array([relative(path) for path in paths], pa.string())
    except (TypeError, ValueError) as error:
        raise SettingsError(f"rows_for(paths): expected paths, as text, in your dataset's order ({error})") from None


def _below(folder: str, root: Path) -> str | None:
    """What remains of a folder's name after the part of it that leads to the root, by whatever links."""
    folder, rest = os.path.normpath(folder), ""
    while True:
        if os.path.realpath(folder) == os.fspath(root):
            return rest or "."
        parent, name = os.path.split(folder)
        if parent == folder:
            return None
        folder, rest = parent, os.path.join(name, rest) if rest else name
