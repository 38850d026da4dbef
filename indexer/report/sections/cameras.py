"""Which camera took how many samples of which modality."""

from __future__ import annotations

from typing import Final

from indexer.inspection.cameras import NO_CAMERA
from indexer.plural import count
from indexer.report.facts import Facts
from indexer.report.figures import grid
from indexer.report.markup import Content, share
from indexer.report.section import Section, aligned, lead, note, table

_MOST: Final = 20
_MOST_IN_TABLE: Final = 200


def cameras(facts: Facts) -> Section:
    """The fourth section."""
    told, metadata = facts.found.cameras, facts.metadata
    heading = "Cameras and modalities"
    kinds = [name for name in metadata.modalities if any(name in row for row in told.values())]
    if set(told) <= {NO_CAMERA}:
        return Section(
            "cameras", heading, [lead("This dataset tells no cameras."),
            note("contracts such as cameras>=2, and evaluations that leave out the same camera, need them.")],
        )  # fmt: skip
    by_size = sorted(told, key=lambda name: -sum(told[name].values()))
    largest = set(by_size[:_MOST]) if len(told) > _MOST + 1 else set(told)
    shown = [name for name in told if name in largest]
    cells: list[list[int | None]] = [[told[name].get(kind, 0) for kind in kinds] for name in shown]
    rows, rest = list(shown), [name for name in told if name not in largest]
    if rest:
        rows.append(f"{len(rest):,} others")
        cells.append([sum(told[name].get(kind, 0) for name in rest) for kind in kinds])
    several = sum(len(row) > 1 for name, row in told.items() if name != NO_CAMERA)
    number = len(set(told) - {NO_CAMERA})
    lone = sum(sum(row.values()) for name, row in told.items() if name == NO_CAMERA)
    content: list[Content] = [
        lead(
            f"{count(number, 'camera')}{_of_several(several, number, len(kinds))}"
            + (f"; {count(lone, 'sample')} of no camera." if lone else ".")
        ),
        grid(
            "figure-cameras", "Samples of each camera and modality", kinds, rows, cells,
            unit="samples by camera and modality",
        ),
    ]  # fmt: skip
    whole = sum(sum(row.values()) for row in told.values())
    listed = by_size[:_MOST_IN_TABLE]
    lines: list[list[Content]] = [
        [name, *(told[name].get(kind, 0) for kind in kinds), sum(told[name].values()), aligned(share(sum(told[name].values()), whole))]
        for name in told if name in set(listed)
    ]  # fmt: skip
    content.append(table("table-cameras", "samples of each camera", ["camera", *kinds, "together", "share"], lines))
    if len(told) > _MOST_IN_TABLE:
        content.append(note(f"the table holds the {_MOST_IN_TABLE} largest; `reidindex stats --json` names them all."))
    return Section("cameras", heading, content)


def _of_several(several: int, number: int, kinds: int) -> str:
    """How many of the cameras took more than one modality, where there is more than one."""
    if kinds < 2:
        return ""
    told = "each of which" if several == number > 1 else f"{several:,} of which" if several else "none of which"
    return f", {told} took more than one modality"
