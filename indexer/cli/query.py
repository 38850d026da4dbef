"""`reidindex query`: SQL over an index, its answer as a table, CSV or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.cli.options import AsJson, Data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from indexer.sql import Result, Views

_MOST_ROWS = 40
_WIDEST = 60
_BOX = "─"


def query(
    data: Data,
    sql: Annotated[
        str | None,
        typer.Argument(
            metavar="[SQL]",
            help="A query; - reads it from stdin. Without one the views are described.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0, help="At most so many rows. [default: 40 in a table, all in CSV and JSON]", show_default=False
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout: every row.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask an index with SQL: the views samples, identities and splits. Needs DuckDB (pip install 'reidindex[query]').

    Examples:

      reidindex query data/

      reidindex query data/ "SELECT modality, count(*) FROM samples GROUP BY ALL"

      reidindex query data/ "SELECT path FROM samples WHERE identity = '0002'" --csv

      reidindex query data/ - --json < question.sql
    """  # fmt: skip
    from itertools import islice

    from indexer.cli import console
    from indexer.cli.typed import as_text, from_stdin
    from indexer.errors import SettingsError
    from indexer.index_file import IndexFile, locate_index
    from indexer.sql import Result, Views

    if as_csv and as_json:
        raise SettingsError("--csv and --json: one answer has one form; give one of them")
    index = IndexFile(locate_index(data))
    views = Views(index)
    if sql is None:
        if as_csv or as_json:
            raise SettingsError(
                "SQL: a query was expected with --csv and --json; `reidindex query DATA` shows examples"
            )
        _describe(views, console.out())
        return
    text = from_stdin("SQL") if sql == "-" else as_text(sql, "SQL")
    result = views.run(text)
    if limit is not None and (as_csv or as_json):
        result = Result(result.columns, islice(result.rows, limit))
    if as_json:
        columns = [{"name": column.name, "type": column.type} for column in result.columns]
        rows = [[_jsonable(value) for value in row] for row in result.rows]
        console.print_json({"schema": 1, "index": str(index.path), "sql": text, "columns": columns, "rows": rows})
    elif as_csv:
        _print_csv(result)
    else:
        _show(result, _MOST_ROWS if limit is None else limit, console.out())


def _print_csv(result: Result) -> None:
    import csv
    import io
    import os
    import sys

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # data: the same bytes whatever the locale
    writer = csv.writer(sys.stdout, lineterminator="\n")
    try:
        writer.writerow([column.name for column in result.columns])
        plain = (str, int)  # most values; a bool's type is its own
        writer.writerows([v if type(v) in plain else _cell(v) for v in row] for row in result.rows)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show(result: Result, most: int, out: Console) -> None:
    from itertools import islice

    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from indexer.cli import console

    rows: Iterator[tuple[Any, ...]] = iter(result.rows)
    shown = list(islice(rows, most))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in result.columns:
        right = column.is_number
        table.add_column(escape(column.name), justify="right" if right else "left", no_wrap=right, overflow="fold")
    if out.is_terminal and len(result.columns) > max(1, out.width // 12):
        _upright(result, shown, out)
    else:
        if not out.is_terminal:
            out = _as_wide_as_it_is(out, result, shown)
        for row in shown:
            table.add_row(*("[dim]null[/]" if value is None else escape(_short(value)) for value in row))
        out.print(table)
    more = sum(1 for _ in rows)
    told = console.count(len(shown) + more, "row")
    console.err().print(f"{told}, {len(shown):,} shown; --limit N shows more, --csv and --json all" if more else told)


def _as_wide_as_it_is(out: Console, result: Result, shown: list[tuple[Any, ...]]) -> Console:
    """Where nobody sees the width no cell is folded."""
    widths = [
        max([len(column.name), *(min(len(_short(row[i])), _WIDEST) for row in shown)])
        for i, column in enumerate(result.columns)
    ]
    out.width = max(out.width, sum(widths) + 3 * len(widths) + 2)
    return out


def _upright(result: Result, shown: list[tuple[Any, ...]], out: Console) -> None:
    """A result of more columns than a terminal has room for: a line for each value."""
    from rich.markup import escape

    widest = max(len(column.name) for column in result.columns)
    for number, row in enumerate(shown, 1):
        out.print(f"[bold]row {number}[/]")
        for column, value in zip(result.columns, row, strict=True):
            told = "[dim]null[/]" if value is None else escape(_short(value))
            out.print(f"  [cyan]{escape(column.name):<{widest}}[/]  {told}")


def _describe(views: Views, out: Console) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from indexer.sql import EXAMPLES, VIEWS

    for view, columns in views.describe().items():
        table = Table(title=f"{view}: {VIEWS[view]}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)  # fmt: skip
        for name in ("column", "type", "meaning"):
            table.add_column(name, overflow="fold", no_wrap=name == "column")
        for column, meaning in columns:
            table.add_row(f"[cyan]{escape(column.name)}[/]", escape(_short(column.type)), escape(meaning))
        out.print(table)
    out.print("[bold]examples[/]")
    for example in EXAMPLES:
        out.print(f"  {escape(example)}", soft_wrap=True)


def _short(value: object) -> str:
    from indexer.scan.listing import printable

    if isinstance(value, str) and _BOX in value:  # the plan of EXPLAIN is a drawing
        return value
    text = printable(_cell(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _cell(value: object) -> str:
    """A value in a table or CSV: lists as JSON, blobs in hexadecimal, null empty."""
    import json

    plain = value if isinstance(value, float) else _jsonable(value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, (list, dict)) else str(plain)


def _jsonable(value: object) -> Any:
    import math
    from decimal import Decimal

    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): _jsonable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(one) for one in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
