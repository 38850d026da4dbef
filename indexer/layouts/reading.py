"""A listing and a layout -> samples, and an account of every file: taken, set aside, used, or left over."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import LayoutError, Problem
from indexer.layouts.annotations import annotate
from indexer.layouts.draws import draw_splits
from indexer.layouts.files import Files
from indexer.layouts.joining import Rows
from indexer.layouts.language.layout import Layout
from indexer.layouts.queries import add_queries
from indexer.layouts.rules import Taken, apply_rules, take_asides
from indexer.samples import FIELDS, Samples, SplitMarks
from indexer.scan.listing import Listing, printable
from indexer.vocabulary import RGB


@dataclass
class Reading:
    """What became of the files of a tree."""

    samples: Samples
    modalities: tuple[str, ...] = ()
    """In bit order, where the layout fixes it."""
    set_aside: dict[str, int] = field(default_factory=dict)
    """Reason → number of files that are known and are no samples."""
    annotations: list[str] = field(default_factory=list)
    """Lists of the dataset that were read."""
    unmatched: list[str] = field(default_factory=list)
    """Files that nothing took."""
    problems: list[Problem] = field(default_factory=list)


def read_tree(layout: Layout, listing: Listing, base: str) -> Reading:
    """Apply a layout to a tree.

    Args:
        layout: The rules.
        listing: The files.
        base: The folder the layout's paths are relative to, as `detection` found it: empty, or ends in `/`.

    Raises:
        LayoutError: No file is a sample.
        AnnotationError: A list of the dataset is malformed.
    """
    paths = listing.arrow
    is_inside = pc.starts_with(paths, base).to_numpy(zero_copy_only=False)
    inside = np.flatnonzero(is_inside)
    seen = pc.utf8_slice_codeunits(listing.folded, len(base)) if base else listing.folded
    taken, rest = apply_rules(layout, seen, inside)
    samples = _gather(layout, taken, paths, listing)
    if not len(samples):
        example = printable(listing.paths[int(rest[0])]) if len(rest) else "none"
        raise LayoutError(
            f"{listing.root}: no file is a sample of layout {layout.name!r} ({len(listing):,} files, first: {example}); "
            "is it the right folder, the right --layout?"
        )
    files = Files(listing, base)
    # annotations name files as the dataset does, from its own folder on
    samples.path = pc.utf8_slice_codeunits(samples.path, len(base)) if base else samples.path
    told = annotate(layout, samples, files)
    samples = told.samples
    _give_roles(layout, samples)
    samples, used, odd = add_queries(layout, samples, files)
    odd += draw_splits(layout, samples)
    samples.path = pc.binary_join_element_wise(base, samples.path, "") if base else samples.path
    used = [*told.used, *used]
    is_used = pc.is_in(seen.take(pa.array(rest)), value_set=pa.array(used, pa.string())).to_numpy(zero_copy_only=False)
    aside, rest = take_asides(layout.aside, seen, rest[~is_used])
    problems = _contradictions(taken, rest, paths)
    left = np.sort(np.concatenate([rest, np.flatnonzero(~is_inside)]))
    unmatched = paths.take(pa.array(left)).to_pylist()
    set_aside = {why: len(rows) for why, rows in aside.items()}
    if told.unboxed:
        set_aside["pictures in which nobody is boxed"] = told.unboxed
    return Reading(
        samples,
        layout.modalities,
        set_aside,
        [base + name for name in dict.fromkeys(used)],
        unmatched,
        [*problems, *told.problems, *odd],
    )


def _gather(layout: Layout, taken: list[Taken], paths: pa.Array, listing: Listing) -> Samples:
    """One table from what the rules took, in path order."""
    rows = np.concatenate([t.rows for t in taken]) if taken else np.empty(0, np.int64)
    order = np.argsort(rows, kind="stable")
    at = pa.array(order)
    rows = rows[order]
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    splits = SplitMarks(len(rows))
    start = 0
    for t in taken:
        for mask, names in t.splits:
            splits.mark(position[start : start + len(t.rows)][mask], names)
        start += len(t.rows)
    fields = {
        name: pa.chunked_array([t.fields[name] for t in taken], pa.string()).take(at).combine_chunks()
        for name in FIELDS
    }
    group = None
    if any(t.group is not None for t in taken):
        groups = [t.group if t.group is not None else pa.nulls(len(t.rows), pa.string()) for t in taken]
        group = pa.chunked_array(groups, pa.string()).take(at).combine_chunks()
    samples = Samples(paths.take(pa.array(rows)), fields, splits, listing.sizes[rows], listing.mtimes_ns[rows], group)
    samples.composite = _composites(taken, position, len(rows))
    samples.fields["modality"] = pc.fill_null(samples.fields["modality"], RGB)  # lists and draws may ask for it
    return samples


def _composites(taken: list[Taken], position: Rows, size: int) -> list[tuple[str, ...]]:
    """What each picture shows side by side; empty where none shows more than one thing."""
    if not any(t.composite for t in taken):
        return []
    found: list[tuple[str, ...]] = [()] * size
    start = 0
    for t in taken:
        for place in position[start : start + len(t.rows)]:
            found[place] = t.composite
        start += len(t.rows)
    return found


def _give_roles(layout: Layout, samples: Samples) -> None:
    labels = {label: role for role, labels in layout.roles.items() for label in labels}
    if labels:
        known = pc.index_in(samples.fields["identity"], value_set=pa.array(list(labels)))
        samples.fields["role"] = pc.coalesce(pa.array(list(labels.values())).take(known), samples.fields["role"])


def _contradictions(taken: list[Taken], left: Rows, paths: pa.Array) -> list[Problem]:
    """Files whose parts contradict each other, so that the rule they fit did not take them, nor any other."""
    rows = np.intersect1d(np.concatenate([t.contradicting for t in taken]), left) if taken else left[:0]
    if not len(rows):
        return []
    first = printable(paths[int(rows[0])].as_py())
    others = f", as do {len(rows) - 1:,} others" if len(rows) > 1 else ""
    return [Problem("contradiction", first, f"folder and name contradict each other{others}: not indexed", len(rows))]
