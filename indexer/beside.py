"""The files of a tree that are no samples: told in the index too, in a corner that Parquet leaves alone.

With the rows they make up the whole listing that the index was made from, so that what has changed since can be named file
by file: lists of the dataset, partners of aligned sets, what was set aside. An Arrow stream between the columns and the seal;
readers of Parquet find the columns from the footer and never look here.
"""

from __future__ import annotations

import hashlib
import io
import struct
from typing import IO, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.schema import Extent

_HEADER, _BUFFERS = 2, 2  # the numbers of these fields in a Message and a RecordBatch
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
    with pa.ipc.new_stream(
        buffer, BESIDE_SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    ) as stream:
        stream.write_table(table.combine_chunks())
    content = buffer.getvalue()
    start = file.tell()
    file.write(content)
    return Extent(start, len(content), hashlib.sha256(content).hexdigest())


def read_beside(file: NDArray[np.uint8], extent: Extent | None, most: int) -> pa.Table:
    """The files that `write_beside` has told.

    Args:
        file: The bytes of an index file.
        extent: Where they are told.
        most: More bytes of memory than this they do not get.

    Raises:
        ValueError: The bytes are not those that were written, or would become too many.
    """
    if extent is None:
        return BESIDE_SCHEMA.empty_table()
    if extent.start + extent.size > file.size:
        raise ValueError("what it tells of files beside the samples does not lie within the file")
    content = file[extent.start : extent.start + extent.size].tobytes()
    if hashlib.sha256(content).hexdigest() != extent.sha256:
        raise ValueError("what it tells of files beside the samples is not what was written")
    try:
        unpacked = sum(map(_unpacked, pa.ipc.MessageReader.open_stream(content)))
    except struct.error as error:
        raise ValueError(f"what it tells of files beside the samples is broken ({error})") from None
    if unpacked > most:
        raise ValueError(
            f"what it tells of files beside the samples would take {unpacked:,} bytes, {most:,} are allowed"
        )
    stream = pa.ipc.open_stream(content, options=pa.ipc.IpcReadOptions(use_threads=False))
    if not stream.schema.equals(BESIDE_SCHEMA):
        raise ValueError("what it tells of files beside the samples has other columns")
    table = stream.read_all()
    table.validate(full=True)  # Arrow believes the offsets of a stream
    return table


def _unpacked(message: pa.Message) -> int:
    """Bytes of memory that a message becomes.

    Each compressed buffer begins with the size that it claims, and a decoder allocates that. Where the buffers lie is told in a
    flatbuffer: a table there begins with the way back to a list of where its fields are.
    """
    if message.type != "record batch":
        return 0
    told, body = message.metadata.to_pybytes(), message.body

    def number(at: int, form: str) -> int:
        return int(struct.unpack_from(form, told, at)[0])

    def field(table: int, which: int) -> int:
        place = number(table - number(table, "<i") + 4 + 2 * which, "<H")
        return table + place + number(table + place, "<I")

    buffers = field(field(number(0, "<I"), _HEADER), _BUFFERS)
    size = 0
    for at in range(buffers + 4, buffers + 4 + 16 * number(buffers, "<I"), 16):
        start, length = number(at, "<q"), number(at + 8, "<q")
        if length:
            claimed = struct.unpack_from("<q", body, start)[0] if start >= 0 else -2
            if claimed < -1:
                raise ValueError("what it tells of files beside the samples is broken")
            size += length if claimed == -1 else claimed
    return size
