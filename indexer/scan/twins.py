"""Paths of a tree -> those that another system takes for one: a copy there loses all but one, without a word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import Problem

_MOST_NAMED: Final = 5


def twins(paths: pa.Array) -> Iterator[Problem]:
    """Paths that differ only in case, or in how their letters are composed (é as one sign or as two).

    Args:
        paths: Of files, each once.
    """
    if pc.all(pc.string_is_ascii(paths)).as_py():
        alike = pc.ascii_lower(paths)
        if alike.equals(paths):  # as most trees have it
            return
    else:
        alike = pc.utf8_normalize(pc.utf8_lower(paths), "NFC")
    if pc.count_distinct(alike).as_py() == len(paths):
        return
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key, path in zip(alike.to_pylist(), paths.to_pylist(), strict=True):
        groups[key].append(path)
    several = sorted(sorted(names) for names in groups.values() if len(names) > 1)
    for first, *others in several[:_MOST_NAMED]:
        told = f"macOS and Windows take it and {ascii(others[0])[1:-1]} for one file: a copy there loses one"
        yield Problem("name", ascii(first)[1:-1], told, 1 + len(others))
    if len(several) > _MOST_NAMED:
        rest = sum(map(len, several[_MOST_NAMED:]))
        yield Problem("name", "and others", f"{rest:,} more files whose names macOS and Windows take for one", rest)
