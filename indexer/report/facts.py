"""What a report is made of: plain values. The command gathers them; a page is drawn from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.inspection.duplicates import Duplicates, duplicates
from indexer.inspection.overlaps import Overlap, overlaps, unmatched_queries
from indexer.inspection.people import Rare, rare_identities
from indexer.inspection.probed import Probed, probed
from indexer.inspection.published import PublishedCount, published_counts, published_differences
from indexer.inspection.sources import Sources, sources
from indexer.inspection.statistics import Distribution, Statistics, distributions
from indexer.layouts import layout_names, load_layout
from indexer.layouts.definition import Layout
from indexer.schema import IndexMetadata


@dataclass(frozen=True)
class LeftOut:
    """Identities that a contract never draws."""

    reason: str
    identities: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Coverage:
    """What has been drawn at least once after some epochs."""

    epochs: int
    identities: int
    samples: int


@dataclass(frozen=True)
class Sampling:
    """What P, K and a contract would do."""

    split: str
    p: int
    k: int
    each: str
    """The contract as it was asked for."""
    seed: int
    contract: str = ""
    """Spelled out."""
    samples: int = 0
    """Of the split."""
    identities: int = 0
    serving: int = 0
    left_out: tuple[LeftOut, ...] = ()
    batches: int = 0
    """Of an epoch."""
    coverage: tuple[Coverage, ...] = ()
    """After each epoch that was drawn."""
    epochs_asked: int = 0
    drawn: int = 0
    """Rows, over all of these epochs."""
    repeats: int = 0
    """Of them, rows that their block held already."""
    advice: str | None = None
    """Why the settings cannot work, and what could."""


@dataclass(frozen=True)
class Cell:
    """One identity in one modality."""

    image: bytes | None = None
    """A JPEG file."""
    size: tuple[int, int] = (0, 0)
    """Its width and height in pixels."""
    caption: str | None = None
    """A sentence, in the place of an image."""
    path: str = ""
    problem: str | None = None
    """Why there is an image that cannot be shown; nothing at all where the identity has no sample of the modality."""


@dataclass(frozen=True)
class PictureRow:
    """One identity."""

    identity: str
    combination: str
    """Its modalities, in the selection."""
    cells: dict[str, Cell]
    """By modality; one that the identity lacks is not there."""


@dataclass(frozen=True)
class Pictures:
    """Some identities, seen in every modality."""

    rows: tuple[PictureRow, ...] = ()
    absent: str | None = None
    """Why there are none."""


@dataclass(frozen=True)
class Facts:
    """Everything that a page tells."""

    found: Statistics
    shown: tuple[str, ...]
    """The splits that are told one by one: the plain ones, or those of a protocol."""
    layout: Layout | None
    """None: the index was made with a manifest or a layout of one's own."""
    published: tuple[PublishedCount, ...]
    amounts: dict[str, Distribution]
    """Modality → its samples of an identity, in the selection."""
    overlaps: tuple[Overlap, ...]
    sources: Sources
    duplicates: Duplicates | None
    rare: Rare
    probed: Probed | None
    unmatched: tuple[tuple[str, str, int], ...]
    """Query split, gallery split, and how many identities ask for somebody who is not there."""
    sampling: Sampling
    pictures: Pictures
    changed: bool | None = None
    """Whether the tree is another one than was indexed; None: nobody looked."""
    title: str | None = None

    @property
    def metadata(self) -> IndexMetadata:
        """Of the index."""
        return self.found.index.metadata

    @property
    def selection(self) -> str:
        """What the figures are of, in words."""
        return "all samples" if self.found.selected == "all" else self.found.selected

    @property
    def is_a_part(self) -> bool:
        """Whether the index holds far less than its layout's dataset: counts that differ say no more then."""
        if self.layout is None:
            return False
        told = published_differences(self.layout, self.published, self.metadata.samples)
        return any(problem.where == self.layout.name for problem in told)

    @property
    def name(self) -> str:
        """What the page is called."""
        return self.title or (self.layout.title if self.layout else self.metadata.layout)


def gather(
    found: Statistics,
    *,
    protocol: str | None = None,
    sampling: Sampling,
    pictures: Pictures,
    changed: bool | None = None,
    title: str | None = None,
) -> Facts:
    """Count what the statistics do not tell yet.

    Args:
        found: The statistics of the index, for the selection that the page shows.
        protocol: Whose splits are told one by one; None: the plain ones.
        sampling: What P, K and the contract would do.
        pictures: Some identities.
        changed: Whether the tree has changed since the build; None: not looked at.
        title: Of the page; None: the layout's.
    """
    index, runs, metadata = found.index, found.runs, found.index.metadata
    layout = load_layout(metadata.layout) if metadata.layout in layout_names() else None
    if layout is not None and layout.digest != metadata.layout_digest:
        layout = None  # one's own of the same name, or another version: its counts are not this index's
    selected = [] if found.selected == "all" else found.selected.split("+")
    shown = shown_splits(metadata.splits, protocol, selected)
    return Facts(
        found, shown, layout, published_counts(layout, found) if layout is not None else (), distributions(runs, selected),
        overlaps(runs, shown), sources(runs, shown), duplicates(runs, shown), rare_identities(index, runs, selected), probed(runs),
        tuple(
            (query, gallery, unmatched_queries(runs, query, gallery))
            for query in shown if query.rpartition("/")[2] == "query"
            for gallery in [query.removesuffix("query") + "gallery"] if gallery in shown
        ),
        sampling, pictures, changed, title,
    )  # fmt: skip


def shown_splits(known: Sequence[str], protocol: str | None, selected: Sequence[str]) -> tuple[str, ...]:
    """The splits that are told one by one.

    >>> shown_splits(["train", "query", "all0/gallery"], None, [])
    ('train', 'query')
    >>> shown_splits(["train", "trial3/train", "trial3/query"], "trial3", ["trial3/train"])
    ('trial3/train', 'trial3/query')
    >>> shown_splits(["train", "all0/gallery"], None, ["all0/gallery"])
    ('train', 'all0/gallery')
    """
    return tuple(
        name for name in known if name in selected or name.rpartition("/")[0] == (protocol if protocol else "")
    )
