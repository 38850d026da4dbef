"""What the splits share, and what of it would give a test away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from indexer.inspection.duplicates import Copies, Duplicates
from indexer.inspection.overlaps import Overlap
from indexer.inspection.sources import Sources
from indexer.layouts import layout_names, load_layout
from indexer.plural import count
from indexer.report.facts import Facts
from indexer.report.figures import grid
from indexer.report.markup import Content, tag
from indexer.report.section import Section, bullets, columns, lead, note, table

_MOST_PROTOCOLS: Final = 5
_MOST_BESIDE: Final = 10
"""Splits, for two grids to have room beside each other."""


def splits(facts: Facts) -> Section:
    """The fifth section."""
    heading = "Splits and leaks"
    if not facts.shown:
        return Section("splits", heading, [lead(_no_splits(facts)), *_copies(facts), *_sources(facts)])
    place = {name: number for number, name in enumerate(facts.shown)}
    people: list[list[int | None]] = [[0] * len(place) for _ in place]
    samples: list[list[int | None]] = [[0] * len(place) for _ in place]
    for one in facts.overlaps:
        for i, j in ((place[one.first], place[one.second]), (place[one.second], place[one.first])):
            people[i][j], samples[i][j] = one.identities, one.samples
    leaks = [one for one in facts.overlaps if one.leaks]
    faults = [(place[one.first], place[one.second]) for one in leaks]
    faults += [(j, i) for i, j in faults]
    pairs = [one for one in facts.overlaps if one.first != one.second]
    grids = [
        grid(
            "figure-shared-identities", "Identities that two splits share", facts.shown, facts.shown, people,
            unit="shared identities", marked=faults,
        ),
        grid(
            "figure-shared-samples", "Samples that two splits share", facts.shown, facts.shown, samples,
            unit="shared samples",
        ),
    ]  # fmt: skip
    content: list[Content] = [
        lead(_verdict(facts, leaks)),
        columns(*grids) if len(place) <= _MOST_BESIDE else grids,
        table(
            "table-overlaps", "what two splits share", ["splits", "identities", "samples"],
            [[f"{one.first} and {one.second}", one.identities, one.samples] for one in pairs],
        ) if pairs else None,
        *[_leak(one.first, one.second, one.identities, one.samples) for one in leaks],
        *_copies(facts), *_sources(facts),
    ]  # fmt: skip
    return Section("splits", heading, content)


def _no_splits(facts: Facts) -> str:
    protocols = list(dict.fromkeys(name.rpartition("/")[0] for name in facts.metadata.splits))
    if not protocols:
        return "This dataset has no splits."
    more = ", …" if len(protocols) > _MOST_PROTOCOLS else ""
    return f"Splits of protocols only: {', '.join(protocols[:_MOST_PROTOCOLS])}{more}. A report with --protocol tells those of one."


def _verdict(facts: Facts, leaks: Sequence[Overlap]) -> str:
    if leaks:
        return (
            "; ".join(f"{count(one.identities, 'identity')} of {one.first} also in {one.second}" for one in leaks) + "."
        )
    kinds = [name.rpartition("/")[2] for name in facts.shown]
    if "train" not in kinds or len(kinds) < 2:
        return "There is no training split beside one that is held out: nothing can leak."
    return "Nobody who is trained on is among those who are held out."


def _leak(first: str, second: str, identities: int, samples: int) -> Content:
    if second.rpartition("/")[2] == "val" and not samples:
        return note(
            f"{first} and {second} share {count(identities, 'identity')} and no sample: {second} tells how well people who were "
            "trained on are known again, not strangers."
        )
    return note(
        f"{first} and {second} share {count(identities, 'identity')} and {count(samples, 'sample')}: a model trained on {first} "
        f"has seen who is asked for in {second}.",
        kind="warning",
    )


def _copies(facts: Facts) -> list[Content]:
    """Files of the same content."""
    heading, found = tag("h3", "Files of the same content"), facts.duplicates
    if found is None:
        return [heading, note("not looked at: the index holds no digests of files; ", tag("code", "reidindex build --hash"),
                              " computes them.")]  # fmt: skip
    if not found.contents:
        return [heading, note("no two files have the same content.", kind="fine")]
    rows: list[list[Content]] = [
        ["contents that several files have", found.contents],
        ["files that have one of them", found.files],
        ["contents in training and held out", found.across_splits],
        ["contents under two identities", found.across_identities],
    ]
    matters = bool(found.across_splits or found.across_identities)
    told = f"{count(found.contents, 'content')} in {count(found.files, 'file')}; {found.across_splits:,} in training and held out, {found.across_identities:,} under two identities."
    return [
        heading, note(told, kind="warning" if matters else "remark"),
        table("table-copies", "files of the same content", ["", "number"], rows), _examples(found),
    ]  # fmt: skip


def _examples(found: Duplicates) -> Content:
    def told(copies: Copies) -> Content:
        more = f" and {len(copies.paths) - 3:,} more" if len(copies.paths) > 3 else ""
        where = f" ({', '.join(copies.splits)})" if copies.splits else ""
        return [tag("code", " = ".join(copies.paths[:3])), f"{more}{where}"]

    return bullets([told(copies) for copies in found.examples])


def _sources(facts: Facts) -> list[Content]:
    """A dataset that was put together from others shares its people with them."""
    heading, found = tag("h3", "People of other datasets"), facts.sources
    if not found.names:
        return [heading, tag("p", "The index names no source of its samples: whether people of this dataset are in another one, "
                             "too, cannot be told from it.")]  # fmt: skip
    rows: list[list[Content]] = [
        [name, *(found.counts[split][name].identities if name in found.counts[split] else 0 for split in facts.shown)]
        for name in found.names
    ]
    content: list[Content] = [
        heading, table("table-sources", "identities by source", ["source", *facts.shown], rows, is_open=True)
    ]  # fmt: skip
    content.append(bullets([_shared(name, found) for name in found.names]))
    content.append(
        note(
            "A model trained on this dataset and tested on one of these, or the other way round, may have seen the people it is "
            "asked for. Which half of the other dataset they are in, this index does not tell: compare the two lists before "
            "such an experiment.",
            kind="warning",
        )
    )
    return content


def _shared(name: str, found: Sources) -> str:
    """What is made of the people of a source here."""
    where = {split: counts[name].identities for split, counts in found.counts.items() if name in counts}
    trained = sum(n for split, n in where.items() if split.rpartition("/")[2] in ("train", "val"))
    tested = max((n for split, n in where.items() if split.rpartition("/")[2] not in ("train", "val")), default=0)
    known = _dataset_called(name)
    called = f"{known} (source {name})" if known else f"the source {name}"
    verb = "is" if trained == 1 else "are"
    return f"{count(trained, 'identity')} of {called} {verb} trained on here, {tested:,} tested with."


def _dataset_called(source: str) -> str | None:
    """The title of the layout that a source's name begins, e.g. `sysu` of SYSU-MM01."""
    word = source.lower()
    found = [name for name in layout_names() if name == word or name.startswith(f"{word}-")]
    return load_layout(found[0]).title if len(found) == 1 else None
