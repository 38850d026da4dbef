"""What a filter calls: Arrow's functions over columns, joined. Each part knows how to be computed, and none is before all are known."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

Work = Callable[[pa.Table], Any]
"""Columns → an Arrow array, or a scalar where no column is asked."""


def _of_numbers(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A function that also takes a whole number beside a fraction. Arrow refuses those beyond 2⁵³, and times in ns are."""

    def alike(left: Any, right: Any) -> Any:
        if pa.types.is_floating(left.type) != pa.types.is_floating(right.type):
            left, right = as_fraction(left), as_fraction(right)
        return function(left, right)

    return alike


def as_fraction(number: Any) -> Any:
    """Floating-point numbers: the nearest ones, as in NumPy and pandas."""
    return number.cast(pa.float64(), safe=False)


COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: _of_numbers(pc.equal),
    ast.NotEq: _of_numbers(pc.not_equal),
    ast.Lt: _of_numbers(pc.less),
    ast.LtE: _of_numbers(pc.less_equal),
    ast.Gt: _of_numbers(pc.greater),
    ast.GtE: _of_numbers(pc.greater_equal),
}
ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: _of_numbers(pc.add_checked),
    ast.Sub: _of_numbers(pc.subtract_checked),
    ast.Mult: _of_numbers(pc.multiply_checked),
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
    """Division that rounds down, as Python's; Arrow's rounds towards 0, and fractions not at all."""
    if pa.types.is_floating(number.type):
        return pc.floor(pc.divide(number, float(by)))
    down = pc.divide(pc.subtract_checked(pc.if_else(pc.less(number, 0), number, 0), by - 1), by)
    return pc.if_else(pc.less(number, 0), down, pc.divide(number, by))


def remainder(number: Any, by: int) -> Any:
    """What that division leaves: from 0 to by - 1."""
    return pc.subtract_checked(number, ARITHMETIC[ast.Mult](floored(number, by), pa.scalar(by)))
