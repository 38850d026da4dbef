"""TOML text -> `Layout`: a dataset's way to name files is data, not code.

Unknown keys, bad patterns and values that cannot be are errors that name the file, the key and the nearest known one.
"""

from __future__ import annotations

import hashlib
import re
import sys
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from indexer.errors import LayoutFileError, did_you_mean
from indexer.layouts.language.annotation import Annotation, Numbers, Runs
from indexer.layouts.language.draw import Draw
from indexer.layouts.language.layout import Detection, Layout
from indexer.layouts.language.parts import Source
from indexer.layouts.language.queries import Queries
from indexer.layouts.language.rule import Aside, Rule
from indexer.scan.listing import printable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["LARGEST_LAYOUT", "Layout", "parse_layout"]

LARGEST_LAYOUT: Final = 1 << 20
"""Bytes of a layout file: three hundred times the largest that is shipped. Ten times as many take the reader of TOML minutes."""
_LONGEST_PROBLEM: Final = 600
_DEEPEST: Final = 32
_WORD: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DEEP_KEY: Final = rf"(?m)^[ \t]*\[*(?:[ \t]*{_WORD}[ \t]*\.){{{_DEEPEST}}}"
"""A key `a.a.a…`: the reader of TOML takes time by the square of its parts. RE2, as all patterns over what others wrote."""

_TABLES: Final[dict[object, type[BaseModel]]] = {
    "rule": Rule,
    "annotation": Annotation,
    "aside": Aside,
    "draw": Draw,
    "queries": Queries,
    "detect": Detection,
    "only": Numbers,
    "runs": Runs,
}


def parse_layout(text: str, *, name: str, where: str) -> Layout:
    """A layout from TOML text.

    Args:
        text: The TOML document.
        name: The layout's name, from the file's name.
        where: How messages call the file.

    Raises:
        LayoutFileError: It is not TOML, or not a layout.
    """
    if _has_deep_key(text, where):
        raise LayoutFileError(f"{where}: a key of more than {_DEEPEST} parts; no table of a layout lies so deep")
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise LayoutFileError(f"{where}: not valid TOML: lists or tables lie too deep within each other") from None
    except tomllib.TOMLDecodeError as error:
        raise LayoutFileError(f"{where}: not valid TOML: {printable(str(error))[:_LONGEST_PROBLEM]}") from None
    except ValueError:  # of Python itself, which reads no number of thousands of digits, and of calendars
        raise LayoutFileError(f"{where}: not valid TOML: a number or date beyond all bounds") from None
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
        told = dict.fromkeys(printable(_explain(dict(e))) for e in found[:3])
        problems = "; ".join(one if len(one) <= _LONGEST_PROBLEM else f"{one[:_LONGEST_PROBLEM]} …" for one in told)
        raise LayoutFileError(f"{where}: {problems}") from None


def _has_deep_key(text: str, where: str) -> bool:
    try:
        return bool(pc.match_substring_regex(pa.array([text], pa.string()), _DEEP_KEY)[0].as_py())
    except UnicodeEncodeError:
        raise LayoutFileError(f"{where}: not valid TOML: it holds half of a character, which is no text") from None


def _explain(error: dict[str, Any]) -> str:
    """One line for one pydantic error, in the words of the layout file."""
    # where a value may have one of several shapes, pydantic adds the shape's name to the place
    last = error["loc"][-1] if error["type"] == "extra_forbidden" else None
    parts = [part for part in error["loc"] if isinstance(part, int) or part == last or not _SHAPE.fullmatch(part)]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    if error["type"] == "extra_forbidden":
        named = [part for part in parts[:-1] if part in _TABLES]
        model = _TABLES[named[-1]] if named else Layout
        model = Source if "<source>" in error["loc"] else model
        hidden = {"name", "digest"} if model is Layout else set()
        known = [f.alias or n for n, f in model.model_fields.items() if n not in hidden]
        return f"unknown key {place!r}; {did_you_mean(str(parts[-1]), known)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    for theirs, ours in (
        ("valid dictionary or instance of", "table:"),
        ("valid tuple", "list"),
        ("Tuple should", "List should"),
        ("valid dictionary", "table"),
    ):
        message = message.replace(theirs, ours)
    return f"{place}: {message}" if place else message


_SHAPE: Final = re.compile(r"str|tuple|dict|constrained-str|<\w+>|\w*\[.*", re.DOTALL)
