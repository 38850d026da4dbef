"""Bars, one below the other, with names on the left and numbers on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from indexer.report.figures.frame import LETTER, figure, percent, words
from indexer.report.markup import Markup, shortened, tag

_ROW: Final = 26
_LONGEST: Final = 26


@dataclass(frozen=True)
class Bar:
    """One bar."""

    label: str
    value: int
    told: str
    """The number as it is written."""


def bars(name: str, title: str, rows: Sequence[Bar], *, unit: str, full: int | None = None) -> Markup:
    """A figure of bars.

    Args:
        name: Its id on the page.
        title: What it shows.
        rows: From the top.
        unit: What is counted: `identities`.
        full: What would fill the width; None: the largest.
    """
    most = full or max((row.value for row in rows), default=0) or 1
    labels = [shortened(row.label, _LONGEST) for row in rows]
    left = LETTER * max(map(len, labels), default=0) + 12
    right = LETTER * max((len(row.told) for row in rows), default=0) + 12
    description = f"{unit}: " + "; ".join(f"{row.label} {row.told}" for row in rows) + "."
    drawn = []
    for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
        top, height = number * _ROW, {"height": 16, "rx": 3}
        drawn += [
            words(label, -left, top + 17),
            tag("rect", x=0, y=top + 5, width="100%", **height, class_="track"),
            tag("rect", x=0, y=top + 5, width=percent(row.value / most), **height, class_="bar"),
            words(row.told, "100%", top + 17, anchor="end", kind="number", shift=right),
        ]
    return figure(name, title, description, max(len(rows), 1) * _ROW, *drawn, left=left, right=right)
