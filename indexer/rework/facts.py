"""What a filter may ask of a sample: columns of the index, and what follows from them for its identity."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.index_file import IndexFile
from indexer.schema import UNKNOWN, modality_mask

Kind = Literal["text", "number", "truth"]

COLUMNS: Final[dict[str, Kind]] = {
    "path": "text",
    "identity": "text",
    "role": "text",
    "modality": "text",
    "camera": "text",
    "split": "text",
    "source": "text",
    "view": "text",
    "mode": "text",
    "pid": "number",
    "camid": "number",
    "tracklet": "number",
    "frame": "number",
    "clothes": "number",
    "size": "number",
    "mtime_ns": "number",
    "width": "number",
    "height": "number",
}
"""Columns of an index that can be asked, and what their values are."""

OF_IDENTITY: Final[dict[str, Kind]] = {
    "samples_of_identity": "number",
    "cameras_of_identity": "number",
    "pairable": "truth",
    "complete": "truth",
}
"""What is asked of a sample's identity: all of its samples in the index count, in whatever split."""

NULLABLE_NUMBERS: Final = ("width", "height")
"""Numbers that are null where none is told; all others are -1 there."""


def kinds_in(index: IndexFile) -> dict[str, Kind]:
    """What can be asked of this index: name → kind."""
    absent = [name for name in ("mode", *NULLABLE_NUMBERS) if not index.has(name)]
    return {name: kind for name, kind in {**COLUMNS, **OF_IDENTITY}.items() if name not in absent}


def facts_table(index: IndexFile, names: Collection[str]) -> pa.Table:
    """The columns that are asked for, in the order of the index; where there are none, `row` alone.

    Args:
        index: The index.
        names: Of `kinds_in`; `has(nir)` for a modality, `in_split(train)` for a split.
    """
    if not names:
        return pa.table({"row": np.arange(index.num_rows)})
    return pa.table({name: _column(index, name) for name in sorted(names)})


def _column(index: IndexFile, name: str) -> Any:
    metadata, (function, _, word) = index.metadata, name.rstrip(")").partition("(")
    if function == "has":
        return (_integers(index, "modalities") >> metadata.modalities.index(word) & 1).astype(bool)
    if function == "in_split":
        return (_integers(index, "splits") >> np.uint64(metadata.splits.index(word)) & np.uint64(1)).astype(bool)
    if name in OF_IDENTITY:
        return _OF_IDENTITY[name](index)
    if name == "view":
        words = pa.array([None, *metadata.views[1:]], pa.string())
        return words.take(pa.array(_integers(index, "view").astype(np.int64)))
    if name in NULLABLE_NUMBERS:
        return index.table([name])[name].cast(pa.int64())
    return index.table([name])[name].cast(pa.string() if COLUMNS[name] == "text" else pa.int64())


def _integers(index: IndexFile, name: str) -> NDArray[Any]:
    return index.integers(name).slice(0, index.num_rows)


def _of_samples(index: IndexFile, of_identity: NDArray[Any]) -> NDArray[Any]:
    """What is told of each pid → of each sample; of nobody nothing."""
    return np.asarray(np.append(of_identity, of_identity.dtype.type(0))[_integers(index, "pid")])


def _samples(index: IndexFile) -> NDArray[Any]:
    pid = _integers(index, "pid")
    return _of_samples(index, np.bincount(pid[pid >= 0], minlength=index.metadata.identities).astype(np.int64))


def _cameras(index: IndexFile) -> NDArray[Any]:
    pid, camid = (_integers(index, name).astype(np.int64) for name in ("pid", "camid"))
    known = (pid >= 0) & (camid != UNKNOWN)
    pairs = np.unique(pid[known] << 16 | camid[known])
    return _of_samples(index, np.bincount(pairs >> 16, minlength=index.metadata.identities).astype(np.int64))


def _covered(index: IndexFile) -> NDArray[np.uint32]:
    pid = _integers(index, "pid")
    covered = np.zeros(index.metadata.identities, np.uint32)
    np.bitwise_or.at(covered, pid[pid >= 0], _integers(index, "modalities")[pid >= 0].astype(np.uint32))
    return covered


def _pairable(index: IndexFile) -> NDArray[Any]:
    pairing, names = index.metadata.pairing, index.metadata.modalities
    masks = [np.uint32(modality_mask(group, names)) for group in ([pairing.anchor], pairing.others)]
    covered = _covered(index)
    return _of_samples(index, ((covered & masks[0]) != 0) & ((covered & masks[1]) != 0))


def _complete(index: IndexFile) -> NDArray[Any]:
    return _of_samples(index, _covered(index) == np.uint32((1 << len(index.metadata.modalities)) - 1))


_OF_IDENTITY: Final[dict[str, Callable[[IndexFile], NDArray[Any]]]] = {
    "samples_of_identity": _samples,
    "cameras_of_identity": _cameras,
    "pairable": _pairable,
    "complete": _complete,
}
