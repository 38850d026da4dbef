"""A user's own table of samples -> samples: CSV, JSON lines or Parquet, for trees no pattern can describe.

Columns `path` and `identity`, and where they are known: modality, camera, split, caption, view, tracklet, frame,
clothes, source, role, scope, and `group` (samples of one group are one aligned set). Paths are relative to the
dataset folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import LayoutFileError, Problem, did_you_mean
from indexer.layouts.reading import Reading
from indexer.layouts.rules import is_image
from indexer.samples import FIELDS, Samples, SplitMarks, no_text
from indexer.scan.listing import Listing, printable
from indexer.schema import UNKNOWN
from indexer.vocabulary import standard_modality, standard_split

SUFFIXES: Final = (".csv", ".jsonl", ".parquet")
_COLUMNS: Final = ("path", *FIELDS, "split", "caption", "group")
_SYNONYMS: Final = {
    "captions": "caption",
    "file_name": "path",
    "file_path": "path",
    "camid": "camera",
    "pid": "identity",
}


def is_manifest(layout: str) -> bool:
    """Whether a `--layout` value names a manifest and not a layout."""
    return layout.lower().endswith(SUFFIXES)


def read_manifest(file: Path, root: Path, listing: Listing | None) -> Reading:
    """The samples that a manifest lists.

    Args:
        file: The manifest.
        root: The folder its paths are relative to.
        listing: The files that are really there; None to take the manifest's word for it.

    Raises:
        LayoutFileError: It cannot be read, lacks a column, or has a value that cannot be.
    """
    table = _load(file)
    if not len(table):
        raise LayoutFileError(f"{file}: lists no samples, only the names of its columns")
    path = _text(table, "path", file)
    if path.null_count or pc.any(pc.equal(path, "")).as_py():
        row = int(np.flatnonzero(pc.fill_null(pc.equal(path, ""), True).to_numpy(zero_copy_only=False))[0])
        raise LayoutFileError(f"{file}, row {row + 1}: no path")
    path = pc.replace_substring(path, "\\", "/")
    _refuse_escapes(path, file)
    # a/./b and a//b are a/b
    path = pc.utf8_ltrim(pc.replace_substring_regex(path, r"(?:^|/)(?:\./+)+|/{2,}", "/"), "/")
    order = pc.sort_indices(path)
    path, table = path.take(order), table.take(order)
    twice = np.flatnonzero(pc.equal(path.slice(1), path.slice(0, len(path) - 1)).to_numpy(zero_copy_only=False))
    if len(twice):
        raise LayoutFileError(f"{file}: {path[int(twice[0])].as_py()!r} is listed twice; a sample has one row")
    size, mtime = np.full(len(path), UNKNOWN, np.int64), np.full(len(path), UNKNOWN, np.int64)
    problems: list[Problem] = []
    unmatched: list[str] = []
    if listing is not None:
        there = listing.arrow
        found = pc.index_in(path, value_set=there)
        keep = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
        if len(keep) < len(path):
            lost = int(np.flatnonzero(found.is_null().to_numpy(zero_copy_only=False))[0])
            problems.append(Problem(
                "listed-missing", str(file),
                f"{len(path) - len(keep):,} of {len(path):,} listed files are not in {root} (first: {path[lost].as_py()}): not indexed; "
                "--trust indexes them all the same", count=len(path) - len(keep),
            ))  # fmt: skip
        rows = found.drop_null().to_numpy().astype(np.int64)
        path, table = path.take(pa.array(keep)), table.take(pa.array(keep))
        size, mtime = listing.sizes[rows], listing.mtimes_ns[rows]
        others = np.setdiff1d(np.flatnonzero(is_image(listing.folded)), rows)
        unmatched = there.take(pa.array(others)).to_pylist()
    if not len(path):
        raise LayoutFileError(f"{file}: none of the files it lists is in {root}; its paths are relative to that folder")
    fields = {name: _text(table, name, file) if name in table.column_names else no_text(len(path)) for name in FIELDS}
    fields["modality"] = _modalities(fields["modality"], file)
    group = _text(table, "group", file) if "group" in table.column_names else None
    samples = Samples(path, fields, SplitMarks(len(path)), size, mtime, group)
    if "split" in table.column_names:
        _mark_splits(samples, _text(table, "split", file))
    if "caption" in table.column_names:
        _add_captions(samples, table["caption"].to_pylist(), file)
    return Reading(samples, unmatched=unmatched, problems=problems)


def _load(file: Path) -> pa.Table:
    # imported here: a build from a layout needs none of the three
    from pyarrow import csv, parquet

    suffix = file.suffix.lower()
    try:
        if not file.is_file():
            raise LayoutFileError(f"{file}: a manifest file was expected there")
        if suffix == ".csv":
            with file.open("rb") as head:
                header = head.readline().decode("utf-8-sig").strip().split(",")
            as_text = csv.ConvertOptions(
                column_types={name.strip('"'): pa.string() for name in header},
                strings_can_be_null=True,
                null_values=[""],
            )
            table = csv.read_csv(file, convert_options=as_text)
        elif suffix == ".jsonl":
            table = _json_lines(file)
        else:
            table = parquet.read_table(file)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise LayoutFileError(f"{file}: this manifest cannot be read ({what})") from None
    names = [_SYNONYMS.get(name, name) for name in table.column_names]
    for name in ("path", "identity"):
        if name not in names:
            raise LayoutFileError(
                f"{file}: a manifest needs a column {name!r}, in lower case, comma-separated; found: {', '.join(table.column_names)}"
            )
    for name, given in zip(names, table.column_names, strict=True):
        if names.count(name) > 1:
            raise LayoutFileError(f"{file}: column {name!r} is given twice")
        if name not in _COLUMNS:
            raise LayoutFileError(f"{file}: unknown column {given!r}; {did_you_mean(given, _COLUMNS)}")
    return table.rename_columns(names)


def _json_lines(file: Path) -> pa.Table:
    """By Python's reader: Arrow's takes a label that looks like a date for one."""
    records = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").split("\n"), 1):
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise LayoutFileError(f"{file}, line {number}: not valid JSON ({error})") from None
            if not isinstance(record, dict):
                raise LayoutFileError(f"{file}, line {number}: expected an object, found {line[:60]}")
            records.append(record)
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: [record.get(name) for record in records] for name in names}
    for name, values in columns.items():
        if _SYNONYMS.get(name, name) != "caption":
            for number, value in enumerate(values, 1):
                if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
                    raise LayoutFileError(
                        f"{file}, record {number}: {name!r} should be text or a whole number, found {value!r}"
                    )
            columns[name] = [None if value is None else str(value) for value in values]
        else:
            columns[name] = [[value] if isinstance(value, str) else value for value in values]
    try:
        return pa.table(columns)
    except UnicodeEncodeError:
        raise LayoutFileError(f"{file}: holds text that is not valid Unicode; repair it") from None
    except (pa.ArrowException, TypeError):
        raise LayoutFileError(f"{file}: a caption should be text or a list of texts") from None


def _text(table: pa.Table, name: str, file: Path) -> pa.Array:
    values = table[name]
    if pa.types.is_floating(values.type):
        raise LayoutFileError(
            f"{file}: column {name!r} holds {values.type} numbers; write labels as text or whole numbers"
        )
    try:
        text = values.cast(pa.string()).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise LayoutFileError(f"{file}: column {name!r} should hold text, found {values.type}") from None
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text) if name != "path" else text


def _refuse_escapes(path: pa.Array, file: Path) -> None:
    """A path leads to a file below the root, never elsewhere."""
    outside = pc.match_substring_regex(path, r"^(?:/|[A-Za-z]:)|(?:^|/)\.\.(?:/|$)").to_numpy(zero_copy_only=False)
    if outside.any():
        bad = path[int(np.flatnonzero(outside)[0])].as_py()
        raise LayoutFileError(
            f"{file}: {printable(bad)!r} leads out of the dataset; paths are relative to its folder, without '..'"
        )


def _modalities(words: pa.Array, file: Path) -> pa.Array:
    encoded = words.dictionary_encode()
    standard = [standard_modality(word) for word in encoded.dictionary.to_pylist()]
    for word, name in zip(encoded.dictionary.to_pylist(), standard, strict=True):
        if name is None:
            raise LayoutFileError(f"{file}: {word!r} cannot name a modality; use a plain word such as rgb, nir, sketch")
    return pa.array(standard, pa.string()).take(encoded.indices)


def _mark_splits(samples: Samples, words: pa.Array) -> None:
    """`query+gallery` puts a sample into both."""
    encoded = words.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    for code, word in enumerate(encoded.dictionary.to_pylist()):
        samples.splits.mark(np.flatnonzero(codes == code), [standard_split(w) for w in word.split("+") if w.strip()])


def _add_captions(samples: Samples, values: list[Any], file: Path) -> None:
    told = [row for row, value in enumerate(values) if value]
    sentences = [[v] if isinstance(v, str) else v for v in (values[row] for row in told)]
    for row, s in zip(told, sentences, strict=True):
        if not isinstance(s, list) or not all(isinstance(x, str) for x in s):
            raise LayoutFileError(
                f"{file}: the caption of {samples.path[row].as_py()!r} should be text or a list of texts"
            )
    samples.add_captions(told, sentences)
