"""What was found against what a dataset's own source counts: differences are shown, not hidden."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.errors import Problem
from indexer.inspection.statistics import Statistics
from indexer.layouts.language.layout import Layout

_PART = 0.5
"""Below this share of the published counts a tree is a part of the dataset, or another one."""


@dataclass(frozen=True)
class PublishedCount:
    """One number of a dataset's source, and what was found."""

    splits: str
    """`train`, `train+val`."""
    what: str
    """`identities`, `samples`, a modality …"""
    published: int
    found: int

    @property
    def differs(self) -> bool:
        """Whether the tree holds something else."""
        return self.published != self.found


def published_counts(layout: Layout, facts: Statistics) -> tuple[PublishedCount, ...]:
    """Every count of a layout's source beside what an index holds, in the order of the layout file."""
    return tuple(
        PublishedCount(splits, what, number, facts.count(splits, what))
        for splits, counts in layout.published.items()
        for what, number in counts.items()
    )


def published_differences(layout: Layout, counts: tuple[PublishedCount, ...], samples: int) -> list[Problem]:
    """Where a dataset's own counts are not what was found: one problem a split, or one for a tree that is a part."""
    if sum(c.found for c in counts) < _PART * sum(c.published for c in counts):  # count by count it would say no more
        message = f"far less than {layout.title} counts ({samples:,} samples here): a part of it, or another set in its layout"
        return [Problem("published", layout.name, message)]
    problems = []
    for splits in dict.fromkeys(c.splits for c in counts if c.differs):
        differ = [c for c in counts if c.splits == splits and c.differs]
        told = ", ".join(f"{c.published:,} {c.what}" for c in differ)
        found = ", ".join(f"{c.found:,}" for c in differ)
        problems.append(Problem("published", splits, f"{layout.title} counts {told}; found {found}", len(differ)))
    return problems
