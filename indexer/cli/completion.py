"""Words that a shell can complete, beside commands and options: looked up when the user presses Tab."""

from __future__ import annotations


def layouts(incomplete: str) -> list[str]:
    """Names of known layouts that begin so."""
    from indexer.layouts import layout_names

    return [name for name in layout_names() if name.startswith(incomplete)]
