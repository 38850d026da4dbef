"""Imports tell the truth: the arrow between the two packages never runs back, and heavy things load late."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
CONTRACT = {"indexer.schema", "indexer.index_file", "indexer.errors", "indexer.vocabulary", "indexer.sample_file"}


def imports(file):
    """Modules a file imports, at any depth."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files(package):
    found = sorted((PROJECT / package).rglob("*.py"))
    assert len(found) > 5
    return found


def test_only_the_command_line_of_the_indexer_imports_the_runtime_and_of_it_only_bench_torch():
    for file in files("indexer"):
        for module in imports(file):
            if module.partition(".")[0] == "torch":
                assert file.parent.name == "cli", file  # a benchmark of training; late, as the test below finds
                assert file.name == "bench.py", file
            if module.partition(".")[0] == "sampler_runtime":
                assert file.parent.name == "cli", file


def test_the_runtime_imports_the_contract_of_the_indexer_and_nothing_else_of_it():
    for file in files("sampler_runtime"):
        for module in imports(file):
            if module.partition(".")[0] == "indexer":
                assert module in CONTRACT, f"{file.name} imports {module}"


def test_planning_needs_no_torch():
    near_training = {"batch_sampler.py", "positions.py", "flat.py", "dataset.py", "augmentation.py", "loader.py"}
    users = {f for f in files("sampler_runtime") if any(m.partition(".")[0] == "torch" for m in imports(f))}

    assert {f.name for f in users if f.parent.name == "sampler_runtime"} == near_training
    assert {f.parent.name for f in users} <= {"sampler_runtime", "training", "training_benchmark", "compat"}


def test_only_reader_and_writer_know_our_parquet_and_only_the_command_line_prints():
    users = {f.name for f in files("indexer") if "pyarrow.parquet" in set(imports(f))}

    assert users == {"index_file.py", "index_writing.py"}  # manifest.py reads Parquet of users, as one form of table
    for file in [*files("indexer"), *files("sampler_runtime")]:
        if file.parent.name != "cli":
            assert not re.search(r"(?<!\.)\bprint\(", file.read_text(encoding="utf-8")), file


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import torch", True),  # the proof that this test can fail
        ("import indexer, indexer.build, indexer.cli", False),
        ("import sampler_runtime", False),
        ("from sampler_runtime import open_index", False),
        ("import sampler_runtime.plan, sampler_runtime.settings", False),
        ("from sampler_runtime import PKBatchSampler", True),
    ],
)
def test_torch_is_loaded_where_it_is_used_and_nowhere_else(code, loaded):
    check = f"{code}\nimport sys\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == str(loaded)


def test_nothing_is_unpickled_evaluated_or_taken_from_global_randomness():
    for file in [*files("indexer"), *files("sampler_runtime")]:
        modules = set(imports(file))
        # one puts the state of the global generators back, one has a generator of its own, as evaluation codes do
        if file.name in ("augmentation.py", "draws.py"):
            modules.discard("random")
        assert not modules & {"pickle", "random", "yaml", "marshal", "shelve"}, file
        names = {n.id for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Name)}
        assert not names & {"eval", "exec"}, file


def test_no_file_has_a_name_that_tells_nothing():
    vague = {"utils.py", "util.py", "common.py", "helpers.py", "misc.py"}

    assert not [f for package in ("indexer", "sampler_runtime") for f in files(package) if f.name in vague]


def test_nothing_that_training_runs_has_a_cached_property_with_a_lock():
    """A worker that is forked while another thread holds it, before Python 3.12, waits for ever."""
    for file in files("sampler_runtime"):
        if file.name != "cached_property.py":
            assert "from functools import cached_property" not in file.read_text(encoding="utf-8"), file
