"""A sheet -> what a terminal shows: half blocks in colours where it can show them, else a table of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PIL import Image
from rich import box
from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from sampler_runtime.showing.palette import Colour, as_hex, colour_of
from sampler_runtime.showing.pictures import Pictures, Unseen
from sampler_runtime.showing.sheet import Cell, Panel, Sheet, SheetRow, without_words

LEAST_WIDTH: Final = 8
"""Characters of a panel: a person in fewer is a smear."""
MOST_WIDTH: Final = 20
_HEAD: Final = 14
_TAIL: Final = 16
_UPPER_HALF: Final = "▀"
_LETTERS: Final = {
    "rgb": "cyan", "nir": "magenta", "ir": "magenta", "tir": "red", "sketch": "default", "cpencil": "green", "text": "yellow",
}  # fmt: skip
"""Colours of words, which the terminal's own scheme makes readable."""


def width_of_panels(sheet: Sheet, width: int) -> int:
    """Characters that each panel can have; less than `LEAST_WIDTH`: pictures cannot be told there.

    Args:
        sheet: With at least one row.
        width: Of the terminal.
    """
    tail = _TAIL + 1 if any(row.remarks for row in sheet.rows) else 0
    cells = (width - _HEAD - 1 - tail) // max(sheet.columns, 1) - 1
    return min(cells // sheet.panels, MOST_WIDTH)


def in_blocks(sheet: Sheet, pictures: Pictures, width: int) -> RenderableType:
    """The sheet as half blocks: two pixels a character.

    Args:
        sheet: What it holds.
        pictures: Of all its sources.
        width: Characters of a panel, at least `LEAST_WIDTH`.
    """
    parts: list[RenderableType] = _titles(sheet)
    has_tail = any(row.remarks for row in sheet.rows)
    for row in sheet.rows:
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=_HEAD)
        cell_width = width * sheet.panels
        for _ in range(sheet.columns):
            grid.add_column(width=cell_width)
        if has_tail:
            grid.add_column(width=_TAIL)
        cells: list[RenderableType] = [_cell(cell, pictures, cell_width) for cell in row.cells]
        cells += [Text()] * (sheet.columns - len(cells))
        grid.add_row(_head(row), *cells, *([_tail(row)] if has_tail else []))
        parts += [grid, Text()]
    return Group(*parts)


def in_words(sheet: Sheet, pictures: Pictures) -> RenderableType:
    """The sheet as a table of words."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("")
    for number in range(sheet.columns):
        table.add_column(str(number), overflow="fold")
    if any(row.remarks for row in sheet.rows):
        table.add_column("")
    for row in sheet.rows:
        cells = [_words_of(cell, pictures) for cell in row.cells]
        cells += [Text()] * (sheet.columns - len(cells))
        tail = [_tail(row)] if any(row.remarks for row in sheet.rows) else []
        table.add_row(Text(row.head[0] if row.head else ""), Text(_shown(" ".join(row.head[1:]))), *cells, *tail)
    return Group(*_titles(sheet)[:-1], table)


def _titles(sheet: Sheet) -> list[RenderableType]:
    return [Text(_shown(sheet.title), style="bold"), *(Text(_shown(line), style="dim") for line in sheet.lines), Text()]


def _head(row: SheetRow) -> Text:
    lines = [Text(_shown(line), style="bold" if number == 0 else "") for number, line in enumerate(row.head)]
    return Text("\n").join(lines)


def _tail(row: SheetRow) -> Text:
    return Text("\n").join([Text(_shown(r.words), style="red" if r.lacks else "dim") for r in row.remarks])


def _words_of(cell: Cell, pictures: Pictures) -> Text:
    words = Text()
    for number, panel in enumerate(cell.panels):
        words.append("+" if number else "")
        empty = panel.source is None and panel.sentence is None
        words.append(
            without_words(panel.modality) if empty else panel.modality,
            style="dim" if empty else _LETTERS.get(panel.modality, "green"),
        )
        found = pictures.get(panel.source) if panel.source is not None else None
        if isinstance(found, Unseen):
            words.append(f" ({found.words})", style="red")
    cameras = dict.fromkeys(panel.camera for panel in cell.panels if panel.camera is not None)
    if cameras:
        words.append(f" cam {_shown(', '.join(cameras))}", style="dim")
    if cell.repeats:
        words.append(" repeated", style="red")
    return words


def _cell(cell: Cell, pictures: Pictures, width: int) -> Table:
    each = width // max(len(cell.panels), 1)
    grid = Table.grid()
    for _ in cell.panels:
        grid.add_column(width=each)
    grid.add_row(*(_band(panel, each) for panel in cell.panels))
    grid.add_row(*(_inside(panel, pictures, each) for panel in cell.panels))
    if cell.repeats:
        grid.add_row(Text("repeated", style="red"))
    return grid


def _band(panel: Panel, width: int) -> Text:
    """The modality and, where there is room, the camera, on the modality's colour."""
    empty = panel.source is None and panel.sentence is None
    camera = _shown(panel.camera or "")
    words = panel.modality[:width]
    if camera and len(words) + len(camera) + 1 <= width:
        words += " " * (width - len(words) - len(camera)) + camera
    style = Style(dim=True) if empty else Style(color="#ffffff", bgcolor=as_hex(colour_of(panel.modality)))
    return Text(words.ljust(width), style=style, no_wrap=True)


def _inside(panel: Panel, pictures: Pictures, width: int) -> Text:
    found = pictures.get(panel.source) if panel.source is not None else None
    if isinstance(found, Image.Image):
        return half_blocks(found, width)
    if isinstance(found, Unseen):
        return Text(found.words, style="red")
    if panel.sentence is not None:
        return Text(_shown(panel.sentence) or "(no words)")
    return Text(without_words(panel.modality), style="dim")


def half_blocks(image: Image.Image, width: int) -> Text:
    """A picture of so many characters a line: the upper pixel of each is its letter's colour, the lower one that behind it.

    Args:
        image: RGB.
        width: Characters.
    """
    height = min(max(round(image.height * width / image.width / 2), 1), 2 * width) * 2
    pixels: Sequence[Colour] = [*_pixels(image.resize((width, height), Image.Resampling.BOX))]
    text = Text(no_wrap=True)
    for top in range(0, height, 2):
        for left in range(width):
            upper, lower = pixels[top * width + left], pixels[(top + 1) * width + left]
            text.append(_UPPER_HALF, Style(color=as_hex(upper), bgcolor=as_hex(lower)))
        if top + 2 < height:
            text.append("\n")
    return text


def _pixels(image: Image.Image) -> list[Colour]:
    values = image.tobytes()
    return [(values[i], values[i + 1], values[i + 2]) for i in range(0, len(values), 3)]


def _shown(text: str) -> str:
    """Without control characters: a label must not move the cursor.

    >>> _shown("a" + chr(27) + "[2J")
    'a?[2J'
    """
    return "".join(c if c.isprintable() else "?" if c not in "\n\t" else " " for c in text)
