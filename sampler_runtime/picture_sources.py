"""A row of an index -> where its pictures are: files below the dataset's folder, and what is cut out of them. Opens none.

A training dataset, a contact sheet and a report all read what is told here, so that people see what a model sees.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from indexer.vocabulary import TEXT
from sampler_runtime.cropping import Box, cropped, side_by_side

if TYPE_CHECKING:
    from sampler_runtime.mapped import MappedIndex


@dataclass(frozen=True, slots=True)
class Source:
    """Where a picture comes from: a file, or what is cut out of it."""

    root: Path
    path: str
    """Relative to the root."""
    box: Box | None = None
    """x, y, width, height in pixels of the file."""
    part: tuple[int, int] | None = None
    """Which of how many parts side by side."""

    @property
    def file(self) -> Path:
        """The whole path."""
        return self.root / self.path

    @property
    def leads_out(self) -> bool:
        """Whether the file is not below the root: it must not be opened then, for an index may come from anywhere."""
        return leads_out(self.path)

    def cut(self, image: Any) -> Any:
        """The picture, out of its file's.

        Args:
            image: What a decoder made of the file (`cropping.cropped`).

        Raises:
            ValueError: The box lies outside of the file's picture.
        """
        if self.part is not None:
            number, of = self.part
            return side_by_side(image, of)[number]
        return image if self.box is None else cropped(image, self.box)


def sources_of(part: MappedIndex, row: int) -> dict[str, Source]:
    """Modality → where its picture is, of a row; nothing of a sentence that no picture goes with.

    The first is the sample's own; the others are its partners in an aligned set, in the order of the index.

    Args:
        part: One index, no joint one: `locate` finds it.
        row: Of it.
    """
    names, partners, root = part.modalities_of(row), part.aligned_of(row), part.root
    anchor = next((name for name in names if name not in partners and name != TEXT), None)
    if anchor is None:
        return {}
    path = part.path_of(row)
    if path in partners.values():  # one picture that shows them side by side
        every = (anchor, *partners)
        return {name: Source(root, path, part=(i, len(every))) for i, name in enumerate(every)}
    if (box := part.box_of(row)) is not None:
        return {anchor: Source(root, path, box=box)}
    return {name: Source(root, file) for name, file in {anchor: path, **partners}.items()}


def leads_out(path: str, *, windows: bool = os.name == "nt") -> bool:
    """Whether a path of an index is not below its root.

    >>> [leads_out(p, windows=False) for p in ("a/b.jpg", "/a", "a/../../b", "a\\\\b:c.jpg", "C:b.jpg")]
    [False, True, True, False, False]
    >>> [leads_out(p, windows=True) for p in ("a/b.jpg", "C:b.jpg", "..\\\\b.jpg")]
    [False, True, True]
    """
    pure = PureWindowsPath(path) if windows else PurePosixPath(path)
    return bool(pure.anchor) or ".." in pure.parts
