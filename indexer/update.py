"""An index and its tree as it is now -> the index anew, as it was ordered then: nothing that is known is looked up again.

The names are read anew, all of them: splits that lists tell or that are drawn depend on the whole tree, and reading names takes
less time than listing them. What takes long is opening files, for an index that was probed or hashed: only those that have
changed are opened. The result is the same, byte for byte, as that of a whole build.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from indexer.account import BuildReport
from indexer.build import Earlier, make_index, no_search_for_cycles, up_to_date
from indexer.changes import Changes, changes, unchanged
from indexer.destination import refuse_foreign
from indexer.errors import IndexFileError, SettingsError, TreeMissingError
from indexer.freshness import current_index, is_touched, tool
from indexer.index_file import IndexFile, locate_index
from indexer.kept_pids import KnownPids
from indexer.layouts import layout_names, load_layout
from indexer.layouts.manifest import is_manifest
from indexer.listed import ListedFiles, listed_files
from indexer.order import Order, Progress, Tree
from indexer.probing import HASH_COLUMNS, PICTURE_COLUMNS, Probe
from indexer.roots import root_of
from indexer.scan.status import touched_since
from indexer.sole_writer import sole_writer


@dataclass(frozen=True)
class UpdateReport:
    """What an update found and did."""

    build: BuildReport
    changes: Changes | None = field(default_factory=Changes)
    """None where nobody knows: the tree was never listed, or another tool has written the index."""


@no_search_for_cycles()
def update_index(
    data: str | Path,
    *,
    layout: str | None = None,
    keep_pids: bool | None = None,
    jobs: int = 1,
    on_progress: Progress | None = None,
) -> UpdateReport:
    """Bring an index up to date with its tree, with the layout, protocol and probes that it was built with.

    Args:
        data: The dataset folder that holds it, or the index.
        layout: Where the index was made with a layout file or a manifest of the user's: this file.
        keep_pids: Known identities keep their pids, new ones are numbered after them. None: as the index has it.
        jobs: Processes that open files.
        on_progress: Told about long work.

    Raises:
        IndexMissingError: There is none to update.
        IndexFileError: It was made of another index, or cannot be read or written.
        SettingsError: The layout's file has to be named.
        TreeError, LayoutError, AnnotationError: As of `build_index`.
        BusyError: Another process is writing it.
    """
    started = time.perf_counter()
    file = locate_index(data)
    with sole_writer(file.resolve()):
        return _update(IndexFile(file), Path(data), layout, keep_pids, jobs, started, on_progress)


def _update(
    index: IndexFile,
    data: Path,
    layout: str | None,
    keep_pids: bool | None,
    jobs: int,
    started: float,
    on_progress: Progress | None,
) -> UpdateReport:
    order = order_of(index, data, layout, jobs)
    refuse_foreign(order.out, force=False)
    tree = order.look(on_progress)
    then = listed_files(index)
    known = None if order.manifest is not None else load_layout(order.layout or "")
    current = current_index(
        order.out, order.root, tree.fingerprint, known, order.layout, order.protocol, order.links_outside, order.probe
    )
    happened = changes(then, tree.listing) if then is not None and tree.listing is not None else None
    keep = index.metadata.kept_pids if keep_pids is None else keep_pids
    if (
        current is not None
        and keep == index.metadata.kept_pids
        and not (order.probe and is_touched(index, order.root, tree.listing))
    ):
        return UpdateReport(up_to_date(current, tree, started))
    files = _known_files(index, order, tree, then)
    pids = KnownPids.of(index) if keep else None
    return UpdateReport(make_index(order, tree, Earlier(files, pids), started, on_progress), happened)


def order_of(index: IndexFile, data: Path, layout: str | None = None, jobs: int = 1) -> Order:
    """What was ordered when an index was built.

    Args:
        index: The index.
        data: The folder or file that the user named.
        layout: The user's own layout file or manifest, which the index does not hold.
        jobs: Processes that open files.

    Raises:
        IndexFileError: It was not built of a tree.
        SettingsError: The layout's file has to be named.
        TreeMissingError: The tree is not where the index says.
    """
    metadata = index.metadata
    if metadata.made_by:
        raise IndexFileError(
            f"{index.path}: was not built of a tree, but made by `{metadata.made_by}`; update the index it was made of, then make it again"
        )
    root = root_of(index, data)
    if not root.is_dir():
        raise TreeMissingError(f"{root}: the dataset of {index.path} is not there; build the index anew where it is")
    name = _layout_of(index, root, layout)
    usual = load_layout(name).default_protocol if not is_manifest(name) else None
    return Order(
        root,
        index.path.resolve() if index.path.is_symlink() else index.path,
        name,
        # the layout's own may be none of this tree; as in a build, that is no error then
        metadata.protocol if metadata.protocol not in ("", usual) else None,
        trust=metadata.fingerprint.startswith("trusted"),
        links_outside=metadata.links_outside,
        probe=Probe(
            all(index.has(name) for name in PICTURE_COLUMNS), all(index.has(name) for name in HASH_COLUMNS), jobs
        ),
    )


def _layout_of(index: IndexFile, root: Path, layout: str | None) -> str:
    metadata = index.metadata
    if layout is not None:
        return layout
    # another version's may differ; one of this version that differs is a file of the user's with a known name
    known = metadata.layout_digest and metadata.layout in layout_names()
    if known and (metadata.tool != tool() or load_layout(metadata.layout).digest == metadata.layout_digest):
        return metadata.layout
    kind = "manifest" if not metadata.layout_digest else "layout file"
    name = metadata.layout if kind == "manifest" else f"{metadata.layout}.toml"
    for folder in (root, index.path.parent):
        if kind == "manifest" and is_manifest(name) and (folder / name).is_file():
            return str(folder / name)
    raise SettingsError(f"{index.path}: was made with the {kind} {name}; name it with --layout, as for the build")


def _known_files(index: IndexFile, order: Order, tree: Tree, then: ListedFiles | None) -> pa.Table | None:
    """What an index tells of the content of files that are still the same."""
    if not order.probe or then is None or tree.listing is None:
        return None
    old, now = unchanged(then, tree.listing)
    paths = [tree.listing.paths[row] for row in now]
    doubtful = touched_since(order.root, paths, index.path.stat().st_mtime_ns)
    told = then.table.take(pa.array(old[~doubtful])).select(["path", *order.probe.columns])
    return told.drop_null()  # what could not be read then may be readable now
