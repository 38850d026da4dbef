"""Layouts as pages for people: the table and the sections of docs/layouts.md, made from the layout files themselves.

python -m indexer.layouts.catalogue docs/layouts.md     write the generated part anew
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from indexer.layouts.language.annotation import Annotation
from indexer.layouts.language.layout import KINDS, Layout
from indexer.layouts.language.parts import Source
from indexer.vocabulary import split_order

BEGIN: Final = "<!-- the rest of this part is made from indexer/layouts/datasets by `make docs` -->"
END: Final = "<!-- end of the made part -->"
_TITLES: Final = {
    "visible-infrared": "Visible–infrared",
    "aligned": "Aligned modalities",
    "person": "Persons",
    "clothes": "Changing clothes",
    "text": "Text and image",
    "sketch": "Sketch and photo",
    "vehicle": "Vehicles",
    "video": "Video",
    "wildlife": "Wildlife",
    "any": "Any tree",
}


def by_kind(layouts: Iterable[Layout]) -> dict[str, list[Layout]]:
    """Layouts in the order of the kinds, then by name."""
    known = sorted(layouts, key=lambda layout: (KINDS.index(layout.kind), layout.name))
    return {_TITLES[kind]: [x for x in known if x.kind == kind] for kind in KINDS if any(x.kind == kind for x in known)}


def splits_of(layout: Layout) -> list[str]:
    """What the layout says about splits, as names: those of rules, of lists and of draws."""
    found: list[str] = []
    for rule in layout.rule:
        value = rule.split
        if isinstance(value, str):
            found += layout.standard_value("split", value, {})
        elif value is not None or "split" in rule.match.groups:
            source = value if isinstance(value, Source) else None
            group = _alternatives(rule.match.text, source.group if source else "split")
            known = {**layout.values.get("split", {}), **(source.values if source else {})}
            found += [name for word in group for name in layout.standard_value("split", word, known)]
            found += _values(layout, source) if not group else []
    told = [a.split for a in layout.annotation] + [value for d in layout.draw for value in (d.split, d.rest)]
    for value in told:
        if isinstance(value, str):
            found += layout.standard_value("split", value, {})
        elif value is not None:
            found += _values(layout, value)
    # a list's own words are not in the layout file, but what is counted is
    if not any("{" in name for name in found):
        found += [name for splits in layout.published for name in splits.split("+")]
    return split_order(found)


def _alternatives(pattern: str, group: str) -> list[str]:
    """The words of a group that is a plain choice of words: `(?P<split>train|query)`."""
    choice = re.search(rf"\(\?P<{group}>([\w|-]+)\)", pattern)
    return choice[1].split("|") if choice else []


def _values(layout: Layout, source: Source | None) -> list[str]:
    own = {**layout.values.get("split", {}), **(source.values if source else {})}
    words = [*own, *([source.otherwise] if source and source.otherwise else [])]
    return [name for word in words for name in layout.standard_value("split", word, own)]


def _lists(layout: Layout) -> list[str]:
    names = [name for a in layout.annotation for name in a.files()]
    names += [name for a in layout.annotation for name in _further(a)]
    return list(dict.fromkeys([*names, *(q.file for q in layout.queries)]))


def _further(annotation: Annotation) -> list[str]:
    files: list[str] = []
    for part in (annotation.only, annotation.runs):
        if part is not None and part.file is not None:
            files += [part.file] if isinstance(part.file, str) else part.file
    return files


def published_rows(layout: Layout) -> list[tuple[str, str]]:
    """Splits, and what is counted in them."""
    return [
        (splits, " · ".join(f"{number:,} {what}" for what, number in counts.items()))
        for splits, counts in layout.published.items()
    ]


def section(layout: Layout) -> str:
    """One dataset, in Markdown."""
    parts = [f"#### `{layout.name}` — {layout.title}", f"{layout.about[:1].upper()}{layout.about[1:]}."]
    if layout.tree.strip():
        parts.append("```text\n" + layout.tree.strip("\n") + "\n```")
    facts = []
    if splits := splits_of(layout):
        facts.append("splits: " + ", ".join(f"`{name}`" for name in splits))
    if lists := _lists(layout):
        facts.append("reads: " + ", ".join(f"`{name}`" for name in lists))
    facts += [f"published, `{splits}`: {counts}" for splits, counts in published_rows(layout)]
    if layout.counted:
        facts.append(f"counts from: {layout.counted}")
    rests = "lists of the real files" if layout.rests_on == "file lists" else "documentation and public loaders only"
    facts.append(f"written from: {rests}")
    if layout.source:
        facts.append(f"ask for it: {layout.source}")
    parts.append("\n".join(f"- {fact}" for fact in facts))
    if layout.note.strip():
        parts.append(layout.note.strip())
    return "\n\n".join(parts)


def generated(layouts: Mapping[str, Layout]) -> str:
    """The made part of docs/layouts.md: a table of all, and a section for each."""
    lines = ["| layout | dataset | modalities | written from |", "| --- | --- | --- | --- |"]
    groups = by_kind(layouts.values())
    for title, group in groups.items():
        lines.append(f"| **{title}** | | | |")
        for layout in group:
            modalities = " ".join(layout.modalities) or "those found"
            lines.append(
                f"| [`{layout.name}`](#{_anchor(layout)}) | {layout.title} | {modalities} | {layout.rests_on} |"
            )
    pages = [f"### {title}\n\n" + "\n\n".join(section(x) for x in group) for title, group in groups.items()]
    return "\n".join(lines) + "\n\n" + "\n\n".join(pages) + "\n"


def _anchor(layout: Layout) -> str:
    """As GitHub makes it of the heading."""
    heading = f"{layout.name} — {layout.title}".lower()
    return "".join(c if c.isalnum() or c in "-_" else "-" if c == " " else "" for c in heading)


def rewritten(page: str, layouts: Mapping[str, Layout]) -> str:
    """A page with its made part made anew.

    Raises:
        ValueError: The page has not the two marks.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks the marks {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n\n{generated(layouts)}\n{END}{tail}"


if __name__ == "__main__":
    from indexer.layouts import known_layouts

    file = Path(sys.argv[1])
    file.write_text(rewritten(file.read_text(encoding="utf-8"), known_layouts()), encoding="utf-8")
