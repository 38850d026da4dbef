"""An index table -> the digest of its content: what two files must share to give the same batches.

Independent of how the values are stored (chunks, dictionaries, row groups), so that it can be computed again from a file
that another tool has written anew. docs/format.md gives it byte by byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.schema import COLUMNS, IndexMetadata


def content_digest(table: pa.Table, metadata: IndexMetadata) -> str:
    """SHA-256 of the columns that say what the samples are, whatever the chunks and dictionaries they come in.

    And of the words that the numbers in them stand for: modalities, splits, views, and the pairing.
    """
    pairing = [metadata.pairing.anchor, metadata.pairing.others]
    words: list[Any] = [metadata.modalities, metadata.splits, metadata.views, pairing]
    if metadata.query_sets:
        words.append([[one.name, one.first, one.last] for one in metadata.query_sets])
    total = hashlib.sha256(json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode())
    for column in COLUMNS:
        if column.content and (not column.optional or column.name in table.column_names):
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


def _string_buffers(chunk: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Offsets (one more than values) and the bytes they cut, of a string array without nulls."""
    if not len(chunk):
        return np.zeros(1, np.int32), np.empty(0, np.uint8)
    _, offsets, data = chunk.buffers()
    cut = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    return cut, np.frombuffer(data, np.uint8)[cut[0] : cut[-1]] if data else np.empty(0, np.uint8)
