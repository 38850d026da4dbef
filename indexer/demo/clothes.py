"""From a skeleton to legs, garments and arms.

Its own file because dressing is the largest part of a figure; heads and bags have their own. Every function returns
shapes in painting order, the farthest first.
"""

from __future__ import annotations

import numpy as np

from indexer.demo.geometry import Pair, Shape, Silhouette, Tube, blob, ellipse, turned
from indexer.demo.population import Person
from indexer.demo.skeleton import Leg, Row, Skeleton

HEMS = {"T-shirt": 51.0, "sweater": 51.5, "hoodie": 53.0, "shirt": 52.5, "jacket": 52.0, "coat": 71.0, "dress": 69.0}
EASE = {"T-shirt": 0.3, "sweater": 0.8, "hoodie": 1.1, "shirt": 0.5, "jacket": 0.9, "coat": 1.0, "dress": 0.0}


def legs(person: Person, body: Skeleton) -> list[Shape]:
    """Return both legs with shoes, and trousers, shorts or a skirt."""
    bare = person.top == "dress" or person.bottom in ("skirt", "shorts")
    shapes: list[Shape] = []
    for leg, tone in zip(body.legs, (0.84, 1.0), strict=True):
        skin = Tube(leg.joints, (3.3, 2.2, 1.45)) if leg.side else Tube(leg.joints, (3.7, 2.35, 1.45))
        shapes.append(Shape(skin.slice(cap=0.4), "skin", tone))
        shapes += _shoe(person, leg, tone)
        if person.top == "dress" or person.bottom == "skirt":
            continue
        hip = 4.0 * person.girth if leg.side else 5.2 * person.girth
        knee, hem = (4.3, 4.6) if person.bottom == "wide trousers" else (3.0, 2.1)
        cloth = Tube(leg.joints, (hip, 3.6 if bare else knee, hem))
        end = 0.47 if bare else 0.985
        shapes.append(Shape(cloth.slice(end=end, cap=0.12), "bottom", tone))
        shapes.append(Shape(cloth.slice(0.1, end, left=-1.0, right=-0.45), "bottom", tone * 0.9, outline=False))
        if person.bottom == "trousers" and person.bottom_colour.endswith("denim"):
            shapes.append(Shape(cloth.slice(0.94, end), "bottom", tone * 1.2))
    if person.top == "dress":
        return shapes
    if person.bottom == "skirt":
        return shapes + _skirt(person, body)
    pelvis = Silhouette([*(row for row in body.trunk if row[0] > 44), _widened(body.trunk[-1], 53.5, -0.4)])
    return [*shapes, Shape(pelvis.slice(), "bottom", outline=False)]


def _skirt(person: Person, body: Skeleton) -> list[Shape]:
    low = body.trunk[-1]
    reach = max(2.6, *(abs(leg.joints[1][0]) - low[2] + 3.4 for leg in body.legs))
    cloth = Silhouette([*(row for row in body.trunk if row[0] > 44), *_flared(low, 72.0, reach)])
    folds = [
        Shape(np.array([cloth.at(54, at), cloth.at(72, at)]), "bottom", 0.8, width=0.35) for at in (0.25, 0.45, 0.62)
    ]
    return [
        Shape(cloth.slice(), "bottom"),
        Shape(cloth.slice(left=0.72), "bottom", 0.9, outline=False),
        *folds,
    ]


def _shoe(person: Person, leg: Leg, tone: float) -> list[Shape]:
    if leg.side:
        front = [(-1.7, -1.6), (1.7, -1.6), (2.3, 1.6), (2.5, 3.8), (0, 4.5), (-2.5, 3.8), (-2.3, 1.6)]
        shoe = blob(*front)
        sole = blob((-2.5, 3.3), (2.5, 3.3), (2.5, 4.5), (-2.5, 4.5))
        shaft = [(-1.9, -7.5), (1.9, -7.5), (2.0, 0.5), (-2.0, 0.5)]
    else:
        shoe = blob((-2.3, -1.6), (1.6, -1.6), (3.0, 0.9), (6.0, 2.0), (6.9, 3.6), (4, 4.5), (-2.4, 4.4), (-2.6, 1.5))
        sole = blob((-2.6, 3.3), (2.0, 3.5), (6.8, 3.3), (6.6, 4.5), (-2.3, 4.5))
        shaft = [(-2.0, -7.5), (1.9, -7.5), (2.0, 0.5), (-2.3, 0.5)]
    parts = [Shape(shoe, "shoe", tone)]
    if person.shoes == "boots":
        parts.append(Shape(np.array(shaft), "shoe", tone))
        parts.append(Shape(np.array([shaft[3], shaft[0], shaft[1], shaft[2]]), "shoe", tone, outline=False))
    if person.shoes == "sneakers":
        parts.append(Shape(sole, "sole", tone))
    ankle = np.array(leg.joints[2])
    # A lifted foot seen from the front is foreshortened; from the side it is turned.
    squeeze = np.array([1.0, 1.0 - 0.08 * leg.foot]) if leg.side else np.ones(2)
    outward = 7.0 * -leg.side
    angle = outward if leg.side else leg.foot
    return [Shape(turned(part.points * squeeze, angle) + ankle, part.ink, part.tone, part.outline) for part in parts]


def top(person: Person, body: Skeleton, view: str) -> list[Shape]:
    """Return neck and upper garment, without its sleeves."""
    trunk = _garment(person, body)
    neck = Tube([(body.head[0] * 0.8, 11.0), (body.trunk[0][1] * 0.2 + body.trunk[0][2] * 0.2, 18.5)], (2.3, 2.7))
    shapes = [Shape(neck.slice(), "skin", 0.88), Shape(trunk.slice(), "top")]
    shapes += _pattern(person, trunk, view)
    shapes.append(Shape(trunk.slice(19, left=0.74), "shade", outline=False))
    if view == "front":
        shapes += _front(person, trunk)
    elif view == "side":
        shapes += _collar_from_side(person)
    elif person.top == "hoodie":
        shapes.append(Shape(blob((-4.6, 15.8), (4.6, 15.8), (5.0, 20), (0, 24.5), (-5.0, 20)), "top", 0.86))
    elif person.top in ("shirt", "coat", "jacket"):
        shapes.append(Shape(blob((-3.2, 14.6), (3.2, 14.6), (3.6, 17.4), (-3.6, 17.4)), "top", 0.88))
    if person.top == "dress":
        shapes.append(Shape(trunk.slice(37.5, 40), "accent"))
    elif person.top in ("sweater", "hoodie"):
        hem = HEMS[person.top]
        shapes.append(Shape(trunk.slice(hem - 2.2, hem), "top", 0.86))
    return shapes


def _garment(person: Person, body: Skeleton) -> Silhouette:
    ease, hem = EASE[person.top], HEMS[person.top]
    rows = [_widened(row, row[0], ease * min(1.0, max(0.0, (row[0] - 20) / 12))) for row in body.trunk]
    if person.top == "coat":
        rows += _flared(rows[-1], hem, 2.2)
    elif person.top == "dress":
        reach = max(3.6, *(abs(leg.joints[1][0]) - rows[-1][2] + 3.4 for leg in body.legs))
        rows += _flared(rows[-1], hem, reach)
    else:
        rows.append(_widened(rows[-1], hem, 0.1 if person.top != "hoodie" else -0.5))
    return Silhouette(rows)


def _pattern(person: Person, trunk: Silhouette, view: str) -> list[Shape]:
    hem = HEMS[person.top]
    shapes: list[Shape] = []
    if person.pattern == "striped":
        shapes += [Shape(trunk.slice(y, y + 2.1), "accent") for y in np.arange(23.0, hem - 2.5, 4.6)]
    elif person.pattern == "blocked":
        shapes.append(Shape(trunk.slice(24.5, 32.5), "accent"))
    elif person.pattern == "checked":
        shapes += [Shape(trunk.slice(y, y + 1.5), "top", 0.74, outline=False) for y in np.arange(21.0, hem - 1, 5.2)]
        for at in (0.12, 0.36, 0.6, 0.84):
            shapes.append(Shape(trunk.slice(19, left=at, right=at + 0.075), "top", 0.74, outline=False))
            line = np.array([trunk.at(y, at + 0.155) for y in (20.5, 35.0, hem)])
            shapes.append(Shape(line, "accent", width=0.4))
    elif person.pattern == "dotted":
        for row, y in enumerate(np.arange(23.0, hem - 1.5, 4.4)):
            if not 35.5 < y < 42:
                places = (0.2, 0.5, 0.8) if row % 2 else (0.08, 0.36, 0.64, 0.92)
                shapes += [Shape(ellipse(*trunk.at(float(y), at), 0.8, 0.8), "accent") for at in places]
    elif person.pattern == "logo" and view == "front":
        shapes.append(_logo(person, *trunk.at(29.0, 0.5)))
    return shapes


def _logo(person: Person, x: float, y: float) -> Shape:
    kind = person.number % 4
    if kind == 0:
        return Shape(ellipse(x, y, 3.0, 3.0), "accent")
    if kind == 1:
        star = [(3.6 if k % 2 == 0 else 1.6, np.deg2rad(36 * k - 90)) for k in range(10)]
        return Shape(np.array([(x + r * np.cos(a), y + r * np.sin(a)) for r, a in star]), "accent")
    if kind == 2:
        return Shape(np.array([(x - 3.6, y + 2.6), (x, y - 3.4), (x + 3.6, y + 2.6)]), "accent")
    heart = [(0, -1.2), (1.6, -2.8), (3.4, -1.4), (2.6, 0.8), (0, 3.4), (-2.6, 0.8), (-3.4, -1.4), (-1.6, -2.8)]
    return Shape(blob(*((x + dx, y + dy) for dx, dy in heart)), "accent")


def _front(person: Person, trunk: Silhouette) -> list[Shape]:
    """Return neckline, collar, buttons and openings as seen from the front."""
    if person.top in ("T-shirt", "dress"):
        return [Shape(blob((-2.9, 14.6), (2.9, 14.6), (2.4, 17.6), (0, 19.4), (-2.4, 17.6)), "skin", 0.94)]
    if person.top == "sweater":
        return [Shape(blob((-3.2, 14.4), (3.2, 14.4), (3.3, 16.8), (0, 18.0), (-3.3, 16.8)), "top", 0.86)]
    if person.top == "hoodie":
        hood = blob((-4.8, 15), (-2.4, 14.2), (0, 17), (2.4, 14.2), (4.8, 15), (4.2, 19.2), (0, 21.6), (-4.2, 19.2))
        pocket = blob((-3.6, 41), (3.6, 41), (5.4, 47.5), (-5.4, 47.5))
        cords = [Shape(np.array([(x, 19.6), (x * 1.1, 25.5)]), "sole", width=0.5) for x in (-1.5, 1.5)]
        return [Shape(hood, "top", 0.86), *cords, Shape(pocket, "top", 0.88)]
    collar = [
        Shape(np.array([(0.0, 19.6), (side * 3.3, 14.6), (side * 4.3, 17.2), (side * 2.4, 21.0)]), "top", 0.87)
        for side in (-1, 1)
    ]
    hem = HEMS[person.top]
    if person.top == "shirt":
        throat = Shape(np.array([(-2.6, 14.6), (2.6, 14.6), (0.0, 19.6)]), "skin", 0.94)
        buttons = [Shape(ellipse(0.5, y, 0.38, 0.38), "sole", outline=False) for y in range(23, 50, 5)]
        return [throat, *collar, Shape(np.array([(0.0, 19.6), (0.0, hem)]), "top", 0.7, width=0.35), *buttons]
    if person.number % 2 or person.pattern == "checked":
        closing = np.array([(0.0, 21.0), (0.0, hem)])
        buttons = [Shape(ellipse(1.1, y, 0.55, 0.55), "metal") for y in range(25, int(hem) - 8, 7)]
        throat = Shape(np.array([(-2.6, 14.6), (2.6, 14.6), (0.0, 20.0)]), "accent")
        return [throat, *_lapels(), Shape(closing, "top", 0.7, width=0.4), *buttons]
    inner = [Shape(trunk.slice(16.5, min(hem, 53.0), 0.36, 0.64), "accent")]
    if hem > 53:
        inner.append(Shape(trunk.slice(53, hem, 0.38, 0.62), "bottom", 0.92))
    throat = Shape(blob((-2.6, 14.6), (2.6, 14.6), (2.1, 17.4), (0, 18.6), (-2.1, 17.4)), "skin", 0.94)
    return [*inner, throat, *_lapels()]


def _lapels() -> list[Shape]:
    right = np.array([(2.3, 14.4), (4.6, 17.0), (5.0, 23.0), (1.6, 28.0), (1.4, 21.0)])
    return [Shape(right * (side, 1), "top", 0.86) for side in (-1, 1)]


def _collar_from_side(person: Person) -> list[Shape]:
    if person.top == "hoodie":
        hood = blob((-5.6, 15.6), (-2.6, 14.2), (2.4, 16.6), (2.6, 19.4), (-2.0, 20.6), (-6.0, 20.4))
        return [Shape(hood, "top", 0.86)]
    if person.top in ("shirt", "coat", "jacket", "sweater"):
        return [Shape(blob((-2.8, 14.4), (2.4, 15.4), (3.0, 18.0), (-3.2, 17.6)), "top", 0.87)]
    return []


def arm(person: Person, joints: tuple[Pair, Pair, Pair], tone: float) -> list[Shape]:
    """Return one arm with its sleeve and hand."""
    wide = 0.3 + EASE[person.top] * 0.5
    skin = Tube(joints, (1.9, 1.55, 1.15))
    (ex, ey), (wx, wy) = joints[1], joints[2]
    dx, dy = (wx - ex) / np.hypot(wx - ex, wy - ey), (wy - ey) / np.hypot(wx - ex, wy - ey)
    turn = np.array([[dy, -dx], [dx, dy]])
    hand = blob((-1.2, -0.6), (1.2, -0.6), (1.5, 1.6), (0.8, 3.6), (-0.5, 3.8), (-1.3, 1.8)) @ turn + (wx, wy)
    shapes = [Shape(hand, "skin", tone), Shape(skin.slice(cap=0.6), "skin", tone)]
    short = person.top == "T-shirt" or (person.top == "dress" and person.number % 3 > 0)
    sleeve = Tube(joints, (2.35 + wide, (2.2 if short else 1.9) + wide, 1.45 + wide))
    end = 0.36 if short else 0.96
    shapes.append(Shape(sleeve.slice(end=end, cap=0.7 if not short else 0.3), "top", tone * 0.95))
    if person.pattern == "striped":
        shapes += [Shape(sleeve.slice(t, t + 0.07), "accent", tone * 0.95) for t in np.arange(0.1, end - 0.05, 0.16)]
    elif person.pattern == "blocked" and not short:
        shapes.append(Shape(sleeve.slice(0.16, 0.44), "accent", tone * 0.95))
    elif person.pattern == "checked":
        shapes += [
            Shape(sleeve.slice(t, t + 0.06), "top", tone * 0.74, outline=False) for t in np.arange(0.1, 0.9, 0.18)
        ]
    if not short:
        shapes.append(Shape(sleeve.slice(end - 0.06, end), "top", tone * 0.82))
    return shapes


def _widened(row: Row, y: float, by: float) -> Row:
    return y, row[1] - by, row[2] + by


def _flared(row: Row, hem: float, by: float) -> list[Row]:
    return [_widened(row, (row[0] + hem) / 2, by * 0.5), _widened(row, hem, by)]
