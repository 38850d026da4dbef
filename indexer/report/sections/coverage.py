"""Which modalities an identity has: who can be paired, who is complete."""

from __future__ import annotations

from typing import Final

from indexer.inspection.statistics import SplitFacts
from indexer.report.facts import Facts
from indexer.report.figures import Bar, Combination, bars, upset
from indexer.report.markup import Content, breakable, share, tag
from indexer.report.section import Section, aligned, columns, lead, note, table

_MOST: Final = 16


def coverage(facts: Facts) -> Section:
    """The second section."""
    found, metadata = facts.found, facts.metadata
    whole, pairing = found.facts, found.pairing
    rows: list[list[Content]] = [
        [
            name,
            f.identities,
            f.pairable,
            aligned(share(f.pairable, f.identities)),
            f.complete,
            aligned(share(f.complete, f.identities)),
        ]
        for name, f in [*((name, found.splits[name]) for name in facts.shown), (facts.selection, whole)]
    ]
    combinations = table(
        "table-combinations", f"modalities of an identity, {facts.selection}", ["modalities", "identities", "share"],
        [[breakable(name), n, aligned(share(n, whole.identities))] for name, n in whole.combinations.items()],
    )  # fmt: skip
    every = f"{whole.complete:,} of {whole.identities:,} identities ({share(whole.complete, whole.identities)}) have every modality."
    pairs = f"{whole.pairable:,} ({share(whole.pairable, whole.identities)}) are pairable: they have {pairing.anchor} and {' or '.join(pairing.others)}."
    content: list[Content] = [
        lead(
            f"{every} {pairs}" if pairing.others else f"There is one modality, {pairing.anchor}: nobody can be paired."
        )
    ]
    if not whole.identities:
        return Section("coverage", "Who has which modality", [*content, note("no sample here has an identity.")])
    figure = upset(
        "figure-combinations", f"Modalities of an identity, {facts.selection}", metadata.modalities,
        _combinations(facts, whole),
    )  # fmt: skip
    named = [(name, found.splits[name]) for name in facts.shown]
    pairable = (
        []
        if not pairing.others
        else [
            Bar(name, round(1000 * f.pairable_share), f"{f.pairable:,} of {f.identities:,}")
            for name, f in named
            if f.identities
        ]
    )
    beside = bars("figure-pairable", "Pairable identities of each split", pairable, unit="identities", full=1000)
    content.append(columns(figure, beside) if pairable else figure)
    if pairing.others:
        content.append(tag("p", "Filled bars are pairable, outlined ones are not.", class_="small"))
    head = ["split", "identities", "pairable", "share", "complete", "share"]
    content += [combinations, table("table-pairable", "pairable and complete identities of each split", head, rows)]
    return Section("coverage", "Who has which modality", content)


def _combinations(facts: Facts, whole: SplitFacts) -> list[Combination]:
    pairing, named = facts.found.pairing, list(whole.combinations.items())
    rows = []
    for words, number in named[:_MOST]:
        modalities = tuple(words.split("+"))
        pairable = not pairing.others or (
            pairing.anchor in modalities and any(other in modalities for other in pairing.others)
        )
        rows.append(Combination(modalities, number, f"{number:,}", pairable))
    if len(named) > _MOST:
        rest = sum(number for _, number in named[_MOST:])
        rows.append(Combination((), rest, f"{rest:,}", False, f"{len(named) - _MOST:,} others"))
    return rows
