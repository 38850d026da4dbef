"""A part of the page: a heading, a sentence that says the most important of it, figures, and their numbers as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.report.markup import Content, Markup, tag


@dataclass(frozen=True)
class Section:
    """One section."""

    name: str
    """Its id."""
    heading: str
    content: Sequence[Content]

    def drawn(self, number: int) -> Markup:
        """As HTML."""
        heading = tag("h2", tag("span", str(number), class_="place", aria_hidden="true"), self.heading, id=self.name)
        return tag("section", heading, *self.content, aria_labelledby=self.name)


def lead(*content: Content) -> Markup:
    """The sentence that says the most important."""
    return tag("p", *content, class_="lead")


def note(*content: Content, kind: str = "remark") -> Markup:
    """A remark, a `warning`, or what is `fine`: each begins with a word, so that its colour is not the only sign."""
    word = {"remark": "Note", "warning": "Look at this", "fine": "Fine"}[kind]
    return tag("p", tag("strong", f"{word}: "), *content, class_=f"note {kind}")


def table(
    name: str, caption: str, head: Sequence[str], rows: Sequence[Sequence[Content]], *, is_open: bool = False
) -> Markup:
    """Numbers, folded away below their figure; the first column names the rows.

    Args:
        name: Its id.
        caption: What it holds.
        head: Names of the columns.
        rows: The cells.
        is_open: Not folded away: there is no figure of it.
    """
    numbers = [bool(rows) and all(_kind(row[column]) for row in rows) for column in range(len(head))]
    headings = tag(
        "tr", [tag("th", word, scope="col", class_="n" if n else None) for word, n in zip(head, numbers, strict=True)]
    )
    lines = [
        tag("tr", tag("th", first, scope="row"), [tag("td", cell, class_=_kind(cell)) for cell in cells])
        for first, *cells in rows
    ]
    drawn = tag(
        "table", tag("caption", caption), tag("thead", headings), tag("tbody", lines), id=name
    )  # fmt: skip
    box = tag("div", drawn, class_="scroll", tabindex=0, role="group", aria_label=caption)
    return box if is_open else tag("details", tag("summary", f"Numbers: {caption}"), box)


def columns(*content: Content) -> Markup:
    """Things beside each other where there is room."""
    return tag("div", *content, class_="columns")


def aligned(number: str) -> Markup:
    """A number that is told in words (`81.2%`, `12.75`): set to the right, as whole numbers are."""
    return tag("span", number, class_="n")


def _kind(cell: Content) -> str | None:
    return "n" if isinstance(cell, int) or (isinstance(cell, Markup) and cell.startswith('<span class="n">')) else None


def bullets(items: Sequence[Content]) -> Markup:
    """A list."""
    return tag("ul", [tag("li", item) for item in items])
