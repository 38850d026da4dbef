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
from indexer.bombs import most_memory, refuse_bombs, refuse_long_words
from indexer.digest import content_digest
from indexer.errors import IndexDamagedError, IndexFileError, IndexMissingError, IndexVersionError, SettingsError
from indexer.footer_bytes import footer_told
from indexer.footer_claims import check_shape, mapped_chunks
from indexer.held_file import HeldFile
from indexer.mapped_columns import IntegerColumn, PathColumn
from indexer.promises import Content, contradictions
from indexer.ranges import outside, range_of
from indexer.schema import (
    BY_NAME,
    INDEX_NAME,
    MAPPED_INTEGERS,
    METADATA_KEY,
    IndexMetadata,
    schema_with,
)
from indexer.seal import LARGEST_FOOTER, Chunk, Seal, chunks_of, read_seal

Verify = Literal["quick", "full"]

_PARQUET: Final = b"PAR1"
_MOST_THREADS: Final = 8  # memory feeds no more
_MOST_ROW_GROUPS: Final = 1 << 16  # other tools write some as small as 20,000 rows
_WORTH_THREADS: Final = 4 << 20
"""Bytes; below, starting threads takes longer, and where memory runs out Python waits for them for ever."""
_log = logging.getLogger("reidindex")


class IndexFile:
    """An index file, opened for reading. Of a sealed file only the footer is read until a column is asked for."""

    def __init__(self, path: Path, *, verify: Verify = "quick", in_memory: bool = False) -> None:
        """Open and check.

        Args:
            path: The file.
            verify: `quick` checks the seal of the footer, the metadata document, the schema and the row count, and each
                column against its checksum when it is first used. `full` reads everything at once and compares all
                checksums and the content digest. A file without a seal is always read in full.
            in_memory: Read the whole file now and keep it, instead of mapping it: nothing that becomes of it later matters to this
                process and those that it forks.

        Raises:
            IndexMissingError: There is no such file.
            IndexVersionError: It has a format this version does not read.
            IndexDamagedError: It is no index, or not what was written.
            IndexFileError: It cannot be read.
        """
        if verify not in get_args(Verify):
            raise SettingsError(f"verify: expected 'quick' or 'full', found {verify!r}")
        self.path = path
        self._compared: set[int] = set()
        self._weighed: set[int] = set()
        self._told = ""
        self._held, self._parquet, self._seal = _open_parquet(path, in_memory)
        self._bytes = self._held.bytes
        self._integers: dict[str, IntegerColumn] = {}
        self._paths: PathColumn | list[str] | None = None
        with _unreadable_is_damage(path):
            self.metadata = _read_metadata(self._parquet, path)
            self._leaves = {self._parquet.schema.column(i).path: i for i in range(len(self._parquet.schema))}
            # Arrow's own may end the process over a flipped bit, where no seal was compared
            self._footer: Any = (
                self._parquet.metadata
                if self._seal is not None
                else footer_told(self._bytes, len(self._parquet.schema))
            )
            check_shape(self._parquet, self._footer, self.metadata, self._seal, self._bytes)
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
                    for rows, chunk in self._mapped_chunks(name)
                )
            allowed = range_of(name, self.metadata)
            if allowed is not None and (strange := outside(pieces, allowed)) is not None:
                raise _damaged(
                    self.path, f"column {name} holds {strange}, its metadata allows {allowed[0]} to {allowed[1]}"
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
                pages = tuple((chunk.start, chunk.stop) for _, chunk in self._mapped_chunks("path"))
                self._paths = PathColumn(self.path, self._bytes, pages, self.integers("path_end"))
        return self._paths

    def table(self, columns: list[str]) -> pa.Table:
        """Columns, decoded by Arrow, after their checksums were compared."""
        with _unreadable_is_damage(self.path):
            leaves = {leaf for path, leaf in self._leaves.items() if path.partition(".")[0] in columns}
            self._compare_checksums(leaves)
            refuse_bombs(self._bytes, self._parquet, self._footer, leaves - self._weighed)
            self._weighed |= leaves
            # one thread: Arrow's are no faster here, and one that has just begun when a process ends aborts it
            table = _parquet(self._bytes, self._parquet.metadata).read(columns=columns, use_threads=False)
            if table.num_rows != self.num_rows:
                raise _damaged(self.path, f"it holds {table.num_rows} rows, its metadata tells {self.num_rows}")
            table.validate(full=True)  # text that is none, codes beyond a dictionary
            refuse_long_words(self._bytes, table)
            return table

    def beside(self) -> pa.Table | None:
        """The files of the tree that are no sample's path, as they were: `path`, `size`, `mtime_ns`, `content_hash`.

        None where another tool has written the file anew, and so has lost them.
        """
        if self._seal is None:
            return None
        with _unreadable_is_damage(self.path):
            if (place := self.metadata.beside) is not None:
                self._fetch(place.start, place.start + place.size)
            return read_beside(self._bytes, self.metadata.beside, most_memory(self._bytes))

    def take(self, columns: list[str], rows: NDArray[np.int64]) -> pa.Table:
        """Columns at `rows`, decoded by Arrow."""
        return self.table(columns).take(pa.array(rows))

    def look_again(self) -> None:
        """See whether the file is still what was opened. Costs a look at its name: for long runs to do now and then.

        A file that was replaced by another index, or is gone, is told once, in the log: what was opened stays what it was.

        Raises:
            IndexDamagedError: It was written over or cut short, instead of replaced: what was opened is no more.
        """
        if self._held.lost:
            raise self._cut_short()
        news, what = self._held.news(), ""
        if news == "written to":
            used, self._compared = self._compared, set()
            self._compare_checksums(used)
            if self._seal is None:
                with _unreadable_is_damage(self.path):
                    self._verify_content()
        elif news == "replaced":
            what = self._successor()
        elif news != "none":
            what = "it is gone" if news == "gone" else "it cannot be reached any more"
        if not what:
            self._held.believe()
        elif what != self._told:
            _log.warning("%s: %s; this run goes on with the one that it opened", self.path, what)
        self._told = what

    def _successor(self) -> str:
        """What has taken the place of the file, in words; nothing: the same content."""
        try:
            found = IndexFile(self.path).metadata.digest
        except IndexFileError as error:
            return f"another file lies there now, and is no index ({error})"
        if found == self.metadata.digest:
            return ""
        return f"another index lies there now (digest {found[:12]}…, this run's is {self.metadata.digest[:12]}…)"

    def _cut_short(self) -> IndexDamagedError:
        return IndexDamagedError(
            f"{self.path}: was cut short while it was open, from {self._bytes.size:,} bytes to {self._bytes.size - self._held.lost:,}; "
            "rebuild it with `reidindex build`, and go on from the last state"
        )

    def _fetch(self, start: int, stop: int) -> None:
        try:
            self._held.fetch(start, stop)
        except OSError as error:
            if self._held.lost:
                raise self._cut_short() from None
            raise _unreadable(self.path, error) from None

    def _mapped_chunks(self, name: str) -> list[tuple[int, Chunk]]:
        """Rows and place of a mapped column in each row group."""
        with _unreadable_is_damage(self.path):
            return mapped_chunks(self._parquet, name, self._leaves[name], self.num_rows, self._bytes.size)

    def _compare_checksums(self, leaves: set[int]) -> None:
        """Read the bytes of columns that were not compared before, once in a process, and compare their checksums."""
        leaves = leaves - self._compared
        if self._seal is None or not leaves:
            return  # what other tools wrote has been compared with the digest, as a whole
        names = list(self._leaves)
        sealed = enumerate(zip(chunks_of(self._parquet.metadata), self._seal.checksums, strict=True))
        new = [(number, chunk, expected) for number, (chunk, expected) in sealed if number % len(names) in leaves]
        found = self._checksums([chunk for _, chunk, _ in new])
        for (number, _, expected), checksum in zip(new, found, strict=True):
            if checksum != expected:
                group, leaf = divmod(number, len(names))
                raise _damaged(self.path, f"column {names[leaf]}, row group {group}: the checksum differs")
        self._compared |= leaves

    def _checksums(self, chunks: list[Chunk]) -> list[int]:
        def checksum(chunk: Chunk) -> int:
            self._fetch(chunk.start, chunk.stop)
            return chunk.checksum(self._bytes)

        if len(chunks) > 1 and sum(chunk.size for chunk in chunks) >= _WORTH_THREADS:
            with contextlib.suppress(RuntimeError), ThreadPoolExecutor(min(len(chunks), _MOST_THREADS)) as threads:
                return list(threads.map(checksum, chunks))  # zlib lets go of Python's lock
        return list(map(checksum, chunks))  # also where the system has no more threads

    def _verify_content(self) -> None:
        for contradiction in self.contradictions():
            raise _damaged(self.path, contradiction)

    def contradictions(self) -> Iterator[str]:
        """Read everything, compare it with checksums and digest, and tell which promises of docs/format.md do not hold.

        Raises:
            IndexDamagedError: It is not what was written, or holds numbers that its metadata does not allow.
        """
        with _unreadable_is_damage(self.path):
            yield from contradictions(self._content())

    def _content(self) -> Content:
        schema = schema_with(self._parquet.schema_arrow.names)
        table = self.table(schema.names).cast(schema)
        if content_digest(table, self.metadata) != self.metadata.digest:
            raise _damaged(self.path, "the content is not what was written: the digest differs")
        for name in MAPPED_INTEGERS if self._seal is not None else ():
            column = self.integers(name)
            if not np.array_equal(column.slice(0, len(column)), table[name].to_numpy()):
                raise _damaged(self.path, f"column {name} is another one where it is mapped")
        return Content(table, self.metadata, self.beside())


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


def _open_parquet(path: Path, in_memory: bool) -> tuple[HeldFile, Any, Seal | None]:
    """The bytes, Arrow's reader and the seal. The seal first: Arrow may end the process over a footer with a bit flipped."""
    try:
        with path.open("rb") as file:  # once: a moment later the name may lead to another file
            seal = read_seal(file)
            held = HeldFile(path, file, in_memory=in_memory)
        return held, _parquet(held.bytes), seal
    except MemoryError:  # also Arrow's, which is one of its errors as well
        raise
    except FileNotFoundError:
        raise IndexMissingError(f"{path}: no such index file") from None
    except PermissionError as error:
        raise IndexFileError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's own; Arrow's have no number
            raise _unreadable(path, error) from None
        raise _damaged(path, f"not a whole Parquet file: {error}") from None


def _parquet(content: NDArray[np.uint8], footer: Any = None) -> Any:
    """Arrow's reader. One for each use: it is not meant for several threads."""
    return pq.ParquetFile(
        pa.BufferReader(pa.py_buffer(content)),
        metadata=footer,
        page_checksum_verification=True,
        thrift_string_size_limit=LARGEST_FOOTER,
        thrift_container_size_limit=_MOST_ROW_GROUPS,
    )


def _read_metadata(parquet: Any, path: Path) -> IndexMetadata:
    document = (parquet.metadata.metadata or {}).get(METADATA_KEY)
    if document is None:
        raise IndexDamagedError(
            f"{path}: a Parquet file, but not an index (no {METADATA_KEY.decode()!r} metadata); "
            "make one with `reidindex build DATA`"
        )
    return IndexMetadata.from_json(document, where=str(path))


@contextlib.contextmanager
def _unreadable_is_damage(path: Path) -> Iterator[None]:
    """A footer with a bit flipped fails in many ways (names that are no text, columns that are none): all are damage."""
    try:
        yield
    except (IndexFileError, MemoryError):
        raise
    except (OSError, pa.ArrowException, ValueError, LookupError, RuntimeError) as error:
        raise _damaged(path, str(error)) from error


def _unreadable(path: Path, error: OSError) -> IndexFileError:
    return IndexFileError(
        f"{path}: cannot be read ({error.strerror or error}); see to the disk, the network and the limits of the system"
    )


def _damaged(path: Path, what: str) -> IndexDamagedError:
    return IndexDamagedError(f"{path}: damaged or not an index ({what.strip()}); rebuild it with `reidindex build`")
