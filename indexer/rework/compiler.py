"""A filter's syntax tree -> a chain of Arrow's functions over columns, every type checked before any is called. Pure.

Every comparison is true or false, as in Python, never unknown: what is not told equals nothing, is neither less nor greater
than anything, and is unequal to everything.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import SettingsError, did_you_mean
from indexer.rework.condition import Condition, Value
from indexer.rework.facts import NULLABLE_NUMBERS, Kind
from indexer.rework.index_words import IndexWords
from indexer.rework.operations import (
    ARITHMETIC,
    COMPARE,
    TEXT_FUNCTIONS,
    Work,
    as_fraction,
    balanced,
    done,
    floored,
    remainder,
    same,
)
from indexer.rework.reading import Expression
from indexer.schema import UNKNOWN

DEEPEST: Final = 40
"""Levels of a tree."""

_FUNCTIONS: Final = (*TEXT_FUNCTIONS, "has", "in_split")
_A: Final[dict[Kind, str]] = {"text": "text", "number": "a number", "truth": "true or false"}


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
    compiler = _Compiler(Expression(text), kinds, IndexWords(modalities, splits))
    truth = compiler.truth(compiler.source.tree, 1)
    return Condition(truth, frozenset(compiler.columns))


class _Compiler:
    """One expression, part by part."""

    def __init__(self, source: Expression, kinds: Mapping[str, Kind], words: IndexWords) -> None:
        self.source, self.kinds, self.words = source, kinds, words
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
                raise self._error(node, f"names have no parts; write {method}({self._shown(node.value)}, '…')")
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
                raise self._error(node.right, f"expected a whole number from 1 on, found {self._shown(node.right)}")
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
            raise self._error(node, f"expected a number, found {self._shown(node)}, which is {_A[value.kind]}")
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
            raise self._error(left, f"{self._shown(left)} is true or false: there is no less or greater")
        a, b = self._standard(left, a, b), self._standard(right, b, a)
        compared = done(COMPARE[type(op)], a.work, b.work)
        untold = isinstance(op, ast.NotEq)
        return done(lambda found: pc.fill_null(found, untold), compared)

    def _mismatch(self, left: ast.expr, a: Value, right: ast.expr, b: Value) -> str:
        told = f"{self._shown(left)} is {_A[a.kind]}, {self._shown(right)} is {_A[b.kind]}"
        if a.kind == "text" and b.literal is not None:
            return f"{told}; write '{b.literal}'"
        if b.kind == "text" and a.literal is not None:
            return f"{told}; write '{a.literal}'"
        return f"{told}: they cannot be compared"

    def _standard(self, node: ast.expr, value: Value, other: Value) -> Value:
        """A text that is compared with modalities or splits: in the words of the index, whatever the user calls them."""
        meaning = {"modality": self.words.modality_text, "split": self.words.split_text}.get(other.column or "")
        if isinstance(value.literal, str) and meaning is not None:
            word = self._known(node, meaning, value.literal)
            return Value(same(word), "text", literal=word)
        return value

    def _known(self, node: ast.AST, meaning: Callable[[str], str], text: str) -> str:
        """What a word of the user's means in this index."""
        try:
            return meaning(text)
        except SettingsError as error:
            raise self._error(node, str(error)) from None

    def _is_none(self, left: ast.expr, right: ast.expr, depth: int) -> Work:
        if not (isinstance(right, ast.Constant) and right.value is None):
            raise self._error(right, "`is` asks for None only; write == or !=")
        value = self.value(left, depth + 1)
        if value.column is None or value.kind == "truth":
            raise self._error(left, f"expected a column before `is`, found {self._shown(left)}")
        if value.kind == "text" or value.column in NULLABLE_NUMBERS:
            return done(pc.is_null, value.work)
        return done(lambda numbers: pc.equal(numbers, UNKNOWN), value.work)

    def _is_in(self, left: ast.expr, right: ast.expr, depth: int) -> Work:
        value = self.value(left, depth + 1)
        if not isinstance(right, ast.List | ast.Tuple | ast.Set):
            if value.kind == "text":
                advice = f"contains({self._shown(right)}, {self._shown(left)}) looks for a part of a text"
            else:
                advice = "write it in brackets"
            raise self._error(right, f"expected a list after `in`, as in [2, 7]; {advice}")
        if value.kind == "truth":
            raise self._error(left, f"{self._shown(left)} is true or false; write it by itself, or with not")
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
            return done(lambda values: pc.is_in(as_fraction(values), value_set=numbers), value.work)
        listed = pa.array(found, pa.string() if value.kind == "text" else pa.int64())
        return done(lambda values: pc.is_in(values, value_set=listed), value.work)

    def _call(self, node: ast.Call, depth: int) -> Value:
        if isinstance(node.func, ast.Attribute):
            return self.value(node.func, depth + 1)  # says what to write instead
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _FUNCTIONS:
            raise self._error(node.func, f"no function {self._shown(node.func)!r}; {did_you_mean(name, _FUNCTIONS)}")
        expected = 1 if name in ("has", "in_split") else 2
        if len(node.args) != expected or node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise self._error(node, f"expected {_usage(name)}")
        last = node.args[-1]
        if not (isinstance(last, ast.Constant) and isinstance(last.value, str)):
            raise self._error(last, f"expected a text between quotes, as in {_usage(name)}")
        word = str(self._literal(last).literal)
        if name in ("has", "in_split"):
            found = self._known(last, self.words.modality if name == "has" else self.words.split, word)
            column = f"{name}({found})"
            self.columns.add(column)
            return Value(lambda table: table[column], "truth")
        text = self.value(node.args[0], depth + 1)
        if text.kind != "text":
            raise self._error(
                node.args[0], f"expected a text, found {self._shown(node.args[0])}, which is {_A[text.kind]}"
            )
        if name == "matches":
            try:
                pc.match_substring_regex(pa.array([""]), pattern=word)
            except pa.ArrowInvalid as error:
                raise self._error(last, f"not a pattern of RE2 ({str(error).rpartition(': ')[2][:80]})") from None
        function = TEXT_FUNCTIONS[name]
        return Value(done(lambda texts: pc.fill_null(function(texts, word), False), text.work), "truth")

    def _shown(self, node: ast.AST) -> str:
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
