"""Links that lead out of a dataset folder -> what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from indexer.errors import Problem

_MOST_LINKS: Final = 20
"""So many links that lead out of the dataset are named one by one."""

Link = tuple[str, str]
"""Its path, and where it leads; both fit for a message."""


def left_out(outside: Sequence[Link]) -> str:
    """All of them in words that end an error's message; empty: there are none."""
    if not outside:
        return ""
    path, target = min(outside)
    which = "a link leads" if len(outside) == 1 else f"{len(outside):,} links lead"
    return (
        f"{which} out of this folder, and nothing there was read (first: {path} → {target}); "
        "`reidindex build --links-outside` takes in what links lead to"
    )


def problems_of(outside: Sequence[Link]) -> list[Problem]:
    """A problem for each link that leads out of the dataset; of very many, for the rest together."""
    named = sorted(outside)[:_MOST_LINKS]
    problems = [
        Problem(
            "link",
            path,
            f"leads out of the dataset, to {target}: left out; `reidindex build --links-outside` takes it in",
        )
        for path, target in named
    ]
    if rest := len(outside) - len(named):
        problems.append(Problem("link", "and others", f"{rest:,} more links lead out of the dataset: left out", rest))
    return problems
