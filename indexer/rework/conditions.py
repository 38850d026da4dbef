"""A filter's syntax tree -> a chain of Arrow's functions over columns, every type checked before any is called. Pure.

Every comparison is true or false, as in Python, never unknown: what is not told equals nothing, is neither less nor greater
than anything, and is unequal to everything.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import SettingsError, did_you_mean
from indexer.rework.facts import NULLABLE_NUMBERS, Kind
from indexer.rework.operations import (
    ARITHMETIC,
    COMPARE,
    TEXT_FUNCTIONS,
    Work,
    balanced,
    done,
    floored,
    remainder,
    same,
)
from indexer.rework.reading import Expression
from indexer.schema import UNKNOWN
from indexer.vocabulary import resolve_modality, standard_split

DEEPEST: Final = 40
"""Levels of a tree."""

_FUNCTIONS: Final = (*TEXT_FUNCTIONS, "has", "in_split")
_A: Final[dict[Kind, str]] = {"text": "text", "number": "a number", "truth": "true or false"}


@dataclass(frozen=True)
class Value:
    """A part of the expression."""

    work: Work
    """What it is for each sample."""
    kind: Kind
    column: str | None = None
    """The column that it is, if it is one."""
    literal: str | int | float | None = None
    """What it is, if the user wrote it out."""


@dataclass(frozen=True)
class Condition:
    """A whole filter."""

    work: Work
    """True for the samples that stay; never null."""
    columns: frozenset[str]
    """What it asks, as `facts.facts_table` takes it."""

    def holds(self, table: pa.Table) -> NDArray[np.bool_]:
        """For which rows it is true.

        Args:
            table: Of all `columns`.

        Raises:
            SettingsError: A sum or product is larger than any number in an index.
        """
        try:
            found = self.work(table)
        except pa.ArrowInvalid as error:
            raise SettingsError(f"filter: a sum or product becomes too large ({error})") from None
        if isinstance(found, pa.Scalar):  # no column was asked
            return np.full(table.num_rows, found.as_py(), bool)
        return np.asarray(
            found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy(), bool
        )


def compiled(text: str, kinds: Mapping[str, Kind], modalities: Sequence[str], splits: Sequence[str]) -> Condition:
    """Read a filter.

    Args:
        text: As the user wrote it.
        kinds: What can be asked, by name.
        modalities: Of the index.
        splits: Of the index.

    Raises:
        SettingsError: It cannot be read, or makes no sense for this index; the message points at the place.
    """
    compiler = _Compiler(Expression(text), kinds, modalities, splits)
    truth = compiler.truth(compiler.source.tree, 1)
    return Condition(truth, frozenset(compiler.columns))


class _Compiler:
    """One expression, part by part."""

    def __init__(
        self, source: Expression, kinds: Mapping[str, Kind], modalities: Sequence[str], splits: Sequence[str]
    ) -> None:
        self.source, self.kinds, self.modalities, self.splits = source, kinds, modalities, splits
        self.columns: set[str] = set()

    def truth(self, node: ast.expr, depth: int) -> Work:
        """A part that is true or false."""
        value = self.value(node, depth)
        if value.kind != "truth":
            example = f"{value.column} == …" if value.column else "size > 2000"
            raise self._error(
                node, f"expected something true or false, found {_A[value.kind]}; compare it, as in {example}"
            )
        return value.work

    def value(self, node: ast.expr, depth: int) -> Value:
        """Any part."""
        if depth > DEEPEST:
            raise self._error(node, f"nested more than {DEEPEST} levels deep; write it in a flatter way")
        match node:
            case ast.BoolOp():
                parts = [self.truth(part, depth + 1) for part in node.values]
                return Value(balanced(pc.and_ if isinstance(node.op, ast.And) else pc.or_, parts), "truth")
            case ast.UnaryOp(op=ast.Not()):
                return Value(done(pc.invert, self.truth(node.operand, depth + 1)), "truth")
            case ast.Compare():
                return self._comparisons(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case ast.Name():
                return self._column(node)
            case ast.Constant() | ast.UnaryOp(op=ast.USub() | ast.UAdd()) | ast.BinOp():
                return self._number_or_literal(node, depth)
            case ast.Attribute():
                method = node.attr if node.attr in TEXT_FUNCTIONS else "startswith"
                raise self._error(node, f"names have no parts; write {method}({self._words(node.value)}, '…')")
            case ast.List() | ast.Tuple() | ast.Set():
                raise self._error(node, "a list stands only after `in` or `not in`")
            case _:
                raise self._error(node, f"this is not understood; {_WHAT_IS}")

    def _column(self, node: ast.Name) -> Value:
        name = node.id
        kind = self.kinds.get(name)
        if kind is None:
            if name in (*NULLABLE_NUMBERS, "mode"):
                raise self._error(node, f"this index does not tell {name}; build it with `reidindex build --probe`")
            if name in _FUNCTIONS:
                raise self._error(node, f"{name} is asked with brackets: {_usage(name)}")
            raise self._error(node, f"no column {name!r}; {did_you_mean(name, [*self.kinds, *_FUNCTIONS])}")
        self.columns.add(name)
        return Value(lambda table: table[name], kind, column=name)

    def _number_or_literal(self, node: ast.expr, depth: int) -> Value:
        if isinstance(node, ast.Constant):
            return self._literal(node)
        if isinstance(node, ast.UnaryOp):
            value = self._number(node.operand, depth + 1)
            if isinstance(node.op, ast.UAdd):
                return value
            if value.literal is not None:
                return self._constant(node, -value.literal)  # type: ignore[operator]  # a number, as `_number` found
            return Value(done(pc.negate_checked, value.work), "number")
        assert isinstance(node, ast.BinOp)
        left, right = (self._number(side, depth + 1) for side in (node.left, node.right))
        for kind, function in ARITHMETIC.items():
            if isinstance(node.op, kind):
                return Value(done(function, left.work, right.work), "number")
        if isinstance(node.op, ast.FloorDiv | ast.Mod):
            by = right.literal
            if not isinstance(by, int) or by < 1:
                raise self._error(node.right, f"expected a whole number from 1 on, found {self._words(node.right)}")
            if isinstance(left.literal, float):
                raise self._error(node.left, f"expected a whole number, found {left.literal!r}")
            function = floored if isinstance(node.op, ast.FloorDiv) else remainder
            return Value(done(lambda number: function(number, by), left.work), "number")
        advice = {ast.BitAnd: "write `and`", ast.BitOr: "write `or`", ast.Div: "write // for whole numbers"}
        raise self._error(node, f"this operator is not known; {advice.get(type(node.op), 'there are + - * // and %')}")

    def _literal(self, node: ast.Constant) -> Value:
        value = node.value
        if isinstance(value, bool):
            return Value(same(value), "truth")
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                raise self._error(node, "this text is not valid Unicode") from None
            return Value(same(value), "text", literal=value)
        if isinstance(value, int | float):
            return self._constant(node, value)
        told = "None is asked with `is None` or `is not None`" if value is None else "expected a text or a number"
        raise self._error(node, told)

    def _constant(self, node: ast.expr, value: int | float) -> Value:
        if abs(value) >= 2**63:  # infinity too
            raise self._error(node, "this number is larger than any in an index")
        return Value(same(value), "number", literal=value)

    def _number(self, node: ast.expr, depth: int) -> Value:
        value = self.value(node, depth)
        if value.kind == "truth" and isinstance(node, ast.Compare | ast.BoolOp | ast.Call):
            raise self._error(node, "conditions are joined by `and` and `or`, not by & and |, and are no numbers")
        if value.kind != "number":
            raise self._error(node, f"expected a number, found {self._words(node)}, which is {_A[value.kind]}")
        return value

    def _comparisons(self, node: ast.Compare, depth: int) -> Value:
        parts, left = [], node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.Is | ast.IsNot):
                part = self._is_none(left, right, depth)
                parts.append(done(pc.invert, part) if isinstance(op, ast.IsNot) else part)
            elif isinstance(op, ast.In | ast.NotIn):
                part = self._is_in(left, right, depth)
                parts.append(done(pc.invert, part) if isinstance(op, ast.NotIn) else part)
            else:
                parts.append(self._comparison(left, op, right, depth))
            left = right
        return Value(balanced(pc.and_, parts), "truth")

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, depth: int) -> Work:
        for side in (left, right):
            if isinstance(side, ast.Constant) and side.value is None:
                raise self._error(side, "None is asked with `is None` or `is not None`")
        a, b = self.value(left, depth + 1), self.value(right, depth + 1)
        if a.kind != b.kind:
            raise self._error(right, self._mismatch(left, a, right, b))
        if a.kind == "truth" and not isinstance(op, ast.Eq | ast.NotEq):
            raise self._error(left, f"{self._words(left)} is true or false: there is no less or greater")
        a, b = self._standard(left, a, b), self._standard(right, b, a)
        compared = done(COMPARE[type(op)], a.work, b.work)
        untold = isinstance(op, ast.NotEq)
        return done(lambda found: pc.fill_null(found, untold), compared)

    def _mismatch(self, left: ast.expr, a: Value, right: ast.expr, b: Value) -> str:
        told = f"{self._words(left)} is {_A[a.kind]}, {self._words(right)} is {_A[b.kind]}"
        if a.kind == "text" and b.literal is not None:
            return f"{told}; write '{b.literal}'"
        if b.kind == "text" and a.literal is not None:
            return f"{told}; write '{a.literal}'"
        return f"{told}: they cannot be compared"

    def _standard(self, node: ast.expr, value: Value, other: Value) -> Value:
        """A text that is compared with modalities or splits: in the words of the index, whatever the user calls them."""
        if isinstance(value.literal, str) and other.column in ("modality", "split"):
            word = self._word(node, value.literal, other.column)
            return Value(same(word), "text", literal=word)
        return value

    def _word(self, node: ast.AST, text: str, column: str) -> str:
        if column == "split":
            names = [name for name in self.splits if "/" not in name]
            words = [self._split(node, word, names) for word in text.split("+")]
        else:
            names = list(self.modalities)
            words = [self._modality(node, word) for word in text.split("+")]
        return "+".join(sorted(set(words), key=names.index))

    def _modality(self, node: ast.AST, word: str) -> str:
        try:
            return resolve_modality(word, self.modalities)
        except SettingsError:
            near = did_you_mean(word, self.modalities)
            raise self._error(node, f"this index has no modality {word!r:.60}; {near}") from None

    def _split(self, node: ast.AST, word: str, names: Sequence[str]) -> str:
        name = standard_split(word)
        if name not in names:
            if name in self.splits:
                raise self._error(node, f"{name!r} belongs to a protocol; write in_split({name!r})")
            near = did_you_mean(name, names or ["(none)"])
            raise self._error(node, f"this index has no split {word!r:.60}; {near}")
        return name

    def _is_none(self, left: ast.expr, right: ast.expr, depth: int) -> Work:
        if not (isinstance(right, ast.Constant) and right.value is None):
            raise self._error(right, "`is` asks for None only; write == or !=")
        value = self.value(left, depth + 1)
        if value.column is None or value.kind == "truth":
            raise self._error(left, f"expected a column before `is`, found {self._words(left)}")
        if value.kind == "text" or value.column in NULLABLE_NUMBERS:
            return done(pc.is_null, value.work)
        return done(lambda numbers: pc.equal(numbers, UNKNOWN), value.work)

    def _is_in(self, left: ast.expr, right: ast.expr, depth: int) -> Work:
        value = self.value(left, depth + 1)
        if not isinstance(right, ast.List | ast.Tuple | ast.Set):
            if value.kind == "text":
                advice = f"contains({self._words(right)}, {self._words(left)}) looks for a part of a text"
            else:
                advice = "write it in brackets"
            raise self._error(right, f"expected a list after `in`, as in [2, 7]; {advice}")
        if value.kind == "truth":
            raise self._error(left, f"{self._words(left)} is true or false; write it by itself, or with not")
        if not right.elts:
            raise self._error(right, "this list is empty: nothing is in it")
        found: list[Any] = []
        for item in right.elts:
            one = self.value(item, depth + 1)
            if one.literal is None:
                raise self._error(item, "expected a text or a number in the list")
            if one.kind != value.kind:
                raise self._error(item, self._mismatch(left, value, item, one))
            found.append(self._standard(item, one, value).literal)
        if value.kind == "number" and any(isinstance(one, float) for one in [*found, value.literal]):
            numbers = pa.array([float(one) for one in found], pa.float64())
            return done(lambda values: pc.is_in(values.cast(pa.float64()), value_set=numbers), value.work)
        listed = pa.array(found, pa.string() if value.kind == "text" else pa.int64())
        return done(lambda values: pc.is_in(values, value_set=listed), value.work)

    def _call(self, node: ast.Call, depth: int) -> Value:
        if isinstance(node.func, ast.Attribute):
            return self.value(node.func, depth + 1)  # says what to write instead
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _FUNCTIONS:
            raise self._error(node.func, f"no function {self._words(node.func)!r}; {did_you_mean(name, _FUNCTIONS)}")
        expected = 1 if name in ("has", "in_split") else 2
        if len(node.args) != expected or node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise self._error(node, f"expected {_usage(name)}")
        last = node.args[-1]
        if not (isinstance(last, ast.Constant) and isinstance(last.value, str)):
            raise self._error(last, f"expected a text between quotes, as in {_usage(name)}")
        word = str(self._literal(last).literal)
        if name in ("has", "in_split"):
            found = self._modality(last, word) if name == "has" else self._split(last, word, self.splits)
            column = f"{name}({found})"
            self.columns.add(column)
            return Value(lambda table: table[column], "truth")
        text = self.value(node.args[0], depth + 1)
        if text.kind != "text":
            raise self._error(
                node.args[0], f"expected a text, found {self._words(node.args[0])}, which is {_A[text.kind]}"
            )
        if name == "matches":
            try:
                pc.match_substring_regex(pa.array([""]), pattern=word)
            except pa.ArrowInvalid as error:
                raise self._error(last, f"not a pattern of RE2 ({str(error).rpartition(': ')[2][:80]})") from None
        function = TEXT_FUNCTIONS[name]
        return Value(done(lambda texts: pc.fill_null(function(texts, word), False), text.work), "truth")

    def _words(self, node: ast.AST) -> str:
        return self.source.words(node)

    def _error(self, node: ast.AST, message: str) -> SettingsError:
        return self.source.error(node, message)


_WHAT_IS: Final = (
    "there are comparisons, `and`, `or`, `not`, `in [...]`, `is None`, + - * // %, and the functions "
    + ", ".join(_FUNCTIONS)
)


def _usage(function: str) -> str:
    example = {"has": "has('rgb')", "in_split": "in_split('train')", "matches": "matches(path, r'cam\\d')"}
    return example.get(function, f"{function}(path, 'cam1/')")
