"""The smallest parts of the language: patterns, templates, and where a value comes from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Discriminator, Field, PlainValidator, Tag

from indexer.errors import LayoutError, did_you_mean
from indexer.vocabulary import modality_spellings, split_spellings

FIELDS: Final = (
    "identity", "scope", "camera", "modality", "split", "view", "tracklet", "frame", "clothes", "source", "role",
)  # fmt: skip
"""What a layout can tell about a sample. `scope` sets apart identities that share a label."""

IMAGE_EXTENSIONS: Final = ("jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "gif", "ppm")
AGAIN: Final = "_again"
"""A group `identity_again` must repeat what the group `identity` says."""

_PLACEHOLDERS: Final = {
    "{image}": f"(?:{'|'.join(IMAGE_EXTENSIONS)})",
    "{modality}": "(?i:" + "|".join(map(re.escape, modality_spellings())) + ")",
    "{split}": "(?i:" + "|".join(map(re.escape, split_spellings())) + ")",
}
_GROUP: Final = re.compile(r"\(\?P<(\w+)>")
_SLOT: Final = re.compile(r"\{(\w+)\}")
_BRACE: Final = re.compile(r"\{(\w+)\}|[{}][^{}]*")
_LONGEST_WORD: Final = 1000
"""Signs of a name or template, far more than any has: a megabyte for each of a million samples is what nobody means."""
_LONGEST_PATTERN: Final = 100_000
_MOST_GROUPS: Final = 100
_MOST_STEPS: Final = 32
_MOST_TEXT: Final = 2**31 - 1
"""Bytes of a column that Arrow holds at once."""
MOST_TABLES: Final = 1000
"""Rules of a layout, its lists and draws: each looks at all files."""
_MOST_ROUNDS: Final = 1000
"""Far more than the splits of an index; a span of a million is a slip, and would be read for ever."""


class Model(BaseModel):
    """The manners of every table of a layout file: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression in RE2's dialect that must match the whole of a path; its groups are named."""

    text: str
    """As the layout file writes it."""
    regex: str
    """With the anchors and without placeholders."""
    groups: tuple[str, ...]

    @property
    def bare(self) -> str:
        """The same without names of groups: several can be tried as one, `a|b`."""
        return _GROUP.sub("(?:", self.regex)


def _pattern(value: object) -> Pattern:
    if not isinstance(value, str):
        raise ValueError("a pattern is a text")
    return _compiled(value)


@cache
def _compiled(value: str) -> Pattern:
    """Expand the placeholders and let RE2 itself judge the pattern."""
    if len(value) > _LONGEST_PATTERN:
        raise ValueError(
            f"a pattern of {len(value):,} signs, at most {_LONGEST_PATTERN:,} are read; tell its words by a list"
        )
    text = value
    for placeholder, meaning in _PLACEHOLDERS.items():
        text = text.replace(placeholder, meaning)
    groups = tuple(_GROUP.findall(text))
    twice = sorted(g for g, times in Counter(groups).items() if times > 1)
    if twice:
        raise ValueError(
            f"the pattern has the group {twice[0]!r} twice; use two rules, or name the second {twice[0]}{AGAIN}"
        )
    if len(groups) > _MOST_GROUPS:
        raise ValueError(f"the pattern has {len(groups):,} groups, at most {_MOST_GROUPS} are told apart")
    # Arrow tells what a pattern extracts, so it must extract something: at the least the whole of the path.
    pattern = Pattern(value, f"^(?s:{text})$" if groups else f"^(?P<whole>(?s:{text}))$", groups)
    try:
        known = {field.name for field in pc.extract_regex(_ONE_TEXT, pattern.regex).type}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"RE2 refuses the pattern {value!r:.200}: {_advice(str(error))}") from None
    if known != set(groups or ("whole",)):  # `(?<name>…)`, or a bracket that is meant as such: `\(?P<name>`
        raise ValueError(f"the pattern {value!r:.200} has groups that are not written (?P<name>…)")
    return pattern


_ONE_TEXT: Final = pa.array(["x"])


def _advice(error: str) -> str:
    """What Arrow says of a pattern, without our own anchors, and what to do about it."""
    what = error.removeprefix("Invalid regular expression: ").split(": ^(", 1)[0]
    if "perl operator" in what or "escape sequence" in what:
        return f"{what}; RE2 has no look-around and no back-references"
    if "unnamed" in what.lower():
        return "name every group, as (?P<camera>…); (?:…) groups without a name"
    if "repetition size" in what or "too large" in what:
        return f"{what}; it repeats at most 1,000 times, and the whole must stay small: use * or +, or tell words by a list"
    return f"{what:.200}"


PatternField = Annotated[Pattern, PlainValidator(_pattern)]


def slots(template: str) -> tuple[str, ...]:
    """The names that a template asks for.

    >>> slots("{identity}C{camera}"), slots("rgb")
    (('identity', 'camera'), ())
    """
    return tuple(_SLOT.findall(template))


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with the slots filled that have a value here; the others stay.

    >>> filled("trial{trial}/{part}", {"trial": "3"})
    'trial3/{part}'
    """
    return _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), template)


def check_slots(what: str, template: str, known: Iterable[str]) -> None:
    """Every brace of a template is part of a slot that something fills.

    Raises:
        ValueError: One is not: it would stay, and become part of a name.
    """
    names = list(known)
    for brace in _BRACE.finditer(template):
        if brace[1] not in names:
            raise ValueError(f"{what}: nothing fills {brace[0]!r}; {did_you_mean(str(brace[1]), names or ['(none)'])}")


def check_inside(what: str, name: str) -> None:
    """The name of a file leads into the dataset's folder, and nowhere else.

    Raises:
        ValueError: It is absolute, or climbs.
    """
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or re.match(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://", name):
        raise ValueError(
            f"{what}: {name!r:.80} leads out of the dataset; files are named from its folder on, without '..', and nothing "
            "else is read"
        )


def check_steps(what: str, place: str) -> None:
    """A place in a document lies no deeper than documents are.

    Raises:
        ValueError: It does.
    """
    if place.count(".") >= _MOST_STEPS:
        raise ValueError(f"{what}: {place!r:.80} has more than {_MOST_STEPS} steps; no list lies so deep")


def fill_column(template: str, columns: Mapping[str, pa.Array], size: int) -> pa.Array:
    """A template filled for every one of so many rows; null where one of its columns is.

    Raises:
        LayoutError: That is more text than fits into memory, or into a column.
    """
    pieces = _SLOT.split(template)  # text, name, text, name, … text
    # for most the pieces of a template are few and short: what they come to is known before anything is made
    text = sum(len(piece.encode()) for piece in pieces[::2]) * size
    text += sum(n * (pc.sum(pc.binary_length(columns[name])).as_py() or 0) for name, n in Counter(pieces[1::2]).items())
    if text > _MOST_TEXT:
        raise LayoutError(
            f"the template {template!r:.80} makes {text:,} bytes of text for {size:,} entries; at most {_MOST_TEXT:,} fit"
        )
    if len(pieces) == 1:
        return pa.repeat(template, size)
    parts = [columns[piece] if i % 2 else piece for i, piece in enumerate(pieces) if i % 2 or piece]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "")


class Source(Model):
    """Where a field's value comes from: a group of the rule or a column of a list, through a table of values."""

    group: str = Field(alias="from")
    values: Mapping[str, str | tuple[str, ...]] = {}
    otherwise: Annotated[str, Field(min_length=1, max_length=_LONGEST_WORD)] | None = Field(None, alias="else")


def _kind(value: object) -> str:
    return "<source>" if isinstance(value, (dict, Source)) else "<word>"


Word = Annotated[str, Field(min_length=1, max_length=_LONGEST_WORD)]
Value = Annotated[Annotated[Word, Tag("<word>")] | Annotated[Source, Tag("<source>")], Discriminator(_kind)]
"""A constant, a template, or where it comes from."""

Words = tuple[Word, ...]
OneOrMore = Word | Annotated[Words, Field(min_length=1)]


def as_tuple(words: str | Iterable[str]) -> tuple[str, ...]:
    """A single word as a tuple of one."""
    return (words,) if isinstance(words, str) else tuple(words)


def check_values(field: str, values: Mapping[str, Any]) -> None:
    """Only a split may become several words.

    Raises:
        ValueError: Another does, or a word is empty.
    """
    for theirs, ours in values.items():
        words = as_tuple(ours)
        if not words or not all(words) or (field != "split" and len(words) > 1):
            wanted = "a word or a list of words" if field == "split" else "one word"
            raise ValueError(f"values of {field}: {theirs!r:.80} should become {wanted}, found {ours!r:.80}")
        if max(map(len, words)) > _LONGEST_WORD:
            raise ValueError(f"values of {field}: {theirs!r:.80} becomes a word of more than {_LONGEST_WORD:,} signs")


def split_templates(split: str | Source | None) -> list[str]:
    """Every name that a layout gives to a split in one place."""
    if not isinstance(split, Source):
        return [] if split is None else [split]
    told = [word for words in split.values.values() for word in as_tuple(words)]
    return told if split.otherwise is None else [*told, split.otherwise]


def check_split(what: str, split: str | Source | None, columns: Iterable[str], each: Iterable[str]) -> None:
    """What is said of a split can be filled in.

    Raises:
        ValueError: It comes from nowhere, or has a slot that nothing fills.
    """
    if isinstance(split, Source):
        if split.group not in (*columns, *FIELDS) or (split.group == "split" and "split" not in columns):
            raise ValueError(f"{what}.from = {split.group!r} is no column of the file and no field of a sample")
        check_values("split", split.values)
    for template in split_templates(split):
        check_slots(what, template, each)


def rounds(each: Mapping[str, str]) -> list[dict[str, str]]:
    """What the slots stand for in each reading: `{ trial = "1..10" }`, or words, `{ size = "800 1600" }`.

    >>> rounds({"trial": "1..3"})
    [{'trial': '1'}, {'trial': '2'}, {'trial': '3'}]
    >>> rounds({"half": "detected labeled"})
    [{'half': 'detected'}, {'half': 'labeled'}]
    >>> rounds({"part": "09..10"})
    [{'part': '09'}, {'part': '10'}]

    Raises:
        ValueError: Neither a span nor words, or too many of them.
    """
    found: list[dict[str, str]] = [{}]
    for name, span in each.items():
        words = _spelt_out(name, span)
        if len(found) * len(words) > _MOST_ROUNDS:
            raise ValueError(f"each.{name}: more than {_MOST_ROUNDS:,} rounds, found {span!r:.80}")
        found = [{**r, name: word} for r in found for word in words]
    return found


def _spelt_out(name: str, span: str) -> Sequence[str]:
    first, dots, last = span.partition("..")
    if not dots:
        words = span.split()
        if words:
            return words
    elif first.isdecimal() and last.isdecimal() and int(first) <= int(last):
        # numbers that begin with a zero are of one width: 01..10
        width = len(first) if first.startswith("0") else 1
        most = min(int(last), int(first) + _MOST_ROUNDS)
        return [str(n).zfill(width) for n in range(int(first), most + 1)]
    raise ValueError(f"each.{name}: expected a span such as '1..10' or words such as '800 1600', found {span!r}")


def span_of(text: str) -> tuple[int, int]:
    """The numbers of a span `151..300`.

    Raises:
        ValueError: It is none.
    """
    first, _, last = text.partition("..")
    if first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last):
        return int(first), int(last)
    raise ValueError(f"entries: expected a span such as '1..150', counted from 1, found {text!r}")
