"""How many samples an identity has, over all and of each modality."""

from __future__ import annotations

from indexer.inspection.statistics import Distribution
from indexer.plural import count
from indexer.report.facts import Facts
from indexer.report.figures import Bar, bars
from indexer.report.markup import Content, Markup, share, tag
from indexer.report.section import Section, aligned, lead, note, table


def amounts(facts: Facts) -> Section:
    """The third section."""
    found = facts.found
    whole, heading = found.facts.per_identity, "Samples of an identity"
    if not whole.histogram:
        return Section("amounts", heading, [note("no sample here has an identity.")])
    named = {"every modality": whole, **(facts.amounts if len(facts.amounts) > 1 else {})}
    drawn = [
        bars(f"figure-amounts-{number}", _title(name), _bars(distribution), unit="identities by their samples")
        for number, (name, distribution) in enumerate(named.items())
    ]
    splits = {name: found.splits[name].per_identity for name in facts.shown if found.splits[name].identities}
    rows = [_row(name, distribution) for name, distribution in [*named.items(), *splits.items()]]
    content: list[Content] = [
        lead(_how_many(whole)),
        tag("div", drawn, class_="tiles"),
        table(
            "table-amounts", "samples of an identity, by modality and by split",
            ["", "identities", "least", "quarter", "median", "three quarters", "most", "mean"], rows,
        ),
        _histogram(whole),
    ]  # fmt: skip
    return Section("amounts", heading, content)


def _how_many(whole: Distribution) -> str:
    low, q1, median, q3, high = (f"{q:g}" for q in whole.quartiles)
    if low == high:
        return f"Every identity has {count(int(whole.quartiles[0]), 'sample')}."
    half = f"half of them have {q1} to {q3}" if q1 != q3 else f"at least half of them have {q1}"
    return f"Identities have {low} to {high} samples, {half}; the median is {median}, the mean {whole.mean:.1f}."


def _title(name: str) -> str:
    return "Samples of an identity" if name == "every modality" else f"Samples of an identity: {name}"


def _bars(distribution: Distribution) -> list[Bar]:
    return [Bar(_bin(a, b), n, f"{n:,}") for a, b, n in distribution.histogram]


def _bin(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,}–{last:,}"


def _row(name: str, distribution: Distribution) -> list[Content]:
    identities = sum(n for *_, n in distribution.histogram)
    quartiles = [aligned(f"{q:g}") for q in distribution.quartiles]
    return [name, identities, *quartiles, aligned(f"{distribution.mean:.1f}")]


def _histogram(whole: Distribution) -> Markup:
    identities = sum(n for *_, n in whole.histogram)
    rows: list[list[Content]] = [[_bin(a, b), n, aligned(share(n, identities))] for a, b, n in whole.histogram]
    return table("table-histogram", "identities by their number of samples", ["samples", "identities", "share"], rows)
