"""Values as readers find them -> words."""

from __future__ import annotations

import json
import math
from reprlib import Repr
from typing import Any, Final

import pyarrow as pa

from indexer.errors import AnnotationError


def words_of(values: Any, where: str) -> pa.Array:
    """Values of a list as Arrow text. Numbers are words here; lists and halves of characters are not.

    Raises:
        AnnotationError: A value is no word.
    """
    if isinstance(values, pa.Array):
        return values
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, TypeError, UnicodeError):
        pass  # not all of them are text yet
    for number, value in enumerate(values):
        if not isinstance(value, (str, int, float, type(None))) and value != []:  # an empty cell of MATLAB's
            raise AnnotationError(f"{where}, entry {number}: expected a word, found {shown(value)}")
    try:
        return pa.array([spelt(v) for v in values], pa.string())
    except UnicodeEncodeError:
        raise AnnotationError(f"{where}: holds text that is not valid Unicode; repair the file") from None


def sentences_of(value: Any, where: str) -> list[str]:
    """What a cell of captions says: one sentence or several.

    Raises:
        AnnotationError: It is neither.
    """
    sentences = [value] if isinstance(value, str) else value
    if not isinstance(sentences, list) or not all(isinstance(s, str) for s in sentences):
        raise AnnotationError(f"{where}: a caption should be text or a list of texts, found {shown(value)}")
    words_of(sentences, where)
    return sentences


def as_list(values: Any) -> list[Any]:
    """A column as a list, whatever a reader gave."""
    return values.to_pylist() if isinstance(values, pa.Array) else list(values)


def spelt(value: Any) -> str | None:
    """A number as a label: 479.0, of a matrix that holds fractions elsewhere, is `479`; no number (NaN) is none."""
    if isinstance(value, float):
        return None if not math.isfinite(value) else str(int(value)) if value.is_integer() else str(value)
    return json.dumps(value) if isinstance(value, bool) else None if value is None or value == [] else str(value)


def shown(value: object) -> str:
    """A value of a file as a message tells it: in a few words, however large or deep it is."""
    return _SHORT.repr(value)[:_LONGEST]


_LONGEST: Final = 80
_SHORT: Final = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = _LONGEST - 2
_SHORT.maxlevel = 3
