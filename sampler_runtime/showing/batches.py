"""A batch -> its contact sheet: P rows of K cells, and what each identity lacks. Opens no sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.schema import mask_names
from indexer.vocabulary import TEXT
from sampler_runtime.showing.samples import samples_at
from sampler_runtime.showing.sheet import Cell, Panel, Remark, SampleFacts, Sheet, SheetRow, wrapped
from sampler_runtime.view import IndexView

Rows = NDArray[np.int64]
MOST_COLUMNS = 16


def batch_sheet(
    view: IndexView, instances: Rows, *, compose: Sequence[str] = (), title: str, lines: Sequence[str] = ()
) -> Sheet:
    """The sheet of some rows, a sheet's row for each run of one identity.

    Args:
        view: The rows are of it.
        instances: Shape `(n,)`, or `(n, modalities)` of composed instances, with -1 where there is none.
        compose: The modalities of composed instances.
        title: Above it.
        lines: Beneath the title.
    """
    table = instances.reshape(len(instances), -1) if len(instances) else instances.reshape(0, max(len(compose), 1))
    facts = samples_at(view, table.ravel().tolist())
    cells = [_cell([facts[row] if row >= 0 else None for row in rows], compose) for rows in table.tolist()]
    runs = _runs(cells)
    covered = modalities_of_pids(view, [pid for pid, _ in runs])
    rows = [_row(pid, run, covered.get(pid, ()), view.modalities) for pid, run in runs]
    return Sheet(title, tuple(lines), wrapped(rows, MOST_COLUMNS))


def modalities_of_pids(view: IndexView, pids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Pid → the modalities that it has in the view, in bit order."""
    wanted = np.unique(np.array([pid for pid in pids if pid >= 0], np.int64))
    masks = np.zeros(len(wanted), np.uint32)
    for pid, kinds in view.column_blocks("pid", "modalities") if len(wanted) else ():
        place = np.searchsorted(wanted, pid).clip(max=len(wanted) - 1)
        here = wanted[place] == pid
        np.bitwise_or.at(masks, place[here], kinds[here])
    return {pid: mask_names(mask, view.modalities) for pid, mask in zip(wanted.tolist(), masks.tolist(), strict=True)}


def _cell(samples: Sequence[SampleFacts | None], compose: Sequence[str]) -> Cell:
    there = tuple({s.row: s for s in samples if s is not None}.values())
    if not compose:
        return Cell(there[0].panels if there else (), there)
    places, told = [], set()
    for name, sample in zip(compose, samples, strict=True):
        place = _place(name, sample)
        new = sample is not None and sample.row not in told and place.source is not None
        places.append(replace(place, camera=sample.camera if sample is not None and new else None))
        told |= {sample.row} if sample is not None and new else set()
    return Cell(tuple(places), there)


def _place(modality: str, sample: SampleFacts | None) -> Panel:
    """What an instance shows at the place of a modality."""
    if sample is None:
        return Panel(modality)
    if modality == TEXT:
        return Panel(TEXT, sentence=sample.captions[0] if sample.captions else "")
    return next((panel for panel in sample.panels if panel.modality == modality), Panel(modality))


def _runs(cells: Sequence[Cell]) -> list[tuple[int, list[Cell]]]:
    """Consecutive cells of one pid. Samples without a pid have nothing in common and stay by themselves, in one run."""
    runs: list[tuple[int, list[Cell]]] = []
    for cell in cells:
        pid = cell.samples[0].pid if cell.samples else -1
        if not runs or runs[-1][0] != pid:
            runs.append((pid, []))
        runs[-1][1].append(cell)
    return runs


def _row(pid: int, cells: Sequence[Cell], has: Sequence[str], modalities: Sequence[str]) -> SheetRow:
    seen: set[Any] = set()
    marked = []
    for cell in cells:
        key = tuple(s.row for s in cell.samples)
        marked.append(Cell(cell.panels, cell.samples, repeats=key in seen))
        seen.add(key)
    identity = next((s.identity for cell in cells for s in cell.samples), None)
    shown = {name for cell in cells for s in cell.samples for name in s.modalities}
    lacks = tuple(name for name in modalities if name not in has) if pid >= 0 else ()
    without = tuple(name for name in has if name not in shown)
    remarks = [Remark(f"lacks {', '.join(lacks)}", lacks=True)] if lacks else []
    remarks += [Remark(f"not in this block: {', '.join(without)}")] if without else []
    head = (f"pid {pid}" if pid >= 0 else "no pid", identity if identity is not None else "hidden")
    return SheetRow(head, tuple(marked), tuple(remarks), pid, identity, lacks, without)
