"""`reidindex build --dry-run`: which layouts fit a tree, how well, and what the rules make of its names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.cli import console
from indexer.cli.console import count

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.layouts.detection import Detected, Score
    from indexer.layouts.preview import RulePreview

_RANKED = 5


def show_dry_run(data: Path, output: Path | None, layout: str | None, *, links_outside: bool, as_json: bool) -> None:
    """Rank the layouts on a tree, or apply the one that the user names, and show examples. Writes no file.

    Raises:
        TreeError: The folder cannot be listed.
        LayoutError: No layout, or no single one, fits; the ranking is shown before.
        SettingsError: A manifest was named: it has no rules to try.
    """
    from indexer.build import best_base
    from indexer.errors import SettingsError
    from indexer.layouts import known_layouts, load_layout
    from indexer.layouts.detection import chosen_of, find_layout
    from indexer.layouts.manifest import is_manifest
    from indexer.layouts.preview import preview
    from indexer.scan import list_tree
    from indexer.schema import INDEX_NAME

    if layout is not None and is_manifest(layout):
        raise SettingsError("--dry-run: a manifest names its samples itself, there are no rules to try")
    with console.progress() as progress:
        exclude = [data / INDEX_NAME, *([output] if output is not None else [])]
        listing = list_tree(
            data,
            exclude=exclude,
            links_outside=links_outside,
            on_progress=lambda n: progress("listing files", n),
        )
    if listing.left_out:
        console.err().print(f"! {listing.left_out}", markup=False)
    named = load_layout(layout) if layout is not None else None
    detected = find_layout(known_layouts(), listing) if named is None else None
    chosen, base = None, ""
    if named is not None:
        chosen, base = named, best_base(named, listing)
    elif detected is not None and detected.chosen is not None:
        chosen, base = detected.chosen.layout, detected.chosen.base
    rules = preview(chosen, listing, base) if chosen is not None else []
    if as_json:
        console.print_json(_as_json(data, len(listing), detected, chosen.name if chosen else None, base, rules))
    else:
        out = console.out()
        out.print(f"{count(len(listing), 'file')} in {data}; nothing is written", markup=False)
        if detected is not None:
            _rank(detected, out)
        if chosen is not None:
            _examples(chosen.name, base, rules, out)
    if detected is not None:
        chosen_of(detected, listing)  # says why there is none


def _rank(detected: Detected, out: Console) -> None:
    from rich.markup import escape

    from indexer.layouts.detection import why_not
    from indexer.scan.listing import printable

    fit = [s for s in detected.scores if s.rate > 0]
    # the loose ones last, as they are tried
    for score in fit[:_RANKED]:
        sign = "[green]→[/]" if score is detected.chosen else "[yellow]?[/]" if score in detected.alike else " "
        where = f" in {escape(printable(score.base))}" if score.base else ""
        out.print(f"{sign} {score.rate:>6.1%}  {score.layout.name}{where}[dim]{escape(why_not(score))}[/]")
    if len(fit) > _RANKED:
        out.print(f"[dim]  and {count(len(fit) - _RANKED, 'layout')} that take some of the names[/]")


def _examples(name: str, base: str, rules: list[RulePreview], out: Console) -> None:
    from rich.markup import escape

    from indexer.scan.listing import printable

    out.print(f"\n[bold]{escape(name)}[/]" + (f" in {escape(printable(base))}" if base else ""))
    for rule in rules:
        out.print(f"  [cyan]{escape(rule.pattern)}[/]  takes {count(rule.taken, 'file')}", soft_wrap=True)
        for path, told in rule.examples:
            facts = "  ".join(f"{field} [bold]{escape(printable(word))}[/]" for field, word in told.items())
            out.print(f"    {escape(printable(path))}\n      {facts}", soft_wrap=True)


def _as_json(
    data: Path, files: int, detected: Detected | None, layout: str | None, base: str, rules: list[RulePreview]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "data": str(data),
        "files": files,
        "layout": layout,
        "base": base,
        "ranking": None if detected is None else [_score_json(s) for s in detected.scores if s.rate > 0],
        "alike": [] if detected is None else [s.layout.name for s in detected.alike],
        "rules": [
            {"match": r.pattern, "taken": r.taken, "examples": [{"path": path, **told} for path, told in r.examples]}
            for r in rules
        ],
    }


def _score_json(score: Score) -> dict[str, Any]:
    return {
        "layout": score.layout.name,
        "base": score.base,
        "rate": round(score.rate, 4),
        "fits": score.fits,
        "lacks": list(score.lacks),
        "unmatched": score.unmatched or None,
    }
