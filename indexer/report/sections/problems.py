"""What to know before training with it: everything that may be wrong, or meant so."""

from __future__ import annotations

from indexer.inspection.cameras import NO_CAMERA
from indexer.plural import count
from indexer.report.facts import Facts
from indexer.report.markup import Content, share, tag
from indexer.report.section import Section, bullets, lead


def problems(facts: Facts) -> Section:
    """The eighth section."""
    found = [*_of_the_tree(facts), *_of_the_splits(facts), *_of_the_people(facts), *_of_the_samples(facts)]
    told = (
        f"{count(len(found), 'thing')} to know." if found else "Nothing was found that a training would stumble over."
    )
    return Section("problems", "What to look at", [lead(told), bullets(found) if found else None])


def _item(what: str, *why: Content) -> Content:
    return [tag("strong", what), " ", *why]


def _of_the_tree(facts: Facts) -> list[Content]:
    metadata = facts.metadata
    found: list[Content] = []
    if facts.changed:
        found.append(
            _item("The tree has changed since the index was made.", "Files were added, removed or rewritten; ",
                  tag("code", "reidindex build"), " brings it up to date.")
        )  # fmt: skip
    elif facts.changed is None and ":" not in metadata.fingerprint:
        found.append(_item("The tree was not compared with the index.", "It may have changed since the build."))
    differ = [c for c in facts.published if c.differs]
    if facts.is_a_part:
        found.append(_item("Far less than the dataset's source counts.", "A part of it, or another set in its layout."))
    elif differ:
        found.append(
            _item(f"{count(len(differ), 'count')} differ from the published ones.", "Is it a part of the dataset?")
        )
    return found


def _of_the_splits(facts: Facts) -> list[Content]:
    there = tag("a", "splits", href="#splits")
    found = [
        _item(f"{one.first} and {one.second} share {count(one.identities, 'identity')}.", "See ", there, ".")
        for one in facts.overlaps
        if one.leaks
    ]
    for query, gallery, missing in facts.unmatched:
        if missing:
            found.append(
                _item(f"{count(missing, 'identity')} of {query} have no sample in {gallery}.",
                      "Nothing there is right for them: evaluations leave such queries out.")
            )  # fmt: skip
    for name in facts.shown:
        told = facts.found.splits[name]
        if not told.samples:
            found.append(_item(f"The split {name} has no samples.", "It is named in the index and empty."))
        elif not told.identities:
            found.append(_item(f"The split {name} has no identities.", f"Its {count(told.samples, 'sample')} are of nobody who is known."))  # fmt: skip
    told_by = facts.duplicates
    if told_by is not None and told_by.across_splits:
        told_files = f"{count(told_by.across_splits, 'content')} in files of training and of what is held out."
        found.append(_item(told_files, "The test holds pictures that were trained on. See ", there, "."))
    if told_by is not None and told_by.across_identities:
        told_files = f"{count(told_by.across_identities, 'content')} under two or more identities."
        found.append(_item(told_files, "One of the labels is wrong, or two people are one. See ", there, "."))
    runs = facts.found.runs
    nowhere = int(runs.sizes[runs.splits == 0].sum())
    if nowhere and facts.metadata.splits:
        found.append(_item(f"{count(nowhere, 'sample')} in no split.", "Never drawn, unless all samples are asked for."))  # fmt: skip
    return found


def _of_the_people(facts: Facts) -> list[Content]:
    whole, rare = facts.found.facts, facts.rare
    found: list[Content] = []
    if rare.single_sample:
        told = f"{count(rare.single_sample, 'identity')} with a single sample ({share(rare.single_sample, whole.identities)} of those here)."
        found.append(_item(told, "Their blocks repeat it, and have no positive pair that differs; on_short='exclude' leaves them out."))  # fmt: skip
    if set(facts.found.cameras) <= {NO_CAMERA}:
        found.append(_item("No camera is told.", "Evaluations cannot leave out what the same camera saw."))
    elif rare.one_camera:
        told = f"{count(rare.one_camera, 'identity')} seen by one camera only ({share(rare.one_camera, whole.identities)} of those here)."
        found.append(
            _item(told, "They cannot serve cameras>=2; where the same camera is left out, they have no match.")
        )
    lacking = whole.identities - whole.pairable
    if facts.found.pairing.others and lacking:
        told = f"{count(lacking, 'identity')} that cannot be paired ({share(lacking, whole.identities)} of those here)."
        found.append(_item(told, "each='pair' leaves them out."))
    return found


def _of_the_samples(facts: Facts) -> list[Content]:
    whole, found = facts.found.facts, []
    words = {
        "hidden": "the dataset does not tell whose; never drawn",
        "distractor": "in the gallery, of nobody who is asked for",
        "junk": "passed over by evaluations",
    }
    for role, number in whole.roles.items():
        what = (
            f"{count(number, 'sample')} with hidden identity"
            if role == "hidden"
            else f"{count(number, f'{role} sample')}"
        )
        found.append(_item(f"{what}:", f"{words.get(role, 'kept and counted, never sampled')}."))
    empty = [name for name in facts.metadata.modalities if not any(name in f.modalities for f in (whole, *facts.found.splits.values()))]  # fmt: skip
    found += [_item(f"No sample has the modality {name}.", "The layout names it.") for name in empty]
    unread = max(
        facts.duplicates.unreadable if facts.duplicates is not None else 0,
        facts.probed.unreadable if facts.probed else 0,
    )
    if unread:
        found.append(
            _item(
                f"{count(unread, 'sample')} could not be read when the index was made.",
                "Their files are missing or broken.",
            )
        )
    return found
