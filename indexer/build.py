"""A dataset folder -> its index file: composes scan, layout, table and file, and tells what it did."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.account import BuildReport
from indexer.destination import output_file
from indexer.errors import (
    AnnotationError,
    LayoutError,
    Problem,
    ProblemsFoundError,
    SettingsError,
    did_you_mean,
)
from indexer.freshness import current_index, is_touched, tool
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.inspection.published import published_counts, published_differences
from indexer.inspection.statistics import statistics
from indexer.kept_pids import KnownPids
from indexer.layouts import known_layouts, load_layout
from indexer.layouts.definition import Layout
from indexer.layouts.detection import bases, detect, sampled_images
from indexer.layouts.manifest import read_manifest
from indexer.layouts.reading import Reading, read_tree
from indexer.layouts.rules import apply_rules
from indexer.listed import files_beside
from indexer.order import Order, Progress, Tree, refuse_what_cannot_be
from indexer.probing import Probe, probe_samples
from indexer.roots import relative_root
from indexer.scan.listing import Listing, printable
from indexer.scan.twins import twins
from indexer.sole_writer import refuse_if_busy, sole_writer
from indexer.table import build_table


@dataclass(frozen=True)
class Earlier:
    """What an earlier index of the tree is still good for."""

    files: pa.Table | None = None
    """What it has found in files that are still the same: `path` and the columns of the probe."""
    pids: KnownPids | None = None


@contextlib.contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """A build makes millions of small objects and no cycles: looking for some took a fifth of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@no_search_for_cycles()
def build_index(
    root: str | Path,
    out: str | Path | None = None,
    *,
    layout: str | None = None,
    protocol: str | None = None,
    strict: bool = False,
    force: bool = False,
    trust: bool = False,
    links_outside: bool = False,
    probe: bool = False,
    hash: bool = False,
    jobs: int = 1,
    wait: bool = False,
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
        links_outside: Follow links that lead out of the dataset folder, now and whenever its samples are read.
        probe: Open every picture for its width, height and mode.
        hash: Read every sample's file for the digest of its content.
        jobs: Processes that open files. More than one need the caller's `if __name__ == "__main__"`.
        wait: If another process is writing the index, wait for it, and build only what is not up to date then: for processes that
            all begin with a build.
        on_progress: Told about long work.

    Raises:
        SettingsError: No such layout, or `trust` without a manifest.
        TreeError: The folder cannot be listed.
        LayoutError: No layout, or no single one, fits.
        AnnotationError: A list of the dataset is malformed.
        ProblemsFoundError: `strict`, and there is something to complain about.
        IndexFileError: The index cannot be written.
        BusyError: Another process is writing it, and `wait` is off.
    """
    if jobs < 1:
        raise SettingsError(f"jobs: expected at least 1, found {jobs}")
    started, root = time.perf_counter(), Path(root)
    place = output_file(root, Path(out) if out is not None else None)
    order = Order(root, place, layout, protocol, strict, force, trust, links_outside, Probe(probe, hash, jobs))
    refuse_what_cannot_be(order)
    chosen = load_layout(layout) if layout is not None and order.manifest is None else None

    def report_if_current(tree: Tree) -> BuildReport | None:
        if force or strict:
            return None
        current = current_index(place, root, tree.fingerprint, chosen, layout, protocol, links_outside, order.probe)
        touched = current is not None and bool(order.probe) and is_touched(current, root, tree.listing)
        return up_to_date(current, tree, started) if current is not None and not touched else None

    refuse_if_busy(place, wait=wait)
    tree = order.look(on_progress)
    if report := report_if_current(tree):  # locks nobody out: the ranks of a training may all ask at once
        return report
    with sole_writer(place, wait=wait) as at_once:
        if not at_once:
            tree = order.look(on_progress)
            if report := report_if_current(tree):
                return report
        return make_index(order, tree, Earlier(), started, on_progress)


def up_to_date(index: IndexFile, tree: Tree, started: float) -> BuildReport:
    """The report of a build that had nothing to do."""
    files = len(tree.listing) if tree.listing is not None else index.num_rows
    seconds = time.perf_counter() - started
    return BuildReport(index.path, True, index.metadata.layout, index.metadata, files, seconds=seconds)


def make_index(order: Order, tree: Tree, earlier: Earlier, started: float, on_progress: Progress | None) -> BuildReport:
    """Read the names of a tree and write its index, whatever is there now.

    Args:
        order: What is wanted.
        tree: As it was found.
        earlier: What need not be found out again.
        started: By `time.perf_counter`, for the report.
        on_progress: Told about long work.
    """
    try:
        return _make(order, tree, earlier, started, on_progress or (lambda what, count: None))
    except (LayoutError, AnnotationError) as error:
        if tree.listing is None or not tree.listing.left_out:
            raise
        # what is missing may lie where the links lead
        raise type(error)(f"{error}\n  {tree.listing.left_out}") from error


def _make(order: Order, tree: Tree, earlier: Earlier, started: float, tell: Progress) -> BuildReport:
    root, out, manifest, listing = order.root, order.out, order.manifest, tree.listing
    files = len(listing) if listing is not None else 0
    tell("reading names", files)
    published: Layout | None = None
    if manifest is not None:
        name, digest = manifest.name, ""
        reading = read_manifest(manifest, root, listing)
        protocol = _known_protocol(order.protocol, None, reading)
    else:
        assert listing is not None  # only a manifest can be trusted blindly
        published, base = _layout_and_base(order.layout, listing)
        name, digest = published.name, published.digest
        reading = read_tree(published, listing, base)
        protocol = _known_protocol(order.protocol, published.default_protocol, reading)
    probed, opened = None, 0
    if order.probe:
        looked = probe_samples(
            reading.samples,
            root,
            order.probe,
            links_outside=order.links_outside,
            known=earlier.files,
            on_progress=lambda n: tell("opening samples", n),
        )
        probed, opened = looked.files, looked.opened
        reading.problems += looked.problems
    made = build_table(
        reading.samples,
        modalities=reading.modalities,
        default_protocol=protocol,
        renumber=earlier.pids.keep if earlier.pids is not None else None,
    )
    of_tree = (*listing.problems, *twins(listing.arrow)) if listing is not None else ()
    problems = [*of_tree, *reading.problems, *made.problems]
    _raise_if_strict(order.strict, problems, reading, root)
    tell("writing the index", made.table.num_rows)
    metadata = made.metadata(
        tool(),
        layout=name,
        layout_digest=digest,
        fingerprint=tree.fingerprint,
        root=relative_root(root, out),
        protocol=protocol or "",
        kept_pids=earlier.pids is not None,
        links_outside=order.links_outside,
    )
    beside = files_beside(listing, made.table, probed) if listing is not None else None
    metadata = write_index(made.table, metadata, out, beside=beside, as_of_ns=tree.began_ns)
    facts = statistics(IndexFile(out))
    counts = published_counts(published, facts) if published is not None else ()
    if published is not None:
        problems += published_differences(published, counts, facts.facts.samples)
    return BuildReport(
        out,
        False,
        name,
        metadata,
        files if listing is not None else made.table.num_rows,
        dict(listing.droppings) if listing is not None else {},
        reading.set_aside,
        tuple(reading.annotations),
        tuple(reading.unmatched),
        tuple(problems),
        counts,
        opened,
        time.perf_counter() - started,
        facts,
    )


def _layout_and_base(layout: str | None, listing: Listing) -> tuple[Layout, str]:
    """The layout that the user named, or the one that fits; and the dataset's folder below the root."""
    if layout is not None:
        chosen = load_layout(layout)
        return chosen, best_base(chosen, listing)
    score = detect(known_layouts(), listing)
    return score.layout, score.base


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
