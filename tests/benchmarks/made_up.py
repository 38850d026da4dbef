"""Indexes of any size, written straight from arrays: the samples they speak of do not exist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from indexer.index_writing import write_index
from indexer.schema import SCHEMA, IndexMetadata, Pairing, SplitRun


def write_made_up(path: Path, rows: int, per_identity: int = 10) -> None:
    """An RGB + NIR index: of each identity's rows three fifths are RGB, the rest NIR."""
    row = np.arange(rows)
    pid = row // per_identity
    rgb = row % per_identity < np.ceil(0.6 * per_identity)
    camera = np.minimum(row % per_identity, 5)  # the rows of one kind are sorted by it
    names = pa.array(np.char.add(np.char.mod("train/%09d", row), ".jpg")) if rows < 3_000_000 else _many_names(rows)
    dictionary = pa.dictionary(pa.int32(), pa.string())
    columns = {
        "path": names,
        "identity": pa.DictionaryArray.from_arrays(
            pa.array(pid, pa.int32()), pa.array([str(i) for i in range(int(pid[-1]) + 1)])
        ),
        "pid": pa.array(pid, pa.int32()),
        "modality": pa.DictionaryArray.from_arrays(pa.array(~rgb, pa.int32()), pa.array(["rgb", "nir"])),
        "modalities": pa.array(np.where(rgb, 1, 2), pa.uint32()),
        "camera": pa.DictionaryArray.from_arrays(pa.array(camera, pa.int32()), pa.array(list("123456"))),
        "camid": pa.array(camera, pa.int16()),
        "split": pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows), pa.int32()), pa.array(["train"])),
        "splits": pa.array(np.ones(rows), pa.uint64()),
        "view": pa.array(np.zeros(rows), pa.uint8()),
        **{name: pa.array(np.full(rows, -1), SCHEMA.field(name).type) for name in ("tracklet", "frame", "clothes")},
        **{name: pa.array(row, pa.int64()) for name in ("size", "mtime_ns")},
        **{name: pa.nulls(rows, SCHEMA.field(name).type) for name in ("aligned", "captions")},
        **{name: pa.nulls(rows, dictionary) for name in ("role", "source")},
    }
    schema = pa.schema([f for f in SCHEMA if f.name != "path_end"])
    metadata = IndexMetadata(
        tool="made up", layout="made-up", layout_digest="", modalities=("rgb", "nir"), splits=("train",), views=("",),
        pairing=Pairing("rgb", ("nir",)), samples=rows, identities=int(pid[-1]) + 1,
        split_runs=(SplitRun(("train",), 0, rows),), fingerprint="",
    )  # fmt: skip
    write_index(pa.table([columns[f.name] for f in schema], schema=schema), metadata, path)


def _many_names(rows: int) -> pa.ChunkedArray:
    """In pieces: a string array holds less than 2 GiB."""
    step = 1_000_000
    pieces = [
        np.char.add(np.char.mod("train/%09d", np.arange(a, min(a + step, rows))), ".jpg") for a in range(0, rows, step)
    ]
    return pa.chunked_array([pa.array(p) for p in pieces])
