"""An index and the files that are there -> which are not as they were."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.changes import Changes, changes, unchanged
from indexer.checking.findings import Finding, Links
from indexer.freshness import stamp_of
from indexer.index_file import IndexFile
from indexer.listed import ListedFiles, known_files, listed_files
from indexer.opening import content_hash
from indexer.sample_file import opened, real_file
from indexer.scan.listing import Listing, as_int64, list_tree
from indexer.scan.status import GRANULARITY_NS, status_times
from indexer.schema import INDEX_NAME, UNKNOWN

_MOST_OF_A_TREE = 0.9
_SECOND_NS = 1_000_000_000

Progress = Callable[[str, int], None]


@dataclass
class TreeReport:
    """What a comparison has found."""

    files: int = 0
    """Files of the tree; for an index that was not made from a tree, those that it names."""
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    compared: int = 0
    """Files whose content was compared with its digest."""
    links: Links = "within"


def compare_with_tree(
    index: IndexFile, root: Path, manifest: Path | None, *, deep: bool, on_progress: Progress
) -> TreeReport:
    """Find the files that are not as the index tells them.

    Args:
        index: The index.
        root: The dataset folder.
        manifest: Of an index that was made with one: it may lie in the tree.
        deep: Compare the content of every file whose digest is known; else of those only that may have been rewritten in
            secret.
        on_progress: Told about long work.

    Raises:
        TreeError: The tree cannot be listed.
    """
    report = TreeReport()
    then = listed_files(index)
    if then is None:
        then = known_files(index)
        now = _looked_at(index, root, then)
        report.remarks.append("this index tells its samples only: files that came to the tree are not looked for")
    else:
        exclude = [index.path, root / INDEX_NAME, *([manifest] if manifest is not None else [])]
        now = list_tree(
            root,
            exclude=exclude,
            links_outside=index.metadata.links_outside,
            on_progress=lambda n: on_progress("listing files", n),
        )
    report.files = len(now)
    report.remarks += [str(problem) for problem in now.problems if problem.kind in ("unreadable", "vanished")]
    if now.left_out:
        report.remarks.append(now.left_out)
        report.links = "left out"
    elif index.metadata.links_outside:
        report.remarks.append("links that lead out of the folder are followed, as the index was built")
        report.links = "followed"
    happened = changes(then, now) if now.fingerprint() != index.metadata.fingerprint.partition(":")[0] else Changes()
    if not index.metadata.layout_digest:
        happened, edited = _apart_from_manifest(happened, index, root)
        report.findings += edited
    report.findings += _told(happened)
    old, here = unchanged(then, now)
    paths = [now.paths[row] for row in here]
    hashes = then.table["content_hash"].combine_chunks().take(pa.array(old))
    stamp = index.path.stat().st_mtime_ns
    has_digest = hashes.is_valid().to_numpy(zero_copy_only=False)
    changed = status_times(root, paths)
    doubtful = changed >= stamp - GRANULARITY_NS
    to_compare = np.flatnonzero(has_digest & (doubtful | deep))
    for count, row in enumerate(to_compare.tolist()):
        if count % 100 == 0:
            on_progress("comparing contents", count)
        report.findings += _compared(index, root, paths[row], hashes[row].as_py())
    report.compared = len(to_compare)
    # without a digest nothing can be looked up: a clock's inaccuracy is no reason for an alarm
    coarse = GRANULARITY_NS if stamp % _SECOND_NS == 0 else 0
    younger = changed >= stamp + coarse
    told = younger & (then.size[old] != UNKNOWN) & ~has_digest
    if deep and not has_digest.any():
        report.remarks.append("contents could not be compared: the index was built without --hash")
    if younger.sum() <= _MOST_OF_A_TREE * len(paths):
        report.findings += [Finding("doubtful", paths[row]) for row in np.flatnonzero(told).tolist()]
    elif told.any():
        report.remarks.append(
            "all files are younger than the index, as after a copy: whether one was rewritten with its old size and time, "
            f"only its digest could tell, and {told.sum():,} have none"
        )
    return report


def _told(happened: Changes) -> list[Finding]:
    return [
        *(Finding("added", path) for path in happened.added),
        *(Finding("removed", path) for path in happened.removed),
        *(Finding("rewritten", path) for path in happened.rewritten),
        *(Finding("moved", old, f"is now {new}") for old, new in happened.moved),
    ]


def _apart_from_manifest(happened: Changes, index: IndexFile, root: Path) -> tuple[Changes, list[Finding]]:
    """The manifest is no file of its tree, wherever it lies there; where it lay the index does not tell."""
    name = index.metadata.layout
    within = next((path for path in happened.added if path.rpartition("/")[2] == name), None)
    places = [root / name, index.path.parent / name, *([root / within] if within is not None else [])]
    there = [place for place in places if place.is_file()]
    found = []
    if there and not any(index.metadata.fingerprint.endswith(f":{stamp_of(place)}") for place in there):
        found.append(Finding("rewritten", str(there[0]), "the manifest that the index was made with"))
    return replace(happened, added=tuple(path for path in happened.added if path != within)), found


def _compared(index: IndexFile, root: Path, path: str, expected: bytes) -> list[Finding]:
    try:
        with opened(real_file(root, path, links_outside=index.metadata.links_outside)) as stream:
            found = content_hash(stream.read())
    except OSError as error:
        return [Finding("content", path, f"cannot be read ({error.strerror or error})")]
    return [] if found == expected else [Finding("content", path)]


def _looked_at(index: IndexFile, root: Path, then: ListedFiles) -> Listing:
    """The files that an index names, as they are; without a size or time where it tells none."""
    paths, sizes, times = [], [], []
    for path, size in zip(then.path.to_pylist(), then.size.tolist(), strict=True):
        try:
            status = os.stat(real_file(root, path, links_outside=index.metadata.links_outside))  # noqa: PTH116 - once for every sample
        except OSError:
            continue  # as in a listing: a folder, FIFO or device is no file, nor is what a link out of the tree leads to
        paths.append(path)
        sizes.append(status.st_size if size != UNKNOWN else UNKNOWN)
        times.append(status.st_mtime_ns if size != UNKNOWN else UNKNOWN)
    return Listing(root, paths, np.array(sizes, np.int64), as_int64(times))


def files_of_samples(index: IndexFile) -> pa.Array:
    """Every file that holds a sample or a part of an aligned one, each once; not the documents of sentences."""
    table = index.table(["path", "aligned", "modality"])
    pictures = pc.not_equal(table["modality"].cast(pa.string()), "text")
    paths = table["path"].filter(pictures)
    partners = table["aligned"].combine_chunks().flatten()
    others = pc.struct_field(partners, "path") if len(partners) else pa.array([], pa.string())
    return pc.unique(pa.chunked_array([*paths.chunks, others]))
