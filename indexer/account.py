"""What a build did: an account of every file, for people and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexer.errors import Problem
from indexer.index_file import IndexFile
from indexer.inspection.published import PublishedCount
from indexer.inspection.statistics import Statistics, statistics
from indexer.schema import IndexMetadata


@dataclass(frozen=True)
class BuildReport:
    """What a build did."""

    index: Path
    up_to_date: bool
    """The index was there already and describes the tree as it is: nothing was written."""
    layout: str
    metadata: IndexMetadata
    files: int
    droppings: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    annotations: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    published: tuple[PublishedCount, ...] = ()
    """What the dataset's source counts, and what was found."""
    opened: int = 0
    """Files that were opened, for a probe."""
    seconds: float = 0.0

    counted: Statistics | None = None

    @property
    def identities(self) -> int:
        """People; of kept pids some may be nobody's."""
        return self.statistics.facts.identities if self.metadata.kept_pids else self.metadata.identities

    @property
    def statistics(self) -> Statistics:
        """What the index holds; counted now where the build had nothing to do."""
        return self.counted if self.counted is not None else statistics(IndexFile(self.index))


def as_json(report: BuildReport) -> dict[str, Any]:
    """The report as one JSON object (docs/cli.md)."""
    return {
        "schema": 1,
        "index": str(report.index),
        "up_to_date": report.up_to_date,
        "layout": report.layout,
        "digest": report.metadata.digest,
        "files": report.files,
        "opened": report.opened,
        "samples": report.metadata.samples,
        "identities": report.identities,
        **(_UNKNOWN if report.up_to_date else _account(report)),
        "seconds": round(report.seconds, 3),
    }


_UNKNOWN = dict.fromkeys(("droppings", "set_aside", "annotations", "unmatched", "published", "problems"))
"""What only a build finds out: null in the report of one that had nothing to do."""


def _account(report: BuildReport) -> dict[str, Any]:
    problems = [{"kind": p.kind, "where": p.where, "message": p.message, "count": p.count} for p in report.problems]
    return {
        "droppings": report.droppings,
        "set_aside": report.set_aside,
        "annotations": list(report.annotations),
        "unmatched": list(report.unmatched),
        "published": [
            {"splits": c.splits, "what": c.what, "published": c.published, "found": c.found} for c in report.published
        ],
        "problems": problems,
    }
