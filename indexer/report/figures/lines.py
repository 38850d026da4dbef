"""Shares that grow from epoch to epoch: lines that differ by dashes and marks, not by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from indexer.report.figures.frame import figure, percent, words
from indexer.report.markup import Content, Markup, tag

_HEIGHT: Final = 176
_TOP: Final = 40
_LEFT: Final = 46
_RIGHT: Final = 14


@dataclass(frozen=True)
class Line:
    """One line of at most three."""

    label: str
    shares: tuple[float, ...]
    """0 to 1, one for each step."""


def lines(name: str, title: str, steps: Sequence[int], rows: Sequence[Line], *, unit: str) -> Markup:
    """The figure.

    Args:
        name: Its id on the page.
        title: What it shows.
        steps: Numbers below the axis.
        rows: The lines, at most three.
        unit: What a step is: `epoch`.
    """
    drawn: list[Content] = []
    for quarter in range(5):
        y = _TOP + _HEIGHT * (1 - quarter / 4)
        drawn.append(words(f"{25 * quarter}%", -10, y + 4, anchor="end", kind="muted"))
        drawn.append(tag("rect", x=0, y=y, width="100%", height=1, class_="rule"))
    inside: list[Content] = []
    apart = 1 / max(len(steps) - 1, 1)
    every = -(-len(steps) // 8)
    for number, step in enumerate(steps):
        if number % every == 0 or number == len(steps) - 1 >= every * (number // every) + every - 1:
            middle = percent(number * apart if len(steps) > 1 else 0.5)
            inside.append(words(str(step), middle, _TOP + _HEIGHT + 22, anchor="middle", kind="muted"))
    for which, row in enumerate(rows):
        points = [
            (number * apart if len(steps) > 1 else 0.5, _TOP + _HEIGHT * (1 - share))
            for number, share in enumerate(row.shares)
        ]
        for (x1, y1), (x2, y2) in pairwise(points):
            inside.append(tag("line", x1=percent(x1), x2=percent(x2), y1=y1, y2=y2, class_=f"line line{which}"))
        inside += [_mark(which, percent(x), y) for x, y in points]
    drawn += inside
    x = -float(_LEFT)
    for which, row in enumerate(rows):
        drawn.append(tag("line", x1=x, x2=x + 30, y1=12, y2=12, class_=f"line line{which}"))
        drawn.append(_mark(which, x + 15, 12))
        drawn.append(words(row.label, x + 38, 16))
        x += 38 + 7.4 * len(row.label) + 22
    drawn.append(words(unit, "100%", _TOP + _HEIGHT + 42, anchor="end", kind="muted"))
    description = "; ".join(
        f"{row.label}: " + ", ".join(f"{share:.1%} after {step}" for step, share in zip(steps, row.shares, strict=True))
        for row in rows
    )
    return figure(name, title, description + ".", _TOP + _HEIGHT + 50, *drawn, left=_LEFT, right=_RIGHT)


def _mark(which: int, x: str | float, y: float) -> Markup:
    """A disc, or a square: told apart without colour. The place is the middle of both."""
    if which == 0:
        return tag("circle", cx=x, cy=y, r=4.5, class_="mark0")
    return tag("rect", x=x, y=y - 4, width=8, height=8, transform="translate(-4 0)", class_="mark1")
