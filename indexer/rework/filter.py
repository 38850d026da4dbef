"""`reidindex filter`: the samples of an index for which an expression is true, as a new index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import SettingsError
from indexer.index_file import IndexFile
from indexer.rework.compiler import compiled
from indexer.rework.condition import Condition
from indexer.rework.facts import COLUMNS, facts_table, kinds_in
from indexer.rework.samples_of import samples_of
from indexer.rework.selection import selected
from indexer.rework.written import place_for, quoted, write_reworked
from indexer.schema import UNKNOWN, IndexMetadata
from indexer.table import build_table

Rows = NDArray[np.int64]
Progress = Callable[[str, int], None]
_MOST_VALUES = 12


@dataclass(frozen=True)
class FilterReport:
    """What a filter found, and wrote."""

    source: Path
    """The index that was read."""
    index: Path | None
    """The new one; None: only counted."""
    expression: str
    samples: int
    identities: int
    before: IndexMetadata
    metadata: IndexMetadata | None
    kept_pids: bool
    queries_dropped: int
    """Queries that lost one of their items."""

    @property
    def modalities_dropped(self) -> tuple[str, ...]:
        """Those that no sample has any more."""
        after = self.metadata.modalities if self.metadata else self.before.modalities
        return tuple(name for name in self.before.modalities if name not in after)


def rows_where(index: IndexFile, expression: str) -> Rows:
    """The rows of an index for which an expression is true, ascending.

    Raises:
        SettingsError: It cannot be read, or makes no sense for this index; the message points at the place.
    """
    return _rows(index, _condition(index, expression))


def _condition(index: IndexFile, expression: str) -> Condition:
    return compiled(expression, kinds_in(index), index.metadata.modalities, index.metadata.splits)


def _rows(index: IndexFile, condition: Condition) -> Rows:
    return np.flatnonzero(condition.holds(facts_table(index, condition.columns)))


def filter_index(
    index: Path,
    out: str | Path | None,
    expression: str,
    *,
    keep_pids: bool = False,
    force: bool = False,
    on_progress: Progress | None = None,
) -> FilterReport:
    """Write a new index of some of the samples.

    Args:
        index: The index file.
        out: The new one; None: count only, write nothing.
        expression: True for the samples that stay.
        keep_pids: Identities keep their numbers; else they are contiguous again.
        force: Replace a file that is no index.
        on_progress: Told about long work.

    Raises:
        SettingsError: The expression makes no sense, or is true for no sample.
        IndexFileError: An index cannot be read or written.
    """
    tell = on_progress or (lambda what, count: None)
    file = IndexFile(index)
    before = file.metadata
    place = place_for(out, [index], force=force) if out is not None else None
    condition = _condition(file, expression)
    tell("filtering", file.num_rows)
    rows = _rows(file, condition)
    pid = file.integers("pid").slice(0, file.num_rows)[rows]
    identities = int(pc.count_distinct(pa.array(pid[pid >= 0])).as_py())
    if place is None:
        return FilterReport(file.path, None, expression, len(rows), identities, before, None, keep_pids, 0)
    if not len(rows):
        raise SettingsError(
            f"filter: true for none of {file.num_rows:,} samples, nothing was written{_values_there(file, condition)}"
        )
    tell("reading the index", file.num_rows)
    inside = np.zeros(file.num_rows, bool)
    inside[rows] = True
    opened = samples_of(file)
    chosen, modalities = selected(opened, np.flatnonzero(inside[opened.row]))
    queries = _queries(opened.samples.query_sets) - _queries(chosen.samples.query_sets)
    below = int(chosen.pid.max(initial=UNKNOWN)) + 1
    made = build_table(chosen.samples, modalities=modalities, renumber=chosen.numbers(below) if keep_pids else None)
    still = any(name.startswith(before.protocol + "/") for name in made.splits)
    tell("writing the index", made.table.num_rows)
    words = ["filter", quoted(expression), *(["--keep-pids"] if keep_pids else [])]
    metadata = write_reworked(
        made,
        file,
        place,
        made_by=" ".join(words),
        protocol=before.protocol if still else "",
        kept_pids=keep_pids,
    )
    return FilterReport(file.path, place, expression, len(rows), identities, before, metadata, keep_pids, queries)


def _queries(sets: Any) -> int:
    return max((one.last for one in sets), default=0)


def _values_there(index: IndexFile, condition: Condition) -> str:
    """The values of the text columns that were asked, where there are few."""
    told = []
    for name in sorted(condition.columns):
        if COLUMNS.get(name) == "text" and name != "path":
            values = pc.unique(facts_table(index, [name])[name]).drop_null()
            if 0 < len(values) <= _MOST_VALUES:
                told.append(f"{name} is {', '.join(sorted(map(repr, values.to_pylist())))} here")
    return "; " + "; ".join(told) if told else ""


def as_json(report: FilterReport) -> dict[str, Any]:
    """The report as one JSON object (docs/cli.md)."""
    return {
        "schema": 1,
        "source": str(report.source),
        "index": str(report.index) if report.index is not None else None,
        "digest": report.metadata.digest if report.metadata is not None else None,
        "expression": report.expression,
        "samples": report.samples,
        "identities": report.identities,
        "samples_before": report.before.samples,
        "keep_pids": report.kept_pids,
        "modalities_dropped": list(report.modalities_dropped),
        "queries_dropped": report.queries_dropped,
    }
