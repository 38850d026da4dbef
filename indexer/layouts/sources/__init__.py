"""Files of a dataset that tell about its samples -> columns of words, one file a style.

`read` is the door: it knows which reader a format has. Every reader gives the same: column name -> one value an entry.
"""

from __future__ import annotations

from pathlib import Path

from indexer.errors import AnnotationError
from indexer.layouts.language.annotation import Annotation, Format
from indexer.layouts.sources.documents import Entries, from_document, json_document, json_lines
from indexer.layouts.sources.markup import from_xml
from indexer.layouts.sources.matlab import matlab_document
from indexer.layouts.sources.text import from_columns, from_table, from_values, text_of
from indexer.layouts.sources.words import shown

__all__ = ["Documents", "Entries", "read", "read_numbers", "whole_number"]


class Documents:
    """Documents that were read: one file may be asked for several lists."""

    def __init__(self) -> None:
        """None yet."""
        self._read: dict[tuple[Path, str], object] = {}

    def forget(self) -> None:
        """Let go of them all."""
        self._read.clear()

    def of(self, path: Path, kind: Format, encoding: str) -> object:
        """The document in a JSON, JSON lines or MATLAB file."""
        if (path, kind) not in self._read:
            if kind == "mat":
                self._read[path, kind] = matlab_document(path)
            else:
                reader = json_document if kind == "json" else json_lines
                self._read[path, kind] = reader(text_of(path, encoding), path)
        return self._read[path, kind]


def read(annotation: Annotation, path: Path, kind: Format, documents: Documents) -> tuple[Entries, list[str]]:
    """The entries of an annotation's file, and the places in it that are not there.

    Raises:
        AnnotationError: The file is malformed, or does not hold what the layout says.
    """
    if kind in ("json", "jsonl", "mat"):
        document = documents.of(path, kind, annotation.encoding)
        return from_document(annotation, document, path, single=kind == "mat")
    if kind == "xml":
        return from_xml(annotation, path)
    text = text_of(path, annotation.encoding)
    if kind == "values":
        return from_values(next(iter(annotation.columns)), text, annotation.skip), []
    if kind == "columns":
        return from_columns(annotation, text, path), []
    return from_table(annotation, text, path, "\t" if kind == "tsv" else annotation.separator or ","), []


def read_numbers(path: Path, kind: Format, at: str | None, documents: Documents) -> list[int]:
    """A list of whole numbers: of a text, or at a place in a document.

    Raises:
        AnnotationError: It holds something else.
    """
    numbers = Annotation.model_validate(
        {"file": "numbers", "format": kind, "columns": ["path"], "join": "path", **({"at": at} if at else {})}
    )
    entries, lacking = read(numbers, path, kind, documents)
    if lacking:
        raise AnnotationError(f"{path}: has no {lacking[0]!r}")
    return [whole_number(value, f"{path}, entry {number}") for number, value in enumerate(entries["path"], 1)]


def whole_number(value: object, where: str) -> int:
    """A whole number, as `9`, 9.0 or `9.000e+00`: NumPy and MATLAB write them so.

    Raises:
        AnnotationError: It is none.
    """
    try:
        number = float(str(value))
        if number.is_integer():
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise AnnotationError(f"{where}: expected a whole number, found {shown(value)}")
