"""The whole page: its head, a summary, the sections. No script, no network: a file to keep beside the results."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from indexer.inspection.cameras import NO_CAMERA
from indexer.plural import count
from indexer.report.facts import Facts
from indexer.report.markup import Content, Markup, share, tag
from indexer.report.sections import SECTIONS

_MARK: Final = '<meta name="generator" content="reidindex report">'
_HEAD: Final = 1 << 10
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Even of a page whose names were meant to do harm, nothing is run or fetched."""


def is_report(file: Path) -> bool:
    """Whether a file is a report of ours: something a report may replace."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
    return head.startswith(b"<!doctype html>") and _MARK.encode() in head


def page(facts: Facts) -> bytes:
    """The page, UTF-8. The same facts give the same bytes."""
    sections = [section(facts) for section in SECTIONS]
    way = tag(
        "nav", tag("ol", [tag("li", tag("a", one.heading, href=f"#{one.name}")) for one in sections]),
        aria_label="Sections",
    )  # fmt: skip
    body: list[Content] = [
        tag("header", tag("p", "re-identification dataset report", class_="kicker"), tag("h1", facts.name), _cards(facts), way),
        tag("main", [one.drawn(number) for number, one in enumerate(sections, 1)]),
        tag("footer", tag("p", "Made from an index of ", tag("code", facts.metadata.tool), ", digest ",
                          tag("code", facts.metadata.digest[:16]), ". The same index and settings give the same page.")),
    ]  # fmt: skip
    head = Markup(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{_MARK}\n"
        f"{tag('meta', http_equiv='Content-Security-Policy', content=_POLICY)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"{tag('title', f'{facts.name} – reidindex report')}\n<style>\n{_style()}</style>\n</head>\n"
    )
    return (head + tag("body", body) + "\n</html>\n").encode()


@cache
def _style() -> str:
    return (resources.files("indexer.report") / "page.css").read_text(encoding="utf-8")


def _cards(facts: Facts) -> Markup:
    """The numbers that are asked for first."""
    whole, told = facts.found.facts, facts.sampling
    cameras = len([name for name in facts.found.cameras if name != NO_CAMERA])
    cards: list[tuple[str, str, str]] = [
        ("samples", f"{whole.samples:,}", facts.selection),
        ("identities", f"{whole.identities:,}", "; ".join(f"{n:,} {role}" for role, n in whole.roles.items())),
        ("pairable", share(whole.pairable, whole.identities), count(whole.pairable, "identity"))
        if facts.found.pairing.others
        else ("pairable", "–", "one modality only"),
        ("complete", share(whole.complete, whole.identities), count(whole.complete, "identity")),
        ("modalities", f"{len(whole.modalities)}", " ".join(whole.modalities)),
        ("cameras", f"{cameras:,}" if cameras else "–", "" if cameras else "none told"),
        ("splits", f"{len(facts.shown):,}" if facts.shown else "–", _named_splits(facts)),
        ("batches", f"{told.batches:,}", f"an epoch of {told.split}, P={told.p} K={told.k}"),
    ]
    return tag("dl", [tag("div", tag("dt", name), tag("dd", tag("span", number, class_="big"), tag("span", remark, class_="small")))
                      for name, number, remark in cards], class_="cards")  # fmt: skip


def _named_splits(facts: Facts) -> str:
    if not facts.shown and facts.metadata.splits:
        return f"{len(facts.metadata.splits):,} of protocols"
    return " ".join(facts.shown[:5]) + (" …" if len(facts.shown) > 5 else "")
