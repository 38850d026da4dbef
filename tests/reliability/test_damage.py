"""Spoil an index anywhere and in any way: a reader refuses, or tells exactly what was written. Never other data, never a signal.

Thousands of damages, the same each time, over every region of several indexes. They are read by processes of their own, which
say before each case which it is: one that ends its process is known by its number.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from indexer.errors import IndexDamagedError
from indexer.index_file import IndexFile
from tests.effort import gate_only, times
from tests.reliability.damages import KINDS, damage, regions_of
from tests.reliability.forked import forked, needs_fork
from tests.reliability.whole_indexes import rewrite_by_another_tool, write_every_kind

CASES = times(80, 1_300, 30_000)
IN_ONE_PROCESS = 600
NOT_IN_THE_DIGEST = {"size", "mtime_ns", "width", "height", "mode", "content_hash", "metadata"}
"""What nothing guards in a file that another tool has written anew."""


@dataclass(frozen=True)
class Case:
    """What came of one damage."""

    number: int
    kind: str
    region: str
    verdict: str


def read_damaged(index: Path, other: Path, cases: int) -> list[Case]:
    """What came of the damages 0 to `cases`, each read in a process that others may have ended."""
    found: list[Case] = []
    while len(found) < cases:
        last = min(len(found) + IN_ONE_PROCESS, cases)
        words = [sys.executable, "-m", "tests.reliability.reading_damaged", index, other, len(found), 1, last]
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, cwd=Path(__file__).parents[2])
        before = len(found)
        for line in done.stdout.splitlines():
            word, *told = line.split("\t")
            if word == "try":
                found.append(Case(int(told[0]), told[1], told[2], f"ended the process: {done.returncode}"))
            else:
                case = found.pop()
                found.append(Case(case.number, case.kind, case.region, told[0]))
        assert len(found) > before, done.stderr[-2000:]
    return found


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    """A whole index, one of several row groups, both rewritten by other tools, and one to splice from."""
    folder = tmp_path_factory.mktemp("whole")
    write_every_kind(folder / "sealed.parquet")
    write_every_kind(folder / "row groups.parquet", rows_per_group=9)
    write_every_kind(folder / "other.parquet", identities=9)
    for tool in ("pandas", "duckdb"):
        rewrite_by_another_tool(folder / "sealed.parquet", folder / f"{tool}.parquet", tool)
    return folder


def told(cases: list[Case]) -> str:
    """How many cases of each region, and what came of them."""
    verdicts = Counter((case.region, case.verdict[:9]) for case in cases)
    return "\n".join(f"{count:6}  {region}: {verdict}" for (region, verdict), count in sorted(verdicts.items()))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["sealed", pytest.param("row groups", marks=gate_only)])
def test_a_spoilt_index_is_refused_or_tells_what_was_written(indexes, name, record_property):
    index = indexes / f"{name}.parquet"

    cases = read_damaged(index, indexes / "other.parquet", CASES)

    record_property("cases", told(cases))
    assert [case for case in cases if case.verdict not in ("same", "refused")] == []
    assert {case.region for case in cases} == {region.name for region in regions_of(index)}
    assert {case.kind for case in cases} == set(KINDS)
    refused = sum(case.verdict == "refused" for case in cases)
    assert refused > 0.9 * len(cases)  # a damage that is none shows nothing


@pytest.mark.timeout(3600)
@gate_only
@pytest.mark.parametrize("tool", ["pandas", "duckdb"])
def test_a_spoilt_index_without_a_seal_gives_no_other_samples(indexes, tool):
    """Its page checksums and seal are lost; the content digest guards what batches depend on, and not sizes and times."""
    index = indexes / f"{tool}.parquet"

    cases = read_damaged(index, indexes / "other.parquet", CASES)

    wrong = [
        case
        for case in cases
        if case.verdict not in ("same", "refused")
        and not {part.partition(":")[0] for part in case.verdict.split("; ")} <= NOT_IN_THE_DIGEST
    ]
    assert wrong == []
    assert {case.region for case in cases} == {region.name for region in regions_of(index)}


@needs_fork
def test_a_footer_over_which_arrow_ends_the_process_is_refused(indexes, tmp_path):
    """Asked for a column that is optional in one place and not in another, Arrow throws where its Python does not catch."""
    content = (indexes / "pandas.parquet").read_bytes()
    optional = b"\x25\x02\x18\x04role"
    assert content.count(optional) == 1, "the schema of Parquet tells whether a column is optional just before its name"
    spoilt = tmp_path / "spoilt.parquet"
    spoilt.write_bytes(content.replace(optional, b"\x25\x22\x18\x04role"))

    def open_it():
        return IndexFile(spoilt).num_rows

    assert forked(open_it).startswith("IndexDamagedError")


def test_the_regions_of_an_index_are_every_byte_of_it(indexes):
    for name in ("sealed", "row groups"):
        index = indexes / f"{name}.parquet"
        regions = regions_of(index)

        assert regions[0].start == 0
        assert regions[-1].stop == index.stat().st_size
        assert all(a.stop == b.start for a, b in pairwise(regions))


def test_a_case_that_ends_its_process_is_known_by_its_number_and_the_others_go_on(indexes, monkeypatch):
    """What the tests above rest on."""
    script = """
import os, sys
first, last = int(sys.argv[1]), int(sys.argv[2])
for number in range(first, last):
    print("try", number, "flip", "footer", sep="\\t", flush=True)
    if number == 3: os.abort()
    print("got", "refused", sep="\\t", flush=True)
"""
    real = subprocess.run

    def replaced(words, **options):
        return real([sys.executable, "-c", script, words[5], words[7]], **options)

    monkeypatch.setattr(subprocess, "run", replaced)

    cases = read_damaged(indexes, indexes, 6)

    assert [case.number for case in cases] == list(range(6))
    assert [case.verdict for case in cases if case.verdict != "refused"] == ["ended the process: -6"]


def test_the_same_number_is_the_same_damage(indexes):
    index = indexes / "sealed.parquet"
    content, regions = index.read_bytes(), regions_of(index)

    for number in range(50):
        assert damage(content, regions, b"x" * 99, number) == damage(content, regions, b"x" * 99, number)


# ----------------------------------------------------------------------------------------- what a seal is, and is not


def test_a_file_whose_seal_was_wiped_out_is_not_taken_for_another_tools(indexes, tmp_path):
    content = bytearray((indexes / "sealed.parquet").read_bytes())
    seal = next(region for region in regions_of(indexes / "sealed.parquet") if region.name == "seal checksums")
    footer = next(region for region in regions_of(indexes / "sealed.parquet") if region.name == "footer")
    content[seal.start : footer.start] = bytes(footer.start - seal.start)
    (tmp_path / "wiped.parquet").write_bytes(content)

    with pytest.raises(IndexDamagedError, match="its seal is gone, and no other tool has written it anew"):
        IndexFile(tmp_path / "wiped.parquet")


def test_a_word_of_the_metadata_that_was_changed_breaks_the_seal(indexes, tmp_path):
    content = (indexes / "sealed.parquet").read_bytes()
    assert content.count(b'"root":"."') == 1
    (tmp_path / "changed.parquet").write_bytes(content.replace(b'"root":"."', b'"root":"/"'))

    with pytest.raises(IndexDamagedError, match="its footer is not the one that was sealed"):
        IndexFile(tmp_path / "changed.parquet")


def test_two_files_one_after_the_other_are_not_taken_for_the_second(indexes, tmp_path):
    first, second = ((indexes / f"{name}.parquet").read_bytes() for name in ("other", "sealed"))
    (tmp_path / "both.parquet").write_bytes(first + second)

    with pytest.raises(IndexDamagedError, match="its seal does not begin where its content ends"):
        IndexFile(tmp_path / "both.parquet")


def test_what_changes_in_the_file_after_a_column_was_compared_is_not_noticed(tmp_path):
    """Said in docs/reliability.md: a mapping shows what is on the disk now. Whoever opens it anew notices."""
    index = write_every_kind(tmp_path / "index.parquet")
    opened = IndexFile(index)
    before = opened.integers("pid").slice(0, opened.num_rows).copy()
    pid = next(region for region in regions_of(index) if region.name == "pid values")
    with index.open("r+b") as file:
        file.seek(pid.start)
        file.write(bytes([before[0] + 1 & 255]))

    assert opened.integers("pid").slice(0, opened.num_rows)[0] != before[0]
    with pytest.raises(IndexDamagedError, match="column pid, row group 0: the checksum differs"):
        IndexFile(index).integers("pid")
