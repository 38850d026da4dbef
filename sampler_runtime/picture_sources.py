"""A row of an index -> where its pictures are: files below the dataset's folder, and what is cut out of them. Opens none.

`decoding` opens them, and looks first where they really lie.

A training dataset, a contact sheet and a report all read what is told here, so that people see what a model sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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
    links_outside: bool = False
    """Links that lead out of the root are followed: the index was built so."""

    @property
    def file(self) -> Path:
        """The whole path, for messages: `decoding.picture_of` opens it."""
        return self.root / self.path

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
    names, partners = part.modalities_of(row), part.aligned_of(row)
    root, outside = part.root, part.links_outside
    anchor = next((name for name in names if name not in partners and name != TEXT), None)
    if anchor is None:
        return {}
    path = part.path_of(row)
    if path in partners.values():  # one picture that shows them side by side
        every = (anchor, *partners)
        return {name: Source(root, path, None, (i, len(every)), outside) for i, name in enumerate(every)}
    if (box := part.box_of(row)) is not None:
        return {anchor: Source(root, path, box, links_outside=outside)}
    return {name: Source(root, file, links_outside=outside) for name, file in {anchor: path, **partners}.items()}
