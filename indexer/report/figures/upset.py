"""Which modalities come together: a matrix of dots, a row a combination, and how many identities have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from indexer.report.figures.frame import LETTER, figure, percent, words
from indexer.report.markup import Content, Markup, tag

_ROW: Final = 28
_COLUMN: Final = 26
_HEAD: Final = 64


@dataclass(frozen=True)
class Combination:
    """One combination of modalities."""

    modalities: tuple[str, ...]
    """Empty: combinations that are too many to show."""
    identities: int
    told: str
    pairable: bool
    label: str = ""
    """Instead of dots."""


def upset(name: str, title: str, modalities: Sequence[str], rows: Sequence[Combination]) -> Markup:
    """The figure: filled bars are pairable identities, outlined ones are not.

    Args:
        name: Its id on the page.
        title: What it shows.
        modalities: The columns.
        rows: From the top.
    """
    most = max((row.identities for row in rows), default=0) or 1
    left = _COLUMN * len(modalities) + 22
    right = LETTER * max((len(row.told) for row in rows), default=0) + 12
    description = "; ".join(
        f"{row.told} identities with {'+'.join(row.modalities) or row.label}{'' if row.pairable else ', not pairable'}"
        for row in rows
    )
    drawn: list[Content] = []
    for column, modality in enumerate(modalities):
        x = column * _COLUMN + 15 - left
        drawn.append(tag("text", modality, x=0, y=0, transform=f"translate({x} {_HEAD - 10}) rotate(-48)"))
        drawn.append(tag("rect", x=x - 12, y=_HEAD, width=24, height=len(rows) * _ROW, rx=5, class_="lane"))
    for number, row in enumerate(rows):
        middle = _HEAD + number * _ROW + _ROW // 2
        places = [column for column, modality in enumerate(modalities) if modality in row.modalities]
        if places:
            first, last = (place * _COLUMN + 15 - left for place in (places[0], places[-1]))
            drawn.append(tag("line", x1=first, x2=last, y1=middle, y2=middle, class_="link"))
            for column in range(len(modalities)):
                kind = "dot" if column in places else "hole"
                drawn.append(
                    tag("circle", cx=column * _COLUMN + 15 - left, cy=middle, r=6 if kind == "dot" else 3, class_=kind)
                )
        else:
            drawn.append(words(row.label, 3 - left, middle + 4, kind="muted"))
        wide, kind = percent(row.identities / most), "bar" if row.pairable else "hollow"
        drawn.append(tag("rect", x=0, y=middle - 8, width=wide, height=16, rx=3, class_=kind))
        drawn.append(words(row.told, "100%", middle + 4, anchor="end", kind="number", shift=right))
    least = int(left + right + 90)
    height = _HEAD + max(len(rows), 1) * _ROW
    return figure(name, title, description + ".", height, *drawn, left=left, right=right, least=least)
