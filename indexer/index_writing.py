"""Index table -> Parquet file, in one checked step. What it lays out as plain arrays, `index_file` maps."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from indexer.beside import write_beside
from indexer.digest import content_digest
from indexer.errors import IndexFileError
from indexer.index_file import IndexFile
from indexer.replacement import replacement
from indexer.schema import COLUMNS, MAPPED, METADATA_KEY, IndexMetadata, schema_with
from indexer.seal import chunks_of, write_seal

ROWS_PER_GROUP: Final = 1 << 20
"""A page holds less than 2 GiB: a million paths stay far below, and other tools can read row groups in parallel."""
_ONE_PAGE: Final = 2**31 - 1
_NESTED: Final = {
    "aligned": ("aligned.list.element.modality", "aligned.list.element.path"),
    "captions": ("captions.list.element",),
    "box": ("box.list.element",),
    "queries": ("queries.list.element",),
}
"""Columns of lists, and their leaves as Parquet names them."""


def write_index(
    table: pa.Table,
    metadata: IndexMetadata,
    out: Path,
    *,
    beside: pa.Table | None = None,
    as_of_ns: int | None = None,
    rows_per_group: int = ROWS_PER_GROUP,
) -> IndexMetadata:
    """Write an index in one step: afterwards `out` is the whole new index, or what it was before.

    Args:
        table: All columns of the schema but `path_end`, in canonical order.
        metadata: The document; its `digest` is filled in here.
        out: The file to write. Its folder must exist.
        beside: The files of the tree that are no samples, as of `indexer.beside`.
        as_of_ns: When the tree was looked at, ns since 1970: the file bears this time, so that whatever is younger than the
            file may be another thing than what it tells. None: now.
        rows_per_group: Rows of a row group, so also of a mapped piece.

    Returns:
        The metadata as written.

    Raises:
        IndexFileError: The file cannot be written there.
        BusyError: Another process is writing it.
    """
    lengths = pc.cast(pc.binary_length(table["path"]), pa.int64())
    schema = schema_with(table.column_names)
    table = table.append_column("path_end", pc.cumulative_sum(lengths)).select(schema.names).cast(schema)
    try:
        with replacement(out) as file:
            temporary = Path(file.name)
            metadata = _write_parquet(table, metadata, file, rows_per_group, beside)
            write_seal(file, chunks_of(pq.read_metadata(temporary)))
            file.flush()
            if as_of_ns is not None:
                os.utime(temporary, ns=(as_of_ns, as_of_ns))
            _read_back(temporary, out)
    except OSError as error:
        raise IndexFileError(
            f"{out}: the index cannot be written there ({error.strerror or error}); "
            "choose another place with `-o FILE` (what was there before is untouched)"
        ) from error
    return metadata


def _read_back(temporary: Path, out: Path) -> None:
    """A reader must find what we think we wrote, before it replaces anything."""
    try:
        IndexFile(temporary)
    except IndexFileError as error:
        told = str(error).removeprefix(f"{temporary}: ")
        raise IndexFileError(
            f"{out}: what was written could not be read back ({told}); what was there before is untouched"
        ) from error


def _write_parquet(
    table: pa.Table, metadata: IndexMetadata, file: IO[bytes], rows_per_group: int, beside: pa.Table | None
) -> IndexMetadata:
    """Write the columns, and meanwhile compute their digest, which the metadata behind them tells."""
    nested = [leaf for name, leaves in _NESTED.items() if name in table.column_names for leaf in leaves]
    ordinary = [c.name for c in COLUMNS if not c.mapped and c.name in table.column_names and c.name not in _NESTED]
    writer = pq.ParquetWriter(
        pa.PythonFile(file, mode="w"),
        table.schema,
        compression={**dict.fromkeys(MAPPED, "NONE"), **dict.fromkeys([*ordinary, *nested], "ZSTD")},
        use_dictionary=ordinary,
        column_encoding=dict.fromkeys(MAPPED, "PLAIN"),
        write_statistics=[*ordinary, *nested],
        write_page_checksum=True,
        data_page_size=_ONE_PAGE,
        write_batch_size=rows_per_group,
        max_rows_per_page=rows_per_group,
    )
    with writer, ThreadPoolExecutor(1) as other:
        digest = other.submit(content_digest, table, metadata)
        writer.write_table(table, row_group_size=rows_per_group)
        place = write_beside(file, beside) if beside is not None else None
        metadata = replace(metadata, digest=digest.result(), beside=place)
        writer.add_key_value_metadata({METADATA_KEY: metadata.to_json()})
    file.flush()
    return metadata
