"""The files that belong to a dataset, as its own lists and layout name them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import AnnotationError, LeadsOutError
from indexer.sample_file import real_file
from indexer.scan.listing import Listing


@dataclass(frozen=True)
class Files:
    """The files the scan saw in the dataset's folder: nothing else is ever opened."""

    listing: Listing
    base: str
    """The dataset's folder below the listing's root: empty, or ends in `/`."""

    def path(self, name: str) -> Path | None:
        """Where a file of the dataset is, if it is there.

        Raises:
            LeadsOutError: It has become a link that leads out of the dataset since it was listed.
            AnnotationError: It has become something else, or is gone.
        """
        if not self.has(name):
            return None
        path = self.listing.root / (self.base + name)
        try:
            real_file(self.listing.root, self.base + name, links_outside=self.listing.links_outside)
        except LeadsOutError:
            raise
        except OSError as error:
            raise AnnotationError(f"{path}: this list of the dataset cannot be read ({error.strerror})") from None
        return path

    def has(self, name: str) -> bool:
        """Whether a file is there, or a folder that holds files, written `info/`."""
        paths, name = self.listing.paths, self.base + name
        at = bisect_left(paths, name)
        return at < len(paths) and (paths[at] == name or (name.endswith("/") and paths[at].startswith(name)))
