"""Two indexes → what changed between them: samples, identities, numbers, and what that does to a classifier's head."""

from indexer.comparison.changes import Comparison, compare

__all__ = ["Comparison", "compare"]
