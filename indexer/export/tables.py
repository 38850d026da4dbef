"""CSV and JSON lines: a manifest to build from again, or every column to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from indexer.export.chosen import Chosen, Export
from indexer.export.manifest import manifest
from indexer.schema import COLUMNS

_ROWS: Final = 50_000
_LEFT_ALONE: Final = ("path_end", "modalities")
"""`path_end` is the file's own matter; `modality` says what `modalities` does."""
_LINE_BREAKS: Final = r"[\r\n]"


def export_csv(chosen: Chosen, *, all_columns: bool) -> Export:
    """CSV, UTF-8, text in quotes, null as nothing; lists as JSON."""
    table, made = _table(chosen, all_columns=all_columns)
    notes, columns = list(made.notes), {}
    for name in table.column_names:
        values = table[name].combine_chunks()
        columns[name] = _lists_as_text(values, alone=not all_columns) if pa.types.is_list(values.type) else values
    if not all_columns:
        if "caption" in columns:
            several = pc.sum(pc.greater(pc.list_value_length(table["caption"]), 1)).as_py()
            if several:
                notes.append(
                    f"samples with several captions: {several:,}; CSV holds them as one JSON text, and a build reads one caption: "
                    "use --to jsonl to build from it again"
                )
        broken = sum(pc.sum(pc.match_substring_regex(values, _LINE_BREAKS)).as_py() or 0 for values in columns.values())
        if broken:
            notes.append(
                f"values with line breaks: {broken:,}; a build does not read them from a large CSV: "
                "use --to jsonl to build from it again"
            )
    return Export({"": _csv(pa.table(columns))}, made.samples, made.left_out, tuple(notes))


def export_jsonl(chosen: Chosen, *, all_columns: bool) -> Export:
    """JSON lines, UTF-8: an object a row, the keys of all rows the same."""
    table, made = _table(chosen, all_columns=all_columns)
    return Export({"": _json_lines(table)}, made.samples, made.left_out, made.notes)


def _table(chosen: Chosen, *, all_columns: bool) -> tuple[pa.Table, Export]:
    if all_columns:
        return _readable(chosen), Export({}, len(chosen))
    told = manifest(chosen)
    return told.table, Export({}, told.samples, told.left_out, told.notes)


def _readable(chosen: Chosen) -> pa.Table:
    """Every column of the index, those of bits and numbers of words as the words."""
    columns: dict[str, pa.Array] = {}
    for name in (c.name for c in COLUMNS if not c.optional or chosen.index.has(c.name)):
        if name in _LEFT_ALONE:
            continue
        if name == "splits":
            columns[name] = chosen.splits
        elif name == "view":
            columns[name] = chosen.views
        elif name in ("tracklet", "frame", "clothes", "size", "mtime_ns"):
            columns[name] = chosen.known(name)
        elif name == "content_hash":
            columns[name] = pa.array([v.hex() if v is not None else None for v in chosen.column(name).to_pylist()], pa.string())  # fmt: skip
        else:
            columns[name] = chosen.column(name)
    return pa.table(columns)


def _lists_as_text(values: pa.Array, *, alone: bool) -> pa.Array:
    """JSON; a single sentence of a manifest as it is, if `alone`."""
    texts: list[str | None] = []
    for value in values.to_pylist():
        if value is None:
            texts.append(None)
        else:
            texts.append(value[0] if alone and len(value) == 1 else json.dumps(value, ensure_ascii=False))
    return pa.array(texts, pa.string())


def _csv(table: pa.Table) -> Iterator[bytes]:
    for number, start in enumerate(range(0, max(len(table), 1), _ROWS)):
        out = pa.BufferOutputStream()
        csv.write_csv(table.slice(start, _ROWS), out, csv.WriteOptions(include_header=number == 0))
        yield out.getvalue().to_pybytes()


def _json_lines(table: pa.Table) -> Iterator[bytes]:
    for start in range(0, len(table), _ROWS):
        rows: list[dict[str, Any]] = table.slice(start, _ROWS).to_pylist()
        yield "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
