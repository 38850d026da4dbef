"""What the dataset is, and whether it is what its source counts."""

from __future__ import annotations

from indexer.plural import count
from indexer.report.facts import Facts
from indexer.report.figures import Bar, bars
from indexer.report.markup import Content, Markup, breakable, tag
from indexer.report.section import Section, columns, lead, note, table


def dataset(facts: Facts) -> Section:
    """The first section."""
    metadata, layout, whole = facts.metadata, facts.layout, facts.found
    about: list[tuple[str, Content]] = [("Layout", tag("code", metadata.layout))]
    if layout is not None:
        about += [("What it is", layout.about), ("Source", _source(layout.source))]
    about += [
        ("Modalities", ", ".join(metadata.modalities)),
        ("Splits", ", ".join(facts.shown) or "none"),
        ("Digest", tag("code", metadata.digest[:16])),
        ("Made by", metadata.tool),
    ]
    if facts.probed is not None and facts.probed.widths and facts.probed.heights:
        (narrow, wide), (low, high) = facts.probed.widths, facts.probed.heights
        about.append(
            ("Pictures", f"{_span(narrow, wide)} × {_span(low, high)} pixels, {', '.join(facts.probed.modes)}")
        )
    if metadata.protocol:
        about.append(("Protocol", metadata.protocol))
    if metadata.made_by:
        about.append(("Turned from another index", tag("code", metadata.made_by)))
    others = len(metadata.splits) - len(facts.shown)
    if others:
        about.append(("Further splits", f"{others:,}, of {'other ' if facts.shown else ''}protocols"))
    listed = tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in about], class_="facts")
    by_modality = [Bar(name, counts.samples, f"{counts.samples:,}") for name, counts in whole.facts.modalities.items()]
    rows: list[list[Content]] = [
        [name, f.samples, f.identities, *(f.modalities[m].samples if m in f.modalities else 0 for m in metadata.modalities)]
        for name, f in [*((name, whole.splits[name]) for name in facts.shown), (facts.selection, whole.facts)]
    ]  # fmt: skip
    content: list[Content] = [
        lead(
            f"{facts.name}: {count(metadata.samples, 'sample')} of {_people(metadata.identities)} "
            f"in {count(len(metadata.modalities), 'modality')}."
        ),
        columns(
            listed, bars("figure-modalities", f"Samples of each modality, {facts.selection}", by_modality, unit="samples")
        ),
        table("table-splits", "samples and identities of each split", ["split", "samples", "identities", *metadata.modalities], rows),
    ]  # fmt: skip
    return Section("dataset", "What this dataset is", [*content, *_published(facts)])


def _span(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"


def _people(identities: int) -> str:
    return count(identities, "identity")


def _source(source: str) -> Content:
    """As text: a page that is opened years later should not send its reader anywhere."""
    return tag("span", source, class_="long")


def _published(facts: Facts) -> list[Content]:
    counts = facts.published
    if not counts:
        return [note("this layout comes with no published counts to compare with.")]
    differ = [c for c in counts if c.differs]
    content: list[Content] = []
    if not differ:
        content.append(note(f"all {len(counts)} counts that its source publishes were found.", kind="fine"))
    elif facts.is_a_part:
        content.append(
            note(
                "far less than its source counts: a part of it, or another set in its layout. The published counts are of the whole."
            )
        )
    else:
        told = f"{len(differ)} of the {len(counts)} counts that its source publishes differ from what was found."
        content.append(note(told, kind="warning"))
    rows: list[list[Content]] = [
        [breakable(c.splits), c.what, c.published, c.found, _verdict(c.published, c.found)] for c in counts
    ]
    head = ["split", "what", "published", "found", ""]
    content.append(
        table(
            "table-published",
            "published counts and what was found",
            head,
            rows,
            is_open=bool(differ) and not facts.is_a_part,
        )
    )
    if facts.layout is not None and facts.layout.counted:
        content.append(tag("p", f"Where the published counts come from: {facts.layout.counted}.", class_="small"))
    return content


def _verdict(published: int, found: int) -> Markup:
    if published == found:
        return tag("span", "✓ as published", class_="good")
    return tag("span", f"differs: {found - published:+,}", class_="bad")
