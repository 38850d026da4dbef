"""One file, one writer at a time: whoever comes second is told who is at it. A lock ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import platform
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from indexer.errors import BusyError
from indexer.schema import OUR_HIDDEN

if TYPE_CHECKING:
    from filelock import BaseFileLock

_KNOWS_NO_LOCKS: Final = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
_TRIES: Final = 3  # it may have been let go of, and removed, between a look and the next
_log = logging.getLogger("reidindex")


@contextlib.contextmanager
def sole_writer(out: Path) -> Iterator[bool]:
    """Be the only one who writes a file, in this thread as often as one likes.

    The lock is the kernel's, on a hidden file beside `out`, which goes when the block ends. What a killed process has left of
    it locks nobody out.

    Args:
        out: The file; where a link leads.

    Yields:
        Whether it is locked. A file system without locks lets everybody in, and a note says so; where no file can be made
        at all, the writer will find out why.

    Raises:
        BusyError: Another process or thread is at it.
    """
    from filelock import FileLock, Timeout  # late: it takes as long to import as a small build takes to list

    if not out.parent.is_dir():  # filelock would make it
        yield False
        return
    file = out.with_name(f"{OUR_HIDDEN}{out.name}.lock")
    lock = FileLock(file, blocking=False, is_singleton=True, fallback_to_soft=False)
    again = lock.is_locked
    try:
        locked = _acquired(lock, file)
    except Timeout:
        raise BusyError(f"{out}: {_holder(file)} is writing it; wait until it has ended, or stop it") from None
    except OSError as error:
        if error.errno in _KNOWS_NO_LOCKS:
            _log.warning(
                "%s: this file system knows no locks (%s): take care that nobody else writes this file meanwhile",
                out.parent,
                error.strerror,
            )
        locked = False
    if not locked:
        yield False
        return
    if again:
        try:
            yield True
        finally:
            lock.release()
        return
    try:
        _tell(file)
        yield True
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file; there it stays, empty of meaning
            file.unlink()
        lock.release()


def _acquired(lock: BaseFileLock, file: Path) -> bool:
    """Whether it could be locked; no: it cannot be made there, as in /proc.

    Raises:
        filelock.Timeout: Somebody else holds it.
    """
    from filelock import Timeout

    for _ in range(_TRIES):
        with contextlib.suppress(Timeout):
            lock.acquire()
            return True
        if file.exists():
            raise Timeout(str(file))
    return False


def _tell(file: Path) -> None:
    """Say who holds a lock, for those who find it held."""
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    with contextlib.suppress(OSError):  # Windows lets nobody write where a lock lies; a full disk neither
        file.write_text(f"process {os.getpid()} on {platform.node() or 'this machine'}, since {since}\n")


def _holder(file: Path) -> str:
    try:
        told = file.read_text(errors="replace").strip()[:200]
    except OSError:
        told = ""
    return f"another process ({told})" if told else "another process"
