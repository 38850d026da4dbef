"""An index file -> whether it is whole: every byte as it was written, and rows that agree with each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexer.checking.findings import Finding, Kind
from indexer.errors import IndexDamagedError
from indexer.index_file import IndexFile
from indexer.schema import UNKNOWN

_MAGIC = b"PAR1"


def open_whole(path: Path) -> tuple[IndexFile | None, list[Finding]]:
    """Read all of an index. None: it cannot be used.

    Raises:
        IndexVersionError: Another format: that is no damage.
    """
    try:
        index = IndexFile(path, verify="full")
    except IndexDamagedError as error:
        return None, [Finding("damaged", str(path), str(error).removeprefix(f"{path}: "))]
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
    if head != _MAGIC:  # readers of Parquet look at the end only
        return index, [Finding("damaged", str(path), f"its first bytes should be {_MAGIC!r}, found {head!r}")]
    if not index.sealed:
        return index, [Finding("unsealed", str(path))]
    return index, _contradictions(index)


def _contradictions(index: IndexFile) -> list[Finding]:
    """What an honest writer never writes; batches and statistics rest on it."""
    metadata, found = index.metadata, []

    def expect(holds: object, what: str) -> None:
        if not holds:
            found.append(Finding(_INCONSISTENT, str(index.path), what))

    pid, splits, modalities = (
        index.integers(name).slice(0, index.num_rows) for name in ("pid", "splits", "modalities")
    )
    expect(np.all((pid >= UNKNOWN) & (pid < metadata.identities)), f"a pid is not below {metadata.identities:,}")
    if not metadata.kept_pids:
        there = np.zeros(metadata.identities, bool)
        there[pid[pid >= 0]] = True
        expect(there.all(), "pids are not contiguous")
    expect(
        np.all(splits >> np.uint64(len(metadata.splits)) == 0) if len(metadata.splits) < 64 else True,
        "a row is in a split that has no name",
    )
    expect(np.all(modalities > 0) and np.all(modalities >> np.uint32(len(metadata.modalities)) == 0) if len(metadata.modalities) < 32 else True, "a row has no modality, or one that has no name")  # fmt: skip
    plain = np.uint64(sum(1 << i for i, name in enumerate(metadata.splits) if "/" not in name))
    for run in metadata.split_runs:
        bits = np.uint64(sum(1 << metadata.splits.index(name) for name in run.splits))
        of_run, who = splits[run.start : run.stop], pid[run.start : run.stop]
        expect(
            np.all((of_run & plain) == bits),
            f"rows {run.start:,} to {run.stop:,} are not all in {'+'.join(run.splits) or 'no split'}",
        )
        expect(np.all(who[1:] >= who[:-1]), f"rows {run.start:,} to {run.stop:,} are not sorted by pid")
    return found


_INCONSISTENT: Kind = "inconsistent"
