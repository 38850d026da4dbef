"""The benchmarks run: a benchmark nobody can run tells nothing. What they measure is for `make bench`."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import sampler_table
from tests.benchmarks.peers import OURS, OURS_SAMPLES, PEERS
from tests.benchmarks.sampler_table import find_version, how_to_install
from tests.effort import gate_only


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["bench", "--times", "1", *arguments])
    benchmarks.main()
    return capsys.readouterr().out


def the_line_of(name, told):
    (line,) = (line for line in told.splitlines() if line.startswith(f"    {name} ") and "cold" not in line)
    return line


@pytest.mark.skipif(sys.platform == "win32", reason="the reference is find")
def test_the_benchmarks_of_build_and_open_run_on_small_sizes(monkeypatch, capsys):
    told = run(monkeypatch, capsys, "--only", "build", "open", "--files", "240", "--rows", "1000")

    assert "reidindex build " in told
    assert "× find" in told
    assert "      1,000 " in told
    assert "One epoch" not in told


def test_statistics_and_report_are_measured_in_a_process_of_their_own(monkeypatch, capsys):
    told = run(monkeypatch, capsys, "--only", "inspect", "--rows", "1000")

    (line,) = (line for line in told.splitlines() if line.startswith("      1,000 "))
    *numbers, report, page = (float(word.replace(",", "")) for word in line.split())
    assert all(number >= 0 for number in numbers)
    assert report > 0
    assert page > 5  # a page was written
    assert "goals at 10 million rows" in told


@gate_only
@pytest.mark.timeout(300)  # importing what peers bring along takes most of it
def test_the_sampler_runs_beside_every_peer_that_is_installed(monkeypatch, capsys):
    told = run(monkeypatch, capsys, "--only", "sampler", "--populations", "640/64")

    for name in (OURS, OURS_SAMPLES):
        assert "  100%      100%" in the_line_of(name, told)
    for name in PEERS:
        line = the_line_of(name, told)
        if find_version(name) is None:
            assert line.endswith(f"not installed: {how_to_install(name)}")
        else:
            assert line.endswith("%"), line
    assert f"{OURS}, cold open to first batch" in told
    assert f"{OURS}, batch 1,000,000 of an epoch of 2,000,000" in told


@gate_only
def test_without_peers_ours_is_measured_alone_and_each_is_named_with_what_installs_it(monkeypatch, capsys):
    monkeypatch.setattr(sampler_table, "find_version", lambda name: None)

    told = run(monkeypatch, capsys, "--only", "sampler", "--populations", "640/64")

    assert "  100%      100%" in the_line_of(OURS, told)
    assert the_line_of("torchreid", told).endswith("not installed: pip install 'reidindex[bench]'")
    assert "× reidindex (" not in told


def test_a_process_that_fails_is_told_by_its_last_line():
    told = sampler_table.in_turns({"it": ["tests.benchmarks.no_such_module"]}, 2)

    assert "No module named tests.benchmarks.no_such_module" in told["it"]


@gate_only
def test_large_populations_are_ours_alone(monkeypatch, capsys):
    monkeypatch.setattr(sampler_table, "MOST_FOR_PEERS", 639)

    told = run(monkeypatch, capsys, "--only", "sampler", "--populations", "640/64")

    assert "torchreid" not in told
