"""`[[queries]]` -> which samples belong to which query, where a benchmark asks with several items at once.

A sentence that asks for somebody is no file: it becomes a sample of its own, which lies in the document that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import AnnotationError, Problem
from indexer.layouts.annotations import Files
from indexer.layouts.language.layout import Layout
from indexer.layouts.language.parts import filled
from indexer.layouts.language.queries import Queries
from indexer.layouts.sources.documents import json_document, kind_of
from indexer.layouts.sources.text import text_of
from indexer.samples import FIELDS, Samples
from indexer.schema import QuerySet
from indexer.vocabulary import TEXT, standard_modality

_Query = tuple[str, Any, list[Any]]
"""Set, label (None: hidden), items."""


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
            problems.append(
                Problem("annotation-missing", queries.file, "not in the tree: the queries it tells are unknown")
            )
            continue
        used.append(queries.file)
        document = json_document(text_of(path, "utf-8"), path)
        whom = _labels(queries, document, samples)
        gathered = _Gathered(queries, samples, whom)
        for query in _listed(queries, document, str(path)):
            gathered.add(query)
        samples = gathered.samples_with_queries(layout, queries.file)
        if gathered.lost:
            message = f"{len(gathered.lost):,} queries name files that are not in the tree (first: {gathered.lost[0]})"
            problems.append(Problem("listed-missing", queries.file, message, len(gathered.lost)))
    return samples, used, problems


def _listed(queries: Queries, document: Any, where: str) -> Iterator[_Query]:
    """The queries, set by set."""
    is_set = re.compile(queries.sets.regex).fullmatch
    if queries.set_key is None:
        if not isinstance(document, dict):
            raise AnnotationError(f"{where}: expected an object of query sets, found {kind_of(document)}")
        for name, entries in document.items():
            if is_set(name):
                for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
                    if not isinstance(entry, list) or len(entry) < 2:
                        raise AnnotationError(
                            f"{where}, {name!r}, entry {number}: expected [label, item, …], found {entry!r:.80}"
                        )
                    yield name, entry[0], entry[1:]
        return
    if not isinstance(document, list):
        raise AnnotationError(f"{where}: expected a list of queries, found {kind_of(document)}")
    records: list[_Query] = []
    for number, entry in enumerate(document):
        name, items = (
            (entry.get(queries.set_key), entry.get(queries.items_key)) if isinstance(entry, dict) else (None, None)
        )
        if not isinstance(name, str) or not isinstance(items, list) or not is_set(name):
            raise AnnotationError(
                f"{where}, entry {number}: expected {queries.set_key!r} and {queries.items_key!r}, found {entry!r:.80}"
            )
        records.append((name, None, items))
    sets = {name: n for n, name in enumerate(dict.fromkeys(name for name, _, _ in records))}
    yield from sorted(records, key=lambda query: sets[query[0]])


def _labels(queries: Queries, document: Any, samples: Samples) -> dict[Any, str]:
    """Whom a label of the document means: the identity of the samples that one of its lists gives it."""
    if queries.labels is None or not isinstance(document, dict):
        return {}
    row_of = {path: row for row, path in enumerate(samples.path.to_pylist())}
    identity = samples.fields["identity"].to_pylist()
    listed = [entry for entry in document.get(queries.labels) or () if isinstance(entry, list) and len(entry) == 2]
    return {label: identity[row_of[path]] for label, path in listed if path in row_of}


@dataclass
class _Gathered:
    """What the queries seen so far make of the samples."""

    queries: Queries
    samples: Samples
    whom: dict[Any, str]
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
        name, label, items = query
        found = re.compile(self.queries.sets.regex).fullmatch(name)
        words = (found["items"] if found else name).split(self.queries.separator)
        span = self.sets.setdefault(name, [self._number, self._number])
        rows = []
        for word, item in zip(words, items, strict=False):
            if standard_modality(word) == TEXT:
                rows.append(self._sentence(label, str(item)))
                continue
            path = filled(self.queries.path, {"item": str(item)})
            if path not in self._row_of:
                self.lost.append(path)
                return
            rows.append(self._row_of[path])
        for row in rows:
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
        labels = [self.whom.get(label) for label, _ in self._sentences]
        told: dict[str, list[str | None]] = {"identity": labels, "modality": [TEXT] * more}
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
        samples.add_captions(new.tolist(), [[sentence] for _, sentence in self._sentences])
        samples.splits.clear(new)
        samples.splits.mark(new, layout.standard_value("split", self.queries.split, {}))
        earlier = self.samples.queries or [[] for _ in range(before)]
        samples.queries = [
            [*old, *mine] for old, mine in zip([*earlier, *([] for _ in range(more))], self._members, strict=True)
        ]
        sets = [QuerySet(name, first, last) for name, (first, last) in self.sets.items()]
        samples.query_sets = (*self.samples.query_sets, *sets)
        order = np.argsort(np.array(samples.path.to_pylist(), object), kind="stable")
        return samples.take(order)
