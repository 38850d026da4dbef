"""The benchmarks run: a benchmark nobody can run tells nothing. What they measure is for `make bench`."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks import __main__ as benchmarks


@pytest.mark.skipif(sys.platform == "win32", reason="the reference is find")
def test_all_benchmarks_run_on_small_sizes(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "--files", "240", "--rows", "1000", "--times", "1"])

    benchmarks.main()

    told = capsys.readouterr().out
    assert "reidindex build " in told
    assert "× find" in told
    assert "      1,000 " in told
