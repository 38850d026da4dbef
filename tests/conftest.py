"""Fixtures that several files share."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from indexer.build import build_index
from indexer.cli import main
from indexer.demo import write_demo
from sampler_runtime.mapped import MappedIndex, open_index
from tests import trees
from tests.effort import IN_THE_GATE, USUAL, examples

# Machines are shared and noisy: a slow example is not a wrong one. The number of examples is a choice of time.
settings.register_profile("reidindex", examples(USUAL, deadline=None, derandomize=IN_THE_GATE))
settings.load_profile("reidindex")

# The suite writes thousands of small indexes. A disk that is busy elsewhere takes a second to make each of them last;
# that a build does so in the right order is a matter of its own, and looked at in processes of their own.
os.fsync = lambda handle: None

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run() -> Run:
    """The command line as a user runs it: in this process, which is quick; with options in a process of its own."""

    def run(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = ["reidindex", *map(str, words)]
        if options:
            command[:1] = [sys.executable, "-m", "indexer"]
            return subprocess.run(command, **{"capture_output": True, "text": True, **options})  # type: ignore[call-overload, no-any-return]
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        code: object = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", command)
            try:
                main()
            except SystemExit as leaving:
                code = leaving.code or 0
        texts = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(command, int(str(code)), *texts)

    return run


@pytest.fixture
def run_json(run: Run) -> Callable[..., dict[str, object]]:
    """The JSON object a command prints."""

    def run_json(*words: object) -> dict[str, object]:
        done = run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    return run_json


@pytest.fixture(scope="session")
def drawn_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo dataset of 24 people without an index, drawn once: whoever changes it copies it."""
    folder = tmp_path_factory.mktemp("drawn") / "demo-data"
    write_demo(folder, identities=24)
    return folder


@pytest.fixture(params=sorted(trees.ALL))
def any_tree(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A layout's name and a small tree of it: once for every layout."""
    return request.param, trees.ALL[request.param](tmp_path / "data")


@pytest.fixture
def sysu_index(tmp_path: Path) -> MappedIndex:
    root = trees.sysu(tmp_path / "sysu")
    build_index(root)
    return open_index(root)


@pytest.fixture(scope="session")
def shared_trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where trees with published names are written, once a run."""
    return tmp_path_factory.mktemp("published")
