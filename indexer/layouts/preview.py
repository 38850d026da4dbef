"""What a layout's rules would make of a tree, without building anything: counts and parsed examples of each rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.layouts.language.layout import Layout
from indexer.layouts.rules import Taken, apply_rules
from indexer.samples import FIELDS
from indexer.scan.listing import Listing

EXAMPLES = 3


@dataclass(frozen=True)
class RulePreview:
    """One rule on a tree."""

    pattern: str
    taken: int
    """Files it takes."""
    examples: tuple[tuple[str, dict[str, str]], ...]
    """Paths spread over what it takes, and what it tells of each: field → value, and `split`."""


def preview(layout: Layout, listing: Listing, base: str) -> list[RulePreview]:
    """Each rule of a layout on the whole listing, in the order in which they take files."""
    inside = np.flatnonzero(pc.starts_with(listing.folded, base).to_numpy(zero_copy_only=False))
    taken, _ = apply_rules(layout, pc.utf8_slice_codeunits(listing.folded, len(base)), inside)
    shown = [
        RulePreview(rule.match.text, len(t.rows), tuple(_examples(t, listing.arrow)))
        for rule, t in zip(layout.rule, taken, strict=False)
    ]
    # rules that came too late to see a file
    rest = [RulePreview(rule.match.text, 0, ()) for rule in layout.rule[len(taken) :]]
    return shown + rest


def _examples(taken: Taken, paths: pa.Array) -> list[tuple[str, dict[str, str]]]:
    if not len(taken.rows):
        return []
    chosen = sorted({int(i) for i in np.linspace(0, len(taken.rows) - 1, EXAMPLES)})
    found = []
    for i in chosen:
        told = {name: taken.fields[name][i].as_py() for name in FIELDS}
        if taken.composite:
            told["modality"] = "+".join(taken.composite)
        splits = [name for mask, names in taken.splits if mask[i] for name in names]
        facts = {name: word for name, word in told.items() if word is not None}
        found.append((paths[int(taken.rows[i])].as_py(), facts | ({"split": "+".join(splits)} if splits else {})))
    return found
