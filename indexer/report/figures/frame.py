"""What all figures have: a name, words for those who do not see it, and a size."""

from __future__ import annotations

from indexer.report.markup import Content, Markup, tag

LETTER = 7.4
"""Pixels of a letter at the size that figures write in, rather too many than too few."""
_TELEPHONE = 320
"""Pixels of a column on a small telephone."""


def figure(
    name: str, title: str, description: str, height: int, *content: Content, left: float, right: float, least: int = 0
) -> Markup:
    """A figure as wide as its column.

    Percents count between the margins, pixels from the left one: names stand at negative places, numbers behind 100%. So
    nothing has to be reckoned when the width changes.

    Args:
        name: Its id on the page.
        title: What it shows, in a few words; also read out.
        description: What is to be seen in it, for those who do not see it.
        height: In pixels.
        content: SVG, widths in percent.
        left: The margin for names, in pixels.
        right: The margin for numbers.
        least: Where the column is narrower than so many pixels, the figure scrolls within it.
    """
    margins = f"padding:0 {right:.0f}px 0 {left:.0f}px"
    drawn = tag(
        "svg", tag("title", title, id=f"{name}-title"), tag("desc", description, id=f"{name}-desc"), *content,
        role="img", id=name, aria_labelledby=f"{name}-title {name}-desc", width="100%", height=height,
        style=margins + (f";min-width:{least}px" if least > _TELEPHONE else ""),
    )  # fmt: skip
    return tag("figure", tag("figcaption", title), tag("div", drawn, class_="scroll", **_focus(least)))


def _focus(least: int) -> dict[str, int | str]:
    """What scrolls must be reached by the keyboard."""
    if least <= _TELEPHONE:
        return {}
    return {"tabindex": 0, "role": "group", "aria_label": "figure, scrolls sideways"}


def words(
    content: str,
    x: float | str,
    y: float,
    *,
    anchor: str | None = None,
    kind: str | None = None,
    shift: float | None = None,
) -> Markup:
    """A piece of text in a figure.

    Args:
        content: The text.
        x: Where it stands, in percent or pixels.
        y: Its base line.
        anchor: `middle` or `end`: what of it stands there.
        kind: A class.
        shift: Pixels further to the right.
    """
    return tag("text", content, x=x, y=y, dx=shift, text_anchor=anchor, class_=kind)


def percent(part: float) -> str:
    """A part, 0 to 1, of what lies between the margins."""
    return f"{100 * part:.4g}%"
