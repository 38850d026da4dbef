"""A grid of numbers, the darker the more: what meets what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from indexer.report.figures.frame import LETTER, figure, percent, words
from indexer.report.markup import Content, Markup, shortened, tag

_ROW: Final = 32
_HEAD: Final = 26
_LONGEST: Final = 16
_DARKEST: Final = 0.5
"""Of the accent: what is written over it stays readable in both schemes."""


def grid(
    name: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Sequence[Sequence[int | None]],
    *,
    unit: str,
    marked: Sequence[tuple[int, int]] = (),
) -> Markup:
    """The figure.

    Args:
        name: Its id on the page.
        title: What it shows.
        columns: Their names.
        rows: Their names.
        cells: Numbers by row and column; None: there is nothing to tell.
        unit: What is counted.
        marked: Rows and columns of cells that are faults: they get a frame, and a mark beside the number.
    """
    labels = [shortened(label, _LONGEST) for label in rows]
    left = LETTER * max(map(len, labels), default=0) + 12
    width = 1 / max(len(columns), 1)
    needed = max([LETTER * max(len(f"{n:,}") for n in line if n is not None) for line in cells if any(line)] or [0])
    needed = max(needed + 14, LETTER * min(max(map(len, columns), default=0), 9) + 8)
    least = int(left + needed * len(columns))
    room = max(3, int((max(least, 320) - left) / max(len(columns), 1) / (LETTER + 1)) - 1)
    most = max((number for line in cells for number in line if number), default=0) or 1
    drawn: list[Content] = [
        words(shortened(column, room), percent((i + 0.5) * width), 16, anchor="middle")
        for i, column in enumerate(columns)
    ]
    for i, line in enumerate(cells):
        top = _HEAD + i * _ROW
        for j, number in enumerate(line):
            if number is None:
                continue
            at: dict[str, str | int] = {
                "x": percent(j * width),
                "y": top + 2,
                "width": percent(width),
                "height": _ROW - 4,
            }
            middle = percent((j + 0.5) * width)
            if number:
                depth = round(0.08 + (_DARKEST - 0.08) * (number / most) ** 0.5, 3)
                drawn.append(tag("rect", **at, class_="cell", fill_opacity=depth))
            fault = (i, j) in marked
            if fault:
                drawn.append(tag("rect", **at, class_="fault"))
            told = f"{'! ' if fault else ''}{number:,}" if number else "–"
            drawn.append(words(told, middle, top + 21, anchor="middle", kind=None if number else "muted"))
    drawn += [words(label, -left, _HEAD + i * _ROW + 21) for i, label in enumerate(labels)]
    description = f"{unit}: " + "; ".join(
        f"{row} " + ", ".join(f"{column} {number:,}" for column, number in zip(columns, line, strict=True) if number)
        for row, line in zip(rows, cells, strict=True)
        if any(line)
    )
    height = _HEAD + len(rows) * _ROW
    return figure(name, title, description + ".", height, *drawn, left=left, right=0, least=least)
