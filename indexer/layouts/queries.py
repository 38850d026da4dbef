"""`[[queries]]` -> which samples belong to which query, where a benchmark asks with several items at once.

A sentence that asks for somebody is no file: it becomes a sample of its own, which lies in the document that holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import AnnotationError, Problem, names_told
from indexer.layouts.files import Files
from indexer.layouts.language.layout import Layout
from indexer.layouts.language.parts import filled
from indexer.layouts.language.queries import Queries
from indexer.layouts.sources.documents import json_document, kind_of
from indexer.layouts.sources.text import text_of
from indexer.layouts.sources.words import shown
from indexer.samples import FIELDS, Samples
from indexer.schema import QuerySet
from indexer.vocabulary import TEXT, standard_modality

_Query = tuple[str, list[str], Any, list[Any]]
"""Set, what its items are, label (None: hidden), items."""


def add_queries(layout: Layout, samples: Samples, files: Files) -> tuple[Samples, list[str], list[Problem]]:
    """Read the query lists of a layout.

    Returns:
        The samples with the sentences added and `queries` filled in, the files that were read, and what is wrong.

    Raises:
        AnnotationError: A file is not what the layout says.
    """
    used: list[str] = []
    problems: list[Problem] = []
    for queries in layout.queries:
        path = files.path(queries.file)
        if path is None:
            if not queries.optional:
                message = "not in the tree: the queries it tells are unknown"
                problems.append(Problem("annotation-missing", queries.file, message))
            continue
        used.append(queries.file)
        document = json_document(text_of(path, "utf-8"), path)
        whom = _labels(queries, document, samples, path)
        try:
            gathered = _Gathered(queries, samples, whom, str(path))
            for query in _listed(queries, document, str(path)):
                gathered.add(query)
            samples = gathered.samples_with_queries(layout, queries.file)
        except UnicodeEncodeError:
            raise AnnotationError(f"{path}: holds text that is not valid Unicode; repair the file") from None
        if gathered.lost:
            message = f"{len(gathered.lost):,} queries name files that are not in the tree (first: {names_told(gathered.lost[:1])})"
            problems.append(Problem("listed-missing", queries.file, message, len(gathered.lost)))
    return samples, used, problems


def _listed(queries: Queries, document: Any, where: str) -> Iterator[_Query]:
    """The queries, set by set."""
    if queries.set_key is None:
        if not isinstance(document, dict):
            raise AnnotationError(f"{where}: expected an object of query sets, found {kind_of(document)}")
        items = _items_of(queries, document)
        for name in items:
            entries = document[name]
            for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
                if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[0], (str, int, type(None))):
                    raise AnnotationError(
                        f"{where}, {name!r:.80}, entry {number}: expected [label, item, …], found {shown(entry)}"
                    )
                yield name, items[name], entry[0], entry[1:]
        return
    if not isinstance(document, list):
        raise AnnotationError(f"{where}: expected a list of queries, found {kind_of(document)}")
    told: list[tuple[Any, Any]] = [
        (entry.get(queries.set_key), entry.get(queries.items_key)) if isinstance(entry, dict) else (None, None)
        for entry in document
    ]
    items = _items_of(queries, [name for name, _ in told if isinstance(name, str)])
    records: list[_Query] = []
    for number, (name, listed) in enumerate(told):
        if not isinstance(listed, list) or not isinstance(name, str) or name not in items:
            raise AnnotationError(
                f"{where}, entry {number}: expected {queries.set_key!r} and {queries.items_key!r}, found {shown(document[number])}"
            )
        records.append((name, items[name], None, listed))
    sets = {name: n for n, name in enumerate(items)}
    yield from sorted(records, key=lambda query: sets[query[0]])


def _items_of(queries: Queries, names: Iterable[str]) -> dict[str, list[str]]:
    """Of those names that are sets: what the items of each are, in order. By RE2, as all patterns."""
    names = list(dict.fromkeys(names))
    found: list[dict[str, str] | None] = pc.extract_regex(pa.array(names, pa.string()), queries.sets.regex).to_pylist()
    return {
        name: groups["items"].split(queries.separator)
        for name, groups in zip(names, found, strict=True)
        if groups is not None
    }


def _labels(queries: Queries, document: Any, samples: Samples, path: Path) -> dict[Any, int]:
    """Whom a label of the document means: a row of the samples that one of its lists gives it.

    Raises:
        AnnotationError: That list is none of pairs.
    """
    if queries.labels is None or not isinstance(document, dict):
        return {}
    row_of = {path: row for row, path in enumerate(samples.path.to_pylist())}
    listed = document.get(queries.labels)
    if not isinstance(listed, list):
        raise AnnotationError(f"{path}: expected a list {queries.labels!r} of [label, path], found {kind_of(listed)}")
    found = {}
    for number, entry in enumerate(listed):
        if not (isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, (str, int)) for part in entry)):
            raise AnnotationError(
                f"{path}, {queries.labels!r}, entry {number}: expected [label, path], found {shown(entry)}"
            )
        if entry[1] in row_of:
            found[entry[0]] = row_of[entry[1]]
    return found


@dataclass
class _Gathered:
    """What the queries seen so far make of the samples."""

    queries: Queries
    samples: Samples
    whom: dict[Any, int]
    """A row of whom each label means."""
    where: str
    sets: dict[str, list[int]] = field(default_factory=dict)
    """Set → the numbers of its first query and of the one after its last."""
    lost: list[str] = field(default_factory=list)
    """An item of each query that names a file which is not there."""

    def __post_init__(self) -> None:
        self._row_of = {path: row for row, path in enumerate(self.samples.path.to_pylist())}
        self._sentences: dict[tuple[Any, str], int] = {}
        self._members: list[list[int]] = [[] for _ in range(len(self.samples))]
        self._number = max((one.last for one in self.samples.query_sets), default=0)

    def add(self, query: _Query) -> None:
        """One more query. One whose files are not all there is no query."""
        name, words, label, items = query
        if len(items) != len(words) or not all(isinstance(item, (str, int)) and item != "" for item in items):
            raise AnnotationError(f"{self.where}, {name!r:.80}: expected {names_told(words)}, found {shown(items)}")
        if name in {one.name for one in self.samples.query_sets}:
            raise AnnotationError(f"{self.where}, {name!r:.80}: another list of queries has a set of this name")
        span = self.sets.setdefault(name, [self._number, self._number])
        is_text = [standard_modality(word) == TEXT for word in words]
        paths = [filled(self.queries.path, {"item": str(item)}) for item in items]
        lost = [path for path, text in zip(paths, is_text, strict=True) if not text and path not in self._row_of]
        if lost:
            self.lost.append(lost[0])
            return
        for path, item, text in zip(paths, items, is_text, strict=True):
            row = self._sentence(label, str(item)) if text else self._row_of[path]
            self._members[row].append(self._number)
        self._number += 1
        span[1] = self._number

    def _sentence(self, label: Any, sentence: str) -> int:
        """The row of a sentence about somebody: one for all queries that say it."""
        key = (label, sentence)
        if key not in self._sentences:
            self._sentences[key] = len(self._members)
            self._members.append([])
        return self._sentences[key]

    def samples_with_queries(self, layout: Layout, file: str) -> Samples:
        """The samples, the sentences among them, in path order."""
        before, more = len(self.samples), len(self._sentences)
        samples = self.samples.take(np.r_[np.arange(before), np.zeros(more, np.int64)])
        new = np.arange(before, before + more)
        keep = pa.array(np.arange(before + more) < before)
        whom = pa.array([self.whom.get(label) for label, _ in self._sentences], pa.int64())
        told = {name: self.samples.fields[name].take(whom).to_pylist() for name in ("identity", "scope")}
        told["modality"] = [TEXT] * more
        for name in FIELDS:
            own = pa.array([*[None] * before, *told.get(name, [None] * more)], pa.string())
            samples.fields[name] = pc.if_else(keep, samples.fields[name], own)
        samples.path = pc.if_else(keep, samples.path, file)
        if samples.group is not None:
            samples.group = pc.if_else(keep, samples.group, pa.scalar(None, pa.string()))
        for column in (samples.size, samples.mtime_ns):
            column[new] = -1
        if samples.captions:
            samples.captions[before:] = [None] * more
        sentences = pa.array([sentence for _, sentence in self._sentences], pa.string())  # text, or an error
        samples.add_captions(new.tolist(), [[sentence] for sentence in sentences.to_pylist()])
        samples.splits.clear(new)
        samples.splits.mark(new, layout.standard_value("split", self.queries.split, {}))
        earlier = self.samples.queries or [[] for _ in range(before)]
        samples.queries = [
            [*old, *mine] for old, mine in zip([*earlier, *([] for _ in range(more))], self._members, strict=True)
        ]
        sets = [QuerySet(self.queries.prefix + name, first, last) for name, (first, last) in self.sets.items()]
        samples.query_sets = (*self.samples.query_sets, *sets)
        order = np.argsort(np.array(samples.path.to_pylist(), object), kind="stable")
        return samples.take(order)
