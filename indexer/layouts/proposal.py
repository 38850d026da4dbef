"""A tree nobody knows -> a layout for its user to correct.

The text says of every part of a path what it was taken for and why. It is made from names alone, and from the first
lines of lists; the same listing gives the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.layouts.detection import sampled_images
from indexer.layouts.guessing.extras import Extras, propose_extras
from indexer.layouts.guessing.guesses import fuse_folders, guess_fields
from indexer.layouts.guessing.lists import Known
from indexer.layouts.guessing.measuring import Measured, Slot, measure, pairs
from indexer.layouts.guessing.patterns import name_in, pattern_of, quoted
from indexer.layouts.guessing.shapes import EXTENSION, NOBODY, Shape, find_shapes
from indexer.layouts.guessing.words import Guesses, split_of
from indexer.layouts.rules import is_image
from indexer.scan.listing import Listing, printable
from indexer.vocabulary import modality_spellings, split_spellings, standard_split

MOST_RULES: Final = 8
_ROUNDS: Final = 4
_SAMPLE_MORE: Final = 500
NOBODY_KNOWN: Final = "unknown"
"""The identity of every image where nothing in the paths looks like one."""


@dataclass(frozen=True)
class Proposal:
    """A layout file's text, and what its user should know."""

    toml: str
    remarks: tuple[str, ...]
    """What was guessed and why, what to check."""


def propose_layout(listing: Listing, *, name: str) -> Proposal:
    """Guess the layout of a tree.

    Args:
        listing: Its files; of those only lists are opened, and of them only the beginning.
        name: What the layout will be called.

    Raises:
        LayoutError: There is no image.
    """
    images, rows = _all_images(listing)
    shapes, left = _shapes_of(images, sampled_images(listing))
    cut = sorted(shapes, key=lambda s: -s.size)[MOST_RULES:]
    shapes = [s for s in shapes if s not in cut] if cut else shapes
    found = guess_fields(shapes)
    labels = _labels(shapes, found)
    lists = _others(listing, rows)
    known = Known.of(listing.arrow.filter(pa.array(rows)).to_pylist(), labels) if lists else Known((), labels)
    extras = propose_extras(listing.root, lists, known)
    remarks = [
        *_told(shapes, found, extras),
        *_warnings(shapes, found),
        *_left_over(cut, left, images),
        *extras.remarks,
    ]
    return Proposal(_text(name, shapes, found, extras, labels, len(images)), tuple(remarks))


def _all_images(listing: Listing) -> tuple[pa.Array, NDArray[np.bool_]]:
    rows = is_image(listing.folded)
    return listing.folded.filter(pa.array(rows)), rows


def _others(listing: Listing, images: NDArray[np.bool_]) -> list[str]:
    return [listing.paths[int(i)] for i in np.flatnonzero(~images)]


def _shapes_of(images: pa.Array, sample: pa.Array) -> tuple[list[Measured], NDArray[np.int64]]:
    """Shapes of a sample, measured on all images; what they miss joins the sample, until little is missed."""
    measured: list[Measured] = []
    left = np.arange(len(images))
    for _ in range(_ROUNDS):
        stems = pc.replace_substring_regex(sample, rf"(?:\.{EXTENSION})+$", "")
        measured, left = measure(find_shapes(stems.to_pylist()), images)
        if not len(left):
            break
        step = np.linspace(0, len(left) - 1, min(_SAMPLE_MORE, len(left))).astype(np.int64)
        sample = pa.concat_arrays([sample, images.take(pa.array(left[step]))])
    fused: list[Shape] = fuse_folders(measured)
    if fused != [m.shape for m in measured]:
        measured, left = measure(fused, images)
    return measured, left


def _slots(shapes: Sequence[Measured], found: Sequence[Guesses], group: str) -> list[tuple[int, Slot]]:
    """Which slot has a group, by the number of its shape."""
    return [
        (number, shape.slots[i])
        for number, (shape, guesses) in enumerate(zip(shapes, found, strict=True))
        for i, guess in guesses.items()
        if guess.group == group
    ]


def _labels(shapes: Sequence[Measured], found: Sequence[Guesses]) -> frozenset[str]:
    return frozenset(word for _, slot in _slots(shapes, found, "identity") for word in slot.words)


# ------------------------------------------------------------------------------------------------------ the file


def _text(
    name: str,
    shapes: Sequence[Measured],
    found: Sequence[Guesses],
    extras: Extras,
    labels: frozenset[str],
    images: int,
) -> str:
    lines = [
        f"# A guess, made from {images:,} image name{'s' * (images != 1)}. Correct what is wrong, then build with --layout and this file.",
        f"title = {quoted(name)}",
    ]
    lines += _split_values(shapes, found)
    lines += _role_lines(shapes, found)
    nobody = not labels and not extras.tells_identity
    if nobody:
        lines += [
            "# NOTHING IN THESE PATHS LOOKS LIKE AN IDENTITY. Until you name a part (?P<identity>…), or a list that tells it,",
            f'# every image is "{NOBODY_KNOWN}", and nobody.',
            f'roles = {{ junk = ["{NOBODY_KNOWN}"] }}',
        ]
    for shape, guesses in zip(shapes, found, strict=True):
        lines += ["", *_rule(shape, guesses, nobody)]
    lines += extras.lines
    return "\n".join(lines) + "\n"


def _rule(shape: Measured, guesses: Guesses, nobody: bool) -> list[str]:
    count = f"{shape.size:,} image{'s' * (shape.size != 1)}"
    lines = [f"# {count}, such as {name_in(shape.example)}"]
    for i, slot in enumerate(shape.slots):
        guess = guesses.get(i)
        if guess is not None:
            lines.append(f"#   {guess.group}: {printable(guess.why)}")
        elif slot.varies:
            lines.append(f"#   no name: {_unnamed(slot)}{_scope_hint(slot, shape, guesses)}")
    if not any(g.group == "identity" for g in guesses.values()) and not nobody:
        lines.append("#   identity: none seen in these paths; without one, nobody is known to be on them")
    lines += ["[[rule]]", f"match = '{pattern_of(shape, guesses)}'"]
    if nobody:
        lines.append(f'identity = "{NOBODY_KNOWN}"')
    if (template := _tracklet_template(shape, guesses)) is not None:
        lines += [f"tracklet = {quoted(template)}   # the numbers begin anew for each identity"]
    return lines


def _unnamed(slot: Slot) -> str:
    words = slot.words
    after = f' after "{name_in(slot.prefix)}"' if slot.prefix else ""
    if len(words) <= 6:
        return f"{', '.join(name_in(w) for w in words)}{after}"
    return f"{len(words):,} values{after}, {name_in(words[0])} to {name_in(words[-1])}"


def _scope_hint(slot: Slot, shape: Measured, guesses: Guesses) -> str:
    """Words before the identity may be conditions, or places each with people of its own."""
    identity = next((shape.slots[i] for i, g in guesses.items() if g.group == "identity"), None)
    if identity is None or slot.in_name or slot.kind == "digits" or slot.component >= identity.component:
        return ""
    if pairs(identity.codes, slot.codes) == len(identity.words):
        return ""
    return "; if identities are numbered anew in each, call it (?P<scope>…)"


def _tracklet_template(shape: Measured, guesses: Guesses) -> str | None:
    """Tracklets that are numbered anew for each identity need the identity's label to differ."""
    slots = {g.group: shape.slots[i] for i, g in guesses.items()}
    if "tracklet" not in slots or "identity" not in slots:
        return None
    if pairs(slots["identity"].codes, slots["tracklet"].codes) <= 1.05 * len(slots["tracklet"].words):
        return None
    return "{identity}" + "C{camera}" * ("camera" in slots) + "T{tracklet}"


def _split_values(shapes: Sequence[Measured], found: Sequence[Guesses]) -> list[str]:
    words = sorted({word for _, slot in _slots(shapes, found, "split") for word in slot.words})
    meanings = {word: split_of(word) for word in words}
    has_query = "query" in meanings.values() and "gallery" not in meanings.values()
    values = {}
    for word, split in meanings.items():
        wanted = "gallery" if split == "test" and has_query else split
        if wanted is not None and standard_split(word) != wanted:
            values[word] = wanted
    if not values and not ("test" in meanings.values() and not has_query):
        return []
    table = ", ".join(f"{quoted(word, key=True)} = {quoted(split)}" for word, split in values.items())
    lines = [f"values.split = {{ {table} }}"] if values else []
    if "test" in meanings.values() and has_query:
        lines.insert(0, "# beside a query, what is called test is probably the gallery")
    elif "test" in meanings.values() and "gallery" not in meanings.values():
        word = next(w for w, s in meanings.items() if s == "test")
        lines.append(
            f'# if the test half is query and gallery at once: {quoted(word, key=True)} = ["query", "gallery"] in values.split'
        )
    return lines


def _role_lines(shapes: Sequence[Measured], found: Sequence[Guesses]) -> list[str]:
    counts: dict[str, int] = {}
    for _, slot in _slots(shapes, found, "identity"):
        usual = 2 * slot.counts.mean()
        for i, word in enumerate(slot.words):
            if NOBODY.fullmatch(word) and (word.strip("0") or slot.counts[i] >= usual or not _begins_at(word, slot)):
                counts[word] = counts.get(word, 0) + int(slot.counts[i])
    if not counts:
        return []
    roles: dict[str, list[str]] = {"distractor": [], "junk": []}
    for word in sorted(counts):
        roles["junk" if word.startswith("-") or word.lower() in ("junk", "noise") else "distractor"].append(word)
    told = ", ".join(f"{r} = [{', '.join(map(quoted, words))}]" for r, words in roles.items() if words)
    seen = ", ".join(f"{name_in(word)} ({_images(count)})" for word, count in sorted(counts.items()))
    return [f"# Labels that often mean nobody: {seen}. If so here:", f"# roles = {{ {told} }}"]


def _begins_at(zero: str, slot: Slot) -> bool:
    """Whether 0 is simply the first of the numbers: 1 is there, too."""
    return "1".zfill(len(zero)) in slot.words


# ------------------------------------------------------------------------------------------------------- remarks


def _told(shapes: Sequence[Measured], found: Sequence[Guesses], extras: Extras) -> list[str]:
    """One line for each field that was guessed."""
    remarks = []
    for field in ("identity", "camera", "modality", "split", "view", "tracklet", "frame"):
        slots = _slots(shapes, found, field)
        if not slots:
            continue
        words = {word for _, slot in slots for word in slot.words}
        images = sum(shapes[number].size for number, _ in slots)
        few = f": {', '.join(name_in(w) for w in sorted(words))}" if len(words) <= 8 else ""
        remarks.append(f"{field}: {len(words):,} value{'s' * (len(words) != 1)} in {_images(images)}{few}; check it")
    if not any(r.startswith("identity") for r in remarks):
        remarks.insert(
            0,
            f"identity: no part of the paths looks like one; it is read from {extras.tells_identity}, check its columns"
            if extras.tells_identity
            else "identity: nothing in these paths looks like one; name the part, or a list that tells it",
        )
    return remarks


def _warnings(shapes: Sequence[Measured], found: Sequence[Guesses]) -> list[str]:
    remarks = []
    bare = sum(s.size for s, g in zip(shapes, found, strict=True) if not any(x.group == "identity" for x in g.values()))
    if bare and _labels(shapes, found):
        remarks.append(f"no identity was seen in the paths of {_images(bare)}")
    if not _slots(shapes, found, "split"):
        remarks.append("no split was seen in the paths; if lists tell it, see the annotations")
    unknown = sorted(
        {
            w
            for _, slot in _slots(shapes, found, "split")
            for w in slot.words
            if w.lower() not in split_spellings() and not split_of(w)
        }
    )
    if unknown:
        remarks.append(f"taken as splits without knowing them: {', '.join(map(name_in, unknown))}")
    unknown = sorted(
        {w for _, s in _slots(shapes, found, "modality") for w in s.words if w.lower() not in modality_spellings()}
    )
    if unknown:
        remarks.append(
            f"taken as modalities without knowing them: {', '.join(map(name_in, unknown))}; see values.modality"
        )
    for number, slot in _slots(shapes, found, "modality"):
        groups = {g.group for g in found[number].values()}
        if slot.varies and _repeats(shapes[number], slot) and "identity" in groups:
            remarks.append(
                f"the same names lie under {', '.join(map(name_in, slot.words))}: if those show one moment, make them one sample "
                "with `aligned = [groups that together name the set]`"
            )
            break
    return remarks


def _repeats(shape: Measured, modality: Slot) -> bool:
    """Whether paths differ in nothing but their modality."""
    codes = np.zeros(shape.size, np.int64)
    for slot in shape.slots:
        if slot is not modality and slot.words != modality.words:
            codes = np.unique(codes * len(slot.words) + slot.codes, return_inverse=True)[1].astype(np.int64)
    return bool((int(codes.max(initial=0)) + 1) * len(modality.words) <= 1.1 * shape.size)


def _left_over(cut: Sequence[Measured], left: NDArray[np.int64], images: pa.Array) -> list[str]:
    remarks = [f"no rule for {_images(s.size)} such as {name_in(s.example)}" for s in cut[:8]]
    if len(cut) > 8:
        remarks.append(f"no rule for {_images(sum(s.size for s in cut[8:]))} of {len(cut) - 8:,} other shapes")
    if len(left):
        remarks.append(f"no rule for {_images(len(left))} such as {name_in(str(images[int(left[0])].as_py()))}")
    return remarks


def _images(number: int) -> str:
    return f"{number:,} image{'s' * (number != 1)}"
