"""The files that belong to a dataset, as its own lists and layout name them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

from indexer.scan.listing import Listing


@dataclass(frozen=True)
class Files:
    """The files the scan saw in the dataset's folder: nothing else is ever opened."""

    listing: Listing
    base: str
    """The dataset's folder below the listing's root: empty, or ends in `/`."""

    def path(self, name: str) -> Path | None:
        """Where a file of the dataset is, if it is there."""
        return self.listing.root / (self.base + name) if self.has(name) else None

    def has(self, name: str) -> bool:
        """Whether a file is there, or a folder that holds files, written `info/`."""
        paths, name = self.listing.paths, self.base + name
        at = bisect_left(paths, name)
        return at < len(paths) and (paths[at] == name or (name.endswith("/") and paths[at].startswith(name)))
