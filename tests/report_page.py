"""A report -> its tables and texts, as a reader who knows nothing of how it was made would take them from the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "wbr", "rect", "circle", "line", "path"}


@dataclass
class Page:
    """What is on a page."""

    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    """By id: rows of cells, the head first."""
    figures: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By id: title and description."""
    headings: list[tuple[int, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    unclosed: list[str] = field(default_factory=list)

    def rows(self, table: str) -> dict[str, list[str]]:
        """The body of a table by the names of its rows."""
        return {first: cells for first, *cells in self.tables[table][1:]}

    def numbers(self, table: str) -> dict[str, dict[str, int]]:
        """Row → column → whole number; columns of a name that was there before are left out."""
        head = self.tables[table][0][1:]
        return {
            name: {
                column: int(cell.replace(",", ""))
                for column, cell in reversed(list(zip(head, cells, strict=True)))
                if cell.replace(",", "").isdecimal()
            }
            for name, cells in self.rows(table).items()
        }


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page, self.open, self.table, self.figure = Page(), [], "", ""

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.page.tags.append((tag, told))
        if "id" in told:
            self.page.ids.append(told["id"])
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.table = told["id"]
            self.page.tables[self.table] = []
        elif tag == "tr":
            self.page.tables[self.table].append([])
        elif tag in ("td", "th"):
            self.page.tables[self.table][-1].append("")
        elif tag in ("h1", "h2", "h3", "h4"):
            self.page.headings.append((int(tag[1]), ""))
        elif tag == "svg":
            self.figure = told.get("id", "")
            self.page.figures[self.figure] = ("", "")

    def handle_startendtag(self, tag, attrs):
        self.page.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.page.text += data
        inner = self.open[-1] if self.open else ""
        if {"td", "th"} & set(self.open):
            self.page.tables[self.table][-1][-1] += data
        for level in ("h1", "h2", "h3", "h4"):
            if level in self.open and inner == level:
                number, before = self.page.headings[-1]
                self.page.headings[-1] = (number, before + data)
        if "svg" in self.open and inner in ("title", "desc"):
            title, description = self.page.figures[self.figure]
            self.page.figures[self.figure] = (
                (title + data, description) if inner == "title" else (title, description + data)
            )


def read_page(file: Path | str) -> Page:
    """The page in a file, or of a text."""
    reader = _Reader()
    reader.feed(Path(file).read_text(encoding="utf-8") if isinstance(file, Path) else file)
    reader.close()
    reader.page.unclosed = reader.open
    return reader.page
