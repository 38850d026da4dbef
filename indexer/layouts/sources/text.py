"""Lists and tables in plain text: words, columns apart by blanks or a sign, CSV and TSV."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv

from indexer.errors import AnnotationError, names_told
from indexer.layouts.language.annotation import Annotation
from indexer.layouts.sources.words import shown
from indexer.sample_file import opened

_ODD_SEPARATORS = ("\0", "\r", "\n")
_ODD_BLANKS = tuple(c for c in map(chr, range(0x3001)) if c.isspace() and c not in " \r\n")
_OF_HOST_NAMES = ("punycode", "idna")
"""Encodings of a line at most: Python decodes them in the square of the length, a megabyte in minutes."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def bytes_of(path: Path) -> bytes:
    """The bytes of a list of the dataset.

    Raises:
        AnnotationError: It cannot be read.
    """
    try:
        with opened(os.path.realpath(path)) as file:  # whatever has come to its place since: a FIFO would be waited for
            return file.read()
    except OSError as error:
        raise AnnotationError(f"{path}: this list of the dataset cannot be read ({error.strerror})") from None


def text_of(path: Path, encoding: str) -> str:
    """The text of a list; a byte order mark knows better than the layout.

    Raises:
        AnnotationError: It cannot be read, or is not in this encoding.
    """
    return decoded(bytes_of(path), encoding, path)


def decoded(content: bytes, encoding: str, path: Path) -> str:
    """Bytes as text.

    Raises:
        AnnotationError: They are not in this encoding, or nobody knows it.
    """
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), encoding)
    try:
        if codecs.lookup(encoding).name in _OF_HOST_NAMES:
            raise LookupError(encoding)
        return content.decode(encoding)
    except UnicodeError as error:  # codecs of host names and the like know no place
        name = "UTF-8" if encoding == "utf-8" else encoding
        where = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise AnnotationError(f"{path}: not {name} text{where}; convert it, or repair the file") from None
    except (LookupError, ValueError):
        raise AnnotationError(
            f"{path}: unknown encoding {encoding!r:.80}; Python's codecs have names such as gb18030"
        ) from None


def lines_of(text: str) -> list[str]:
    """Lines, whatever ends them; form feeds and the like are part of a line."""
    return re.split(r"\r\n|\r|\n", text) if "\r" in text else text.split("\n")


def from_values(name: str, text: str, skip: int) -> dict[str, list[Any]]:
    """Words apart by blanks, commas or line ends."""
    text = "\n".join(lines_of(text)[skip:]) if skip else text
    return {name: text.replace(",", " ").split()}


def from_columns(annotation: Annotation, text: str, path: Path) -> dict[str, Any]:
    """Columns apart by blanks, the first of which may hold blanks itself: paths do. Or apart by a separator.

    Raises:
        AnnotationError: A line has not as many.
    """
    names, separator = tuple(annotation.columns), annotation.separator
    quick = _at_once(names, separator or " ", annotation.skip, text)
    if quick is not None:
        return quick
    size, rows = len(names), []
    for number, line in enumerate(lines_of(text), 1):
        if number <= annotation.skip or not line.strip():
            continue
        # a tab at the end separates an empty column, if tabs separate
        row = (
            line.strip().rsplit(maxsplit=size - 1) if separator is None else [w.strip() for w in line.split(separator)]
        )
        if len(row) != size:
            expected = (separator or " ").join(names)
            raise AnnotationError(f"{path}, line {number}: expected {expected!r}, found {shown(line.strip())}")
        rows.append(row)
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in names}


def _at_once(names: tuple[str, ...], separator: str, skip: int, text: str) -> dict[str, Any] | None:
    """Regular columns by Arrow's reader, a hundred thousand lines in the time Python takes for a thousand.

    None where a line is not regular: a blank too many, a path that holds one, another blank than a space, which Python
    knows more of than RE2. Those are read, and told, line by line.
    """
    if len(names) < 2 or len(separator) > 1 or separator in _ODD_SEPARATORS or not separator.isascii():
        return None
    # sign by sign: that is a search in memory, a pattern for all of them takes as long as the reading itself
    if not text.strip() or any(blank in text for blank in _ODD_BLANKS if blank != separator):
        return None
    try:
        table = pa_csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pa_csv.ReadOptions(column_names=list(names), skip_rows=skip, use_threads=False),
            parse_options=pa_csv.ParseOptions(delimiter=separator, quote_char=False),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except (pa.ArrowException, UnicodeEncodeError):
        return None
    columns = {name: table[name].combine_chunks() for name in names}
    regular = all(not pc.any(pc.match_substring_regex(c, r"^\s|\s$|^$")).as_py() for c in columns.values())
    return columns if regular else None


def wanted(annotation: Annotation) -> dict[str, str]:
    """Our name of a column -> theirs."""
    columns = annotation.columns
    return {name: name for name in columns} if isinstance(columns, tuple) else dict(columns)


def from_table(annotation: Annotation, text: str, path: Path, delimiter: str) -> dict[str, list[Any]]:
    """CSV or TSV with a header.

    Raises:
        AnnotationError: It is not valid, or lacks a column.
    """
    names = wanted(annotation)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    reader = csv.reader(io.StringIO("\n".join(lines_of(text)[annotation.skip :])), strict=True, delimiter=delimiter)
    header: list[str] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        places = []
        for theirs in names.values():
            if theirs not in header:
                raise AnnotationError(f"{path}, line 1: no column {theirs!r} there; header: {names_told(header)}")
            if header.count(theirs) > 1:
                raise AnnotationError(f"{path}, line 1: the column {theirs!r} is there {header.count(theirs)} times")
            places.append(header.index(theirs))
        for row in reader:
            if any(row[len(header) :]):  # a sentence with a comma and no quotes: all that follows is displaced
                raise AnnotationError(
                    f"{path}, line {reader.line_num}: more columns than the header; header: {names_told(header)}"
                )
            if row:
                for name, place in zip(names, places, strict=True):
                    columns[name].append(row[place].strip())
    except IndexError:
        raise AnnotationError(
            f"{path}, line {reader.line_num}: fewer columns than the header; header: {names_told(header)}"
        ) from None
    except csv.Error as error:
        raise AnnotationError(f"{path}, line {reader.line_num}: not valid CSV ({error})") from None
    return columns
