"""What can go wrong, as classes a caller can catch.

    ReidIndexError
    ├── TreeError               the dataset folder cannot be listed (empty, unreadable)
    │   └── TreeMissingError        is not there
    ├── LeadsOutError           a sample's file does not lie in the dataset folder
    ├── LayoutError             no layout fits, or several do alike
    │   └── LayoutFileError     a layout or manifest file is wrong in itself
    ├── AnnotationError         a list, JSON or CSV file that belongs to the dataset is malformed
    ├── IndexFileError          the index file
    │   ├── IndexMissingError       is not there
    │   ├── IndexVersionError       has a format this version does not read
    │   ├── IndexDamagedError       does not hold what was written
    │   └── IndexReplacedError      is another one than the one that was opened
    ├── BusyError               another process is writing the file
    ├── SettingsError           a sampler or command setting that cannot work
    │   └── NotEnoughIdentitiesError
    ├── StateError              a checkpoint's state that a sampler cannot go on from
    └── ProblemsFoundError      the work could be done, but `--strict` was asked for

Every message says which thing, what was expected, what was found, and what to do. Classes that match a built-in
exception also derive from it, so that `except FileNotFoundError` and `except ValueError` keep their meaning.

A dataset's small faults are not exceptions but `Problem`s: they are gathered, counted and reported.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

ProblemKind = Literal[
    "unreadable",  # a folder or file that the system would not let us read
    "link",  # a dangling link, a link loop, a second way to a folder already listed, or one that leads out of the dataset
    "special",  # a FIFO, socket or device: never opened
    "name",  # a name that is not valid UTF-8, a path that is too long, names that some systems take for one
    "vanished",  # listed, then gone
    "unmatched",  # a file that no rule of the layout took
    "value",  # a rule took it, but a value in the name makes no sense
    "contradiction",  # two sources disagree about one sample
    "annotation-missing",  # a list file the layout expects is not in the tree
    "listed-missing",  # a list names files that are not in the tree
    "draw",  # splits that are drawn by lot could not be
    "incomplete-set",  # an aligned set that lacks one of its modalities
    "image",  # a sample's file that was opened and could not be read
    "published",  # counts differ from the published ones
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a dataset, or one kind of fault in one place."""

    kind: ProblemKind
    where: str
    message: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class ReidIndexError(Exception):
    """The root of every error that reidindex raises on purpose."""


class TreeError(ReidIndexError):
    """The dataset folder cannot be listed."""


class TreeMissingError(TreeError, FileNotFoundError):
    """There is no such dataset folder."""


class LeadsOutError(ReidIndexError, OSError):
    """A path or link leads out of the dataset folder: nothing there is opened."""


class LayoutError(ReidIndexError, ValueError):
    """No layout, or no single layout, fits the tree."""


class LayoutFileError(LayoutError):
    """A layout or manifest file is wrong in itself."""


class AnnotationError(ReidIndexError, ValueError):
    """A list, JSON or CSV file that belongs to the dataset is malformed."""


class IndexFileError(ReidIndexError):
    """The index file cannot be used."""


class IndexMissingError(IndexFileError, FileNotFoundError):
    """There is no index file where one was expected."""


class IndexVersionError(IndexFileError):
    """The index has a format that this version does not read."""


class IndexDamagedError(IndexFileError, ValueError):
    """The file is not an index, or does not hold what was written."""


class IndexReplacedError(IndexFileError):
    """The file is another index than the one that was opened before."""


class BusyError(ReidIndexError):
    """Another process is writing the file."""


class SettingsError(ReidIndexError, ValueError):
    """A setting that cannot work."""


class NotEnoughIdentitiesError(SettingsError):
    """Fewer than P identities can serve a batch."""


class StateError(ReidIndexError, ValueError):
    """A state that a sampler cannot go on from: of another index, other settings, or no state at all."""


class ProblemsFoundError(ReidIndexError):
    """The dataset has problems and the caller asked to stop at any."""

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


_LONGEST_NAME = 120
_MOST_NAMES = 40  # every layout; not every identity of a dataset


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A half-sentence that names the nearest known word, or lists the known ones.

    >>> did_you_mean("sktech", ["rgb", "sketch"])
    "did you mean 'sketch'? known: rgb, sketch"
    """
    alike = {name.lower(): name for name in known}
    near = [alike[name] for name in get_close_matches(word.lower(), alike, n=1)]
    listing = "known: " + names_told(known)
    return f"did you mean {near[0]!r}? {listing}" if near else listing


def names_told(names: Collection[str]) -> str:
    """Names that somebody else gave, fit for a line: none is long, they are not too many, and none ends the line.

    >>> names_told(["path", "a\\nb"]), names_told(["x" * 1000])[-3:]
    ('path, a\\\\nb', 'xx…')
    """
    shown = [name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…" for name in [*names][:_MOST_NAMES]]
    shown = [name if name.isprintable() else ascii(name)[1:-1] for name in shown]
    return ", ".join(shown) + (f", … ({len(names):,})" if len(names) > _MOST_NAMES else "")
