"""What `--json` prints is what docs/schemas says."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest

from indexer.build import build_index
from tests import trees

DOCS = Path(__file__).parents[1] / "docs"
SCHEMAS = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (DOCS / "schemas").glob("*.json")}

CALLS = {
    "build": ["build {data} --force --probe", "build {data}", "build {regdb} --force"],
    "build-dry-run": ["build {data} --dry-run"],
    "update": ["update {data}", "update {stale} --keep-pids"],
    "check": ["check {data}", "check {stale} --deep"],
    "stats": ["stats {data}", "stats {data} --each complete --split train", "stats {regdb} --no-check"],
    "plan": ["plan {data} -p 4", "plan {data} -p 4 --compose rgb,sketch --epoch-is 3 --epochs 2"],
    "layouts": ["layouts"],
    "layouts-name": ["layouts regdb"],
    "layouts-new": ["layouts --new {regdb}"],
    "bench-train": [],  # tests/test_bench_command.py measures, and compares
    "show": ["show {data} -p 4", "show {data} --pid 1"],
    "diff": ["diff {data} {data}", "diff {data} {regdb}"],
    "split": ["split {data} --val 0.2 -o {scratch}/split.parquet"],
    "merge": ["merge {data} {regdb} -o {scratch}/merged.parquet"],
    "filter": ["filter {data} \"has('rgb')\" -o {scratch}/filtered.parquet"],
    "query": ['query {data} "SELECT pid, path FROM samples LIMIT 3"'],
    "export": ["export {data} --to csv -o {scratch}/all.csv"],
}


@pytest.fixture(scope="module")
def places(tmp_path_factory, drawn_demo):
    folder = tmp_path_factory.mktemp("schemas")
    shutil.copytree(drawn_demo, folder / "data")
    build_index(folder / "data")
    trees.regdb(folder / "regdb")
    build_index(folder / "regdb")
    trees.sysu(folder / "stale")
    build_index(folder / "stale")
    next((folder / "stale").rglob("*.jpg")).unlink()
    return {name: folder / name for name in ("data", "regdb", "stale")} | {"scratch": folder}


def test_every_schema_is_one_and_every_object_is_closed():
    assert sorted(SCHEMAS) == sorted(CALLS)
    for name, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False, name
        assert "schema" in schema["required"], name
        text = json.dumps(schema)
        assert text.count('"properties"') <= text.count('"additionalProperties": false'), name


@pytest.mark.parametrize(("name", "call"), [(name, call) for name, calls in CALLS.items() for call in calls])
def test_what_is_printed_is_what_the_schema_says(name, call, places, run):
    words = [word.strip('"').format(**places) for word in re.findall(r'"[^"]*"|\S+', call)]

    done = run(*words, "--json")

    assert done.returncode in (0, 3), done.stderr
    jsonschema.validate(json.loads(done.stdout), SCHEMAS[name])


def test_every_command_that_prints_json_has_a_schema(run):
    from tests.test_cli_examples import commands

    printing = [name for name in commands() if "--json" in run(*name.split(), "--help").stdout]

    assert len(printing) > 5
    assert [name for name in printing if name.replace(" ", "-") not in SCHEMAS] == []
