"""An index -> the samples it was made of: columns of text again, as a layout tells them.

`build_table(samples_of(index).samples)` is the table of the index, byte for byte, where its pids are the usual ones. What an
index does not tell are scopes: of two people who share a label, the pid tells that they are two, and in which order they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.distinct import distinct
from indexer.index_file import IndexFile
from indexer.samples import Samples, SplitMarks, no_text
from indexer.schema import UNKNOWN, IndexMetadata, modality_mask
from indexer.table import Renumber
from indexer.vocabulary import TEXT

Pids = NDArray[np.int32]

_NUMBERS: Final = ("tracklet", "frame", "clothes")
_TEXTS: Final = ("identity", "role", "camera", "source")
_LISTS: Final = ("aligned", "captions", "box", "queries")
_PROBED: Final = ("width", "height", "mode", "content_hash")


@dataclass(frozen=True)
class Opened:
    """An index as samples, in path order."""

    samples: Samples
    pid: Pids
    """Of each sample in the index, shape `(samples,)`; -1 for nobody."""
    modalities: NDArray[np.uint32]
    """Bits of each sample, as in the index."""
    row: NDArray[np.int64]
    """Where each sample stands in the index."""
    metadata: IndexMetadata
    """Of the index."""

    def numbers(self, below: int) -> Renumber:
        """For `build_table`: every identity keeps its pid; all are below a number."""
        return lambda samples, pid, identities: (self.pid, below)


def samples_of(index: IndexFile) -> Opened:
    """Read a whole index back.

    Raises:
        IndexDamagedError: It does not hold what was written.
    """
    metadata = index.metadata
    integers = {
        name: index.integers(name).slice(0, index.num_rows)
        for name in ("pid", "modalities", "splits", "view", "size", "mtime_ns", *_NUMBERS)
    }
    optional = [name for name in (*_LISTS[2:], *_PROBED) if index.has(name)]
    # `path` is decoded at once: one after the other from the mapped page would take far longer
    table = index.table(["path", *_TEXTS, *_LISTS[:2], *optional])
    columns = {name: _one_piece(table[name]) for name in table.column_names}
    pid = integers["pid"].astype(np.int32)
    fields = {name: columns[name].cast(pa.string()) for name in _TEXTS}
    fields["scope"] = _scopes(fields["identity"], pid)
    fields["modality"] = _own_modality(integers["modalities"], columns["aligned"], columns["captions"], metadata)
    views = pa.array([None, *metadata.views[1:]], pa.string())
    fields["view"] = views.take(pa.array(integers["view"].astype(np.int64)))
    for name in _NUMBERS:
        values = pa.array(integers[name].astype(np.int64), mask=integers[name] == UNKNOWN)
        fields[name] = values.cast(pa.string())
    marks = SplitMarks(0)
    marks.names, marks.masks = list(metadata.splits), integers["splits"].astype(np.uint64)
    samples = Samples(
        columns["path"].cast(pa.string()),  # another tool may have written the file anew, with longer strings
        fields,
        marks,
        integers["size"].astype(np.int64),
        integers["mtime_ns"].astype(np.int64),
        aligned=columns["aligned"] if columns["aligned"].null_count < len(pid) else None,
        captions=columns["captions"].to_pylist() if columns["captions"].null_count < len(pid) else [],
        box=_boxes(columns["box"]) if "box" in columns else None,
        queries=[numbers or [] for numbers in columns["queries"].to_pylist()] if "queries" in columns else [],
        query_sets=metadata.query_sets,
        probed={name: _plain(columns[name]) for name in _PROBED if name in columns},
    )
    # Rows are in path order within every key of the canonical order; a stable sort keeps those that share a path as they are.
    order = pc.sort_indices(samples.path).to_numpy().astype(np.int64)
    return Opened(samples.take(order), pid[order], integers["modalities"][order].astype(np.uint32), order, metadata)


def _one_piece(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _plain(values: pa.Array) -> pa.Array:
    return values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values


def _scopes(identity: pa.Array, pid: Pids) -> pa.Array:
    """The pid as text where several share a label, so that they stay apart, in their order; else null.

    A sample of nobody has none: what it shares a label with does not matter.
    """
    somebody = np.flatnonzero(pid >= 0)
    pids, first = np.unique(pid[somebody], return_index=True)
    labels = identity.take(pa.array(somebody[first])).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    shared = pids[np.bincount(labels)[labels] > 1] if len(labels) else pids
    return pa.array(pid.astype(np.int64), mask=~np.isin(pid, shared)).cast(pa.string())


def _own_modality(
    masks: NDArray[np.uint32], aligned: pa.Array, captions: pa.Array, metadata: IndexMetadata
) -> pa.Array:
    """What the file at `path` itself shows: neither what its partners show nor what its captions say."""
    names = metadata.modalities
    own = masks.astype(np.uint32)
    partners = aligned.flatten()
    if len(partners):
        counts = pc.fill_null(pc.list_value_length(aligned), 0).to_numpy(zero_copy_only=False)
        owners = np.repeat(np.arange(len(own)), counts)
        words = pc.struct_field(partners, "modality").dictionary_encode()
        bits = np.array([modality_mask([word], names) for word in words.dictionary.to_pylist()], np.uint32)
        theirs = np.zeros(len(own), np.uint32)
        np.bitwise_or.at(theirs, owners, bits[words.indices.to_numpy()])
        own = np.where(own & ~theirs, own & ~theirs, own)
    if TEXT in names:
        text = np.uint32(modality_mask([TEXT], names))
        told = captions.is_valid().to_numpy(zero_copy_only=False)
        own = np.where(told & ((own & ~text) != 0), own & ~text, own)
    found, codes = distinct(own)
    lowest = [names[(int(mask) & -int(mask)).bit_length() - 1] for mask in found]
    return pa.array(lowest, pa.string()).take(pa.array(codes)) if lowest else no_text(0)


def _boxes(column: pa.Array) -> NDArray[np.int32]:
    """x, y, width, height, shape `(samples, 4)`; 0 for the whole picture."""
    boxes = np.zeros((len(column), 4), np.int32)
    told = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    boxes[told] = np.asarray(column.flatten().to_numpy(), np.int32).reshape(-1, 4)
    return boxes
