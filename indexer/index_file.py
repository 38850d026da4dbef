"""Index table ↔ Parquet file: one atomic, checked write; a read that maps what the sampler needs.

With `parquet_pages`, the only file that knows Parquet. Reader and writer share it, so that neither can drift: what
`write_index` lays out as plain arrays, `IndexFile` maps. Strings other than paths stay ordinary Parquet and are
decoded when asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.errors import IndexDamagedError, IndexFileError, IndexMissingError
from indexer.parquet_pages import PlainPage, find_plain_page
from indexer.schema import (
    BY_NAME,
    COLUMNS,
    INDEX_NAME,
    MAPPED,
    METADATA_DIGEST_KEY,
    METADATA_KEY,
    SCHEMA,
    IndexMetadata,
)

Verify = Literal["quick", "full"]
Integers = NDArray[Any]

ROWS_PER_GROUP: Final = (
    1 << 20
)  # a page holds less than 2 GiB; a million paths stay far below, and others can read in parallel
_ONE_PAGE: Final = 2**31 - 1
_log = logging.getLogger("reidindex")


# ---------------------------------------------------------------------------------------------------- writing


def write_index(
    table: pa.Table, metadata: IndexMetadata, out: Path, *, rows_per_group: int = ROWS_PER_GROUP
) -> IndexMetadata:
    """Write an index in one step: afterwards `out` is the whole new index, or what it was before.

    Args:
        table: All columns of the schema but `path_end`, in canonical order.
        metadata: The document; its `digest`, `rows_per_group` and `checksums` are filled in here.
        out: The file to write. Its folder must exist.
        rows_per_group: Rows of a row group, so also of a mapped piece.

    Returns:
        The metadata as written.

    Raises:
        IndexFileError: The file cannot be written there.
    """
    lengths = pc.cast(pc.binary_length(table["path"]), pa.int64())
    table = table.append_column("path_end", pc.cumulative_sum(lengths)).select(SCHEMA.names).cast(SCHEMA)
    metadata = replace(
        metadata,
        digest=content_digest(table),
        rows_per_group=rows_per_group,
        checksums={name: _page_checksums(table[name], name, rows_per_group) for name in MAPPED},
    )
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        _write_parquet(table, metadata, temporary, rows_per_group)
        IndexFile(
            temporary
        ).check_mapped_pages()  # a reader must find what we think we wrote, before it replaces anything
        temporary.replace(out)
        _sync_folder(out.parent)
    except OSError as error:
        raise IndexFileError(
            f"{out}: the index cannot be written there ({error.strerror or error}); "
            "choose another place with `-o FILE` (what was there before is untouched)"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return metadata


def _write_parquet(table: pa.Table, metadata: IndexMetadata, path: Path, rows_per_group: int) -> None:
    leaves = {name: name for name in SCHEMA.names}
    leaves |= {"captions": "captions.list.element"}
    nested = ["aligned.list.element.modality", "aligned.list.element.path", leaves["captions"]]
    ordinary = [c.name for c in COLUMNS if not c.mapped and c.name not in ("aligned", "captions")]
    document = metadata.to_json()
    with path.open("xb") as file:
        writer = pq.ParquetWriter(
            file,
            SCHEMA,
            compression={**dict.fromkeys(MAPPED, "NONE"), **dict.fromkeys([*ordinary, *nested], "ZSTD")},
            use_dictionary=ordinary,
            column_encoding=dict.fromkeys(MAPPED, "PLAIN"),
            write_statistics=[*ordinary, *nested],
            write_page_checksum=True,
            data_page_size=_ONE_PAGE,
            write_batch_size=rows_per_group,
            max_rows_per_page=rows_per_group,
        )
        with writer:
            writer.write_table(table, row_group_size=rows_per_group)
            writer.add_key_value_metadata(
                {METADATA_KEY: document, METADATA_DIGEST_KEY: hashlib.sha256(document).hexdigest()}
            )
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle for a folder; its rename is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _page_checksums(values: pa.ChunkedArray, name: str, rows_per_group: int) -> tuple[int, ...]:
    starts = range(0, len(values), rows_per_group)
    return tuple(zlib.crc32(_plain_values(values.slice(start, rows_per_group), name)) for start in starts)


def _plain_values(values: pa.ChunkedArray, name: str) -> bytes:
    """The values as Parquet's PLAIN encoding lays them down."""
    if name != "path":
        return np.ascontiguousarray(values.to_numpy(), dtype=BY_NAME[name].dtype).tobytes()
    pieces = []
    for chunk in values.chunks:
        offsets, data = _string_buffers(chunk)
        sizes = np.diff(offsets).astype(np.int64)
        plain = np.empty(int(sizes.sum()) + 4 * len(sizes), np.uint8)
        heads = offsets[:-1].astype(np.int64) - offsets[0] + 4 * np.arange(len(sizes))
        is_length = np.zeros(len(plain), bool)
        is_length[heads[:, None] + np.arange(4)] = True
        plain[is_length] = sizes.astype("<u4").view(np.uint8)
        plain[~is_length] = data
        pieces.append(plain.tobytes())
    return b"".join(pieces)


def _string_buffers(chunk: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Offsets (one more than values) and the bytes they cut, of a string array without nulls."""
    if not len(chunk):
        return np.zeros(1, np.int32), np.empty(0, np.uint8)
    _, offsets, data = chunk.buffers()
    cut = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    return cut, np.frombuffer(data, np.uint8)[cut[0] : cut[-1]] if data else np.empty(0, np.uint8)


def content_digest(table: pa.Table) -> str:
    """SHA-256 of the columns that say what the samples are, whatever the chunks and dictionaries they come in."""
    total = hashlib.sha256()
    for column in COLUMNS:
        if column.content:
            for leaf in _leaves(table[column.name]):
                total.update(leaf)
    return total.hexdigest()


def _leaves(values: pa.ChunkedArray) -> Iterator[bytes]:
    """One digest a flat column: nested ones give their lengths and then their leaves."""
    kind = values.type
    if pa.types.is_integer(kind):
        yield _digest(chunk.to_numpy(zero_copy_only=False) for chunk in values.chunks)
    elif pa.types.is_list(kind):
        yield _digest(_lengths(pc.list_value_length(chunk)) for chunk in values.chunks)
        yield from _leaves(pa.chunked_array([c.flatten() for c in values.chunks], kind.value_type))
    elif pa.types.is_struct(kind):
        for i in range(kind.num_fields):
            yield from _leaves(pc.struct_field(values, [i]))
    else:
        if pa.types.is_dictionary(kind):
            values = values.cast(pa.string())
        yield _digest(_lengths(pc.binary_length(chunk)) for chunk in values.chunks)
        yield _digest(_string_buffers(pc.fill_null(chunk, ""))[1] for chunk in values.chunks)


def _lengths(lengths: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(lengths, -1).to_numpy(zero_copy_only=False), "<i8")


def _digest(arrays: Iterator[NDArray[Any]]) -> bytes:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


# ---------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class IntegerColumn:
    """A column of integers as the pieces it is mapped in, one a row group."""

    pieces: tuple[Integers, ...]
    starts: NDArray[np.int64]
    """First row of each piece, and the number of rows last."""

    def __len__(self) -> int:
        return int(self.starts[-1])

    def take(self, rows: NDArray[np.int64]) -> Integers:
        """The values at `rows`, shape of `rows`."""
        if len(self.pieces) == 1:
            return self.pieces[0][rows]  # not np.take: it copies the whole of an unaligned array
        which = np.searchsorted(self.starts, rows, side="right") - 1
        out = np.empty(rows.shape, self.pieces[0].dtype)
        for piece in np.unique(which):
            here = which == piece
            out[here] = self.pieces[piece][rows[here] - self.starts[piece]]
        return out

    def blocks(self, start: int, stop: int) -> Iterator[Integers]:
        """The values of rows `start` to `stop` (excluded), a piece at a time: a pass without a copy of the whole."""
        for first, piece in zip(self.starts, self.pieces, strict=False):
            low, high = max(start - first, 0), min(stop - first, len(piece))
            if low < high:
                yield piece[low:high]

    def slice(self, start: int, stop: int) -> Integers:
        """The values of rows `start` to `stop` (excluded): a view where they lie in one piece."""
        blocks = list(self.blocks(start, stop))
        if len(blocks) == 1:
            return blocks[0]
        return np.concatenate(blocks) if blocks else self.pieces[0][:0]


class IndexFile:
    """An index file, opened for reading. Nothing but the footer is read until a column is asked for."""

    def __init__(self, path: Path, *, verify: Verify = "quick") -> None:
        """Open and check.

        Args:
            path: The file.
            verify: `quick` checks the metadata document, the schema, the row count, and ties every mapped column to
                its page's checksum; `full` also reads everything once and compares all checksums and the digest.

        Raises:
            IndexMissingError: There is no such file.
            IndexVersionError: It has a format this version does not read.
            IndexDamagedError: It is no index, or not what was written.
        """
        self.path = path
        self._parquet = _open_parquet(path)
        self.metadata = _read_metadata(self._parquet, path)
        self._check_shape()
        self._bytes: NDArray[np.uint8] = (
            np.memmap(path, np.uint8, mode="r") if path.stat().st_size else np.empty(0, np.uint8)
        )
        self._integers: dict[str, IntegerColumn] = {}
        self._paths: PathColumn | None = None
        if verify == "full":
            self._verify_content()

    @property
    def num_rows(self) -> int:
        """Number of samples."""
        return self.metadata.samples

    def integers(self, name: str) -> IntegerColumn:
        """A mapped integer column."""
        if name not in self._integers:
            dtype, pages = BY_NAME[name].dtype, self._pages(name)
            if pages is None:
                pieces: tuple[Integers, ...] = (self._decoded(name).to_numpy().astype(dtype),)
            else:
                pieces = tuple(np.ndarray((p.num_values,), dtype, self._bytes, p.start) for p in pages)
            starts = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
            self._integers[name] = IntegerColumn(pieces, starts)
        return self._integers[name]

    @property
    def paths(self) -> PathColumn:
        """The mapped paths."""
        if self._paths is None:
            pages = self._pages("path")
            if pages is None:
                self._paths = PathColumn(decoded=self._decoded("path"))
            else:
                self._paths = PathColumn(self._bytes, tuple(pages), self.integers("path_end"))
        return self._paths

    def table(self, columns: list[str]) -> pa.Table:
        """Columns, decoded by Arrow, page checksums compared."""
        try:
            return self._parquet.read(columns=columns)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self.path, str(error)) from error

    def take(self, columns: list[str], rows: NDArray[np.int64]) -> pa.Table:
        """Columns at `rows`, decoded by Arrow."""
        return self.table(columns).take(pa.array(rows))

    def check_mapped_pages(self) -> None:
        """Tie every mapped column to its pages; a column that is not where the metadata says raises."""
        for name in MAPPED:
            if self._pages(name) is None:
                raise _damaged(self.path, f"column {name} is not one plain page a row group")

    def _check_shape(self) -> None:
        schema, rows = self._parquet.schema_arrow, self._parquet.metadata.num_rows
        if rows != self.metadata.samples:
            raise _damaged(self.path, f"it holds {rows} rows, its metadata tells {self.metadata.samples}")
        for column in COLUMNS:
            found = schema.field(column.name).type if column.name in schema.names else None
            if found is not None and pa.types.is_dictionary(column.type) and pa.types.is_string(found):
                continue  # a tool that rewrote the file may have dropped Arrow's own schema
            if found != column.type:
                raise _damaged(self.path, f"column {column.name} should be {column.type}, found {found or 'none'}")

    def _pages(self, name: str) -> list[PlainPage] | None:
        """The page of a mapped column in every row group, or None where another tool laid the file out anew."""
        footer, schema = self._parquet.metadata, self._parquet.schema
        # Nested columns have several leaves: find the leaf by its path, not by the position of its column.
        leaf = next(i for i in range(len(schema)) if schema.column(i).path == name)
        level = schema.column(leaf).max_definition_level
        chunks = [footer.row_group(group).column(leaf) for group in range(footer.num_row_groups)]
        pages = [find_plain_page(self._bytes, chunk, max_definition_level=level) for chunk in chunks]
        found = [page for page in pages if page is not None]
        if len(found) < len(pages) or len(found) != len(self.metadata.checksums[name]):
            return None
        for group, (page, expected) in enumerate(zip(found, self.metadata.checksums[name], strict=True)):
            size_fits = name == "path" or page.size == page.num_values * BY_NAME[name].itemsize
            if page.crc != expected or page.num_values != footer.row_group(group).num_rows or not size_fits:
                raise _damaged(self.path, f"column {name}, row group {group}: not the page that was written")
        return found

    def _decoded(self, name: str) -> pa.ChunkedArray:
        """A column that cannot be mapped, decoded, and compared with the checksums of what was written."""
        _log.warning(
            "%s: column %s cannot be mapped (another tool rewrote the file?): decoded instead", self.path, name
        )
        values = self.table([name])[name].cast(BY_NAME[name].type)
        if _page_checksums(values, name, self.metadata.rows_per_group) != tuple(self.metadata.checksums[name]):
            raise _damaged(self.path, f"column {name}: not the values that were written")
        return values

    def _verify_content(self) -> None:
        for name in MAPPED:
            for group, page in enumerate(self._pages(name) or ()):
                if zlib.crc32(self._bytes[page.start : page.start + page.size].data) != page.crc:
                    raise _damaged(self.path, f"column {name}, row group {group}: the checksum differs")
        if content_digest(self.table(SCHEMA.names).cast(SCHEMA)) != self.metadata.digest:
            raise _damaged(self.path, "the content digest differs")


class PathColumn:
    """The paths, read one by one from the map: constant memory however many there are."""

    def __init__(
        self,
        file: NDArray[np.uint8] | None = None,
        pages: tuple[PlainPage, ...] = (),
        ends: IntegerColumn | None = None,
        *,
        decoded: pa.ChunkedArray | None = None,
    ) -> None:
        """From the mapped pages and the running sum of lengths, or from decoded strings."""
        self._file, self._pages, self._ends, self._decoded = file, pages, ends, decoded

    def __getitem__(self, row: int) -> str:
        """The path of a row (counted from 0)."""
        if self._decoded is not None:
            return str(self._decoded[row].as_py())
        assert self._file is not None  # one of the two is given: see IndexFile.paths
        assert self._ends is not None
        starts = self._ends.starts
        group = int(np.searchsorted(starts, row, side="right")) - 1
        local, ends = row - int(starts[group]), self._ends.pieces[group]
        base = int(self._ends.pieces[group - 1][-1]) if group else 0
        before = int(ends[local - 1]) if local else base
        # PLAIN strings lie as (length, bytes) after (length, bytes): skip local + 1 lengths of four bytes.
        start = self._pages[group].start + (before - base) + 4 * (local + 1)
        return bytes(self._file[start : start + int(ends[local]) - before]).decode()


def locate_index(path: str | Path) -> Path:
    """The index file meant by a file or by a dataset folder.

    Raises:
        IndexMissingError: There is none.
    """
    path = Path(path)
    file = path / INDEX_NAME if path.is_dir() else path
    if not file.exists():
        what = f"{path}: no index ({INDEX_NAME}) in this folder" if path.is_dir() else f"{path}: no such file or folder"
        hint = f"; make one with `reidindex build {path}`" if path.is_dir() else ""
        raise IndexMissingError(what + hint)
    return file


def _open_parquet(path: Path) -> Any:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise IndexMissingError(f"{path}: no such index file") from None
    except PermissionError as error:
        raise IndexFileError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, f"not a whole Parquet file: {error}") from None


def _read_metadata(parquet: Any, path: Path) -> IndexMetadata:
    pairs = parquet.metadata.metadata or {}
    document = pairs.get(METADATA_KEY)
    if document is None:
        raise IndexDamagedError(
            f"{path}: a Parquet file, but not an index (no {METADATA_KEY.decode()!r} metadata); "
            "make one with `reidindex build DATA`"
        )
    metadata = IndexMetadata.from_json(document, where=str(path))
    if pairs.get(METADATA_DIGEST_KEY, b"").decode(errors="replace") != hashlib.sha256(document).hexdigest():
        raise _damaged(path, "the checksum of its metadata differs")
    return metadata


def _damaged(path: Path, what: str) -> IndexDamagedError:
    return IndexDamagedError(f"{path}: damaged or not an index ({what.strip()}); rebuild it with `reidindex build`")
