"""A path that an index tells -> the file it means: below the dataset's folder, and nothing but a file.

An index may come from anywhere, and a folder may be changed after it was indexed: links that lead elsewhere are put into it, a
FIFO takes the place of a picture. Whoever opens a sample's file asks here first, in both packages.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import IO, Final

from indexer.errors import LeadsOutError

_FOLDERS: Final = 1 << 14
"""So many are remembered in a process: 6 MB at most. What is not remembered costs some lstat."""
_NO_FILE: Final = "not a file but a folder, FIFO or device"


def leads_out(path: str, *, windows: bool = os.name == "nt") -> bool:
    """Whether a path, by its words alone, is none of a file below a folder.

    >>> [leads_out(p, windows=False) for p in ("a/b.jpg", "", "/a", "a/../../b", "a\\0b", "a\\\\b:c.jpg", "C:b.jpg")]
    [False, True, True, True, True, False, False]
    >>> [leads_out(p, windows=True) for p in ("a/b.jpg", "C:b.jpg", "..\\\\b.jpg", "\\\\\\\\host\\\\share\\\\b", "a/.. /b", "b.jpg:c")]
    [False, True, True, True, True, True]
    """
    if not path or "\0" in path or path[0] == "/":
        return True
    if not windows:
        return ".." in path.split("/")
    # Windows takes away blanks and dots at the end of a name; a colon means a drive, or another stream of the file
    parts = re.split(r"[\\/]", path)
    return ":" in path or parts[0] == "" or any(part.startswith("..") and not part.strip(" .") for part in parts)


def is_below(file: str, folder: str) -> bool:
    """Whether a file lies in a folder or below it; both as `os.path.realpath` tells them."""
    return file == folder or file.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def real_file(root: str | Path, path: str, *, links_outside: bool) -> str:
    """Where the file of a sample really lies. It is not opened.

    Args:
        root: The dataset folder. It may itself be a link.
        path: Of the file, relative to it, as an index tells it.
        links_outside: Links that lead out of the folder are followed: the index was built so.

    Raises:
        LeadsOutError: It lies elsewhere.
        FileNotFoundError: There is none.
        OSError: It cannot be looked at, or is no file.
    """
    if leads_out(path):
        raise LeadsOutError(f"{path!r}: this path leads out of the dataset; the index is not to be trusted")
    root = os.fspath(root)
    folder, _, name = path.rpartition("/")
    file = os.path.join(_real_folder(root, folder), name)
    status = os.lstat(file)
    junction: int = getattr(status, "st_reparse_tag", 0)  # what Windows has beside links
    if stat.S_ISLNK(status.st_mode) or junction:
        file = os.path.realpath(file, strict=True)
        status = os.lstat(file)
    if not links_outside and not is_below(file, _real_folder(root, "")):
        raise LeadsOutError(
            f"{path!r}: a link leads out of the dataset, to {file!r}; nothing there is read unless the index is built with "
            "--links-outside"
        )
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, _NO_FILE, file)
    return file


@lru_cache(_FOLDERS)
def _real_folder(root: str, folder: str) -> str:
    """Where a folder below the root really lies: found out once in a process, not once a sample."""
    return os.path.realpath(os.path.join(root, folder), strict=True)


def opened(file: str | Path) -> IO[bytes]:
    """A file, open for reading; nothing else that may have a sample's name. A FIFO would be waited for without end.

    Args:
        file: As `real_file` tells it: one that has become a link since is not followed.

    Raises:
        OSError: It cannot be read, or is no file.
    """
    return open(file, "rb", opener=_only_files)


def _only_files(file: str, flags: int) -> int:
    handle = os.open(file, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, _NO_FILE, file)
