"""Index files that no honest writer makes, sealed all the same: a seal is no signature."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from indexer.beside import write_beside
from indexer.digest import content_digest
from indexer.schema import COLUMNS, MAPPED, METADATA_KEY, IndexMetadata, schema_with
from indexer.seal import MAGIC, chunks_of, write_seal


def with_values(table: pa.Table, name: str, change: Callable[[list[Any]], object]) -> pa.Table:
    """A table with a column whose values were changed, as a list and in place."""
    values = table[name].to_pylist()
    change(values)
    at = table.column_names.index(name)
    return table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))


def put(row: int, value: object) -> Callable[[list[Any]], object]:
    """A change of one row."""
    return lambda values: values.__setitem__(row, value)


def forge(
    out: Path,
    table: pa.Table,
    metadata: IndexMetadata,
    *,
    document: Callable[[bytes], bytes] = lambda told: told,
    beside: pa.Table | None = None,
    dictionary: tuple[str, ...] = (),
    options: Mapping[str, Any] | None = None,
    path_end: bool = True,
) -> Path:
    """Write a table as an index, whatever it holds.

    Args:
        out: The file.
        table: What it is to hold.
        metadata: Its digest is filled in.
        document: Changes the metadata document.
        beside: The files beside.
        dictionary: Further leaves that are written with a dictionary.
        options: Of Arrow's writer, in place of ours.
        path_end: Whether to add the column where it lacks.
    """
    if path_end and "path_end" not in table.column_names:
        ends = pc.cumulative_sum(pc.cast(pc.binary_length(table["path"]), pa.int64()))
        table = table.append_column("path_end", ends)
        names = [
            *schema_with(table.column_names).names,
            *(n for n in table.column_names if n not in schema_with(table.column_names).names),
        ]
        table = table.select(names)
        fields = {f.name: f for f in schema_with(table.column_names)}
        table = table.cast(
            pa.schema([f.with_nullable(fields[f.name].nullable) if f.name in fields else f for f in table.schema])
        )
    mapped = [name for name in MAPPED if name in table.column_names]
    ordinary = [c.name for c in COLUMNS if not c.mapped and not pa.types.is_nested(c.type)]
    with out.open("w+b") as file:
        usual: dict[str, Any] = {
            "compression": {c.path: "NONE" if c.path in mapped else "ZSTD" for c in _leaves(table.schema)},
            "use_dictionary": [*ordinary, *dictionary],
            "column_encoding": dict.fromkeys(mapped, "PLAIN"),
            "write_statistics": False, "write_page_checksum": True, "data_page_size": 2**31 - 1,
            "max_rows_per_page": 1 << 20, "write_batch_size": 1 << 20, "dictionary_pagesize_limit": 1 << 30,
        }  # fmt: skip
        with pq.ParquetWriter(pa.PythonFile(file, mode="w"), table.schema, **{**usual, **(options or {})}) as writer:
            writer.write_table(table)
            place = write_beside(file, beside) if beside is not None else None
            digest = ""
            with contextlib.suppress(
                pa.ArrowException, KeyError, TypeError, AttributeError
            ):  # not of columns that are none
                digest = content_digest(table.select(schema_with(table.column_names).names), metadata)
            told = replace(metadata, digest=digest, beside=place).to_json()
            writer.add_key_value_metadata({METADATA_KEY: document(told)})
        file.flush()
        write_seal(file, chunks_of(pq.read_metadata(out)))
    return out


def _leaves(schema: pa.Schema) -> list[Any]:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches([], schema), sink)
    found = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [found.column(i) for i in range(len(found))]


def with_footer(index: Path, *changes: tuple[bytes, bytes]) -> Path:
    """Change bytes of the footer, each found exactly once, and seal the file anew."""
    content = index.read_bytes()
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer = content[end:-8]
    for old, new in changes:
        assert footer.count(old) == 1, (old, footer.count(old))
        footer = footer.replace(old, new)
    count = int.from_bytes(content[end - 44 : end - 40], "little")
    body, numbers = content[: end - 44 - 4 * count], content[end - 44 - 4 * count : end - 40]
    tail = footer + len(footer).to_bytes(4, "little") + b"PAR1"
    told = pq.ParquetFile(pa.BufferReader(body + tail)).metadata
    data = np.frombuffer(content, np.uint8)
    numbers = b"".join(c.checksum(data).to_bytes(4, "little") for c in chunks_of(told)) + numbers[-4:]
    index.unlink()
    index.write_bytes(body + numbers + hashlib.sha256(numbers + tail).digest() + MAGIC + tail)
    return index


def zigzag(number: int) -> bytes:
    """A number as Thrift's compact protocol writes it."""
    value, out = (number << 1) ^ (number >> 63), bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def place_in_footer(index: Path, column: str) -> bytes:
    """The bytes of the footer that tell a column's size and place."""
    group = pq.read_metadata(index).row_group(0)
    for i in range(group.num_columns):
        chunk = group.column(i)
        if chunk.path_in_schema == column:
            return place(chunk.total_compressed_size, chunk.data_page_offset)
    raise LookupError(column)


def place(size: int, offset: int) -> bytes:
    """A size and a place as a footer tells them: field 7 and field 9 of the column's metadata."""
    return b"\x16" + zigzag(size) + b"\x26" + zigzag(offset)
