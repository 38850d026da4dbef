"""A layout's lists, CSV and JSON files -> splits and captions of the samples they name.

Readers turn each style of file into columns of text; one join then finds the samples. A list that names files which
are not there is reported with counts; one that cannot be read as what it should be is an error that names the line.
"""

from __future__ import annotations

import csv
import io
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import AnnotationError, Problem
from indexer.layouts.definition import Annotation, Layout, Source
from indexer.samples import FIELDS, Samples
from indexer.scan.listing import Listing

Columns = dict[str, list[Any]]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Files:
    """The files the scan saw in the dataset's folder: nothing else is ever opened."""

    listing: Listing
    base: str
    """The dataset's folder below the listing's root: empty, or ends in `/`."""

    def path(self, name: str) -> Path | None:
        """Where a file of the dataset is, if it is there."""
        paths, name = self.listing.paths, self.base + name
        at = bisect_left(paths, name)
        return self.listing.root / name if at < len(paths) and paths[at] == name else None


def annotate(layout: Layout, samples: Samples, files: Files) -> tuple[list[str], list[Problem]]:
    """Read every annotation of a layout and mark the samples.

    Args:
        layout: Whose annotations.
        samples: Changed in place; paths relative to the dataset's folder.
        files: Where the lists lie.

    Returns:
        The files that were read, and what is wrong with them.

    Raises:
        AnnotationError: A file is malformed.
    """
    used: list[str] = []
    problems: list[Problem] = []
    documents: dict[Path, Any] = {}  # one JSON file may be read for several lists
    for annotation in layout.annotation:
        for values in annotation.rounds():
            names = [_fill(name, values) for name in annotation.files()]
            name, path = next(((n, p) for n in names if (p := files.path(n))), ("", None))
            if path is not None:
                used.append(name)
                columns = _read(annotation, path, problems, name, documents)
                problems += _join(layout, annotation, columns, samples, name, values)
            elif not annotation.optional:
                lost = "captions" if annotation.split is None else "splits"
                problems.append(
                    Problem(
                        "annotation-missing", " or ".join(names), f"not in the tree: the {lost} it tells are unknown"
                    )
                )
    return list(dict.fromkeys(used)), problems


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


# ----------------------------------------------------------------------------------------------------- reading


def _read(
    annotation: Annotation, path: Path, problems: list[Problem], where: str, documents: dict[Path, Any]
) -> Columns:
    if annotation.format == "json":
        if path not in documents:
            documents[path] = _json_document(path)
        return _from_json(annotation, documents[path], path, problems, where)
    text = _text(path)
    names = tuple(annotation.columns)
    if annotation.format == "values":
        return {names[0]: text.replace(",", " ").split()}
    if annotation.format == "csv":
        return _from_csv(annotation, text, path)
    return _from_lines(names, text, path)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise AnnotationError(f"{path}: this list of the dataset cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: not UTF-8 text (byte {error.start}); convert it, or repair the file") from None


def _json_document(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        raise AnnotationError(f"{path}: not valid JSON ({error}); was the download cut off?") from None


def _from_lines(names: Sequence[str], text: str, path: Path) -> Columns:
    """Blank-separated columns. The first may hold blanks itself: paths do."""
    rows = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.strip():
            row = line.strip().rsplit(maxsplit=len(names) - 1)
            if len(row) != len(names):
                raise AnnotationError(f"{path}, line {number}: expected {' '.join(names)!r}, found {line.strip()!r}")
            rows.append(row)
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _from_csv(annotation: Annotation, text: str, path: Path) -> Columns:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    wanted = _wanted(annotation)
    columns: Columns = {name: [] for name in wanted}
    try:
        for row in reader:
            for name, theirs in wanted.items():
                if row.get(theirs) is None:
                    found = ", ".join(reader.fieldnames or ())
                    raise AnnotationError(
                        f"{path}, line {reader.line_num}: no column {theirs!r} there; header: {found}"
                    )
                columns[name].append(row[theirs])
    except csv.Error as error:
        raise AnnotationError(f"{path}, line {reader.line_num}: not valid CSV ({error})") from None
    return columns


def _wanted(annotation: Annotation) -> dict[str, str]:
    columns = annotation.columns
    return {name: name for name in columns} if isinstance(columns, tuple) else dict(columns)


def _from_json(annotation: Annotation, document: Any, path: Path, problems: list[Problem], where: str) -> Columns:
    wanted = _wanted(annotation)
    columns: Columns = {name: [] for name in wanted}
    for place, entries in _lists(annotation, document, path, problems, where):
        for number, entry in enumerate(entries):
            row = _entry(annotation, entry, wanted)
            if row is None or row.get(annotation.join) is None:
                expected = list(wanted.values()) if isinstance(annotation.columns, tuple) else sorted(wanted.values())
                raise AnnotationError(
                    f"{path}, {place} entry {number}: expected {expected}, found {json.dumps(entry)[:80]}"
                )
            for name in wanted:
                columns[name].append(row.get(name))
    return columns


def _lists(
    annotation: Annotation, document: Any, path: Path, problems: list[Problem], where: str
) -> Iterable[tuple[str, list[Any]]]:
    if not annotation.at:
        if not isinstance(document, list):
            raise AnnotationError(f"{path}: expected a list, found {_kind(document)}")
        yield "top level,", document
        return
    if not isinstance(document, dict):
        raise AnnotationError(f"{path}: expected an object with {', '.join(annotation.at)}, found {_kind(document)}")
    for key in annotation.at:
        entries = document.get(key)
        if entries is None:
            problems.append(Problem("annotation-missing", where, f"has no list {key!r}"))
        elif not isinstance(entries, list):
            raise AnnotationError(f"{path}: {key!r} should be a list, found {_kind(entries)}")
        else:
            yield f"{key!r},", entries


def _entry(annotation: Annotation, entry: Any, wanted: dict[str, str]) -> dict[str, Any] | None:
    if isinstance(annotation.columns, tuple):
        if not isinstance(entry, list) or len(entry) != len(wanted):
            return None
        return dict(zip(wanted, entry, strict=True))
    return {name: entry.get(theirs) for name, theirs in wanted.items()} if isinstance(entry, dict) else None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null"}
    return names.get(type(value), f"the value {value!r}")


# ----------------------------------------------------------------------------------------------------- joining


def _join(
    layout: Layout, annotation: Annotation, columns: Columns, samples: Samples, where: str, values: dict[str, str]
) -> list[Problem]:
    entries, rows = _matching(*_comparable(annotation, _as_text(columns[annotation.join], where), samples))
    listed = columns[annotation.join]
    problems = []
    missed = np.ones(len(listed), bool)
    missed[entries] = False
    missing = np.flatnonzero(missed)
    if len(missing):
        what = "identities" if annotation.join == "identity" else "files"
        problems.append(
            Problem(
                "listed-missing", where,
                f"{len(missing):,} of {len(listed):,} listed {what} are not in the tree (first: {listed[int(missing[0])]})",
                count=len(missing),
            )
        )  # fmt: skip
    for name in FIELDS:
        if name in columns and name != annotation.join:
            words = _as_text(columns[name], where).take(pa.array(entries))
            _tell(layout, samples, name, rows, words.to_pylist())
    if "caption" in columns:
        captions = [columns["caption"][i] for i in entries]
        told = [i for i, c in enumerate(captions) if c not in (None, "", [])]
        samples.add_captions(rows[told].tolist(), [_sentences(captions[i], where) for i in told])
    if annotation.split is not None:
        for names, chosen in _splits(layout, annotation, columns, entries, rows, samples, values, where):
            if annotation.reach == "identity":
                chosen = _whole_identities(samples, chosen)
            samples.splits.mark(chosen, names)
    return problems


def _comparable(annotation: Annotation, listed: pa.Array, samples: Samples) -> tuple[pa.Array, pa.Array]:
    """What a list names and what the samples are called, in one spelling."""
    if annotation.join == "identity":
        encoded = samples.fields["identity"].dictionary_encode()
        labels = encoded.dictionary
        if annotation.numeric:
            listed, labels = (pc.replace_substring_regex(v, r"^0+(\d)", r"\1") for v in (listed, labels))
        return listed, labels.take(encoded.indices)
    listed = pc.replace_substring_regex(pc.replace_substring(listed, "\\", "/"), r"^(?:\./)+", "")
    listed = pc.binary_join_element_wise(listed, annotation.suffix, "")
    if annotation.join == "name":
        return listed, pc.replace_substring_regex(samples.path, r"^.*/", "")
    return pc.binary_join_element_wise(annotation.below, listed, "/") if annotation.below else listed, samples.path


def _matching(listed: pa.Array, key: pa.Array) -> tuple[Rows, Rows]:
    """All pairs (entry of the list, row of the samples) with equal text: either may hold it several times."""
    words = pc.unique(listed)
    row_word = pc.index_in(key, value_set=words)
    rows = np.flatnonzero(row_word.is_valid().to_numpy(zero_copy_only=False))
    word_of_row = row_word.drop_null().to_numpy()
    by_word = np.argsort(word_of_row, kind="stable")
    first, last = (np.searchsorted(word_of_row[by_word], np.arange(len(words)), side=s) for s in ("left", "right"))
    word_of_entry = pc.index_in(listed, value_set=words).to_numpy()
    many = (last - first)[word_of_entry]
    entries = np.repeat(np.arange(len(listed)), many)
    within = np.arange(len(entries)) - np.repeat(np.cumsum(many) - many, many)
    return entries, rows[by_word[first[word_of_entry[entries]] + within]]


def _as_text(values: list[Any], where: str) -> pa.Array:
    """Words of a file as Arrow text. Numbers are words here; lists and halves of characters are not."""
    for number, value in enumerate(values):
        if not isinstance(value, (str, int, float, type(None))):
            raise AnnotationError(f"{where}, entry {number}: expected a word, found {json.dumps(value)[:80]}")
    try:
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    except UnicodeEncodeError:
        raise AnnotationError(f"{where}: holds text that is not valid Unicode; repair the file") from None


def _tell(layout: Layout, samples: Samples, field: str, rows: Rows, words: list[Any]) -> None:
    """Set a field of the samples at `rows`; what the file leaves open stays as the rules told it."""
    known = [i for i, word in enumerate(words) if word]
    ours = {word: layout.standard_value(field, word, {})[0] for word in {words[i] for i in known}}
    values = samples.fields[field].to_pylist()
    for i in known:
        values[rows[i]] = ours[words[i]]
    samples.fields[field] = pa.array(values, pa.string())


def _sentences(value: Any, where: str) -> list[str]:
    sentences = [value] if isinstance(value, str) else value
    if not isinstance(sentences, list) or not all(isinstance(s, str) for s in sentences):
        raise AnnotationError(f"{where}: a caption should be text or a list of texts, found {json.dumps(value)[:80]}")
    _as_text(sentences, where)
    return sentences


def _splits(
    layout: Layout,
    annotation: Annotation,
    columns: Columns,
    entries: Rows,
    rows: Rows,
    samples: Samples,
    values: dict[str, str],
    where: str,
) -> Iterable[tuple[tuple[str, ...], Rows]]:
    """Split names, and the rows they are for."""
    split = annotation.split
    if not isinstance(split, Source):
        yield tuple(layout.standard_value("split", _fill(str(split), values), {})), rows
        return
    if split.group in columns:
        told = _as_text(columns[split.group], where).take(pa.array(entries))
    else:
        told = samples.fields[split.group].take(pa.array(rows))
    if not len(told):
        return
    encoded = told.dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy()
    by_word = np.argsort(codes, kind="stable")
    chosen_rows = np.split(rows[by_word], np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))[:-1])
    for word, chosen in zip(encoded.dictionary.to_pylist(), chosen_rows, strict=True):
        own = split.values
        if split.otherwise is not None and word not in own:
            word, own = split.otherwise, {}
        if word:
            names = layout.standard_value("split", word, own)
            yield tuple(_fill(name, values) for name in names), chosen


def _whole_identities(samples: Samples, rows: Rows) -> Rows:
    keys = samples.identity_keys()
    return np.flatnonzero(
        pc.is_in(keys, value_set=keys.take(pa.array(rows)).drop_null()).to_numpy(zero_copy_only=False)
    )
