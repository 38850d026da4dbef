"""What P, K and a group contract would do: how many batches, who is never drawn, and how soon everything has been seen."""

from __future__ import annotations

from indexer.plural import count
from indexer.report.facts import Facts, Sampling
from indexer.report.figures import Bar, Line, bars, lines
from indexer.report.markup import Content, share, tag
from indexer.report.section import Section, aligned, columns, lead, note, table


def batches(facts: Facts) -> Section:
    """The sixth section."""
    told = facts.sampling
    heading = f"Batches of P={told.p} and K={told.k}"
    content: list[Content] = []
    if told.advice is not None:
        content += [
            lead(f"These settings cannot work on {told.split}, with each={told.each}."),
            note(told.advice, kind="warning"),
        ]
    else:
        content.append(
            lead(
                f"{count(told.batches, 'batch')} an epoch from {told.split}, with each={told.contract}: "
                f"{told.serving:,} of {told.identities:,} identities can serve."
            )
        )
    if told.identities:
        content.append(columns(_serving(told), _left_out(told)))
    if told.coverage:
        content += _coverage(told)
    return Section("batches", heading, content)


def _serving(told: Sampling) -> Content:
    rows = [Bar("can serve", told.serving, f"{told.serving:,}")]
    rows += [Bar(one.reason, one.identities, f"{one.identities:,}") for one in told.left_out]
    return bars("figure-serving", f"Identities of {told.split}: who can serve, and why others cannot", rows,
                unit="identities")  # fmt: skip


def _left_out(told: Sampling) -> Content:
    if not told.left_out:
        return note("nobody is left out.", kind="fine") if told.advice is None else None
    rows: list[list[Content]] = [[one.reason, one.identities, ", ".join(one.examples)] for one in told.left_out]
    return table("table-left-out", "who is never drawn", ["reason", "identities", "such as"], rows, is_open=True)


def _coverage(told: Sampling) -> list[Content]:
    steps = [one.epochs for one in told.coverage]
    rows = [
        Line("identities", tuple(one.identities / max(told.identities, 1) for one in told.coverage)),
        Line("samples", tuple(one.samples / max(told.samples, 1) for one in told.coverage)),
    ]
    last = told.coverage[-1]
    numbers: list[list[Content]] = [
        [tag("span", str(one.epochs)), one.identities, aligned(share(one.identities, told.identities)), one.samples, aligned(share(one.samples, told.samples))]
        for one in told.coverage
    ]  # fmt: skip
    asked = (
        f" Of the {told.epochs_asked:,} epochs that were asked for, {len(steps):,} were drawn: with a dataset of this size more take long."
        if told.epochs_asked > len(steps)
        else ""
    )
    words = (
        f"After {count(last.epochs, 'epoch')} {last.identities:,} identities and {last.samples:,} of {told.samples:,} samples "
        f"({share(last.samples, told.samples)}) have been drawn. {told.repeats:,} of {told.drawn:,} rows "
        f"({share(told.repeats, told.drawn)}) repeat one of their block.{asked} Seed {told.seed}."
    )
    head = ["after epochs", "identities", "share", "samples", "share"]
    return [
        lines("figure-coverage", "What has been drawn at least once", steps, rows, unit="epochs"),
        tag("p", words),
        table("table-coverage", "what has been drawn at least once", head, numbers),
    ]
