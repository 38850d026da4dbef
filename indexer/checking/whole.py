"""An index file -> whether it is whole: every byte as it was written, and rows that agree with each other."""

from __future__ import annotations

from pathlib import Path

from indexer.checking.findings import Finding, Kind
from indexer.errors import IndexDamagedError
from indexer.index_file import IndexFile

_MAGIC = b"PAR1"


def open_whole(path: Path) -> tuple[IndexFile | None, list[Finding]]:
    """Read all of an index. None: it cannot be used.

    Raises:
        IndexVersionError: Another format: that is no damage.
    """
    try:
        index = IndexFile(path)
        contradictions = list(index.contradictions())
    except IndexDamagedError as error:
        return None, [Finding("damaged", str(path), str(error).removeprefix(f"{path}: "))]
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
    if head != _MAGIC:  # readers of Parquet look at the end only
        return index, [Finding("damaged", str(path), f"its first bytes should be {_MAGIC!r}, found {head!r}")]
    if not index.sealed:
        return index, [Finding("unsealed", str(path))]
    return index, [Finding(_INCONSISTENT, str(path), what) for what in contradictions]


_INCONSISTENT: Kind = "inconsistent"
