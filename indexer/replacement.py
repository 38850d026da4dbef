"""A file that is replaced in one step: afterwards it is the whole new one or what it was before, also after a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from indexer.errors import ReidIndexError
from indexer.leftovers import new_temporary
from indexer.sole_writer import sole_writer

_NO_SYNC: Final = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM, errno.EBADF}
"""What file systems say that cannot sync a folder, and systems that let nobody open one."""


@contextlib.contextmanager
def replacement(out: Path) -> Iterator[IO[bytes]]:
    """A new file, open for reading and writing, that takes the place of `out` when the block ends without an error.

    Its bytes are on the disk before its name is, and the name before this returns.

    Raises:
        OSError: It cannot be written there. `out` is what it was.
        BusyError: Another process is writing it.
        ReidIndexError: It is in place, and the disk did not confirm that.
    """
    with sole_writer(out):
        temporary = new_temporary(out)
        try:
            with temporary.open("x+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(out)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        _sync_name(out)


def _sync_name(out: Path) -> None:
    if os.name == "nt":  # Windows has no handle for a folder; its rename is journalled
        return
    try:
        handle = os.open(out.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:  # some network file systems refuse; the new file is in place all the same
            raise ReidIndexError(
                f"{out}: is written and whole, but the disk did not confirm its name ({error.strerror}): after a power cut the "
                "earlier file may be back; see to the disk, then run this again"
            ) from error
