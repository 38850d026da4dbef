"""Facts about an index -> one page of HTML that needs nothing beside it."""

from indexer.report.facts import Cell, Coverage, Facts, LeftOut, PictureRow, Pictures, Sampling, gather
from indexer.report.page import is_report, page

__all__ = [
    "Cell",
    "Coverage",
    "Facts",
    "LeftOut",
    "PictureRow",
    "Pictures",
    "Sampling",
    "gather",
    "is_report",
    "page",
]
