"""The files of a tree that are no samples: told in the index too, in a corner that Parquet leaves alone.

With the rows they make up the whole listing that the index was made from, so that what has changed since can be named file
by file: lists of the dataset, partners of aligned sets, what was set aside. An Arrow stream between the columns and the seal;
readers of Parquet find the columns from the footer and never look here.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import IO, Final

import pyarrow as pa

from indexer.schema import Extent

BESIDE_SCHEMA: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        # of partners of aligned sets, where an index was probed or hashed
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("mode", pa.string()),
        pa.field("content_hash", pa.binary(16)),
    ]
)


def write_beside(file: IO[bytes], table: pa.Table) -> Extent | None:
    """Append the files to an index file whose columns are written.

    Args:
        file: Open for writing, at its end.
        table: Of `BESIDE_SCHEMA`, sorted by path.

    Returns:
        Where they are told; None: there is nothing to tell.
    """
    if not table.num_rows:
        return None
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, BESIDE_SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(table.combine_chunks())
    content = buffer.getvalue()
    start = file.tell()
    file.write(content)
    return Extent(start, len(content), hashlib.sha256(content).hexdigest())


def read_beside(path: Path, extent: Extent | None) -> pa.Table:
    """The files that `write_beside` has told.

    Raises:
        ValueError: The bytes are not those that were written.
        OSError: They cannot be read.
    """
    if extent is None:
        return BESIDE_SCHEMA.empty_table()
    with path.open("rb") as file:
        file.seek(extent.start)
        content = file.read(extent.size)
    if hashlib.sha256(content).hexdigest() != extent.sha256:
        raise ValueError("what it tells of files beside the samples is not what was written")
    return pa.ipc.open_stream(content).read_all()
