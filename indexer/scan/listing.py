"""A folder -> the sorted list of its files, with sizes and times. No file is ever opened.

Real trees carry droppings (`Thumbs.db`, `._0001.jpg`), links, loops, unreadable folders and names that are not text.
Each is dealt with here, once, so that everything behind this file sees clean relative paths in a fixed order. What a link leads
to is part of the dataset only where it lies in the dataset's folder, unless the user wants it otherwise.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import Problem, ProblemKind, TreeError, TreeMissingError
from indexer.sample_file import is_below
from indexer.scan.droppings import SUSPECT, is_dropping
from indexer.scan.outside import left_out, problems_of

Progress = Callable[[int], None]

_AT_ONCE: Final = 10_000
"""Entries of a folder that are looked at before progress is told, and held at a time: a folder may have a million."""

_LONG: Final = 900
"""Bytes of a folder's path from which on it is tried whether the system opens its files: macOS takes 1,024, Linux 4,096."""

_FILE_TYPE: Final = 0o170000  # the bits of st_mode that stat.S_ISREG and its sisters look at


@dataclass(frozen=True)
class Listing:
    """The files of a tree, sorted folder by folder."""

    root: Path
    paths: list[str]
    """Relative to the root, `/` between folders."""
    sizes: NDArray[np.int64]
    mtimes_ns: NDArray[np.int64]
    droppings: Counter[str] = field(default_factory=Counter)
    """Names that are never samples, and how often each was met."""
    problems: tuple[Problem, ...] = ()
    links_outside: bool = False
    """Links that lead out of the folder were followed."""
    left_out: str = ""
    """What was left out because links lead out of the folder, in words that end an error's message; empty: nothing was."""

    def __len__(self) -> int:
        return len(self.paths)

    def fingerprint(self) -> str:
        """Digest of every path, size and time: differs whenever the tree changed in a way a scan can see."""
        digest = hashlib.sha256("\0".join(self.paths).encode())
        digest.update(self.sizes.astype("<i8").tobytes())
        digest.update(self.mtimes_ns.astype("<i8").tobytes())
        return digest.hexdigest()

    @cached_property
    def arrow(self) -> pa.Array:
        """The paths as an Arrow array, for patterns that run over all of them at once."""
        return pa.array(self.paths, pa.string())

    @cached_property
    def folded(self) -> pa.Array:
        """The same with extensions in lower case: the case of an extension says nothing."""
        upper = pc.match_substring_regex(self.arrow, r"\.[^./]*[A-Z][^./]*$").to_numpy(zero_copy_only=False)
        if not upper.any():
            return self.arrow
        words = list(self.paths)
        for row in np.flatnonzero(upper):
            stem, dot, extension = words[row].rpartition(".")
            words[row] = stem + dot + extension.lower()
        return pa.array(words, pa.string())


def list_tree(
    root: Path,
    *,
    exclude: Collection[Path] = (),
    links_outside: bool = False,
    on_progress: Progress | None = None,
) -> Listing:
    """List a tree once.

    Files below linked folders count where the link stands; a folder that is reached a second time is not listed again.

    Args:
        root: The dataset folder.
        exclude: Files that are not part of the dataset: the index itself.
        links_outside: Follow links that lead out of the folder. Otherwise each is a problem.
        on_progress: Called with the number of files so far, a few times a second at most.

    Raises:
        TreeMissingError: There is no such folder.
        TreeError: It is not a folder, cannot be read, or holds no file.
    """
    real = os.path.realpath(root)
    below = {Path(os.path.relpath(os.path.realpath(p), real)).as_posix() for p in exclude}
    walk = _Walk(root, real, below, links_outside, on_progress)
    walk.run()
    order = sorted(range(len(walk.paths)), key=walk.paths.__getitem__)
    told = left_out(walk.outside)
    if not order:
        why = f"; {told or walk.problems[0]}" if told or walk.problems else ""
        raise TreeError(f"{printable(str(root))}: no file to index in this folder{why}; is it the right one?")
    return Listing(
        root,
        [walk.paths[i] for i in order],
        np.array(walk.sizes, np.int64)[order],
        as_int64(walk.mtimes)[order],
        walk.droppings,
        (*sorted(walk.problems, key=lambda p: (p.where, p.kind)), *problems_of(walk.outside)),
        links_outside,
        told,
    )


class _Walk:
    """The state of one walk over a tree."""

    def __init__(
        self, root: Path, real: str, exclude: set[str], links_outside: bool, on_progress: Progress | None
    ) -> None:
        self.root, self.real, self.exclude, self.on_progress = root, real, exclude, on_progress
        self.links_outside = links_outside
        self.paths: list[str] = []
        self.sizes: list[int] = []
        self.mtimes: list[int] = []
        self.problems: list[Problem] = []
        self.droppings: Counter[str] = Counter()
        self.seen: set[tuple[int, int]] = set()
        self.linked: list[tuple[str, str]] = []
        self.outside: list[tuple[str, str]] = []
        """Links that lead out of the folder, and where they lead."""

    def run(self) -> None:
        self._check_root()
        # Real folders first: a link to one of them, whatever its name sorts like, is then known as a second way.
        self._descend("", os.fspath(self.root))
        while self.linked:
            waiting, self.linked = sorted(self.linked), []
            for prefix, folder in waiting:
                self._descend(prefix + "/", folder)

    def _check_root(self) -> None:
        if sys.getfilesystemencoding() != "utf-8":  # other letters would come, and so another index
            raise TreeError(
                f"{printable(str(self.root))}: this Python reads file names as {sys.getfilesystemencoding()}, expected UTF-8; "
                "set PYTHONUTF8=1, or a locale of UTF-8"
            )
        try:
            os.scandir(self.root).close()
        except FileNotFoundError:
            raise TreeMissingError(f"{printable(str(self.root))}: no such folder; check the path") from None
        except NotADirectoryError:
            raise TreeError(f"{self.root}: a dataset folder was expected, this is a file") from None
        except OSError as error:
            raise TreeError(
                f"{printable(str(self.root))[:200]}: cannot be listed ({error.strerror}); check the path and its permissions"
            ) from None
        if not _is_text(os.fspath(self.root)):
            raise TreeError(f"{printable(str(self.root))}: the folder's own name is not valid UTF-8; rename it")

    def _descend(self, prefix: str, folder: str) -> None:
        """List a folder, or what a link leads to, and the folders below it."""
        waiting, flags = [(prefix, folder)], 0
        while waiting:
            prefix, folder = waiting.pop()
            try:
                with _opened(folder, flags) as place:
                    status = os.stat(place)
                    # a file system that has no inodes says 0 for all
                    key = (status.st_dev, status.st_ino or hash(os.path.realpath(folder)))
                    if key in self.seen:  # real folders are met once, so a link has led here
                        self._problem("link", prefix[:-1], "leads to a folder that is listed already: not listed twice")
                        continue
                    self.seen.add(key)
                    with os.scandir(place) as entries:
                        each = iter(entries)
                        while some := list(islice(each, _AT_ONCE)):
                            waiting.extend(self._files(prefix, folder, some))
                            if self.on_progress:
                                self.on_progress(len(self.paths))
            except OSError as error:
                self._unlisted(prefix[:-1], error)
            flags = getattr(os, "O_NOFOLLOW", 0)  # what is found below was no link when it was found

    def _files(self, prefix: str, folder: str, entries: list[os.DirEntry[str]]) -> list[tuple[str, str]]:
        """Take the files of one folder; return its folders."""
        folders = []
        add_path, add_size, add_mtime = self.paths.append, self.sizes.append, self.mtimes.append
        is_long = len(prefix) + len(self.real) > _LONG // 4 and len(os.fsencode(prefix + self.real)) > _LONG
        for entry in entries:
            name = entry.name
            if (name[0] in SUSPECT or "-checkpoint." in name) and is_dropping(name, self.droppings):
                continue
            path = prefix + name
            try:
                if entry.is_file(follow_symlinks=False):
                    pass  # nearly all are, so this is asked first
                elif entry.is_dir(follow_symlinks=False):
                    if name.isascii() or _is_text(name):
                        folders.append((path + "/", f"{folder}/{name}"))
                    else:
                        self._problem("name", path, "the name is not valid UTF-8: not listed; rename the folder")
                    continue
                elif entry.is_symlink() and not self._stays(path, f"{folder}/{name}"):
                    continue
                status = entry.stat()  # follows a link: a linked sample counts as its target
                if is_long:
                    os.lstat(f"{self.real}/{path}")
            except OSError as error:
                self._unusable(entry, path, error)
                continue
            if not name.isascii() and not _is_text(name):
                self._problem("name", path, "the name is not valid UTF-8; rename the file")
            elif status.st_mode & _FILE_TYPE != stat.S_IFREG:
                self._not_a_file(path, f"{folder}/{name}", status.st_mode)
            elif path not in self.exclude:
                add_path(path)
                add_size(status.st_size)
                add_mtime(status.st_mtime_ns)
        return folders

    def _stays(self, path: str, place: str) -> bool:
        """Whether what a link leads to is part of the dataset."""
        if self.links_outside or is_below(target := os.path.realpath(place), self.real):
            return True
        self.outside.append((printable(path), printable(target)))
        return False

    def _not_a_file(self, path: str, place: str, mode: int) -> None:
        if stat.S_ISDIR(mode):
            self.linked.append((path, place))
        else:
            self._problem("special", path, "not a file but a FIFO, socket or device: left alone")

    def _unlisted(self, path: str, error: OSError) -> None:
        if error.errno == errno.ENAMETOOLONG:
            self._problem("name", _shortened(path), "the path of this folder is too long for the system: not listed")
        elif error.errno == errno.ENOENT:
            self._problem("vanished", path, "this folder was there and then was gone")
        else:
            self._problem("unreadable", path, f"this folder cannot be listed ({error.strerror})")

    def _unusable(self, entry: os.DirEntry[str], path: str, error: OSError) -> None:
        if error.errno == errno.ENAMETOOLONG:
            self._problem("name", _shortened(path), "the path of this file is too long for the system to open it")
        elif entry.is_symlink():
            self._problem("link", path, f"a link that leads nowhere ({error.strerror})")
        else:
            self._problem("vanished", path, f"it was there and then could not be looked at ({error.strerror})")

    def _problem(self, kind: ProblemKind, where: str, message: str) -> None:
        self.problems.append(Problem(kind, printable(where) or ".", message))


def as_int64(times: list[int]) -> NDArray[np.int64]:
    """Times in ns since 1970. Some file systems tell of years that 64 bits cannot: those become the last or the first they can."""
    try:
        return np.array(times, np.int64)
    except OverflowError:
        bounds = np.iinfo(np.int64)
        return np.array([min(max(time, bounds.min), bounds.max) for time in times], np.int64)


def _shortened(path: str) -> str:
    return f"{path[:80]}…{path[-80:]}"


@contextmanager
def _opened(folder: str, flags: int) -> Iterator[str | int]:
    """A folder by its handle where the system has such: looking at its files then walks no path again and again."""
    if os.scandir not in os.supports_fd:
        yield folder
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | flags)
    try:
        yield handle
    finally:
        os.close(handle)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(path: str) -> str:
    """A path fit for a line of a message: control characters and undecodable bytes escaped.

    >>> printable("a\\nb")
    'a\\\\nb'
    """
    return path.encode("utf-8", "backslashreplace").decode() if path.isprintable() else ascii(path)[1:-1]
