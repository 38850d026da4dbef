"""One file, one writer at a time: whoever comes second is told who is at it. A lock ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import re
import stat
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from indexer.errors import BusyError
from indexer.leftovers import lock_of, remove_temporaries

if TYPE_CHECKING:
    from filelock import BaseFileLock

_TRIES: Final = 50  # it may have been let go of, and removed, between a look and the next
_TOLD: Final = re.compile(r"process \d+ on [\w.-]{1,255}, since [-+:. \d]{16,40}")
"""What a holder tells of itself; anything else in a lock file is not repeated."""
_log = logging.getLogger("reidindex")


@contextlib.contextmanager
def sole_writer(out: Path, *, wait: bool = False) -> Iterator[bool]:
    """Be the only one who writes a file, in this thread as often as one likes.

    The lock is the kernel's, on a hidden file beside `out`, which goes when the block ends. What a killed process has left of
    it locks nobody out, and says that there may be more of it, which is removed. Where files cannot be locked everybody is let
    in, and a note says so; where none can be made, the writer will find out why.

    Args:
        out: The file; where a link leads.
        wait: Until another process has written it, instead of raising.

    Yields:
        Whether it was free at once: if not, another has written it meanwhile.

    Raises:
        BusyError: Another process or thread is at it.
    """
    from filelock import FileLock, Timeout  # late: it takes as long to import as a small build takes to list

    if not out.parent.is_dir():  # filelock would make it
        yield True
        return
    file = lock_of(out)
    # everybody who may write in this folder must be able to open the lock: the mode says so, whatever the umask
    lock = FileLock(file, mode=0o666, blocking=False, is_singleton=True, fallback_to_soft=False)
    by_this_thread = lock.is_locked
    if by_this_thread:
        yield True
        return
    somebody_was, at_once = os.path.lexists(file), True
    try:
        try:
            locked = _acquired(lock, file)
        except Timeout:
            if not wait:
                raise BusyError(
                    f"{out}: is being written by {_holder(file)}; wait until it has ended (`build --wait` does), or stop it"
                ) from None
            _log.warning("%s: is being written by %s; waiting until it has ended", out, _holder(file))
            lock.acquire(blocking=True)
            locked, at_once = True, False
        except OSError as error:
            locked = False
            if os.path.lexists(file):  # else no file can be made there: the writer will find out why
                _tell_why_not(file, error.strerror)
            if not somebody_was:
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)
        if locked:
            _sign(file)
            if somebody_was:  # and did not live to remove it
                remove_temporaries(out)
        yield at_once
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):  # Windows removes no open file; there it stays, empty of meaning
                file.unlink()
            with contextlib.suppress(OSError):  # the end of the process lets go of it at the latest
                lock.release()


def refuse_if_busy(out: Path, *, wait: bool = False) -> None:
    """Before long work: see whether somebody writes a file, and clear away what a killed writer has left of it.

    Nothing is locked where nobody is or was at it: processes that only look are not in each other's way.

    Args:
        out: The file; where a link leads.
        wait: As of `sole_writer`.

    Raises:
        BusyError: Another process or thread is at it.
    """
    if os.path.lexists(lock_of(out)):
        with sole_writer(out, wait=wait):
            pass


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
        if os.path.lexists(file):
            raise Timeout(str(file))
    return False


@cache
def _tell_why_not(file: Path, reason: str) -> None:
    """Say that nothing is locked, once a process."""
    _log.warning("%s: cannot be locked (%s); take care that nobody else writes beside it meanwhile", file, reason)


def _sign(file: Path) -> None:
    """Say who holds a lock, for those who find it held."""
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    words = f"process {os.getpid()} on {platform.node() or 'this-machine'}, since {since}\n"
    with contextlib.suppress(OSError):  # Windows lets nobody write where a lock lies; a full disk neither
        handle = os.open(file, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
        try:
            status = os.fstat(handle)
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:  # else it may be a file of somebody's
                os.truncate(handle, 0)
                os.write(handle, words.encode())
        finally:
            os.close(handle)


def _holder(file: Path) -> str:
    told = b""
    with contextlib.suppress(OSError):
        # somebody may have put a pipe there: never wait for it
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            told = os.read(handle, 400)
        finally:
            os.close(handle)
    found = _TOLD.match(told.decode(errors="replace"))
    return found[0] if found else "another process"
