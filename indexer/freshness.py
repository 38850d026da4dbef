"""Whether an index still says what a new one would: same tree, same layout, same tool."""

from __future__ import annotations

import contextlib
from importlib.metadata import version
from pathlib import Path

from indexer.errors import IndexFileError, TreeMissingError
from indexer.index_file import IndexFile
from indexer.layouts import layout_names, load_layout
from indexer.layouts.definition import Layout
from indexer.probing import Probe
from indexer.roots import relative_root
from indexer.scan.listing import Listing
from indexer.scan.status import touched_since


def tool() -> str:
    """The program that makes an index, as its metadata tell."""
    return f"reidindex {version('reidindex')}"


def fingerprint(listing: Listing | None, manifest: Path | None) -> str:
    """Digest of what an index would be made from.

    Args:
        listing: The tree; None where a manifest is trusted.
        manifest: The manifest, where there is one.

    Raises:
        TreeMissingError: The manifest cannot be read.
    """
    parts = [listing.fingerprint() if listing is not None else "trusted"]
    if manifest is not None:
        try:
            parts.append(stamp_of(manifest))
        except OSError as error:
            raise TreeMissingError(f"{manifest}: this manifest cannot be read ({error.strerror})") from None
    return ":".join(parts)


def stamp_of(manifest: Path) -> str:
    """What a fingerprint tells of a manifest."""
    status = manifest.stat()
    return f"{manifest.name}:{status.st_size}:{status.st_mtime_ns}"


def current_index(
    out: Path,
    root: Path,
    of_tree: str,
    chosen: Layout | None,
    layout: str | None,
    protocol: str | None,
    links_outside: bool,
    probe: Probe,
) -> IndexFile | None:
    """The index that is there, if it says what a new one would.

    Args:
        out: Where it would lie.
        root: The dataset folder.
        of_tree: The tree's fingerprint.
        chosen: The layout that the user named, if it is one.
        layout: The user's word for it, or for a manifest.
        protocol: The user's.
        links_outside: Whether links that lead out of the folder are followed.
        probe: What is to be found in the files: more than that does not hurt.
    """
    if not out.exists():
        return None
    with contextlib.suppress(IndexFileError):  # a damaged or foreign index is simply made anew
        index = IndexFile(out)
        metadata = index.metadata
        known = chosen
        if chosen is None and layout is None:
            known = load_layout(metadata.layout) if metadata.layout in layout_names() else None
            same_layout = known is not None and known.digest == metadata.layout_digest
        elif chosen is None:
            same_layout = metadata.layout_digest == ""
        else:
            same_layout = chosen.digest == metadata.layout_digest and chosen.name == metadata.layout
        same_tool = metadata.tool == tool() and not metadata.made_by
        same_root = metadata.root == relative_root(root, out)
        usual = known.default_protocol if known is not None else None
        same_protocol = metadata.protocol == (usual or "" if protocol is None else protocol)
        probed = all(index.has(name) for name in probe.columns)
        same_way = metadata.links_outside == links_outside and metadata.fingerprint == of_tree
        if same_way and same_layout and same_tool and same_root and same_protocol and probed:
            return index
    return None


def is_touched(index: IndexFile, root: Path, listing: Listing | None) -> bool:
    """Whether files may have been written since an index was made, though the sizes and times of all are the same."""
    if listing is None:
        return False
    return bool(touched_since(root, listing.paths, index.path.stat().st_mtime_ns).any())
