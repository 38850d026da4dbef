"""What was found against what a dataset's own source counts: differences are shown, not hidden."""

from __future__ import annotations

from indexer.errors import Problem
from indexer.inspection.statistics import Statistics
from indexer.layouts.definition import Layout

_PART = 0.5
"""Below this share of the published counts a tree is a part of the dataset, or another one."""


def published_differences(layout: Layout, facts: Statistics) -> list[Problem]:
    """Where a dataset's own counts are not what was found."""
    pairs = {
        names: {what: (n, facts.count(names, what)) for what, n in published.items()}
        for names, published in layout.published.items()
    }
    theirs, ours = (sum(pair[i] for counts in pairs.values() for pair in counts.values()) for i in (0, 1))
    if ours < _PART * theirs:  # count by count it would say no more
        samples = facts.facts.samples
        message = f"far less than {layout.title} counts ({samples:,} samples here): a part of it, or another set in its layout"
        return [Problem("published", layout.name, message)]
    problems = []
    for names, counts in pairs.items():
        differ = {what: pair for what, pair in counts.items() if pair[0] != pair[1]}
        if differ:
            told = ", ".join(f"{n:,} {what}" for what, (n, _) in differ.items())
            found = ", ".join(f"{n:,}" for _, n in differ.values())
            problems.append(Problem("published", names, f"{layout.title} counts {told}; found {found}", len(differ)))
    return problems
