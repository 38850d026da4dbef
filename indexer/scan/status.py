"""Files that look unchanged -> those that may have been written all the same."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

GRANULARITY_NS: Final = 2_000_000_000
"""The coarsest clock of a file system that is in use, FAT's. What changed so shortly before the scan may look unchanged."""


def touched_since(root: Path, paths: Sequence[str], stamp_ns: int) -> NDArray[np.bool_]:
    """Which files may have been written after an index was made, though size and time are the same.

    A program can put a file's old time back, and two writes within a tick of the file system's clock have one time. The
    time of the last change of *status* (ctime) cannot be put back: as git does, a file whose ctime is not older than the
    index is looked at again. Linked, renamed, copied or chmodded files are among them; their content will be the same.

    Args:
        root: The folder that paths are relative to.
        paths: Files.
        stamp_ns: The index file's own time, which is when its scan began.
    """
    return np.asarray(status_times(root, paths) >= stamp_ns - GRANULARITY_NS)


def status_times(root: Path, paths: Sequence[str]) -> NDArray[np.int64]:
    """When the status of files last changed, ns since 1970; far in the future for those that cannot be looked at."""
    return np.fromiter((_status_time(os.path.join(root, path)) for path in paths), np.int64, len(paths))


def _status_time(file: str) -> int:
    try:
        status = os.stat(file)
    except OSError:
        return 1 << 62  # what cannot be looked at is not known to be the same
    # Windows tells when a file was made instead. A time of change tells less: it may lie in the future for ever.
    return status.st_mtime_ns if os.name == "nt" else status.st_ctime_ns
