"""The file: written whole, mapped, checked, and open to other tools."""

from __future__ import annotations

import mmap
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.digest import content_digest
from indexer.errors import IndexDamagedError, IndexFileError, IndexMissingError, IndexVersionError
from indexer.index_file import IndexFile, locate_index
from indexer.index_writing import write_index
from indexer.schema import MAPPED_INTEGERS, METADATA_KEY, schema_with
from tests import trees
from tests.benchmarks.made_up import write_made_up
from tests.effort import examples
from tests.populations import index_of, populations


@pytest.fixture
def index(tmp_path):
    root = trees.orbench(tmp_path / "d")
    build_index(root)
    return root / "reidindex.parquet"


@given(populations(splits=True), st.integers(1, 9))
def test_mapped_columns_and_paths_equal_what_arrow_decodes(population, rows_per_group):
    file = index_of(population, rows_per_group=rows_per_group).file
    table = pq.read_table(file.path)

    for name in MAPPED_INTEGERS:
        column = file.integers(name)
        assert column.slice(0, len(column)).tolist() == table[name].to_pylist()
        rows = np.arange(len(column))[::-1]
        assert column.take(rows).tolist() == table[name].to_pylist()[::-1]
        assert np.concatenate(list(column.blocks(0, len(column)))).tolist() == table[name].to_pylist()
    assert [file.paths[i] for i in range(file.num_rows)] == table["path"].to_pylist()


def test_integer_columns_lie_in_the_file_and_are_not_copies(index):
    file = IndexFile(index)

    for name in MAPPED_INTEGERS:
        for piece in file.integers(name).pieces:
            base = piece
            while isinstance(base, np.ndarray):
                base = base.base
            assert isinstance(base.obj, mmap.mmap)
            assert base.obj[:] == index.read_bytes()


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="private memory is read from Linux's /proc")
def test_opening_a_large_index_adds_next_to_no_private_memory(tmp_path):
    """Two million rows: 16 MB of pid and modalities alone. Opened in a process of its own."""
    rows, small = 2_000_000, tmp_path / "small.parquet"
    write_made_up(tmp_path / "large.parquet", rows)
    write_made_up(small, 1)
    code = f"""
import sys
from sampler_runtime.mapped import open_index
import pyarrow.parquet, numpy
def private():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous"))
open_index({str(small)!r}).column("pid").sum()  # imports and first uses cost memory of their own
before = private()
index = open_index({str(tmp_path / "large.parquet")!r})
index.column("modalities")[:1000].sum(); index.path_of({rows - 1})
total = sum(int(pid.sum()) for (pid,) in index.column_blocks("pid"))
print(private() - before, len(index))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kilobytes, found = map(int, done.stdout.split())

    assert found == rows
    assert kilobytes < 4_000


def test_other_tools_open_the_file_as_it_is(index):
    expected = pq.read_table(index)
    paths, pids = expected["path"].to_pylist(), expected["pid"].to_pylist()

    frame = pd.read_parquet(index)
    assert frame["path"].tolist() == paths
    assert frame["pid"].tolist() == pids
    assert isinstance(frame["modality"].dtype, pd.CategoricalDtype)
    lazy = pl.read_parquet(index)
    assert lazy["path"].to_list() == paths
    assert lazy["captions"].to_list() == expected["captions"].to_pylist()
    assert b"reidindex" in {k.encode() for k in pl.read_parquet_metadata(index)}
    found = duckdb.sql(f"SELECT path, pid FROM '{index}'").fetchall()
    assert found == list(zip(paths, pids, strict=True))
    assert duckdb.sql(f"SELECT count(DISTINCT pid) FROM '{index}' WHERE modality = 'sketch'").fetchall() == [(3,)]


@pytest.mark.parametrize("tool", ["pyarrow", "pandas", "polars"])
def test_a_file_another_tool_rewrote_is_decoded_and_checked(index, tool, caplog):
    """Same values in another layout, our metadata kept: no mapping, but the same index."""
    original = IndexFile(index)
    expected = {name: original.integers(name).slice(0, original.num_rows).tolist() for name in MAPPED_INTEGERS}
    paths = [original.paths[i] for i in range(original.num_rows)]
    keep = {k: v for k, v in pq.read_metadata(index).metadata.items() if k.startswith(b"reidindex")}
    if tool == "pandas":
        table = pa.Table.from_pandas(pd.read_parquet(index), preserve_index=False)
    elif tool == "polars":
        table = pl.read_parquet(index).to_arrow()
    else:
        table = pq.read_table(index)
    rewritten = index.with_name("rewritten.parquet")
    schema = schema_with(table.column_names)
    schema = schema if tool != "polars" else _plain(schema)
    pq.write_table(table.cast(schema).replace_schema_metadata(keep), rewritten, compression="zstd")

    file = IndexFile(rewritten, verify="full")

    assert {name: file.integers(name).slice(0, file.num_rows).tolist() for name in MAPPED_INTEGERS} == expected
    assert [file.paths[i] for i in range(file.num_rows)] == paths
    assert "another tool has written this index anew: columns are decoded, not mapped" in caplog.text


def _plain(schema):
    return pa.schema([f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in schema])


def test_a_rewritten_file_with_other_values_is_refused(index):
    table = pq.read_table(index)
    changed = table.set_column(
        table.schema.get_field_index("pid"), schema_with().field("pid"), pa.array([7] * len(table), pa.int32())
    )
    pq.write_table(changed.replace_schema_metadata(pq.read_metadata(index).metadata), index)

    with pytest.raises(IndexDamagedError, match="the content is not what was written: the digest differs"):
        IndexFile(index)


# ---------------------------------------------------------------------------------- what is not an index


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a whole Parquet file"),
        (b"hello", "not a whole Parquet file"),
        (b"PAR1" * 100, "not a whole Parquet file"),
    ],
)
def test_a_file_that_is_no_parquet_is_told(tmp_path, content, message):
    (tmp_path / "x.parquet").write_bytes(content)

    with pytest.raises(IndexDamagedError, match=message):
        IndexFile(tmp_path / "x.parquet")


def test_a_foreign_parquet_file_is_told_and_not_replaced(tmp_path):
    root = trees.market(tmp_path / "d")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "mine.parquet")

    with pytest.raises(IndexDamagedError, match="a Parquet file, but not an index"):
        IndexFile(tmp_path / "mine.parquet")
    with pytest.raises(IndexFileError, match="exists and is not an index"):
        build_index(root, tmp_path / "mine.parquet")
    assert pq.read_table(tmp_path / "mine.parquet").to_pylist() == [{"a": 1}]


def test_a_newer_format_is_told_from_damage(index):
    metadata = pq.read_metadata(index).metadata
    newer = metadata[METADATA_KEY].replace(b'"format":1', b'"format":9')
    table = pq.read_table(index).replace_schema_metadata({METADATA_KEY: newer})
    pq.write_table(table, index)

    with pytest.raises(IndexVersionError, match="index format 9, this reidindex reads 1; install a newer reidindex"):
        IndexFile(index)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 1}',
        b'{"format": "1"}',
        b"\xff",
        b"[" * 100_000,
        b'{"format": 1, "modalities": 3}',
    ],
)
def test_metadata_of_any_other_shape_is_damage(index, document):
    table = pq.read_table(index).replace_schema_metadata({METADATA_KEY: document})
    pq.write_table(table, index)

    with pytest.raises(IndexDamagedError, match="reidindex metadata"):
        IndexFile(index)


def test_a_missing_index_tells_how_to_make_one(tmp_path):
    with pytest.raises(IndexMissingError, match=r"no index \(reidindex.parquet\) in this folder; make one with"):
        locate_index(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        locate_index(tmp_path / "nowhere")


@given(st.data())
@examples(150)
def test_damage_is_told_or_does_no_harm(data):
    """Cut the file anywhere, flip any bit: an error, or the identical content; never another one."""
    original = _one_index()
    content = bytearray(original.path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    damaged = original.path.with_name("damaged.parquet")
    damaged.write_bytes(content)

    try:
        file = IndexFile(damaged, verify="full")
        found = {name: file.integers(name).slice(0, file.num_rows).tolist() for name in MAPPED_INTEGERS}
        paths = [file.paths[i] for i in range(file.num_rows)]
        schema = schema_with(pq.read_schema(original.path).names)
        table = file.table(schema.names)
    except IndexFileError as error:
        assert "damaged.parquet" in str(error)
        return

    truth = pq.read_table(original.path)
    assert found == {name: truth[name].to_pylist() for name in MAPPED_INTEGERS}
    assert paths == truth["path"].to_pylist()
    assert content_digest(table.cast(schema), file.metadata) == original.metadata.digest


def _one_index(made=[]):  # noqa: B006 - made once for all examples
    if not made:
        from tests.populations import Sample

        made.append(index_of([Sample(f"{i}", (m,), "1") for i in range(6) for m in ("rgb", "nir")]).file)
    return made[0]


# ---------------------------------------------------------------------------------------------- writing


def test_a_failed_write_leaves_the_old_index_and_no_other_file(index, monkeypatch):
    before = index.read_bytes()
    file = IndexFile(index)
    table = pq.read_table(index).drop_columns(["path_end"])

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(IndexFileError, match=r"cannot be written there \(No space left on device\)"):
        write_index(table, file.metadata, index)

    assert index.read_bytes() == before
    assert [p.name for p in index.parent.glob(".*")] == []


def test_a_folder_that_cannot_be_synced_is_no_reason_to_fail(tmp_path, monkeypatch):
    """Some network file systems refuse it; by then the new index is in place."""
    root = trees.market(tmp_path / "d")
    fsync = os.fsync

    def refuse_folders(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)

    assert build_index(root).metadata.samples == 17


def test_the_content_digest_does_not_depend_on_chunks_dictionaries_sizes_and_times(index):
    table = pq.read_table(index)
    chunked = pa.concat_tables([table.slice(i, 3) for i in range(0, len(table), 3)])
    schema = schema_with(table.column_names)
    plain = table.cast(_plain(schema)).cast(schema)
    touched = table.set_column(
        table.schema.get_field_index("mtime_ns"), "mtime_ns", pa.array([0] * len(table), pa.int64())
    )

    metadata = IndexFile(index).metadata

    assert {content_digest(t, metadata) for t in (table, chunked, plain, touched)} == {metadata.digest}
    assert content_digest(table.slice(1), metadata) != metadata.digest
    assert content_digest(table, replace(metadata, modalities=metadata.modalities[::-1])) != metadata.digest
