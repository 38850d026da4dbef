"""A file, opened once: its bytes as one array, whatever becomes of its name. And what has become of that since.

A run reads an index piece by piece, over days. All pieces come from what was opened first: from one mapping, or from memory.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
from functools import cache
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

_POPULATE_READ: Final = 22
"""Linux's madvise: have the pages there now, and answer with an error where touching them would end the process."""
_NOT_THERE: Final = {errno.EFAULT, errno.EIO, 133}  # the last: memory that is broken
_NO_MAPS: Final = {errno.ENODEV, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP}

News = Literal["none", "written to", "replaced", "gone", "out of reach"]


class HeldFile:
    """The bytes of a file as they were when it was opened."""

    def __init__(self, path: Path, file: IO[bytes], *, in_memory: bool) -> None:
        """Hold what is open.

        Args:
            path: Its name, to look at later.
            file: Open for reading; may be closed afterwards.
            in_memory: Read everything now. Else it is mapped, where the file system can.

        Raises:
            OSError: It cannot be read.
        """
        self._path = path
        status = os.fstat(file.fileno())
        self._mark = self._seen = _mark(status)
        self._own = self._mark[:2]
        self._map = None if in_memory else _mapped(file, status.st_size)
        self.bytes: NDArray[np.uint8] = (
            _read(file, status.st_size) if self._map is None else np.frombuffer(self._map, np.uint8)
        )

    def fetch(self, start: int, stop: int) -> None:
        """Have bytes read from the disk now, so that what goes wrong is an error and not a signal that ends the process.

        Where the system cannot (other than Linux, or older than 5.14) nothing happens.

        Raises:
            OSError: They cannot be read, or are not there any more.
        """
        if self._map is None or sys.platform != "linux" or stop <= start:
            return
        start -= start % mmap.PAGESIZE
        size = min(stop, self.bytes.size) - start
        if _madvise(self.bytes.ctypes.data + start, size, _POPULATE_READ) and ctypes.get_errno() in _NOT_THERE:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    @property
    def lost(self) -> int:
        """Bytes that were cut off the end since: to touch them would end the process."""
        return 0 if self._map is None else max(self.bytes.size - self._map.size(), 0)

    def news(self) -> News:
        """What has become of the name: one look, which opens nothing. `written to`: the same file, written to or only touched."""
        try:
            now = _mark(self._path.stat())
        except FileNotFoundError:
            return "gone"
        except OSError:
            return "out of reach"
        self._seen = now
        if now == self._mark:
            return "none"
        # a file that is not held open may have left its number to another
        return "written to" if now[:2] == self._own and self._map is not None else "replaced"

    def believe(self) -> None:
        """What was seen last is as good as what was opened: news is from now on what differs from it."""
        self._mark = self._seen


@cache
def _system() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _madvise(address: int, size: int, advice: int) -> int:
    """As of the C library: unlike that of `mmap` it lets other threads run while a disk or a network takes its time."""
    return int(_system().madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), advice))


def _mark(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file from another, and from itself after it was written to."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _mapped(file: IO[bytes], size: int) -> Any:
    """None where it cannot be: an empty file, and file systems that know no mappings."""
    try:
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except ValueError:
        return None
    except OSError as error:
        if error.errno in _NO_MAPS:
            return None
        raise


def _read(file: IO[bytes], size: int) -> NDArray[np.uint8]:
    found = np.empty(size, np.uint8)
    file.seek(0)
    if file.readinto(found.data) != size:  # type: ignore[attr-defined]
        raise OSError(errno.EIO, "it became shorter while it was read")
    return found
