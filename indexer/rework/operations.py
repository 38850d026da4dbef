"""What a filter calls: Arrow's functions over columns, joined. Each part knows how to be computed, and none is before all are known."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

Work = Callable[[pa.Table], Any]
"""Columns → an Arrow array, or a scalar where no column is asked."""

COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}
ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: pc.add_checked,
    ast.Sub: pc.subtract_checked,
    ast.Mult: pc.multiply_checked,
}
TEXT_FUNCTIONS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "startswith": lambda text, word: pc.starts_with(text, pattern=word),
    "endswith": lambda text, word: pc.ends_with(text, pattern=word),
    "contains": lambda text, word: pc.match_substring(text, pattern=word),
    "matches": lambda text, word: pc.match_substring_regex(text, pattern=word),
}


def done(function: Callable[..., Any], *parts: Work) -> Work:
    """A function of what the parts give."""
    return lambda table: function(*(part(table) for part in parts))


def same(value: object) -> Work:
    """For every sample the same."""
    scalar = pa.scalar(value)
    return lambda table: scalar


def balanced(join: Callable[[Any, Any], Any], parts: Sequence[Work]) -> Work:
    """One part of many, nested no deeper than it must be."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return done(join, balanced(join, parts[:middle]), balanced(join, parts[middle:]))


def floored(number: Any, by: int) -> Any:
    """Division that rounds down, as Python's; Arrow's rounds towards 0."""
    down = pc.divide(pc.subtract_checked(pc.if_else(pc.less(number, 0), number, 0), by - 1), by)
    return pc.if_else(pc.less(number, 0), down, pc.divide(number, by))


def remainder(number: Any, by: int) -> Any:
    """What that division leaves: from 0 to by - 1."""
    return pc.subtract_checked(number, pc.multiply_checked(floored(number, by), by))
