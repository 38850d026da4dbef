"""Nested documents (JSON, JSON lines, MATLAB) -> entries: a path leads to where they are, names say what of each is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from indexer.errors import AnnotationError, names_told
from indexer.layouts.language.annotation import Annotation
from indexer.layouts.language.parts import slots
from indexer.layouts.sources.text import lines_of, wanted
from indexer.layouts.sources.words import shown

Entries = dict[str, Any]
"""Column → one value an entry: a list, or an Arrow array of words where a reader gives one at once."""
_ABSENT: Any = object()


def read_json(text: str) -> Any:
    """A JSON value. An object that tells one thing twice is refused: a reader that takes the last makes the other vanish.

    Raises:
        ValueError: It is none, or has such an object.
        RecursionError: Its values lie too deep within each other.
    """
    return json.loads(text, object_pairs_hook=_of_different_keys)


def _of_different_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice!r:.80} is there twice in one object")
    return found


def json_document(text: str, path: Path) -> Any:
    """A JSON file.

    Raises:
        AnnotationError: It is none.
    """
    try:
        return read_json(text)
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{path}: not valid JSON ({why_not_json(error)}); was the download cut off?") from None


def why_not_json(error: Exception) -> str:
    """Why a text is no JSON, in a few words."""
    if isinstance(error, RecursionError):
        return "lists or objects lie too deep within each other"
    digits = "integer string conversion" in str(error)
    return "a number of thousands of digits" if digits else str(error)


def json_lines(text: str, path: Path) -> list[Any]:
    """A file of one JSON value a line.

    Raises:
        AnnotationError: A line is none.
    """
    found = []
    for number, line in enumerate(lines_of(text), 1):
        if line.strip():
            try:
                found.append(read_json(line))
            except (ValueError, RecursionError) as error:
                raise AnnotationError(f"{path}, line {number}: not valid JSON ({why_not_json(error)})") from None
    return found


def from_document(
    annotation: Annotation, document: Any, path: Path, *, single: bool = False
) -> tuple[Entries, list[str]]:
    """The entries of an annotation in a document, and those of its places that are not there.

    Args:
        annotation: Where they are, and what of them is told.
        document: As nested lists and dicts.
        path: For messages.
        single: A lone object or number is a list of one: MATLAB knows no difference.

    Raises:
        AnnotationError: Something else is there than the layout says.
    """
    names = wanted(annotation)
    columns: Entries = {name: [] for name in (*names, *annotation.captured())}
    if not annotation.places() and isinstance(document, dict) and set(names.values()) & set(document):
        return _parallel(document, names, path, single=single), []
    tables = {key: _by_id(document, table, path) for key, table in annotation.lookup.items()}
    lacking = []
    for place in annotation.places() or ("",):
        if place and not isinstance(document, (dict, list)):
            raise AnnotationError(f"{path}: expected an object with {place}, found {kind_of(document)}")
        found = next(filter(None, (list(_walk(document, _steps(one), {}, {})) for one in place.split("|"))), [])
        for captured, scope, entries in found:
            # under a key that became a column an object is an entry of its own
            if not isinstance(entries, list) and (single or (isinstance(entries, dict) and place.endswith("}"))):
                entries = [entries]
            if not isinstance(entries, list):
                where = f"{place!r} should be a list" if place else "expected a list"
                raise AnnotationError(f"{path}: {where}, found {kind_of(entries)}")
            told = f"{place!r}," if place else "top level,"
            for number, entry in enumerate(_rows(entries, len(names))):
                row = _row(annotation, entry, names, scope, tables)
                if row is None:
                    expected = list(names.values()) if isinstance(annotation.columns, tuple) else sorted(names.values())
                    raise AnnotationError(f"{path}, {told} entry {number}: expected {expected}, found {shown(entry)}")
                for name, value in (captured | row).items():
                    columns[name].append(value)
        if not found:
            lacking.append(place)
    return columns, lacking


def _steps(place: str) -> list[str]:
    return place.split(".") if place else []


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null"}
    other = f"the value {shown(value)}" if isinstance(value, (int, float)) else f"a {type(value).__name__}"
    return names.get(type(value), other)


def _parallel(document: dict[str, Any], names: Mapping[str, str], path: Path, *, single: bool) -> Entries:
    """Lists beside each other, one value of each an entry."""
    columns: Entries = {}
    for name, theirs in names.items():
        values = document.get(theirs)
        if single and isinstance(values, (str, int, float)):
            values = [values]
        if not isinstance(values, list):
            found = names_told(document) or "nothing"
            raise AnnotationError(f"{path}: expected a list {theirs!r}, found {kind_of(values)}; it holds {found}")
        columns[name] = values
    if len({len(values) for values in columns.values()}) > 1:
        sizes = ", ".join(f"{theirs} {len(columns[name])}" for name, theirs in names.items())
        raise AnnotationError(f"{path}: lists that belong together differ in length: {sizes}")
    return columns


def _by_id(document: Any, table: str, path: Path) -> dict[Any, Any]:
    entries = document.get(table) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise AnnotationError(f"{path}: expected a list {table!r}, found {kind_of(entries)}")
    return {entry["id"]: entry for entry in entries if isinstance(entry, dict) and _names(entry.get("id"))}


def _names(value: Any) -> bool:
    """Whether a value can be a number or a word that names something: lists and objects cannot."""
    return isinstance(value, (str, int, float))


def _walk(
    node: Any, steps: Sequence[str], captured: dict[str, str], scope: dict[str, Any]
) -> Iterator[tuple[dict[str, str], dict[str, Any], Any]]:
    """Everything that a path leads to, with the keys it captured and the plain values it passed by."""
    if isinstance(node, list) and len(node) == 1 and steps and isinstance(node[0], dict) and not _of_list(steps[0]):
        node = node[0]  # a MATLAB structure is an array of one
    if isinstance(node, dict):
        scope = {**scope, **{k: v for k, v in node.items() if not isinstance(v, (dict, list))}}
    if not steps:
        yield captured, scope, node
        return
    step, *rest = steps
    if name := slots(step):
        for key, value in node.items() if isinstance(node, dict) else ():
            yield from _walk(value, rest, {**captured, name[0]: key}, scope)
    elif step == "*":
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from _walk(value, rest, captured, scope)
    elif step.isdecimal() and isinstance(node, list):
        if 1 <= int(step) <= len(node):
            yield from _walk(node[int(step) - 1], rest, captured, scope)
    elif isinstance(node, dict) and node.get(step) is not None:
        yield from _walk(node[step], rest, captured, scope)


def _of_list(step: str) -> bool:
    return step == "*" or step.isdecimal()


def _rows(entries: list[Any], width: int) -> list[Any]:
    """The entries; a matrix of a single row has come as a flat list."""
    flat = width > 1 and len(entries) == width and not any(isinstance(e, (list, dict, str)) for e in entries)
    return [entries] if flat else entries


def _row(
    annotation: Annotation, entry: Any, names: Mapping[str, str], scope: Mapping[str, Any], tables: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What an entry tells: our column -> value; None where it is of another shape."""
    if isinstance(entry, dict):
        if tables:
            known = {key: table.get(number) for key, table in tables.items() if _names(number := entry.get(key))}
            entry = {**entry, **dict.fromkeys(tables), **known}
        row = {name: _inner(entry, theirs, scope) for name, theirs in names.items()}
        needed = [n for key in annotation.spellings() for n in slots(key) if n in row]
        return None if any(row[name] is None for name in needed) else row
    if isinstance(entry, list):
        if not isinstance(annotation.columns, tuple):
            places = [int(theirs) for theirs in names.values() if theirs.isdecimal()]
            if len(places) < len(names) or not all(1 <= place <= len(entry) for place in places):
                return None
            return {name: entry[place - 1] for name, place in zip(names, places, strict=True)}
        return dict(zip(names, entry, strict=True)) if len(entry) == len(names) else None
    return {next(iter(names)): entry} if len(names) == 1 and entry is not None else None


def _inner(entry: Mapping[str, Any], theirs: str, scope: Mapping[str, Any]) -> Any:
    """A value of an entry, `image_id.file_name` one below; else of what encloses it."""
    if theirs in entry:
        return entry[theirs]
    value: Any = entry
    for step in theirs.split("."):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        value = value.get(step, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT:
            return scope.get(theirs)
    return value
