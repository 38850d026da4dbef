"""A comparison → one JSON object, and the table that carries a head's rows over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv

from indexer.comparison.changes import Comparison, WordChanges, told
from indexer.comparison.identities import People
from indexer.index_file import IndexFile
from indexer.schema import modality_mask
from indexer.vocabulary import TEXT

_MOST_LETTERS: Final = 80
HEAD_COLUMNS: Final = "old_pid,new_pid,identity"


def as_json(found: Comparison) -> dict[str, Any]:
    """The comparison as one JSON object (docs/cli.md). Of two datasets that have little in common only the counts."""
    old, new, pairs, named = found.old, found.new, found.matching, not found.other_dataset
    moved = np.flatnonzero(pairs.moved)
    people = found.identities
    return {
        "schema": 1,
        "old": _index(old, found.people[0]),
        "new": _index(new, found.people[1]),
        "changed": not found.nothing,
        "same_batches": found.same_batches,
        "other_dataset": found.other_dataset,
        "samples": {
            "shared": len(pairs.old),
            "counted": pairs.counted,
            "added": {"count": len(pairs.added), "paths": paths(new, pairs.added) if named else None},
            "removed": {"count": len(pairs.removed), "paths": paths(old, pairs.removed) if named else None},
            "moved": {
                "count": len(moved),
                "paths": [
                    {"old": a, "new": b}
                    for a, b in zip(paths(old, pairs.old[moved]), paths(new, pairs.new[moved]), strict=True)
                ]
                if named
                else None,
            },
            "relabelled": {
                "count": len(found.relabelled_samples),
                "fields": {name: len(at) for name, at in found.relabelled.items()},
                "samples": relabelled(found) if named else None,
            },
            "rewritten": {
                "count": len(found.rewritten),
                "resized": len(found.resized),
                "paths": paths(new, pairs.new[found.rewritten]) if named else None,
            },
        },
        "identities": {
            "added": list(people.added),
            "removed": list(people.removed),
            "renamed": [{"old": a, "new": b} for a, b in people.renamed],
            "merged": [{"old": list(parts), "new": one} for parts, one in people.merged],
            "split": [{"old": one, "new": list(parts)} for one, parts in people.split],
            "renumbered": len(people.renumbered),
        },
        "modalities": _words(found.modalities),
        "splits": _words(found.splits),
        "views": _words(found.views),
        "query_sets": _words(found.query_sets),
        "settings": list(found.settings),
        "head": {
            "before": found.head.before,
            "after": found.head.after,
            "fits": found.head.fits,
            "kept": found.head.kept,
            "moved": len(found.head.moved),
            "new": len(found.head.new),
            "gone": len(found.head.gone),
            "advice": found.head.advice(),
        },
    }


def paths(index: IndexFile, rows: Any) -> list[str]:
    """The paths at some rows."""
    found: list[str] = index.take(["path"], rows)["path"].to_pylist() if len(rows) else []
    return found


def named(index: IndexFile, rows: Any) -> list[str]:
    """For people: the paths, and of samples that are a part of their file which part: box, or what they say."""
    found = paths(index, rows)
    text = modality_mask([TEXT], index.metadata.modalities) if TEXT in index.metadata.modalities else 0
    says: list[Any] = told(index, "captions", rows) if text and len(rows) else [None] * len(found)
    only_text = (index.integers("modalities").take(rows) == text).tolist()
    boxes: list[Any] = told(index, "box", rows) if index.has("box") and len(rows) else [None] * len(found)
    for at, path in enumerate(found):
        if boxes[at] is not None:
            found[at] = f"{path} {boxes[at]}"
        elif only_text[at] and says[at]:
            found[at] = f"{path}: {' '.join(says[at])[:_MOST_LETTERS]}"
    return found


def relabelled(found: Comparison, most: int | None = None) -> list[dict[str, Any]]:
    """Of each sample that is told otherwise: `path` (the new one) and `changes`, field → `old` and `new`."""
    at = found.relabelled_samples[:most]
    rows = {"old": found.matching.old, "new": found.matching.new}
    samples: list[dict[str, Any]] = [{"path": path, "changes": {}} for path in paths(found.new, rows["new"][at])]
    for field, changed in found.relabelled.items():
        here = np.isin(at, changed)
        before, after = (told(i, field, rows[k][at[here]]) for k, i in (("old", found.old), ("new", found.new)))
        for number, a, b in zip(np.flatnonzero(here).tolist(), before, after, strict=True):
            samples[number]["changes"][field] = {"old": a, "new": b}
    return samples


def head_table(found: Comparison) -> Iterator[bytes]:
    """CSV: `old_pid,new_pid,identity` of every class of training that the two share, by new number.

    Classes that are new are not in it: their rows have nothing to come from.
    """
    links = found.head.links[np.argsort(found.head.links[:, 1], kind="stable")]
    names = found.people[1].names
    out = pa.BufferOutputStream()
    columns = {"old_pid": links[:, 0], "new_pid": links[:, 1], "identity": [names[y] for y in links[:, 1].tolist()]}
    csv.write_csv(pa.table(columns), out, csv.WriteOptions(include_header=False))
    yield (HEAD_COLUMNS + "\n").encode()
    yield out.getvalue().to_pybytes()


def _index(index: IndexFile, people: People) -> dict[str, Any]:
    metadata = index.metadata
    return {
        "index": str(index.path),
        "digest": metadata.digest,
        "layout": metadata.layout,
        "samples": metadata.samples,
        "identities": len(people.pids),
    }


def _words(changes: WordChanges) -> dict[str, Any]:
    return {
        "added": list(changes.added),
        "removed": list(changes.removed),
        "renumbered": list(changes.renumbered),
    }
