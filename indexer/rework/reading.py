"""The text of a filter -> a syntax tree of bounded size. Python's own parser reads it; nothing is ever evaluated."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Final

from indexer.errors import SettingsError

LONGEST: Final = 20_000
"""Characters."""
MOST_SIGNS: Final = 1_000
"""Operators and brackets: a tree has no more levels, and Python's parser recurses over them."""

_STRING: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_SIGN: Final = re.compile(r"[<>=!]=?|[-+*/%~&|^@(\[{.:]|\b(?:not|and|or|in|is|if|for|lambda|await|yield)\b")
_OTHER_STRING: Final = re.compile(r"'''|\"\"\"")
_PREFIX: Final = re.compile(r"(?<!\w)(?:[bu]|r?[fbt]|[fbt]r)''", re.IGNORECASE)


class Expression:
    """A filter, parsed; knows where each part of it stands, to say so."""

    def __init__(self, text: str) -> None:
        """Parse.

        Args:
            text: An expression as Python writes them.

        Raises:
            SettingsError: It is none, or too large.
        """
        self.text = re.sub(r"\s", " ", text).strip()
        if not self.text:
            raise SettingsError("filter: expected an expression, e.g. \"has('rgb') and size > 2000\", found nothing")
        self._refuse_hostile()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "\d" in a pattern: Python keeps the backslash, and warns
                self.tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            at = max((error.offset or 1) - 1, 0)
            raise self.error_at(at, at + 1, f"cannot be read ({error.msg})") from None
        except (ValueError, MemoryError, RecursionError):
            raise SettingsError(f"filter: {self.text[:60]!a}… cannot be read; write it in a simpler way") from None

    def _refuse_hostile(self) -> None:
        """Refuse before Python's parser sees it: it recurses over what is nested."""
        if len(self.text) > LONGEST:
            raise SettingsError(f"filter: {len(self.text):,} characters, at most {LONGEST:,} are read")
        if found := _OTHER_STRING.search(self.text):
            raise self.error_at(found.start(), found.end(), "a text stands between single or double quotes")
        bare = _STRING.sub("''", self.text)
        if _PREFIX.search(bare):
            raise SettingsError("filter: only plain texts ('…') and raw ones (r'…') are read, none with another prefix")
        signs = len(_SIGN.findall(bare))
        if signs > MOST_SIGNS:
            raise SettingsError(
                f"filter: {signs:,} operators and brackets, at most {MOST_SIGNS:,} are read; use `in [...]` for many values"
            )

    def error(self, node: ast.AST, message: str) -> SettingsError:
        """An error that points at a part of the expression."""
        # Python counts the bytes of a line in UTF-8
        line = self.text.encode()
        start, stop = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", None)
        where = [len(line[:at].decode(errors="replace")) for at in (start, start + 1 if stop is None else stop)]
        return self.error_at(where[0], where[1], message)

    def error_at(self, start: int, stop: int, message: str) -> SettingsError:
        """An error that points at some columns, with what stands around them."""
        start = min(start, len(self.text))
        first, last = max(start - 60, 0), start + 60
        marks = " " * (start - first) + "^" * max(min(stop, last, len(self.text) + 1) - start, 1)
        shown = "".join(letter if letter.isprintable() else "?" for letter in self.text[first:last])
        return SettingsError(f"filter, column {start + 1}: {message}\n    {shown}\n    {marks}")

    def words(self, node: ast.AST) -> str:
        """A part as the user wrote it, shortened."""
        found = ast.get_source_segment(self.text, node) or "this"
        return found if len(found) <= 40 else found[:37] + "…"
