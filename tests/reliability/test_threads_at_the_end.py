"""A command that is done ends as done: no thread of a library is about to begin when the interpreter goes, which aborts the process.

Arrow's pool did that in one of some hundred runs, on a busy machine, after the index was written and told: exit code 134.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests import trees
from tests.effort import gate_only

_COMMANDS: Final = """
import os, sys
import numpy, pyarrow.parquet, pyarrow.compute
from indexer.cli import main
def threads():
    return len(os.listdir("/proc/self/task"))
before, data = threads(), sys.argv[1]
for words in (["build", data, "--hash"], ["build", data], ["update", data], ["stats", data], ["check", data],
              ["split", data, "--val", "0.5", "-o", data + "/split.parquet"], ["export", data, "--to", "csv", "-o", data + "/t.csv"]):
    sys.argv = ["reidindex", *words, "-q"]
    try:
        main()
    except SystemExit as leaving:
        assert leaving.code in (0, None, 3), (words, leaving.code)
    if threads() > before:
        sys.exit(f"{words}: {threads() - before} threads are left")
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@gate_only
def test_no_command_leaves_threads_that_are_not_its_own(tmp_path: Path) -> None:
    data = trees.market(tmp_path / "data")
    done = subprocess.run([sys.executable, "-c", _COMMANDS, str(data)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
