"""What a layout file may say, as checked values: TOML text -> `Layout`.

A dataset's way to name files is data, not code. The models below are the whole language; `docs/layouts.md` teaches
it. Unknown keys, bad patterns and values that cannot be are errors that name the file, the key and the nearest
known one.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Discriminator, Field, PlainValidator, Tag, ValidationError, model_validator

from indexer.errors import LayoutFileError, did_you_mean
from indexer.vocabulary import modality_spellings, split_spellings, standard_modality, standard_split

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIELDS: Final = (
    "identity", "scope", "camera", "modality", "split", "view", "tracklet", "frame", "clothes", "source", "role",
)  # fmt: skip
"""What a rule can tell about a sample. `scope` sets apart identities that share a label."""

IMAGE_EXTENSIONS: Final = ("jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "gif", "ppm")
AGAIN: Final = "_again"
"""A group `identity_again` must repeat what the group `identity` says."""

_PLACEHOLDERS: Final = {
    "{image}": f"(?:{'|'.join(IMAGE_EXTENSIONS)})",
    "{modality}": "(?i:" + "|".join(map(re.escape, modality_spellings())) + ")",
    "{split}": "(?i:" + "|".join(map(re.escape, split_spellings())) + ")",
}
_GROUP: Final = re.compile(r"\(\?P<(\w+)>")


class Model(BaseModel):
    """The manners of every table of a layout file: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression in RE2's dialect that must match the whole of a path; its groups are named."""

    regex: str
    """With the anchors."""
    groups: tuple[str, ...]


def _pattern(value: object) -> Pattern:
    """Expand the placeholders and let RE2 itself judge the pattern."""
    if not isinstance(value, str):
        raise ValueError("a pattern is a text")
    text = value
    for placeholder, meaning in _PLACEHOLDERS.items():
        text = text.replace(placeholder, meaning)
    groups = tuple(_GROUP.findall(text))
    twice = sorted({g for g in groups if groups.count(g) > 1})
    if twice:
        raise ValueError(
            f"the pattern has the group {twice[0]!r} twice; use two rules, or name the second {twice[0]}{AGAIN}"
        )
    # Arrow tells what a pattern extracts, so it must extract something: at the least the whole of the path.
    pattern = Pattern(f"^(?s:{text})$" if groups else f"^(?P<whole>(?s:{text}))$", groups)
    try:
        pc.extract_regex(pa.array(["x"]), pattern.regex)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"RE2 refuses the pattern {value!r}: {_advice(str(error))}") from None
    return pattern


def _advice(error: str) -> str:
    """What Arrow says of a pattern, without our own anchors, and what to do about it."""
    what = error.removeprefix("Invalid regular expression: ").split(": ^(", 1)[0]
    if "perl operator" in what or "escape sequence" in what:
        return f"{what}; RE2 has no look-around and no back-references"
    if "unnamed" in what.lower():
        return "name every group, as (?P<camera>…); (?:…) groups without a name"
    return what


PatternField = Annotated[Pattern, PlainValidator(_pattern)]


class Source(Model):
    """Where a field's value comes from: another group of the rule, through a table of values."""

    group: str = Field(alias="from")
    values: Mapping[str, str | tuple[str, ...]] = {}
    otherwise: str | None = Field(None, alias="else")


def _kind(value: object) -> str:
    return "<source>" if isinstance(value, (dict, Source)) else "<word>"


Word = Annotated[str, Field(min_length=1)]
Value = Annotated[Annotated[Word, Tag("<word>")] | Annotated[Source, Tag("<source>")], Discriminator(_kind)]
"""A constant, or where it comes from."""


def _check_values(field: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
    for theirs, ours in values.items():
        words = (ours,) if isinstance(ours, str) else ours
        if not words or not all(words) or (field != "split" and len(words) > 1):
            wanted = "a word or a list of words" if field == "split" else "one word"
            raise ValueError(f"values of {field}: {theirs!r} should become {wanted}, found {ours!r}")


class Rule(Model):
    """One way in which files of samples are named."""

    match: PatternField
    unless: PatternField | None = None
    """Paths that `match` takes but that are no samples."""
    aligned: tuple[str, ...] = ()
    """Groups that together name an aligned set: files that agree in them are one sample."""
    identity: Value | None = None
    scope: Value | None = None
    camera: Value | None = None
    modality: Value | None = None
    split: Value | None = None
    view: Value | None = None
    tracklet: Value | None = None
    frame: Value | None = None
    clothes: Value | None = None
    source: Value | None = None
    role: Value | None = None

    @model_validator(mode="after")
    def _groups_exist(self) -> Rule:
        known = set(self.match.groups)
        needed = {*self.aligned, *(s.group for s in self.sources().values())}
        needed |= {g.removesuffix(AGAIN) for g in known if g.endswith(AGAIN)}
        for field, source in self.sources().items():
            _check_values(field, source.values)
        for group in sorted(needed - known):
            raise ValueError(f"the pattern has no group {group!r}; {did_you_mean(group, sorted(known) or ['(none)'])}")
        return self

    def sources(self) -> dict[str, Source]:
        """Field → where its value comes from, for the fields that are not constants."""
        explicit = {f: getattr(self, f) for f in FIELDS}
        return {
            f: s if isinstance(s, Source) else Source.model_validate({"from": f})
            for f, s in explicit.items()
            if isinstance(s, Source) or (s is None and f in self.match.groups)
        }

    def constants(self) -> dict[str, str]:
        """Field → its value, where that is the same for every file the rule takes."""
        return {f: value for f in FIELDS if isinstance(value := getattr(self, f), str)}


class Aside(Model):
    """Files that are known and are no samples."""

    match: PatternField
    why: str


class Annotation(Model):
    """A file that tells something about samples: a list, a CSV or JSON file."""

    file: str | tuple[str, ...]
    """Relative to the dataset; the first that exists is read. `{name}` stands for each value of `each`."""
    each: Mapping[str, str] = {}
    """`{ trial = "1..10" }`: read the file once for each number."""
    format: Literal["values", "columns", "csv", "json"]
    columns: tuple[str, ...] | Mapping[str, str] = ()
    """Names of the columns, in order; or our name → the file's (a CSV header's, a JSON key). A column that has the name
    of a field (identity, camera …) tells it of the samples; `caption` adds to their captions; others are passed over."""
    at: tuple[str, ...] = ()
    """JSON: the keys whose lists are read; none: the whole document is the list."""
    join: Literal["path", "name", "identity"]
    below: str = ""
    """Folder that the file's paths are relative to, within the dataset."""
    suffix: str = ""
    """What the file's paths or names lack at the end, e.g. `.jpg`."""
    numeric: bool = False
    """Identities are compared as numbers: `1` is `0001`."""
    split: Value | None = None
    """What the listed samples are in; `{name}` as in `file`; `{ from = "split" }` takes a column of the file, or a
    field of the sample."""
    reach: Literal["sample", "identity"] = "sample"
    """`identity`: the split holds for every sample of the identity of a listed sample."""
    optional: bool = False

    @model_validator(mode="after")
    def _columns_fit(self) -> Annotation:
        names = tuple(self.columns)
        if self.join not in names:
            raise ValueError(f"join = {self.join!r} needs a column of that name; columns: {', '.join(names) or 'none'}")
        if self.format == "values" and len(names) != 1:
            raise ValueError("a file of plain values has exactly one column")
        if isinstance(self.split, Source) and self.split.group not in (*names, *FIELDS):
            raise ValueError(f"split.from = {self.split.group!r} is no column of the file and no field of a sample")
        self.rounds()
        return self

    def files(self) -> tuple[str, ...]:
        """The candidates for one reading, `{name}` not yet filled in."""
        return (self.file,) if isinstance(self.file, str) else self.file

    def rounds(self) -> list[dict[str, str]]:
        """What `{name}` stands for in each reading.

        >>> Annotation(file="t{n}.txt", each={"n": "1..3"}, format="values", columns=["identity"],
        ...            join="identity").rounds()
        [{'n': '1'}, {'n': '2'}, {'n': '3'}]
        """
        rounds: list[dict[str, str]] = [{}]
        for name, span in self.each.items():
            first, _, last = span.partition("..")
            if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
                raise ValueError(f"each.{name}: expected a span such as '1..10', found {span!r}")
            rounds = [{**r, name: str(n)} for r in rounds for n in range(int(first), int(last) + 1)]
        return rounds


class Detection(Model):
    """How readily a layout is taken for the layout of a tree nobody named."""

    loose: bool = False
    """Fits much: taken only where no other layout fits."""
    min_identities: int = 1
    """With fewer, the folders that look like identities may be something else."""


class Layout(Model):
    """A dataset's way to name files, where its splits come from, and what its paper counts."""

    name: str
    title: str
    about: str
    source: str
    """Where the dataset is asked for."""
    modalities: tuple[str, ...] = ()
    """In bit order; none: those that are found, in canonical order."""
    rule: tuple[Rule, ...] = Field(min_length=1)
    aside: tuple[Aside, ...] = ()
    annotation: tuple[Annotation, ...] = ()
    values: Mapping[str, Mapping[str, str | tuple[str, ...]]] = {}
    """Field → the dataset's word → ours. Words that are not listed stay as they are."""
    roles: Mapping[Literal["distractor", "junk"], tuple[str, ...]] = {}
    """Identity labels that are nobody."""
    default_protocol: str | None = None
    """`trial1`: its splits are also the plain `train`, `query`, …"""
    detect: Detection = Detection()
    published: Mapping[str, Mapping[str, int]] = {}
    """Split (`train`, `train+val`) → what the source counts: identities, samples, distractor, junk, or a modality."""
    digest: str = ""

    @model_validator(mode="after")
    def _words_are_known(self) -> Layout:
        for word in self.modalities:
            if standard_modality(word) != word:
                near = standard_modality(word) or "a plain word such as rgb"
                raise ValueError(f"modalities: {word!r} is not a standard name; use {near!r}")
        for name, words in self.values.items():
            if name not in FIELDS:
                raise ValueError(f"values: there is no field {name!r}; {did_you_mean(name, FIELDS)}")
            _check_values(name, words)
        for splits, counts in self.published.items():
            for word in counts:
                if word not in ("identities", "samples", "distractor", "junk", *self.modalities):
                    raise ValueError(f"published.{splits}: nothing is counted as {word!r}")
        if not any("identity" in {**r.sources(), **r.constants()} for r in self.rule) and not any(
            "identity" in tuple(a.columns) and a.join != "identity" for a in self.annotation
        ):
            raise ValueError(
                "no rule has a group 'identity', written (?P<identity>…), and no annotation a column 'identity'"
            )
        return self

    def standard_value(self, field: str, word: str, own: Mapping[str, str | tuple[str, ...]]) -> tuple[str, ...]:
        """Our words for a dataset's word of a field: through the rule's or layout's table, then the vocabulary."""
        found = own.get(word, self.values.get(field, {}).get(word, word))
        words = (found,) if isinstance(found, str) else found
        if field == "modality":
            return tuple(standard_modality(w) or w for w in words)
        if field == "split":
            return tuple(standard_split(w) for w in words)
        return words


def parse_layout(text: str, *, name: str, where: str) -> Layout:
    """A layout from TOML text.

    Args:
        text: The TOML document.
        name: The layout's name, from the file's name.
        where: How messages call the file.

    Raises:
        LayoutFileError: It is not TOML, or not a layout.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LayoutFileError(f"{where}: not valid TOML: {error}") from None
    digest = hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()
    about = {"title": name, "about": "a layout of one's own", "source": ""} | document
    for key in ("name", "digest"):
        if key in document:
            raise LayoutFileError(f"{where}: unknown key {key!r}; a layout is called by its file, {name}")
    try:
        return Layout.model_validate({**about, "name": name, "digest": digest})
    except ValidationError as error:
        # a rule that is wrong is also missing from the list of rules: one of the two says enough
        found = [e for e in error.errors() if e["type"] != "too_short"] or error.errors()
        problems = "; ".join(_explain(dict(e)) for e in found[:3])
        raise LayoutFileError(f"{where}: {problems}") from None


def _explain(error: dict[str, Any]) -> str:
    """One line for one pydantic error, in the words of the layout file."""
    parts = [part for part in error["loc"] if part not in ("<word>", "<source>")]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    if error["type"] == "extra_forbidden":
        tables: dict[object, type[BaseModel]] = {
            "rule": Rule,
            "annotation": Annotation,
            "aside": Aside,
            "detect": Detection,
        }
        model = tables.get(error["loc"][0], Layout) if len(error["loc"]) > 1 else Layout
        model = Source if "<source>" in error["loc"] else model
        hidden = {"name", "digest"} if model is Layout else set()
        known = [f.alias or n for n, f in model.model_fields.items() if n not in hidden]
        return f"unknown key {place!r}; {did_you_mean(str(parts[-1]), known)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    for theirs, ours in (
        ("valid dictionary or instance of", "table:"),
        ("valid tuple", "list"),
        ("valid dictionary", "table"),
    ):
        message = message.replace(theirs, ours)
    return f"{place}: {message}" if place else message
