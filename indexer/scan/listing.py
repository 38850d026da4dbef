"""A folder -> the sorted list of its files, with sizes and times. No file is ever opened.

Real trees carry droppings (`Thumbs.db`, `._0001.jpg`), links, loops, unreadable folders and names that are not text.
Each is dealt with here, once, so that everything behind this file sees clean relative paths in a fixed order.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import Problem, ProblemKind, TreeError, TreeMissingError
from indexer.schema import OUR_HIDDEN

Progress = Callable[[int], None]

_DROPPING: Final = re.compile(
    r"thumbs\.db|desktop\.ini|metadata\.parquet|__macosx|@eadir|.*-checkpoint\.\w+|\..*", re.IGNORECASE | re.DOTALL
)
"""Names that systems and tools leave behind, files and folders alike; hidden names are among them, and what tells Hugging Face's
imagefolder about a tree."""

_OURS: Final = ("reidindex.", "reidindex-", OUR_HIDDEN)
"""The index, reports, sheets of batches: what we write, by default under such names, is nothing to tell about."""

_SUSPECT: Final = frozenset("._@tTdDrRmM")
"""First letters of such names, and of ours: the others need no closer look. It runs for every file of a dataset."""

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


def list_tree(root: Path, *, exclude: Collection[Path] = (), on_progress: Progress | None = None) -> Listing:
    """List a tree once.

    Files below linked folders count where the link stands; a folder that is reached a second time is not listed again.

    Args:
        root: The dataset folder.
        exclude: Files that are not part of the dataset: the index itself.
        on_progress: Called with the number of files so far, a few times a second at most.

    Raises:
        TreeMissingError: There is no such folder.
        TreeError: It is not a folder, cannot be read, or holds no file.
    """
    real = os.path.realpath(root)
    below = {Path(os.path.relpath(os.path.realpath(p), real)).as_posix() for p in exclude}
    walk = _Walk(root, below, on_progress)
    walk.run()
    order = sorted(range(len(walk.paths)), key=walk.paths.__getitem__)
    if not order:
        why = f"; {walk.problems[0]}" if walk.problems else ""
        raise TreeError(f"{root}: no file to index in this folder{why}; is it the right one?")
    return Listing(
        root,
        [walk.paths[i] for i in order],
        np.array(walk.sizes, np.int64)[order],
        np.array(walk.mtimes, np.int64)[order],
        walk.droppings,
        tuple(sorted(walk.problems, key=lambda p: (p.where, p.kind))),
    )


class _Walk:
    """The state of one walk over a tree."""

    def __init__(self, root: Path, exclude: set[str], on_progress: Progress | None) -> None:
        self.root, self.exclude, self.on_progress = root, exclude, on_progress
        self.paths: list[str] = []
        self.sizes: list[int] = []
        self.mtimes: list[int] = []
        self.problems: list[Problem] = []
        self.droppings: Counter[str] = Counter()
        self.seen: set[tuple[int, int]] = set()
        self.linked: list[tuple[str, str]] = []

    def run(self) -> None:
        self._check_root()
        # Real folders first: a link to one of them, whatever its name sorts like, is then known as a second way.
        self._descend("", os.fspath(self.root))
        while self.linked:
            waiting, self.linked = sorted(self.linked), []
            for prefix, folder in waiting:
                self._descend(prefix + "/", folder)

    def _check_root(self) -> None:
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
        waiting = [(prefix, folder)]
        while waiting:
            prefix, folder = waiting.pop()
            try:
                with _opened(folder) as place:
                    status = os.stat(place)
                    # a file system that has no inodes says 0 for all
                    key = (status.st_dev, status.st_ino or hash(os.path.realpath(folder)))
                    if key in self.seen:  # real folders are met once, so a link has led here
                        self._problem("link", prefix[:-1], "leads to a folder that is listed already: not listed twice")
                        continue
                    self.seen.add(key)
                    with os.scandir(place) as entries:
                        waiting.extend(self._files(prefix, folder, list(entries)))
            except OSError as error:
                self._problem("unreadable", prefix[:-1], f"this folder cannot be listed ({error.strerror})")
            if self.on_progress:
                self.on_progress(len(self.paths))

    def _files(self, prefix: str, folder: str, entries: list[os.DirEntry[str]]) -> list[tuple[str, str]]:
        """Take the files of one folder; return its folders."""
        folders = []
        add_path, add_size, add_mtime = self.paths.append, self.sizes.append, self.mtimes.append
        for entry in entries:
            name = entry.name
            if (name[0] in _SUSPECT or "-checkpoint." in name) and self._is_dropping(name):
                continue
            path = prefix + name
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append((path + "/", f"{folder}/{name}"))
                    continue
                status = entry.stat()  # follows a link: a linked sample counts as its target
            except OSError as error:
                self._unusable(entry, path, error)
                continue
            if status.st_mode & _FILE_TYPE != stat.S_IFREG:
                self._not_a_file(path, f"{folder}/{name}", status.st_mode)
            elif not path.isascii() and not _is_text(path):
                self._problem("name", path, "the name is not valid UTF-8; rename the file")
            elif path not in self.exclude:
                add_path(path)
                add_size(status.st_size)
                add_mtime(status.st_mtime_ns)
        return folders

    def _is_dropping(self, name: str) -> bool:
        if name.startswith(_OURS):
            return True
        if not _DROPPING.fullmatch(name):
            return False
        self.droppings[name if name[0] != "." or name == ".DS_Store" else ".*"] += 1
        return True

    def _not_a_file(self, path: str, place: str, mode: int) -> None:
        if stat.S_ISDIR(mode):
            self.linked.append((path, place))
        else:
            self._problem("special", path, "not a file but a FIFO, socket or device: left alone")

    def _unusable(self, entry: os.DirEntry[str], path: str, error: OSError) -> None:
        if entry.is_symlink():
            self._problem("link", path, f"a link that leads nowhere ({error.strerror})")
        else:
            self._problem("vanished", path, f"it was there and then could not be looked at ({error.strerror})")

    def _problem(self, kind: ProblemKind, where: str, message: str) -> None:
        self.problems.append(Problem(kind, printable(where) or ".", message))


@contextmanager
def _opened(folder: str) -> Iterator[str | int]:
    """A folder by its handle where the system has such: looking at its files then walks no path again and again."""
    if os.scandir not in os.supports_fd:
        yield folder
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
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
