"""Parquet file -> the columns of an index: mapped from the file where the sampler needs them, else decoded when asked for.

What `index_writing` lays out as plain arrays is mapped here. Nothing that a file says is believed before it was compared with
its seal, nor anything that a seal may vouch for and memory cannot bear.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.beside import read_beside
from indexer.digest import content_digest
from indexer.errors import IndexDamagedError, IndexFileError, IndexMissingError, IndexVersionError, SettingsError
from indexer.mapped_columns import IntegerColumn, PathColumn
from indexer.schema import (
    BY_NAME,
    COLUMNS,
    INDEX_NAME,
    METADATA_KEY,
    IndexMetadata,
    schema_with,
)
from indexer.seal import Chunk, Seal, chunks_of, read_seal

Verify = Literal["quick", "full"]

_PARQUET: Final = b"PAR1"
_MOST_THREADS: Final = 8  # memory feeds no more
_log = logging.getLogger("reidindex")


class IndexFile:
    """An index file, opened for reading. Of a sealed file only the footer is read until a column is asked for."""

    def __init__(self, path: Path, *, verify: Verify = "quick") -> None:
        """Open and check.

        Args:
            path: The file.
            verify: `quick` checks the seal of the footer, the metadata document, the schema and the row count, and each
                column against its checksum when it is first used. `full` reads everything at once and compares all
                checksums and the content digest. A file without a seal is always read in full.

        Raises:
            IndexMissingError: There is no such file.
            IndexVersionError: It has a format this version does not read.
            IndexDamagedError: It is no index, or not what was written.
        """
        if verify not in get_args(Verify):
            raise SettingsError(f"verify: expected 'quick' or 'full', found {verify!r}")
        self.path = path
        self._compared: set[int] = set()
        self._parquet, self._seal = _open_parquet(path)
        self._integers: dict[str, IntegerColumn] = {}
        self._paths: PathColumn | list[str] | None = None
        with _unreadable_is_damage(path):
            self.metadata = _read_metadata(self._parquet, path)
            self._leaves = {self._parquet.schema.column(i).path: i for i in range(len(self._parquet.schema))}
            self._check_shape()
            self._bytes: NDArray[np.uint8] = np.memmap(path, np.uint8, mode="r")
            if self._seal is None:
                _log.warning("%s: another tool has written this index anew: columns are decoded, not mapped", path)
            if verify == "full" or self._seal is None:
                self._verify_content()

    def has(self, column: str) -> bool:
        """Whether the file has one of the optional columns."""
        return column in self._parquet.schema_arrow.names

    @property
    def sealed(self) -> bool:
        """Whether its checksums are there; not in a file that another tool has written anew."""
        return self._seal is not None

    @property
    def num_rows(self) -> int:
        """Number of samples."""
        return self.metadata.samples

    def compare(self, names: Iterable[str]) -> None:
        """Compare columns with their checksums, all at once: one by one would use one core.

        Raises:
            IndexDamagedError: They differ.
        """
        self._compare_checksums({self._leaves[name] for name in names})

    def integers(self, name: str) -> IntegerColumn:
        """A mapped integer column."""
        if name not in self._integers:
            column = BY_NAME[name]
            if self._seal is None:
                pieces: tuple[NDArray[Any], ...] = (self.table([name])[name].to_numpy().astype(column.dtype),)
            else:
                # A required PLAIN column of one page ends with its values: they fill the chunk but for the page header.
                self._compare_checksums({self._leaves[name]})
                pieces = tuple(
                    np.ndarray((rows,), column.dtype, self._bytes, chunk.stop - rows * column.itemsize)
                    for rows, chunk in self._mapped_chunks(name, column.itemsize)
                )
            self._integers[name] = IntegerColumn(pieces, np.cumsum([0, *map(len, pieces)], dtype=np.int64))
        return self._integers[name]

    @property
    def paths(self) -> PathColumn | list[str]:
        """The paths: mapped, or decoded where another tool wrote the file."""
        if self._paths is None:
            if self._seal is None:
                self._paths = self.table(["path"])["path"].to_pylist()
            else:
                self._compare_checksums({self._leaves["path"]})
                stops = tuple(chunk.stop for _, chunk in self._mapped_chunks("path", 4))
                self._paths = PathColumn(self.path, self._bytes, stops, self.integers("path_end"))
        return self._paths

    def table(self, columns: list[str]) -> pa.Table:
        """Columns, decoded by Arrow, after their checksums were compared."""
        with _unreadable_is_damage(self.path):
            tops = {path: path.partition(".")[0] for path in self._leaves}
            self._compare_checksums({leaf for path, leaf in self._leaves.items() if tops[path] in columns})
            return self._parquet.read(columns=columns)

    def beside(self) -> pa.Table | None:
        """The files of the tree that are no sample's path, as they were: `path`, `size`, `mtime_ns`, `content_hash`.

        None where another tool has written the file anew, and so has lost them.
        """
        if self._seal is None:
            return None
        with _unreadable_is_damage(self.path):
            return read_beside(self.path, self.metadata.beside)

    def take(self, columns: list[str], rows: NDArray[np.int64]) -> pa.Table:
        """Columns at `rows`, decoded by Arrow."""
        return self.table(columns).take(pa.array(rows))

    def _check_shape(self) -> None:
        schema, rows = self._parquet.schema_arrow, self._parquet.metadata.num_rows
        if rows != self.metadata.samples:
            raise _damaged(self.path, f"it holds {rows} rows, its metadata tells {self.metadata.samples}")
        for column in COLUMNS:
            found = schema.field(column.name).type if column.name in schema.names else None
            if found is None and column.optional:
                continue
            if found is not None and pa.types.is_dictionary(column.type) and _is_text(found):
                continue  # a tool that rewrote the file may have dropped Arrow's own schema
            if found != column.type and not (found is not None and _is_text(column.type) and _is_text(found)):
                raise _damaged(self.path, f"column {column.name} should be {column.type}, found {found or 'none'}")

    def _mapped_chunks(self, name: str, least_bytes: int) -> Iterator[tuple[int, Chunk]]:
        """Rows and place of a mapped column in each row group: of the given bytes a row at least, within the file.

        The seal vouches that the footer is the one that was written, not that an honest writer wrote it.
        """
        footer, leaf = self._parquet.metadata, self._leaves[name]
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            chunk = Chunk.of(group.column(leaf))
            if not (chunk.start >= 0 and chunk.stop <= self._bytes.size and group.num_rows * least_bytes <= chunk.size):
                raise _damaged(self.path, f"column {name}, row group {number} does not lie within the file")
            yield group.num_rows, chunk

    def _compare_checksums(self, leaves: set[int]) -> None:
        """Read the bytes of columns that were not compared before, once in a process, and compare their checksums."""
        leaves = leaves - self._compared
        if self._seal is None or not leaves:
            return  # what other tools wrote has been compared with the digest, as a whole
        names = list(self._leaves)
        sealed = enumerate(zip(chunks_of(self._parquet.metadata), self._seal.checksums, strict=True))
        new = [(number, chunk, expected) for number, (chunk, expected) in sealed if number % len(names) in leaves]
        with ThreadPoolExecutor(min(len(new), _MOST_THREADS) or 1) as threads:  # zlib lets go of Python's lock
            found = threads.map(lambda job: job[1].checksum(self._bytes), new)
            for (number, _, expected), checksum in zip(new, found, strict=True):
                if checksum != expected:
                    group, leaf = divmod(number, len(names))
                    raise _damaged(self.path, f"column {names[leaf]}, row group {group}: the checksum differs")
        self._compared |= leaves

    def _verify_content(self) -> None:
        schema = schema_with(self._parquet.schema_arrow.names)
        if content_digest(self.table(schema.names).cast(schema), self.metadata) != self.metadata.digest:
            raise _damaged(self.path, "the content is not what was written: the digest differs")
        self.beside()


def is_index(path: Path) -> bool:
    """Whether a file is an index of ours, of any format: something a build may replace.

    A file that begins as one and cannot be read is taken for a damaged index if it has the usual name of one.
    """
    with path.open("rb") as file:
        head = file.read(len(_PARQUET))
    if head != _PARQUET:
        return not head  # an empty file is nobody's
    try:
        IndexFile(path)
    except IndexVersionError:
        return True
    except IndexFileError:
        with contextlib.suppress(OSError, ValueError, pa.ArrowException):
            return METADATA_KEY in (pq.read_metadata(path).metadata or {})
        return path.name == INDEX_NAME
    return True


def locate_index(path: str | Path) -> Path:
    """The index file meant by a file or by a dataset folder.

    Raises:
        IndexMissingError: There is none.
    """
    path = Path(path)
    try:
        file = path / INDEX_NAME if path.is_dir() else path
        if file.is_file():
            str(file).encode()
            return file
        if path.is_dir():
            raise IndexMissingError(
                f"{path}: no index ({INDEX_NAME}) in this folder; make one with `reidindex build {path}`"
            )
        there = "is neither a file nor a folder" if path.exists() else "no such file or folder"
        raise IndexMissingError(f"{path}: {there}; give a dataset folder or an index")
    except UnicodeEncodeError:
        raise IndexFileError(f"{str(path)!a}: the name is not valid UTF-8; rename it") from None
    except OSError as error:
        if isinstance(error, IndexFileError):
            raise
        raise IndexFileError(
            f"{str(path)[:200]}: cannot be looked at ({error.strerror}); check path and permissions"
        ) from None


def _open_parquet(path: Path) -> tuple[Any, Seal | None]:
    """Arrow's reader and the seal. The seal first: Arrow may end the process over a footer with a bit flipped."""
    try:
        seal = read_seal(path)
        return pq.ParquetFile(path, page_checksum_verification=True), seal
    except FileNotFoundError:
        raise IndexMissingError(f"{path}: no such index file") from None
    except PermissionError as error:
        raise IndexFileError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _damaged(path, f"not a whole Parquet file: {error}") from None


def _read_metadata(parquet: Any, path: Path) -> IndexMetadata:
    document = (parquet.metadata.metadata or {}).get(METADATA_KEY)
    if document is None:
        raise IndexDamagedError(
            f"{path}: a Parquet file, but not an index (no {METADATA_KEY.decode()!r} metadata); "
            "make one with `reidindex build DATA`"
        )
    return IndexMetadata.from_json(document, where=str(path))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


@contextlib.contextmanager
def _unreadable_is_damage(path: Path) -> Iterator[None]:
    """A footer with a bit flipped fails in many ways (names that are no text, columns that are none): all are damage."""
    try:
        yield
    except IndexFileError:
        raise
    except (OSError, pa.ArrowException, ValueError, LookupError, RuntimeError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, what: str) -> IndexDamagedError:
    return IndexDamagedError(f"{path}: damaged or not an index ({what.strip()}); rebuild it with `reidindex build`")
