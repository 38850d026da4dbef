"""Index -> numbers a person wants to see. Pure functions; the command line draws them."""

from indexer.inspection.statistics import SplitFacts, Statistics, statistics

__all__ = ["SplitFacts", "Statistics", "statistics"]
