"""Some identities in every modality: what the numbers are of."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from indexer.plural import count
from indexer.report.facts import Cell, Facts, PictureRow
from indexer.report.markup import Content, Markup, breakable, clipped, tag
from indexer.report.section import Section, lead

_LONGEST = 160
_MOST_NAMED = 6


def pictures(facts: Facts) -> Section:
    """The seventh section."""
    heading, told = "Some identities", facts.pictures
    if not told.rows:
        return Section("pictures", heading, [lead(told.absent or "No pictures were asked for.")])
    modalities = [name for name in facts.metadata.modalities if any(name in row.cells for row in told.rows)]
    # A narrow screen shows each identity as a block: roles then tell what the table's own display no longer does.
    names = [tag("th", name, scope="col", role="columnheader") for name in modalities]
    head = tag("tr", tag("th", "identity", scope="col", role="columnheader"), names, role="row")
    rows = [tag("tr", _who(row, len(modalities) > 1), _cells(row, modalities), role="row") for row in told.rows]
    drawn = tag(
        "table", tag("caption", "the first sample of each modality"),
        tag("thead", head, role="rowgroup"), tag("tbody", rows, role="rowgroup"), id="table-pictures", class_="pictures",
        role="table",
    )  # fmt: skip
    content: list[Content] = [
        lead(
            f"{count(len(told.rows), 'identity')} that nobody picked: spread over the combinations of modalities that there are."
        )
    ]
    if told.absent:
        content.append(tag("p", told.absent))
    box = tag("div", drawn, class_="scroll", tabindex=0, role="group", aria_label="some identities, scrolls sideways")
    return Section("pictures", heading, [*content, box])


def _who(row: PictureRow, several: bool) -> Markup:
    number = len(row.combination.split("+"))
    words = breakable(row.combination) if number <= _MOST_NAMED else count(number, "modality")
    combination = tag("span", words, class_="small") if several else None
    return tag("th", tag("span", row.identity, class_="who"), combination, scope="row", role="rowheader")


def _cells(row: PictureRow, modalities: Sequence[str]) -> list[Content]:
    return [
        tag("td", _cell(row.cells.get(name), f"identity {row.identity}, {name}"), role="cell", data_name=name)
        for name in modalities
    ]


def _cell(cell: Cell | None, told: str) -> Markup:
    if cell is None:
        return tag("span", "none", class_="empty")
    if cell.problem is not None:
        return tag("span", cell.problem, class_="empty broken", title=cell.path)
    if cell.caption is not None:
        return tag("q", clipped(cell.caption, _LONGEST), class_="sentence")
    data = b64encode(cell.image or b"").decode()
    return tag(
        "img", src=f"data:image/jpeg;base64,{data}", width=cell.size[0], height=cell.size[1], alt=told, title=cell.path
    )
