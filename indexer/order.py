"""What is to be built, of what, and where; what can be refused before a long scan; and the tree as it was found."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import filterfalse
from pathlib import Path

from indexer.destination import refuse_foreign
from indexer.errors import (
    IndexDamagedError,
    IndexFileError,
    IndexMissingError,
    IndexVersionError,
    SettingsError,
    TreeError,
    TreeMissingError,
)
from indexer.freshness import fingerprint
from indexer.index_file import IndexFile
from indexer.layouts.manifest import is_manifest
from indexer.probing import Probe
from indexer.scan.listing import Listing, list_tree, printable
from indexer.schema import INDEX_NAME

Progress = Callable[[str, int], None]
"""Called with what is being done and how far it is (files so far)."""


@dataclass(frozen=True)
class Tree:
    """A tree as it was found."""

    listing: Listing | None
    """None where a manifest is trusted."""
    fingerprint: str
    began_ns: int
    """When the listing began, ns since 1970."""


@dataclass(frozen=True)
class Order:
    """What is to be built, of what, and where."""

    root: Path
    out: Path
    """The index file: where a link leads."""
    layout: str | None = None
    protocol: str | None = None
    strict: bool = False
    force: bool = False
    trust: bool = False
    links_outside: bool = False
    probe: Probe = field(default_factory=Probe)

    @property
    def manifest(self) -> Path | None:
        """The table that takes the place of a layout."""
        return Path(self.layout) if self.layout is not None and is_manifest(self.layout) else None

    def look(self, on_progress: Progress | None = None) -> Tree:
        """List the tree, unless a manifest is trusted.

        Raises:
            TreeError: It cannot be listed.
        """
        began, listing = time.time_ns(), None
        if not self.trust:
            exclude = [self.out, self.root / INDEX_NAME, *([self.manifest] if self.manifest is not None else [])]
            counted = (lambda count: on_progress("listing files", count)) if on_progress else None
            listing = list_tree(self.root, exclude=exclude, links_outside=self.links_outside, on_progress=counted)
        return Tree(listing, fingerprint(listing, self.manifest), began)


def refuse_what_cannot_be(order: Order) -> None:
    """What can be refused at once is refused before a long scan."""
    if order.trust and order.manifest is None:
        raise SettingsError("--trust goes with a manifest: `--layout manifest.csv|.jsonl|.parquet --trust`")
    manifest, out = order.manifest, order.out
    if manifest is not None and out.exists() and manifest.exists() and out.samefile(manifest):
        raise SettingsError(f"{out}: is the manifest itself; name another file for the index with -o")
    if order.trust and not order.root.is_dir():
        raise TreeMissingError(f"{order.root}: no such folder; check the path")
    for place in filterfalse(_is_utf8, (order.root, out.parent)):
        raise TreeError(f"{printable(str(place))}: lies in a folder whose name is not valid UTF-8; rename it")
    refuse_foreign(out, force=order.force)
    there = out.exists()
    if there and not order.force:
        _refuse_other_orders(order)
    # an index that is there may be up to date: that is found out without writing anything
    if (order.force or not there) and out.parent.is_dir() and not os.access(out.parent, os.W_OK | os.X_OK):
        raise IndexFileError(
            f"{printable(str(out))}: the index cannot be written there (its folder is read-only, or nothing may be made in it); "
            "choose another place with `-o FILE`"
        )


def _is_utf8(place: Path) -> bool:
    """Of the folder that a link or a relative name leads to."""
    try:
        os.path.realpath(place).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_other_orders(order: Order) -> None:
    """What an index holds that this build could not find again is not replaced unasked."""
    with contextlib.suppress(IndexDamagedError, IndexMissingError, IndexVersionError):
        metadata = IndexFile(order.out).metadata
        if metadata.made_by:
            raise IndexFileError(
                f"{order.out}: was not built of a tree, but made by `{metadata.made_by}`; name another file with -o, or --force to "
                "replace it"
            )
        if metadata.links_outside and not order.links_outside:
            raise IndexFileError(
                f"{order.out}: was built with --links-outside, and without it the samples behind such links would be lost; say it again, "
                "or --force to build without"
            )
