"""An index and the listing it was made from: which files it tells beside its samples, and the listing back from both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.beside import BESIDE_SCHEMA
from indexer.index_file import IndexFile
from indexer.scan.listing import Listing
from indexer.schema import UNKNOWN

PROBED: Final = ("width", "height", "mode", "content_hash")


@dataclass(frozen=True)
class ListedFiles:
    """The files of a tree as an index tells them, sorted by path."""

    table: pa.Table
    """Of `BESIDE_SCHEMA`. What was found in the files is null where nobody looked, and of those that are neither samples nor
    their partners."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def path(self) -> pa.Array:
        """Relative to the root, each once."""
        return self.table["path"].combine_chunks()

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """Bytes."""
        return np.asarray(self.table["size"].to_numpy())

    @cached_property
    def mtime_ns(self) -> NDArray[np.int64]:
        """Time of the last change, ns since 1970."""
        return np.asarray(self.table["mtime_ns"].to_numpy())


def files_beside(listing: Listing, rows: pa.Table, probed: pa.Table | None) -> pa.Table:
    """The files of a listing whose size and time no row tells, as `BESIDE_SCHEMA`.

    Args:
        listing: All files.
        rows: The table of the index.
        probed: What was found in files, as of `indexer.probing`; None: none was opened.
    """
    told = rows["path"].filter(pc.not_equal(rows["size"], UNKNOWN)).combine_chunks()
    beside = np.flatnonzero(~pc.is_in(listing.arrow, value_set=told).to_numpy(zero_copy_only=False))
    paths = listing.arrow.take(pa.array(beside))
    columns = {"path": paths, "size": listing.sizes[beside], "mtime_ns": listing.mtimes_ns[beside]}
    if probed is not None:
        place = pc.index_in(paths, value_set=probed["path"].combine_chunks())
        columns |= {name: probed[name].combine_chunks().take(place) for name in probed.column_names if name != "path"}
    return _with_all_columns(pa.table({name: pa.array(values) for name, values in columns.items()}))


def listed_files(index: IndexFile) -> ListedFiles | None:
    """Every file of the tree that an index was made from; None where nobody listed it.

    Raises:
        IndexDamagedError: The file does not hold what was written.
    """
    beside = index.beside()
    if beside is None or index.metadata.made_by or index.metadata.fingerprint.startswith("trusted"):
        return None
    rows = _rows(index)
    told = rows.filter(pc.not_equal(rows["size"], UNKNOWN))  # not those of sentences, whose document lies beside
    return _each_once(pa.concat_tables([told, beside]))


def known_files(index: IndexFile) -> ListedFiles:
    """The files that an index names in its rows, for one that was not made of a listing."""
    partners = index.table(["aligned"])["aligned"].combine_chunks().flatten()
    paths = pc.unique(pc.struct_field(partners, "path")) if len(partners) else pa.array([], pa.string())
    unknown = pa.repeat(pa.scalar(UNKNOWN, pa.int64()), len(paths))
    others = _with_all_columns(pa.table({"path": paths, "size": unknown, "mtime_ns": unknown}))
    return _each_once(pa.concat_tables([_rows(index), others]))


def _rows(index: IndexFile) -> pa.Table:
    return _with_all_columns(index.table(["path", "size", "mtime_ns", *(name for name in PROBED if index.has(name))]))


def _each_once(table: pa.Table) -> ListedFiles:
    """Sorted by path: boxes and sentences are several samples of one file."""
    table = table.combine_chunks()
    table = table.take(pc.sort_indices(table["path"])).combine_chunks()
    path = table["path"].combine_chunks()
    first = np.ones(len(path), bool)
    first[1:] = pc.not_equal(path[1:], path[:-1]).to_numpy(zero_copy_only=False)
    return ListedFiles(table.filter(pa.array(first)).combine_chunks())


def _with_all_columns(table: pa.Table) -> pa.Table:
    columns = [
        table[f.name] if f.name in table.column_names else pa.nulls(table.num_rows, f.type) for f in BESIDE_SCHEMA
    ]
    return pa.table(columns, names=BESIDE_SCHEMA.names).cast(BESIDE_SCHEMA)
