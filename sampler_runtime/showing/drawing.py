"""A sheet and its pictures -> one picture of it all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw

from sampler_runtime.showing.arrangement import Measures, Rectangle, arrange, fitted, panels_in, picture_place
from sampler_runtime.showing.lettering import Lettering
from sampler_runtime.showing.palette import Colour, colour_of
from sampler_runtime.showing.pictures import Pictures, Unseen
from sampler_runtime.showing.sheet import Cell, Panel, Sheet, SheetRow, without_words

PAPER: Final[Colour] = (255, 255, 255)
_INK: Final[Colour] = (24, 24, 24)
_PALE_INK: Final[Colour] = (96, 96, 96)
_ALERT: Final[Colour] = (168, 32, 32)
_NOTHING: Final[Colour] = (238, 238, 238)
_LEAST_WIDTH: Final = 84
_LEAST_WIDTH_OF_CAPTION: Final = 112
_LEAST_WIDTH_OF_SENTENCE: Final = 132
"""So that words fit; where somebody asks for smaller pictures, they are as wide as high."""
_CAPTION_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Fonts:
    """The sizes of letters on a sheet."""

    title: Lettering
    heading: Lettering
    words: Lettering
    small: Lettering


def fonts() -> Fonts:
    """Letters as large as a person reads them on a screen."""
    return Fonts(Lettering(17), Lettering(15), Lettering(13), Lettering(12))


def draw_sheet(sheet: Sheet, pictures: Pictures, max_size: int) -> Image.Image:
    """The sheet as an RGB picture.

    Args:
        sheet: What it holds.
        pictures: Of all its sources.
        max_size: The longer side of a picture on it, in pixels.

    Raises:
        SettingsError: It would be too large for programs to open.
    """
    letters = fonts()
    measures = measures_of(sheet, pictures, max_size, letters)
    lines = [_lines_of(row, measures, letters) for row in sheet.rows]
    plan = arrange([len(row.cells) for row in sheet.rows], [max(map(len, ls), default=0) for ls in lines], measures)
    pencil = _Pencil(Image.new("RGB", (plan.width, plan.height), PAPER), letters, measures)
    pencil.title(sheet, plan.title)
    for row, of_cells, head, places, tail in zip(sheet.rows, lines, plan.heads, plan.cells, plan.tails, strict=True):
        pencil.head(row, head)
        for cell, words, place in zip(row.cells, of_cells, places, strict=True):
            pencil.cell(cell, words, place, pictures)
        pencil.tail(row, tail)
    return pencil.image


def measures_of(sheet: Sheet, pictures: Pictures, max_size: int, letters: Fonts) -> Measures:
    """The sizes that suit a sheet."""
    sizes = [found.size for found in pictures.values() if isinstance(found, Image.Image)]
    tells = any(panel.sentence is not None for panel in sheet.every_panel())
    captioned = any(cell.captions for row in sheet.rows for cell in row.cells)
    least = _LEAST_WIDTH_OF_SENTENCE if tells else _LEAST_WIDTH_OF_CAPTION if captioned else _LEAST_WIDTH
    least = min(least, max_size)
    return Measures(
        picture=picture_place(sizes, max_size, least),
        panels=sheet.panels,
        band=18,
        frame=3,
        line=15,
        head=_width_of_heads(sheet, letters),
        tail=124 if any(row.remarks for row in sheet.rows) else 0,
        title=26 + 18 * len(sheet.lines),
        gap=10,
    )


def _width_of_heads(sheet: Sheet, letters: Fonts) -> int:
    """As wide as the words need, within limits: longer ones are broken."""
    words = [letters.heading.width(letters.heading.known(row.head[0])) for row in sheet.rows if row.head]
    words += [letters.words.width(letters.words.known(line)) for row in sheet.rows for line in row.head[1:]]
    return min(max(int(max(words, default=0)) + 4, 64), 150)


def _lines_of(row: SheetRow, measures: Measures, letters: Fonts) -> list[list[tuple[str, Colour]]]:
    """Of each cell the lines beneath its pictures, with their colours."""
    room = measures.panels * measures.panel[0] - 2
    found = []
    for cell in row.cells:
        lines: list[tuple[str, Colour]] = []
        for caption in cell.captions:
            lines += [(line, _INK) for line in letters.small.lines(caption, room, _CAPTION_LINES)]
        if cell.note:
            lines.append((letters.small.clipped(cell.note, room), _ALERT if cell.repeats else _INK))
        if cell.name:
            lines.append((letters.small.clipped(cell.name, room, keep_end=True), _PALE_INK))
        found.append(lines)
    return found


class _Pencil:
    """Draws the parts of a sheet."""

    def __init__(self, image: Image.Image, letters: Fonts, measures: Measures) -> None:
        self.image, self.letters, self.measures = image, letters, measures
        self.draw = ImageDraw.Draw(image)

    def title(self, sheet: Sheet, place: Rectangle) -> None:
        title = self.letters.title
        self._bold(place.left, place.top, title.clipped(sheet.title, place.width), title, _INK)
        for number, line in enumerate(sheet.lines):
            text = self.letters.words.clipped(line, place.width)
            self._words(place.left, place.top + 26 + 18 * number, text, self.letters.words, _PALE_INK)

    def head(self, row: SheetRow, place: Rectangle) -> None:
        """The row's heading and what is beneath it, from its top; a line above sets it off from the row before."""
        if not row.continues:
            middle = place.top - self.measures.gap // 2 - 1
            self.draw.line((place.left, middle, self.image.width - self.measures.gap, middle), fill=(222, 222, 222))
        top = place.top + 1
        for number, line in enumerate(row.head):
            letters = self.letters.words if number else self.letters.heading
            for text in letters.lines(line, place.width, 3):
                if number:
                    self._words(place.left, top, text, letters, _INK)
                else:
                    self._bold(place.left, top, text, letters, _INK)
                top += 16 if number else 21

    def tail(self, row: SheetRow, place: Rectangle) -> None:
        most = max(place.height // 15, 1)
        lines = [
            (text, _ALERT if remark.lacks else _PALE_INK)
            for remark in row.remarks
            for text in self.letters.words.lines(remark.words, place.width, most)
        ]
        for number, (text, colour) in enumerate(lines[:most]):
            self._words(place.left, place.top + 1 + 15 * number, text, self.letters.words, colour)

    def cell(self, cell: Cell, lines: list[tuple[str, Colour]], place: Rectangle, pictures: Pictures) -> None:
        for panel, room in zip(cell.panels, panels_in(place, len(cell.panels), self.measures), strict=True):
            self._panel(panel, room, pictures)
        top = place.top + self.measures.panel[1] + 1
        for number, (text, colour) in enumerate(lines):
            self._words(place.left + 1, top + number * self.measures.line, text, self.letters.small, colour)

    def _panel(self, panel: Panel, place: Rectangle, pictures: Pictures) -> None:
        m, colour, camera = self.measures, colour_of(panel.modality), panel.camera
        empty = panel.source is None and panel.sentence is None
        inside = Rectangle(
            place.left + m.frame, place.top + m.frame + m.band, place.width - 2 * m.frame, place.height - m.band - 2 * m.frame
        )  # fmt: skip
        found = pictures.get(panel.source) if panel.source is not None else None
        self._box(place, PAPER if empty else colour)
        self._box(inside, _NOTHING if empty or isinstance(found, Unseen) else PAPER)
        if empty:
            self.draw.rectangle((place.left, place.top, place.right - 1, place.bottom - 1), outline=(170, 170, 170))
        ink = _PALE_INK if empty else PAPER
        words, room, top = self.letters.words, place.width - 2 * m.frame - 4, place.top + m.frame
        label = words.clipped(panel.modality, room)
        self._words(place.left + m.frame + 2, top, label, words, ink)
        left = room - int(words.width(label)) - 8
        if camera and left > 20:
            told = words.clipped(f"cam {camera}" if words.width(words.known(f"cam {camera}")) <= left else camera, left)
            self._words(place.right - m.frame - 2 - int(words.width(told)), top, told, words, ink)
        if isinstance(found, Image.Image):
            spot = fitted(found.size, inside)
            self.image.paste(found.resize((spot.width, spot.height), Image.Resampling.BICUBIC), (spot.left, spot.top))
        elif panel.sentence is not None:
            self._paragraph(panel.sentence or "(no words)", inside, _INK)
        else:
            self._paragraph(found.words if isinstance(found, Unseen) else without_words(panel.modality), inside, _ALERT)

    def _paragraph(self, text: str, room: Rectangle, colour: Colour) -> None:
        lines = self.letters.small.lines(text, room.width - 8, max((room.height - 6) // 15, 1))
        for number, line in enumerate(lines):
            self._words(room.left + 4, room.top + 4 + 15 * number, line, self.letters.small, colour)

    def _box(self, place: Rectangle, colour: Colour) -> None:
        if place.width > 0 and place.height > 0:
            self.image.paste(colour, (place.left, place.top, place.right, place.bottom))

    def _words(self, left: int, top: int, text: str, letters: Lettering, colour: Colour) -> None:
        self.draw.text((left, top), text, fill=colour, font=letters.font)

    def _bold(self, left: int, top: int, text: str, letters: Lettering, colour: Colour) -> None:
        """The bundled font has one weight: the same words again, a pixel to the right."""
        self._words(left, top, text, letters, colour)
        self._words(left + 1, top, text, letters, colour)
