"""What varies in the paths of a tree -> what it probably is: identity, camera, modality, split.

Words decide where they can (`thermal`, `bounding_box_train`, the `c` of `c3`). Elsewhere numbers do: an identity has
several images and is seen by several cameras, a frame is nearly unique. Each guess says why it was made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from indexer.layouts.guessing.identities import guess_identities, known_share, name_numbers
from indexer.layouts.guessing.measuring import Measured, Slot, lengths, pairs
from indexer.layouts.guessing.shapes import FEW_WORDS, TEXT, Component, Shape
from indexer.layouts.guessing.words import Guess, Guesses, first_slot, guess_by_words, meaning, values_of

_LONGEST_NUMBER: Final = 9  # more digits do not fit the index's numbers


def guess_fields(shapes: Sequence[Measured]) -> list[Guesses]:
    """What the slots of each shape are; a shape without identity has none that looked like one."""
    found = [guess_by_words(shape) for shape in shapes]
    guess_identities(shapes, found)
    cameras: set[str] = set()
    for shape, guesses in sorted(zip(shapes, found, strict=True), key=lambda x: -x[0].size):
        _add_repeats(shape, guesses)
        _add_camera(shape, guesses, cameras)
        for add in (_add_tracklet, _add_view, _add_frame, _add_repeats):
            add(shape, guesses)
    return found


def fuse_folders(shapes: Sequence[Measured]) -> list[Shape]:
    """Shapes in which a folder of several varying numbers, none of them telling by itself, is one word: `17-0042`."""
    fused = []
    for measured in shapes:
        shape = list(measured.shape)
        for number in range(len(shape) - 1):
            here = [s for s in measured.slots if s.component == number]
            many = [s for s in here if len(s.words) > FEW_WORDS]
            if len(many) > 1 and not any(meaning(s) for s in here):
                shape[number] = (TEXT,)
        shape[-1] = _fused_name(measured, shape[-1])
        fused.append(tuple(shape))
    return list(dict.fromkeys(fused))


def _fused_name(measured: Measured, name: Component) -> Component:
    """`Anna_Lee_0001`: of several words that vary before a number, none is somebody by itself."""
    end = next((i for i, p in enumerate(name) if p.kind not in ("letters", None)), len(name))
    words = [s for s in measured.slots if s.in_name and s.place < end and len(s.words) > FEW_WORDS]
    return (TEXT, *name[end - 1 :]) if len(words) > 1 and end < len(name) and name[end - 1].kind is None else name


# ---------------------------------------------------------------------------------------------------- other fields


def _add_repeats(shape: Measured, guesses: Guesses) -> None:
    """What says again what a named slot says is a check: the folder's identity in the file's name."""
    named = {g.group for g in guesses.values()}
    for i, guess in sorted(guesses.items()):
        again = f"{guess.group}_again"
        if guess.group.endswith("_again") or again in named:
            continue
        number = first_slot(shape, guesses, partial(_says_the_same, shape.slots[i]))
        if number is not None:
            guesses[number] = Guess(again, f"the same as {guess.group} in every path")
            named.add(again)


def _says_the_same(first: Slot, later: Slot) -> bool:
    return later.varies and first.words == later.words and bool((first.codes == later.codes).all())


def _add_camera(shape: Measured, guesses: Guesses, cameras: set[str]) -> None:
    """The number after a `c`, as other shapes write it where there are two; else a few values that recur."""
    identity = _identity(shape, guesses)
    free = [i for i in range(len(shape.slots)) if i not in guesses]
    seen = [i for i in free if meaning(shape.slots[i]) == "camera" and shape.slots[i].kind != "text"]
    if not seen and identity is not None:
        last = name_numbers(shape)[-1:]  # that counts images
        seen = [
            i for i in free
            if i not in last and _may_be_camera(shape.slots[i])
            and pairs(identity.codes, shape.slots[i].codes) >= 1.3 * len(identity.words)
        ]  # fmt: skip
        # what differs from image to image of an identity is a counter, and before the identity stand larger things
        seen = [i for i in seen if pairs(identity.codes, shape.slots[i].codes) <= 0.8 * shape.size] or seen
        seen = [i for i in seen if _position(shape.slots[i]) > _position(identity)] or seen
    if seen:
        number = max(seen, key=lambda i: (known_share(shape.slots[i], cameras), -i))
        slot = shape.slots[number]
        told = f' after "{slot.prefix}"' if meaning(slot) else ""
        guess = "" if meaning(slot) else ": few that recur, perhaps the camera"
        guesses[number] = Guess("camera", f"{values_of(slot)}{told}{_spread(slot, identity)}{guess}")
        cameras |= set(slot.words)


def _position(slot: Slot) -> tuple[int, int]:
    return slot.component, slot.place


def _may_be_camera(slot: Slot) -> bool:
    if not 2 <= len(slot.words) <= 32 or meaning(slot):
        return False
    if slot.prefix and not (len(slot.prefix) == 1 and not slot.in_name):
        return False
    if slot.kind == "digits":
        return True
    return all(len(word) == 1 or re.search(r"\d|^cam", word, re.IGNORECASE) for word in slot.words)


def _add_tracklet(shape: Measured, guesses: Guesses) -> None:
    number = first_slot(shape, guesses, lambda slot: meaning(slot) == "tracklet" and slot.varies and _is_number(slot))
    if number is not None:
        slot = shape.slots[number]
        guesses[number] = Guess("tracklet", f'{values_of(slot)} after "{slot.prefix}"')


def _add_view(shape: Measured, guesses: Guesses) -> None:
    if any(g.group == "view" for g in guesses.values()):
        return
    number = first_slot(
        shape, guesses, lambda s: meaning(s) == "view" and s.kind == "digits" and 1 < len(s.words) <= 64
    )
    if number is not None:
        slot = shape.slots[number]
        guesses[number] = Guess("view", f'{values_of(slot)} after "{slot.prefix}"')


def _add_frame(shape: Measured, guesses: Guesses) -> None:
    numbers = [
        i for i, s in enumerate(shape.slots)
        if i not in guesses and _is_number(s) and s.in_name and s.varies and not s.piece.also and not s.words[0].startswith("-")
    ]  # fmt: skip
    told = [i for i in numbers if meaning(shape.slots[i]) == "frame"]
    plain = [i for i in numbers if len(shape.slots[i].prefix) != 1]
    if not (told or plain):
        return
    best = told[0] if told else max(plain, key=lambda i: (len(shape.slots[i].words), i))
    slot = shape.slots[best]
    codes = slot.codes
    for other in shape.slots[:best]:  # a number that begins anew after whatever stands before is a frame's, too
        codes = np.unique(codes * len(other.words) + other.codes, return_inverse=True)[1].astype(np.int64)
    share = (int(codes.max(initial=0)) + 1) / shape.size
    if told or share >= 0.5:
        within = "" if len(slot.words) >= 0.5 * shape.size else " within what stands before"
        guesses[best] = Guess("frame", f"{values_of(slot)}, nearly unique{within}")


# -------------------------------------------------------------------------------------------------------- phrases


def _is_number(slot: Slot) -> bool:
    """Whether the index can hold it as a number."""
    return slot.kind == "digits" and max(lengths(slot), default=0) <= _LONGEST_NUMBER


def _identity(shape: Measured, guesses: Guesses) -> Slot | None:
    return next((shape.slots[i] for i, g in guesses.items() if g.group == "identity"), None)


def _spread(slot: Slot, identity: Slot | None) -> str:
    if identity is None:
        return ""
    return f", {pairs(identity.codes, slot.codes) / len(identity.words):.1f} of them an identity"
