"""How many cells, and how large -> where everything on a sheet goes. Pure: integers in, rectangles out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from indexer.errors import SettingsError

MOST_PIXELS = 64_000_000
MOST_SIDE = 30_000
"""A sheet beyond one of these opens nowhere. JPEG itself ends at 65,535."""
MOST_UNEVEN = 4
"""The place of a picture is at most so many times as long as it is wide, or the other way round."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Pixels from `left` to `right` and `top` to `bottom`, the last ones excluded."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column beyond it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first line beyond it."""
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Measures:
    """Sizes in pixels."""

    picture: tuple[int, int]
    """The place of a picture; pictures of other proportions leave some of it free."""
    panels: int
    """Side by side in a cell."""
    band: int
    """Height of the words above a picture."""
    frame: int
    """Thickness of the frame."""
    line: int
    """Height of a line of words beneath a picture."""
    head: int
    """Width of what stands at the left of a row."""
    tail: int
    """Width of what stands at its right; 0: nothing does."""
    title: int
    """Height of what stands above all rows."""
    gap: int

    @property
    def panel(self) -> tuple[int, int]:
        """Width and height of a panel: frame, band and picture."""
        return self.picture[0] + 2 * self.frame, self.picture[1] + self.band + 2 * self.frame


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Where everything goes."""

    width: int
    height: int
    title: Rectangle
    heads: tuple[Rectangle, ...]
    """Of each row."""
    cells: tuple[tuple[Rectangle, ...], ...]
    """Of each row, its cells: panels, and the words beneath."""
    tails: tuple[Rectangle, ...]
    """Of each row; of no width where nothing stands there."""


def arrange(cells: Sequence[int], lines: Sequence[int], measures: Measures) -> Arrangement:
    """Lay out rows of cells.

    Args:
        cells: Of each row, how many.
        lines: Of each row, lines of words beneath its pictures.
        measures: The sizes.

    Raises:
        SettingsError: The sheet would be too large to be opened.
    """
    m = measures
    width_of_cell = m.panels * m.panel[0]
    most = max(cells, default=0)
    left = m.gap + m.head + m.gap
    after = left + most * (width_of_cell + m.gap)
    width = after + (m.tail + m.gap if m.tail else 0)
    top = m.gap + m.title + m.gap
    heads, places, tails = [], [], []
    for number, words in zip(cells, lines, strict=True):
        height = m.panel[1] + words * m.line
        heads.append(Rectangle(m.gap, top, m.head, height))
        places.append(
            tuple(Rectangle(left + i * (width_of_cell + m.gap), top, width_of_cell, height) for i in range(number))
        )
        tails.append(Rectangle(after, top, m.tail, height))
        top += height + m.gap
    if width * top > MOST_PIXELS or max(width, top) > MOST_SIDE:
        raise SettingsError(
            f"the sheet would have {width:,} × {top:,} pixels, more than programs can show ({MOST_SIDE:,} a side, "
            f"{MOST_PIXELS:,} in all); make the pictures smaller, or show fewer"
        )
    return Arrangement(
        width, top, Rectangle(m.gap, m.gap, width - 2 * m.gap, m.title), tuple(heads), tuple(places), tuple(tails)
    )


def panels_in(cell: Rectangle, count: int, measures: Measures) -> list[Rectangle]:
    """The panels of a cell, from the left: frame, band and picture of each.

    A cell with fewer panels than the fullest one shares its width among those it has.
    """
    edges = [cell.left + cell.width * i // count for i in range(count + 1)]
    return [Rectangle(a, cell.top, b - a, measures.panel[1]) for a, b in pairwise(edges)]


def fitted(size: tuple[int, int], room: Rectangle) -> Rectangle:
    """Where a picture of some size goes within a room: as large as fits, with its proportions, in the middle.

    >>> fitted((10, 20), Rectangle(0, 0, 40, 40))
    Rectangle(left=10, top=0, width=20, height=40)
    """
    scale = min(room.width / size[0], room.height / size[1])
    width = min(max(round(size[0] * scale), 1), room.width)
    height = min(max(round(size[1] * scale), 1), room.height)
    return Rectangle(room.left + (room.width - width) // 2, room.top + (room.height - height) // 2, width, height)


def picture_place(sizes: Sequence[tuple[int, int]], longest: int, least: int) -> tuple[int, int]:
    """Width and height that suit most of the pictures: the proportions of the middle one.

    Args:
        sizes: Of the pictures; none: an upright person.
        longest: The longer side.
        least: The width is no less, so that words fit.

    >>> picture_place([(64, 128)] * 3, 160, 50), picture_place([(200, 100)], 160, 50), picture_place([], 160, 90)
    ((80, 160), (160, 80), (90, 160))
    """
    shapes = sorted(width / height for width, height in sizes)
    shape = min(max(shapes[len(shapes) // 2], 1 / MOST_UNEVEN), MOST_UNEVEN) if shapes else 0.5
    width, height = (round(longest * shape), longest) if shape <= 1 else (longest, round(longest / shape))
    return max(width, least), height
