"""SQL over an index: what it answers, and what it cannot reach."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from indexer.build import build_index
from indexer.index_file import IndexFile
from indexer.inspection.statistics import statistics
from indexer.schema import MAX_SPLITS
from tests import trees
from tests.effort import examples
from tests.populations import Sample, index_of, populations

duckdb = pytest.importorskip(
    "duckdb", reason="answers queries: `make test` installs it, or pip install 'reidindex[query]'"
)

from indexer.sql import Views  # noqa: E402 - only where DuckDB is


@pytest.fixture
def data(tmp_path):
    root = trees.orbench(tmp_path / "it's [data] é")
    build_index(root)
    return root


def rows(index, sql):
    return list(Views(index).run(sql).rows)


@examples(25)
@given(populations(max_identities=12, splits=True))
def test_the_views_agree_with_the_statistics(population):
    index = index_of(population).file
    found = statistics(index)

    assert rows(index, "SELECT count(*), count(*) FILTER (pairable), count(*) FILTER (complete) FROM identities") == [
        (found.facts.identities, found.facts.pairable, found.facts.complete)
    ]
    assert dict(rows(index, "SELECT modalities, count(*) FROM identities GROUP BY ALL")) == found.facts.combinations
    told = rows(index, "SELECT split, bit, samples, identities FROM splits")
    assert told == [(name, i, s.samples, s.identities) for i, (name, s) in enumerate(found.splits.items())]


def test_samples_are_the_rows_of_the_index_in_their_order(data):
    index = IndexFile(data / "reidindex.parquet")
    columns = ["path", "identity", "pid", "modality", "splits", "captions", "aligned"]

    found = rows(index, f"SELECT {', '.join(columns)} FROM samples")

    assert found == [tuple(row[c] for c in columns) for row in index.table(columns).to_pylist()]


def test_all_the_splits_that_an_index_can_have_are_told(tmp_path):
    """The highest bit is the sign of a signed number."""
    index = index_of([Sample("a", ("rgb",), split=f"s{i:02d}") for i in range(MAX_SPLITS)]).file

    assert rows(index, "SELECT split, samples FROM splits") == [(f"s{i:02d}", 1) for i in range(MAX_SPLITS)]


def test_an_index_without_splits_has_none(tmp_path):
    index = index_of([Sample("a", ("rgb",), split=None)]).file

    assert rows(index, "FROM splits") == []
    assert rows(index, "SELECT identity, pairable, complete FROM identities") == [("a", False, True)]


REFUSED = [
    "COPY samples TO '{out}'",
    "COPY (SELECT 1) TO '{index}' (FORMAT csv, USE_TMP_FILE false)",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{index}' (FORMAT csv, USE_TMP_FILE false)",
    "ATTACH '{out}' AS other",
    "ATTACH ':memory:' AS other",
    "EXPORT DATABASE '{out}'",
    "INSTALL httpfs",
    "LOAD '{out}'",
    "SET enable_external_access = true",
    "PRAGMA enable_profiling",
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM read_parquet('{index}')",
    "SELECT * FROM secret_of_the_process",
    "SELECT getenv('PATH')",
    "DROP VIEW identities",
    "CREATE TABLE mine AS SELECT 1",
    "SELECT 1; SELECT 2",
    "",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_a_query_reaches_nothing_but_the_index(run, data, tmp_path, sql):
    secret_of_the_process = np.arange(3)  # DuckDB looks for Python's variables, if it may
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nsesame\n")
    index = data / "reidindex.parquet"
    before = index.read_bytes()
    quoted = {"out": tmp_path / "out", "secret": secret, "folder": tmp_path, "index": str(index).replace("'", "''")}

    done = run("query", data, sql.format(**quoted))

    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: SQL: ")
    assert "sesame" not in done.stdout + done.stderr
    assert done.stdout == ""
    assert index.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([data.name, "secret.csv"])
    assert len(secret_of_the_process) == 3


def test_a_mistake_is_pointed_at(run, data):
    done = run("query", data, "SELECT nope FROM samples")

    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[0] == 'error: SQL: Binder Error: Referenced column "nope" not found in FROM clause!'
    assert lines[-2] == "LINE 1: SELECT nope FROM samples"
    assert lines[-1].startswith("               ^")


def test_a_query_that_fails_while_it_runs_says_so(run, data):
    done = run("query", data, "SELECT path::INT FROM samples", "--json")

    assert done.returncode == 1
    assert "Conversion Error" in done.stderr
    assert done.stdout == ""


def test_a_table_lines_numbers_up_and_says_how_many_rows_there_are(run, data):
    done = run("query", data, "FROM (VALUES ('rgb', 7, NULL), ('rgb+text', 70000, NULL)) AS t(modality, n, nothing)")
    lines = [line.rstrip() for line in done.stdout.splitlines() if line.strip(" ─")]

    assert [line.split() for line in lines[1:]] == [["rgb", "7", "null"], ["rgb+text", "70000", "null"]]
    assert len({len(line.removesuffix("nothing").removesuffix("null").rstrip()) for line in lines}) == 1
    assert done.stderr == "2 rows\n"


def test_a_table_is_cut_and_csv_and_json_are_whole(run, data):
    sql = "SELECT range AS i FROM range(100)"

    shown, more = run("query", data, sql), run("query", data, sql, "--limit", 60)

    assert "100 rows, 40 shown; --limit N shows more, --csv and --json all" in shown.stderr
    assert len(more.stdout.splitlines()) - len(shown.stdout.splitlines()) == 20
    assert len(run("query", data, sql, "--csv").stdout.splitlines()) == 101
    assert run("query", data, sql, "--csv", "--limit", 2).stdout == "i\n0\n1\n"
    assert len(json.loads(run("query", data, sql, "--json").stdout)["rows"]) == 100


VALUES = """SELECT NULL AS a, [1, NULL] AS b, {'k': 'x'} AS c, '\\xff\\x00'::BLOB AS d, 'é, "q"' AS e, true AS f,
    1.50::DECIMAL(4, 2) AS g, 'nan'::DOUBLE AS h, DATE '2020-01-02' AS i, 2::HUGEINT AS j, 0.25 AS k"""


def test_every_kind_of_value_has_a_form_in_csv(run, data):
    header, row = csv.reader(io.StringIO(run("query", data, VALUES, "--csv").stdout))

    assert header == list("abcdefghijk")
    assert row == ["", "[1, null]", '{"k": "x"}', "ff00", 'é, "q"', "true", "1.5", "nan", "2020-01-02", "2", "0.25"]


def test_every_kind_of_value_has_a_form_in_json(run, data):
    done = run("query", data, VALUES, "--json")
    told = json.loads(done.stdout)

    assert done.stderr == ""
    assert told["rows"] == [[None, [1, None], {"k": "x"}, "ff00", 'é, "q"', True, 1.5, None, "2020-01-02", 2, 0.25]]
    assert told["columns"][3]["name"] == "d"
    assert told["columns"][3]["type"] in ("BLOB", "BINARY")  # DuckDB before 1.1 says BINARY


def test_what_a_terminal_would_obey_is_shown_and_not_sent(run, data):
    shown = run("query", data, "SELECT 'a' || chr(27) || '[2J' || chr(10) || 'b' AS x").stdout

    assert "a\\x1b[2J\\nb" in shown
    assert "\x1b" not in shown


def test_a_query_can_come_from_stdin(run, data, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT count(*) AS n\nFROM samples")))

    assert run("query", data, "-", "--csv").stdout == "n\n28\n"


def test_a_query_and_its_csv_are_utf8_whatever_the_locale(run, tmp_path):
    data = trees.orbench(tmp_path / "ascii")
    build_index(data)
    latin = {"env": {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}}
    ascii_only = {"env": {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}}
    for options in (latin, ascii_only):
        typed = run("query", data, "SELECT '图é' AS \"名\"", "--csv", encoding="utf-8", **options)
        piped = run("query", data, "-", "--csv", encoding="utf-8", input="\ufeffSELECT '图é' AS \"名\"", **options)

        assert typed.stdout == piped.stdout == "名\n图é\n", typed.stderr + piped.stderr


def test_a_query_that_is_no_utf8_is_a_wrong_setting(run, data):
    piped = run("query", data, "-", input=b"SELECT '\xff'", text=False)
    typed = run("query", data, "SELECT '\udcff'")

    assert (piped.returncode, typed.returncode) == (2, 2)
    assert b"SQL: expected UTF-8 on stdin" in piped.stderr
    assert "SQL: expected UTF-8, found" in typed.stderr


def test_without_a_query_the_views_are_described_and_the_examples_run(run, data):
    done = run("query", data)
    examples = done.stdout.partition("examples\n")[2].splitlines()

    assert done.returncode == 0
    for view in ("samples", "identities", "splits"):
        assert any(line.startswith(f"{view}: ") for line in done.stdout.splitlines())
    assert len(examples) == 3
    for example in examples:
        assert run("query", data, example.strip()).returncode == 0, example


def test_without_duckdb_the_error_says_how_to_get_it(run, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)

    done = run("query", data, "SELECT 1")

    assert done.returncode == 1
    assert done.stderr == "error: queries need DuckDB, which is not installed: pip install 'reidindex[query]'\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nowhere", "SELECT 1"], 1, "nowhere: no such file or folder"),
        (["{data}", "--json"], 2, "a query was expected with --csv and --json"),
        (["{data}", "SELECT 1", "--csv", "--json"], 2, "one answer has one form"),
        (["{data}", "SELECT 1", "--limit", "-1"], 2, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_is_one_clear_line(run, data, words, code, message):
    done = run("query", *(w.format(data=data) for w in words))

    assert done.returncode == code
    assert message in done.stderr
    assert done.stdout == ""


def test_a_damaged_index_is_an_error_and_no_answer(run, data):
    index = data / "reidindex.parquet"
    content = bytearray(index.read_bytes())
    at = content.index(b"vis/0003")
    content[at] ^= 1
    index.write_bytes(content)

    done = run("query", data, "SELECT path FROM samples")

    assert done.returncode == 1
    assert done.stdout == ""


def test_the_json_is_as_its_schema_says(run_json, data):
    jsonschema = pytest.importorskip("jsonschema", reason="checks the schemas of docs/schemas: pip install jsonschema")
    schema = json.loads((Path(__file__).parents[1] / "docs/schemas/query.json").read_text())

    for sql in ("FROM samples", "FROM identities", VALUES, "SELECT 1 WHERE false"):
        jsonschema.validate(run_json("query", data, sql), schema)


def test_a_query_that_would_never_end_can_be_broken_off_and_another_asked(data):
    views = Views(IndexFile(data / "reidindex.parquet"))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            list(views.run("SELECT count(*) FROM range(100_000_000_000)").rows)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)

    assert list(views.run("SELECT count(*) FROM samples").rows) == [(28,)]
