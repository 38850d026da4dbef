"""A dataset folder -> its index file: composes scan, layout, table and file, and tells what it did."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from indexer.destination import output_file, refuse_foreign
from indexer.errors import (
    IndexFileError,
    Problem,
    ProblemsFoundError,
    SettingsError,
    TreeMissingError,
    did_you_mean,
)
from indexer.index_file import IndexFile, write_index
from indexer.inspection.published import PublishedCount, published_counts, published_differences
from indexer.inspection.statistics import Statistics, statistics
from indexer.layouts import known_layouts, layout_names, load_layout
from indexer.layouts.definition import Layout
from indexer.layouts.detection import bases, detect, sampled_images
from indexer.layouts.manifest import is_manifest, read_manifest
from indexer.layouts.reading import Reading, read_tree
from indexer.layouts.rules import apply_rules
from indexer.scan.listing import Listing, list_tree, printable
from indexer.schema import INDEX_NAME, IndexMetadata, Pairing
from indexer.table import IndexTable, build_table

Progress = Callable[[str, int], None]
"""Called with what is being done and how far it is (files so far)."""


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
    seconds: float = 0.0

    counted: Statistics | None = None

    @property
    def statistics(self) -> Statistics:
        """What the index holds; counted now where the build had nothing to do."""
        return self.counted if self.counted is not None else statistics(IndexFile(self.index))


def build_index(
    root: str | Path,
    out: str | Path | None = None,
    *,
    layout: str | None = None,
    protocol: str | None = None,
    strict: bool = False,
    force: bool = False,
    trust: bool = False,
    on_progress: Progress | None = None,
) -> BuildReport:
    """Scan a dataset once and write its index.

    Args:
        root: The dataset folder.
        out: The index file; by default `reidindex.parquet` in the dataset folder.
        layout: Name of a layout, a layout file (`.toml`) or a manifest (`.csv`, `.jsonl`, `.parquet`). None: found out.
        protocol: `trial3`: its splits are also the plain `train`, `query`, …, and its training identities come first. None: as
            the layout says.
        strict: Any problem and any file that nothing took is an error; nothing is written then.
        force: Write anew even when the index is up to date.
        trust: With a manifest: take its word that the files are there, do not list the folder.
        on_progress: Told about long work.

    Raises:
        SettingsError: No such layout, or `trust` without a manifest.
        TreeError: The folder cannot be listed.
        LayoutError: No layout, or no single one, fits.
        AnnotationError: A list of the dataset is malformed.
        ProblemsFoundError: `strict`, and there is something to complain about.
        IndexFileError: The index cannot be written.
    """
    with _no_search_for_cycles():
        return _build(root, out, layout, protocol, strict=strict, force=force, trust=trust, on_progress=on_progress)


@contextlib.contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """A build makes millions of small objects and no cycles: looking for some took a fifth of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _build(
    root: str | Path,
    out: str | Path | None,
    layout: str | None,
    protocol: str | None,
    *,
    strict: bool,
    force: bool,
    trust: bool,
    on_progress: Progress | None,
) -> BuildReport:
    started = time.perf_counter()
    root = Path(root)
    manifest = Path(layout) if layout is not None and is_manifest(layout) else None
    if trust and manifest is None:
        raise SettingsError("--trust goes with a manifest: `--layout manifest.csv|.jsonl|.parquet --trust`")
    out = output_file(root, Path(out) if out is not None else None)
    if manifest is not None and out.exists() and manifest.exists() and out.samefile(manifest):
        raise SettingsError(f"{out}: is the manifest itself; name another file for the index with -o")
    if trust and not root.is_dir():
        raise TreeMissingError(f"{root}: no such folder; check the path")
    # what can be refused at once is refused before a long scan
    chosen = load_layout(layout) if layout is not None and manifest is None else None
    refuse_foreign(out, force=force)
    listing = None if trust else _list(root, out, manifest, on_progress)
    tell = on_progress or (lambda what, count: None)
    fingerprint = _fingerprint(listing, manifest)
    if not force and not strict:
        current = _current(out, root, fingerprint, chosen, layout, protocol)
        if current is not None:
            files = len(listing) if listing is not None else current.num_rows
            seconds = time.perf_counter() - started
            return BuildReport(out, True, current.metadata.layout, current.metadata, files, seconds=seconds)
    tell("reading names", len(listing) if listing is not None else 0)
    if manifest is not None:
        name, digest, published = manifest.name, "", None
        reading = read_manifest(manifest, root, listing)
        protocol = _known_protocol(protocol, None, reading)
    else:
        assert listing is not None  # only a manifest can be trusted blindly
        if chosen is None:
            score = detect(known_layouts(), listing)
            chosen, base = score.layout, score.base
        else:
            base = best_base(chosen, listing)
        name, digest, published = chosen.name, chosen.digest, chosen
        reading = read_tree(chosen, listing, base)
        protocol = _known_protocol(protocol, chosen.default_protocol, reading)
    made = build_table(reading.samples, modalities=reading.modalities, default_protocol=protocol)
    problems = [*(listing.problems if listing is not None else ()), *reading.problems, *made.problems]
    _raise_if_strict(strict, problems, reading, root)
    tell("writing the index", made.table.num_rows)
    metadata = _metadata(made, name, digest, fingerprint, root, out, protocol or "")
    metadata = write_index(made.table, metadata, out)
    facts = statistics(IndexFile(out))
    counts = published_counts(published, facts) if published is not None else ()
    if published is not None:
        problems += published_differences(published, counts, facts.facts.samples)
    return BuildReport(
        out,
        False,
        name,
        metadata,
        len(listing) if listing is not None else made.table.num_rows,
        dict(listing.droppings) if listing is not None else {},
        reading.set_aside,
        tuple(reading.annotations),
        tuple(reading.unmatched),
        tuple(problems),
        counts,
        time.perf_counter() - started,
        facts,
    )


def _list(root: Path, out: Path, manifest: Path | None, on_progress: Progress | None) -> Listing:
    exclude = [out, root / INDEX_NAME, *([manifest] if manifest is not None else [])]
    counted = (lambda count: on_progress("listing files", count)) if on_progress else None
    return list_tree(root, exclude=exclude, on_progress=counted)


def _fingerprint(listing: Listing | None, manifest: Path | None) -> str:
    """Digest of what the index would be made from."""
    parts = [listing.fingerprint() if listing is not None else "trusted"]
    if manifest is not None:
        try:
            status = manifest.stat()
        except OSError as error:
            raise TreeMissingError(f"{manifest}: this manifest cannot be read ({error.strerror})") from None
        parts.append(f"{manifest.name}:{status.st_size}:{status.st_mtime_ns}")
    return ":".join(parts)


def _current(
    out: Path, root: Path, fingerprint: str, chosen: Layout | None, layout: str | None, protocol: str | None
) -> IndexFile | None:
    """The index that is there, if it says what a new one would."""
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
        same_tool = metadata.tool == _tool()
        same_root = metadata.root == _relative_root(root, out)
        usual = known.default_protocol if known is not None else None
        same_protocol = metadata.protocol == (usual or "" if protocol is None else protocol)
        if metadata.fingerprint == fingerprint and same_layout and same_tool and same_root and same_protocol:
            return index
    return None


def best_base(layout: Layout, listing: Listing) -> str:
    """The folder in which a layout that the user named takes most: empty, or ends in `/`."""
    images = sampled_images(listing)

    def taken(base: str) -> int:
        paths = pc.utf8_slice_codeunits(images.filter(pc.starts_with(images, base)), len(base))
        return sum(len(t.rows) for t in apply_rules(layout, paths, np.arange(len(paths)))[0])

    return max(bases(images), key=lambda base: (taken(base), -len(base)))


def _known_protocol(wanted: str | None, usual: str | None, reading: Reading) -> str | None:
    """The protocol whose splits are also the plain ones.

    Raises:
        SettingsError: The user's is none of this dataset.
    """
    protocols = list(dict.fromkeys(name.rpartition("/")[0] for name in reading.samples.splits.names if "/" in name))
    if wanted is not None and wanted not in protocols:
        known = did_you_mean(wanted, protocols) if protocols else "this dataset has none"
        raise SettingsError(f"--protocol: no protocol {wanted!r}; {known}")
    return wanted if wanted is not None else usual


def _metadata(
    made: IndexTable, name: str, digest: str, fingerprint: str, root: Path, out: Path, protocol: str
) -> IndexMetadata:
    return IndexMetadata(
        tool=_tool(),
        layout=name,
        layout_digest=digest,
        modalities=made.modalities,
        splits=made.splits,
        views=made.views,
        pairing=Pairing.default(made.modalities),
        samples=made.table.num_rows,
        identities=made.identities,
        split_runs=made.split_runs,
        fingerprint=fingerprint,
        root=_relative_root(root, out),
        query_sets=made.query_sets,
        protocol=protocol,
    )


def _tool() -> str:
    return f"reidindex {version('reidindex')}"


def _relative_root(root: Path, out: Path) -> str:
    """The root as seen from the index: tree and index can move together."""
    try:
        return Path(os.path.relpath(root.resolve(), out.parent.resolve())).as_posix()
    except ValueError:  # Windows: another drive has no relative path
        return root.resolve().as_posix()


def _raise_if_strict(strict: bool, problems: list[Problem], reading: Reading, root: Path) -> None:
    if not strict or not (problems or reading.unmatched):
        return
    found = [
        *problems,
        *(Problem("unmatched", printable(path), "no rule of the layout took it") for path in reading.unmatched),
    ]
    shown = "".join(f"\n  {problem}" for problem in found[:10])
    more = f"\n  … and {len(found) - 10:,} more" if len(found) > 10 else ""
    raise ProblemsFoundError(
        f"{root}: {len(found):,} found that --strict does not allow; no index was written{shown}{more}", found
    )


def as_json(report: BuildReport) -> dict[str, Any]:
    """The report as one JSON object (docs/cli.md)."""
    return {
        "schema": 1,
        "index": str(report.index),
        "up_to_date": report.up_to_date,
        "layout": report.layout,
        "digest": report.metadata.digest,
        "files": report.files,
        "samples": report.metadata.samples,
        "identities": report.metadata.identities,
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
