"""A list of the dataset -> the entries that count: found, read, and narrowed as its annotation says.

`only`, `entries` and `where` choose some, `runs` lays out those that stand for many lines, `parse` takes words apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc

from indexer.errors import AnnotationError, Problem, ProblemKind
from indexer.layouts.files import Files
from indexer.layouts.language.annotation import Annotation, Format, Numbers, Runs
from indexer.layouts.language.parts import Pattern, as_tuple, filled, span_of
from indexer.layouts.sources import Documents, Entries, read, read_numbers, whole_number
from indexer.layouts.sources.text import lines_of, text_of
from indexer.layouts.sources.words import as_list, shown, spelt, words_of
from indexer.samples import FIELDS

MOST_LAID_OUT: Final = 20_000_000
"""Lines that the runs of one list may stand for together: seven times the frames of the largest dataset of videos. Runs that all
stand for the whole list would be millions of millions."""


def size_of(entries: Entries) -> int:
    """How many entries there are."""
    return len(next(iter(entries.values()), []))


@dataclass(frozen=True)
class Lists:
    """The files of one annotation in one of its rounds."""

    annotation: Annotation
    values: dict[str, str]
    """What stands for the slots of `each`."""
    files: Files
    documents: Documents
    used: list[str]
    """Names of the files that were read: more are added."""
    problems: list[Problem]
    """Likewise."""

    def found(
        self, names: Sequence[str], format_of: Callable[[str], Format | None]
    ) -> tuple[str, Path | None, Format | None]:
        """The first of several files that is there."""
        for name in (filled(n, self.values) for n in names):
            path = self.files.path(name)
            if path is not None:
                return name, path, format_of(name)
        return "", None, None

    def read(self, name: str, path: Path, kind: Format) -> tuple[Entries, list[str]]:
        """The entries of a file, and the places in it that are not there."""
        self.used.append(name)
        places = tuple(filled(place, self.values) for place in self.annotation.places())
        annotation = self.annotation.model_copy(update={"at": places}) if self.values and places else self.annotation
        return read(annotation, path, kind, self.documents)

    def narrowed(self, entries: Entries, name: str, path: Path, kind: Format) -> Entries:
        """Only the entries that count, and for those that stand for runs of lines, an entry a line. In place."""
        annotation, size = self.annotation, size_of(entries)
        if not (annotation.entries or annotation.only or annotation.where or annotation.runs or annotation.parse):
            return entries
        entries.update({column: as_list(values) for column, values in entries.items()})
        chosen = list(range(size))
        if annotation.entries is not None:
            first, last = span_of(annotation.entries)
            chosen = chosen[first - 1 : last]
            if size and not chosen:
                self.problem("annotation-missing", name, f"has {size:,} entries, and none of {annotation.entries}")
        if annotation.only is not None:
            chosen = self._chosen(annotation.only, name, path, kind, size)
        for column, words in annotation.where.items():
            chosen = [i for i in chosen if spelt(entries[column][i]) in as_tuple(words)]
        if len(chosen) < size or annotation.only is not None:
            entries.update({column: [values[i] for i in chosen] for column, values in entries.items()})
        if annotation.runs is not None:
            self._lay_out(annotation.runs, entries, name)
        for column, pattern in annotation.parse.items():
            _take_apart(entries, column, pattern, name)
        return entries

    def _chosen(self, only: Numbers, name: str, path: Path, kind: Format, size: int) -> list[int]:
        at = filled(only.at, self.values) if only.at is not None else None
        if only.file is not None:
            name, found, kind_found = self.found(as_tuple(only.file), self.annotation.format_of_numbers)
            if found is None or kind_found is None:
                self.missing([filled(n, self.values) for n in as_tuple(only.file)])
                return []
            path, kind = found, kind_found
            self.used.append(name)
        told = dict.fromkeys(read_numbers(path, kind, at, self.documents))  # a number twice chooses an entry once
        numbers = [number - only.base for number in told]
        beyond = next((n for n in numbers if not 0 <= n < size), None)
        if beyond is not None:
            raise AnnotationError(
                f"{path}: chooses entry {beyond + only.base:,}, counted from {only.base}; there are {size:,}"
            )
        return numbers

    def _lay_out(self, runs: Runs, entries: Entries, name: str) -> None:
        list_name, path, _ = self.found(as_tuple(runs.file), lambda n: "values")
        if path is None:
            self.missing([filled(n, self.values) for n in as_tuple(runs.file)])
            entries.update({column: [] for column in (*entries, "line")})
            return
        self.used.append(list_name)
        lines = [line.strip() for line in lines_of(text_of(path, self.annotation.encoding)) if line.strip()]
        bounds, total = [], 0
        for number, (first, last) in enumerate(zip(entries[runs.first], entries[runs.last], strict=True)):
            where = f"{name}, entry {number}"
            a, b = whole_number(first, where) - runs.base, whole_number(last, where) - runs.base
            if not 0 <= a <= b < len(lines):
                raise AnnotationError(
                    f"{where}: stands for lines {shown(first)} to {shown(last)} of {list_name}, which has {len(lines):,}"
                )
            bounds.append((a, b + 1))
            total += b + 1 - a
            if total > MOST_LAID_OUT:
                raise AnnotationError(
                    f"{where}: the runs up to it stand for {total:,} lines of {list_name}, which has {len(lines):,}; "
                    f"at most {MOST_LAID_OUT:,} are laid out"
                )
        entries.update(
            {
                column: [v for v, (a, b) in zip(values, bounds, strict=True) for _ in range(a, b)]
                for column, values in list(entries.items())
            }
        )
        entries["line"] = [lines[i] for a, b in bounds for i in range(a, b)]

    def missing(self, names: Sequence[str]) -> None:
        """None of these files is there."""
        columns = self.annotation.columns
        fields = [c for c in columns if c in FIELDS and c != self.annotation.join]
        lost = (
            "boxes" if self.annotation.tells_boxes() else "captions" if "caption" in columns else " and ".join(fields)
        )
        lost = "splits" if self.annotation.split is not None else lost or "facts"
        self.problem("annotation-missing", " or ".join(names), f"not in the tree: the {lost} it tells are unknown")

    def problem(self, kind: ProblemKind, where: str, message: str, count: int = 1) -> None:
        """Something small is wrong."""
        self.problems.append(Problem(kind, where, message, count))


def _take_apart(entries: Entries, column: str, pattern: Pattern, name: str) -> None:
    """The groups of a pattern in the words of a column, as columns."""
    words = words_of(entries[column], name)
    groups = pc.extract_regex(words, pattern.regex)
    odd = np.flatnonzero(groups.is_null().to_numpy(zero_copy_only=False))
    if len(odd):
        word = entries[column][int(odd[0])]
        raise AnnotationError(f"{name}, entry {int(odd[0])}: expected {pattern.text:.200}, found {shown(word)}")
    for group in pattern.groups:
        entries[group] = groups.field(group).to_pylist()
