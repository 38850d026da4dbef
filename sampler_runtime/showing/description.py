"""A contact sheet -> what `reidindex show --json` tells of it."""

from __future__ import annotations

from typing import Any

from sampler_runtime.showing.contact_sheet import ContactSheet
from sampler_runtime.showing.sheet import Cell, SheetRow


def describe(contact: ContactSheet) -> list[dict[str, Any]]:
    """The rows of a sheet as plain values (docs/cli.md); a row that was broken into several is one."""
    rows: list[dict[str, Any]] = []
    for row in contact.sheet.rows:
        cells = [_cell(cell, contact) for cell in row.cells]
        if row.continues:
            rows[-1]["cells"] += cells
        else:
            rows.append(_row(row, cells))
    return rows


def _row(row: SheetRow, cells: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "pid": row.pid, "identity": row.identity, "lacks": list(row.lacks), "without": list(row.without),
        "more": row.more, "cells": cells,
    }  # fmt: skip


def _cell(cell: Cell, contact: ContactSheet) -> dict[str, Any]:
    panels = [
        {
            "modality": panel.modality,
            "seen": contact.seen(panel),
            "path": panel.source.path if panel.source is not None else None,
            "box": list(panel.source.box) if panel.source is not None and panel.source.box is not None else None,
            "part": list(panel.source.part) if panel.source is not None and panel.source.part is not None else None,
        }
        for panel in cell.panels
    ]
    return {
        "samples": [sample.to_json() for sample in cell.samples],
        "repeat": cell.repeats,
        "pictures": panels,
        "missing": [one["modality"] for one in panels if one["seen"] == "none"],
    }
