"""Words on a picture: a font that is there on every machine, lines that fit, and characters that the font lacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import ImageFont

_PLAINER = str.maketrans(
    {"×": "x", "–": "-", "—": "-", "−": "-", "→": "->", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."}
)
"""Typography that the bundled font lacks, or some version of it."""
_STRANGER = "\U0010fffe"
"""Never a character: what a font draws for it, it draws for all that it lacks."""


class Lettering:
    """A font of one size, that measures and shortens words.

    Args:
        size: Pixels of a line, about.
    """

    def __init__(self, size: int) -> None:
        """See the class."""
        self.font = _font(size)
        self._has: dict[str, bool] = {}

    def known(self, text: str) -> str:
        """The text with what the font cannot show written as escapes, on one line."""
        plain = " ".join(text.split()).translate(_PLAINER)
        return "".join(c if self._knows(c) else _escape(c) for c in plain)

    def width(self, text: str) -> float:
        """Pixels that a known text takes."""
        return float(self.font.getlength(text))

    def clipped(self, text: str, room: int, *, keep_end: bool = False) -> str:
        """As much of a text as fits, with two dots where some is left out.

        Args:
            text: Any.
            room: Pixels.
            keep_end: Leave out of the middle: of a file name both ends tell something.
        """
        text = self.known(text)
        if self.width(text) <= room:
            return text
        most = _largest(len(text), lambda n: self.width(_cut(text, n, keep_end)) <= room)
        return _cut(text, most, keep_end)

    def lines(self, text: str, room: int, most: int) -> list[str]:
        """A text in lines that fit, at most so many; the last ends in two dots where some is left out."""
        words, at = self.known(text).split(" "), 0
        found: list[str] = []
        while at < len(words) and words[at] and len(found) < most:
            rest = words[at:]
            fits = _largest(len(rest), lambda n, rest=rest: self.width(" ".join(rest[:n])) <= room)  # type: ignore[misc]
            if len(found) + 1 == most and fits < len(rest):
                found.append(self.clipped(" ".join(rest), room))
                break
            if fits == 0:  # one long word: it goes on in the next line
                letters = max(_largest(len(rest[0]), lambda n, word=rest[0]: self.width(word[:n]) <= room), 1)  # type: ignore[misc]
                found.append(rest[0][:letters])
                words[at] = rest[0][letters:]
                at += not words[at]
            else:
                found.append(" ".join(rest[:fits]))
                at += fits
        return found

    def _knows(self, character: str) -> bool:
        if character not in self._has:
            self._has[character] = (character.isascii() and character.isprintable()) or self._draws(character)
        return self._has[character]

    def _draws(self, character: str) -> bool:
        try:
            return bool(character.isprintable() and _drawn(self.font, character) != _drawn(self.font, _STRANGER))
        except (UnicodeError, ValueError):  # the bitmap font of a Pillow without FreeType knows Latin-1
            return False


def _drawn(font: Any, character: str) -> tuple[Any, bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


@cache
def _font(size: int) -> Any:
    try:
        return ImageFont.load_default(size)
    except (ImportError, OSError):  # a Pillow that was made without FreeType
        return ImageFont.load_default()


def _escape(character: str) -> str:
    r"""As Python writes it.

    >>> _escape("中"), _escape("\x07")
    ('\\u4e2d', '\\x07')
    """
    return character.encode("unicode_escape").decode()


def _cut(text: str, length: int, keep_end: bool) -> str:
    """So many characters of a text, and dots for the rest.

    >>> _cut("0026_cam4.jpg", 6, True), _cut("0026_cam4.jpg", 6, False)
    ('002..jpg', '0026_c..')
    """
    if not keep_end:
        return text[:length].rstrip() + ".."
    end = length // 2
    return text[: length - end] + ".." + (text[-end:] if end else "")


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `most` for which it still fits, where what fits is a beginning; 0 where nothing does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
