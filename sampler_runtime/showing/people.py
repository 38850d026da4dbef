"""A person -> the contact sheet of all its samples, a row for each kind of sample, and one for each modality it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import SettingsError, did_you_mean
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.showing.samples import samples_at
from sampler_runtime.showing.sheet import Cell, Panel, Remark, SampleFacts, Sheet, SheetRow, wrapped
from sampler_runtime.view import IndexView

Rows = NDArray[np.int64]
COLUMNS = 8
_MANY_LABELS = 20_000


def rows_of_pid(view: IndexView, pid: int) -> Rows:
    """The rows of a pid, ascending.

    Raises:
        SettingsError: The view has no such pid.
    """
    start, found = 0, []
    for (pids,) in view.column_blocks("pid"):
        found.append(np.flatnonzero(pids == pid) + start)
        start += len(pids)
    rows = np.concatenate(found) if found else np.empty(0, np.int64)
    if pid < 0 or not len(rows):
        pids = view.pids
        there = f"pids here lie in {pids[0]} … {pids[-1]}" if len(pids) else "there are none"
        raise SettingsError(f"pid: no pid {pid} among these samples ({view.selection}); {there}")
    return rows


def rows_of_identity(view: MappedIndex, identity: str) -> dict[int, Rows]:
    """Pid → its rows, of every pid that has this label; -1 of distractors and junk that have it.

    Raises:
        SettingsError: The view has no such label.
    """
    column = view.file.table(["identity"])["identity"]
    every = view.index_rows(np.arange(len(view)))
    rows = np.flatnonzero(_is_label(column, identity)[every])
    if not len(rows):
        labels = [str(one) for one in pc.unique(column.take(pa.array(every))).to_pylist() if one is not None]
        raise SettingsError(
            f"identity: no identity {identity!r} among these samples ({view.selection}); {_near(identity, labels)}"
        )
    pids = view.column("pid")[rows]
    order = sorted(set(pids.tolist()), key=lambda pid: (pid < 0, pid))
    return {pid: rows[pids == pid] for pid in order}


def _is_label(column: pa.ChunkedArray, label: str) -> NDArray[np.bool_]:
    """Which values of a text column are this label, shape `(len(column),)`. A dictionary is searched once, not spelled out by row."""
    parts = []
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            found = pc.equal(chunk.indices, pc.index(chunk.dictionary, label))  # -1: no index is
        else:
            found = pc.equal(chunk, label)
        parts.append(pc.fill_null(found, False).to_numpy(zero_copy_only=False))
    return np.concatenate(parts) if parts else np.empty(0, bool)


def _near(label: str, labels: Sequence[str]) -> str:
    """The nearest labels. Those that differ in leading zeros come first; among very many, only those that begin alike are compared."""
    bare = label.lstrip("0")
    same = [one for one in labels if one.lstrip("0") == bare]
    alike = same or [one for one in labels if one[:1] == label[:1]] if len(labels) > _MANY_LABELS else labels
    return did_you_mean(same[0] if same else label, sorted(alike or labels))


def person_sheet(
    view: IndexView, rows_of: dict[int, Rows], *, most: int, title: str, lines: Sequence[str] = ()
) -> Sheet:
    """The sheet of one pid, or of several that share a label.

    Args:
        view: The rows are of it.
        rows_of: Pid → its rows.
        most: Samples of one kind to show; of more, so many are taken at equal distances.
        title: Above it.
        lines: Beneath the title.
    """
    facts = samples_at(view, np.concatenate(list(rows_of.values())).tolist() if rows_of else [])
    several_splits = len({sample.split for sample in facts.values()}) > 1
    found: list[SheetRow] = []
    for pid, rows in rows_of.items():
        about = (f"pid {pid}" if pid >= 0 else "no pid",) if len(rows_of) > 1 else ()
        found += _rows_of_one(
            view.modalities, pid, [facts[row] for row in rows.tolist()], most, about, tells_split=several_splits
        )
    return Sheet(title, tuple(lines), wrapped(found, COLUMNS))


def _rows_of_one(
    modalities: Sequence[str],
    pid: int,
    samples: Sequence[SampleFacts],
    most: int,
    about: tuple[str, ...],
    *,
    tells_split: bool,
) -> list[SheetRow]:
    by_kind: dict[tuple[str, ...], list[SampleFacts]] = {}
    for sample in samples:
        by_kind.setdefault(sample.modalities, []).append(sample)
    has = {name for kind in by_kind for name in kind}
    lacks = tuple(name for name in modalities if name not in has) if pid >= 0 else ()
    row = SheetRow((), (), pid=pid, identity=samples[0].identity, lacks=lacks)
    found = []
    for kind in sorted(by_kind, key=lambda kind: [modalities.index(name) for name in kind]):
        shown, total = _spread(by_kind[kind], most), len(by_kind[kind])
        cells = tuple(Cell(sample.panels, (sample,), tells_split=tells_split) for sample in shown)
        head = ("+".join(kind), f"{total:,} sample" + ("s" if total > 1 else ""), *about)
        more = total - len(shown)
        remarks = (Remark(f"{more:,} more, not shown"),) if more else ()
        found.append(replace(row, head=head, cells=cells, remarks=remarks, more=more))
    for name in lacks:
        remarks = (Remark(f"lacks {name}", lacks=True),)
        found.append(replace(row, head=(name, "none", *about), cells=(Cell((Panel(name),)),), remarks=remarks))
    return found


def _spread(rows: Sequence[SampleFacts], most: int) -> list[SampleFacts]:
    """At most so many of the samples, the first and the last among them, at equal distances."""
    if len(rows) <= most:
        return list(rows)
    return [rows[round(i * (len(rows) - 1) / max(most - 1, 1))] for i in range(most)]
