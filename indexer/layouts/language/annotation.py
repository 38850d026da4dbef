"""`[[annotation]]`: a list, table or document of the dataset that tells something about its samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from pydantic import Field, model_validator

from indexer.errors import did_you_mean
from indexer.layouts.language.parts import (
    FIELDS,
    Model,
    OneOrMore,
    PatternField,
    Value,
    Word,
    Words,
    as_tuple,
    check_inside,
    check_slots,
    check_split,
    check_steps,
    rounds,
    slots,
    span_of,
)

Format = Literal["values", "columns", "csv", "tsv", "json", "jsonl", "mat", "xml"]
_BY_ENDING: Final[dict[str, Format]] = {f".{kind}": kind for kind in ("csv", "tsv", "json", "jsonl", "mat", "xml")}
_HAS_PLACES: Final = ("json", "jsonl", "mat", "xml")
_HAS_NUMBERS: Final = ("values", "columns", "json", "jsonl", "mat")
_HAS_SEPARATOR: Final = ("columns", "csv")
BY_SIZE: Final = ("x", "y", "width", "height")
BY_CORNERS: Final = ("x", "y", "right", "bottom")
OWN: Final = ("path", "name", "stem")
"""What of a sample may stand in the name of a file of its own, and in `join`."""


class Numbers(Model):
    """A list of numbers that choose entries of another."""

    file: OneOrMore | None = None
    """None: the annotation's own file."""
    format: Format | None = None
    at: Word | None = None
    base: Literal[0, 1]
    """What the first entry's number is."""


class Runs(Model):
    """Entries that stand for runs of lines of another list."""

    file: OneOrMore
    first: Word
    last: Word
    """Columns that hold the numbers of the first and the last line; both belong to the run."""
    base: Literal[0, 1]


class Annotation(Model):
    """A file that tells something about samples."""

    file: OneOrMore
    """Relative to the dataset; the first that exists is read. `{name}` stands for each value of `each`."""
    each: Mapping[str, str] = {}
    """`{ trial = "1..10" }`: read the file once for each number."""
    format: Format | None = None
    """None: what the ending of the file says."""
    columns: Words | Mapping[str, Word]
    """Names of the columns, in order; or our name → the file's (a header's, a key, an attribute). A column that has the
    name of a field (identity, camera …) tells it of the samples; `caption` adds to their captions; `box` makes each
    entry a sample of its own; others are passed over."""
    separator: Word | None = None
    skip: int = Field(0, ge=0, le=1_000_000_000)
    encoding: Word = "utf-8"
    at: OneOrMore = ()
    """Where in a document the entries are, `a|b`: the first that is there; none: the document is the list."""
    lookup: Mapping[str, Word] = {}
    """Key of an entry → the top-level list whose element with this `id` takes the place of the number."""
    entries: Word | None = None
    """`151..300`: only these entries, counted from 1."""
    where: Mapping[str, OneOrMore] = {}
    """Column → words: only entries that have one of them there."""
    only: Numbers | None = None
    runs: Runs | None = None
    parse: Mapping[str, PatternField] = {}
    """Column → a pattern of its words, whose groups become columns."""
    tell: Mapping[str, Word] = {}
    """Field → a template over the columns: told of the samples like a column of that name."""
    join: Word
    key: OneOrMore = ()
    """Templates over the columns: what is compared with what `join` says of the samples; the first under which
    anything is found."""
    numeric: bool = False
    """Compared as numbers: `1` is `0001`."""
    split: Value | None = None
    """What the listed samples are in; `{name}` as in `file`; `{ from = "split" }` takes a column of the file, or a
    field of the sample."""
    replaces: bool = False
    """The samples leave the splits they had."""
    reach: Literal["sample", "identity"] = "sample"
    """`identity`: the split holds for every sample of the identity of a listed sample."""
    optional: bool = False

    @model_validator(mode="after")
    def _columns_are_told_apart(self) -> Annotation:
        names = [*self.columns, *self.captured()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if not names or twice:
            raise ValueError(f"columns: expected different names, found {f'{twice!r} twice' if twice else 'none'}")
        for name in self.each:
            if name in names:
                raise ValueError(f"each.{name}: a column is called so, too; give one of them another name")
        half = {"width", "height", "right", "bottom"} & {*names}
        if {"x", "y"} <= {*names} and half and not self.tells_boxes():
            raise ValueError(f"columns: expected {', '.join(BY_SIZE)} or {', '.join(BY_CORNERS)} for a box")
        return self

    @model_validator(mode="after")
    def _columns_fit(self) -> Annotation:
        names = {*self.columns, *self.captured()}
        for column in (self.runs.first, self.runs.last) if self.runs else ():
            if column not in names:
                raise ValueError(f"runs: there is no column {column!r}; columns: {', '.join(sorted(names))}")
        names |= {"line"} if self.runs else set()
        for column in self.where:
            if column not in names:
                raise ValueError(f"where: there is no column {column!r}; columns: {', '.join(sorted(names))}")
        for column, pattern in self.parse.items():
            if column not in names:
                raise ValueError(f"parse: there is no column {column!r}; columns: {', '.join(sorted(names))}")
            names |= set(pattern.groups)
        names -= {"caption", "box"}  # sentences and numbers are no part of a name
        for field, template in self.tell.items():
            if field not in FIELDS or field == "split":
                raise ValueError(f"tell: a sample has no field {field!r}; {did_you_mean(field, FIELDS)}")
            unknown = [n for n in slots(template) if n not in names and n not in self.each]
            if unknown:
                raise ValueError(
                    f"tell.{field}: there is no column {unknown[0]!r}; columns: {', '.join(sorted(names))}"
                )
        lacking = [n for key in self.spellings() for n in slots(key) if n not in names and n not in self.each]
        if self.join != "own" and (lacking or (not self.key and self.join not in names)):
            wanted = f"a column {lacking[0]!r}" if lacking else "a column of that name, or a `key`"
            raise ValueError(f"join = {self.join!r} needs {wanted}; columns: {', '.join(sorted(names)) or 'none'}")
        unknown = [n for n in slots(self.join) if n not in (*OWN, *FIELDS)]
        if unknown or (not slots(self.join) and self.join not in (*OWN, "own", "prefix", "rank", *FIELDS)):
            raise ValueError(
                f"join = {self.join!r}: expected path, name, stem, prefix, rank, own, a field such as identity, "
                'or a template over those such as "{name}|{identity}"'
            )
        check_split("split", self.split, names, self.each)
        if self.replaces and self.split is None:
            raise ValueError("replaces: there is no split that could replace others")
        rounds(self.each)
        if self.entries is not None:
            span_of(self.entries)
            if self.only is not None:
                raise ValueError("entries: `only` says already which entries count; leave one of them out")
        return self

    @model_validator(mode="after")
    def _slots_are_filled(self) -> Annotation:
        own = self.join == "own"
        if own and (len(self.files()) > 1 or not {*slots(self.files()[0])} & {*OWN}):
            raise ValueError('file: join = "own" expects one template with {path}, {name} or {stem}')
        for name in self.files():
            check_slots("file", name, [*self.each, *(OWN if own else ())])
            check_inside("file", name)
        for place in self.places():
            check_steps("at", place)
        for name in as_tuple(self.runs.file) if self.runs else ():
            check_slots("runs.file", name, self.each)
            check_inside("runs.file", name)
        if self.only is not None:
            for name in as_tuple(self.only.file or ()):
                check_slots("only.file", name, self.each)
                check_inside("only.file", name)
            check_slots("only.at", self.only.at or "", self.each)
            check_steps("only.at", self.only.at or "")
            if self.only.file is None and self.only.at is None:
                raise ValueError("only: expected a `file` of numbers, or a place `at` in this one")
        return self

    @model_validator(mode="after")
    def _formats_fit(self) -> Annotation:
        for name in self.files():
            kind = self.format_of(name)
            if kind is None:
                raise ValueError(f"format: {name!r} does not tell by its ending; one of {', '.join(get_args(Format))}")
            if kind == "values" and len(self.columns) != 1:
                raise ValueError("a file of plain values has exactly one column")
            if kind == "xml" and not self.at:
                raise ValueError('at: which elements of the XML file tell of samples, such as at = "Item"?')
            if self.separator is not None and (
                kind not in _HAS_SEPARATOR
                or re.search(r"[\r\n]", self.separator)
                or (kind == "csv" and (len(self.separator) > 1 or self.separator == '"'))
            ):
                raise ValueError(
                    f"separator: {self.separator!r} separates nothing in {kind}; expected a sign such as ';', for {', '.join(_HAS_SEPARATOR)}"
                )
        if self.only is not None:
            self._has_numbers(self.only)
        if self.at and not any(self.format_of(name) in _HAS_PLACES for name in self.files()):
            raise ValueError(f"at: such a file has no inner places; for {', '.join(_HAS_PLACES)} only")
        return self

    def _has_numbers(self, only: Numbers) -> None:
        for name in as_tuple(only.file) if only.file is not None else self.files():
            kind = self.format_of_numbers(name) if only.file is not None else self.format_of(name)
            if kind not in _HAS_NUMBERS or (only.at is not None and kind not in _HAS_PLACES):
                at = f" at {only.at!r}" if only.at is not None else ""
                raise ValueError(f"only: no list of numbers{at} in {kind}; for {', '.join(_HAS_NUMBERS)}")

    def tells_boxes(self) -> bool:
        """Whether its entries are parts of pictures."""
        columns = set(self.columns)
        return "box" in columns or set(BY_SIZE) <= columns or set(BY_CORNERS) <= columns

    def files(self) -> tuple[str, ...]:
        """The candidates for one reading, `{name}` not yet filled in."""
        return as_tuple(self.file)

    def places(self) -> tuple[str, ...]:
        """The paths of `at`."""
        return as_tuple(self.at)

    def spellings(self) -> tuple[str, ...]:
        """The templates that are tried, in order."""
        return as_tuple(self.key) or ("{" + self.join + "}",)

    def captured(self) -> tuple[str, ...]:
        """Columns that `at` makes of an object's keys."""
        found = dict.fromkeys(name for place in self.places() for name in slots(place))
        return tuple(name for name in found if name not in self.each)

    def format_of(self, name: str) -> Format | None:
        """How a file is read."""
        told = _told_by_ending(name)
        # of alternatives, `format` means those whose ending leaves it open: `id.txt` may be many things, `id.mat` is one
        return told if told in _HAS_PLACES else self.format or told

    def format_of_numbers(self, name: str) -> Format:
        """How a list of `only` is read that is a file by itself: plain values, where nothing else is told."""
        return (self.only.format if self.only is not None else None) or _told_by_ending(name) or "values"


def _told_by_ending(name: str) -> Format | None:
    ending = re.search(r"\.\w+$", name)
    return _BY_ENDING.get(ending[0].lower()) if ending else None
