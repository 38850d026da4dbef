"""An index of somebody whom one does not trust: whatever its file says, it is used, or refused with our own error.

Never a wrong access to memory, never another exception, never memory that stands in no relation to the file. What is expected of a
file is that every question a reader can ask is answered or refused; most are refused when they are opened.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer.beside import BESIDE_SCHEMA
from indexer.errors import IndexDamagedError, ReidIndexError
from indexer.index_file import IndexFile
from indexer.mapped_columns import IntegerColumn, PathColumn
from indexer.schema import COLUMNS, METADATA_KEY, Extent, QuerySet
from tests.effort import gate_only
from tests.reliability.forged import forge, place, place_in_footer, put, with_footer, with_values, zigzag
from tests.reliability.reading_damaged import answers
from tests.reliability.whole_indexes import files_beside, rewrite_by_another_tool, table_and_metadata, write_every_kind

MEGABYTE = 1 << 20


def raw(index: Path) -> dict[str, str]:
    """The questions that anything but our own errors came of."""
    return {name: value for name, value in answers(index).items() if value.startswith("raw: ")}


def refusal(index: Path) -> str:
    """What a full check says."""
    with pytest.raises(ReidIndexError) as caught:
        IndexFile(index, verify="full")
    return str(caught.value)


# ------------------------------------------------------------------------------------------- columns and their types


@pytest.mark.parametrize("column", [c.name for c in COLUMNS if not c.optional])
@pytest.mark.parametrize("how", ["missing", "of other type", "nested"])
def test_a_column_that_is_missing_or_another_one_is_refused(tmp_path, column, how):
    table, metadata = table_and_metadata()
    ends = pa.array(range(len(table)), pa.int64())
    table = table.append_column(pa.field("path_end", pa.int64(), nullable=False), ends)
    at = table.column_names.index(column)
    if how == "missing":
        table = table.drop_columns([column])
    else:
        values = pa.array([1.5] * len(table)) if how == "of other type" else pa.array([[[1]]] * len(table))
        table = table.set_column(at, column, values)
    index = forge(tmp_path / "index.parquet", table, metadata, path_end=False)

    assert f"column {column} should be" in refusal(index)


def test_two_columns_of_one_name_are_refused(tmp_path):
    table, metadata = table_and_metadata()
    index = _written(tmp_path / "index.parquet", table.append_column("pid", table["pid"]), metadata)

    assert raw(index) == {}
    assert "two columns have one name" in refusal(index)


def test_extension_types_are_no_columns_of_an_index_and_run_no_code(tmp_path):
    """Arrow once unpickled a type that a file named; what is left of it must stay a plain column."""
    import pickle  # noqa: TID251 - what a stranger would send

    table, metadata = table_and_metadata()

    class Bomb:
        def __reduce__(self):
            return (Path(tmp_path / "ran").touch, ())

    for name in (b"arrow.py_extension_type", b"somebody.else"):
        told = {b"ARROW:extension:name": name, b"ARROW:extension:metadata": pickle.dumps(Bomb())}
        field = pa.field("more", pa.string(), metadata=told)
        more = table.append_column(field, pa.array(["x"] * len(table)))
        index = _written(tmp_path / "index.parquet", more, metadata)
        assert raw(index) == {}
    index = _written(
        tmp_path / "uuid.parquet", table.append_column("u", pa.array([bytes(16)] * len(table), pa.uuid())), metadata
    )
    assert raw(index) == {}
    assert not (tmp_path / "ran").exists()
    assert not hasattr(pa, "PyExtensionType")


def test_nothing_that_reads_an_index_can_unpickle():
    here = Path(__file__).parents[2]
    words = ("pickle", "allow_pickle=True", "eval(", "exec(", "marshal", "shelve", "joblib", "yaml.load")
    for name in (
        "index_file",
        "seal",
        "beside",
        "mapped_columns",
        "digest",
        "schema",
        "page_headers",
        "bombs",
        "ranges",
        "promises",
    ):
        text = (here / "indexer" / f"{name}.py").read_text()
        assert not [word for word in words if word in text], name


def test_arrows_own_schema_may_say_anything(tmp_path):
    index = write_every_kind(tmp_path / "index.parquet")
    table, document = pq.read_table(index), pq.read_metadata(index).metadata[METADATA_KEY]
    for told in (b"", b"!!", b"QUJD" * 50, pa.schema([pa.field("pid", pa.date32())]).serialize().to_pybytes()):
        with pq.ParquetWriter(tmp_path / "other.parquet", table.schema, store_schema=False) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({METADATA_KEY: document, b"ARROW:schema": told})

        assert raw(tmp_path / "other.parquet") == {}


def _written(out: Path, table: pa.Table, metadata) -> Path:
    """With columns that `forge` would put right."""
    if "path_end" not in table.column_names:
        ends = np.cumsum([len(str(path)) for path in table.columns[0].to_pylist()])
        table = table.append_column(pa.field("path_end", pa.int64(), nullable=False), pa.array(ends, pa.int64()))
    return forge(out, table, metadata)


# ----------------------------------------------------------------------------------------------- places and counts


def _footer_that_lies(index: Path, lie: str) -> Path:
    rows = IndexFile(index).num_rows
    pid, own = place_in_footer(index, "pid"), pq.read_metadata(index).row_group(0)
    column = next(own.column(i) for i in range(own.num_columns) if own.column(i).path_in_schema == "pid")
    size, offset = column.total_compressed_size, column.data_page_offset
    end = index.stat().st_size
    head = b"\x16" + zigzag(rows) + b"\x19\x1c"
    changes = {
        "more rows": (head, b"\x16" + zigzag(10**15) + b"\x19\x1c"),
        "fewer rows": (head, b"\x16" + zigzag(rows - 1) + b"\x19\x1c"),
        "negative rows": (head, b"\x16" + zigzag(-5) + b"\x19\x1c"),
        "a column beyond the file": (pid, place(size, end + 5)),
        "a column far beyond the file": (pid, place(size, 2**62)),
        "a column before the file": (pid, place(size, -size - 50)),
        "a column that is too long": (pid, place(2**40, offset)),
        "a column that is too short": (pid, place(3, offset)),
        "a column of negative length": (pid, place(-size, offset)),
        "a column in another": (pid, place(size, offset - 40)),
    }
    return with_footer(index, changes[lie])


@pytest.mark.parametrize(
    "lie",
    [
        "more rows", "fewer rows", "negative rows", "a column beyond the file", "a column far beyond the file",
        "a column before the file", "a column that is too long", "a column that is too short", "a column of negative length",
        "a column in another",
    ],
)  # fmt: skip
def test_a_footer_may_lie_about_places_and_counts(tmp_path, lie):
    index = _footer_that_lies(write_every_kind(tmp_path / "index.parquet"), lie)

    found = answers(index)

    assert {name for name, value in found.items() if value.startswith("raw: ")} == set()
    assert found["open"].startswith("error: ") or found["pid"].startswith("error: ")
    assert "damaged or not an index" in refusal(index)


@pytest.mark.parametrize(
    "ends",
    [
        lambda ends: ends[::-1], lambda ends: -ends, lambda ends: ends + 2**40, lambda ends: ends * 0, lambda ends: ends - 2**62,
        lambda ends: np.where(np.arange(len(ends)) == 7, 2**62, ends), lambda ends: ends + 1, lambda ends: ends // 2,
    ],
    ids=["backwards", "negative", "large", "zero", "far below", "one that leaps", "one more", "half"],
)  # fmt: skip
def test_path_ends_that_lead_anywhere_are_refused_path_by_path(tmp_path, ends):
    table, metadata = table_and_metadata()
    honest = np.cumsum([len(path) for path in table["path"].to_pylist()])
    index = _written(
        tmp_path / "index.parquet",
        table.append_column(pa.field("path_end", pa.int64(), nullable=False), pa.array(ends(honest), pa.int64())),
        metadata,
    )

    assert raw(index) == {}
    assert "path_end is the running sum" in refusal(index)


def test_a_path_never_reads_beyond_its_page():
    """Each length from far below to far beyond, against a page in the middle of other bytes."""
    content = np.frombuffer(b"secret.." + (3).to_bytes(4, "little") + b"abc" + b"..secret", np.uint8)

    class OnlyThePage:
        def __getitem__(self, place):
            assert 8 <= place.start <= place.stop <= 15
            return content[place]

    for first in (-(2**62), -20, -1, 0, 1, 3, 8, 20, 2**62):
        ends = IntegerColumn((np.array([first, 3], "<i8"),), np.array([0, 2]))
        paths = PathColumn(Path("index"), OnlyThePage(), ((8, 15),), ends)
        for row in (0, 1):
            with contextlib.suppress(IndexDamagedError):
                assert paths[row] in ("abc", "")


@pytest.mark.parametrize(("start", "size"), [(0, 2**62), (2**62, 5), (0, 10), (4, 100), (2**62, 2**62), (10**6, 0)])
def test_files_beside_that_are_told_to_lie_anywhere_are_refused(tmp_path, start, size):
    table, metadata = table_and_metadata()

    def moved(document: bytes) -> bytes:
        told = json.loads(document)
        told["beside"] = {"start": start, "size": size, "sha256": "0" * 64}
        return json.dumps(told).encode()

    index = forge(tmp_path / "index.parquet", table, metadata, document=moved, beside=files_beside())

    assert raw(index) == {}
    assert "its seal does not begin where its content ends" in refusal(index)


def test_files_beside_of_other_columns_or_broken_are_refused(tmp_path):
    import hashlib

    table, metadata = table_and_metadata()
    for number, content in enumerate((b"", b"no stream", _stream(pa.table({"a": [1]})), _stream(files_beside())[:-40])):

        def told(document: bytes, content: bytes = content) -> bytes:
            document = json.loads(document)
            document["beside"] |= {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            return json.dumps(document).encode()

        index = tmp_path / f"{number}.parquet"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "tests.reliability.forged.write_beside", lambda file, table, content=content: _append(file, content)
            )
            forge(index, table, metadata, document=told, beside=files_beside())
        assert raw(index) == {}
        assert "files beside" in refusal(index) or "damaged" in refusal(index)


def _append(file, content: bytes) -> Extent:
    start = file.tell()
    file.write(content)
    return Extent(start, len(content), "")


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


# -------------------------------------------------------------------------------------------- the metadata document


def _with(**fields):
    return lambda document: json.dumps({**json.loads(document), **fields}).encode()


DOCUMENTS = {
    "deep nesting": lambda d: b'{"format":1,"more":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a huge number": lambda d: d.replace(b'"samples":62', b'"samples":' + b"9" * 5_000),
    "a large number": _with(samples=2**70),
    "NaN": lambda d: d.replace(b'"samples":62', b'"samples":NaN'),
    "infinity": lambda d: d.replace(b'"samples":62', b'"samples":1e999'),
    "a fraction": _with(samples=62.0),
    "a field twice": lambda d: d.replace(b'"samples":62', b'"samples":62,"samples":62'),
    "half a character": lambda d: d.replace(b'"layout":"test"', b'"layout":"\\ud800"'),
    "half a character in a word": lambda d: d.replace(b'"tir"', b'"\\udfff"'),
    "true for one": _with(identities=True),
    "true for a place": lambda d: d.replace(b'"start":0', b'"start":false'),
    "a number as text": _with(samples="62"),
    "33 modalities": _with(modalities=[f"m{i}" for i in range(33)]),
    "no modality": _with(modalities=[]),
    "a modality twice": _with(modalities=["rgb", "rgb", "tir", "text"]),
    "65 splits": _with(splits=[f"s{i}" for i in range(65)]),
    "256 views": _with(views=["", *map(str, range(255))]),
    "views without the empty one": _with(views=["front"]),
    "runs that overlap": lambda d: d.replace(b'"start":40', b'"start":39'),
    "runs with a gap": lambda d: d.replace(b'"start":40', b'"start":41'),
    "a run of no split": lambda d: d.replace(b'"splits":["val"],"start"', b'"splits":["gone"],"start"').replace(b'["val"]}', b'["gone"]}'),
    "runs that are none": _with(split_runs="train"),
    "more identities than samples": _with(identities=63),
    "identities beyond int32": _with(identities=2**31, kept_pids=True),
    "a pairing of no modality": _with(pairing={"anchor": "rgb", "others": ["sketch"]}),
    "a pairing that is none": _with(pairing=["rgb"]),
    "query sets with a gap": _with(query_sets=[{"name": "TEXT", "first": 1, "last": 6}]),
    "far more queries than items": _with(query_sets=[{"name": "TEXT", "first": 0, "last": 2**40}]),
    "beside below 0": _with(beside={"start": -1, "size": 1, "sha256": ""}),
    "beside that is empty": _with(beside={}),
    "beside that is false": _with(beside=False),
    "not UTF-8": lambda d: d.replace(b'"layout":"test"', b'"layout":"\xff\xfe"'),
    "a list": lambda d: b"[" + d + b"]",
    "text": lambda d: b'"format"',
    "nothing": lambda d: b"",
    "null": lambda d: b"null",
    "format as text": _with(format="1"),
    "format true": _with(format=True),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_metadata_document_of_any_other_shape_is_refused(tmp_path, name):
    table, metadata = table_and_metadata()
    index = forge(tmp_path / "index.parquet", table, metadata, document=DOCUMENTS[name])

    with pytest.raises(IndexDamagedError, match=r"damaged or not an index|metadata"):
        IndexFile(index)


def test_a_document_that_is_only_long_is_read_or_refused(tmp_path):
    """A text of 10 MB does no harm; with the footer larger than that of a billion rows, nothing of it is parsed."""
    table, metadata = table_and_metadata()
    long = forge(tmp_path / "long.parquet", table, replace(metadata, layout="x" * (10 * MEGABYTE)))
    too_long = forge(tmp_path / "longer.parquet", table, replace(metadata, layout="x" * (17 * MEGABYTE)))

    assert IndexFile(long, verify="full").num_rows == len(table)
    assert "its footer has" in refusal(too_long)


# ------------------------------------------------------------------------------------------------------------ bombs


def _captions_bomb(out: Path) -> None:
    """300 MB of one letter, packed by zstd."""
    table, metadata = table_and_metadata()
    row = table["captions"].to_pylist().index(next(c for c in table["captions"].to_pylist() if c))
    forge(out, with_values(table, "captions", put(row, ["a" * (300 * MEGABYTE)])), metadata)


def _dictionary_bomb(out: Path) -> None:
    """A word of 10 MB that all rows name."""
    table, metadata = table_and_metadata()
    forge(
        out,
        with_values(table, "camera", lambda v: v.__setitem__(slice(None), ["a" * (10 * MEGABYTE)] * len(v))),
        metadata,
    )


def _nested_dictionary_bomb(out: Path) -> None:
    """A sentence of 1 MB that a sample has a thousand times, written once."""
    table, metadata = table_and_metadata()
    row = table["captions"].to_pylist().index(next(c for c in table["captions"].to_pylist() if c))
    told = ["a" * MEGABYTE] * 400
    forge(out, with_values(table, "captions", put(row, told)), metadata, dictionary=("captions.list.element",))


def _list_bomb(out: Path) -> None:
    """Fifty million numbers of queries, all alike."""
    table, metadata = table_and_metadata()
    at, field = table.column_names.index("queries"), table.schema.field("queries")
    count = 50_000_000
    offsets = pa.array([0] * len(table) + [count], pa.int32())
    lists = pa.ListArray.from_arrays(offsets, pa.array(np.zeros(count, np.int32)))
    lists = lists.cast(field.type)
    forge(out, table.set_column(at, field, lists), metadata, dictionary=("queries.list.element",))


def _unsealed_bomb(out: Path) -> None:
    """The packed captions, written by another tool."""
    table, metadata = table_and_metadata()
    row = table["captions"].to_pylist().index(next(c for c in table["captions"].to_pylist() if c))
    sealed = forge(out, with_values(table, "captions", put(row, ["a" * (300 * MEGABYTE)])), metadata)
    document = pq.read_metadata(sealed).metadata
    pq.write_table(
        pq.read_table(sealed).replace_schema_metadata(document), out, compression="zstd", use_dictionary=False
    )


def _beside_bomb(out: Path) -> None:
    """A path of 300 MB beside the samples."""
    table, metadata = table_and_metadata()
    path = pa.array(["a" * (300 * MEGABYTE)])
    columns = [
        path if f.name == "path" else pa.array([0], pa.int64()) if not f.nullable else pa.nulls(1, f.type)
        for f in BESIDE_SCHEMA
    ]
    forge(out, table, metadata, beside=pa.table(columns, schema=BESIDE_SCHEMA))


BOMBS = {
    "packed captions": _captions_bomb,
    "a word of all rows": _dictionary_bomb,
    "a sentence many times": _nested_dictionary_bomb,
    "numbers many times": _list_bomb,
    "without a seal": _unsealed_bomb,
    "files beside": _beside_bomb,
}

_READ = """
import resource, sys
from pathlib import Path
from indexer.errors import IndexDamagedError
from indexer.index_file import IndexFile
from sampler_runtime.mapped import open_index

def peak():  # not ru_maxrss: it begins with that of the process that started this one
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) // 1024

IndexFile(Path(sys.argv[1]), verify="full")
before = peak()
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
for bomb in sys.argv[2:]:
    said = []
    try:
        index = open_index(bomb)
        for column in ("captions", "camera", "queries", "identity"):
            try:
                index.file.table([column])
            except IndexDamagedError as error:
                said.append(str(error))
        try:
            index.file.beside()
        except IndexDamagedError as error:
            said.append(str(error))
        IndexFile(Path(bomb), verify="full")
        print("taken", flush=True)
    except IndexDamagedError as error:
        print("refused", peak() - before, error, flush=True)
"""


@gate_only
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
def test_a_small_file_does_not_become_a_large_one(tmp_path):
    """Read in a process that may have 3 GiB of addresses; what it really took is measured as well."""
    write_every_kind(tmp_path / "honest.parquet")
    files = []
    for name, make in BOMBS.items():
        files.append(tmp_path / f"{name}.parquet")
        make(files[-1])
        assert files[-1].stat().st_size < 2 * MEGABYTE, name

    words = [sys.executable, "-c", _READ, tmp_path / "honest.parquet", *files]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, cwd=Path(__file__).parents[2])

    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["refused"] * len(files), done.stdout
    assert max(int(line.split()[1]) for line in lines) < 150, done.stdout  # MiB; the bombs would take 400 and more


def test_an_honest_index_of_long_captions_is_no_bomb(tmp_path):
    """A paragraph for every sample, all alike: packed a hundred times smaller."""
    table, metadata = table_and_metadata(identities=200)
    told = ["A person in a red coat walks. " * 60] * 5
    table = with_values(table, "captions", lambda v: v.__setitem__(slice(None), [c and told for c in v]))
    index = forge(tmp_path / "index.parquet", table, metadata)

    assert IndexFile(index, verify="full").table(["captions"]).num_rows == len(table)
    for tool in ("pandas", "duckdb"):
        assert IndexFile(rewrite_by_another_tool(index, tmp_path / f"{tool}.parquet", tool)).num_rows == len(table)


def test_more_rows_than_bytes_are_refused_when_the_file_is_opened(tmp_path):
    table, metadata = table_and_metadata()
    index = forge(tmp_path / "index.parquet", table, metadata, document=lambda d: d.replace(b":62", b":9000000000000"))
    rows = len(table)
    with_footer(index, (b"\x16" + zigzag(rows) + b"\x19\x1c", b"\x16" + zigzag(9 * 10**12) + b"\x19\x1c"))

    with pytest.raises(IndexDamagedError, match="9000000000000 rows do not fit into its"):
        IndexFile(index)


# ----------------------------------------------------------------------------------------------- wrong, but in order


@pytest.mark.parametrize("seed", range(6))
def test_rows_in_any_order_make_no_batch_fail_in_any_other_way(tmp_path, seed):
    """Numbers that are allowed, each in any place: what a sampler makes of them may be wrong, and no access to memory is."""
    table, metadata = table_and_metadata()
    rng = np.random.default_rng(seed)
    for name in ("pid", "modalities", "camid", "splits", "view", "tracklet"):
        values = table[name].to_numpy()
        at = table.column_names.index(name)
        table = table.set_column(
            at, table.schema.field(name), pa.array(rng.permutation(values), table.schema.field(name).type)
        )
    index = forge(tmp_path / "index.parquet", table, metadata)

    assert raw(index) == {}
    assert "not so: " in refusal(index)


def test_a_mapped_column_that_is_packed_or_has_a_dictionary_is_not_mapped(tmp_path):
    table, metadata = table_and_metadata()
    packed = forge(tmp_path / "packed.parquet", table, metadata, options={"compression": "ZSTD"})
    coded = forge(
        tmp_path / "coded.parquet", table, metadata, options={"use_dictionary": ["pid"], "column_encoding": None}
    )

    for index in (packed, coded):
        assert raw(index) == {}
        with pytest.raises(IndexDamagedError, match=r"column pid, row group 0 is no plain array|does not lie within"):
            IndexFile(index).integers("pid")


def test_a_mapped_column_of_wider_numbers_is_not_mapped(tmp_path):
    """The first version of Parquet has no unsigned integer of 32 bits: Arrow writes 64 and tells so in its own schema."""
    table, metadata = table_and_metadata()
    index = forge(tmp_path / "index.parquet", table, metadata, options={"version": "1.0"})

    assert raw(index) == {}
    assert "modalities" in refusal(index)


def test_a_mapped_column_of_two_pages_is_found_by_a_full_check(tmp_path):
    """A page header lies between the values: mapped, they are others than those that Arrow decodes."""
    table, metadata = table_and_metadata()
    index = forge(
        tmp_path / "index.parquet", table, metadata, options={"max_rows_per_page": 30, "write_batch_size": 10}
    )

    assert raw(index) == {}
    assert refusal(index)


def test_queries_that_nobody_is_an_item_of_take_no_memory(tmp_path):
    table, metadata = table_and_metadata()
    many = replace(metadata, query_sets=(QuerySet("TEXT", 0, 2**40),))

    with pytest.raises(IndexDamagedError, match="query_sets tell more queries than samples are items of"):
        IndexFile(forge(tmp_path / "index.parquet", table, many))


@pytest.mark.parametrize("column", ["path", "identity", "source"])
def test_text_that_is_none_is_refused(tmp_path, column):
    table, metadata = table_and_metadata()
    at, field = table.column_names.index(column), table.schema.field(column)
    spoilt = pa.array([b"\xff\xfe" + str(row).encode() for row in range(len(table))]).cast(pa.string(), safe=False)
    if column != "path":
        spoilt = pa.DictionaryArray.from_arrays(pa.array(range(len(table)), pa.int32()), spoilt)
    index = forge(tmp_path / "index.parquet", table.set_column(at, field, spoilt), metadata)

    assert raw(index) == {}
    assert "damaged or not an index" in refusal(index)
