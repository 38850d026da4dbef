"""A user's own table of samples -> samples: CSV, JSON lines or Parquet, for trees no pattern can describe.

Columns `path` and `identity`, and where they are known: modality, camera, split, caption, view, tracklet, frame,
clothes, source, role, scope, and `group` (samples of one group are one aligned set). Paths are relative to the
dataset folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import LayoutFileError, Problem, did_you_mean, names_told
from indexer.layouts.reading import Reading
from indexer.layouts.rules import is_image
from indexer.layouts.sources.documents import read_json, why_not_json
from indexer.layouts.sources.words import shown
from indexer.samples import FIELDS, Samples, SplitMarks, no_text
from indexer.scan.listing import Listing, printable
from indexer.schema import UNKNOWN
from indexer.vocabulary import standard_modality, standard_split

SUFFIXES: Final = (".csv", ".jsonl", ".parquet")
_COLUMNS: Final = ("path", *FIELDS, "split", "caption", "group")
_LIMITS: Final = {"thrift_string_size_limit": 1 << 26, "thrift_container_size_limit": 1 << 20}
_PIECE: Final = 1 << 14
_LEAST_BOUND: Final = 1 << 30
_MOST_UNPACKED: Final = 100
"""What a Parquet file may unpack to: a gigabyte, or a hundred times its own size. Paths in order shrink to a twentieth."""
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
    folder = np.flatnonzero(pc.match_substring_regex(path, r"^$|(?:^|/)\.?$").to_numpy(zero_copy_only=False))
    if len(folder):
        raise LayoutFileError(
            f"{file}, row {int(folder[0]) + 1}: the path of a file was expected, found that of a folder"
        )
    order = pc.sort_indices(path)
    path, table = path.take(order), table.take(order)
    twice = np.flatnonzero(pc.equal(path.slice(1), path.slice(0, len(path) - 1)).to_numpy(zero_copy_only=False))
    if len(twice):
        raise LayoutFileError(f"{file}: {path[int(twice[0])].as_py()!r:.200} is listed twice; a sample has one row")
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
                f"{len(path) - len(keep):,} of {len(path):,} listed files are not in {root} (first: {printable(path[lost].as_py()):.200}): not indexed; "
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
    from pyarrow import csv

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
            table = csv.read_csv(file, csv.ReadOptions(use_threads=False), convert_options=as_text)
        elif suffix == ".jsonl":
            table = _json_lines(file)
        else:
            table = _parquet(file)
        return table.rename_columns(_our_names(table.column_names, file))
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or names_told([str(error)])
        raise LayoutFileError(f"{file}: this manifest cannot be read ({what})") from None


def _our_names(given: list[str], file: Path) -> list[str]:
    names = [_SYNONYMS.get(name, name) for name in given]
    for name in ("path", "identity"):
        if name not in names:
            raise LayoutFileError(
                f"{file}: a manifest needs a column {name!r}, in lower case, comma-separated; found: {names_told(given)}"
            )
    for name, theirs in zip(names, given, strict=True):
        if names.count(name) > 1:
            raise LayoutFileError(f"{file}: column {name!r:.80} is given twice")
        if name not in _COLUMNS:
            raise LayoutFileError(f"{file}: unknown column {theirs!r:.80}; {did_you_mean(theirs, _COLUMNS)}")
    return names


def _parquet(file: Path) -> pa.Table:
    """A Parquet file, in pieces: a few bytes of it may stand for gigabytes, which are not read to the end.

    Texts stay as words of a dictionary until they are counted, or one long text for all rows would be there as often.
    """
    from pyarrow import parquet

    plain = parquet.ParquetFile(file, **_LIMITS)
    names = plain.schema_arrow.names
    _our_names(names, file)  # before anything is read
    texts = [field.name for field in plain.schema_arrow if _is_text(field.type)]
    most = max(_LEAST_BOUND, _MOST_UNPACKED * file.stat().st_size)
    pieces, size = [], 0
    for piece in parquet.ParquetFile(file, read_dictionary=texts, **_LIMITS).iter_batches(_PIECE, use_threads=False):
        size += sum(_unpacked(column) for column in piece.columns)
        if size > most:
            raise LayoutFileError(
                f"{file}: more than {most:,} bytes of text in a file of {file.stat().st_size:,}; write it without such repetitions"
            )
        pieces.append(piece)
    table = pa.Table.from_batches(pieces) if pieces else plain.schema_arrow.empty_table()
    table = table.cast(pa.schema([(name, _without_dictionary(table.schema.field(name).type)) for name in names]))
    table.validate(full=True)  # that texts are text: Parquet's readers take a writer's word for it
    return table


def _unpacked(column: pa.Array) -> int:
    """Bytes that a column takes without its dictionary."""
    if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
        lengths = pc.binary_length(column.dictionary)
        return 8 * len(column) + (pc.sum(lengths.take(column.indices)).as_py() or 0)
    return int(column.nbytes)


def _without_dictionary(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _json_lines(file: Path) -> pa.Table:
    """By Python's reader: Arrow's takes a label that looks like a date for one."""
    records = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").split("\n"), 1):
        if line.strip():
            try:
                record = read_json(line)
            except (ValueError, RecursionError) as error:
                raise LayoutFileError(f"{file}, line {number}: not valid JSON ({why_not_json(error)})") from None
            if not isinstance(record, dict):
                raise LayoutFileError(f"{file}, line {number}: expected an object, found {shown(record)}")
            records.append(record)
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: [record.get(name) for record in records] for name in names}
    for name, values in columns.items():
        if _SYNONYMS.get(name, name) != "caption":
            for number, value in enumerate(values, 1):
                if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
                    raise LayoutFileError(
                        f"{file}, record {number}: {name!r} should be text or a whole number, found {shown(value)}"
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


_OUTSIDE: Final = r"^(?:/|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://)|(?:^|/)\.\.(?:/|$)|\x00"
"""Absolute, of a drive, of the net, climbing; a zero byte ends a name for the system, and not for us."""


def _refuse_escapes(path: pa.Array, file: Path) -> None:
    """A path leads to a file below the root, never elsewhere."""
    outside = pc.match_substring_regex(path, _OUTSIDE).to_numpy(zero_copy_only=False)
    if outside.any():
        bad = path[int(np.flatnonzero(outside)[0])].as_py()
        raise LayoutFileError(
            f"{file}: {printable(bad)!r:.200} leads out of the dataset; paths are relative to its folder, without '..'"
        )


def _modalities(words: pa.Array, file: Path) -> pa.Array:
    encoded = words.dictionary_encode()
    standard = [standard_modality(word) for word in encoded.dictionary.to_pylist()]
    for word, name in zip(encoded.dictionary.to_pylist(), standard, strict=True):
        if name is None:
            raise LayoutFileError(
                f"{file}: {word!r:.80} cannot name a modality; use a plain word such as rgb, nir, sketch"
            )
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
                f"{file}: the caption of {samples.path[row].as_py()!r:.200} should be text or a list of texts"
            )
    samples.add_captions(told, sentences)
