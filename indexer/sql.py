"""SQL over an index, by DuckDB: three views, and nothing else of the machine within reach.

DuckDB is handed the file by Arrow, already open, and may itself open nothing. To allow it the path of the file instead is not
enough: `EXPLAIN ANALYZE COPY … TO 'that path' (USE_TMP_FILE false)` wrote over the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

from indexer.errors import ReidIndexError, SettingsError
from indexer.index_file import IndexFile
from indexer.schema import BY_NAME, IndexMetadata, modality_mask

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
VIEWS: Final = {
    "samples": "the index itself: a row is a sample",
    "identities": "a row for each pid",
    "splits": "a row for each split, those of protocols too",
}
MEANINGS: Final = {
    "identities": {
        "pid": "its number",
        "identity": "the dataset's own label",
        "samples": "how many it has",
        "modalities": "of its samples, in bit order: `rgb+ir`",
        "cameras": "how many different ones its samples come from",
        "pairable": "whether its modalities cover the anchor of the pairing and one of the others",
        "complete": "whether they cover every modality of the dataset",
    },
    "splits": {
        "split": "its name",
        "bit": "which bit of `splits` it is",
        "samples": "how many are in it",
        "identities": "how many different pids they have",
    },
}
EXAMPLES: Final = (
    "SELECT modality, count(*) AS samples, count(DISTINCT pid) AS identities FROM samples WHERE split = 'train' GROUP BY ALL ORDER BY samples DESC",
    "SELECT identity, modalities, samples FROM identities WHERE NOT pairable ORDER BY samples DESC",
    "SELECT camera, count(*) AS samples FROM samples WHERE pid >= 0 GROUP BY ALL ORDER BY ALL",
)
_BATCH: Final = 10_000
_LISTEN_SECONDS: Final = 0.5
"""Windows hears of Ctrl-C only between waits."""
_NUMBERS: Final = ("NUMBER", "TINYINT", "SMALLINT", "INT", "BIGINT", "HUGEINT", "U", "FLOAT", "DOUBLE", "DECIMAL")
"""Begin the names of numbers' types; DuckDB before 1.1 says NUMBER of all of them."""
_MISSING: Final = "queries need DuckDB, which is not installed: pip install 'reidindex[query]'"


@dataclass(frozen=True)
class Column:
    """A column of a result."""

    name: str
    type: str
    """DuckDB's name of it."""

    @property
    def is_number(self) -> bool:
        """Whether its values line up on the right."""
        return self.type.startswith(_NUMBERS) and self.type != "UUID"


@dataclass(frozen=True)
class Result:
    """What a query gives: its columns, and the rows as they come."""

    columns: tuple[Column, ...]
    rows: Iterator[tuple[Any, ...]]


class Views:
    """An index, ready to be asked."""

    def __init__(self, index: IndexFile) -> None:
        """Make the views.

        Raises:
            ReidIndexError: DuckDB is not installed.
        """
        try:
            import duckdb
        except ImportError:
            raise ReidIndexError(_MISSING) from None
        import pyarrow.dataset as ds

        self._index, self._duckdb = index, duckdb
        self._connection: DuckDBPyConnection = duckdb.connect(":memory:")
        options = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
        columns = ds.dataset(index.path, format=ds.ParquetFileFormat(default_fragment_scan_options=options))
        self._asked(lambda: self._prepare(columns))

    def _prepare(self, columns: Any) -> None:
        self._connection.register("samples", columns)
        self._connection.execute(_identities_view(self._index.metadata))
        self._connection.execute(_splits_view(self._index.metadata))
        # Without a folder for what memory cannot hold DuckDB would make one in the current folder.
        for setting in ("temp_directory=''", "enable_external_access=false", "lock_configuration=true"):
            self._connection.execute(f"SET {setting}")

    def _asked(self, ask: Callable[[], T]) -> T:
        """What DuckDB answers. It seldom looks for signals: another thread asks, and this one can break it off.

        Raises:
            KeyboardInterrupt: The user has broken it off; DuckDB has stopped.
        """
        answers: list[T] = []
        failures: list[BaseException] = []
        done = Event()  # a thread whose join was interrupted is taken for ended, before Python 3.13

        def work() -> None:
            try:
                answers.append(ask())
            except BaseException as error:  # raised again where it was asked
                failures.append(error)
            finally:
                done.set()

        Thread(target=work, daemon=True).start()
        try:
            while not done.wait(_LISTEN_SECONDS):
                pass
        except KeyboardInterrupt:
            self._connection.interrupt()
            done.wait()  # a program that ends while DuckDB works is aborted
            raise
        if failures:
            raise failures[0]
        return answers[0]

    def run(self, sql: str) -> Result:
        """Run one query.

        Raises:
            SettingsError: It is not valid SQL, no query, or several.
            ReidIndexError: It failed while it ran.
        """
        duckdb, connection = self._duckdb, self._connection
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1:
                raise SettingsError(f"SQL: expected one query, found {len(statements)}")
            kind = statements[0].type.name
            if kind not in ("SELECT", "EXPLAIN", "MULTI"):  # a PIVOT is several
                raise SettingsError(f"SQL: only queries are run (SELECT, DESCRIBE, SUMMARIZE …), found {kind}")
            relation = self._asked(lambda: connection.execute(statements[0]))
            columns = tuple(Column(name, str(type_)) for name, type_, *_ in relation.description or ())
        except duckdb.Error as error:
            raise self._explained(error) from None
        return Result(columns, self._rows(relation))

    def _rows(self, relation: Any) -> Iterator[tuple[Any, ...]]:
        try:
            while batch := self._asked(lambda: relation.fetchmany(_BATCH)):
                yield from batch
        except self._duckdb.Error as error:
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> ReidIndexError:
        """DuckDB's own words, its caret included, and what there is to ask for."""
        duckdb, text = self._duckdb, str(error).rstrip()
        if isinstance(error, duckdb.PermissionException):
            return SettingsError(f"SQL: {text}\na query sees {', '.join(VIEWS)} and no other file")
        if isinstance(error, (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)):
            return SettingsError(f"SQL: {text}")
        return ReidIndexError(f"SQL: {text}")

    def describe(self) -> dict[str, list[tuple[Column, str]]]:
        """View → its columns, and what they mean."""
        described: dict[str, list[tuple[Column, str]]] = {}
        for view in VIEWS:
            columns = self.run(f"SELECT * FROM {view} LIMIT 0").columns
            meanings = MEANINGS.get(view, {name: column.meaning for name, column in BY_NAME.items()})
            described[view] = [(column, meanings.get(column.name, "")) for column in columns]
        return described


def _identities_view(metadata: IndexMetadata) -> str:
    names = metadata.modalities
    words = ", ".join(f"CASE WHEN (mask & {1 << bit}) <> 0 THEN {_text(name)} END" for bit, name in enumerate(names))
    anchor = modality_mask([metadata.pairing.anchor], names) if metadata.pairing.anchor in names else 0
    others = modality_mask([name for name in metadata.pairing.others if name in names], names)
    everything = (1 << len(names)) - 1
    return f"""
        CREATE VIEW identities AS
        SELECT pid, identity, samples, concat_ws('+', {words}) AS modalities, cameras,
            (mask & {anchor}) <> 0 AND (mask & {others}) <> 0 AS pairable, (mask & {everything}) = {everything} AS complete
        FROM (
            SELECT pid, any_value(identity) AS identity, count(*) AS samples, bit_or(modalities::UBIGINT) AS mask,
                count(DISTINCT camid) FILTER (camid >= 0) AS cameras
            FROM samples WHERE pid >= 0 GROUP BY pid
        ) ORDER BY pid
    """


def _splits_view(metadata: IndexMetadata) -> str:
    named = ", ".join(f"({bit}, {_text(name)}, {1 << bit}::UBIGINT)" for bit, name in enumerate(metadata.splits))
    named = named or "(0, NULL, 0::UBIGINT)"
    return f"""
        CREATE VIEW splits AS
        SELECT named.split, bit, count(path) AS samples, count(DISTINCT pid) FILTER (pid >= 0) AS identities
        FROM (VALUES {named}) AS named(bit, split, value) LEFT JOIN samples ON (samples.splits & named.value) <> 0
        WHERE named.split IS NOT NULL GROUP BY bit, named.split ORDER BY bit
    """


def _text(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
