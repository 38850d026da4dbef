"""What a contact sheet holds, before anything is read or drawn: rows of cells, cells of panels. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sampler_runtime.picture_sources import Source


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture or sentence of a cell. With neither: there is none, and the panel says so."""

    modality: str
    source: Source | None = None
    sentence: str | None = None
    camera: str | None = None
    """Of a panel beside others of the same shot, told at the first only."""


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """What the index tells of a row."""

    row: int
    """Of the view."""
    path: str
    pid: int
    """-1: none."""
    identity: str | None
    modalities: tuple[str, ...]
    camera: str | None
    """With its source where there are several: `msmt17/3`."""
    split: str | None
    source: str | None
    view: str | None
    tracklet: int | None
    frame: int | None
    clothes: int | None
    captions: tuple[str, ...]
    panels: tuple[Panel, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON tells it (docs/cli.md); what the panels show is known after they were read."""
        return {
            "row": self.row, "path": self.path, "pid": self.pid, "identity": self.identity, "modality": "+".join(self.modalities),
            "camera": self.camera, "split": self.split, "source": self.source, "view": self.view, "tracklet": self.tracklet,
            "frame": self.frame, "clothes": self.clothes, "captions": list(self.captions),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One instance: a sample, or the several that an instance is composed of. Without samples: a place that stays empty."""

    panels: tuple[Panel, ...]
    samples: tuple[SampleFacts, ...] = ()
    repeats: bool = False
    """Whether all of it was in the block already."""
    tells_split: bool = False

    @property
    def name(self) -> str:
        """The file's name; of several, the first and how many more."""
        more = len(self.samples) - 1
        return (self.samples[0].path.rpartition("/")[2] if self.samples else "") + (f" +{more}" if more > 0 else "")

    @property
    def captions(self) -> tuple[str, ...]:
        """Sentences that belong to a picture; a sentence by itself stands in a panel."""
        shown = {panel.sentence for panel in self.panels}
        return tuple(c for sample in self.samples for c in sample.captions[:1] if c not in shown)

    @property
    def note(self) -> str:
        """What else is worth a line beneath the picture."""
        if len(self.samples) != 1:
            return "repeated" if self.repeats else ""
        one = self.samples[0]
        words = [
            "repeated" if self.repeats else "",
            (one.split or "no split") if self.tells_split else "",
            one.view or "",
            f"frame {one.frame}" if one.frame is not None else "",
            f"outfit {one.clothes}" if one.clothes is not None else "",
        ]
        return " · ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a row."""

    words: str
    lacks: bool = False
    """Whether the dataset itself has no such thing, and no other draw would show it."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """Cells of one identity, or of one modality of it."""

    head: tuple[str, ...]
    """Lines at its left; the first is the heading."""
    cells: tuple[Cell, ...]
    remarks: tuple[Remark, ...] = ()
    """What is missing, at its right."""
    pid: int = -1
    identity: str | None = None
    lacks: tuple[str, ...] = ()
    """Modalities of the dataset that the identity does not have."""
    without: tuple[str, ...] = ()
    """Modalities that the identity has and this row does not show."""
    more: int = 0
    """Samples that belong to it and are not shown."""
    continues: bool = False
    """Whether it is the rest of the row before, which would have been too long."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet."""

    title: str
    lines: tuple[str, ...]
    """Beneath the title."""
    rows: tuple[SheetRow, ...]

    @property
    def columns(self) -> int:
        """Cells of the longest row."""
        return max((len(row.cells) for row in self.rows), default=0)

    @property
    def panels(self) -> int:
        """Panels of the fullest cell."""
        return max((len(cell.panels) for row in self.rows for cell in row.cells), default=1)

    def sources(self) -> list[Source]:
        """Every picture, once."""
        return list(dict.fromkeys(panel.source for panel in self.every_panel() if panel.source is not None))

    def every_panel(self) -> Iterator[Panel]:
        """The panels, from the left and down."""
        for row in self.rows:
            for cell in row.cells:
                yield from cell.panels


def wrapped(rows: Sequence[SheetRow], most: int) -> tuple[SheetRow, ...]:
    """Rows of at most so many cells; what is beyond goes on in rows beneath.

    Args:
        rows: Of any length.
        most: Cells of a row, at least 1.
    """
    found: list[SheetRow] = []
    for row in rows:
        found.append(replace(row, cells=row.cells[:most]))
        found += [
            replace(row, head=(), cells=row.cells[at : at + most], remarks=(), continues=True)
            for at in range(most, len(row.cells), most)
        ]
    return tuple(found)


def without_words(modality: str) -> str:
    """What an empty panel says.

    >>> without_words("sketch")
    'no sketch'
    """
    return f"no {modality}"
