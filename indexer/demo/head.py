"""From a person and a view to a head: face, hair and headwear.

Its own file because faces and hair tell people apart and differ most between views. The head's middle is (0, 0)
here: chin at 6.6, crown at -6.6.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from indexer.demo.geometry import Points, Shape, blob, curve, ellipse, symmetric
from indexer.demo.population import Person

SIZE = 1.12
"""Heads are a little larger than in life, as illustrators draw them."""


@lru_cache(maxsize=8)
def behind(person: Person, view: str) -> tuple[Shape, ...]:
    """Return what hangs behind the body or head: long hair, a ponytail, a scarf's end."""
    if person.hat == "hijab" or person.hair not in ("long", "bob", "ponytail", "curly"):
        return ()
    if view == "back":
        return ()
    if view == "side":
        outlines = {
            "long": blob((-1, -6.5), (2.2, -4), (1.5, 4), (-1.2, 9), (-2.6, 17), (-6.6, 17.6), (-7.0, 8), (-5.8, -3)),
            "bob": blob((0, -6.4), (2.4, -3), (1.8, 5.2), (-1, 8.4), (-5.8, 8.2), (-6.4, 1), (-4.6, -5)),
            "ponytail": blob((-4, -4.6), (-7.6, -3.4), (-9.4, 3), (-8.6, 11), (-7.4, 11), (-6.4, 4), (-4.6, 0)),
            "curly": blob((0, -8), (-4.6, -8), (-8, -4), (-8.2, 1), (-6.6, 5), (-2, 5.4), (1, 0)),
        }
        return _placed([Shape(outlines[person.hair], "hair", 0.9)])
    outlines = {
        "long": symmetric((0, -7), (5.0, -4.6), (6.0, 2), (6.3, 10), (6.6, 15.5), (4.0, 17.6), (0, 15)),
        "bob": symmetric((0, -7), (5.2, -4), (6.1, 2), (6.0, 7.4), (3.2, 8.4), (0, 7)),
        "ponytail": blob((3, -4), (6.4, -3.4), (7.6, 3), (6.6, 10.5), (5.4, 10.0), (5.0, 3), (3, 0)),
        "curly": symmetric((0, -9.2), (4.4, -8.6), (7.6, -5), (8.0, 0), (6.4, 4.2), (3, 5), (0, 4)),
    }
    return _placed([Shape(outlines[person.hair], "hair", 0.84)])


@lru_cache(maxsize=8)
def head(person: Person, view: str) -> tuple[Shape, ...]:
    """Return the head itself, everything that is in front of the body."""
    if view == "back":
        return _placed(_back(person))
    return _placed(_profile(person) if view == "side" else _face(person))


def _placed(shapes: list[Shape]) -> tuple[Shape, ...]:
    return tuple(Shape(s.points * SIZE, s.ink, s.tone, s.outline, s.width * SIZE) for s in shapes)


def _stroke(ink: str, width: float, *points: tuple[float, float], tone: float = 1.0) -> Shape:
    return Shape(curve(points), ink, tone, width=width)


def _face(person: Person) -> list[Shape]:
    jaw = 3.3 if person.woman else 3.8
    outline = symmetric((0, -6.4), (3.3, -5.4), (4.5, -2), (4.5, 1.2), (jaw, 4.6), (1.7, 6.4), (0, 6.7))
    shapes = [Shape(ellipse(side * 4.5, 0.8, 0.95, 1.5), "skin", 0.9) for side in (-1, 1)]
    shapes.append(Shape(outline, "skin"))
    if person.beard:
        beard = symmetric((0, 3.0), (2.2, 2.7), (3.9, 1.2), (4.6, 0.6), (4.0, 4.8), (1.9, 7.0), (0, 7.3))
        shapes.append(Shape(beard, "hair", 1.1))
    shapes += [Shape(ellipse(side * 2.7, 2.6, 1.05, 0.75), "blush", outline=False) for side in (-1, 1)]
    for side in (-1, 1):
        shapes.append(Shape(ellipse(side * 1.85, 0.35, 0.58, 0.78), "eye"))
        shapes.append(Shape(ellipse(side * 1.85 + 0.15, 0.1, 0.22, 0.25), "glint", outline=False))
        shapes.append(_stroke("brow", 0.42, (side * 2.8, -1.2), (side * 1.9, -1.65), (side * 1.0, -1.35)))
    shapes.append(_stroke("skin", 0.45, (0.1, 0.6), (0.45, 2.2), (-0.3, 2.4), tone=0.78))
    shapes.append(_stroke("lip", 0.62 if person.woman else 0.5, (-1.35, 4.05), (0, 4.6), (1.35, 4.05)))
    if person.glasses:
        shapes += [Shape(curve(ellipse(s * 1.95, 0.4, 1.5, 1.35), True, 2), "eye", width=0.36) for s in (-1, 1)]
        shapes.append(_stroke("eye", 0.36, (-0.5, 0.2), (0.5, 0.2)))
    return shapes + _hair_over_face(person) + _hat(person, "front")


def _hair_over_face(person: Person) -> list[Shape]:
    style = person.hair
    if person.hat == "hijab" or style == "bald":
        return []
    parted = blob((0.8, -7.3), (4.2, -6.2), (5.3, -2.4), (4.9, 0.8), (4.1, -1.6), (2.2, -4.0), (-1.0, -3.7),
                  (-3.8, -2.2), (-4.8, 0.8), (-5.3, -2.4), (-4.0, -6.2))  # fmt: skip
    cropped = blob((0, -7.2), (3.6, -6.4), (5.0, -3.2), (4.6, -0.2), (4.0, -2.4), (3.2, -4.0), (0.6, -3.6),
                   (-2.6, -4.3), (-4.0, -2.4), (-4.6, -0.2), (-5.0, -3.2), (-3.6, -6.4))  # fmt: skip
    fringe = blob((0, -7.4), (4.2, -6.2), (5.4, -2), (5.3, 3.6), (4.4, 3.2), (4.0, -1.0), (2.6, -2.0), (0, -1.9),
                  (-2.6, -2.0), (-4.0, -1.0), (-4.4, 3.2), (-5.3, 3.6), (-5.4, -2), (-4.2, -6.2))  # fmt: skip
    quiff = blob((-4.7, -0.6), (-4.9, -4.2), (-3.2, -7.0), (0.5, -8.8), (4.4, -8.4), (5.2, -5), (4.7, -0.6),
                 (4.1, -3.2), (1.8, -4.6), (-2.0, -4.0), (-4.0, -2.6))  # fmt: skip
    outlines = {"short": cropped, "quiff": quiff, "bob": fringe, "long": parted, "bun": parted, "ponytail": parted}
    if style == "curly":
        curls = [(-4.4, -3.0, 1.9), (4.4, -3.0, 1.9), (-2.8, -5.2, 2.3), (2.8, -5.2, 2.3), (0, -6.0, 2.5)]
        return [Shape(ellipse(x, y, r, r), "hair") for x, y, r in curls]
    shapes = [Shape(outlines[style], "hair")]
    if style == "bun":
        shapes.insert(0, Shape(ellipse(0, -8.6, 2.7, 2.5), "hair", 0.9))
    if style == "long":
        shapes += [
            Shape(blob((s * 4.3, -2), (s * 5.5, 1), (s * 6.1, 9), (s * 5.9, 15), (s * 4.2, 15.6), (s * 4.5, 6)), "hair")
            for s in (-1, 1)
        ]
    return shapes


def _profile(person: Person) -> list[Shape]:
    outline = blob((-0.5, -6.5), (2.6, -5.6), (4.1, -2.6), (4.1, -0.4), (5.5, 2.0), (4.4, 2.7), (4.5, 4.2), (4.0, 5.8),
                   (2.4, 6.7), (-0.2, 5.4), (-3.2, 5.2), (-4.6, 0.5), (-3.8, -4.4))  # fmt: skip
    shapes = [Shape(outline, "skin")]
    if person.beard:
        beard = blob((-0.6, 0.8), (0.8, 2.8), (2.6, 3.2), (4.2, 4.0), (4.4, 6.4), (2.4, 7.4), (-0.2, 5.6))
        shapes.append(Shape(beard, "hair", 1.1))
    shapes.append(Shape(ellipse(1.6, 2.7, 1.1, 0.75), "blush", outline=False))
    shapes.append(Shape(ellipse(2.75, 0.1, 0.46, 0.78), "eye"))
    shapes.append(Shape(ellipse(2.9, -0.1, 0.18, 0.22), "glint", outline=False))
    shapes.append(_stroke("brow", 0.42, (1.7, -1.5), (2.7, -1.85), (3.6, -1.5)))
    shapes.append(_stroke("lip", 0.55, (2.9, 4.3), (4.1, 3.95)))
    if person.glasses:
        shapes.append(Shape(curve(ellipse(2.7, 0.2, 1.3, 1.3), True, 2), "eye", width=0.36))
        shapes.append(_stroke("eye", 0.36, (1.4, 0), (-1.2, -0.2)))
    shapes += _hair_in_profile(person)
    if person.hat != "hijab" and person.hair in ("short", "quiff", "bald", "bun", "ponytail"):
        shapes.append(Shape(ellipse(-0.7, 0.8, 0.95, 1.4), "skin", 0.88))
    return shapes + _hat(person, "side")


def _hair_in_profile(person: Person) -> list[Shape]:
    style = person.hair
    if person.hat == "hijab" or style == "bald":
        return []
    cap = blob((3.9, -3.2), (2.6, -6.4), (-0.8, -7.4), (-4.2, -5.8), (-5.4, -1.6), (-4.9, 2.8), (-3.4, 4.4),
               (-2.4, 2.6), (-1.8, 0.2), (0.4, -0.2), (0.9, -2.6))  # fmt: skip
    cover = blob((4.0, -3.0), (2.6, -6.5), (-0.8, -7.5), (-4.4, -5.8), (-5.7, -1), (-5.6, 5), (-3.6, 8.4), (-0.6, 7.2),
                 (0.6, 2.6), (1.0, -1.6), (2.4, -3.4))  # fmt: skip
    long = blob((4.0, -3.0), (2.6, -6.5), (-0.8, -7.5), (-4.4, -5.8), (-5.9, 0), (-6.8, 9), (-6.4, 17), (-3.2, 16.6),
                (-2.0, 10), (-0.2, 5), (0.8, -1.6), (2.4, -3.6))  # fmt: skip
    quiff = blob((4.6, -3.6), (4.9, -7.0), (1.6, -8.6), (-3.6, -6.6), (-5.2, -1.6), (-4.6, 2.6), (-3.2, 3.6),
                 (-2.0, 0.2), (0.2, -0.6), (0.8, -3.2))  # fmt: skip
    if style == "curly":
        curls = [(2.6, -4.6, 2.0), (0.2, -6.2, 2.6), (-3.4, -5.4, 2.7), (-5.2, -1.8, 2.7), (-4.6, 2.2, 2.5),
                 (-2.2, -1.6, 3.0)]  # fmt: skip
        return [Shape(ellipse(x, y, r, r), "hair", outline=index < 5) for index, (x, y, r) in enumerate(curls)]
    shapes = [Shape({"bob": cover, "long": long, "quiff": quiff}.get(style, cap), "hair")]
    if style == "bun":
        shapes.append(Shape(ellipse(-4.2, -6.4, 2.6, 2.5), "hair", 0.9))
    return shapes


def _back(person: Person) -> list[Shape]:
    skull = symmetric((0, -6.4), (3.3, -5.4), (4.6, -2), (4.4, 2), (3.0, 5.4), (0, 6.2))
    shapes = [Shape(ellipse(side * 4.6, 0.8, 0.95, 1.5), "skin", 0.9) for side in (-1, 1)]
    shapes.append(Shape(skull, "skin", 0.95))
    if person.hat == "hijab":
        return shapes + _hat(person, "back")
    nape = symmetric((0, -7.3), (3.7, -6.3), (5.1, -2.4), (4.7, 2.0), (2.9, 5.0), (0, 5.6))
    outlines = {
        "short": nape, "quiff": nape, "bun": nape, "ponytail": nape,
        "bob": symmetric((0, -7.4), (4.2, -6.2), (5.7, -1.6), (6.2, 4), (5.6, 8.4), (0, 8.8)),
        "long": symmetric((0, -7.4), (4.2, -6.2), (5.6, -1.6), (6.2, 6), (6.6, 15), (3.4, 18.4), (0, 18.8)),
        "curly": symmetric((0, -9.2), (4.4, -8.6), (7.6, -5), (8.0, 0), (6.6, 4.6), (3.4, 6), (0, 6.2)),
    }  # fmt: skip
    if person.hair in outlines:
        shapes.append(Shape(outlines[person.hair], "hair"))
    if person.hair in ("long", "bob"):
        low = 16.5 if person.hair == "long" else 7.0
        shapes += [_stroke("hair", 0.3, (x * 0.5, -5), (x, 0), (x * 1.3, low), tone=0.8) for x in (-2.4, 0.2, 2.6)]
    if person.hair == "bun":
        shapes.append(Shape(ellipse(0, -6.6, 2.9, 2.7), "hair", 0.86))
    if person.hair == "ponytail":
        tail = blob((-1.2, -4.4), (1.2, -4.4), (2.5, 3), (1.6, 12.5), (0, 14), (-1.6, 12.5), (-2.5, 3))
        shapes.append(Shape(tail, "hair", 0.86))
        shapes.append(Shape(ellipse(0, -4.0, 1.5, 0.8), "accent"))
    return shapes + _hat(person, "back")


def _hat(person: Person, view: str) -> list[Shape]:
    dome = symmetric((0, -8.0), (3.6, -7.2), (5.3, -4.0), (5.3, -2.4), (0, -1.9))
    if person.hat == "cap":
        brims: dict[str, Points] = {
            "front": symmetric((0, -3.9), (4.2, -3.4), (5.6, -1.9), (3, -1.7), (0, -1.9)),
            "side": blob((2, -3.6), (6.5, -3.2), (9.0, -1.9), (5.5, -1.8), (2, -2.2)),
            "back": symmetric((0, -2.6), (4.8, -2.9), (5.1, -1.6), (0, -1.2)),
        }
        badge = [Shape(ellipse(0, -5.2, 1.1, 1.1), "sole")] if view == "front" else []
        return [Shape(dome, "hat"), *badge, Shape(brims[view], "hat", 0.8)]
    if person.hat == "beanie":
        knit = symmetric((0, -9.2), (3.6, -8.0), (5.5, -4.4), (5.5, -2.4), (0, -2.0))
        band = symmetric((0, -4.5), (5.3, -4.3), (5.8, -2.9), (5.2, -1.6), (0, -1.5))
        return [Shape(ellipse(0, -9.6, 1.7, 1.6), "hat", 0.82), Shape(knit, "hat"), Shape(band, "hat", 0.84)]
    if person.hat == "sun hat":
        crown = symmetric((0, -8.8), (3.8, -8.2), (5.0, -4.0), (0, -3.4))
        ribbon = symmetric((0, -5.2), (4.8, -5.0), (5.1, -3.6), (0, -3.4))
        brim = ellipse(0, -2.9, 10.0, 1.7)
        return [Shape(brim, "hat", 0.9), Shape(crown, "hat"), Shape(ribbon, "bag")]
    if person.hat == "hijab":
        return _hijab(view)
    return []


def _hijab(view: str) -> list[Shape]:
    if view == "back":
        cloth = symmetric((0, -7.6), (4.4, -6.2), (6.0, -1), (5.8, 5), (7.2, 10), (5.2, 14.4), (0, 16.5))
        return [Shape(cloth, "hat"), _stroke("hat", 0.35, (-2, 4), (0, 8), (1, 15), tone=0.8)]
    if view == "side":
        side = [(3.9, -4.2), (2.4, -7.0), (-1.4, -7.8), (-5.2, -5.4), (-6.2, 0), (-6.0, 6), (-7.4, 12), (-2, 13.6),
                (4.6, 12), (5.2, 8.6), (3.2, 6.4), (1.4, 4.6), (0.7, 0.4), (1.6, -3.0)]  # fmt: skip
        return [Shape(blob(*side), "hat"), _stroke("hat", 0.4, (1.2, 6), (-1.6, 9), (-5, 10.5), tone=0.8)]
    # The opening is left out by running the outline around it once and back along a seam at the chin.
    outer = symmetric((0, -7.8), (4.4, -6.6), (6.0, -1.6), (5.9, 3.6), (6.6, 8.6), (5.4, 12.8), (0, 14.6))
    inner = ellipse(0, 0.9, 4.0, 5.5)[::-1]
    seam = np.concatenate([np.roll(outer, -int(np.argmax(outer[:, 1])), axis=0), outer[[int(np.argmax(outer[:, 1]))]]])
    start = int(np.argmax(inner[:, 1]))
    hole = np.concatenate([np.roll(inner, -start, axis=0), inner[[start]]])
    return [
        Shape(np.concatenate([seam, hole]), "hat"),
        _stroke("hat", 0.4, (-4.4, 5), (-1, 8.4), (4.6, 9.8), tone=0.8),
        _stroke("hat", 0.4, (-3.4, 8), (0, 11), (3.6, 12), tone=0.8),
    ]
