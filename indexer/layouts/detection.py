"""A listing -> the layout it has, or who comes near and why not.

Every layout is scored on a sample of the image names, spread evenly over the tree, below every folder that may be
the dataset's own: archives like to add a top folder, or two. Layouts that fit alike are told apart by what else is in
the tree, and at last by the published counts; where nothing tells them apart, that is said, and none is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import LayoutError
from indexer.layouts.files import Files
from indexer.layouts.language.layout import Layout
from indexer.layouts.rules import apply_rules, is_image, take_asides
from indexer.scan.listing import Listing, printable

SAMPLE_SIZE = 2000
MATCH_RATE = 0.99
"""Share of the images a layout must take to be recognised. Named by the user, it is applied whatever it takes."""
STRAY = 2
"""So many foreign images do no harm in a small tree either, of which they may be more than a hundredth."""
STRAY_RATE = 0.95

_DEEPEST = 3
"""Folders above the dataset's own: its archive's, the one a tool made to unpack that, and the user's."""
_GLANCE = 100
"""Names that decide which layouts are worth a closer look: most take none of them."""
_WORTH_A_LOOK = 0.5
_LEAST = 0.1


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
    strays: int = 0
    """Sampled images it does not take."""
    lacks: tuple[str, ...] = ()
    """Files that it needs and that are not in the tree."""
    marks: float = 1.0
    """Share of its marks that are there."""

    @property
    def plausible(self) -> bool:
        """Whether there are as many identities as the layout wants before it is believed."""
        return self.identities >= self.layout.detect.min_identities

    @property
    def fits(self) -> bool:
        """Whether it could be the layout of the tree."""
        enough = self.rate >= MATCH_RATE or (self.strays <= STRAY and self.rate >= STRAY_RATE)
        return enough and self.plausible and not self.lacks


@dataclass(frozen=True)
class Detected:
    """What was found out about a tree."""

    scores: list[Score]
    """Best first."""
    chosen: Score | None
    alike: list[Score] = field(default_factory=list)
    """Where several fit and nothing tells them apart."""


def sampled_images(listing: Listing) -> pa.Array:
    """Images of a tree, evenly spread over it: all, or as many as `SAMPLE_SIZE`.

    Raises:
        LayoutError: There is none.
    """
    # of a large tree a part is looked at, unless most of its files are something else
    few = _spread(len(listing), 2 * SAMPLE_SIZE)
    images = few[is_image(listing.folded.take(pa.array(few)))]
    if len(images) < SAMPLE_SIZE and len(few) < len(listing):
        images = np.flatnonzero(is_image(listing.folded))
    if not len(images):
        raise LayoutError(
            f"{listing.root}: none of the {len(listing):,} files is an image (first: {printable(listing.paths[0])}); "
            "is it the right folder, is the archive unpacked?"
        )
    return listing.folded.take(pa.array(images[_spread(len(images), SAMPLE_SIZE)]))


def _spread(size: int, most: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.linspace(0, size - 1, min(most, size)).astype(np.int64)


def bases(images: pa.Array) -> list[str]:
    """The dataset's folder itself, and what lies below it while nearly all images are in one folder."""
    found = [""]
    while len(found) <= _DEEPEST:
        top = pc.replace_substring_regex(pc.utf8_slice_codeunits(images, len(found[-1])), r"(?s:/.*|^[^/]*$)", "")
        counts = pc.value_counts(top.filter(pc.not_equal(top, ""))).to_pylist()
        largest = max(counts, key=lambda c: (c["counts"], c["values"]), default=None)
        if largest is None or largest["counts"] < STRAY_RATE * len(images):
            break
        found.append(f"{found[-1]}{largest['values']}/")
        images = images.filter(pc.starts_with(images, found[-1]))
    return found


def score_layouts(layouts: Mapping[str, Layout], listing: Listing) -> list[Score]:
    """Every layout at its best base, best first: strict layouts before loose ones, then by match rate."""
    images = sampled_images(listing)
    few = images.take(pa.array(_spread(len(images), _GLANCE)))
    folders = bases(images)
    below = {base: pc.utf8_slice_codeunits(few.filter(pc.starts_with(few, base)), len(base)) for base in folders}
    scores = []
    for layout in layouts.values():
        looks = [(base, _glance(layout, paths, len(few))) for base, paths in below.items()]
        worth = [base for base, rate in looks if rate >= _WORTH_A_LOOK]
        if worth:
            at_each = [_score(layout, base, images, listing) for base in worth]
            scores.append(max(at_each, key=lambda s: (s.rate, s.plausible, not s.lacks, -len(s.base))))
        else:
            base, rate = max(looks, key=lambda look: (look[1], -len(look[0])))
            scores.append(Score(layout, base, rate, few[0].as_py(), 0, len(few)))
    return sorted(scores, key=lambda s: (s.layout.detect.loose, -s.rate, bool(s.lacks), s.layout.name))


def _glance(layout: Layout, paths: pa.Array, names: int) -> float:
    """Share of a few names, of which `paths` lie in the folder, that the rules take; those set aside left out."""
    taken = pc.match_substring_regex(paths, "|".join(rule.match.bare for rule in layout.rule))
    count = pc.sum(taken).as_py() or 0
    if count < _LEAST * names or not layout.aside:
        return count / names  # a layout that sets nearly everything aside is that of something else
    others = paths.filter(pc.invert(taken))
    aside = pc.match_substring_regex(others, "|".join(aside.match.bare for aside in layout.aside))
    return float(count / (names - (pc.sum(aside).as_py() or 0)))


def _score(layout: Layout, base: str, sampled: pa.Array, listing: Listing) -> Score:
    is_inside = pc.starts_with(sampled, base).to_numpy(zero_copy_only=False)
    inside, outside = np.flatnonzero(is_inside), np.flatnonzero(~is_inside)
    paths = pc.utf8_slice_codeunits(sampled, len(base))
    taken, rest = apply_rules(layout, paths, inside)
    _, rest = take_asides(layout.aside, paths, rest)
    left = np.concatenate([rest, outside])
    count = sum(len(t.rows) for t in taken)
    labels = {label for t in taken for label in pc.unique(t.fields["identity"].drop_null()).to_pylist()}
    example = sampled[int(left[0])].as_py() if len(left) else ""
    files = Files(listing, base)
    lacks = tuple(need for need in layout.detect.needs if not _is_there(need, files))
    marks = [_is_there(mark, files) for mark in layout.detect.marks]
    return Score(
        layout,
        base,
        count / max(count + len(left), 1),
        example,
        len(labels),
        len(left),
        lacks,
        sum(marks) / len(marks) if marks else 1.0,
    )


def _is_there(need: str, files: Files) -> bool:
    return any(files.has(name) for name in need.split("|"))


def find_layout(layouts: Mapping[str, Layout], listing: Listing) -> Detected:
    """The layout of a tree, if there is just one that it can be.

    Raises:
        LayoutError: The tree holds no image.
    """
    scores = score_layouts(layouts, listing)
    for loose in (False, True):
        fitting = [s for s in scores if s.layout.detect.loose is loose and s.fits]
        if fitting:
            best = _told_apart([s for s in fitting if s.rate == fitting[0].rate], listing)
            return Detected(scores, best[0]) if len(best) == 1 else Detected(scores, None, best)
    return Detected(scores, None)


def _told_apart(alike: list[Score], listing: Listing) -> list[Score]:
    """Of layouts that fit alike those that remain: by who yields to whom, by marks, by published counts."""
    names = {s.layout.name for s in alike}
    alike = [s for s in alike if not names & set(s.layout.detect.yields_to)] or alike
    marked = [s for s in alike if s.layout.detect.marks and s.marks == 1.0]
    alike = marked or alike
    if len(alike) == 1:
        return alike
    return [s for s in alike if _has_published_counts(s, listing)] or alike


def _has_published_counts(score: Score, listing: Listing) -> bool:
    """Whether the tree holds exactly what the layout's source counts, as far as names alone tell it."""
    inside = np.flatnonzero(pc.starts_with(listing.folded, score.base).to_numpy(zero_copy_only=False))
    taken, _ = apply_rules(score.layout, pc.utf8_slice_codeunits(listing.folded, len(score.base)), inside)
    marked: dict[str, set[int]] = {}
    for t in taken:
        for mask, names in t.splits:
            for name in names:
                marked.setdefault(name, set()).update(t.rows[mask].tolist())
    agree = []
    for splits, counts in score.layout.published.items():
        parts = splits.split("+")
        expected = counts.get("samples", sum(n for what, n in counts.items() if what in score.layout.modalities))
        if expected and set(parts) <= set(marked):
            agree.append(len(set().union(*(marked[part] for part in parts))) == expected)
    return bool(agree) and all(agree)


def detect(layouts: Mapping[str, Layout], listing: Listing) -> Score:
    """The layout of a tree.

    Raises:
        LayoutError: None fits, or several fit alike; the message shows the nearest and what to do.
    """
    return chosen_of(find_layout(layouts, listing), listing)


def chosen_of(detected: Detected, listing: Listing) -> Score:
    """The one layout that was found.

    Raises:
        LayoutError: There is none, or there are several; the message shows the nearest and what to do.
    """
    if detected.chosen is not None:
        return detected.chosen
    if detected.alike:
        raise LayoutError(_cannot_tell(detected.alike, listing))
    raise LayoutError(_nothing_fits(detected.scores, listing))


def _cannot_tell(alike: list[Score], listing: Listing) -> str:
    names = [s.layout.name for s in alike]
    counts = "" if len(names) < 2 else "; their names are alike, and the tree has the published counts of none"
    lines = [
        f"{listing.root}: cannot tell which of the layouts {', '.join(names[:-1])} and {names[-1]} it is: "
        f"they fit equally well ({alike[0].rate:.0%} of the images){counts}"
    ]
    for s in alike:
        marks = [m for m in s.layout.detect.marks if not _is_there(m, Files(listing, s.base))]
        sign = f"; would be known by {', '.join(marks)}" if marks else ""
        lines.append(f"  {s.layout.name}: {s.layout.title}{sign}")
    lines.append(f"  say which it is with --layout, e.g. `--layout {names[0]}`")
    return "\n".join(lines)


def _nothing_fits(scores: list[Score], listing: Listing) -> str:
    near = sorted((s for s in scores if s.rate > 0), key=lambda s: (-s.rate, s.layout.detect.loose))[:3]
    lines = [f"{listing.root}: no known layout fits this tree (at least {MATCH_RATE:.0%} of the images must match)"]
    lines += [f"  {s.layout.name} matches {s.rate:.0%}{why_not(s)}" for s in near]
    if not near:
        lines.append(f"  no layout matches any image, e.g. {printable(sampled_images(listing)[0].as_py())}")
    loose = next((s.layout.name for s in near if s.layout.detect.loose), None)
    lines.append(
        "  choose one with --layout NAME, or describe the tree in a file of ten lines: --layout my.toml (docs/layouts.md)"
    )
    lines.append(f"  `reidindex layouts --new {listing.root}` proposes such a file")
    if loose:
        lines.append(f"  if every folder that holds images is an identity: --layout {loose}")
    return "\n".join(lines)


def why_not(score: Score) -> str:
    """What keeps a layout from fitting, to follow its match rate; empty if nothing does."""
    few = "" if score.plausible else f", with {score.identities} identity folders only"
    lacks = f", without {', '.join(need.replace('|', ' or ') for need in score.lacks)}" if score.lacks else ""
    example = f", but not {printable(score.unmatched)}" if score.unmatched else ""
    return f"{few}{lacks}{example}"
