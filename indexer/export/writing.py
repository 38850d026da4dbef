"""Files for other tools: each is whole or not there, and what somebody else made is not replaced."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from indexer.errors import ReidIndexError
from indexer.replacement import replacement
from indexer.scan.listing import printable

Ours = Callable[[Path], bool]
"""Whether a file is plainly one that we wrote."""


def refuse_foreign(out: Path, *, force: bool, ours: Ours, why: str, option: str = "-o", parent: bool = False) -> None:
    """Before long work: whether a file may be written there.

    Args:
        out: The file to write.
        force: Replace any file.
        ours: Which files are replaced without being forced to.
        why: Why another is not replaced, for the message: `is not plainly a COCO file of reidindex`.
        option: The option that names another place.
        parent: Whether its folder is made where it is missing.

    Raises:
        ReidIndexError: Somebody's file lies there, or no file can.
    """
    try:
        str(out).encode()
        if not parent and not out.parent.is_dir():
            raise ReidIndexError(f"{out}: the folder {out.parent} does not exist; make it first")
        if not out.exists():
            return
        if not out.is_file():
            raise ReidIndexError(f"{out}: something that is no file lies there; name another place with {option}")
        foreign = not force and out.stat().st_size > 0 and not ours(out)  # an empty file is nobody's
    except OSError as error:
        raise ReidIndexError(
            f"{str(out)[:200]}: cannot be written there ({error.strerror}); name another place with {option}"
        ) from None
    except UnicodeEncodeError:
        raise ReidIndexError(
            f"{printable(str(out))}: the name is not valid UTF-8; name another with {option}"
        ) from None
    if foreign:
        raise ReidIndexError(f"{out}: exists and {why}; name another file with {option}, or --force to replace it")


def write_file(out: Path, chunks: Iterable[bytes], *, option: str = "-o") -> int:
    """Write a file in one step: afterwards it is the whole new one, or what it was before. Returns its bytes.

    Raises:
        ReidIndexError: It cannot be written there.
        BusyError: Another process is writing it.
    """
    out = Path(os.path.realpath(out)) if out.is_symlink() else out  # a link that leads to itself stays what it is
    try:
        with replacement(out) as file:
            size = sum(map(file.write, chunks))
    except OSError as error:
        raise ReidIndexError(
            f"{out}: cannot be written there ({error.strerror or error}); choose another place with {option} "
            "(what was there before is untouched)"
        ) from error
    return size
