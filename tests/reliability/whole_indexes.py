"""Indexes to be damaged: between them they have every column, several row groups, and a seal or none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.beside import BESIDE_SCHEMA
from indexer.index_writing import write_index
from indexer.samples import FIELDS, Samples, SplitMarks, no_text
from indexer.schema import METADATA_KEY, IndexMetadata, QuerySet, schema_with
from indexer.table import build_table


def every_kind_of_sample(identities: int = 6) -> Samples:
    """Boxes in one picture, aligned sets, captions, queries of sentences, files that were looked at, nobody and distractors."""
    rows: list[dict[str, object]] = []
    for person in range(identities):
        split, label = ("train" if person < identities - 2 else "val+trial1/test"), f"p{person}"
        own = {"identity": label, "split": split, "camera": str(person % 3), "source": "one"}
        for shot in range(3):
            rows.append({**own, "path": f"{label}/{shot}.jpg", "modality": "rgb", "caption": shot == 1, "clothes": "7"})
            rows.append({**own, "path": f"{label}/{shot}.nir.jpg", "modality": "nir", "view": "front", "tracklet": "3"})
        for modality in ("rgb", "nir", "tir"):
            rows.append({**own, "path": f"{label}/set.{modality}.jpg", "modality": modality, "group": label})
        for box in range(2):
            rows.append({**own, "path": f"frames/{person:02d}.jpg", "modality": "rgb", "box": [5 * box, 1, 9, 30]})
        rows.append({**own, "path": "queries.json", "modality": "text", "sentence": True, "query": [person]})
    rows.append({"path": "nobody/1.jpg", "modality": "rgb", "identity": "p0", "role": "distractor", "split": "val"})
    rows.append({"path": "nobody/2.jpg", "modality": "rgb", "split": "val"})
    rows.sort(key=lambda row: str(row["path"]))
    size = len(rows)
    fields = {name: no_text(size) for name in FIELDS}
    for name in ("identity", "camera", "modality", "view", "tracklet", "clothes", "source", "role"):
        fields[name] = pa.array([row.get(name) for row in rows], pa.string())
    splits = SplitMarks(size)
    for words in ("train", "val+trial1/test", "val"):
        splits.mark(np.array([i for i, row in enumerate(rows) if row["split"] == words]), words.split("+"))
    samples = Samples(
        pa.array([str(row["path"]) for row in rows]),
        fields,
        splits,
        np.arange(size, dtype=np.int64) + 1000,
        np.arange(size, dtype=np.int64) + 1_600_000_000_000_000_000,
        pa.array([row.get("group", f"alone {i}") for i, row in enumerate(rows)], pa.string()),  # boxes share a path
    )
    told = [i for i, row in enumerate(rows) if row.get("caption") or row.get("sentence")]
    samples.add_captions(told, [[f"sentence {i} of somebody in red", "another"] for i in told])
    samples.box = np.array([row.get("box", [0, 0, 0, 0]) for row in rows], np.int32)
    samples.queries = [row.get("query", []) for row in rows]  # type: ignore[misc]
    samples.query_sets = (QuerySet("TEXT", 0, identities),)
    samples.probed = {
        "width": pa.array([None if i % 5 == 0 else 64 for i in range(size)], pa.int32()),
        "height": pa.array([None if i % 5 == 0 else 128 for i in range(size)], pa.int32()),
        "mode": pa.array([None if i % 5 == 0 else "RGB" for i in range(size)], pa.string()),
        "content_hash": pa.array([hashlib.sha256(b"%d" % i).digest()[:16] for i in range(size)], pa.binary(16)),
    }
    return samples


def files_beside() -> pa.Table:
    """Two files that are no samples."""
    names = ["lists/query.txt", "readme.md"]
    columns = {"path": names, "size": [1, 2], "mtime_ns": [3, 4], "width": [None, 5], "height": [None, 6]}
    filled = {**columns, "mode": [None, "RGB"], "content_hash": [None, bytes(16)]}
    return pa.table({f.name: pa.array(filled[f.name], f.type) for f in BESIDE_SCHEMA}, schema=BESIDE_SCHEMA)


def table_and_metadata(identities: int = 6) -> tuple[pa.Table, IndexMetadata]:
    """What `write_index` takes, of every kind of sample."""
    made = build_table(every_kind_of_sample(identities))
    return made.table, made.metadata("test", layout="test")


def write_every_kind(out: Path, *, identities: int = 6, rows_per_group: int = 1 << 20) -> Path:
    """A sealed index of every kind of sample."""
    table, metadata = table_and_metadata(identities)
    write_index(table, metadata, out, beside=files_beside(), rows_per_group=rows_per_group)
    return out


def rewrite_by_another_tool(index: Path, out: Path, tool: str) -> Path:
    """The same index as pandas or DuckDB would leave it: our metadata kept, no seal."""
    document = pq.read_metadata(index).metadata[METADATA_KEY]
    if tool == "duckdb":
        import duckdb

        told = document.decode().replace("'", "''")
        duckdb.sql(
            f"copy (select * exclude (content_hash) from '{index}') to '{out}' (format parquet, kv_metadata {{{METADATA_KEY.decode()}: '{told}'}})"
        )
        return out
    table = pa.Table.from_pandas(pd.read_parquet(index), preserve_index=False)
    schema = schema_with(table.column_names)
    pq.write_table(table.cast(schema).replace_schema_metadata({METADATA_KEY: document}), out)
    return out
