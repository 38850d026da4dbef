"""A listing -> the layout it has, or who comes near and why not.

Every layout is scored on a sample of the image names, spread evenly over the tree, below every folder that may be
the dataset's own: archives like to add a top folder, or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import LayoutError
from indexer.layouts.definition import Layout
from indexer.layouts.rules import apply_rules, is_image, take_asides
from indexer.scan.listing import Listing, printable

SAMPLE_SIZE = 2000
MATCH_RATE = 0.95
"""Share of the images a layout must take to be recognised. Named by the user, it is applied whatever it takes."""


@dataclass(frozen=True)
class Score:
    """How well one layout fits."""

    layout: Layout
    base: str
    """The folder its paths are relative to: empty, or ends in `/`."""
    rate: float
    """Share of the sampled images its rules take, those it sets aside left out."""
    unmatched: str
    """An example of an image it does not take; empty if it takes all."""
    identities: int
    """Labels among the sampled images."""

    @property
    def plausible(self) -> bool:
        """Whether there are as many identities as the layout wants before it is believed."""
        return self.identities >= self.layout.detect.min_identities


def sampled_images(listing: Listing) -> pa.Array:
    """Images of a tree, evenly spread over it: all, or as many as `SAMPLE_SIZE`.

    Raises:
        LayoutError: There is none.
    """
    images = np.flatnonzero(is_image(listing.folded))
    if not len(images):
        raise LayoutError(
            f"{listing.root}: none of the {len(listing):,} files is an image (first: {printable(listing.paths[0])}); "
            "is it the right folder, is the archive unpacked?"
        )
    step = np.linspace(0, len(images) - 1, min(SAMPLE_SIZE, len(images))).astype(np.int64)
    return listing.folded.take(pa.array(images[step]))


def bases(images: pa.Array) -> list[str]:
    """The dataset's folder itself, and what lies below it while nearly all images are in one folder."""
    found = [""]
    while len(found) < 3:
        top = pc.replace_substring_regex(pc.utf8_slice_codeunits(images, len(found[-1])), r"(?s:/.*|^[^/]*$)", "")
        counts = pc.value_counts(top.filter(pc.not_equal(top, ""))).to_pylist()
        largest = max(counts, key=lambda c: (c["counts"], c["values"]), default=None)
        if largest is None or largest["counts"] < MATCH_RATE * len(images):
            break
        found.append(f"{found[-1]}{largest['values']}/")
        images = images.filter(pc.starts_with(images, found[-1]))
    return found


def score_layouts(layouts: Mapping[str, Layout], listing: Listing) -> list[Score]:
    """Every layout at its best base, best first: strict layouts before loose ones, then by match rate."""
    images = sampled_images(listing)
    folders = bases(images)
    scores = [
        max((_score(layout, base, images) for base in folders), key=lambda s: (s.rate, s.plausible, -len(s.base)))
        for layout in layouts.values()
    ]
    return sorted(scores, key=lambda s: (s.layout.detect.loose, -s.rate, s.layout.name))


def _score(layout: Layout, base: str, sampled: pa.Array) -> Score:
    is_inside = pc.starts_with(sampled, base).to_numpy(zero_copy_only=False)
    inside, outside = np.flatnonzero(is_inside), np.flatnonzero(~is_inside)
    paths = pc.utf8_slice_codeunits(sampled, len(base))
    taken, rest = apply_rules(layout, paths, inside)
    _, rest = take_asides(layout.aside, paths, rest)
    left = np.concatenate([rest, outside])
    count = sum(len(t.rows) for t in taken)
    labels = {label for t in taken for label in pc.unique(t.fields["identity"].drop_null()).to_pylist()}
    example = sampled[int(left[0])].as_py() if len(left) else ""
    return Score(layout, base, count / max(count + len(left), 1), example, len(labels))


def detect(layouts: Mapping[str, Layout], listing: Listing) -> Score:
    """The layout of a tree.

    Raises:
        LayoutError: None fits, or several fit alike; the message shows the nearest and what to do.
    """
    scores = score_layouts(layouts, listing)
    for loose in (False, True):
        alike = [s for s in scores if s.layout.detect.loose is loose]
        fitting = [s for s in alike if s.rate >= MATCH_RATE and s.plausible]
        if fitting:
            best = [s for s in fitting if s.rate == fitting[0].rate]
            if len(best) > 1:
                names = " and ".join(s.layout.name for s in best)
                raise LayoutError(
                    f"{listing.root}: the layouts {names} fit equally well ({best[0].rate:.0%} of the images); "
                    f"say which it is with --layout, e.g. `--layout {best[0].layout.name}`"
                )
            return best[0]
    raise LayoutError(_nothing_fits(scores, listing))


def _nothing_fits(scores: list[Score], listing: Listing) -> str:
    near = sorted((s for s in scores if s.rate > 0), key=lambda s: -s.rate)[:3]
    lines = [f"{listing.root}: no known layout fits this tree (at least {MATCH_RATE:.0%} of the images must match)"]
    for s in near:
        example = f", but not {printable(s.unmatched)}" if s.unmatched else ""
        few = "" if s.plausible else f", with {s.identities} identity folders only"
        lines.append(f"  {s.layout.name} matches {s.rate:.0%}{few}{example}")
    if not near:
        lines.append(f"  no layout matches any image, e.g. {printable(sampled_images(listing)[0].as_py())}")
    loose = next((s.layout.name for s in near if s.layout.detect.loose), None)
    lines.append(
        "  choose one with --layout NAME, or describe the tree in a file of ten lines: --layout my.toml (docs/layouts.md)"
    )
    if loose:
        lines.append(f"  if every folder that holds images is an identity: --layout {loose}")
    return "\n".join(lines)
