"""Text -> HTML that cannot be anything else than what was meant: whatever is no `Markup` is escaped.

An index may come from anywhere, and so may the names in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

_EMPTY: Final = frozenset({"meta", "img", "br", "rect", "circle", "line", "path"})
_NEVER_SHOWN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Control characters, marks that turn the direction of writing, halves of characters: a page shows a box instead."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | int | None | Iterable["Content"]


def text(content: Content) -> Markup:
    """Contents as HTML: markup stays, text is escaped, numbers have thousands separators, None is nothing.

    >>> text(["<b> & ", 12936, Markup("<br>")])
    '&lt;b&gt; &amp; 12,936<br>'
    """
    if content is None:
        return Markup("")
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(escape(_NEVER_SHOWN.sub("\N{REPLACEMENT CHARACTER}", content)))
    if isinstance(content, int):
        return Markup(f"{content:,}")
    return Markup("".join(map(text, content)))


def tag(name: str, *content: Content, **attributes: str | int | float | None) -> Markup:
    """An element. An underscore at the end or within an attribute's name stands for nothing or a hyphen; None: left out.

    >>> tag("th", "a<b", scope="col", class_="n")
    '<th scope="col" class="n">a&lt;b</th>'
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{told}>" if name in ("meta", "img", "br") else f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{text(content)}</{name}>")


def _plain(value: str | int | float) -> str:
    """An attribute's value: numbers without separators, and no more digits than a screen shows."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def share(part: int, whole: int) -> str:
    """A share of a whole, in percent.

    >>> share(285, 320), share(0, 0), share(9999, 10000), share(1, 100000)
    ('89.1%', '0%', '99.9%', '<0.1%')
    """
    if not part or not whole:
        return "0%"
    if part == whole:
        return "100%"
    percent = 100 * part / whole
    return "<0.1%" if percent < 0.1 else f"{min(percent, 99.9):.1f}%"


def clipped(words: str, most: int) -> str:
    """The beginning of a text; what is left out is told by an ellipsis.

    >>> clipped("gallery", 10), clipped("all_the_gallery", 10)
    ('gallery', 'all_the_g…')
    """
    return words if len(words) <= most else words[: most - 1] + "…"


def shortened(name: str, most: int) -> str:
    """A name that has its place in a figure: what is too long lacks its middle, for names that begin alike end differently.

    >>> shortened("gallery", 10), shortened("station-camera-12", 10)
    ('gallery', 'stati…a-12')
    """
    end = (most - 1) // 2
    return name if len(name) <= most else f"{name[: most - 1 - end]}…{name[len(name) - end :]}"


def breakable(words: str) -> Markup:
    """Names that are joined by plus signs may be broken behind these, and nowhere else.

    >>> breakable("rgb+text")
    'rgb+<wbr>text'
    """
    return Markup(text(words).replace("+", "+<wbr>"))
